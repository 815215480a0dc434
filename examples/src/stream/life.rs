//! An honest member's days.

use super::calendar::{MINUTE, SECOND, START, Span, day_of, hour_of, is_weekend, moment};
use super::dice::Dice;
use super::errands;
use super::event::{Draft, StreamEvent, Truth};
use super::market::Merchant;
use super::numbers;
use super::person::{Payee, Person};
use super::scene::{Scene, account_draft};
use super::world::World;

/// What can be charged at a tap, in yen.
const CHARGES: [i64; 8] = [1_000, 2_000, 3_000, 5_000, 5_000, 10_000, 10_000, 20_000];

/// A member living through the stream.
pub(super) struct Life<'a> {
    pub(super) world: &'a World,
    pub(super) person: Person,
    pub(super) dice: Dice,
    pub(super) out: &'a mut Vec<StreamEvent>,
}

/// Tells a member's events, from the opening of the account or the stream to its end or the lock.
pub(super) fn live(world: &World, person: Person, mut dice: Dice, span: Span, out: &mut Vec<StreamEvent>) {
    let mut plans = errands::plan(&person, span, &mut dice);
    let locked_at = person.intrusion.map(|intrusion| intrusion.locked_at);
    let until = locked_at.unwrap_or(span.end()).min(span.end());
    let mut life = Life { world, person, dice, out };
    let mut now = life.person.identity.created_at;
    if now >= START {
        now = life.join(now);
    }
    for day in day_of(now).max(0)..span.days {
        for start in life.visits(day) {
            let start = start.max(now + MINUTE);
            if start >= until {
                return;
            }
            now = match plans.pop_if(|(due, _)| *due <= start) {
                Some((_, errand)) => life.run(errand, start),
                None => life.visit(start),
            };
        }
    }
}

impl Life<'_> {
    /// The times of a day's visits, in order.
    fn visits(&mut self, day: i64) -> Vec<i64> {
        let factor = if is_weekend(day) { 1.2 } else { 0.92 };
        let count = self.dice.count(self.person.pace * factor);
        let mut times: Vec<i64> = (0..count).map(|_| moment(&mut self.dice, day)).collect();
        times.sort_unstable();
        times
    }

    fn visit(&mut self, start: i64) -> i64 {
        let scene = self.scene(start);
        let mut now = start;
        if self.dice.chance(0.42) {
            let Some(entered) = self.log_in(&scene, now) else {
                return now;
            };
            now = entered;
        }
        match self.dice.unit() {
            ..0.80 => {
                now = self.pay(&scene, now);
                if self.dice.chance(0.12) {
                    now += self.dice.between(5 * MINUTE, 90 * MINUTE);
                    now = self.pay(&scene, now);
                }
                now
            }
            ..0.885 => self.send(&scene, now),
            ..0.895 => self.withdraw(&scene, now),
            ..0.92 => self.look(&scene, now),
            _ => now,
        }
    }

    /// Where someone is at a time, and with which device.
    pub(super) fn scene(&mut self, now: i64) -> Scene {
        let (person, dice) = (&self.person, &mut self.dice);
        let working = !is_weekend(day_of(now)) && (9..18).contains(&hour_of(now));
        let at_home = !working && dice.chance(0.6);
        let place = match (&person.trip, &person.office) {
            (Some(trip), _) if (trip.from..trip.to).contains(&now) => trip.place.clone(),
            (_, Some(office)) if working && dice.chance(0.6) => office.clone(),
            _ if at_home => person.home.clone(),
            _ => self.world.mobile(person.carrier, person.subscriber, dice),
        };
        let device = match &person.family_tablet {
            Some(tablet) if at_home && dice.chance(0.2) => tablet,
            _ => &person.device,
        };
        if dice.chance(0.07) {
            Scene::web(place, device.clone(), dice)
        } else {
            Scene::app(place, device.clone(), dice)
        }
    }

    pub(super) fn tell(&mut self, draft: Draft) {
        self.out.push(draft.finish(Truth::Genuine));
    }

    pub(super) fn seconds(&mut self, low: i64, high: i64) -> i64 {
        self.dice.between(low * SECOND, high * SECOND)
    }

    /// Logs in, perhaps after some mistakes; gives up now and then. Returns the time of success.
    pub(super) fn log_in(&mut self, scene: &Scene, start: i64) -> Option<i64> {
        if let Some(intrusion) = self.person.intrusion
            && intrusion.email_changed_at <= start
        {
            self.person.identity.email_changed_at = Some(intrusion.email_changed_at);
        }
        let slips = match self.dice.unit() / self.person.clumsiness {
            ..0.88 => 1,
            ..1.0 => 2 + self.dice.below(2),
            _ => 0,
        };
        let mut now = start;
        for _ in 0..slips {
            self.enter(scene, now, false, ("password", 1));
            now += self.seconds(4, 40);
        }
        if slips >= 2 && self.dice.chance(0.08) {
            return None;
        }
        if slips >= 2 && self.dice.chance(0.4) {
            now = self.forgot_password(scene, now);
        }
        let method = match self.dice.below(10) {
            _ if slips > 0 => ("password", 1),
            0..4 => ("biometric", 3),
            4 => ("passkey", 3),
            _ => ("password", 1),
        };
        self.enter(scene, now, true, method);
        Some(now + self.seconds(3, 40))
    }

    pub(super) fn enter(&mut self, scene: &Scene, now: i64, passed: bool, method: (&'static str, i64)) {
        self.tell(scene.login(now, &self.person.identity, passed, method));
    }

    fn forgot_password(&mut self, scene: &Scene, now: i64) -> i64 {
        let now = now + self.seconds(40, 200);
        let draft = scene
            .draft("profile_change", "succeeded", now, &self.person.identity)
            .text("account.changed", "password")
            .proof("sms_code", true, 2);
        self.tell(draft);
        self.person.identity.password_changed_at = Some(now);
        now + self.seconds(10, 60)
    }

    /// Looks at the own data or the statement.
    fn look(&mut self, scene: &Scene, now: i64) -> i64 {
        self.tell(scene.draft("token_use", "succeeded", now, &self.person.identity));
        now + self.seconds(5, 60)
    }

    /// Buys something, mostly where one always does.
    fn pay(&mut self, scene: &Scene, now: i64) -> i64 {
        let favourite = self.dice.pick(&self.person.favourites).copied();
        let index = match favourite {
            Some(favourite) if self.dice.chance(0.65) => favourite,
            _ => self.world.market.popular(&mut self.dice),
        };
        let Some(merchant) = self.world.market.merchant(index) else {
            return now;
        };
        let amount = merchant.price(&mut self.dice);
        self.buy(scene, now, merchant, amount)
    }

    /// Buys for an amount, charging first when the balance does not suffice and is noticed.
    pub(super) fn buy(&mut self, scene: &Scene, start: i64, merchant: &Merchant, amount: i64) -> i64 {
        let mut now = start;
        if self.person.balance < amount && self.dice.chance(0.95) {
            now = self.charge(scene, now, amount - self.person.balance);
        }
        let approved = self.settle(amount);
        let outcome = if approved { "approved" } else { "declined" };
        let usable = self.person.card.clone().filter(|card| card.is_usable(now));
        let draft = match usable {
            Some(card) if self.dice.chance(0.35) => {
                let who = &self.person.identity;
                // At a till only the card is there; in a web shop, the device too.
                let draft = if merchant.trade.online {
                    let scene = Scene { channel: "online", ..scene.clone() };
                    let typed = self.dice.chance(0.3);
                    scene
                        .draft("payment", outcome, now, who)
                        .text("pos_entry_mode", if typed { "81" } else { "10" })
                } else {
                    let mode = self.dice.choose(&["07", "07", "07", "05"]);
                    account_draft("payment", outcome, now, who)
                        .text("channel", "pos")
                        .text("country", scene.place.country)
                        .text("pos_entry_mode", mode)
                };
                draft
                    .text("card", &card.number)
                    .text("card_status", card.status(now))
                    .text("card_product", card.product)
            }
            _ => {
                let draft = scene.draft("payment", outcome, now, &self.person.identity);
                if merchant.trade.online { draft } else { draft.text("pos_entry_mode", "03") }
            }
        };
        let terminal = merchant.terminal(&mut self.dice);
        let draft = draft
            .text("response_code", if approved { "00" } else { "51" })
            .text("merchant", &merchant.id)
            .text("terminal", terminal)
            .text("mcc", merchant.trade.mcc)
            .yen(amount);
        self.tell(draft);
        now + self.seconds(5, 60)
    }

    /// Charges at least what is needed, from the bank or with cash at a machine.
    pub(super) fn charge(&mut self, scene: &Scene, now: i64, need: i64) -> i64 {
        let amount = self.dice.choose(&CHARGES).max((need + 999) / 1_000 * 1_000);
        let who = &self.person.identity;
        let bank = self.dice.pick(&self.person.banks);
        let from_bank = bank.is_some();
        let draft = match bank {
            Some(bank) => scene.draft("top_up", "approved", now, who).text("bank_account", &bank.number),
            None => {
                account_draft("top_up", "approved", now, who).text("channel", "atm").text("country", "JP")
            }
        };
        // The bank account may hold less than is asked for.
        if from_bank && self.dice.chance(0.004) {
            let draft = scene
                .draft("top_up", "declined", now, &self.person.identity)
                .text("response_code", "51")
                .yen(amount);
            self.tell(draft);
            return now + self.seconds(5, 30);
        }
        self.tell(draft.yen(amount));
        self.person.balance += amount;
        now + self.seconds(8, 90)
    }

    /// Takes an amount off the balance, if it suffices.
    fn settle(&mut self, amount: i64) -> bool {
        let covered = self.person.balance >= amount;
        if covered {
            self.person.balance -= amount;
        }
        covered
    }

    /// Sends some money to someone, mostly to one of the usual few.
    fn send(&mut self, scene: &Scene, now: i64) -> i64 {
        let known = self.dice.pick(&self.person.payees).cloned();
        let payee = match known {
            Some(payee) if self.dice.chance(0.88) => payee,
            _ => match self.new_payee(now) {
                Some(payee) => payee,
                None => return now,
            },
        };
        let amount = (self.dice.lognormal(2_600.0, 0.9) as i64 / 100 * 100).clamp(100, 90_000);
        self.transfer(scene, now, &payee, amount)
    }

    /// Registers another member as a payee.
    pub(super) fn new_payee(&mut self, now: i64) -> Option<Payee> {
        let created_at = now - self.seconds(20, 120);
        let member = self.dice.pick(&self.world.members)?;
        if member.account == self.person.identity.account || member.created_at > created_at {
            return None;
        }
        let payee = Payee { account: member.account.clone(), created_at };
        self.person.payees.push(payee.clone());
        Some(payee)
    }

    /// Proves oneself and sends an amount, charging first when it is needed.
    pub(super) fn transfer(&mut self, scene: &Scene, start: i64, payee: &Payee, amount: i64) -> i64 {
        let mut now = start;
        if self.person.balance < amount && self.dice.chance(0.97) {
            now = self.charge(scene, now, amount - self.person.balance);
        }
        let holds_card = self.person.card.as_ref().is_some_and(|card| card.is_usable(now));
        let proof = if holds_card && self.dice.chance(0.7) {
            ("card_digits", 1)
        } else {
            self.dice.choose(&[("biometric", 3), ("sms_code", 2), ("pin", 1)])
        };
        let slips = match self.dice.below(100) {
            0..3 => 1,
            3 => 2,
            _ => 0,
        };
        for _ in 0..slips {
            self.tell(self.remittance(scene, now, payee, amount, "failed", proof));
            now += self.seconds(5, 40);
        }
        let outcome = if self.settle(amount) { "approved" } else { "declined" };
        self.tell(self.remittance(scene, now, payee, amount, outcome, proof));
        now + self.seconds(5, 60)
    }

    fn remittance(
        &self,
        scene: &Scene,
        now: i64,
        payee: &Payee,
        amount: i64,
        outcome: &'static str,
        (method, strength): (&'static str, i64),
    ) -> Draft {
        let draft = scene
            .draft("transfer", outcome, now, &self.person.identity)
            .proof(method, outcome != "failed", strength)
            .text("payee", &payee.account)
            .integer("payee.created_at", payee.created_at)
            .yen(amount);
        if outcome == "declined" { draft.text("response_code", "51") } else { draft }
    }

    /// Returns some of the balance to the own bank account.
    fn withdraw(&mut self, scene: &Scene, now: i64) -> i64 {
        let Some(bank) = self.dice.pick(&self.person.banks).cloned() else {
            return now;
        };
        let amount = self.person.balance / 1_000 * 1_000;
        if amount < 1_000 {
            return now;
        }
        self.person.balance -= amount;
        let (method, strength) = self.confirmation();
        let draft = scene
            .draft("withdrawal", "approved", now, &self.person.identity)
            .proof(method, true, strength)
            .text("bank_account", &bank.number)
            .yen(amount);
        self.tell(draft);
        now + self.seconds(5, 60)
    }

    /// A change of the profile that is told and remembered.
    pub(super) fn change(&mut self, scene: &Scene, now: i64, what: &'static str) -> i64 {
        let (method, strength) = self.confirmation();
        let draft = scene
            .draft("profile_change", "succeeded", now, &self.person.identity)
            .text("account.changed", what)
            .proof(method, true, strength);
        let identity = &mut self.person.identity;
        let draft = match what {
            "email" => {
                identity.email_changed_at = Some(now);
                draft.text("email", numbers::email(&mut self.dice))
            }
            "phone" => {
                identity.phone_changed_at = Some(now);
                draft.text("phone", numbers::phone(&mut self.dice))
            }
            "address" => {
                identity.address_changed_at = Some(now);
                draft.text("billing_address", numbers::address(&mut self.dice))
            }
            _ => draft,
        };
        self.tell(draft);
        now + self.seconds(10, 90)
    }

    /// What is asked before a sensitive step: a one-time code, or only the password again.
    fn confirmation(&mut self) -> (&'static str, i64) {
        self.dice.choose(&[("sms_code", 2), ("sms_code", 2), ("password", 1)])
    }
}
