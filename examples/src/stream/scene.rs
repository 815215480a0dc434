//! The circumstances of an event, and the fields that follow from them.

use super::device::Device;
use super::dice::Dice;
use super::event::{Draft, Text};
use super::numbers;
use super::place::Place;

/// The unchanging and the recently changed data of an account.
#[derive(Clone, Default)]
pub(super) struct Identity {
    pub(super) account: Text,
    pub(super) created_at: i64,
    pub(super) email_changed_at: Option<i64>,
    pub(super) phone_changed_at: Option<i64>,
    pub(super) password_changed_at: Option<i64>,
    pub(super) address_changed_at: Option<i64>,
}

impl Identity {
    /// An account without a past.
    pub(super) fn new(account: Text, created_at: i64) -> Self {
        Self { account, created_at, ..Self::default() }
    }
}

/// The circumstances of one visit: place, device, session.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) place: Place,
    pub(super) device: Device,
    pub(super) session: Text,
    /// `app` or `web`.
    pub(super) channel: &'static str,
}

impl Scene {
    pub(super) fn app(place: Place, device: Device, dice: &mut Dice) -> Self {
        Self { place, device, session: numbers::session(dice), channel: "app" }
    }

    pub(super) fn web(place: Place, device: Device, dice: &mut Dice) -> Self {
        Self { channel: "web", ..Self::app(place, device, dice) }
    }

    /// Begins an event of an account at this scene.
    pub(super) fn draft(
        &self,
        kind: &'static str,
        outcome: &'static str,
        time: i64,
        who: &Identity,
    ) -> Draft {
        self.set(account_draft(kind, outcome, time, who), time)
    }

    fn set(&self, draft: Draft, time: i64) -> Draft {
        let draft = draft
            .text("channel", self.channel)
            .text("session", &self.session)
            .text("ip", &self.place.ip)
            .text("asn", self.place.asn)
            .text("country", self.place.country)
            .text("device", &self.device.id)
            .text("device.platform", self.device.platform)
            .text("device.os_version", self.device.os_version(time));
        if self.channel == "app" {
            draft.text("device.app_version", self.device.app_version(time))
        } else {
            draft
        }
    }

    /// A login, with what is asked of the device and the place only then.
    pub(super) fn login(
        &self,
        time: i64,
        who: &Identity,
        passed: bool,
        (method, strength): (&'static str, i64),
    ) -> Draft {
        let outcome = if passed { "succeeded" } else { "failed" };
        self.observe(self.draft("login", outcome, time, who).proof(method, passed, strength))
    }

    /// A failed login under a name that may not exist.
    pub(super) fn stranger(&self, time: i64, name: &Text) -> Draft {
        let draft = Draft::new("login", time).text("outcome", "failed").text("account", name);
        self.observe(self.set(draft, time).proof("password", false, 1))
    }

    fn observe(&self, draft: Draft) -> Draft {
        draft
            .text("device.model", self.device.model)
            .flag("device.rooted", self.device.rooted)
            .flag("device.emulator", self.device.emulator)
            .number("latitude", self.place.city.0)
            .number("longitude", self.place.city.1)
            .number("radius_km", self.place.radius_km)
    }

    /// An application for an account.
    pub(super) fn opening(
        &self,
        time: i64,
        who: &Identity,
        evidence: &'static str,
        dice: &mut Dice,
    ) -> Draft {
        self.observe(self.draft("account_open", "succeeded", time, who))
            .text("account.kyc_evidence", evidence)
            .text("email", numbers::email(dice))
            .text("phone", numbers::phone(dice))
    }
}

/// Begins an event that no app saw: a card at a till, cash at a machine.
pub(super) fn account_draft(kind: &'static str, outcome: &'static str, time: i64, who: &Identity) -> Draft {
    Draft::new(kind, time)
        .text("outcome", outcome)
        .text("account", &who.account)
        .integer("account.created_at", who.created_at)
        .perhaps("account.email_changed_at", who.email_changed_at)
        .perhaps("account.phone_changed_at", who.phone_changed_at)
        .perhaps("account.password_changed_at", who.password_changed_at)
        .perhaps("account.address_changed_at", who.address_changed_at)
}
