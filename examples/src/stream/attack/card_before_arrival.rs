//! A card applied for under a false name, used before the post has delivered it.

use super::{DAY, Flow, Gang, HOUR, Identity, Scene, Text, numbers};

const CASES: usize = 15;

impl Gang<'_> {
    pub(super) fn card_before_arrival(&mut self) {
        for _ in 0..CASES {
            let start = self.when(0.05, 0.88);
            self.apply_and_use(start);
        }
    }

    fn apply_and_use(&mut self, start: i64) {
        let mut case = self.case(Flow::CardBeforeArrival);
        let who = Identity::new(self.account(), start);
        let card = numbers::card(&mut self.dice);

        let (place, device) = (self.world.lair(&mut self.dice), self.burner());
        let scene = Scene::web(place, device, &mut self.dice);
        let draft = scene.opening(start, &who, "bank", &mut self.dice);
        self.tell(&mut case, draft);
        let now = start + self.minutes(3, 20);
        let draft = scene
            .draft("card_issue", "approved", now, &who)
            .text("card", &card)
            .text("card_status", "ordered")
            .text("card_product", "plastic")
            .text("shipping_address", numbers::address(&mut self.dice));
        self.tell(&mut case, draft);

        // Well before the six business days that delivery takes.
        let mut now = now + self.dice.between(14 * HOUR, 4 * DAY);
        let (place, device) = (self.world.lair(&mut self.dice), self.burner());
        let scene = Scene::web(place, device, &mut self.dice);
        self.tell(&mut case, scene.login(now, &who, true, ("password", 1)));
        now += self.minutes(1, 8);
        let (bank, linked) = self.link_stolen(&mut case, &scene, now, &who);
        now = linked + self.minutes(1, 10);
        let amount = self.dice.between(50, 250) * 1_000;
        let draft = scene.draft("top_up", "approved", now, &who).text("bank_account", bank).yen(amount);
        self.tell(&mut case, draft);
        let mut left = amount;
        while left > 5_000 {
            now += self.minutes(2, 20);
            let price = (self.dice.between(30, 120) * 1_000 - 20).min(left);
            let draft = self.pay_online(&scene, now, &who, &card, price);
            self.tell(&mut case, draft);
            left -= price;
        }
    }

    /// Pays with the number of a card that nobody has in hand yet.
    fn pay_online(
        &mut self,
        scene: &Scene,
        now: i64,
        who: &Identity,
        card: &Text,
        amount: i64,
    ) -> super::Draft {
        let scene = Scene { channel: "online", ..scene.clone() };
        let draft = scene
            .draft("payment", "approved", now, who)
            .text("pos_entry_mode", "81")
            .text("response_code", "00")
            .text("card", card)
            .text("card_status", "ordered")
            .text("card_product", "plastic")
            .yen(amount);
        match self.world.market.liquid(&mut self.dice) {
            Some(merchant) => draft
                .text("merchant", &merchant.id)
                .text("terminal", merchant.terminal(&mut self.dice))
                .text("mcc", merchant.trade.mcc),
            None => draft,
        }
    }
}
