//! One engine on many threads.

#![allow(clippy::disallowed_methods, reason = "tests start threads")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::thread;

use common::*;
use sekisho::{Engine, Event, Value};

const SHARED: &str = r#"
[[feature]]
name = "sent_1d"
aggregate = "sum"
of = "amount_minor"
by = ["account"]
over = "1d"
[[feature]]
name = "devices_7d"
aggregate = "distinct"
of = "device"
by = ["account"]
over = "7d"
[[feature]]
name = "failed"
aggregate = "count"
by = ["account"]
over = "7d"
where = 'outcome == "failed"'
[[feature]]
name = "accounts_of_device"
aggregate = "distinct"
of = "account"
by = ["device"]
over = "30d"
[[feature]]
name = "pause"
aggregate = "since"
by = ["device"]
over = "30d"
[[feature]]
name = "of_ip"
aggregate = "count"
by = ["ip"]
over = "30d"
[[feature]]
name = "sum_of_merchant"
aggregate = "sum"
of = "amount_minor"
by = ["merchant"]
over = "30d"
"#;

/// One event of a partition, which has accounts and devices of its own. Every third has the address and merchant that
/// all partitions share.
fn partitioned(partition: usize, n: usize, shared: bool) -> Event {
    let account = format!("a-{partition}-{}", n * 7 % 23);
    let mut event = payment(NOW + n as i64 * MINUTE, &account)
        .with("id", &format!("e-{partition}-{n}"))
        .unwrap()
        .with("device", &format!("d-{partition}-{}", n * 5 % 31))
        .unwrap()
        .with("amount_minor", 1 + (n * 31 % 97) as i64)
        .unwrap()
        .with("outcome", if n.is_multiple_of(4) { "failed" } else { "approved" })
        .unwrap();
    if shared {
        event = event.with("ip", "203.0.113.7").unwrap().with("merchant", "everybody").unwrap();
    }
    event
}

#[test]
fn threads_with_entities_of_their_own_remember_what_one_would() {
    const EVENTS: usize = 400;
    for threads in [2, 4, 8] {
        let (alone, together) = (Engine::new(policy(SHARED), key()), Engine::new(policy(SHARED), key()));
        for n in 0..EVENTS {
            for partition in 0..threads {
                alone.record(&partitioned(partition, n, false)).unwrap();
            }
        }
        thread::scope(|scope| {
            for partition in 0..threads {
                let together = &together;
                scope.spawn(move || {
                    for n in 0..EVENTS {
                        together.assess(&partitioned(partition, n, false)).unwrap();
                    }
                });
            }
        });
        let later = EVENTS;
        for partition in 0..threads {
            for entity in 0..31 {
                let event = partitioned(partition, later + entity, false);
                assert_eq!(features(&scored(&together, &event)), features(&scored(&alone, &event)));
            }
        }
        for (one, many) in alone.statistics().iter().zip(together.statistics()) {
            assert_eq!((one.entities, one.events, one.bytes), (many.entities, many.events, many.bytes));
        }
    }
}

#[test]
fn threads_that_share_entities_lose_no_event() {
    const EVENTS: usize = 300;
    for threads in [2, 4, 8] {
        let engine = Engine::new(policy(SHARED), key());
        thread::scope(|scope| {
            for partition in 0..threads {
                let engine = &engine;
                scope.spawn(move || {
                    for n in 0..EVENTS {
                        engine.assess(&partitioned(partition, n, true)).unwrap();
                    }
                });
            }
        });
        let later = partitioned(0, EVENTS, true);
        let events = (threads * EVENTS) as i64;
        assert_eq!(value(&engine, &later, "of_ip"), Value::Integer(events));
        let amounts: i64 = (0..EVENTS).map(|n| 1 + (n * 31 % 97) as i64).sum();
        assert_eq!(value(&engine, &later, "sum_of_merchant"), Value::Integer(amounts * threads as i64));
    }
}
