//! Lists as their users see them: loads, swaps, versions, reasons; what a journal and a snapshot bring back.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use sekisho::{
    Decision, DecisionRecord, Engine, EngineBuilder, ErrorKind, Event, HashKey, ListEntry, Policy,
};

const NOW: i64 = 1_767_225_600_000;

const POLICY: &str = r#"
[policy]
name = "lists"
version = "1"
currency = "JPY"
[[list]]
name = "bad"
of = "device"
[[list]]
name = "networks"
of = "ip"
kind = "cidr"
entries = [{ value = "192.0.2.0/24", severity = 30, reason = "lab" }]
[[rule]]
id = "bad"
when = 'in_list("bad", device)'
points = 'list_severity("bad", device)'
[[rule]]
id = "mule"
when = 'list_reason("bad", device) == "mule account" && list_source("bad", device) != "rumour"'
points = 100
[[rule]]
id = "network"
when = 'in_list("networks", ip)'
points = 'list_severity("networks", ip)'
[decision]
bands = [{ from = 0, action = "allow" }]
"#;

fn key(id: u32) -> HashKey {
    HashKey::new(id, [id as u8; 32])
}

fn builder() -> EngineBuilder {
    Engine::builder(Policy::from_toml(POLICY).unwrap_or_else(|error| panic!("{error}")), key(1))
}

fn event(fields: &[(&str, &str)]) -> Event {
    let event = Event::of("login", NOW).unwrap();
    fields.iter().fold(event, |event, (name, value)| event.with(name, *value).unwrap())
}

fn score(engine: &Engine, name: &str, value: &str) -> u16 {
    engine.score(&event(&[(name, value)])).unwrap().score()
}

fn entry(severity: u8) -> ListEntry {
    ListEntry::new().severity(severity)
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

#[test]
fn a_hit_says_why_and_who_says_so() {
    let engine = builder().build().unwrap();
    let mule = entry(70).reason("mule account").source("police");
    engine.list_add("bad", "d-1", mule.clone()).unwrap();
    engine.list_add("bad", "d-2", mule.clone().source("rumour")).unwrap();
    engine.list_add("bad", "d-3", entry(70)).unwrap();
    assert_eq!(["d-1", "d-2", "d-3", "d-4"].map(|device| score(&engine, "device", device)), [170, 70, 70, 0]);

    let mut decision = Decision::detailed();
    let both = event(&[("device", "d-1"), ("ip", "192.0.2.7")]);
    engine.score_into(&both, &mut decision).unwrap();
    let listed: Vec<_> = decision
        .listed()
        .map(|hit| (hit.list(), hit.field(), hit.severity(), hit.reason(), hit.source()))
        .collect();
    assert_eq!(listed, [("bad", "device", 70, "mule account", "police"), ("networks", "ip", 30, "lab", "")]);
    let explained = decision.explain(&both).to_string();
    assert!(explained.contains("device is on bad, severity 70: mule account (police)"), "{explained}");
    assert!(explained.contains("ip is on networks, severity 30: lab"), "{explained}");

    // The record replays, and knows the versions.
    let record = decision.record(&both).unwrap();
    let read = DecisionRecord::from_json(&record.to_json()).unwrap();
    assert_eq!(read, record);
    assert_eq!(record.list_versions["bad"].number, 3);
    let again = read.replay(&engine.policy()).unwrap();
    assert_eq!((again.score(), again.list_versions().len()), (decision.score(), 2));
    assert!(again.list_versions().eq(decision.list_versions()));
    // Of somebody else nothing is left over.
    engine.score_into(&event(&[("device", "d-4")]), &mut decision).unwrap();
    assert_eq!(decision.listed().count(), 0);
}

#[test]
fn a_load_adds_and_a_swap_replaces() {
    let engine = builder().build().unwrap();
    engine.list_add("bad", "old", entry(10)).unwrap();
    let mut members = engine.list_prepare("bad").unwrap();
    members.extend((0..5_000).map(|n| (format!("d-{n}"), entry(n as u8 % 100)))).unwrap();
    members.add("d-7", &entry(99)).unwrap();
    assert_eq!(members.len(), 5_001);
    assert_eq!(engine.list_load(members).unwrap(), 5_000);
    assert_eq!(engine.list_len("bad").unwrap(), 5_001);
    assert_eq!(["old", "d-7", "d-42"].map(|device| score(&engine, "device", device)), [10, 99, 42]);

    let mut members = engine.list_prepare("bad").unwrap();
    members.add("new", &entry(20)).unwrap();
    assert_eq!(engine.list_swap(members, "2026-11").unwrap(), 1);
    assert_eq!(["old", "d-7", "new"].map(|device| score(&engine, "device", device)), [0, 0, 20]);
    let version = engine.list_version("bad").unwrap();
    assert_eq!((&*version.name, version.number), ("2026-11", 3));

    let mut networks = engine.list_prepare("networks").unwrap();
    networks.add("10.0.0.0/8", &entry(40)).unwrap();
    networks.add("2001:db8::/32", &entry(50)).unwrap();
    assert_eq!(networks.add("10.0.0.0/99", &entry(40)).unwrap_err().kind(), ErrorKind::OutOfRange);
    engine.list_swap(networks, "feed").unwrap();
    assert_eq!(["10.1.1.1", "192.0.2.7", "2001:db8::1"].map(|ip| score(&engine, "ip", ip)), [40, 0, 50]);
}

#[test]
fn what_cannot_be_loaded() {
    let engine = builder().build().unwrap();
    assert_eq!(engine.list_prepare("good").unwrap_err().kind(), ErrorKind::UnknownName);
    let mut members = engine.list_prepare("bad").unwrap();
    assert_eq!(members.add("", &entry(1)).unwrap_err().kind(), ErrorKind::Empty);
    assert_eq!(members.add("d", &entry(101)).unwrap_err().kind(), ErrorKind::OutOfRange);
    // An expiry in the past is taken, and never counts.
    members.add("past", &entry(1).expires(-5)).unwrap();
    engine.rotate(key(2)).unwrap();
    let error = engine.list_load(members).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
    assert!(error.to_string().contains("hashed with key 1, which key 2 has replaced"), "{error}");
    assert_eq!(engine.list_version("bad").unwrap().number, 0);

    let mut members = engine.list_prepare("bad").unwrap();
    for n in 0..65_536 {
        members.add("d", &entry(1).reason(format!("reason {n}"))).unwrap();
    }
    let error = members.add("d", &entry(2)).unwrap_err();
    assert!(error.to_string().contains("at most 65,536 different"), "{error}");
    assert_eq!(engine.list_load(members).unwrap(), 1);
    assert_eq!(engine.list_add("bad", "e", entry(3)).unwrap_err().kind(), ErrorKind::OutOfRange);
    assert_eq!((engine.list_len("bad").unwrap(), score(&engine, "device", "e")), (1, 0));
}

#[test]
fn a_journal_and_a_snapshot_bring_lists_back() {
    let journal = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&journal);
    let engine =
        builder().journal(move |frame| sink.lock().unwrap().extend_from_slice(frame)).build().unwrap();
    let mut snapshots = Vec::new();
    for round in 0..4u8 {
        let mut members = engine.list_prepare("bad").unwrap();
        members
            .extend((0..3_000).map(|n| (format!("d-{round}-{n}"), entry(n as u8 % 90).source("feed"))))
            .unwrap();
        if round % 2 == 0 {
            engine.list_swap(members, &format!("round {round}")).unwrap();
        } else {
            engine.list_load(members).unwrap();
        }
        snapshots.push(snapshot(&engine));
        let address = format!("10.{round}.0.0/16");
        engine.list_add("networks", &address, entry(round).reason("a reason that is long")).unwrap();
        engine.list_add("networks", "2001:db8::/48", entry(round + 1)).unwrap();
        engine.list_remove("bad", &format!("d-{round}-5")).unwrap();
        engine.list_add("bad", "late", entry(round).expires(NOW + 5)).unwrap();
    }
    let journal = journal.lock().unwrap().clone();
    let same = |restored: &Engine| {
        for list in ["bad", "networks"] {
            assert_eq!(restored.list_version(list).unwrap(), engine.list_version(list).unwrap());
            assert_eq!(restored.list_len(list).unwrap(), engine.list_len(list).unwrap());
        }
        for device in ["late", "d-3-5", "d-3-6", "d-2-77", "d-1-6"] {
            assert_eq!(score(restored, "device", device), score(&engine, "device", device), "{device}");
        }
        for ip in ["10.3.1.1", "10.4.1.1", "2001:db8::7", "192.0.2.1"] {
            assert_eq!(score(restored, "ip", ip), score(&engine, "ip", ip), "{ip}");
        }
    };
    assert_eq!(score(&engine, "device", "d-2-77"), 77);
    for snapshot in &snapshots {
        let restored = builder().restore(&**snapshot).unwrap();
        assert!(restored.recover(&*journal).unwrap().is_complete());
        same(&restored);
    }
    let recovered = builder().build().unwrap();
    assert!(recovered.recover(&*journal).unwrap().is_complete());
    same(&recovered);
    same(&builder().restore(&*snapshot(&engine)).unwrap());
}

/// A member of both versions is on the list at any time, and one of neither never is.
#[test]
fn a_swap_is_seen_as_a_whole() {
    let engine = builder().build().unwrap();
    let done = AtomicBool::new(false);
    let prepare = |round: u32| {
        let mut members = engine.list_prepare("bad").unwrap();
        members.add("both", &entry(50)).unwrap();
        members.extend((0..20_000).map(|n| (format!("d-{round}-{n}"), entry(1)))).unwrap();
        members
    };
    engine.list_swap(prepare(0), "0").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(["both", "neither"].map(|device| score(&engine, "device", device)), [50, 0]);
                }
            });
        }
        for round in 1..20 {
            engine.list_swap(prepare(round), &round.to_string()).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(engine.list_version("bad").unwrap().number, 20);
}
