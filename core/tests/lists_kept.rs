//! What lists hold while they are loaded, and after a while.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::disallowed_methods, reason = "a test starts threads")]

use std::sync::{Arc, Mutex};

use sekisho::{Engine, Event, HashKey, ListEntry, Policy};

const NOW: i64 = 1_767_225_600_000;

fn key() -> HashKey {
    HashKey::new(1, [1; 32])
}

fn policy(body: &str) -> Policy {
    let head = "[policy]\nname = \"l\"\nversion = \"1\"\ncurrency = \"JPY\"\n";
    let bands = "[decision]\nbands = [{ from = 0, action = \"allow\" }, { from = 900, action = \"deny\" }]\n";
    Policy::from_toml(&[head, body, bands].concat()).unwrap_or_else(|error| panic!("{error}"))
}

fn entry(severity: u8) -> ListEntry {
    ListEntry::new().severity(severity)
}

fn score(engine: &Engine, time: i64, name: &str, value: &str) -> u16 {
    engine.score(&Event::of("login", time).unwrap().with(name, value).unwrap()).unwrap().score()
}

fn snapshot(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine
        .snapshot(|piece| {
            bytes.extend_from_slice(piece);
            Ok::<(), std::convert::Infallible>(())
        })
        .unwrap();
    bytes
}

/// Networks are loaded beside the list: what others put on it and take off it meanwhile stays and goes.
#[test]
fn what_changes_while_networks_are_loaded() {
    const ROUNDS: u32 = 6;
    const CHANGES: u32 = 300;
    let network = |kind: u32, n: u32| format!("{kind}.{}.{}.0/24", n / 256, n % 256);
    let body = "[[list]]\nname = \"networks\"\nof = \"ip\"\nkind = \"cidr\"\n[[rule]]\nid = \"network\"\n\
                when = 'in_list(\"networks\", ip)'\npoints = 'list_severity(\"networks\", ip)'\n";
    let engine = Engine::new(policy(body), key());
    for n in 0..CHANGES {
        engine.list_add("networks", &network(10, n), entry(10)).unwrap();
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..CHANGES {
                engine.list_add("networks", &network(11, n), entry(20)).unwrap();
                assert!(engine.list_remove("networks", &network(10, n)).unwrap());
            }
        });
        for round in 0..ROUNDS {
            let mut members = engine.list_prepare("networks").unwrap();
            members.extend((0..3_000).map(|n| (network(12 + round, n), entry(30)))).unwrap();
            assert_eq!(engine.list_load(members).unwrap(), 3_000);
        }
    });
    assert_eq!(engine.list_len("networks").unwrap() as u32, CHANGES + ROUNDS * 3_000);
    assert_eq!(["10.0.9.1", "11.0.9.1", "17.0.9.1"].map(|ip| score(&engine, NOW, "ip", ip)), [0, 20, 30]);
}

/// Lists that events fill keep about what counts, and a journal brings back what they kept.
#[test]
fn what_expired_makes_room() {
    const HOURS: i64 = 24 * 20;
    const HOUR: i64 = 3_600_000;
    let list = |name: &str, of: &str, kind: &str, field: &str| {
        format!(
            "[[list]]\nname = \"{name}\"\nof = \"{of}\"\n{kind}\n[[feedback]]\nlist = \"{name}\"\n\
             of = \"{field}\"\non = \"deny\"\nfor = \"1h\"\n"
        )
    };
    let body = "locale = \"ja\"\n".to_owned()
        + &list("devices", "device", "", "device")
        + &list("drops", "address", "kind = \"address\"", "shipping_address")
        + "[[rule]]\nid = \"all\"\nwhen = 'type == \"transfer\" || in_list(\"drops\", shipping_address)'\npoints = 900\n";
    let policy = policy(&body);
    let journal = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&journal);
    let engine = Engine::builder(policy.clone(), key())
        .journal(move |frame| sink.lock().unwrap().extend_from_slice(frame))
        .build()
        .unwrap();
    let home = |n: i64| format!("東京都千代田区丸の内1-2-{} {n}番館ビル", n % 7);
    engine.list_add("drops", &home(-1), entry(10)).unwrap();
    let mut snapshots = Vec::new();
    for hour in 0..HOURS {
        for n in 0..20 {
            let number = hour * 20 + n;
            let event = Event::of("transfer", NOW + hour * HOUR).unwrap();
            let event = event.with("device", &*format!("d-{number}")).unwrap();
            let event = event.with("shipping_address", &*home(number)).unwrap();
            assert_eq!(engine.assess(&event).unwrap().action(), sekisho::Action::Deny);
        }
        if hour % 150 == 100 {
            snapshots.push(snapshot(&engine));
        }
    }
    // A day and an hour of them may still be asked for.
    let kept = 26 * 20;
    let len = |engine: &Engine| ["devices", "drops"].map(|list| engine.list_len(list).unwrap());
    let [devices, drops] = len(&engine);
    assert!((kept - 21..HOURS as usize * 20).contains(&devices), "{devices}");
    assert!((kept - 21..kept * 5 / 4).contains(&drops), "{drops}");
    let asked = |engine: &Engine, n: i64, time: i64| score(engine, time, "shipping_address", &home(n));
    let latest = NOW + (HOURS - 1) * HOUR;
    let recovered = Engine::builder(policy.clone(), key()).build().unwrap();
    let restored =
        snapshots.iter().map(|snapshot| Engine::builder(policy.clone(), key()).restore(&**snapshot).unwrap());
    let journal = journal.lock().unwrap().clone();
    for again in restored.chain([recovered]) {
        assert!(again.recover(&*journal).unwrap().is_complete());
        assert_eq!(len(&again), len(&engine));
        let late = latest - 24 * HOUR;
        let numbers = -1..HOURS * 20;
        assert!(numbers.clone().all(|n| asked(&again, n, late) == asked(&engine, n, late)));
        assert!(numbers.clone().all(|n| asked(&again, n, NOW) == asked(&engine, n, NOW)));
    }
}
