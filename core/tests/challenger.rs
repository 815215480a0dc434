//! A challenger decides beside the policy in force and changes nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::convert::Infallible;

use proptest::prelude::*;
use sekisho::{
    Action, Decision, Engine, ErrorKind, Event, Field, HashKey, Label, ListEntry, Outcome, Policy, Value,
};

const START: i64 = 1_767_225_600_000;

fn key() -> HashKey {
    HashKey::new(1, *b"32 secret bytes of the host ....")
}

const HEAD: &str = r#"
    [policy]
    name = "live"
    version = "1"
    currency = "JPY"
    time_zone = "Asia/Tokyo"
    [[list]]
    name = "bad"
    of = "device"
    [[feature]]
    name = "count_1h"
    aggregate = "count"
    by = ["account"]
    over = "1h"
    where = 'type == "payment"'
    [[feature]]
    name = "sum_day"
    aggregate = "sum"
    of = "amount_minor"
    by = ["account"]
    over = "day"
    [[feature]]
    name = "devices"
    aggregate = "distinct"
    of = "device"
    by = ["account"]
    over = "7d"
    [[feature]]
    name = "refused"
    aggregate = "count"
    by = ["device"]
    over = "1h"
    where = 'outcome == "declined"'
"#;

fn live() -> Policy {
    let rules = r#"
    [[rule]]
    id = "many"
    when = 'count_1h >= 3'
    points = 300
    [[rule]]
    id = "sum"
    when = 'sum_day > 1000 && refused >= 1'
    points = 400
    [decision]
    bands = [{ from = 0, action = "allow" }, { from = 300, action = "challenge" }, { from = 700, action = "deny" }]
    "#;
    Policy::from_toml(&(HEAD.to_owned() + rules)).unwrap()
}

/// Other windows over what is remembered, composites, ratios, other rules, one that can fail.
fn challenger() -> Policy {
    let rules = r#"
    [[feature]]
    name = "count_10m"
    aggregate = "count"
    by = ["account"]
    over = "10m"
    where = 'type == "payment"'
    include_current = true
    [[feature]]
    name = "mean_1d"
    aggregate = "mean"
    of = "amount_minor"
    by = ["account"]
    over = "1d"
    [[feature]]
    name = "with_device"
    aggregate = "count"
    by = ["account", "device"]
    over = "3d"
    [[feature]]
    name = "share"
    aggregate = "ratio"
    numerator = "count_10m"
    denominator = "count_1h"
    [[feature]]
    name = "run"
    aggregate = "count"
    by = ["account"]
    over = "3d"
    reset = 'type == "payment"'
    [[feature]]
    name = "after_device"
    aggregate = "sum"
    of = "amount_minor"
    by = ["account"]
    over = "3d"
    after = 'type == "payment"'
    after_same = ["device"]
    [[feature]]
    name = "refused_twice"
    aggregate = "sequence"
    by = ["device"]
    over = "1h"
    steps = ['outcome == "declined"', 'outcome == "declined"']
    [[rule]]
    id = "fast"
    when = 'count_10m >= 2 || with_device == 0'
    points = 350
    reason = "FAST"
    [[rule]]
    id = "listed"
    when = 'in_list("bad", device) && share > 0.2'
    points = 300
    [[rule]]
    id = "above"
    when = 'double(amount_minor) > 2.0 * mean_1d'
    points = 200
    on_missing = "fail"
    [decision]
    bands = [{ from = 0, action = "allow" }, { from = 500, action = "review" }]
    "#;
    Policy::from_toml(&(HEAD.replace("\"live\"", "\"challenger\"") + rules)).unwrap()
}

fn event(n: usize, (kind, account, device, amount): (u8, u8, u8, i64)) -> Event {
    let kinds = ["payment", "login", "transfer"];
    let mut event = Event::of(kinds[usize::from(kind % 3)], START + n as i64 * 240_000).unwrap();
    event.set(Field::ID, n as i64).unwrap();
    event.set(Field::ACCOUNT, i64::from(account)).unwrap();
    if device > 0 {
        event.set(Field::DEVICE, i64::from(device)).unwrap();
    }
    if kind != 1 {
        event.set(Field::AMOUNT_MINOR, amount).unwrap();
    }
    if kind == 5 {
        event.set(Field::OUTCOME, "declined").unwrap();
    }
    event
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

type Said = (u16, Action, Vec<(String, i32)>, Vec<Option<u64>>);

fn said(decision: &Decision, features: usize) -> Said {
    let reasons = decision.reasons().map(|reason| (reason.code().to_owned(), reason.points()));
    let bits = (0..features).map(|place| decision.feature_bits(place)).collect();
    (decision.score(), decision.action(), reasons.collect(), bits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// With and without a challenger everything is the same to the bit, and the challenger says what it would say if
    /// it were in force.
    #[test]
    fn a_challenger_changes_nothing_and_is_heard(
        events in proptest::collection::vec((0u8..6, 0u8..3, 0u8..3, 0i64..2_000), 1..60)
    ) {
        let (alone, tried) = (Engine::new(live(), key()), Engine::new(live(), key()));
        let itself = Engine::new(challenger(), key());
        let own = ["count_10m", "mean_1d", "with_device", "share", "run", "after_device", "refused_twice"];
        let report = tried.challenge_with(challenger()).unwrap();
        prop_assert_eq!(&report.shared, &["count_1h", "sum_day", "devices", "refused"]);
        prop_assert_eq!(&report.own, &own);
        for engine in [&alone, &tried, &itself] {
            engine.list_add("bad", "1", ListEntry::new()).unwrap();
        }
        let mut decisions = [Decision::detailed(), Decision::detailed(), Decision::detailed()];
        let [without, with, own] = &mut decisions;
        for (n, step) in events.iter().enumerate() {
            let event = event(n, *step);
            alone.assess_into(&event, without).unwrap();
            tried.assess_into(&event, with).unwrap();
            prop_assert_eq!(said(without, 4), said(with, 4));
            prop_assert!(without.challenger().is_none());
            match itself.assess_into(&event, own) {
                Ok(()) => prop_assert_eq!(said(with.challenger().unwrap(), 11), said(own, 11)),
                Err(error) => {
                    prop_assert_eq!(error.kind(), ErrorKind::Missing);
                    prop_assert!(with.challenger().is_none(), "it would have refused the event");
                    itself.record(&event).unwrap();
                }
            }
            for engine in [&alone, &tried, &itself] {
                if n % 4 == 1 {
                    engine.resolve(&event, Outcome::Declined).unwrap();
                    engine.label(&event, Label::Fraud, START + n as i64 * 240_000).unwrap();
                }
            }
        }
        prop_assert!(snapshot(&alone) == snapshot(&tried));
    }
}

#[test]
fn a_challenger_that_needs_more_than_is_remembered_is_refused() {
    let engine = Engine::new(live(), key());
    let refused = |feature: &str| {
        let text = HEAD.to_owned() + feature + "[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
        let error = engine.challenge_with(Policy::from_toml(&text).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownName);
        error.message().to_owned()
    };
    let feature = |by: &str, rest: &str| {
        format!(
            "[[feature]]\nname = \"own\"\naggregate = \"count\"\nby = [\"{by}\"]\nover = \"1h\"\n{rest}\n"
        )
    };
    assert_eq!(
        refused(&feature("ip", "")),
        "the challenger needs histories of `ip`, which the policy in force does not keep; give that policy a feature by it first"
    );
    assert_eq!(
        refused(&feature("account", "where = 'channel == \"web\"'")),
        "the challenger needs where `channel == \"web\"` held for each `account`, which the policy in force does not keep; give that policy a feature with it first"
    );
    assert!(engine.end_challenge().is_none());
}

/// What the policy in force sums up of events without room is not what the challenger asks for: it looks at the events
/// that are there, says so, and is heard.
#[test]
fn a_challenger_is_heard_on_entities_with_many_events() {
    let few = |policy: &str| HEAD.replace("currency", "events = 4\ncurrency") + policy;
    let rules = "[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
    let own = "[[feature]]\nname = \"mean_3d\"\naggregate = \"mean\"\nof = \"amount_minor\"\nby = [\"account\"]\nover = \"3d\"\n";
    let engine = Engine::new(Policy::from_toml(&few(rules)).unwrap(), key());
    engine.challenge_with(Policy::from_toml(&few(&(own.to_owned() + rules))).unwrap()).unwrap();
    let mut decision = Decision::detailed();
    for n in 0..12 {
        engine.assess_into(&event(n, (0, 1, 1, 100)), &mut decision).unwrap();
    }
    assert_eq!(engine.statistics()[0].approximate, 1);
    let heard = decision.challenger().expect("it decides");
    let mean = heard.feature(4).unwrap();
    assert_eq!(mean.value(), &Value::Number(100.0));
    assert!(mean.is_approximate());
}

#[test]
fn a_challenger_goes_on_beside_the_next_policy_if_it_can() {
    let engine = Engine::new(live(), key());
    engine.challenge_with(challenger()).unwrap();
    assert!(!engine.swap(live()).unwrap().challenger_ended);
    let decision = engine.assess(&event(1, (0, 1, 1, 50))).unwrap();
    assert!(decision.challenger().is_none(), "its rule `above` reads a mean that is not there");
    let decision = engine.assess(&event(2, (0, 1, 1, 50))).unwrap();
    assert_eq!(decision.challenger().unwrap().policy().unwrap().name(), "challenger");
    let less = "[policy]\nname = \"less\"\nversion = \"1\"\ncurrency = \"JPY\"\n[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
    assert!(engine.swap(Policy::from_toml(less).unwrap()).unwrap().challenger_ended);
    assert!(engine.assess(&event(3, (0, 1, 1, 50))).unwrap().challenger().is_none());
}
