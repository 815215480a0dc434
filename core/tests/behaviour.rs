//! Features that look at behaviour: over panes, across swaps and snapshots, at their boundaries.

#![allow(clippy::disallowed_methods, reason = "definitions need not have the same bits everywhere")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use proptest::prelude::*;
use sekisho::{Decision, Engine, Event, HashKey, Label, Policy, Value};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2026-01-01T00:00 in Tokyo, where a window of 64 minutes has panes of one.
const START: i64 = 1_767_193_200_000;

/// Aggregates with the keys that they take.
const FEATURES: [&str; 11] = [
    "\"zscore\"\nof = \"amount_minor\"",
    "\"zscore\"\nof = \"amount_minor\"\nscale = \"linear\"\nat_least = 2",
    "\"zscore\"\nof = \"radius_km\"\nat_least = 2",
    "\"time_of_day\"\nat_least = 2",
    "\"novelty\"\nof = \"device\"",
    "\"novelty\"\nof = \"country\"\nsmoothing = 0.5\ncategories = 20",
    "\"count\"\nhalf_life = \"20m\"",
    "\"rate\"\nhalf_life = \"1h\"",
    "\"sum\"\nof = \"radius_km\"\nhalf_life = \"20m\"",
    "\"sum\"\nof = \"amount_minor\"\nhalf_life = \"7m\"",
    "\"mean\"\nof = \"amount_minor\"\nhalf_life = \"20m\"",
];

fn head(events: usize, zone: &str) -> String {
    format!(
        "[policy]\nname = \"behaviour\"\nversion = \"1\"\ncurrency = \"JPY\"\ntime_zone = \"{zone}\"\nevents = {events}\n\
         remember_for = \"30d\"\nremember = [\"amount_minor\", \"radius_km\", \"device\", \"country\", \"ip\"]\n\
         [decision]\nbands = [{{ from = 0, action = \"allow\" }}]\n\
         [[feature]]\nname = \"of_payee\"\naggregate = \"count\"\nby = [\"payee\"]\nover = \"1h\"\n\
         [[feature]]\nname = \"of_account\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"1h\"\n"
    )
}

/// Every feature by one entity and by two, over windows with and without an end or a delay, of all and of frauds.
fn features(text: &mut String) {
    for (n, aggregate) in FEATURES.into_iter().enumerate() {
        for (m, window) in ["", "over = \"64m\"", "over = \"64m\"\ndelay = \"30m\""].into_iter().enumerate() {
            for (k, filter) in ["", "where = 'label == \"fraud\"'"].into_iter().enumerate() {
                let by = if (n + m + k).is_multiple_of(3) { "\"account\", \"ip\"" } else { "\"account\"" };
                text.push_str(&format!(
                    "[[feature]]\nname = \"f_{n}_{m}_{k}\"\naggregate = {aggregate}\nby = [{by}]\n{window}\n{filter}\n"
                ));
            }
        }
    }
}

fn policy(text: &str) -> Policy {
    Policy::from_toml(text).unwrap_or_else(|error| panic!("{error}"))
}

fn engine(text: &str) -> Engine {
    Engine::new(policy(text), key())
}

fn key() -> HashKey {
    HashKey::new(1, *b"32 secret bytes of the host ....")
}

#[derive(Clone, Debug)]
struct Happened {
    minute: i64,
    amount: Option<i64>,
    radius: Option<f64>,
    device: u8,
    country: &'static str,
    ip: u8,
    label: Labelled,
}

/// When an event is labelled: a while later it may have been summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Labelled {
    Never,
    Fraud,
    FraudLater,
    FraudUntilLater,
}

impl Happened {
    /// At the last millisecond of its minute: windows begin and end where panes do.
    fn event(&self, id: usize) -> Event {
        let event = Event::of("payment", START + (self.minute + 1) * MINUTE - 1).unwrap();
        let event = event.with("id", id as i64).unwrap().with("account", "a").unwrap();
        let event = event.with("device", i64::from(self.device)).unwrap();
        let ip = format!("192.0.2.{}", self.ip);
        // Somebody keeps it, and can tell when it is labelled, however many events the account has.
        let event = event.with("payee", id as i64).unwrap();
        let mut event = event.with("country", self.country).unwrap().with("ip", ip.as_str()).unwrap();
        if let Some(amount) = self.amount {
            event = event.with("amount_minor", amount).unwrap();
        }
        if let Some(radius) = self.radius {
            event = event.with("radius_km", radius).unwrap();
        }
        event
    }
}

fn happened() -> impl Strategy<Value = Happened> {
    (
        0i64..200,
        proptest::option::weighted(0.9, 0i64..10_000),
        proptest::option::weighted(0.9, 0.0..500.0f64),
        0u8..6,
        proptest::sample::select(vec!["JP", "US", "DE"]),
        0u8..2,
        proptest::sample::select(vec![
            Labelled::Never,
            Labelled::Fraud,
            Labelled::FraudLater,
            Labelled::FraudUntilLater,
        ]),
    )
        .prop_map(|(minute, amount, radius, device, country, ip, label)| Happened {
            minute,
            amount,
            radius,
            device,
            country,
            ip,
            label,
        })
}

fn stream(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Happened>> {
    proptest::collection::vec(happened(), length).prop_map(|mut events| {
        events.sort_by_key(|event| event.minute);
        events
    })
}

/// The event of this number is recorded, and what was learnt by then of earlier ones.
fn happens(engine: &Engine, events: &[Happened], id: usize) {
    let label = |id: usize, label: Label| {
        let event = events[id].event(id);
        assert!(engine.label(&event, label, event.integer(sekisho::Field::TIME).unwrap()).unwrap());
    };
    engine.record(&events[id].event(id)).unwrap();
    if [Labelled::Fraud, Labelled::FraudUntilLater].contains(&events[id].label) {
        label(id, Label::Fraud);
    }
    match id.checked_sub(10).map(|earlier| (earlier, events[earlier].label)) {
        Some((earlier, Labelled::FraudLater)) => label(earlier, Label::Fraud),
        Some((earlier, Labelled::FraudUntilLater)) => label(earlier, Label::Genuine),
        _ => {}
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        Value::Missing => None,
        other => panic!("{other:?}"),
    }
}

fn read(engine: &Engine, event: &Event, name: &str) -> (Option<f64>, bool) {
    let mut decision = Decision::detailed();
    engine.score_into(event, &mut decision).unwrap();
    let feature = decision.features().find(|feature| feature.name() == name).unwrap();
    (number(feature.value()), feature.is_approximate())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Where the edges of windows are those of panes, a history of a few events and its panes say what one says that
    /// holds all events.
    #[test]
    fn panes_say_what_all_events_say(events in stream(1..120), room in proptest::sample::select(vec![1usize, 8, 30])) {
        let texts = [room, 4_096].map(|room| {
            let mut text = head(room, "Asia/Tokyo");
            features(&mut text);
            text
        });
        let [narrow, wide] = texts.map(|text| engine(&text));
        let (mut ours, mut theirs) = (Decision::detailed(), Decision::detailed());
        for (id, happened) in events.iter().enumerate() {
            let event = happened.event(id);
            narrow.score_into(&event, &mut ours).unwrap();
            wide.score_into(&event, &mut theirs).unwrap();
            for (found, expected) in ours.features().zip(theirs.features()).skip(2) {
                // What was different stays so when it no longer counts: the values that it takes do not grow fewer.
                if found.name().starts_with("f_4_") && found.name().ends_with("_1") {
                    continue;
                }
                let context = format!("{} of {event:?}: {:?}, expected {:?}", found.name(), found.value(), expected.value());
                prop_assert!(!expected.is_approximate());
                match (number(found.value()), number(expected.value())) {
                    (Some(found), Some(expected)) => {
                        prop_assert!((found - expected).abs() <= 1e-6 * (1.0 + expected.abs()), "{context}");
                    }
                    (found, expected) => prop_assert_eq!(found, expected, "{}", context),
                }
            }
            for engine in [&narrow, &wide] {
                happens(engine, &events, id);
            }
        }
    }

    /// Features that come with a swap work with what was remembered, to the bit, whatever the time zone was; so do
    /// those of an engine that was kept and brought back.
    #[test]
    fn what_is_worked_out_is_warm_at_once(events in stream(1..40), cut in 0usize..40, roomy in any::<bool>()) {
        let room = if roomy { 256 } else { 12 };
        let mut text = head(room, "Asia/Tokyo");
        features(&mut text);
        let whole = engine(&text);
        let mut swapped = engine(&head(256, "America/New_York"));
        let (mut ours, mut theirs) = (Decision::detailed(), Decision::detailed());
        for (id, happened) in events.iter().enumerate() {
            let event = happened.event(id);
            if id == cut.min(events.len() - 1) {
                let report = swapped.swap(policy(&text)).unwrap();
                prop_assert_eq!(&report.cold, &Vec::<String>::new());
                // Those without an end look farther back than anything before; the others are warm.
                let late = report.partly_warm.iter().find(|(name, _)| !name.contains("_0_"));
                prop_assert_eq!(late, None);
            }
            if id > cut {
                // What was summed up under the other policy is lost to the features of this one.
                swapped.score_into(&event, &mut ours).unwrap();
                whole.score_into(&event, &mut theirs).unwrap();
                for place in (2..2 + FEATURES.len() * 6).filter(|_| roomy) {
                    prop_assert_eq!(ours.feature_bits(place), theirs.feature_bits(place), "feature {}", place);
                }
                let mut bytes = Vec::new();
                let sink = |piece: &[u8]| {
                    bytes.extend_from_slice(piece);
                    Ok::<(), std::convert::Infallible>(())
                };
                swapped.snapshot(sink).unwrap();
                let restored = Engine::restore(policy(&text), key(), &*bytes).unwrap();
                restored.score_into(&event, &mut theirs).unwrap();
                for place in 2..2 + FEATURES.len() * 6 {
                    prop_assert_eq!(ours.feature_bits(place), theirs.feature_bits(place), "restored {}", place);
                }
                swapped = restored;
            }
            for engine in [&swapped, &whole] {
                happens(engine, &events, id);
            }
        }
    }
}

fn payment(id: i64, time: i64) -> Event {
    Event::of("payment", time).unwrap().with("id", id).unwrap().with("account", "a").unwrap()
}

fn feature(lines: &str) -> String {
    head(256, "Asia/Tokyo") + "[[feature]]\nname = \"f\"\nby = [\"account\"]\n" + lines + "\n"
}

#[test]
fn scores_begin_with_their_fifth_value_and_want_values_that_differ() {
    let engine = engine(&feature("aggregate = \"zscore\"\nof = \"amount_minor\"\nover = \"30d\""));
    let pay = |id: i64, amount: i64| payment(id, START + id * HOUR).with("amount_minor", amount).unwrap();
    for id in 0..5 {
        assert_eq!(read(&engine, &pay(id, 500), "f").0, None, "{id} values");
        engine.record(&pay(id, 500)).unwrap();
    }
    // Five, and all the same.
    assert_eq!(read(&engine, &pay(5, 500_000), "f").0, None);
    engine.record(&pay(5, 1_000)).unwrap();
    let score = read(&engine, &pay(6, 500_000), "f").0.unwrap();
    // numpy: (log1p(500000) - mean) / std(ddof=1) of log1p of five times 500 and 1000.
    assert!((score - 24.030_990_048_787_42).abs() < 1e-11, "{score}");
    // Without a value of its own there is nothing to compare.
    assert_eq!(read(&engine, &payment(6, START + 6 * HOUR), "f").0, None);
    let dollars = pay(6, 500).with("currency", "USD").unwrap();
    assert_eq!(read(&engine, &dollars, "f").0, None, "an amount of another currency");
}

#[test]
fn times_of_day_are_those_of_the_policys_zone_and_know_no_midnight() {
    let engine = engine(&feature("aggregate = \"time_of_day\"\nover = \"90d\""));
    for day in 0..5 {
        let at = START + day * DAY - HOUR / 2;
        assert_eq!(read(&engine, &payment(day, at), "f").0, None, "{day} times");
        engine.record(&payment(day, at)).unwrap();
    }
    engine.advance(START + 5 * DAY).unwrap();
    let at = |time: i64| read(&engine, &payment(9, START + 5 * DAY + time), "f").0.unwrap();
    // As far after 23:30 in Tokyo as before it.
    assert!((at(0) - at(-HOUR)).abs() < 1e-12);
    assert!(at(0) < at(HOUR) && at(HOUR) < at(11 * HOUR));
    // Of five equal times, as scipy has it.
    assert!((at(-HOUR / 2) - 0.359_498_164_883_203_85).abs() < 1e-12);
    assert!((at(11 * HOUR + HOUR / 2) - 7.075_686_933_692_164).abs() < 1e-11);
}

#[test]
fn the_first_value_is_no_news_and_an_only_value_little() {
    let engine = engine(&feature("aggregate = \"novelty\"\nof = \"country\""));
    let from = |id: i64, country: &str| payment(id, START + id * HOUR).with("country", country).unwrap();
    assert_eq!(read(&engine, &from(0, "JP"), "f").0, Some(0.0));
    for id in 0..10 {
        engine.record(&from(id, "JP")).unwrap();
    }
    // Eleven of twelve, and one of twelve.
    let [same, other] = ["JP", "US"].map(|country| read(&engine, &from(10, country), "f").0.unwrap());
    assert!((same - (12.0f64 / 11.0).ln()).abs() < 1e-15);
    assert!((other - 12.0f64.ln()).abs() < 1e-15);
    assert_eq!(read(&engine, &payment(10, START + 10 * HOUR), "f").0, None);
}

#[test]
fn entropy_is_that_of_the_entries() {
    let lines = "aggregate = \"entropy\"\nof = \"country\"\nover = \"30d\"\ninclude_current = true";
    let text = feature(lines).replace("events = 256", "events = 4");
    let engine = engine(&text);
    let from = |id: i64, country: &str| payment(id, START + id * HOUR).with("country", country).unwrap();
    assert_eq!(read(&engine, &payment(0, START), "f"), (None, false));
    for (id, country) in ["JP", "US", "JP", "US", "JP", "JP"].into_iter().enumerate() {
        engine.record(&from(id as i64, country)).unwrap();
    }
    // JP, US, JP, JP and DE; the first two are summed up.
    let expected = -(0.6f64 * 0.6f64.log2() + 2.0 * 0.2 * 0.2f64.log2());
    let (found, approximate) = read(&engine, &from(6, "DE"), "f");
    assert!(approximate && (found.unwrap() - expected).abs() < 1e-15, "{found:?}");
}

#[test]
fn weights_halve_with_each_half_life() {
    let text = feature("aggregate = \"count\"\nhalf_life = \"1h\"")
        + "[[feature]]\nname = \"rate\"\naggregate = \"rate\"\nby = [\"account\"]\nhalf_life = \"1h\"\n\
           [[feature]]\nname = \"mean\"\naggregate = \"mean\"\nof = \"amount_minor\"\nby = [\"account\"]\nhalf_life = \"1s\"\n";
    let engine = engine(&text);
    for hour in 0..3 {
        engine.record(&payment(hour, START + hour * HOUR).with("amount_minor", 100 * hour).unwrap()).unwrap();
    }
    let now = |hours: i64| payment(9, START + hours * HOUR);
    assert_eq!(read(&engine, &now(2), "f").0, Some(1.75));
    assert_eq!(read(&engine, &now(3), "f").0, Some(0.875));
    let rate = read(&engine, &now(2), "rate").0.unwrap();
    assert!((rate - 1.75 * std::f64::consts::LN_2).abs() < 1e-15);
    // Long after, what a mean divides has not come to nothing.
    assert_eq!(read(&engine, &now(20), "mean").0, Some(200.0));
    engine.advance(START + 3_000 * HOUR).unwrap();
    assert_eq!(read(&engine, &now(3_000), "f").0, Some(0.0));
}

#[test]
fn a_prior_gives_ratios_of_nothing_a_value() {
    let count = |name: &str, filter: &str| {
        format!(
            "[[feature]]\nname = \"{name}\"\naggregate = \"count\"\nby = [\"account\"]\nwhere = '{filter}'\n"
        )
    };
    let text = head(256, "Asia/Tokyo")
        + &count("failed", "outcome == \"failed\"")
        + &count("tried", "has(outcome)")
        + "[[feature]]\nname = \"f\"\naggregate = \"ratio\"\nnumerator = \"failed\"\ndenominator = \"tried\"\nprior = [1, 3.5]\n";
    let engine = engine(&text);
    assert_eq!(read(&engine, &payment(0, START), "f").0, Some(1.0 / 4.5));
    let failed = payment(0, START).with("outcome", "failed").unwrap();
    engine.record(&failed).unwrap();
    assert_eq!(read(&engine, &payment(1, START + HOUR), "f").0, Some(2.0 / 5.5));
    let nobody = Event::of("payment", START + HOUR).unwrap();
    assert_eq!(read(&engine, &nobody, "f").0, None, "there is no count without an account");
}

#[test]
fn whoever_has_no_past_is_compared_with_others_of_the_kind() {
    let score = |name: &str, by: &str| {
        format!(
            "[[feature]]\nname = \"{name}\"\naggregate = \"zscore\"\nof = \"amount_minor\"\nby = [\"{by}\"]\nover = \"30d\"\n"
        )
    };
    let either = "[[feature]]\nname = \"f\"\nexpression = \"has(own) ? own : of_kind\"\n";
    let engine =
        engine(&(head(256, "Asia/Tokyo") + &score("own", "account") + &score("of_kind", "mcc") + either));
    let pay = |id: i64, account: &str, amount: i64| {
        let event = payment(id, START + id * HOUR).with("account", account).unwrap();
        event.with("mcc", "5411").unwrap().with("amount_minor", amount).unwrap()
    };
    for id in 0..6 {
        engine.record(&pay(id, "a", 1_000 + 100 * id)).unwrap();
    }
    for id in 6..12 {
        engine.record(&pay(id, "b", 100_000 + 100 * id)).unwrap();
    }
    for (account, feature) in [("a", "own"), ("c", "of_kind")] {
        let event = pay(12, account, 100_000);
        let expected = read(&engine, &event, feature).0;
        assert!(expected.is_some() && read(&engine, &event, "f").0 == expected, "{account}");
    }
    assert_eq!(read(&engine, &pay(12, "c", 100_000), "own").0, None);
}

#[test]
fn a_challenger_compares_with_what_the_policy_in_force_works_out() {
    let aggregate = "aggregate = \"time_of_day\"\nover = \"30d\"\nat_least = 2";
    let engine = engine(&feature(aggregate));
    for day in 0..5 {
        engine.record(&payment(day, START + day * DAY)).unwrap();
    }
    // Another number of times at least is another feature over the same columns.
    let challenger = policy(&feature("aggregate = \"time_of_day\"\nover = \"30d\"\nat_least = 5"));
    assert_eq!(engine.challenge_with(challenger).unwrap().own, ["f"]);
    let mut decision = Decision::detailed();
    let event = payment(9, START + 4 * DAY + HOUR);
    engine.score_into(&event, &mut decision).unwrap();
    let own = decision.challenger().unwrap();
    let value = own.features().find(|feature| feature.name() == "f").unwrap();
    assert_eq!(number(value.value()), read(&engine, &event, "f").0);
    assert!(number(value.value()).is_some());
    let missing = policy(&feature("aggregate = \"zscore\"\nof = \"amount_minor\""));
    let error = engine.challenge_with(missing).unwrap_err();
    assert!(error.to_string().contains("`logarithm amount_minor`"), "{error}");
    assert!(error.to_string().contains("a feature that reads it"), "{error}");
}
