//! The attackers. Each flow is a file; what they share is here.

mod card_before_arrival;
mod link_fraud;
mod list_attack;
mod takeover;

use super::calendar::{DAY, HOUR, MINUTE, SECOND, Span};
use super::device::Device;
use super::dice::Dice;
use super::event::{Draft, Flow, StreamEvent, Text, Truth, Value};
use super::numbers;
use super::person::{Intrusion, Person};
use super::scene::{Identity, Scene};
use super::world::World;

/// The attackers' shared workshop.
struct Gang<'a> {
    world: &'a World,
    people: &'a mut [Person],
    dice: Dice,
    span: Span,
    out: &'a mut Vec<StreamEvent>,
    cases: u32,
    accounts: usize,
}

/// One attack in progress.
struct Case {
    flow: Flow,
    number: u32,
    step: u16,
}

/// Tells all attacks and marks the accounts they got into. Returns the devices known for fraud.
pub(super) fn strike(
    world: &World,
    people: &mut [Person],
    seed: u64,
    span: Span,
    out: &mut Vec<StreamEvent>,
) -> Vec<String> {
    let mut gang =
        Gang { world, accounts: people.len(), people, dice: Dice::new(seed, 2), span, out, cases: 0 };
    let mut known = gang.link_fraud();
    gang.list_attack();
    gang.takeover();
    gang.card_before_arrival();
    // Most of a list concerns others' attackers and never shows up.
    known.extend((0..40).map(|_| numbers::device(&mut gang.dice)));
    known.sort_unstable_by(|left, right| left.as_bytes().cmp(right.as_bytes()));
    known.iter().map(ToString::to_string).collect()
}

impl Gang<'_> {
    fn case(&mut self, flow: Flow) -> Case {
        let number = self.cases;
        self.cases += 1;
        Case { flow, number, step: 0 }
    }

    /// A moment between two fractions of the span.
    fn when(&mut self, first: f64, last: f64) -> i64 {
        let fraction = first + (last - first) * self.dice.unit();
        self.span.at(fraction)
    }

    fn seconds(&mut self, low: i64, high: i64) -> i64 {
        self.dice.between(low * SECOND, high * SECOND)
    }

    fn minutes(&mut self, low: i64, high: i64) -> i64 {
        self.dice.between(low * MINUTE, high * MINUTE)
    }

    /// A name for an account of the attackers' own.
    fn account(&mut self) -> Text {
        self.accounts += 1;
        numbers::account(self.accounts)
    }

    /// Tells an event of a case. Stolen money is labelled once the victim has noticed.
    fn tell(&mut self, case: &mut Case, draft: Draft) {
        let Case { flow, number, step } = *case;
        let mut event = draft.finish(Truth::Attack { flow, case: number, step });
        case.step = step.saturating_add(1);
        if event.moves_money() {
            let noticed = event.time() + self.dice.between(3 * DAY, 20 * DAY);
            event.fields.push(("label", Value::Text("fraud".into())));
            event.fields.push(("labelled_at", Value::Integer(noticed)));
        }
        self.out.push(event);
    }

    /// A member of long standing, whose account nobody has got into yet.
    fn victim(&mut self, at: i64, suits: impl Fn(&Person) -> bool) -> Option<usize> {
        (0..200).map(|_| self.dice.below(self.people.len())).find(|index| {
            self.people.get(*index).is_some_and(|person| person.is_established(at) && suits(person))
        })
    }

    /// Marks a member's account as taken over, from the change of its e-mail address.
    fn invade(&mut self, index: usize, email_changed_at: i64) {
        let locked_at = email_changed_at + self.dice.between(4 * HOUR, 48 * HOUR);
        if let Some(person) = self.people.get_mut(index) {
            person.intrusion = Some(Intrusion { email_changed_at, locked_at });
        }
    }

    fn identity(&self, index: usize) -> Identity {
        self.people.get(index).map(|person| person.identity.clone()).unwrap_or_default()
    }

    /// Redirects the notices of an account to the attacker. The change stays in `who`.
    fn redirect(&mut self, case: &mut Case, scene: &Scene, now: i64, who: &mut Identity) {
        let draft = scene
            .draft("profile_change", "succeeded", now, who)
            .text("account.changed", "email")
            .text("email", numbers::email(&mut self.dice))
            .proof("password", true, 1);
        self.tell(case, draft);
        who.email_changed_at = Some(now);
    }

    /// Turns money into goods that sell well.
    fn cash_out(&mut self, case: &mut Case, scene: &Scene, now: i64, who: &Identity, amount: i64) {
        let Some(merchant) = self.world.market.liquid(&mut self.dice) else {
            return;
        };
        let terminal = merchant.terminal(&mut self.dice);
        let mut draft = scene
            .draft("payment", "approved", now, who)
            .text("response_code", "00")
            .text("merchant", &merchant.id)
            .text("terminal", terminal)
            .text("mcc", merchant.trade.mcc)
            .yen(amount);
        if !merchant.trade.online {
            draft = draft.text("pos_entry_mode", "03");
        }
        self.tell(case, draft);
    }

    /// Sends money from a taken account to a payee registered just before.
    fn send(
        &mut self,
        scene: &Scene,
        now: i64,
        who: &Identity,
        payee: (&Text, i64),
        amount: i64,
        outcome: &'static str,
    ) -> Draft {
        scene
            .draft("transfer", outcome, now, who)
            .proof("card_digits", outcome == "approved", 1)
            .text("payee", payee.0)
            .integer("payee.created_at", payee.1)
            .yen(amount)
    }

    fn burner(&mut self) -> Device {
        Device::burner(&mut self.dice)
    }
}
