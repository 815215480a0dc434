//! What happens once in a while: joining, a new phone, a new address, a card, a large sum. Much of
//! it looks like the beginning of an attack.

use super::calendar::{DAY, MINUTE, Span};
use super::device::Device;
use super::dice::Dice;
use super::life::Life;
use super::numbers;
use super::person::{Bank, Card, Person};
use super::scene::Scene;

/// Something to do once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Errand {
    /// A new phone, and a payment with it at once.
    NewPhone,
    /// A change of the profile.
    Change(&'static str),
    /// A small transfer to an old payee, a day after an e-mail change.
    SmallTransfer,
    /// Another bank account.
    SecondBank,
    /// An application for a card.
    OrderCard,
    /// A large charge and soon an expensive purchase.
    BigPurchase,
    /// A large sum to a payee of long standing.
    Rent,
    /// A large sum to someone new.
    Deposit,
}

/// What a person will do once, and when; the next comes last.
pub(super) fn plan(person: &Person, span: Span, dice: &mut Dice) -> Vec<(i64, Errand)> {
    let mut plans = Vec::new();
    let joined = person.identity.created_at;
    // The chances are for sixty days.
    let share = span.days as f64 / 60.0;
    let mut maybe = |chance: f64, errand: Errand, dice: &mut Dice| {
        let at = span.at(dice.unit());
        let happens = dice.chance(chance * share) && at > joined + DAY;
        if happens {
            plans.push((at, errand));
        }
        happens.then_some(at)
    };
    maybe(0.066, Errand::NewPhone, dice);
    maybe(0.015, Errand::Change("phone"), dice);
    maybe(0.02, Errand::Change("address"), dice);
    maybe(0.02, Errand::SecondBank, dice);
    maybe(0.05, Errand::BigPurchase, dice);
    maybe(0.012, Errand::Deposit, dice);
    if person.card.is_none() {
        maybe(0.10, Errand::OrderCard, dice);
    }
    // An attacker's change stays the last one, so that his events need not know of the owner's.
    let changed = match person.intrusion {
        None => maybe(0.03, Errand::Change("email"), dice),
        Some(_) => None,
    };
    if let Some(at) = changed
        && dice.chance(0.4)
    {
        plans.push((at + DAY, Errand::SmallTransfer));
    }
    if dice.chance(0.03) {
        let payday = 24 + dice.between(0, 2);
        plans.extend(
            (0..span.days)
                .filter(|day| day % 30 == payday)
                .map(|day| (span.at(0.0) + day * DAY, Errand::Rent)),
        );
    }
    plans.sort_unstable_by(|left, right| right.cmp(left));
    plans
}

impl Life<'_> {
    /// Opens the account, links a bank account, charges, and buys something.
    pub(super) fn join(&mut self, start: i64) -> i64 {
        let own = self.scene(start);
        let counter =
            if self.dice.chance(0.3) { self.dice.pick(&self.world.counters).cloned() } else { None };
        let at_counter = counter.is_some();
        let scene = match counter {
            Some((place, tablet)) => Scene::app(place, tablet, &mut self.dice),
            None => own.clone(),
        };
        let evidence = self.dice.choose(&["ic_chip", "photo", "photo", "bank"]);
        let draft = scene.opening(start, &self.person.identity, evidence, &mut self.dice);
        self.tell(draft);
        let mut now = start + self.seconds(60, 300);
        if at_counter {
            // At home or still at the counter, the own phone is enrolled.
            now += self.dice.between(2, 300) * MINUTE;
            self.enter(&own, now, true, ("sms_code", 2));
            now += self.seconds(30, 200);
        }
        if self.dice.chance(0.85) {
            now = self.link(&own, now);
        }
        if !self.person.banks.is_empty() && self.dice.chance(0.8) {
            // Some begin with a large sum, because a campaign rewards it.
            let first = if self.dice.chance(0.05) { self.dice.between(5, 25) * 10_000 } else { 1_000 };
            now = self.charge(&own, now, first);
            if self.dice.chance(0.5) {
                now += self.dice.between(3, 120) * MINUTE;
                let index = self.world.market.popular(&mut self.dice);
                if let Some(merchant) = self.world.market.merchant(index) {
                    let amount = merchant.price(&mut self.dice);
                    now = self.buy(&own, now, merchant, amount);
                }
            }
        }
        now
    }

    /// Links a bank account, with an honest failure now and then.
    fn link(&mut self, scene: &Scene, start: i64) -> i64 {
        let bank = Bank { number: numbers::bank_account(&mut self.dice), holder: self.person.holder.clone() };
        let failures = match self.dice.below(100) {
            0..9 => 1,
            9..11 => 2,
            _ => 0,
        };
        let method = self.dice.choose(&[("balance", 2), ("bank_password", 2), ("ivr", 2)]);
        let mut now = start;
        for attempt in 0..=failures {
            let passed = attempt == failures;
            // A maiden name at the bank does not match; kanji cannot be compared with kana.
            let holder_match = match self.dice.below(100) {
                0..15 if !passed => "mismatch",
                0..6 => "not_comparable",
                _ => "match",
            };
            let outcome = if passed { "succeeded" } else { "failed" };
            let draft = scene
                .draft("account_link", outcome, now, &self.person.identity)
                .proof(method.0, passed, method.1)
                .text("auth.holder_match", holder_match)
                .text("bank_account", &bank.number)
                .text("holder_name", &bank.holder);
            self.tell(draft);
            now += self.seconds(20, 180);
        }
        self.person.banks.push(bank);
        now
    }

    /// Does an errand; each begins with a login.
    pub(super) fn run(&mut self, errand: Errand, start: i64) -> i64 {
        if errand == Errand::NewPhone {
            self.person.device = Device::phone(&mut self.dice);
        }
        let mut scene = self.scene(start);
        if errand == Errand::NewPhone {
            scene.device = self.person.device.clone();
            return self.new_phone(&scene, start);
        }
        let Some(now) = self.log_in(&scene, start) else {
            return start;
        };
        match errand {
            Errand::NewPhone => now,
            Errand::Change(what) => self.change(&scene, now, what),
            Errand::SecondBank => self.link(&scene, now),
            Errand::OrderCard => self.order_card(&scene, now),
            Errand::SmallTransfer => {
                let amount = self.dice.between(5, 60) * 100;
                self.send_known(&scene, now, amount)
            }
            Errand::Rent => {
                let amount = self.dice.between(55, 140) * 1_000;
                self.send_known(&scene, now, amount)
            }
            Errand::Deposit => {
                let amount = self.dice.between(80, 300) * 1_000;
                match self.new_payee(now) {
                    Some(payee) => self.transfer(&scene, now + 2 * MINUTE, &payee, amount),
                    None => now,
                }
            }
            Errand::BigPurchase => self.big_purchase(&scene, now),
        }
    }

    fn new_phone(&mut self, scene: &Scene, start: i64) -> i64 {
        let mut now = start;
        if self.dice.chance(0.15) {
            self.enter(scene, now, false, ("password", 1));
            now += self.seconds(10, 60);
        }
        self.enter(scene, now, true, ("sms_code", 2));
        now += self.seconds(5, 30);
        now = self.change(scene, now, "device");
        if self.dice.chance(0.6) {
            now += self.dice.between(1, 40) * MINUTE;
            let index = self.world.market.popular(&mut self.dice);
            if let Some(merchant) = self.world.market.merchant(index) {
                let amount = merchant.price(&mut self.dice);
                now = self.buy(scene, now, merchant, amount);
            }
        }
        now
    }

    /// Sends to the payee known for longest.
    fn send_known(&mut self, scene: &Scene, now: i64, amount: i64) -> i64 {
        match self.person.payees.first().cloned() {
            Some(payee) => self.transfer(scene, now, &payee, amount),
            None => now,
        }
    }

    fn big_purchase(&mut self, scene: &Scene, start: i64) -> i64 {
        let Some(merchant) = self.world.market.liquid(&mut self.dice) else {
            return start;
        };
        let amount = self.dice.between(40, 230) * 1_000 + self.dice.between(0, 999);
        let now = self.charge(scene, start, amount);
        let pause = self.dice.between(4, 60) * MINUTE;
        self.buy(scene, now + pause, merchant, amount)
    }

    fn order_card(&mut self, scene: &Scene, now: i64) -> i64 {
        let product = self.dice.choose(&["digital", "digital", "plastic", "plastic", "plastic"]);
        let days = self.dice.between(6, 9);
        let delivered_at = now + days * DAY + self.dice.between(-120, 120) * MINUTE;
        let card = Card { number: numbers::card(&mut self.dice), product, delivered_at };
        let draft = scene
            .draft("card_issue", "approved", now, &self.person.identity)
            .text("card", &card.number)
            .text("card_status", "ordered")
            .text("card_product", product)
            .text("shipping_address", numbers::address(&mut self.dice));
        self.tell(draft);
        self.person.card = Some(card);
        now + self.seconds(10, 60)
    }
}
