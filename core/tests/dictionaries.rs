//! Histories whose events all have different values, as many as their codes can tell apart.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::{MINUTE, NOW, features, key, policy, scored};
use sekisho::{Engine, Event, Value};

const FEATURES: &str = r#"lateness = "1s"
events = 400

[[feature]]
name = "accounts"
aggregate = "distinct"
of = "account"
by = ["ip"]
over = "1h"

[[feature]]
name = "devices"
aggregate = "distinct"
of = "device"
by = ["ip"]
over = "1h"

[[feature]]
name = "events"
aggregate = "count"
by = ["ip"]
over = "1h"
"#;

/// Whoever comes is somebody else, with one of three devices.
fn visit(time: i64, number: i64) -> Event {
    Event::of("login", time)
        .and_then(|event| event.with("ip", "203.0.113.7"))
        .and_then(|event| event.with("account", &format!("a-{number}")))
        .and_then(|event| event.with("device", &format!("d-{}", number % 3)))
        .unwrap()
}

/// Numbers that look like dice.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Rushes and lulls, so that records are full at one time and a quarter empty at another. Among these seeds is one in
/// which what stands where a new entry goes looks like a word that nobody has any more.
#[test]
fn every_value_is_another() {
    for seed in 3_590..3_640 {
        let mut dice = Dice(seed);
        let engine = Engine::new(policy(FEATURES), key());
        let (mut time, mut number) = (NOW, 0);
        for _ in 0..30 {
            let (rush, lull) = (dice.below(70) + 1, dice.below(20) as i64 * MINUTE);
            for _ in 0..rush {
                let event = visit(time, number);
                let seen = features(&scored(&engine, &event));
                let Value::Integer(events) = seen[2].1 else { panic!("{seen:?}") };
                assert_eq!(seen[0].1, Value::Integer(events), "{seed}: event {number}");
                assert_eq!(seen[1].1, Value::Integer(events.min(3)), "{seed}: event {number}");
                engine.record(&event).unwrap();
                (time, number) = (time + 1, number + 1);
            }
            time += lull;
        }
    }
}
