//! Entities with more events than a history holds: every aggregate against a naive oracle whose windows have edges that
//! may lie a 64th of the window off, and the promises about distinct values, labels and memory.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::fmt::Write;

use proptest::prelude::*;
use sekisho::{Decision, Engine, Event, HashKey, Label, ListEntry, Outcome, Policy, Value};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_767_225_600_000;

/// Length (0 for all that is remembered) and delay.
const WINDOWS: [(i64, i64); 4] = [(10 * MINUTE, 0), (HOUR, 0), (HOUR, 2 * HOUR), (0, 0)];

const AGGREGATES: [(&str, &str); 11] = [
    ("count", ""),
    ("sum", "amount_minor"),
    ("mean", "amount_minor"),
    ("min", "amount_minor"),
    ("max", "amount_minor"),
    ("stddev", "amount_minor"),
    ("first", "time"),
    ("last", "time"),
    ("since", ""),
    ("distinct", "device"),
    ("listed", "device"),
];

/// Whose events a feature counts.
const KINDS: [(&str, &str); 3] =
    [("[\"merchant\"]", ""), ("[\"merchant\"]", "amount_minor > 5000"), ("[\"merchant\", \"country\"]", "")];

fn head(events: usize) -> String {
    format!(
        "[policy]\nname = \"heavy\"\nversion = \"1\"\ncurrency = \"JPY\"\nevents = {events}\n\
         [[list]]\nname = \"bad\"\nof = \"device\"\n"
    )
}

const TAIL: &str = "\n[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";

fn feature(text: &mut String, name: &str, lines: &[(&str, String)]) {
    let _ = writeln!(text, "\n[[feature]]\nname = \"{name}\"");
    for (key, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{key} = {value}");
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("'{text}'") }
}

fn duration(length: i64) -> String {
    if length == 0 { String::new() } else { format!("\"{length}ms\"") }
}

fn engine(text: &str) -> Engine {
    Engine::new(Policy::from_toml(text).unwrap_or_else(|error| panic!("{error}")), HashKey::new(1, [3; 32]))
}

#[derive(Clone, Debug)]
struct Happened {
    time: i64,
    amount: i64,
    device: u8,
    country: &'static str,
    late: i64,
}

impl Happened {
    fn event(&self) -> Event {
        let event = Event::of("payment", self.time).unwrap().with("merchant", "m").unwrap();
        let event = event.with("amount_minor", self.amount).unwrap();
        event.with("device", i64::from(self.device)).unwrap().with("country", self.country).unwrap()
    }
}

/// What of a history is exact, by the rules: the newest events, and nothing older than what has been folded.
#[derive(Default)]
struct Exact {
    times: Vec<i64>,
    folded: Option<i64>,
}

impl Exact {
    fn insert(&mut self, time: i64, budget: usize) {
        let full = self.times.len() >= budget;
        if self.folded.is_some_and(|folded| time < folded) || full && time < self.times[0] {
            self.folded = self.folded.max(Some(time));
            return;
        }
        if full {
            self.folded = self.folded.max(Some(self.times.remove(0)));
        }
        let at = self.times.partition_point(|known| *known <= time);
        self.times.insert(at, time);
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) | Value::Duration(number) | Value::Time(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        Value::Missing => None,
        other => panic!("{other:?}"),
    }
}

fn different(events: &[&Happened]) -> BTreeSet<u8> {
    events.iter().map(|event| event.device).collect()
}

fn is_listed(device: u8) -> bool {
    device.is_multiple_of(3)
}

fn naive(aggregate: &str, events: &[&Happened], now: i64) -> Option<f64> {
    let count = events.len() as f64;
    let amounts = || events.iter().map(|event| event.amount as f64);
    let times = || events.iter().map(|event| event.time as f64);
    let mean = amounts().sum::<f64>() / count;
    match aggregate {
        "count" => Some(count),
        "sum" => Some(amounts().sum()),
        "mean" => (count > 0.0).then_some(mean),
        "min" => amounts().reduce(f64::min),
        "max" => amounts().reduce(f64::max),
        "stddev" => (count > 1.0)
            .then(|| (amounts().map(|a| (a - mean) * (a - mean)).sum::<f64>() / (count - 1.0)).sqrt()),
        "first" => times().reduce(f64::min),
        "last" => times().reduce(f64::max),
        "since" => times().reduce(f64::max).map(|last| now as f64 - last),
        "distinct" => Some(different(events).len() as f64),
        "listed" => Some(different(events).into_iter().filter(|device| is_listed(*device)).count() as f64),
        other => panic!("{other}"),
    }
}

/// The value lies between those over the window and over one that is a pane longer at both ends.
fn between(aggregate: &str, value: Option<f64>, inner: &[&Happened], outer: &[&Happened], now: i64) -> bool {
    let (least, most) = (naive(aggregate, inner, now), naive(aggregate, outer, now));
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (1.0 + b.abs());
    let Some(value) = value else { return least.is_none() };
    if inner.len() == outer.len() {
        return least.is_some_and(|least| close(value, least));
    }
    let Some(most) = most else { return false };
    let least_or = |other: f64| least.unwrap_or(other);
    match aggregate {
        "count" | "sum" | "distinct" | "listed" => least_or(0.0) <= value && value <= most,
        "mean" => {
            let sums = [inner, outer].map(|events| naive("sum", events, now).unwrap());
            let smallest = sums[0] / outer.len() as f64;
            smallest <= value && (inner.is_empty() || value <= sums[1] / inner.len() as f64)
        }
        "stddev" => value >= 0.0 && value <= naive("max", outer, now).unwrap(),
        "min" | "first" | "since" => most <= value && value <= least_or(f64::MAX),
        _ => least_or(0.0) <= value && value <= most,
    }
}

fn run(events: Vec<Happened>, budget: usize) -> Result<(), TestCaseError> {
    let mut text = head(budget);
    let mut specs = Vec::new();
    for (length, delay) in WINDOWS {
        for (aggregate, of) in AGGREGATES {
            for (kind, (by, filter)) in KINDS.iter().enumerate() {
                let lines = [
                    ("aggregate", format!("\"{aggregate}\"")),
                    ("of", quoted(of)),
                    ("by", (*by).to_owned()),
                    ("over", duration(length)),
                    ("delay", duration(delay)),
                    ("where", quoted(filter)),
                    ("list", quoted(if aggregate == "listed" { "bad" } else { "" })),
                ];
                feature(&mut text, &format!("f{}", specs.len()), &lines);
                specs.push((length, delay, aggregate, kind));
            }
        }
    }
    let engine = engine(&(text + TAIL));
    for device in (0..40).filter(|device| is_listed(*device)) {
        engine.list_add("bad", &device.to_string(), ListEntry::new()).unwrap();
    }
    let mut events = events;
    events.sort_by_key(|event| event.time + event.late);
    let (mut recorded, mut exact) = (Vec::<Happened>::new(), Exact::default());
    let mut decision = Decision::detailed();
    for event in events {
        engine.assess_into(&event.event(), &mut decision).unwrap();
        for ((length, delay, aggregate, kind), found) in specs.iter().zip(decision.features()) {
            let end = event.time - delay;
            let start = if *length == 0 { i64::MIN } else { end - length };
            let approximate = exact.folded.is_some_and(|folded| start < folded);
            let value = number(found.value());
            let context = || format!("{aggregate} {length} {delay} {kind} at {event:?}: {:?}", found.value());
            if value.is_some() {
                prop_assert_eq!(found.is_approximate(), approximate, "{}", context());
            }
            let select = |slack: i64| -> Vec<&Happened> {
                // A value that came again after the window is taken to have been in it.
                let seen_later =
                    ["distinct", "listed"].contains(aggregate) && *delay == 0 && *kind < 2 && slack > 0;
                let until = if seen_later { i64::MAX } else { end.saturating_add(slack) };
                let inside =
                    |event: &&Happened| event.time > start.saturating_sub(slack) && event.time <= until;
                let picked = |other: &&Happened| match kind {
                    1 => other.amount > 5000,
                    2 => other.country == event.country,
                    _ => true,
                };
                recorded.iter().filter(inside).filter(picked).collect()
            };
            let slack = if approximate { if *length == 0 { DAY } else { length / 64 } } else { 0 };
            let fine = between(aggregate, value, &select(0), &select(slack), event.time);
            let expected = naive(aggregate, &select(0), event.time);
            prop_assert!(fine, "{}, expected {:?}", context(), expected);
        }
        exact.insert(event.time, budget);
        recorded.push(event);
    }
    Ok(())
}

fn happened() -> impl Strategy<Value = Happened> {
    let time = prop_oneof![
        6 => 0..2 * HOUR,
        3 => 0..8 * HOUR,
        1 => (0..200i64).prop_map(|n| n * 10 * MINUTE / 64),
    ];
    let late = prop_oneof![4 => Just(0), 1 => 0..2 * MINUTE];
    let country = proptest::sample::select(vec!["JP", "US"]);
    (time, 0i64..10_000, 0u8..40, country, late).prop_map(|(time, amount, device, country, late)| Happened {
        time: START + time,
        amount,
        device,
        country,
        late,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn panes_keep_every_aggregate_within_its_bounds(
        stream in proptest::collection::vec(happened(), 1..150),
        budget in proptest::sample::select(vec![1usize, 8, 16]),
    ) {
        run(stream, budget)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]

    #[test]
    fn so_do_those_of_a_full_history(stream in proptest::collection::vec(happened(), 600..900)) {
        run(stream, 256)?;
    }
}

fn read(engine: &Engine, event: &Event, name: &str) -> (f64, bool) {
    let mut decision = Decision::detailed();
    engine.score_into(event, &mut decision).unwrap();
    let feature = decision.features().find(|feature| feature.name() == name).unwrap();
    (number(feature.value()).unwrap(), feature.is_approximate())
}

fn payment(n: i64, time: i64) -> Event {
    let event = Event::of("payment", time).unwrap().with("id", n).unwrap();
    event.with("merchant", "m").unwrap().with("account", n / 10).unwrap().with("device", n).unwrap()
}

fn distinct_devices() -> Engine {
    let mut text = head(256);
    let lines = |delay: i64| {
        [
            ("aggregate", "\"distinct\"".to_owned()),
            ("of", "\"device\"".to_owned()),
            ("by", "[\"merchant\"]".to_owned()),
            ("over", duration(HOUR)),
            ("delay", duration(delay)),
        ]
    };
    feature(&mut text, "devices", &lines(0));
    feature(&mut text, "earlier_devices", &lines(HOUR));
    engine(&(text + TAIL))
}

/// Different devices at a steady rate over `time`; the error of the count at each minute of the last half hour.
fn worst_error(engine: &Engine, (from, until): (i64, i64), per_hour: i64, feature: &str) -> f64 {
    let mut worst: f64 = 0.0;
    let step = HOUR as f64 / per_hour as f64;
    let count = (until - from) * per_hour / HOUR;
    let mut checked = until - 30 * MINUTE;
    for n in 0..count {
        let time = from + (n as f64 * step) as i64;
        engine.record(&payment(from / MINUTE * 1_000_000 + n, time)).unwrap();
        if time >= checked {
            checked += MINUTE;
            let (found, approximate) = read(engine, &payment(0, time), feature);
            assert!(approximate);
            worst = worst.max((found / per_hour as f64 - 1.0).abs());
        }
    }
    worst
}

#[test]
fn up_to_1024_different_values_are_exact() {
    for feature in ["devices", "earlier_devices"] {
        let engine = distinct_devices();
        assert!(worst_error(&engine, (START, START + 4 * HOUR), 1_008, feature) <= 1.0 / 60.0, "{feature}");
    }
    // The same thousand again and again.
    let engine = distinct_devices();
    for n in 0..200_000 {
        engine.record(&payment(n, START + n * 50).with("device", n % 1_024).unwrap()).unwrap();
    }
    assert_eq!(read(&engine, &payment(0, START + 200_000 * 50), "devices"), (1_024.0, true));
}

#[test]
fn many_more_are_estimated_whether_the_rate_stays_or_falls() {
    for per_hour in [5_000, 200_000] {
        for feature in ["devices", "earlier_devices"] {
            let engine = distinct_devices();
            let error = worst_error(&engine, (START, START + 5 * HOUR / 2), per_hour, feature);
            assert!(error < 0.25, "{per_hour} {feature}: {error}");
        }
    }
    let engine = distinct_devices();
    worst_error(&engine, (START, START + 2 * HOUR), 200_000, "devices");
    // One window and a half later, of which the last half hour is looked at.
    let error = worst_error(&engine, (START + 2 * HOUR, START + 7 * HOUR / 2), 2_000, "devices");
    assert!(error < 0.25, "{error}");
}

fn frauds() -> String {
    let mut text = head(16);
    for (by, where_) in [
        ("merchant", "label == \"fraud\""),
        ("merchant", "outcome == \"declined\""),
        ("account", "label == \"fraud\""),
    ] {
        for delay in [0, DAY] {
            for (aggregate, of) in [("count", ""), ("distinct", "account")] {
                let lines = [
                    ("aggregate", format!("\"{aggregate}\"")),
                    ("of", quoted(of)),
                    ("by", format!("[\"{by}\"]")),
                    ("over", duration(20 * DAY)),
                    ("delay", duration(delay)),
                    ("where", quoted(where_)),
                ];
                let what = if where_.starts_with('l') { "frauds" } else { "declined" };
                feature(&mut text, &format!("{aggregate}_{what}_{by}_{}", delay / DAY), &lines);
            }
        }
    }
    text + TAIL
}

#[test]
fn what_is_learnt_about_folded_events_counts() {
    let engine = engine(&frauds());
    let time = |n: i64| START + n * 10 * MINUTE;
    for n in 0..500 {
        assert!(engine.record(&payment(n, time(n))).unwrap());
    }
    // Every account still knows its ten events, which the merchant has long folded.
    for n in (0..500).filter(|n| n % 5 == 0) {
        assert!(engine.label(&payment(n, time(n)), Label::Fraud, time(500)).unwrap());
        assert!(engine.resolve(&payment(n, time(n)), Outcome::Declined).unwrap());
    }
    let now = |n: i64| payment(1_000_000, time(n));
    assert_eq!(read(&engine, &now(500), "count_declined_merchant_0").0, 100.0);
    engine.record(&payment(500, time(500))).unwrap();
    for (name, expected) in [
        ("count_frauds_merchant_0", 100.0),
        ("distinct_frauds_merchant_0", 50.0),
        ("distinct_declined_merchant_0", 50.0),
    ] {
        assert_eq!(read(&engine, &now(501), name), (expected, true), "{name}");
    }
    // A day ago it was event 357; a pane is 45 events wide.
    let (found, _) = read(&engine, &now(501), "distinct_frauds_merchant_1");
    assert!((36.0..=41.0).contains(&found), "{found}");
    // One turns out to be genuine, and one was approved after all.
    assert!(engine.label(&payment(10, time(10)), Label::Genuine, time(500)).unwrap());
    assert!(engine.resolve(&payment(10, time(10)), Outcome::Approved).unwrap());
    assert_eq!(read(&engine, &now(501), "count_frauds_merchant_0").0, 99.0);
    assert_eq!(read(&engine, &now(501), "count_declined_merchant_0").0, 99.0);
    // Nobody knows this one.
    assert!(!engine.label(&payment(700, time(100)), Label::Fraud, time(500)).unwrap());
}

#[test]
fn labels_of_folded_events_wait_for_their_time() {
    let engine = engine(&frauds());
    let time = |n: i64| START + n * 10 * MINUTE;
    let labelled = |n: i64, at: i64| {
        payment(n, time(n)).with("label", "fraud").unwrap().with("labelled_at", at).unwrap()
    };
    for n in 0..100 {
        engine.record(&labelled(n, time(200))).unwrap();
    }
    for n in 100..250 {
        engine.record(&payment(n, time(n))).unwrap();
        // The last ten are learnt about when they are folded already.
        if n == 150 {
            for n in 100..110 {
                engine.label(&payment(n, time(n)), Label::Fraud, time(220)).unwrap();
            }
            engine.label(&payment(0, time(0)), Label::Genuine, time(210)).unwrap();
        }
        let expected = match n {
            0..200 => 0.0,
            200..210 => 100.0,
            210..220 => 99.0,
            _ => 109.0,
        };
        let now = payment(1_000_000, time(n));
        assert_eq!(read(&engine, &now, "count_frauds_merchant_0").0, expected, "at {n}");
        let accounts = if n < 200 {
            0.0
        } else if n < 220 {
            10.0
        } else {
            11.0
        };
        assert_eq!(read(&engine, &now, "distinct_frauds_merchant_0").0, accounts, "at {n}");
    }
}

#[test]
fn a_million_events_take_bounded_memory() {
    let mut text = head(256);
    for (over, delay) in [(10 * MINUTE, 0), (DAY, 0), (DAY, DAY)] {
        for (n, (aggregate, of)) in AGGREGATES.iter().filter(|(_, of)| *of != "time").enumerate() {
            for (m, by) in ["[\"merchant\"]", "[\"merchant\", \"device\"]"].into_iter().enumerate() {
                let lines = [
                    ("aggregate", format!("\"{aggregate}\"")),
                    ("of", quoted(of)),
                    ("by", by.to_owned()),
                    ("over", duration(over)),
                    ("delay", duration(delay)),
                    ("list", quoted(if *aggregate == "listed" { "bad" } else { "" })),
                ];
                feature(&mut text, &format!("f_{n}_{m}_{over}_{delay}"), &lines);
            }
        }
    }
    let engine = engine(&(text + TAIL));
    let mut most = 0;
    for n in 0..1_000_000 {
        let event = Event::of("payment", START + n * 500).unwrap().with("merchant", "m").unwrap();
        let event = event.with("device", n * 7 % 300_007).unwrap().with("amount_minor", n % 1_000).unwrap();
        engine.record(&event).unwrap();
        if n % 10_000 == 0 {
            most = most.max(engine.statistics()[0].bytes);
        }
    }
    let statistics = &engine.statistics()[0];
    assert_eq!((statistics.entities, statistics.events), (1, 256));
    assert!(most < 4_000_000, "{most} bytes");
    // A quiet month later nothing is left of it.
    let later = Event::of("payment", START + 31 * DAY).unwrap().with("merchant", "m").unwrap();
    engine.advance(START + 31 * DAY).unwrap();
    engine.record(&later).unwrap();
    assert!(engine.statistics()[0].bytes < 60_000);
}

#[test]
fn another_policy_keeps_the_panes_that_it_knows() {
    let counts = |names: &[(&str, &str)]| {
        let mut text = head(16);
        for (name, filter) in names {
            let lines = [
                ("aggregate", "\"count\"".to_owned()),
                ("by", "[\"merchant\"]".to_owned()),
                ("over", duration(HOUR)),
                ("where", quoted(filter)),
            ];
            feature(&mut text, name, &lines);
        }
        Policy::from_toml(&(text + TAIL)).unwrap()
    };
    let engine =
        Engine::new(counts(&[("all", ""), ("paid", "type == \"payment\"")]), HashKey::new(1, [3; 32]));
    for n in 0..100 {
        engine.record(&payment(n, START + n * 1_000)).unwrap();
    }
    engine.swap(counts(&[("none", "type == \"login\""), ("paid", "type == \"payment\"")])).unwrap();
    let now = payment(1_000, START + 100_000);
    assert_eq!(read(&engine, &now, "paid"), (100.0, true));
    // What has been folded is lost for a new feature, and it says so until the window has passed.
    assert_eq!(read(&engine, &now, "none"), (0.0, true));
    let later = payment(1_001, START + 2 * HOUR);
    assert_eq!(read(&engine, &later, "none"), (0.0, false));
}

/// A policy says of which histories it keeps more events or fewer, and a later one may say otherwise.
#[test]
fn some_histories_hold_other_numbers_of_events() {
    let policy = |events_of: &str| {
        let mut text = head(4).replace("events = 4\n", &format!("events = 4\nevents_of = {events_of}\n"));
        for by in ["merchant", "device"] {
            feature(
                &mut text,
                &format!("by_{by}"),
                &[
                    ("aggregate", "\"count\"".to_owned()),
                    ("by", format!("[\"{by}\"]")),
                    ("over", "\"1d\"".to_owned()),
                ],
            );
        }
        text + TAIL
    };
    let engine = engine(&policy("{ device = 8, merchant = 2 }"));
    let mut decision = Decision::detailed();
    let mut pay = |number: i64| {
        let paid = Happened { time: START + number * MINUTE, amount: 1, device: 1, country: "JP", late: 0 };
        engine.assess_into(&paid.event(), &mut decision).unwrap();
        decision
            .features()
            .map(|feature| {
                assert_eq!(feature.value(), &Value::Integer(number));
                feature.is_approximate()
            })
            .collect::<Vec<_>>()
    };
    let found: Vec<_> = (0..10).map(&mut pay).collect();
    let folded = |most: usize| (0..10).map(move |known| known > most);
    assert_eq!(found, folded(2).zip(folded(8)).map(|(one, other)| vec![one, other]).collect::<Vec<_>>());
    let held = |engine: &Engine| engine.statistics().iter().map(|table| table.events).collect::<Vec<_>>();
    assert_eq!(held(&engine), [2, 8]);

    // What was summed up stays so; what there is room for from now on is kept.
    engine.swap(Policy::from_toml(&policy("{ merchant = 5 }")).unwrap()).unwrap();
    assert_eq!(pay(10), [true, true]);
    assert_eq!(held(&engine), [3, 4]);
}
