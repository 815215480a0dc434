//! Lists as their users see them: loads, swaps, versions, reasons; what a journal and a snapshot bring back.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::disallowed_methods, reason = "a test starts threads")]

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
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
    let long = entry(1).reason("x".repeat(1_025));
    assert_eq!(members.add("d", &long).unwrap_err().kind(), ErrorKind::TooLong);
    // An expiry in the past is taken, and never counts; seconds are not taken for one.
    members.add("past", &entry(1).expires(946_684_800_000)).unwrap();
    for seconds in [-5, 0, 1_798_761_600] {
        let error = members.add("d", &entry(1).expires(seconds)).unwrap_err();
        assert_eq!((error.kind(), error.to_string().contains("seconds since 1970")), (ErrorKind::Time, true));
    }
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
fn members_of_another_secret_are_refused_although_its_number_is_the_same() {
    let engine = builder().build().unwrap();
    let stranger = Engine::builder(engine.policy(), HashKey::new(1, [77; 32])).build().unwrap();
    let gathered = || {
        let mut members = stranger.list_prepare("bad").unwrap();
        members.add("d-1", &entry(50)).unwrap();
        members
    };
    let mut own = engine.list_prepare("bad").unwrap();
    for error in [
        engine.list_accepts(&gathered()).unwrap_err(),
        engine.list_load(gathered()).unwrap_err(),
        engine.list_swap(gathered(), "theirs").unwrap_err(),
        engine.list_seal(&gathered()).unwrap_err(),
        own.merge(gathered()).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.field()), (ErrorKind::Key, Some("bad")));
        assert!(error.to_string().contains("another secret than that of key 1"), "{error}");
    }
    assert_eq!((own.len(), engine.list_version("bad").unwrap().number), (0, 0));
    // What is lent to a merge can be used on.
    let theirs = gathered();
    stranger.list_accepts(&theirs).unwrap();
    let mut more = gathered();
    more.merge(&theirs).unwrap();
    assert_eq!((stranger.list_load(more).unwrap(), stranger.list_load(theirs).unwrap()), (1, 0));
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

/// Whoever has been told of a change sees it in the next call, on any thread: a member's severity is the number of the
/// change, however that was made.
#[test]
fn who_was_told_of_a_change_sees_it() {
    const CHANGES: u8 = 90;
    let engine = builder().build().unwrap();
    let (begun, told) = (AtomicU8::new(1), AtomicU8::new(1));
    let change = |number: u8| {
        let prepared = || {
            let mut members = engine.list_prepare("bad").unwrap();
            members.add("both", &entry(number)).unwrap();
            members
        };
        match number % 5 {
            0 => _ = engine.list_swap(prepared(), &number.to_string()).unwrap(),
            1 => _ = engine.list_load(prepared()).unwrap(),
            2 => {
                // Another policy, another key: lists stay, and changes go on.
                let version = format!("version = \"{number}\"");
                let policy = POLICY.replace("version = \"1\"", &version);
                engine.swap(Policy::from_toml(&policy).unwrap()).unwrap();
                engine.list_add("bad", "both", entry(number)).unwrap();
            }
            3 => {
                engine.rotate(key(u32::from(number))).unwrap();
                engine.list_add("bad", "both", entry(number)).unwrap();
                engine.retire_key();
            }
            _ => engine.list_add("bad", "both", entry(number)).unwrap(),
        }
    };
    engine.list_add("bad", "both", entry(1)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let least = told.load(Ordering::Acquire);
                    let seen = score(&engine, "device", "both");
                    let most = begun.load(Ordering::Acquire);
                    assert!((u16::from(least)..=u16::from(most)).contains(&seen), "{least} {seen} {most}");
                    if least == CHANGES {
                        break;
                    }
                }
            });
        }
        for number in 2..=CHANGES {
            begun.store(number, Ordering::Release);
            change(number);
            told.store(number, Ordering::Release);
        }
    });
}

fn engine_of(body: &str) -> sekisho::Result<Engine> {
    let text = "[policy]\nname = \"l\"\nversion = \"1\"\ncurrency = \"JPY\"\n".to_owned() + body;
    let rest = if body.contains("[decision]") {
        ""
    } else {
        "[decision]\nbands = [{ from = 0, action = \"allow\" }, { from = 900, action = \"deny\" }]\n"
    };
    Ok(Engine::new(Policy::from_toml(&(text + rest))?, key(1)))
}

const PARTS: &str = r#"
[[list]]
name = "phones"
of = "phone"
kind = "prefix"
[[list]]
name = "bins"
of = "bin"
kind = "prefix"
[[list]]
name = "cards"
of = "card"
kind = "prefix"
[[list]]
name = "mail"
of = "email"
kind = "domain"
[[rule]]
id = "phone"
when = 'in_list("phones", phone)'
points = 'list_severity("phones", phone)'
[[rule]]
id = "bin"
when = 'in_list("bins", bin)'
points = 'list_severity("bins", bin)'
[[rule]]
id = "card"
when = 'in_list("cards", card)'
points = 'list_severity("cards", card)'
[[rule]]
id = "mail"
when = 'in_list("mail", email)'
points = 'list_severity("mail", email)'
"#;

#[test]
fn beginnings_and_domains_the_longest_that_counts() {
    let engine = engine_of(PARTS).unwrap();
    for (list, member, severity, expires) in [
        ("phones", "050", 10, None),
        ("phones", "0501234", 20, None),
        ("phones", "05012345", 30, Some(NOW)),
        ("bins", "4111", 40, None),
        ("cards", "411111", 2, None),
        ("mail", "example.co.jp", 50, None),
        ("mail", "*.Mail.Example.co.jp", 60, None),
        ("mail", "xyz", 70, None),
    ] {
        let mut entry = entry(severity);
        entry = expires.map_or(entry.clone(), |expires| entry.expires(expires));
        engine.list_add(list, member, entry).unwrap();
    }
    for (field, value, expected) in [
        ("phone", "05012345678", 20),
        ("phone", "0509", 10),
        ("phone", "09012345678", 0),
        ("phone", "05", 0),
        ("card", "4111 1111 1111 1111", 42),
        ("bin", "411199", 40),
        ("email", "a@example.co.jp", 50),
        ("email", "a@deep.mail.EXAMPLE.co.jp", 60),
        ("email", "a@notexample.co.jp", 0),
        ("email", "a@b.xyz", 70),
        ("email", "xyz@b.c", 0),
    ] {
        assert_eq!(score(&engine, field, value), expected, "{field} {value}");
    }
    assert!(engine.list_remove("phones", "0501234").unwrap());
    assert_eq!(score(&engine, "phone", "05012345678"), 10);

    // Loaded ones behave alike, and a snapshot keeps them.
    let mut members = engine.list_prepare("mail").unwrap();
    members.add("co.jp", &entry(5)).unwrap();
    engine.list_swap(members, "mail").unwrap();
    assert_eq!(score(&engine, "email", "a@example.co.jp"), 5);
    let restored = Engine::restore(engine.policy(), key(1), &*snapshot(&engine)).unwrap();
    for (field, value) in [("phone", "05012345678"), ("card", "4111 1111 1111 1111"), ("email", "a@b.co.jp")]
    {
        assert_eq!(score(&restored, field, value), score(&engine, field, value));
    }
    // While the key is replaced they are found under both.
    engine.rotate(key(2)).unwrap();
    engine.list_add("mail", "jp", entry(6)).unwrap();
    assert_eq!(["a@b.co.jp", "a@b.ne.jp"].map(|email| score(&engine, "email", email)), [5, 6]);
}

#[test]
fn parts_that_no_list_can_hold() {
    let engine = engine_of(PARTS).unwrap();
    for (list, member) in [
        ("cards", "411111111"),
        ("cards", "4111-1"),
        ("phones", ""),
        ("mail", "example..jp"),
        ("mail", ""),
        ("mail", "alice@example.com"),
        ("mail", "https://example.com/x"),
        ("mail", "example.com:25"),
        ("mail", "example.com "),
        ("mail", &"a.".repeat(10_000)),
        ("phones", &"0".repeat(65)),
    ] {
        assert_eq!(
            engine.list_add(list, member, entry(1)).unwrap_err().kind(),
            ErrorKind::OutOfRange,
            "{list}"
        );
    }
    let of_ip = "[[list]]\nname = \"p\"\nof = \"ip\"\nkind = \"prefix\"\n";
    let error = engine_of(of_ip).unwrap_err().to_string();
    assert!(error.contains("a list of \"ip\" is \"exact\" or \"cidr\""), "{error}");
}

#[test]
fn relief_has_a_bound() {
    let rules = "[[list]]\nname = \"good\"\nof = \"device\"\n[[list]]\nname = \"better\"\nof = \"account\"\n\
                 [[rule]]\nid = \"amount\"\nwhen = 'amount_minor > 5'\npoints = 600\n\
                 [[rule]]\nid = \"good\"\nwhen = 'in_list(\"good\", device)'\npoints = -300\n\
                 [[rule]]\nid = \"better\"\nwhen = 'in_list(\"better\", account)'\npoints = -300\n\
                 [[rule]]\nid = \"stop\"\nwhen = 'amount_minor > 9'\naction = \"deny\"\n";
    let bounded = "[decision]\nmost_relief = 400\nbands = [{ from = 0, action = \"allow\" }]\n";
    let fill = |engine: &Engine, amount: i64, fields: &[(&str, &str)]| {
        engine.list_add("good", "d", entry(1)).unwrap();
        engine.list_add("better", "a", entry(1)).unwrap();
        let decision = engine.score(&event(fields).with("amount_minor", amount).unwrap()).unwrap();
        (decision.score(), decision.action().to_string())
    };
    let both = [("device", "d"), ("account", "a")];
    let (free, bounded) = (engine_of(rules).unwrap(), engine_of(&(rules.to_owned() + bounded)).unwrap());
    assert_eq!(fill(&free, 7, &both), (0, "allow".to_owned()));
    assert_eq!(fill(&bounded, 7, &both), (200, "allow".to_owned()));
    assert_eq!(fill(&bounded, 7, &both[..1]), (300, "allow".to_owned()));
    assert_eq!(fill(&bounded, 1, &both), (0, "allow".to_owned()));
    assert_eq!(
        fill(&bounded, 10, &both),
        (200, "deny".to_owned()),
        "no list lets anything pass that a rule denies"
    );
    let error = engine_of("[decision]\nmost_relief = 1000\nbands = [{ from = 0, action = \"allow\" }]\n");
    assert!(error.unwrap_err().to_string().contains("`most_relief` is 0 to 999 points"));
}

const FEEDBACK: &str = r#"
[[list]]
name = "fraud_devices"
of = "device"
[[list]]
name = "denied_ips"
of = "ip"
[[feedback]]
list = "fraud_devices"
of = "device"
on = "fraud"
for = "90d"
severity = 60
reason = "label"
source = "own"
[[feedback]]
list = "denied_ips"
of = "ip"
on = "deny"
for = "1h"
severity = 20
[[feature]]
name = "seen"
aggregate = "count"
by = ["device"]
over = "1d"
[[rule]]
id = "device"
when = 'in_list("fraud_devices", device)'
points = 'list_severity("fraud_devices", device)'
[[rule]]
id = "ip"
when = 'in_list("denied_ips", ip)'
points = 'list_severity("denied_ips", ip)'
[[rule]]
id = "large"
when = 'amount_minor > 1000'
points = 900
"#;

#[test]
fn denials_and_labels_put_on_lists() {
    let policy = engine_of(FEEDBACK).unwrap().policy();
    let journal = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&journal);
    let engine = Engine::builder(policy.clone(), key(1))
        .journal(move |frame| sink.lock().unwrap().extend_from_slice(frame))
        .build()
        .unwrap();
    let bad = event(&[("device", "d-1"), ("ip", "192.0.2.1")]).with("id", "e-1").unwrap();
    let large = bad.clone().with("amount_minor", 2_000).unwrap();
    // Who only asks changes nothing.
    assert_eq!(engine.score(&large).unwrap().action(), sekisho::Action::Deny);
    assert_eq!(engine.list_len("denied_ips").unwrap(), 0);
    assert_eq!(engine.assess(&large).unwrap().score(), 900);
    assert_eq!(score(&engine, "ip", "192.0.2.1"), 20);
    let at = |time: i64, field: &str, value: &str| {
        engine.advance(time).unwrap();
        engine.score(&Event::of("login", time).unwrap().with(field, value).unwrap()).unwrap().score()
    };
    // A repeated event is not denied anew.
    assert!(engine.assess(&large).unwrap().is_repeated());
    assert_eq!(engine.list_version("denied_ips").unwrap().number, 1);

    let day = 86_400_000;
    assert!(engine.label(&large, sekisho::Label::Fraud, NOW + day).unwrap());
    assert_eq!(score(&engine, "device", "d-1"), 60);
    // What the host says more severely stays; it is not said twice.
    engine.list_add("fraud_devices", "d-1", entry(90).expires(NOW + 200 * day)).unwrap();
    assert!(engine.label(&large, sekisho::Label::Fraud, NOW + 2 * day).unwrap());
    assert_eq!(
        (score(&engine, "device", "d-1"), engine.list_version("fraud_devices").unwrap().number),
        (90, 2)
    );
    let another = event(&[("device", "d-2"), ("label", "fraud")]).with("id", "e-2").unwrap();
    assert!(engine.record(&another).unwrap());

    let recovered = Engine::builder(policy, key(1)).build().unwrap();
    assert!(recovered.recover(&*journal.lock().unwrap().clone()).unwrap().is_complete());
    for list in ["fraud_devices", "denied_ips"] {
        assert_eq!(recovered.list_version(list).unwrap(), engine.list_version(list).unwrap());
    }
    assert_eq!(score(&recovered, "device", "d-1"), 90);
    assert_eq!(at(NOW + 3_599_999, "ip", "192.0.2.1"), 20);
    assert_eq!(at(NOW + 3_600_000, "ip", "192.0.2.1"), 0);
    assert_eq!([day, 90 * day - 1, 90 * day].map(|later| at(NOW + later, "device", "d-2")), [60, 60, 0]);
}

#[test]
fn feedback_that_means_nothing() {
    let broken = FEEDBACK
        .replacen("list = \"fraud_devices\"", "list = \"fraud_device\"", 1)
        .replacen("of = \"ip\"\non", "of = \"device\"\non", 1)
        .replacen("severity = 20", "severity = 120", 1);
    let error = engine_of(&broken).unwrap_err().to_string();
    for what in [
        "there is no list \"fraud_device\"; did you mean \"fraud_devices\"?",
        "the list \"denied_ips\" holds identifiers of kind ip, `device` is of kind device",
        "a severity is 0 to 100",
    ] {
        assert!(error.contains(what), "{what}: {error}");
    }
}

const SHARED: &str = r#"
[[list]]
name = "shared"
of = "device"
key = "consortium"
[[list]]
name = "own"
of = "device"
[[list]]
name = "shared_ips"
of = "ip"
key = "consortium"
[[list]]
name = "mail"
of = "email"
kind = "domain"
key = "consortium"
[[list]]
name = "networks"
of = "ip"
kind = "cidr"
[[rule]]
id = "shared"
when = 'in_list("shared", device)'
points = 'list_severity("shared", device)'
[[rule]]
id = "ips"
when = 'in_list("shared_ips", ip)'
points = 'list_severity("shared_ips", ip)'
[[rule]]
id = "own"
when = 'in_list("own", device)'
points = 500
[[rule]]
id = "mail"
when = 'in_list("mail", email)'
points = 'list_severity("mail", email)'
"#;

/// An institution with a key of its own and the one that all share.
fn member(own: u32, shared: u32) -> Engine {
    let text = "[policy]\nname = \"l\"\nversion = \"1\"\ncurrency = \"JPY\"\n".to_owned()
        + SHARED
        + "[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
    let policy = Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    let shared = HashKey::new(70, [shared as u8; 32]);
    Engine::builder(policy, key(own)).shared_key("consortium", shared).build().unwrap()
}

fn sealed(engine: &Engine, list: &str, members: &[(&str, ListEntry)]) -> Vec<u8> {
    let mut prepared = engine.list_prepare(list).unwrap();
    prepared.extend(members.iter().map(|(member, entry)| (*member, entry))).unwrap();
    engine.list_seal(&prepared).unwrap()
}

#[test]
fn bundles_of_several_members_meet() {
    let [first, second, third] = [1, 2, 3].map(|own| member(own, 9));
    let says = |severity: u8, source: &str| entry(severity).source(source).reason("mule");
    let a = sealed(&first, "shared", &[("d-1", says(50, "first")), ("d-2", says(90, "first"))]);
    let b = sealed(
        &second,
        "shared",
        &[
            ("d-1", says(80, "second").expires(NOW + 5)),
            ("d-3", says(30, "second")),
            ("d-2", says(90, "second").expires(NOW + 9)),
        ],
    );
    assert!(!String::from_utf8_lossy(&a).contains("d-1"));
    // In either order the same.
    let merged = |bundles: [&[u8]; 2]| {
        let mut all = third.list_prepare("shared").unwrap();
        for bundle in bundles {
            all.merge(third.list_open("shared", bundle).unwrap()).unwrap();
        }
        third.list_swap(all, "merged").unwrap();
        ["d-1", "d-2", "d-3", "d-4"].map(|device| {
            let mut decision = Decision::detailed();
            third.score_into(&event(&[("device", device)]), &mut decision).unwrap();
            let source = decision.listed().next().map(|hit| hit.source().to_owned());
            (decision.score(), source.unwrap_or_default())
        })
    };
    let expected = [(80, "second"), (90, "first"), (30, "second"), (0, "")]
        .map(|(score, source)| (score, source.to_owned()));
    assert_eq!(merged([&a, &b]), expected);
    assert_eq!(merged([&b, &a]), expected);
    // A list under the own key, and others under the shared one.
    third.list_add("own", "d-9", entry(1)).unwrap();
    third.list_add("shared_ips", "192.0.2.1", entry(7)).unwrap();
    third.list_add("mail", "example.com", entry(8)).unwrap();
    let check = |engine: &Engine| {
        assert_eq!(score(engine, "device", "d-9"), 500);
        assert_eq!(score(engine, "ip", "::ffff:192.0.2.1"), 7);
        assert_eq!(score(engine, "email", "a@b.example.com"), 8);
        assert_eq!(score(engine, "device", "d-3"), 30);
    };
    check(&third);
    let restored = Engine::builder(third.policy(), key(3))
        .shared_key("consortium", HashKey::new(70, [9; 32]))
        .restore(&*snapshot(&third))
        .unwrap();
    check(&restored);
    // A rotation of the own key leaves what is hashed with the shared one alone.
    third.rotate(key(4)).unwrap();
    check(&third);
    third.assess(&event(&[("device", "d-9")])).unwrap();
    third.retire_key();
    check(&third);
    assert!(third.forget("device", "d-3").unwrap());
    assert_eq!(score(&third, "device", "d-3"), 0);
}

#[test]
fn bundles_that_are_refused() {
    let (engine, other) = (member(1, 9), member(2, 8));
    let bundle = sealed(&engine, "shared", &[("d-1", entry(50)), ("d-2", entry(60).reason("why"))]);
    assert_eq!(engine.list_open("shared", &bundle).unwrap().len(), 2);
    let message = |engine: &Engine, list: &str, bytes: &[u8]| {
        let error = engine.list_open(list, bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        error.to_string()
    };
    assert!(message(&other, "shared", &bundle).contains("its key has the same number but another secret"));
    assert!(message(&engine, "own", &bundle).contains("sealed with key 70, this list is hashed with key 1"));
    assert!(message(&engine, "shared_ips", &bundle).contains("is for a list of kind exact of \"device\""));
    assert!(message(&engine, "shared", b"something else").contains("these bytes are no bundle"));
    for cut in 0..bundle.len() {
        message(&engine, "shared", &bundle[..cut]);
    }
    for at in 0..bundle.len() {
        let mut changed = bundle.clone();
        changed[at] ^= 4;
        message(&engine, "shared", &changed);
    }
    let longer = [&bundle[..], &bundle[..]].concat();
    message(&engine, "shared", &longer);

    let networks = engine.list_prepare("networks").unwrap();
    assert!(engine.list_seal(&networks).unwrap_err().to_string().contains("its networks could be read"));
    // A policy whose lists nobody can hash does not come into force.
    let text = engine_of("[[list]]\nname = \"x\"\nof = \"device\"\nkey = \"club\"\n").unwrap();
    assert_eq!(text.list_add("x", "d", entry(1)).unwrap_err().kind(), ErrorKind::Key);
    let error = engine.swap(text.policy()).unwrap_err();
    assert!(error.to_string().contains("hashed with the key \"club\""), "{error}");
    assert_eq!(Engine::builder(text.policy(), key(1)).build().unwrap_err().kind(), ErrorKind::Key);
    let error =
        engine_of("[[list]]\nname = \"x\"\nof = \"ip\"\nkind = \"cidr\"\nkey = \"club\"\n").unwrap_err();
    assert!(error.to_string().contains("a cidr list has no `key`"), "{error}");
}

/// Where identifiers have one form, their beginnings and domains are those of the form.
#[test]
fn parts_of_the_one_form() {
    let head = "[policy]\nname = \"l\"\nversion = \"1\"\ncurrency = \"JPY\"\nlocale = \"ja\"\n";
    let rest = "[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
    let policy = Policy::from_toml(&[head, PARTS, rest].concat()).unwrap_or_else(|error| panic!("{error}"));
    let engine = Engine::new(policy, key(1));
    for beginning in ["050-1234", "+81 50", "０５０", "++81", "tel:050"] {
        let error = engine.list_add("phones", beginning, entry(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange, "{beginning}");
    }
    engine.list_add("phones", "0501234", entry(20)).unwrap();
    engine.list_add("mail", "example.com", entry(30)).unwrap();
    for phone in ["050-1234-5678", "+81 50 1234 5678", "\u{ff10}\u{ff15}\u{ff10}12345678"] {
        assert_eq!(score(&engine, "phone", phone), 20, "{phone}");
    }
    for email in ["a@example.com", "a@\u{ff45}\u{ff58}\u{ff41}mple.com", "a@b.EXAMPLE.com"] {
        assert_eq!(score(&engine, "email", email), 30, "{email}");
    }
    assert_eq!(score(&engine, "email", "a@example.org"), 0);
}
