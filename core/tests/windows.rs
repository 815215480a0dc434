//! Every aggregate over every window against a naive oracle that filters a list of all events by the
//! definitions: late and repeated events, equal times, delays, labels, month ends in Tokyo.

#![allow(clippy::disallowed_methods, reason = "definitions need not have the same bits everywhere")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::fmt::Write;

#[path = "windows/behaviour.rs"]
mod behaviour;
#[path = "windows/geography.rs"]
mod geography;
#[path = "windows/lists.rs"]
mod lists;

use behaviour::naive_behaviour;
use geography::{PLACES, Place, Visit, from_home, speed};
use lists::{ASKED, Change, LISTS, Listed, change};
use proptest::prelude::*;
use sekisho::{Decision, Engine, Event, HashKey, Label, Outcome, Policy, Value};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2024-02-01T00:00 in Tokyo: a month end of a leap year two days around it.
const MONTH_END: i64 = 1_706_713_200_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Over {
    Sliding(i64),
    Day,
    Month,
    Everything,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Filter {
    Always,
    Failed,
    Fraud,
    Large,
}

impl Filter {
    fn text(self) -> &'static str {
        match self {
            Filter::Always => "true",
            Filter::Failed => r#"outcome == "failed""#,
            Filter::Fraud => r#"label == "fraud""#,
            Filter::Large => "amount_minor > 5000",
        }
    }
}

/// What has to come before an event that counts.
#[derive(Clone, Copy, Debug)]
enum Marker {
    After(Filter),
    /// The newest one with this field as the current event has it.
    AfterSame(Filter, &'static str),
    Reset(Filter),
}

#[derive(Clone, Debug)]
struct Spec {
    aggregate: &'static str,
    of: Option<&'static str>,
    by: &'static [&'static str],
    over: Over,
    delay: i64,
    filter: Filter,
    current: bool,
    marker: Option<Marker>,
    steps: &'static [Filter],
    /// More keys, as the policy has them.
    keys: &'static str,
}

impl Spec {
    fn half_life(&self) -> Option<i64> {
        let length = self.keys.strip_prefix("half_life = \"")?.strip_suffix("ms\"")?;
        Some(length.parse().unwrap())
    }
}

/// Those that look at behaviour, with their keys.
const BEHAVIOUR: [(&str, Option<&str>, &str); 14] = [
    ("zscore", Some("amount_minor"), ""),
    ("zscore", Some("amount_minor"), "scale = \"linear\"\nat_least = 2"),
    ("zscore", Some("radius_km"), "at_least = 3"),
    ("time_of_day", None, ""),
    ("time_of_day", None, "at_least = 2"),
    ("novelty", Some("device"), ""),
    ("novelty", Some("country"), "smoothing = 0.5\ncategories = 20"),
    ("entropy", Some("country"), ""),
    ("entropy", Some("device"), ""),
    ("count", None, "half_life = \"5400000ms\""),
    ("rate", None, "half_life = \"21600000ms\""),
    ("sum", Some("amount_minor"), "half_life = \"86400000ms\""),
    ("mean", Some("amount_minor"), "half_life = \"600000ms\""),
    ("mean", Some("radius_km"), "half_life = \"3600000ms\""),
];

/// Those that look at where events happen.
const GEOGRAPHY: [(&str, Option<&str>, &str); 4] = [
    ("speed", None, ""),
    ("distance", None, ""),
    ("distance", None, "half_life = \"21600000ms\""),
    ("distance", None, "at_least = 3"),
];

const AGGREGATES: [(&str, Option<&str>); 20] = [
    ("count", None),
    ("rate", None),
    ("since", None),
    ("sum", Some("amount_minor")),
    ("mean", Some("amount_minor")),
    ("min", Some("amount_minor")),
    ("max", Some("amount_minor")),
    ("stddev", Some("amount_minor")),
    ("first", Some("amount_minor")),
    ("last", Some("amount_minor")),
    ("sum", Some("radius_km")),
    ("mean", Some("radius_km")),
    ("min", Some("radius_km")),
    ("stddev", Some("radius_km")),
    ("distinct", Some("device")),
    ("distinct", Some("country")),
    ("last", Some("country")),
    ("first", Some("time")),
    ("distinct", Some("ip/24")),
    ("age", None),
];

/// Those that compare the current event with those before it.
const COMPARES: [&str; 5] = ["zscore", "time_of_day", "novelty", "speed", "distance"];

const STEPS: [&[Filter]; 3] = [
    &[Filter::Failed, Filter::Large],
    &[Filter::Large, Filter::Failed, Filter::Large],
    &[Filter::Failed, Filter::Failed, Filter::Fraud, Filter::Always, Filter::Large],
];

fn specs() -> Vec<Spec> {
    let mut specs = Vec::new();
    let windows = [
        (Over::Sliding(10 * MINUTE), 0),
        (Over::Sliding(DAY), 0),
        (Over::Sliding(6 * HOUR), 3 * HOUR),
        (Over::Day, 0),
        (Over::Month, 0),
        (Over::Day, 12 * HOUR),
        (Over::Everything, 0),
    ];
    let entities: [&[&str]; 5] =
        [&["account"], &["account", "device"], &["ip/24"], &["account", "country"], &["account", "ip/24"]];
    let filters = [Filter::Always, Filter::Failed, Filter::Fraud, Filter::Large];
    // Every aggregate over every window; the other dimensions take turns.
    let plain = AGGREGATES.into_iter().map(|(aggregate, of)| (aggregate, of, ""));
    for (n, (aggregate, of, keys)) in plain.chain(BEHAVIOUR).chain(GEOGRAPHY).chain(ASKED).enumerate() {
        let compares = COMPARES.contains(&aggregate);
        for (m, (over, delay)) in windows.into_iter().enumerate() {
            if aggregate == "rate" && over == Over::Everything && keys.is_empty() {
                continue;
            }
            let turn = n + m;
            specs.push(Spec {
                aggregate,
                of,
                by: entities[turn % 5],
                over,
                delay,
                filter: filters[(n + 2 * m) % 4],
                current: delay == 0 && turn.is_multiple_of(3) && !compares,
                keys,
                marker: None,
                steps: &[],
            });
        }
    }
    let plain = specs.clone();
    let markers = [
        Marker::After(Filter::Failed),
        Marker::Reset(Filter::Large),
        Marker::AfterSame(Filter::Always, "country"),
        Marker::Reset(Filter::Fraud),
        Marker::After(Filter::Fraud),
        Marker::AfterSame(Filter::Large, "device"),
        Marker::Reset(Filter::Failed),
    ];
    // Each aggregate meets several markers, in one window or the other.
    for (n, spec) in plain.iter().enumerate().step_by(2) {
        let compares = COMPARES.contains(&spec.aggregate);
        let current = spec.delay == 0 && n.is_multiple_of(4) && !compares;
        specs.push(Spec { marker: Some(markers[n % 7]), current, ..spec.clone() });
    }
    let counts = plain.iter().filter(|spec| spec.aggregate == "count" && spec.keys.is_empty());
    for (n, spec) in counts.cycle().take(42).enumerate() {
        let aggregate = ["sequence", "occurred"][n % 2];
        let marker = n.is_multiple_of(5).then_some(markers[n % 7]);
        let filter = if n < 21 { Filter::Always } else { spec.filter };
        specs.push(Spec { aggregate, filter, marker, steps: STEPS[n / 2 % 3], ..spec.clone() });
    }
    specs
}

fn policy(specs: &[Spec]) -> String {
    let mut text = String::from(
        "[policy]\nname = \"windows\"\nversion = \"1\"\ntime_zone = \"Asia/Tokyo\"\ncurrency = \"JPY\"\n\
         events = 4096\n",
    );
    text.push_str(LISTS);
    for (n, spec) in specs.iter().enumerate() {
        let _ = write!(
            text,
            "\n[[feature]]\nname = \"f{n}\"\naggregate = \"{}\"\nby = {:?}\n",
            spec.aggregate, spec.by
        );
        if let Some(of) = spec.of {
            let _ = writeln!(text, "of = \"{of}\"");
        }
        match spec.over {
            Over::Sliding(length) => drop(writeln!(text, "over = \"{length}ms\"")),
            Over::Day => text.push_str("over = \"day\"\n"),
            Over::Month => text.push_str("over = \"month\"\n"),
            Over::Everything => {}
        }
        if spec.delay > 0 {
            let _ = writeln!(text, "delay = \"{}ms\"", spec.delay);
        }
        if spec.filter != Filter::Always {
            let _ = writeln!(text, "where = '{}'", spec.filter.text());
        }
        match spec.marker {
            None => {}
            Some(Marker::After(filter)) => drop(writeln!(text, "after = '{}'", filter.text())),
            Some(Marker::Reset(filter)) => drop(writeln!(text, "reset = '{}'", filter.text())),
            Some(Marker::AfterSame(filter, field)) => {
                let _ = writeln!(text, "after = '{}'\nafter_same = [\"{field}\"]", filter.text());
            }
        }
        if !spec.steps.is_empty() {
            let steps: Vec<&str> = spec.steps.iter().map(|step| step.text()).collect();
            let _ = writeln!(text, "steps = {steps:?}");
        }
        let _ = writeln!(text, "{}", spec.keys);
        if spec.current {
            text.push_str("include_current = true\n");
        }
    }
    text + "\n[decision]\nbands = [{ from = 0, action = \"allow\" }]\n"
}

/// One event as the oracle keeps it.
#[derive(Clone, Debug)]
struct Happened {
    id: u32,
    time: i64,
    account: u8,
    device: Option<u8>,
    net: u8,
    amount: Option<i64>,
    radius: Option<f64>,
    place: Option<Place>,
    country: Option<&'static str>,
    outcome: Option<&'static str>,
    /// The outcome as it is learnt by `resolve`, right after the event.
    resolved: bool,
    /// The label, and when it becomes known.
    label: Option<(&'static str, i64)>,
    /// The label rides on the event; otherwise the engine is told when the stream gets there.
    label_on_event: bool,
    /// How late the event arrives.
    late: i64,
    /// What happens to a list behind it.
    listing: Option<Change>,
}

impl Happened {
    fn event(&self) -> Event {
        let with = |event: Event, name: &str, value: Option<i64>| match value {
            Some(value) => event.with(name, value).unwrap(),
            None => event,
        };
        let mut event = Event::of("payment", self.time)
            .unwrap()
            .with("id", &format!("e-{}", self.id))
            .unwrap()
            .with("account", &format!("a-{}", self.account))
            .unwrap()
            .with("ip", &format!("192.0.{}.{}", self.net, self.id % 250))
            .unwrap();
        event = with(event, "device", self.device.map(i64::from));
        event = with(event, "amount_minor", self.amount);
        if let Some(radius) = self.radius {
            event = event.with("radius_km", radius).unwrap();
        }
        if let Some((latitude, longitude)) = self.place {
            event = event.with("latitude", latitude).unwrap().with("longitude", longitude).unwrap();
        }
        if let Some(country) = self.country {
            event = event.with("country", country).unwrap();
        }
        if let (Some(outcome), false) = (self.outcome, self.resolved) {
            event = event.with("outcome", outcome).unwrap();
        }
        if let (Some((label, at)), true) = (self.label, self.label_on_event) {
            event = event.with("label", label).unwrap();
            if at != self.time {
                event = event.with("labelled_at", at).unwrap();
            }
        }
        event
    }

    fn visit(&self) -> Option<Visit> {
        Some(Visit { time: self.time, place: self.place?, radius: self.radius.unwrap_or(0.0) })
    }

    fn has(&self, field: &str) -> bool {
        match field {
            "device" => self.device.is_some(),
            "amount_minor" => self.amount.is_some(),
            "radius_km" => self.radius.is_some(),
            "country" => self.country.is_some(),
            _ => true,
        }
    }

    fn entity(&self, field: &str) -> Option<String> {
        match field {
            "account" => Some(self.account.to_string()),
            "device" => self.device.map(|device| device.to_string()),
            "country" => self.country.map(str::to_owned),
            "ip/24" => Some(self.net.to_string()),
            _ => None,
        }
    }

    /// Whether the filter holds, as far as is known at `now`; the current event has no label yet.
    fn passes(&self, filter: Filter, now: i64, current: bool) -> bool {
        match filter {
            Filter::Always => true,
            Filter::Failed => self.outcome == Some("failed") && !(current && self.resolved),
            Filter::Fraud => !current && self.label.is_some_and(|(label, at)| label == "fraud" && at <= now),
            Filter::Large => self.amount.is_some_and(|amount| amount > 5000),
        }
    }
}

/// Days since 1970 of the first of the month that a day lies in (Howard Hinnant's civil calendar).
fn first_of_month(days: i64) -> i64 {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z - era * 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    days - (doy - (153 * mp + 2) / 5)
}

fn naive(spec: &Spec, history: &[Happened], current: &Happened, listed: &Listed) -> Value {
    if spec.by.iter().any(|by| current.entity(by).is_none()) {
        return Value::Missing;
    }
    if let Some(Marker::AfterSame(_, field)) = spec.marker
        && current.entity(field).is_none()
    {
        return Value::Missing;
    }
    let end = current.time - spec.delay;
    let tokyo_day = (end + 9 * HOUR).div_euclid(DAY);
    let start = match spec.over {
        Over::Sliding(length) => end - length,
        Over::Day => tokyo_day * DAY - 9 * HOUR - 1,
        Over::Month => first_of_month(tokyo_day) * DAY - 9 * HOUR - 1,
        Over::Everything => i64::MIN,
    };
    // All up to the window's end; the second says whether it is the current event.
    let mut entries: Vec<(&Happened, bool)> = history
        .iter()
        .filter(|event| spec.by.iter().all(|by| event.entity(by) == current.entity(by)))
        .filter(|event| event.time <= end)
        .map(|event| (event, false))
        .collect();
    entries.sort_by_key(|(event, _)| event.time);
    entries.extend(spec.current.then_some((current, true)));
    let holds = |filter: Filter, (event, is_current): (&Happened, bool)| {
        event.passes(filter, current.time, is_current)
    };
    let newest = |filter: Filter, field: Option<&str>| {
        let alike = |event: &Happened| field.is_none_or(|field| event.entity(field) == current.entity(field));
        entries.iter().rposition(|entry| holds(filter, *entry) && alike(entry.0))
    };
    let from = match spec.marker {
        None => 0,
        Some(Marker::Reset(filter)) => newest(filter, None).map_or(0, |at| at + 1),
        Some(Marker::After(filter)) => newest(filter, None).map_or(entries.len(), |at| at + 1),
        Some(Marker::AfterSame(filter, field)) => {
            newest(filter, Some(field)).map_or(entries.len(), |at| at + 1)
        }
    };
    let matching: Vec<(&Happened, bool)> = entries[from..]
        .iter()
        .copied()
        .filter(|(event, _)| event.time > start)
        .filter(|entry| holds(spec.filter, *entry))
        .filter(|(event, _)| spec.of.is_none_or(|of| event.has(of)))
        .collect();
    let matches: Vec<&Happened> = matching.iter().map(|(event, _)| *event).collect();
    let number = |value: Option<f64>| value.map_or(Value::Missing, Value::Number);
    if looks_at_places(spec) {
        let visits: Vec<Visit> = matches.iter().filter_map(|event| event.visit()).collect();
        let at_least = if spec.keys.starts_with("at_least") { 3 } else { 1 };
        return number(current.visit().and_then(|current| match spec.aggregate {
            "speed" => visits.last().map(|last| speed(*last, current)),
            _ => from_home(&visits, spec.half_life(), at_least, current),
        }));
    }
    if looks_at_behaviour(spec) {
        return number(naive_behaviour(spec, &matches, current, (start, end)));
    }
    let amounts = || matches.iter().filter_map(|event| event.amount);
    let radii = || matches.iter().filter_map(|event| event.radius);
    let integer = |value: Option<i64>| value.map_or(Value::Missing, Value::Integer);
    let n = matches.len() as f64;
    let different = |field: &str| {
        let mut all: Vec<String> = matches.iter().filter_map(|event| event.entity(field)).collect();
        all.sort();
        all.dedup();
        all
    };
    match (spec.aggregate, spec.of) {
        ("count", _) => Value::Integer(matches.len() as i64),
        ("rate", _) => Value::Number(n * HOUR as f64 / (end - start) as f64),
        ("since", _) => {
            matches.last().map_or(Value::Missing, |last| Value::Duration(current.time - last.time))
        }
        ("age", _) => {
            matches.first().map_or(Value::Missing, |first| Value::Duration(current.time - first.time))
        }
        ("sequence", _) => {
            // The most of the last steps that fit into the last entries, whether the first of these is taken or not.
            let mut most = vec![0; spec.steps.len() + 1];
            for entry in matching.iter().rev() {
                for (number, step) in spec.steps.iter().enumerate() {
                    let taken = if holds(*step, *entry) { 1 + most[number + 1] } else { 0 };
                    most[number] = most[number].max(taken);
                }
            }
            Value::Integer(most[0])
        }
        ("occurred", _) => {
            let any = |step: &&Filter| matching.iter().any(|entry| holds(**step, *entry));
            Value::Integer(spec.steps.iter().filter(any).count() as i64)
        }
        ("sum", Some("amount_minor")) => Value::Integer(amounts().sum()),
        ("sum", _) => Value::Number(radii().fold(0.0, |a, b| a + b)),
        ("mean", Some("amount_minor")) => number((n > 0.0).then(|| amounts().sum::<i64>() as f64 / n)),
        ("mean", _) => number((n > 0.0).then(|| radii().fold(0.0, |a, b| a + b) / n)),
        ("min", Some("amount_minor")) => integer(amounts().min()),
        ("min", _) => number(radii().reduce(f64::min)),
        ("max", _) => integer(amounts().max()),
        ("stddev", of) => {
            let values: Vec<f64> = if of == Some("amount_minor") {
                amounts().map(|a| a as f64).collect()
            } else {
                radii().collect()
            };
            let mean = values.iter().sum::<f64>() / n;
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            number((values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()))
        }
        ("first", Some("time")) => matches.first().map_or(Value::Missing, |event| Value::Time(event.time)),
        ("first", _) => integer(amounts().next()),
        ("last", Some("country")) => {
            let country = matches.last().and_then(|event| event.country);
            country.map_or(Value::Missing, |country| Value::Text(country.to_owned()))
        }
        ("last", _) => integer(amounts().next_back()),
        ("distinct", Some(field)) => Value::Integer(different(field).len() as i64),
        ("listed" | "listed_severity", Some(field)) => {
            let severities = listed.severities(spec.keys, &different(field), current.time);
            Value::Integer(match spec.aggregate {
                "listed" => severities.len() as i64,
                _ => severities.into_iter().max().map_or(0, i64::from),
            })
        }
        other => panic!("no oracle for {other:?}"),
    }
}

fn same(a: &Value, b: &Value, tolerant: bool) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if tolerant => (a - b).abs() <= 1e-9 * (1.0 + b.abs()),
        (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

fn looks_at_behaviour(spec: &Spec) -> bool {
    BEHAVIOUR.contains(&(spec.aggregate, spec.of, spec.keys))
}

fn looks_at_places(spec: &Spec) -> bool {
    GEOGRAPHY.contains(&(spec.aggregate, spec.of, spec.keys))
}

fn happened() -> impl Strategy<Value = Happened> {
    let time = prop_oneof![
        4 => (-30i64..30).prop_map(|n| MONTH_END + n * 5 * MINUTE),
        3 => (-40i64..40).prop_map(|n| MONTH_END + n * HOUR),
        1 => (-1i64..=1).prop_map(|n| MONTH_END + n),
        1 => (-35i64..35).prop_map(|n| MONTH_END + n * DAY),
    ];
    let label = proptest::option::of((
        proptest::sample::select(vec!["fraud", "fraud", "genuine"]),
        prop_oneof![Just(0), 0..3 * HOUR, 0..2 * DAY],
    ));
    let outcome = proptest::option::of(proptest::sample::select(vec!["failed", "succeeded"]));
    (
        (0u32..60, time, 0u8..3, proptest::option::of(0u8..3), 0u8..3),
        (
            proptest::option::of(0i64..10_000),
            proptest::option::of(0.0..500.0f64),
            proptest::option::of(proptest::sample::select(vec!["JP", "US", "DE"])),
            proptest::option::of(proptest::sample::select(PLACES.to_vec())),
        ),
        (outcome, any::<bool>(), label, any::<bool>()),
        (prop_oneof![3 => Just(0), 1 => 0..DAY], proptest::option::weighted(0.3, change())),
    )
        .prop_map(
            |(
                (id, time, account, device, net),
                (amount, radius, country, place),
                (outcome, resolved, label, label_on_event),
                (late, listing),
            )| Happened {
                id,
                time,
                account,
                device,
                net,
                amount,
                radius,
                place,
                country,
                outcome,
                resolved,
                label: label.map(|(label, delay)| (label, time + delay)),
                label_on_event,
                late,
                listing,
            },
        )
}

fn engine(policy: Policy) -> Engine {
    let builder = Engine::builder(policy, HashKey::new(1, [3; 32]));
    builder.shared_key("consortium", HashKey::new(9, [9; 32])).build().unwrap()
}

fn run(mut stream: Vec<Happened>) -> Result<(), TestCaseError> {
    let specs = specs();
    let policy =
        Policy::from_toml(&policy(&specs)).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let engine = engine(policy);
    let mut listed = Listed::default();
    let mut decision = Decision::detailed();
    let mut recorded: Vec<Happened> = Vec::new();
    let mut pending: Vec<(i64, Happened)> = Vec::new();
    stream.sort_by_key(|event| event.time + event.late);
    for event in stream {
        let arrives = event.time + event.late;
        let (due, later): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(at, _)| *at <= arrives);
        pending = later;
        for (at, labelled) in due {
            let label = Label::named(labelled.label.unwrap().0).unwrap();
            prop_assert!(engine.label(&labelled.event(), label, at).unwrap());
        }
        engine.advance(arrives).unwrap();
        if let Some(first) = recorded.iter().find(|known| known.id == event.id) {
            // The same event once more: nothing is recorded, which the oracle would notice later.
            engine.assess_into(&first.event(), &mut decision).unwrap();
            prop_assert!(decision.is_repeated());
            prop_assert!(!engine.record(&first.event()).unwrap());
            continue;
        }
        engine.assess_into(&event.event(), &mut decision).unwrap();
        prop_assert!(!decision.is_repeated());
        for (spec, feature) in specs.iter().zip(decision.features()) {
            let expected = naive(spec, &recorded, &event, &listed);
            let tolerant = spec.aggregate == "stddev" || looks_at_behaviour(spec) || looks_at_places(spec);
            prop_assert!(
                same(feature.value(), &expected, tolerant),
                "{:?} of {:?}: {:?}, expected {:?}",
                spec,
                event,
                feature.value(),
                expected
            );
            prop_assert!(!feature.is_approximate());
        }
        if event.resolved
            && let Some(outcome) = event.outcome
        {
            prop_assert!(engine.resolve(&event.event(), Outcome::named(outcome).unwrap()).unwrap());
        }
        if let (Some((_, at)), false) = (event.label, event.label_on_event) {
            pending.push((at, event.clone()));
        }
        if let Some(change) = &event.listing {
            listed.change(&engine, change, event.time);
        }
        recorded.push(event);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn aggregates_equal_their_definitions(stream in proptest::collection::vec(happened(), 1..60)) {
        run(stream)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// More than 64 entries an entity: selections of several words, distinct counts that sort.
    #[test]
    fn long_histories_too(stream in proptest::collection::vec(happened(), 300..500)) {
        let numbered = stream.into_iter().zip(0u32..).map(|(event, id)| Happened { id, account: 0, ..event });
        run(numbered.collect())?;
    }
}

/// An event that is later than the policy's lateness may miss what has been dropped, and says so.
#[test]
fn forgotten_history_is_never_silent() {
    let specs = [Spec {
        aggregate: "count",
        of: None,
        by: &["account"],
        over: Over::Sliding(HOUR),
        delay: 0,
        filter: Filter::Always,
        current: false,
        keys: "",
        marker: None,
        steps: &[],
    }];
    let engine = engine(Policy::from_toml(&policy(&specs)).unwrap());
    let at = |time: i64| Event::of("payment", time).unwrap().with("account", "a").unwrap();
    let mut decision = Decision::detailed();
    let approximate = |decision: &Decision| decision.features().next().unwrap().is_approximate();
    engine.assess_into(&at(MONTH_END), &mut decision).unwrap();
    assert!(!approximate(&decision));
    engine.advance(MONTH_END + 3 * DAY).unwrap();
    engine.assess_into(&at(MONTH_END + 3 * DAY), &mut decision).unwrap();
    assert!(!approximate(&decision));
    // One hour of window and one day of lateness are kept; two days back is beyond both.
    engine.assess_into(&at(MONTH_END + MINUTE), &mut decision).unwrap();
    assert!(approximate(&decision));
}
