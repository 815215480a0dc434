//! What threads do to one another, with the schedule chosen by a model checker: `make test-interleavings`.
//!
//! The checker switches threads at every lock, and fails when all of them wait for one another.

#![cfg(shuttle)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::sync::Arc;

use sekisho::{Decision, Engine, Event, HashKey, ListEntry, Policy, Value};
use shuttle::thread;

const NOW: i64 = 1_767_225_600_000;

/// Schedules that are tried by each of the two ways to choose them.
const SCHEDULES: usize = 2_000;

/// Times that a schedule of the second way turns from the thread that comes first: most faults need few.
const TURNS: usize = 3;

fn policy(version: &str, fields: &[&str]) -> Policy {
    let mut text = format!(
        "[policy]\nname = \"interleavings\"\nversion = \"{version}\"\ncurrency = \"JPY\"\n\
         [[list]]\nname = \"blocked\"\nof = \"account\"\n"
    );
    for field in fields {
        text += &format!(
            "[[feature]]\nname = \"of_{field}\"\naggregate = \"count\"\nby = [\"{field}\"]\nover = \"30d\"\n"
        );
    }
    text += "[[rule]]\nid = \"blocked\"\nwhen = 'in_list(\"blocked\", account)'\npoints = 900\n\
             [decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
    Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn engine(fields: &[&str]) -> Arc<Engine> {
    Arc::new(Engine::new(policy("1", fields), HashKey::new(1, [5; 32])))
}

fn event(id: &str, fields: [(&str, &str); 3]) -> Event {
    let event = Event::of("payment", NOW).unwrap().with("id", id).unwrap();
    fields.into_iter().fold(event, |event, (name, value)| event.with(name, value).unwrap())
}

/// The same entities for every event.
fn common(id: &str) -> Event {
    event(id, [("account", "a"), ("device", "d"), ("ip", "192.0.2.1")])
}

fn count(decision: &Decision, name: &str) -> i64 {
    let feature = decision.features().find(|feature| feature.name() == name).unwrap();
    match feature.value() {
        Value::Integer(count) => *count,
        other => panic!("{name} is {other:?}"),
    }
}

fn assess(engine: &Engine, event: &Event) -> Decision {
    let mut decision = Decision::detailed();
    engine.assess_into(event, &mut decision).unwrap();
    decision
}

/// What remains once all threads are done.
fn remembered(engine: &Engine, names: &[&str]) -> Vec<i64> {
    let mut decision = Decision::detailed();
    engine.score_into(&common("later"), &mut decision).unwrap();
    names.iter().map(|name| count(&decision, name)).collect()
}

/// Schedules that turn anywhere, and those that let one thread run until it is turned from it at a few places.
fn check(scene: fn()) {
    shuttle::check_random(scene, SCHEDULES);
    shuttle::check_pct(scene, SCHEDULES, TURNS);
}

/// Each thread's events see both entities as they were before or after any other event, never between.
#[test]
fn two_that_share_two_entities() {
    check(|| {
        let engine = engine(&["account", "device", "ip"]);
        let orders = [
            [("account", "a"), ("device", "d"), ("ip", "192.0.2.1")],
            [("ip", "192.0.2.1"), ("device", "d"), ("account", "a")],
        ];
        let threads = orders.into_iter().enumerate().map(|(number, order)| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                let seen = [0, 1].map(|n| {
                    let decision = assess(&engine, &event(&format!("{number}-{n}"), order));
                    let seen = ["of_account", "of_device", "of_ip"].map(|name| count(&decision, name));
                    assert_eq!(seen, [seen[0]; 3], "all three have seen the same events");
                    seen[0]
                });
                assert!(seen[0] < seen[1], "a thread sees its own events");
                seen
            })
        });
        let threads: Vec<_> = threads.collect();
        let mut seen: Vec<i64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3], "one after the other");
        assert_eq!(remembered(&engine, &["of_account", "of_device", "of_ip"]), [4; 3]);
    });
}

/// Three threads, each with two of three entities: a ring in which each could wait for the next.
#[test]
fn a_ring_of_entities() {
    check(|| {
        let engine = engine(&["account", "device", "ip"]);
        let pairs = [
            [("account", "a"), ("device", "d"), ("channel", "web")],
            [("device", "d"), ("ip", "192.0.2.1"), ("channel", "web")],
            [("ip", "192.0.2.1"), ("account", "a"), ("channel", "web")],
        ];
        let threads = pairs.into_iter().enumerate().map(|(number, pair)| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                assess(&engine, &event(&number.to_string(), pair));
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(remembered(&engine, &["of_account", "of_device", "of_ip"]), [2; 3]);
    });
}

/// The same event from two threads is recorded once.
#[test]
fn the_same_event_twice() {
    check(|| {
        let engine = engine(&["account", "device"]);
        let threads = [(); 2].map(|()| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || assess(&engine, &common("once")).is_repeated())
        });
        let mut repeated = threads.map(|thread| thread.join().unwrap());
        repeated.sort_unstable();
        assert_eq!(repeated, [false, true]);
        assert_eq!(remembered(&engine, &["of_account", "of_device"]), [1; 2]);
    });
}

/// Whichever policy an event meets, those that count the same entity count it once; who scores sees one policy.
#[test]
fn assessing_while_the_policy_is_replaced() {
    check(|| {
        let engine = engine(&["account", "device"]);
        assess(&engine, &common("first"));
        let scoring = [0, 1].map(|number| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                for n in 0..2 {
                    let decision = assess(&engine, &common(&format!("{number}-{n}")));
                    let names: Vec<&str> = decision.features().map(|feature| feature.name()).collect();
                    match names[..] {
                        ["of_account", "of_device"] => {
                            assert_eq!(count(&decision, "of_account"), count(&decision, "of_device"));
                        }
                        ["of_device", "of_ip", "of_account"] => {
                            assert_eq!(count(&decision, "of_account"), count(&decision, "of_device"));
                            assert!(count(&decision, "of_ip") < count(&decision, "of_account"));
                        }
                        ref other => panic!("{other:?}"),
                    }
                }
            })
        });
        // Tables in another order, and a new one.
        let report = engine.swap(policy("2", &["device", "ip", "account"])).unwrap();
        assert_eq!(report.warm, ["of_device", "of_account"]);
        assert_eq!(report.cold, ["of_ip"]);
        scoring.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(remembered(&engine, &["of_account", "of_device"]), [5; 2]);
    });
}

/// Of two policies that are installed at once, one comes last, and nothing is lost.
#[test]
fn two_policies_at_once() {
    check(|| {
        let engine = engine(&["account"]);
        assess(&engine, &common("first"));
        let swapping = ["device", "ip"].map(|field| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || engine.swap(policy("2", &[field, "account"])).map(|_| ()).unwrap())
        });
        assess(&engine, &common("second"));
        swapping.into_iter().for_each(|thread| thread.join().unwrap());
        assess(&engine, &common("third"));
        assert_eq!(remembered(&engine, &["of_account"]), [3]);
    });
}

/// The key is replaced before an event or after it: two threads whose entities change shards, each towards the other,
/// wait for nobody for ever, and no event is lost.
#[test]
fn assessing_while_the_key_is_replaced() {
    check(|| {
        let engine = engine(&["account", "device", "ip"]);
        engine.list_add("blocked", "a", ListEntry::new()).unwrap();
        let orders = [
            [("account", "a"), ("device", "d"), ("ip", "192.0.2.1")],
            [("ip", "192.0.2.1"), ("device", "d"), ("account", "a")],
        ];
        assess(&engine, &common("first"));
        let scoring = orders.into_iter().enumerate().map(|(number, order)| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                for n in 0..2 {
                    let decision = assess(&engine, &event(&format!("{number}-{n}"), order));
                    let seen = ["of_account", "of_device", "of_ip"].map(|name| count(&decision, name));
                    assert_eq!(seen, [seen[0]; 3], "all three have seen the same events");
                    assert!(seen[0] > n, "a thread sees its own events");
                    assert_eq!(decision.score(), 900, "a member of a list stays one");
                }
                assert!(assess(&engine, &common("first")).is_repeated());
            })
        });
        let scoring: Vec<_> = scoring.collect();
        engine.rotate(HashKey::new(2, [6; 32])).unwrap();
        scoring.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(remembered(&engine, &["of_account", "of_device", "of_ip"]), [5; 3]);
        assert_eq!(engine.retire_key(), 0);
        assert_eq!(remembered(&engine, &["of_account", "of_device", "of_ip"]), [5; 3]);
    });
}

/// The key is retired before an event or after it; what an event has touched before is kept.
#[test]
fn assessing_while_the_key_is_retired() {
    check(|| {
        let engine = engine(&["account", "device"]);
        assess(&engine, &common("first"));
        engine.rotate(HashKey::new(2, [6; 32])).unwrap();
        let scoring = {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                [0, 1].map(|n| {
                    let decision = assess(&engine, &common(&n.to_string()));
                    let seen = ["of_account", "of_device"].map(|name| count(&decision, name));
                    assert_eq!(seen, [seen[0]; 2]);
                    seen[0]
                })
            })
        };
        let dropped = engine.retire_key();
        let seen = scoring.join().unwrap();
        let left = remembered(&engine, &["of_account", "of_device"]);
        match dropped {
            0 => assert_eq!((seen, left), ([1, 2], vec![3; 2])),
            2 => assert_eq!((seen, left), ([0, 1], vec![2; 2])),
            other => panic!("{other} entities were dropped"),
        }
    });
}

/// An entity is forgotten before an event or after it, and comes back whole.
#[test]
fn assessing_while_an_entity_is_forgotten() {
    check(|| {
        let engine = engine(&["account", "device"]);
        engine.list_add("blocked", "a", ListEntry::new()).unwrap();
        assess(&engine, &common("first"));
        let scoring = {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                [0, 1].map(|n| count(&assess(&engine, &common(&n.to_string())), "of_account"))
            })
        };
        assert!(engine.forget("account", "a").unwrap());
        let seen = scoring.join().unwrap();
        let left = remembered(&engine, &["of_account", "of_device"]);
        assert_eq!(left[1], 3, "the device has its own memory");
        let serial = match seen {
            [0, 1] => 2,
            [1, 0] => 1,
            [1, 2] => 0,
            other => panic!("{other:?}"),
        };
        assert_eq!(left[0], serial);
        assert_eq!(engine.list_len("blocked").unwrap(), 0);
    });
}

/// What a call puts on a list while it holds an entity is seen by every call that waited for the entity.
#[test]
fn waiting_for_who_puts_somebody_on_a_list() {
    check(|| {
        let policy = Policy::from_toml(
            r#"
            [policy]
            name = "interleavings"
            version = "1"
            currency = "JPY"
            [[list]]
            name = "denied"
            of = "device"
            [[feedback]]
            list = "denied"
            of = "device"
            on = "deny"
            for = "1h"
            [[feature]]
            name = "of_account"
            aggregate = "count"
            by = ["account"]
            over = "1d"
            [[rule]]
            id = "denied"
            when = 'in_list("denied", device)'
            points = 50
            [[rule]]
            id = "always"
            when = 'has(account)'
            points = 900
            [decision]
            bands = [{ from = 0, action = "allow" }, { from = 900, action = "deny" }]
            "#,
        );
        let engine = Arc::new(Engine::new(policy.unwrap(), HashKey::new(1, [5; 32])));
        let calls = [0, 1, 2].map(|number| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                let decision = assess(&engine, &common(&number.to_string()));
                let listed = decision.score() == 950;
                assert_eq!(listed, count(&decision, "of_account") > 0, "both came of the call before");
            })
        });
        calls.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(engine.list_version("denied").unwrap().number, 1);
    });
}

/// Somebody is put on a list before an event or after it, never while one is decided on; what is done to another list
/// meanwhile is not lost.
#[test]
fn changing_lists_side_by_side() {
    check(|| {
        let engine = engine(&["account"]);
        let adding = ["a", "b"].map(|account| {
            let engine = Arc::clone(&engine);
            thread::spawn(move || {
                engine.list_add("blocked", account, ListEntry::new()).unwrap();
                assert_eq!(assess(&engine, &event(account, [("account", account); 3])).score(), 900);
            })
        });
        engine.swap(policy("2", &["account", "device"])).unwrap();
        adding.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(engine.list_len("blocked").unwrap(), 2);
        assert_eq!(engine.list_version("blocked").unwrap().number, 2);
    });
}
