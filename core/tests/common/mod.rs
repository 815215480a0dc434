//! What tests of engines share.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use sekisho::{Decision, Engine, Event, HashKey, Policy, Value};

pub const NOW: i64 = 1_767_225_600_000;
pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;
pub const HEAD: &str = "[policy]\nname = \"bounds\"\nversion = \"1\"\ncurrency = \"JPY\"\n";
pub const BANDS: &str = "[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";

pub fn policy(body: &str) -> Policy {
    Policy::from_toml(&format!("{HEAD}{body}{BANDS}")).unwrap_or_else(|error| panic!("{error}"))
}

pub fn key() -> HashKey {
    HashKey::new(1, [5; 32])
}

/// A feature that counts the events of one entity.
pub fn count(name: &str, by: &str, over: &str) -> String {
    format!("[[feature]]\nname = \"{name}\"\naggregate = \"count\"\nby = [\"{by}\"]\nover = \"{over}\"\n")
}

pub fn payment(time: i64, account: &str) -> Event {
    Event::of("payment", time).unwrap().with("account", account).unwrap()
}

pub fn scored(engine: &Engine, event: &Event) -> Decision {
    let mut decision = Decision::detailed();
    engine.score_into(event, &mut decision).unwrap();
    decision
}

/// What a feature would be for an event, with nothing remembered of it.
pub fn value(engine: &Engine, event: &Event, name: &str) -> Value {
    let decision = scored(engine, event);
    decision.features().find(|feature| feature.name() == name).unwrap().value().clone()
}

pub fn features(decision: &Decision) -> Vec<(String, Value, bool)> {
    let features = decision.features();
    features
        .map(|feature| (feature.name().to_owned(), feature.value().clone(), feature.is_approximate()))
        .collect()
}
