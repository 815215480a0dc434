//! One version of the library with a population in memory. Built once for each of the two versions that are compared.

#[path = "../src/bin/resident/features.rs"]
#[allow(dead_code, reason = "Redis has no part in this")]
mod features;
#[path = "../src/bin/resident/population.rs"]
#[allow(dead_code, reason = "one thread fills it")]
mod population;

use std::hint::black_box;
use std::time::Instant;

use population::{EVENTS_OF_ACCOUNT, Population, scatter};
use sekisho::{Decision, Engine, Event, HashKey, Result};

/// Events that are filled before they are timed.
const BATCH: u64 = 16;

/// An engine, and who comes to it next.
pub struct Side {
    engine: Engine,
    population: Population,
    events: Vec<Event>,
    decision: Decision,
    next: u64,
}

impl Side {
    /// Nobody has come yet. Merchants are as many as those of ten million accounts, as far as there are accounts for
    /// them: fewer of them would stay in the caches.
    pub fn new(accounts: u64) -> Result<Side> {
        let key = HashKey::new(1, *b"a secret of 32 bytes for benches");
        let engine = Engine::builder(features::policy()?, key).memory(1 << 40).build()?;
        let population = Population { accounts, accounts_of_merchant: (accounts / 10_000).max(100) };
        let events = (0..BATCH).map(|_| engine.event()).collect();
        Ok(Side { engine, population, events, decision: Decision::new(), next: 0 })
    }

    /// Every account does the next thing of the twelve that it does in a month; false when they have done all.
    pub fn fill(&mut self) -> Result<bool> {
        let Side { engine, population, next, .. } = self;
        let mut event = engine.event();
        for number in *next..*next + population.accounts {
            population.sample(number).fill(&mut event)?;
            engine.record(&event)?;
        }
        *next += population.accounts;
        Ok(*next < population.accounts * EVENTS_OF_ACCOUNT)
    }

    /// Adds the nanoseconds of each call of a batch of accounts, the same for the same number.
    pub fn calls(&mut self, batch: u64, times: &mut Vec<u64>) -> Result<()> {
        for (event, drawn) in self.events.iter_mut().zip(batch * BATCH..) {
            let random = scatter(drawn ^ 0xacc0 << 32);
            let account = random % self.population.accounts;
            self.population.sample_of(account, scatter(random), self.next).fill(event)?;
            self.next += 1;
        }
        for event in &self.events {
            let start = Instant::now();
            self.engine.assess_into(black_box(event), &mut self.decision)?;
            times.push(start.elapsed().as_nanos() as u64);
            black_box(&self.decision);
        }
        Ok(())
    }
}
