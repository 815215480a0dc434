//! A login elsewhere, an e-mail change, guesses of the card's last digits, a transfer to a mule.

use super::{Case, Flow, Gang, Identity, Scene, Text};

const CASES: usize = 20;
const MULES: usize = 5;

/// An account that the attacker has got into, and from where he uses it.
struct Foothold {
    scene: Scene,
    who: Identity,
}

impl Gang<'_> {
    pub(super) fn takeover(&mut self) {
        let mules: Vec<Text> = (0..MULES).map(|_| self.account()).collect();
        for number in 0..CASES {
            let start = self.when(0.15, 0.97);
            if let Some(mule) = self.dice.pick(&mules).cloned() {
                // Every third case rotates over several accounts, a few guesses from each.
                let accounts = if number % 3 == 2 { self.dice.between(3, 6) } else { 1 };
                self.take_and_send(&mule, start, accounts);
            }
        }
    }

    fn take_and_send(&mut self, mule: &Text, start: i64, accounts: i64) {
        let mut case = self.case(Flow::Takeover);
        let mut footholds = Vec::new();
        let mut now = start;
        for _ in 0..accounts {
            let Some(foothold) = self.get_in(&mut case, now) else {
                break;
            };
            now = foothold.who.email_changed_at.unwrap_or(now) + self.minutes(1, 8);
            footholds.push(foothold);
        }
        let registered = now - self.seconds(20, 60);
        let guesses = match self.dice.below(4) {
            0 => self.dice.between(5, 20),
            1 => self.dice.between(150, 400),
            _ => self.dice.between(20, 150),
        };
        let amount = self.dice.between(100, 500) * 1_000;
        for foothold in footholds.iter().cycle().take(guesses as usize) {
            let Foothold { scene, who } = foothold;
            let draft = self.send(scene, now, who, (mule, registered), amount, "failed");
            self.tell(&mut case, draft);
            now += self.seconds(2, 25);
        }
        // The last account's digits are found.
        let Some(Foothold { scene, who }) = footholds.last() else {
            return;
        };
        let draft = self.send(scene, now, who, (mule, registered), amount, "approved");
        self.tell(&mut case, draft);
        if self.dice.chance(0.3) {
            now += self.minutes(1, 12);
            let amount = self.dice.between(100, 300) * 1_000;
            let draft = self.send(scene, now, who, (mule, registered), amount, "approved");
            self.tell(&mut case, draft);
        }
    }

    /// Logs in as a card holder from elsewhere and redirects his notices.
    fn get_in(&mut self, case: &mut Case, start: i64) -> Option<Foothold> {
        let victim =
            self.victim(start, |person| person.card.as_ref().is_some_and(|card| card.is_usable(start)))?;
        let mut who = self.identity(victim);
        let home = self.people.get(victim)?.home.clone();
        // The attacker works from another city and another network.
        let place = (0..20)
            .map(|_| self.world.lair(&mut self.dice))
            .find(|place| place.city != home.city && place.asn != home.asn)?;
        let device = self.burner();
        let scene = Scene::app(place, device, &mut self.dice);
        self.tell(case, scene.login(start, &who, true, ("password", 1)));
        let now = start + self.minutes(1, 9);
        self.redirect(case, &scene, now, &mut who);
        self.invade(victim, now);
        Some(Foothold { scene, who })
    }
}
