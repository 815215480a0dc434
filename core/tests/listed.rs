//! One hop: what an entity was used with is on a list now, whenever it was put there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use sekisho::{
    Decision, Engine, EngineBuilder, ErrorKind, Event, HashKey, Label, ListEntry, Policy, Result, Value,
};

const NOW: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

const HEAD: &str = r#"
[policy]
name = "listed"
version = "1"
currency = "JPY"
events = 16
[[list]]
name = "bad"
of = "device"
[[list]]
name = "shared"
of = "device"
key = "consortium"
[decision]
bands = [{ from = 0, action = "allow" }]
"#;

const FEATURES: &str = r#"
[[feature]]
name = "devices"
aggregate = "listed"
of = "device"
list = "bad"
by = ["account"]
over = "30d"
[[feature]]
name = "severity"
aggregate = "listed_severity"
of = "device"
list = "bad"
by = ["account"]
over = "30d"
[[feature]]
name = "shared_devices"
aggregate = "listed"
of = "device"
list = "shared"
by = ["account"]
over = "30d"
[[feedback]]
list = "bad"
of = "device"
on = "fraud"
for = "10d"
severity = 70
"#;

fn key(id: u32) -> HashKey {
    HashKey::new(id, [id as u8; 32])
}

fn policy(body: &str) -> Policy {
    Policy::from_toml(&format!("{HEAD}{body}")).unwrap_or_else(|error| panic!("{error}"))
}

fn builder(present: u32) -> EngineBuilder {
    Engine::builder(policy(FEATURES), key(present)).shared_key("consortium", key(99))
}

fn used(account: &str, device: &str, minute: i64) -> Event {
    let event = Event::of("payment", NOW + minute * MINUTE).unwrap().with("account", account).unwrap();
    event.with("id", format!("{account} {minute}").as_str()).unwrap().with("device", device).unwrap()
}

/// What a feature says of an account at a time, and whether it is approximate.
fn ask(engine: &Engine, account: &str, minute: i64, feature: &str) -> (i64, bool) {
    let event = Event::of("transfer", NOW + minute * MINUTE).unwrap().with("account", account).unwrap();
    engine.advance(NOW + minute * MINUTE).unwrap();
    let mut decision = Decision::detailed();
    engine.score_into(&event, &mut decision).unwrap();
    let found = decision.features().find(|known| known.name() == feature).unwrap();
    match found.value() {
        Value::Integer(number) => (*number, found.is_approximate()),
        other => panic!("{feature}: {other:?}"),
    }
}

fn listed(engine: &Engine, account: &str, minute: i64) -> i64 {
    ask(engine, account, minute, "devices").0
}

fn snapshot(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine
        .snapshot(|piece| {
            bytes.extend_from_slice(piece);
            Ok::<(), Infallible>(())
        })
        .unwrap();
    bytes
}

#[test]
fn a_label_tells_of_all_who_used_the_device() {
    let journal = Arc::<Mutex<Vec<u8>>>::default();
    let sink = Arc::clone(&journal);
    let engine = builder(1).journal(move |frame| sink.lock().unwrap().extend_from_slice(frame));
    let engine = engine.build().unwrap();
    for (minute, account) in ["a", "b", "c"].into_iter().enumerate() {
        engine.assess(&used(account, "ring", minute as i64)).unwrap();
        engine.assess(&used(account, "own", 10 + minute as i64)).unwrap();
    }
    engine.assess(&used("other", "own", 20)).unwrap();
    assert_eq!(["a", "b", "c", "other"].map(|account| listed(&engine, account, 30)), [0; 4]);
    let before = snapshot(&engine);

    assert!(engine.label(&used("a", "ring", 0), Label::Fraud, NOW + 40 * MINUTE).unwrap());
    let check = |engine: &Engine| {
        assert_eq!(["a", "b", "c", "other"].map(|account| listed(engine, account, 50)), [1, 1, 1, 0]);
        assert_eq!(
            ["b", "other"].map(|account| ask(engine, account, 50, "severity")),
            [(70, false), (0, false)]
        );
        assert_eq!(ask(engine, "b", 50, "shared_devices"), (0, false));
        // It is listed for ten days, and used within the last thirty.
        assert_eq!([0, 1].map(|more| listed(engine, "b", 40 + 14_400 - 1 + more)), [1, 0]);
    };
    check(&engine);
    check(&builder(1).restore(&*snapshot(&engine)).unwrap());
    let recovered = builder(1).restore(&*before).unwrap();
    assert!(recovered.recover(&**journal.lock().unwrap()).unwrap().is_complete());
    check(&recovered);

    // Whoever is forgotten is nobody's device any more, also when it is listed again.
    assert!(engine.forget("device", "ring").unwrap());
    engine.list_add("bad", "ring", ListEntry::new()).unwrap();
    engine.list_add("shared", "ring", ListEntry::new()).unwrap();
    let check = |engine: &Engine| {
        assert_eq!(listed(engine, "b", 60), 0);
        assert_eq!(ask(engine, "b", 60, "shared_devices"), (0, false));
    };
    check(&engine);
    let recovered = builder(1).restore(&*before).unwrap();
    assert!(recovered.recover(&**journal.lock().unwrap()).unwrap().is_complete());
    check(&recovered);
}

#[test]
fn the_newest_64_values_are_asked() {
    let engine = builder(1).build().unwrap();
    let minute = |n: i64| n * 3;
    for n in 0..65 {
        engine.list_add("bad", &format!("d-{n}"), ListEntry::new().severity(n as u8)).unwrap();
    }
    for n in 0..64 {
        engine.record(&used("a", &format!("d-{n}"), minute(n))).unwrap();
    }
    // Sixteen are kept as they are, the others are known by a sample; here all of them. They are as many as are asked.
    let (count, _) = ask(&engine, "a", minute(64), "devices");
    assert_eq!(count, 64);
    // The same again are no more.
    for n in 0..64 {
        engine.record(&used("a", &format!("d-{n}"), minute(100 + n))).unwrap();
    }
    assert_eq!(ask(&engine, "a", minute(164), "devices"), (64, true));
    assert_eq!(ask(&engine, "a", minute(164), "severity"), (63, true));
    // Of one more the oldest is not asked.
    for n in 0..64 {
        engine.record(&used("a", &format!("new-{n}"), minute(200 + n))).unwrap();
    }
    assert_eq!(listed(&engine, "a", minute(264)), 0);
    engine.list_add("bad", "new-0", ListEntry::new()).unwrap();
    assert_eq!(ask(&engine, "a", minute(264), "devices"), (1, true));

    // A short history says the same of itself.
    let exact = HEAD.replace("events = 16", "events = 256");
    let policy = Policy::from_toml(&format!("{exact}{FEATURES}")).unwrap();
    let engine = Engine::builder(policy, key(1)).shared_key("consortium", key(99)).build().unwrap();
    for n in 0..65 {
        engine.list_add("bad", &format!("d-{n}"), ListEntry::new()).unwrap();
        engine.record(&used("a", &format!("d-{n}"), minute(n))).unwrap();
        engine.record(&used("a", "same", minute(n) + 1)).unwrap();
        let expected = match n {
            0..63 => (n + 1, false),
            // The one that comes between all of them is asked, too.
            _ => (63, true),
        };
        assert_eq!(ask(&engine, "a", minute(n) + 2, "devices"), expected, "{n}");
    }
}

/// Cheap events do not wash a device out of the history.
#[test]
fn a_device_of_long_ago_is_known_behind_thousands_of_events() {
    let engine = builder(1).build().unwrap();
    engine.record(&used("a", "ring", 0)).unwrap();
    for n in 1..5_000 {
        engine.record(&used("a", &format!("own-{}", n % 5), n)).unwrap();
    }
    assert_eq!(ask(&engine, "a", 5_000, "devices"), (0, true));
    engine.list_add("bad", "ring", ListEntry::new().severity(40)).unwrap();
    assert_eq!(ask(&engine, "a", 5_000, "devices"), (1, true));
    assert_eq!(ask(&engine, "a", 5_000, "severity"), (40, true));
    assert_eq!(ask(&engine, "a", 31 * 24 * 60, "devices").0, 0, "thirty days after");
}

#[test]
fn the_event_that_brings_a_member_to_another_key_knows_it() {
    let engine = builder(1).build().unwrap();
    engine.record(&used("a", "d", 0)).unwrap();
    engine.list_add("bad", "d", ListEntry::new()).unwrap();
    engine.rotate(key(2)).unwrap();
    let mut decision = Decision::detailed();
    engine.assess_into(&used("a", "d", 1), &mut decision).unwrap();
    let devices = decision.features().find(|known| known.name() == "devices").unwrap();
    assert_eq!(*devices.value(), Value::Integer(1));
    assert_eq!((engine.retire_key(), listed(&engine, "a", 2)), (0, 1));
}

#[test]
fn lists_that_are_loaded_while_the_key_is_replaced_know_what_is_remembered() {
    let engine = builder(1).build().unwrap();
    for (minute, account) in ["a", "b", "c"].into_iter().enumerate() {
        engine.record(&used(account, &format!("d-{account}"), minute as i64)).unwrap();
    }
    engine.list_add("bad", "d-a", ListEntry::new()).unwrap();
    engine.list_add("shared", "d-a", ListEntry::new()).unwrap();
    engine.rotate(key(2)).unwrap();
    let all = |engine: &Engine| ["a", "b", "c"].map(|account| listed(engine, account, 10));
    assert_eq!(all(&engine), [1, 0, 0]);
    assert_eq!(ask(&engine, "a", 10, "shared_devices"), (1, false));

    // Somebody else meets the one; the other is put there by a load.
    engine.assess(&used("x", "d-a", 11)).unwrap();
    let mut members = engine.list_prepare("bad").unwrap();
    members.add("d-b", &ListEntry::new()).unwrap();
    assert_eq!(members.len(), 1);
    engine.list_load(members).unwrap();
    assert_eq!((all(&engine), engine.list_len("bad").unwrap()), ([1, 1, 0], 2));
    let both = || builder(2).previous_key(key(1));
    assert_eq!(all(&both().restore(&*snapshot(&engine)).unwrap()), [1, 1, 0]);

    let mut members = engine.list_prepare("bad").unwrap();
    members.extend(["d-b", "d-c"].map(|device| (device, ListEntry::new()))).unwrap();
    engine.list_swap(members, "of today").unwrap();
    assert_eq!((all(&engine), engine.list_len("bad").unwrap()), ([0, 1, 1], 2));
    assert!(engine.list_remove("bad", "d-b").unwrap());
    assert_eq!((all(&engine), engine.list_len("bad").unwrap()), ([0, 0, 1], 1));

    // The device of `c` comes to the new key in time, and `c` with it; all others are strangers afterwards.
    engine.assess(&used("c", "d-c", 12)).unwrap();
    assert_eq!(engine.retire_key(), 0, "all accounts were asked about");
    engine.list_add("bad", "d-a", ListEntry::new()).unwrap();
    assert_eq!(["a", "c"].map(|account| listed(&engine, account, 13)), [0, 1]);
    assert_eq!(ask(&engine, "a", 13, "shared_devices"), (1, false), "that key is not the engine's");
}

#[test]
fn a_policy_knows_from_when_on_it_asks() {
    let engine = Engine::builder(policy(""), key(1)).shared_key("consortium", key(99)).build().unwrap();
    engine.record(&used("a", "ring", 0)).unwrap();
    let report = engine.swap(policy(FEATURES)).unwrap();
    assert_eq!(report.cold, ["devices", "severity", "shared_devices"]);
    engine.list_add("bad", "ring", ListEntry::new()).unwrap();
    assert_eq!(listed(&engine, "a", 1), 0);
    engine.record(&used("a", "ring", 2)).unwrap();
    assert_eq!(listed(&engine, "a", 3), 1);
    // A challenger asks what the policy in force remembers, and says what is missing.
    let challenger = FEATURES.replace("30d", "20d").replace("name = \"devices\"", "name = \"fewer\"");
    let report = engine.challenge_with(policy(&challenger)).unwrap();
    assert_eq!(report.own, ["fewer", "severity", "shared_devices"]);
    let mut decision = Decision::detailed();
    engine.assess_into(&used("a", "own", 4), &mut decision).unwrap();
    let fewer = decision.challenger().unwrap().feature(0).unwrap();
    assert_eq!((fewer.name(), fewer.value()), ("fewer", &Value::Integer(1)));
    let more = challenger.replace("by = [\"account\"]", "by = [\"account\", \"country\"]");
    let error = engine.challenge_with(policy(&more)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownName);
}

/// What an institution shares tells another one of its own accounts.
#[test]
fn a_bundle_tells_of_accounts_that_used_its_devices() -> Result<()> {
    let (theirs, own) = (builder(1).build()?, builder(2).build()?);
    own.record(&used("a", "ring", 0))?;
    let mut members = theirs.list_prepare("shared")?;
    members.add("ring", &ListEntry::new().severity(90).source("theirs"))?;
    let bundle = theirs.list_seal(&members)?;
    assert_eq!(ask(&own, "a", 1, "shared_devices"), (0, false));
    own.list_swap(own.list_open("shared", &bundle)?, "of theirs")?;
    assert_eq!(ask(&own, "a", 1, "shared_devices"), (1, false));
    assert_eq!(ask(&own, "a", 1, "devices"), (0, false));
    // Records show tokens that the engine's own key made, and no others.
    let mut decision = Decision::detailed();
    let event = used("a", "ring", 2);
    own.score_into(&event, &mut decision)?;
    let record = serde_json::to_value(decision.record(&event)?).unwrap();
    let names: Vec<&String> = record["entities"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["account", "device"]);
    let again = sekisho::DecisionRecord::from_json(&record.to_string())?.replay(&own.policy())?;
    assert_eq!(
        again.features().map(|known| known.value().clone()).collect::<Vec<_>>(),
        vec![Value::Integer(0), Value::Integer(0), Value::Integer(1)]
    );
    Ok(())
}

/// Of entities at the edges: a card number of which the event has the beginning only, addresses.
#[test]
fn derived_and_other_fields_of_one_kind_are_asked() {
    let body = r#"
        [[list]]
        name = "beginnings"
        of = "bin"
        [[list]]
        name = "addresses"
        of = "address"
        [[feature]]
        name = "bins"
        aggregate = "listed"
        of = "bin"
        list = "beginnings"
        by = ["account"]
        include_current = true
        [[feature]]
        name = "billing"
        aggregate = "listed"
        of = "billing_address"
        list = "addresses"
        by = ["account"]
        include_current = true
    "#;
    let engine = Engine::builder(policy(body), key(1)).shared_key("consortium", key(99)).build().unwrap();
    engine.list_add("beginnings", "41111111", ListEntry::new()).unwrap();
    engine.list_add("addresses", "1-1", ListEntry::new()).unwrap();
    let event =
        |minute: i64| Event::of("payment", NOW + minute * HOUR).unwrap().with("account", "a").unwrap();
    let mut decision = Decision::detailed();
    let mut values = |event: &Event| {
        engine.assess_into(event, &mut decision).unwrap();
        decision.features().map(|known| known.value().clone()).collect::<Vec<_>>()
    };
    assert_eq!(values(&event(0)), [Value::Integer(0), Value::Integer(0)]);
    assert_eq!(values(&event(1).with("card", "4111111111111111").unwrap())[0], Value::Integer(1));
    assert_eq!(values(&event(2).with("shipping_address", "1-1").unwrap())[1], Value::Integer(0));
    assert_eq!(values(&event(3).with("billing_address", "1-1").unwrap()), [1, 1].map(Value::Integer));
    assert_eq!(values(&event(4)), [1, 1].map(Value::Integer));
    let nobody = Event::of("payment", NOW + 5 * HOUR).unwrap().with("billing_address", "1-1").unwrap();
    assert_eq!(values(&nobody), [Value::Missing, Value::Missing]);
}
