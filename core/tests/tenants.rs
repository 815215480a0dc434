//! Tenants share a budget and nothing else.

#![allow(clippy::disallowed_methods, reason = "tests start threads")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::convert::Infallible;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use common::*;
use sekisho::{Decision, Engine, EngineBuilder, ErrorKind, HashKey, Tenants, Value};

const MEBIBYTE: usize = 1 << 20;

fn builder(secret: u8, mebibytes: usize) -> EngineBuilder {
    let policy = policy(&count("n", "account", "30d"));
    Engine::builder(policy, HashKey::new(1, [secret; 32])).memory(mebibytes * MEBIBYTE)
}

fn n(engine: &Engine, time: i64, account: &str) -> Value {
    value(engine, &payment(time, account), "n")
}

fn snapshot(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    let sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), Infallible>(())
    };
    engine.snapshot(sink).unwrap();
    bytes
}

/// The token under which an account is remembered.
fn token(engine: &Engine, account: &str) -> String {
    let (event, mut decision) = (payment(NOW, account), Decision::detailed());
    engine.score_into(&event, &mut decision).unwrap();
    let record: serde_json::Value =
        serde_json::from_str(&decision.record(&event).unwrap().to_json()).unwrap();
    record["entities"]["account"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_identifier_in_two_tenants_is_two_strangers() {
    let tenants = Tenants::new(64 * MEBIBYTE);
    let acme = tenants.add("acme", builder(1, 8)).unwrap();
    let zenith = tenants.add("zenith", builder(2, 8)).unwrap();
    // The key of acme by mistake: what it remembers is its own nevertheless.
    let careless = tenants.add("careless", builder(1, 8)).unwrap();
    assert_ne!(token(&acme, "a-1"), token(&zenith, "a-1"));
    assert_eq!(token(&acme, "a-1"), token(&careless, "a-1"));
    for minute in 0..5 {
        acme.record(&payment(NOW + minute * MINUTE, "a-1")).unwrap();
    }
    zenith.record(&payment(NOW, "a-1")).unwrap();
    let found = tenants.iter().map(|(name, engine)| (name, n(&engine, NOW + HOUR, "a-1")));
    let expected = [("acme", 5), ("careless", 0), ("zenith", 1)];
    let expected = expected.map(|(name, count)| (name.to_owned(), Value::Integer(count)));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    acme.advance(NOW + 90 * DAY).unwrap();
    let error = zenith.score(&payment(NOW + 90 * DAY, "a-1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Time, "clocks are apart too");
    assert!(acme.forget("account", "a-1").unwrap());
    assert_eq!(n(&zenith, NOW + HOUR, "a-1"), Value::Integer(1));
    assert!(tenants.get("nobody").is_none() && tenants.remove("nobody").is_none());
    assert!(Arc::ptr_eq(&tenants.get("acme").unwrap(), &acme));
}

#[test]
fn one_budget_holds_for_all() {
    let tenants = Tenants::new(20 * MEBIBYTE);
    assert!(tenants.is_empty() && tenants.memory() == 20 * MEBIBYTE);
    drop(tenants.add("acme", builder(1, 12)).unwrap());
    let refused = |name: &str, builder| {
        let error = tenants.add(name, builder).unwrap_err();
        (error.kind(), error.to_string())
    };
    assert_eq!(
        refused("acme", builder(2, 1)),
        (
            ErrorKind::Taken,
            "`acme`: a tenant has this name already; remove it first, or take another name".to_owned()
        )
    );
    assert_eq!(
        refused("zenith", builder(2, 9)),
        (
            ErrorKind::OutOfRange,
            "`zenith`: the tenant may fill 9437184 bytes of memory, 8388608 of 20971520 are left; give it less, or remove another".to_owned()
        )
    );
    // Tables of their own may have more than the whole.
    let greedy = builder(2, 1).table_memory("account", 9 * MEBIBYTE);
    assert_eq!(refused("zenith", greedy).0, ErrorKind::OutOfRange);
    let without_bounds = Engine::builder(policy(&count("n", "account", "1d")), key());
    assert_eq!(refused("zenith", without_bounds).0, ErrorKind::OutOfRange, "a gibibyte");
    // What the builder refuses sets nothing aside.
    assert_eq!(refused("zenith", builder(2, 8).table_memory("acount", 1)).0, ErrorKind::UnknownName);
    assert_eq!(refused("zenith", builder(2, 0)).0, ErrorKind::OutOfRange);
    assert_eq!(refused("", builder(2, 1)).0, ErrorKind::Empty);
    assert_eq!(refused(&"x".repeat(257), builder(2, 1)).0, ErrorKind::TooLong);
    assert_eq!((tenants.len(), tenants.memory_left()), (1, 8 * MEBIBYTE));

    tenants.add("zenith", builder(2, 8)).unwrap();
    assert_eq!((tenants.names(), tenants.memory_left()), (vec!["acme".to_owned(), "zenith".to_owned()], 0));
    assert_eq!(format!("{tenants:?}"), "Tenants([\"acme\", \"zenith\"], 0 of 20971520 bytes left)");

    // Whoever holds the engine of a removed tenant may fill its memory still.
    let held = tenants.remove("acme").unwrap();
    assert!(tenants.get("acme").is_none() && tenants.memory_left() == 0);
    let told = refused("third", builder(3, 1)).1;
    assert!(told.contains("0 of 20971520 are left (12582912 more when the engines of removed"), "{told}");
    held.record(&payment(NOW, "a-1")).unwrap();
    drop(held);
    assert_eq!(tenants.memory_left(), 12 * MEBIBYTE);
    drop(tenants.add("acme", builder(1, 12)).unwrap());
    let statistics = tenants.statistics();
    let bounds: Vec<_> = statistics.iter().map(|tenant| (tenant.name.as_str(), tenant.memory)).collect();
    assert_eq!(bounds, [("acme", 12 * MEBIBYTE), ("zenith", 8 * MEBIBYTE)]);
    assert_eq!(n(&tenants.get("acme").unwrap(), NOW, "a-1"), Value::Integer(0), "it begins anew");
}

#[test]
fn a_flood_in_one_tenant_evicts_nobody_in_another() {
    const REGULARS: usize = 300;
    let tenants = Tenants::new(8 * MEBIBYTE);
    let (calm, flooded) =
        (tenants.add("calm", builder(1, 4)).unwrap(), tenants.add("flooded", builder(1, 4)).unwrap());
    for round in 0..3 {
        for regular in 0..REGULARS {
            calm.record(&payment(NOW + round * MINUTE, &format!("regular-{regular}"))).unwrap();
        }
    }
    let before = tenants.statistics();
    let mut decision = Decision::new();
    for stranger in 0..100_000 {
        let event = payment(NOW + HOUR + stranger, &format!("stranger-{stranger}"));
        flooded.assess_into(&event, &mut decision).unwrap();
        if stranger % 1024 == 0 {
            let bytes: Vec<_> = tenants.statistics().iter().map(|tenant| tenant.bytes).collect();
            assert!(bytes.iter().sum::<usize>() <= tenants.memory(), "{bytes:?}");
        }
    }
    let after = tenants.statistics();
    assert!(after[1].tables[0].evicted > 50_000 && after[1].bytes <= after[1].memory, "{after:?}");
    assert_eq!(after[0], before[0]);
    for regular in 0..REGULARS {
        assert_eq!(n(&calm, NOW + HOUR, &format!("regular-{regular}")), Value::Integer(3));
    }
}

#[test]
fn a_tenant_comes_back_from_its_own_files_alone() {
    let tenants = Tenants::new(64 * MEBIBYTE);
    let frames = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&frames);
    let journalled = builder(1, 8).journal(move |frame: &[u8]| log.lock().unwrap().extend_from_slice(frame));
    let acme = tenants.add("acme", journalled).unwrap();
    let zenith = tenants.add("zenith", builder(2, 8)).unwrap();
    acme.record(&payment(NOW, "a-1")).unwrap();
    let bytes = snapshot(&acme);
    acme.record(&payment(NOW + MINUTE, "a-1")).unwrap();
    zenith.record(&payment(NOW, "a-1")).unwrap();
    drop((acme, tenants.remove("acme")));
    let left = tenants.memory_left();

    let error = tenants.restore("acme", builder(2, 8), &bytes[..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(tenants.get("acme").is_none() && tenants.memory_left() == left, "nothing is set aside");
    let error = zenith.recover(&frames.lock().unwrap()[..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);

    // While the host is asked for bytes, nobody waits, and the name is taken.
    let mut asked = false;
    let mut rest = &bytes[..];
    let source = Source(|to: &mut [u8]| {
        if !std::mem::replace(&mut asked, true) {
            assert!(tenants.get("acme").is_none() && tenants.remove("acme").is_none());
            assert_eq!(tenants.add("acme", builder(3, 1)).unwrap_err().kind(), ErrorKind::Taken);
            assert_eq!(tenants.memory_left(), left - 8 * MEBIBYTE);
            drop(tenants.add("third", builder(3, 1)).unwrap());
        }
        rest.read(to)
    });
    let acme = tenants.restore("acme", builder(1, 8), source).unwrap();
    assert_eq!(n(&acme, NOW + HOUR, "a-1"), Value::Integer(1));
    assert!(acme.recover(&frames.lock().unwrap()[..]).unwrap().is_complete());
    assert_eq!(n(&acme, NOW + HOUR, "a-1"), Value::Integer(2));
    assert_eq!(tenants.names(), ["acme", "third", "zenith"]);

    // A host that panics takes nothing with it.
    let left = tenants.memory_left();
    let broken = AssertUnwindSafe(|| {
        let source = Source(|_: &mut [u8]| panic!("the test's own"));
        drop(tenants.restore("fourth", builder(4, 1), source));
    });
    assert!(catch_unwind(broken).is_err());
    assert_eq!(tenants.memory_left(), left);
    tenants.add("fourth", builder(4, 1)).unwrap();
}

struct Source<F>(F);

impl<F: FnMut(&mut [u8]) -> std::io::Result<usize>> Read for Source<F> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        (self.0)(to)
    }
}

#[test]
fn who_holds_a_removed_tenant_goes_on() {
    const EVENTS: i64 = 2_000;
    let tenants = Tenants::new(8 * MEBIBYTE);
    tenants.add("acme", builder(1, 8)).unwrap();
    let both = Barrier::new(2);
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let engine = tenants.get("acme").unwrap();
            for event in 0..EVENTS {
                if event == EVENTS / 2 {
                    both.wait();
                    both.wait();
                }
                engine.record(&payment(NOW + event, "a-1")).unwrap();
            }
            n(&engine, NOW + HOUR, "a-1")
        });
        both.wait();
        drop(tenants.remove("acme"));
        assert_eq!(tenants.memory_left(), 0, "the other thread may fill it");
        both.wait();
        assert_eq!(worker.join().unwrap(), Value::Integer(EVENTS));
    });
    assert_eq!(tenants.memory_left(), 8 * MEBIBYTE);
}

/// Tenants come and go while others score: everybody finds the own engine or none, and all stay within the budget.
#[test]
fn tenants_come_and_go_while_others_score() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let tenants = Tenants::new(4 * MEBIBYTE);
    let stays = tenants.add("stays", builder(9, 1)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for worker in 0..3usize {
            let tenants = &tenants;
            workers.push(scope.spawn(move || {
                let mut added = 0;
                for round in 0..200 {
                    let name = NAMES[(worker * 2 + round) % NAMES.len()];
                    match tenants.add(name, builder(1, 1)) {
                        Ok(engine) => {
                            added += 1;
                            engine.record(&payment(NOW, name)).unwrap();
                        }
                        Err(error) => {
                            assert!(
                                matches!(error.kind(), ErrorKind::Taken | ErrorKind::OutOfRange),
                                "{error}"
                            );
                            drop(tenants.remove(name));
                        }
                    }
                }
                added
            }));
        }
        let (tenants, done) = (&tenants, &done);
        let reader = scope.spawn(move || {
            let mut time = NOW;
            while !done.load(Ordering::Relaxed) {
                time += 1;
                tenants.get("stays").unwrap().record(&payment(time, "a-1")).unwrap();
                let names = tenants.names();
                assert!(names.is_sorted() && names.len() <= 4, "{names:?}");
                for name in NAMES {
                    if let Some(engine) = tenants.get(name) {
                        assert!(matches!(n(&engine, NOW, name), Value::Integer(0 | 1)));
                        let others = NAMES.iter().filter(|other| **other != name);
                        others.for_each(|other| assert_eq!(n(&engine, NOW, other), Value::Integer(0)));
                    }
                }
            }
            time - NOW
        });
        assert!(workers.into_iter().map(|worker| worker.join().unwrap()).sum::<usize>() > 50);
        done.store(true, Ordering::Relaxed);
        assert_eq!(Value::Integer(reader.join().unwrap()), n(&stays, NOW + DAY, "a-1"));
    });
    for name in NAMES {
        drop(tenants.remove(name));
    }
    assert_eq!((tenants.names(), tenants.memory_left()), (vec!["stays".to_owned()], 3 * MEBIBYTE));
}
