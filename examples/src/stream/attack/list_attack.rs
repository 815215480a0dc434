//! Many accounts, one try each, from a list of passwords leaked elsewhere.

use super::super::place::Place;
use super::super::world::Hosting;
use super::{Case, Draft, Flow, Gang, Identity, Scene, numbers};

const CAMPAIGNS: usize = 6;

/// How the source hides.
#[derive(Clone, Copy)]
enum Source {
    Address,
    Subnet,
    System,
}

impl Gang<'_> {
    pub(super) fn list_attack(&mut self) {
        let sources = [Source::Address, Source::Subnet, Source::System];
        for source in sources.into_iter().cycle().take(CAMPAIGNS) {
            self.campaign(source);
        }
    }

    fn campaign(&mut self, source: Source) {
        let mut case = self.case(Flow::ListAttack);
        let hosting = self.world.hosting(&mut self.dice);
        let fixed = hosting.place(&mut self.dice);
        let tool = self.burner();
        let rotates = self.dice.chance(0.5);
        let tries = self.dice.between(200, 3_000).min(self.people.len() as i64);
        let pace = self.dice.between(1, 5);
        let mut now = self.when(0.1, 0.93);
        for _ in 0..tries {
            now += self.dice.between(300, pace * 2_000);
            let place = self.origin(source, hosting, &fixed);
            let device = if rotates { self.burner() } else { tool.clone() };
            let scene = Scene::web(place, device, &mut self.dice);
            let hit = if self.dice.chance(0.01) { self.victim(now, |_| true) } else { None };
            if let Some(victim) = hit {
                let who = self.identity(victim);
                self.tell(&mut case, scene.login(now, &who, true, ("password", 1)));
                self.exploit(&mut case, victim, now);
                continue;
            }
            let who = self.target(now);
            let draft = match who {
                Some(who) => scene.login(now, &who, false, ("password", 1)),
                None => self.nobody(&scene, now),
            };
            self.tell(&mut case, draft);
        }
    }

    fn origin(&mut self, source: Source, hosting: Hosting, fixed: &Place) -> Place {
        match source {
            Source::Address => fixed.clone(),
            Source::Subnet => hosting.place(&mut self.dice),
            Source::System => hosting.anywhere(&mut self.dice),
        }
    }

    /// An existing account whose password on the list is wrong; none when the name does not exist.
    fn target(&mut self, now: i64) -> Option<Identity> {
        if self.dice.chance(0.45) {
            return None;
        }
        self.victim(now, |_| true).map(|index| self.identity(index))
    }

    /// A try with a name that the wallet does not know, so nothing is known of the account.
    fn nobody(&mut self, scene: &Scene, now: i64) -> Draft {
        let number = self.people.len() + 100_000 + self.dice.below(400_000);
        let nobody = numbers::account(number);
        scene.stranger(now, &nobody)
    }

    /// Some hits are only looked at, or sold; the others are emptied within the hour.
    fn exploit(&mut self, case: &mut Case, victim: usize, hit: i64) {
        let who = &mut self.identity(victim);
        let place = self.world.lair(&mut self.dice);
        let device = self.burner();
        let scene = Scene::app(place, device, &mut self.dice);
        let mut now = hit + self.minutes(3, 50);
        self.tell(case, scene.login(now, who, true, ("password", 1)));
        for _ in 0..self.dice.between(1, 3) {
            now += self.seconds(10, 60);
            self.tell(case, scene.draft("token_use", "succeeded", now, who));
        }
        if self.dice.chance(0.55) {
            return;
        }
        now += self.seconds(30, 200);
        self.redirect(case, &scene, now, who);
        self.invade(victim, now);
        now += self.minutes(2, 25);
        let amount = self.dice.between(15, 180) * 1_000;
        match self.dice.below(3) {
            0 => {
                let mule = self.account();
                let registered = now - self.seconds(20, 90);
                let draft = self.send(&scene, now, who, (&mule, registered), amount, "approved");
                self.tell(case, draft);
            }
            1 => {
                let bank = numbers::bank_account(&mut self.dice);
                let draft = scene
                    .draft("withdrawal", "approved", now, who)
                    .text("bank_account", bank)
                    .proof("password", true, 1)
                    .yen(amount);
                self.tell(case, draft);
            }
            _ => self.cash_out(case, &scene, now, who, amount),
        }
    }
}
