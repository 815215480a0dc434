//! Markers and steps among more events than a history holds, against a naive oracle: what is called exact is, and what
//! is not lies within what the documents promise.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::fmt::Write;

use common::{BANDS, HEAD, HOUR, MINUTE, NOW, key};
use proptest::prelude::*;
use sekisho::{Decision, Engine, Event, Policy, Value};

/// Length (0 for all that is remembered) and delay.
const WINDOWS: [(i64, i64); 4] = [(10 * MINUTE, 0), (HOUR, 0), (HOUR, 2 * HOUR), (0, 0)];
const ENTITIES: [&[&str]; 2] = [&["merchant"], &["merchant", "country"]];
const KINDS: [Kind; 8] = [
    Kind::Run { required: false, aggregate: "count" },
    Kind::Run { required: true, aggregate: "count" },
    Kind::Run { required: false, aggregate: "sum" },
    Kind::Run { required: false, aggregate: "since" },
    Kind::Run { required: true, aggregate: "since" },
    Kind::Steps("sequence"),
    Kind::Steps("occurred"),
    Kind::Age,
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Amounts from 4 on, after a 3.
    Run { required: bool, aggregate: &'static str },
    /// 0, 1, 2.
    Steps(&'static str),
    /// Of the first 1.
    Age,
}

#[derive(Clone, Debug)]
struct Spec {
    length: i64,
    delay: i64,
    by: &'static [&'static str],
    kind: Kind,
}

#[derive(Clone, Debug)]
struct Happened {
    number: usize,
    time: i64,
    late: i64,
    amount: i64,
    country: &'static str,
}

impl Happened {
    fn event(&self) -> Event {
        let event = Event::of("payment", self.time).unwrap().with("merchant", "m").unwrap();
        event.with("amount_minor", self.amount).unwrap().with("country", self.country).unwrap()
    }
}

fn engine(budget: usize) -> (Engine, Vec<Spec>) {
    let mut text = format!("{HEAD}events = {budget}\n");
    let mut specs = Vec::new();
    for (length, delay) in WINDOWS {
        for by in ENTITIES {
            for kind in KINDS {
                let _ = writeln!(text, "[[feature]]\nname = \"f{}\"\nby = {by:?}", specs.len());
                if length > 0 {
                    let _ = writeln!(text, "over = \"{length}ms\"\ndelay = \"{delay}ms\"");
                }
                let _ = match kind {
                    Kind::Run { required, aggregate } => {
                        let key = if required { "after" } else { "reset" };
                        let of = if aggregate == "sum" { "of = \"amount_minor\"\n" } else { "" };
                        let conditions = format!("where = 'amount_minor > 3'\n{key} = 'amount_minor == 3'");
                        writeln!(text, "aggregate = \"{aggregate}\"\n{of}{conditions}")
                    }
                    Kind::Steps(aggregate) => {
                        let steps = "['amount_minor == 0', 'amount_minor == 1', 'amount_minor == 2']";
                        writeln!(text, "aggregate = \"{aggregate}\"\nsteps = {steps}")
                    }
                    Kind::Age => writeln!(text, "aggregate = \"age\"\nwhere = 'amount_minor == 1'"),
                };
                specs.push(Spec { length, delay, by, kind });
            }
        }
    }
    let policy = Policy::from_toml(&(text + BANDS)).unwrap_or_else(|error| panic!("{error}"));
    (Engine::new(policy, key()), specs)
}

/// What a history holds, by the rules: the newest events, and nothing older than what has been folded.
#[derive(Default)]
struct Exact {
    held: Vec<(i64, usize)>,
    folded: Option<i64>,
}

impl Exact {
    fn insert(&mut self, event: &Happened, budget: usize) {
        let full = self.held.len() >= budget;
        if self.folded.is_some_and(|folded| event.time < folded) || full && event.time < self.held[0].0 {
            self.folded = self.folded.max(Some(event.time));
            return;
        }
        if full {
            self.folded = self.folded.max(Some(self.held.remove(0).0));
        }
        let at = self.held.partition_point(|(known, _)| *known <= event.time);
        self.held.insert(at, (event.time, event.number));
    }

    fn holds(&self, event: &Happened) -> bool {
        self.held.iter().any(|(_, number)| *number == event.number)
    }
}

/// Events of an entity in their order.
type Events<'a> = Vec<&'a Happened>;

fn within<'a>(events: &[&'a Happened], (start, end): (i64, i64)) -> Events<'a> {
    events.iter().copied().filter(|event| event.time > start && event.time <= end).collect()
}

/// Those behind the newest marker that is no later than `until`.
fn behind<'a>(events: &[&'a Happened], required: bool, until: i64) -> Events<'a> {
    match events.iter().rposition(|event| event.amount == 3 && event.time <= until) {
        None if required => Vec::new(),
        marker => events[marker.map_or(0, |at| at + 1)..].to_vec(),
    }
}

/// Those of a window that may be some of a pane longer at both ends, and may begin with a marker.
fn about<'a>(events: &[&'a Happened], required: bool, window: (i64, i64), pane: i64) -> Events<'a> {
    let marker = events.iter().rfind(|event| event.amount == 3 && event.time <= window.1);
    let start = match marker {
        None if required => return Vec::new(),
        None => window.0,
        Some(marker) => window.0.max(marker.time),
    };
    within(events, (start.saturating_sub(pane), window.1 + pane))
}

/// What is known of the times of steps: those that are held, and in each pane the oldest and the newest of a kind.
fn edges<'a>(events: &[&'a Happened], exact: &Exact, pane: i64) -> Events<'a> {
    let kind = |event: &Happened| (event.amount, event.time.div_euclid(pane));
    let is_edge = |event: &Happened| {
        let alike = || events.iter().filter(|other| kind(other) == kind(event) && !exact.holds(other));
        [alike().next(), alike().next_back()].iter().flatten().any(|edge| edge.number == event.number)
    };
    events.iter().copied().filter(|event| exact.holds(event) || is_edge(event)).collect()
}

fn aggregate(kind: Kind, events: &[&Happened], now: i64) -> Option<i64> {
    let counted = || events.iter().filter(|event| event.amount > 3);
    match kind {
        Kind::Run { aggregate: "count", .. } => Some(counted().count() as i64),
        Kind::Run { aggregate: "sum", .. } => Some(counted().map(|event| event.amount).sum()),
        Kind::Run { .. } => counted().next_back().map(|event| now - event.time),
        Kind::Steps("sequence") => {
            Some(events.iter().fold(0, |step, event| step + i64::from(event.amount == step && step < 3)))
        }
        Kind::Steps(_) => {
            Some((0..3).filter(|step| events.iter().any(|event| event.amount == *step)).count() as i64)
        }
        Kind::Age => events.iter().find(|event| event.amount == 1).map(|first| now - first.time),
    }
}

fn check(spec: &Spec, recorded: &[Happened], exact: &Exact, now: &Happened, found: (Option<i64>, bool)) {
    let (value, approximate) = found;
    let mut events: Events<'_> =
        recorded.iter().filter(|event| spec.by.len() == 1 || event.country == now.country).collect();
    events.sort_by_key(|event| event.time);
    let held: Events<'_> = events.iter().copied().filter(|event| exact.holds(event)).collect();
    let end = now.time - spec.delay;
    let unbounded = spec.length == 0;
    let window = (if unbounded { i64::MIN } else { end - spec.length }, end);
    let pane = spec.length / 64;
    let reaches = exact.folded.is_some_and(|folded| window.0 < folded);
    let of = |events: &[&Happened]| aggregate(spec.kind, events, now.time);

    let required = match spec.kind {
        Kind::Run { required, .. } => required,
        _ => false,
    };
    let truth = match spec.kind {
        Kind::Run { .. } => of(&within(&behind(&events, required, end), window)),
        _ => of(&within(&events, window)),
    };
    let here = |event: &&Happened| event.amount == 3 && event.time <= end;
    let (expected, least, most) = match spec.kind {
        Kind::Run { .. } if held.iter().any(here) => (false, truth, truth),
        // All that is summed up lies in one pane, and is left out when a marker is in it.
        Kind::Run { .. } if unbounded => {
            let known = behind(&events, required, i64::MAX);
            let known: Events<'_> = known.into_iter().filter(|event| exact.holds(event)).collect();
            let approximate = exact.folded.is_some();
            (approximate, of(&within(&known, window)), of(&behind(&events, required, end)))
        }
        Kind::Run { .. } => {
            let approximate = if required { exact.folded.is_some() } else { reaches };
            let least = of(&within(&behind(&events, required, end + pane), window));
            (approximate, least, of(&about(&events, required, window, pane)))
        }
        Kind::Steps(_) => {
            let known = edges(&events, exact, if unbounded { i64::MAX } else { pane });
            // Of two that were summed up with the same time it is not known which came first.
            let tied = events.windows(2).any(|pair| pair[0].time == pair[1].time);
            let expected = of(&within(&known, window));
            (reaches, if tied { of(&within(&held, window)) } else { expected }, expected)
        }
        Kind::Age if unbounded => (reaches, truth, truth),
        Kind::Age => (reaches, truth, of(&within(&events, (window.0 - pane, end)))),
    };
    let context = || format!("{spec:?} at {now:?}: {value:?}, expected {truth:?} in {least:?} to {most:?}");
    assert!(value.is_none() || approximate == expected, "{}, approximate: {approximate}", context());
    // What is missing does not say so.
    if !expected {
        assert_eq!(value, truth, "{}", context());
    }
    let fine = match (spec.kind, value) {
        // Of more events the newest is newer.
        (Kind::Run { aggregate: "since", .. }, None) => least.is_none(),
        (Kind::Run { aggregate: "since", .. }, Some(value)) => {
            most.is_some_and(|most| most <= value) && least.is_none_or(|least| value <= least)
        }
        _ => least <= value && value <= most,
    };
    assert!(fine, "{}", context());
    assert!(!matches!(spec.kind, Kind::Steps(_)) || value <= truth, "{}", context());
}

fn happened() -> impl Strategy<Value = Happened> {
    let time = prop_oneof![6 => 0..2 * HOUR, 3 => 0..8 * HOUR, 3 => 0..10 * MINUTE, 1 => (0..60i64).prop_map(|n| n * MINUTE)];
    let late = prop_oneof![4 => Just(0), 1 => 0..2 * MINUTE];
    let country = proptest::sample::select(vec!["JP", "JP", "US"]);
    (time, late, 0i64..8, country).prop_map(|(time, late, amount, country)| Happened {
        number: 0,
        time: NOW + time,
        late,
        amount,
        country,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn order_is_known_beyond_what_a_history_holds(
        stream in proptest::collection::vec(happened(), 1..200),
        budget in proptest::sample::select(vec![1usize, 6, 16, 90]),
    ) {
        let (engine, specs) = engine(budget);
        let mut stream = stream;
        stream.sort_by_key(|event| event.time + event.late);
        let (mut recorded, mut exact) = (Vec::<Happened>::new(), Exact::default());
        let mut decision = Decision::detailed();
        for (number, event) in stream.into_iter().enumerate() {
            let event = Happened { number, ..event };
            engine.assess_into(&event.event(), &mut decision).unwrap();
            for (spec, feature) in specs.iter().zip(decision.features()) {
                let value = match feature.value() {
                    Value::Missing => None,
                    Value::Integer(number) | Value::Duration(number) => Some(*number),
                    other => panic!("{other:?}"),
                };
                check(spec, &recorded, &exact, &event, (value, feature.is_approximate()));
            }
            exact.insert(&event, budget);
            recorded.push(event);
        }
    }
}

/// A step that happened once in its pane is known as well as if it were still here.
#[test]
fn steps_far_apart_are_found() {
    let (engine, specs) = engine(4);
    let steps =
        specs.iter().position(|spec| spec.length == HOUR && matches!(spec.kind, Kind::Steps("sequence")));
    let event = |minute: i64, amount: i64| Happened {
        number: 0,
        time: NOW + minute * MINUTE,
        late: 0,
        amount,
        country: "JP",
    };
    let mut decision = Decision::detailed();
    let mut found = Vec::new();
    for minute in 0..120 {
        let amount = match minute {
            5 => 2,
            10 => 0,
            20 => 2,
            30 => 1,
            40 => 2,
            _ => 7,
        };
        engine.assess_into(&event(minute, amount).event(), &mut decision).unwrap();
        let feature = decision.feature(steps.unwrap()).unwrap();
        found.push(feature.value().clone());
    }
    let at = |minute: usize| found[minute].clone();
    assert_eq!([at(10), at(30), at(31), at(41), at(69)], [0, 1, 2, 3, 3].map(Value::Integer));
    assert_eq!([at(70), at(90), at(119)], [0, 0, 0].map(Value::Integer));
    assert!(decision.feature(steps.unwrap()).unwrap().is_approximate());
}
