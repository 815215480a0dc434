//! Open an account, link a stolen bank account, charge to the limit, spend.

use super::{Case, DAY, Device, Flow, Gang, Identity, MINUTE, Scene, Text, numbers};

const CASES: usize = 25;
const RING: usize = 6;
/// Some of the ring's devices are on the host's list already.
const KNOWN: usize = 3;
/// What may be charged in a day, in yen.
const DAILY_LIMIT: i64 = 300_000;

impl Gang<'_> {
    /// Returns the ring's devices that are known for fraud.
    pub(super) fn link_fraud(&mut self) -> Vec<Text> {
        let ring: Vec<Device> = (0..RING).map(|_| self.burner()).collect();
        for _ in 0..CASES {
            if let Some(device) = self.dice.pick(&ring).cloned() {
                let start = self.when(0.05, 0.97);
                self.link_and_spend(device, start);
            }
        }
        ring.into_iter().take(KNOWN).map(|device| device.id).collect()
    }

    fn link_and_spend(&mut self, device: Device, start: i64) {
        let mut case = self.case(Flow::LinkFraud);
        let place = self.world.lair(&mut self.dice);
        let scene = Scene::app(place, device, &mut self.dice);
        let who = Identity::new(self.account(), start);
        let draft = scene.opening(start, &who, "bank", &mut self.dice);
        self.tell(&mut case, draft);

        let now = start + self.minutes(2, 15);
        let (bank, now) = self.link_stolen(&mut case, &scene, now, &who);
        let mut now = now + self.minutes(1, 6);
        for day in 0..1 + i64::from(self.dice.chance(0.3)) {
            now += day * (DAY - 90 * MINUTE);
            now = self.charge_and_spend(&mut case, &scene, now, &who, &bank);
        }
    }

    /// Tries stolen bank accounts until one can be linked.
    pub(super) fn link_stolen(
        &mut self,
        case: &mut Case,
        scene: &Scene,
        start: i64,
        who: &Identity,
    ) -> (Text, i64) {
        let mut bank = numbers::bank_account(&mut self.dice);
        let mut holder = numbers::holder(&mut self.dice);
        let mut now = start;
        for _ in 0..self.dice.between(1, 5) {
            let holder_match = self.dice.choose(&["mismatch", "mismatch", "not_comparable"]);
            let draft = scene
                .draft("account_link", "failed", now, who)
                .proof("balance", false, 2)
                .text("auth.holder_match", holder_match)
                .text("bank_account", &bank)
                .text("holder_name", &holder);
            self.tell(case, draft);
            now += self.seconds(15, 150);
            // The same account with other secrets, or the next one on the list.
            if self.dice.chance(0.4) {
                bank = numbers::bank_account(&mut self.dice);
                holder = numbers::holder(&mut self.dice);
            }
        }
        let holder_match = self.dice.choose(&["mismatch", "not_comparable"]);
        let draft = scene
            .draft("account_link", "succeeded", now, who)
            .proof("balance", true, 2)
            .text("auth.holder_match", holder_match)
            .text("bank_account", &bank)
            .text("holder_name", &holder);
        self.tell(case, draft);
        (bank, now)
    }

    /// Charges to just below the day's limit and spends it at once.
    fn charge_and_spend(
        &mut self,
        case: &mut Case,
        scene: &Scene,
        start: i64,
        who: &Identity,
        bank: &Text,
    ) -> i64 {
        let total = DAILY_LIMIT - self.dice.between(0, 15) * 1_000;
        let parts = self.dice.between(1, 3);
        let mut now = start;
        for part in 0..parts {
            let share = total / parts / 1_000 * 1_000;
            let amount = if part == 0 { total - share * (parts - 1) } else { share };
            let draft = scene.draft("top_up", "approved", now, who).text("bank_account", bank).yen(amount);
            self.tell(case, draft);
            now += self.seconds(15, 120);
        }
        let mut left = total;
        while left > 5_000 {
            now += self.minutes(1, 9);
            let amount = (self.dice.between(25, 110) * 1_000 - 20).min(left);
            self.cash_out(case, scene, now, who, amount);
            left -= amount;
        }
        now
    }
}
