//! Another key comes into force, and nobody can tell by what is decided.

#![allow(clippy::disallowed_methods, reason = "the host has threads")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use sekisho::{
    Decision, Engine, EngineBuilder, ErrorKind, Event, Field, HashKey, Label, ListEntry, Outcome, Policy,
};

const START: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;

/// Every kind of memory that holds words of identifiers, of so few events that most are summed up.
const POLICY: &str = r#"
    [policy]
    name = "rotation"
    version = "1"
    currency = "JPY"
    lateness = "3h"
    events = 5
    remember = ["payee", "ip"]

    [[list]]
    name = "bad_devices"
    of = "device"

    [[list]]
    name = "good_accounts"
    of = "account"

    [[feature]]
    name = "payments"
    aggregate = "count"
    by = ["account"]
    over = "8h"
    where = 'type == "payment"'

    [[feature]]
    name = "to_payee"
    aggregate = "sum"
    of = "amount_minor"
    by = ["account", "payee"]
    over = "2d"

    [[feature]]
    name = "to_payee_from_device"
    aggregate = "count"
    by = ["account", "payee", "device"]
    over = "2d"

    [[feature]]
    name = "mean_to_payee"
    aggregate = "mean"
    of = "amount_minor"
    by = ["merchant", "payee"]
    over = "12h"

    [[feature]]
    name = "spread"
    aggregate = "stddev"
    of = "amount_minor"
    by = ["merchant"]
    over = "1d"

    [[feature]]
    name = "accounts"
    aggregate = "distinct"
    of = "account"
    by = ["merchant"]
    over = "1d"

    [[feature]]
    name = "accounts_before"
    aggregate = "distinct"
    of = "account"
    by = ["merchant"]
    over = "1d"
    delay = "2h"

    [[feature]]
    name = "devices_for_payee"
    aggregate = "distinct"
    of = "device"
    by = ["merchant", "payee"]
    over = "1d"
    where = 'type == "payment"'

    [[feature]]
    name = "networks"
    aggregate = "distinct"
    of = "ip"
    by = ["device"]
    over = "1d"
    include_current = true

    [[feature]]
    name = "of_network"
    aggregate = "count"
    by = ["ip/24"]
    over = "6h"

    [[feature]]
    name = "last_country"
    aggregate = "last"
    of = "country"
    by = ["merchant", "account"]
    over = "1d"

    [[feature]]
    name = "declined"
    aggregate = "count"
    by = ["account"]
    over = "1d"
    where = 'outcome == "declined"'

    [[feature]]
    name = "frauds"
    aggregate = "count"
    by = ["merchant", "device"]
    over = "3d"
    where = 'label == "fraud"'

    [[feature]]
    name = "fraud_devices"
    aggregate = "distinct"
    of = "device"
    by = ["merchant"]
    over = "3d"
    where = 'label == "fraud"'

    [[feature]]
    name = "since_seen"
    aggregate = "since"
    by = ["device", "account"]

    [[rule]]
    id = "listed"
    when = 'in_list("bad_devices", device)'
    points = 100

    [[rule]]
    id = "known"
    when = 'in_list("good_accounts", account)'
    points = 10

    [decision]
    bands = [{ from = 0, action = "allow" }, { from = 100, action = "challenge" }]
"#;

fn policy() -> Policy {
    Policy::from_toml(POLICY).unwrap_or_else(|error| panic!("{error}"))
}

fn key(id: u32) -> HashKey {
    HashKey::new(id, [id as u8; 32])
}

/// Of several shards in each table.
fn builder(present: u32) -> EngineBuilder {
    Engine::builder(policy(), key(present)).memory(256 << 20)
}

type Frames = Arc<Mutex<Vec<u8>>>;

fn journalled(builder: EngineBuilder) -> (Engine, Frames) {
    let journal = Frames::default();
    let sink = Arc::clone(&journal);
    let engine = builder.journal(move |frame| sink.lock().unwrap().extend_from_slice(frame)).build().unwrap();
    (engine, journal)
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

#[derive(Clone, Debug)]
enum Step {
    Assess(Happened),
    Score(Happened),
    /// An event that came before, by how many steps.
    Again(usize),
    Resolve(usize),
    Label(usize, bool, i64),
    List(bool, u8, bool),
    Forget(u8, u8),
}

#[derive(Clone, Debug)]
struct Happened {
    who: [u8; 5],
    minutes: i64,
    late: i64,
    payment: bool,
    country: Option<bool>,
    label: Option<i64>,
}

fn happened() -> impl Strategy<Value = Happened> {
    let who = [0u8..4, 0..3, 0..3, 0..2, 0..5];
    let late = prop_oneof![5 => Just(0), 1 => 1i64..170];
    let label = prop_oneof![5 => Just(None), 1 => (-1i64..300).prop_map(Some)];
    (who, 0i64..50, late, any::<bool>(), any::<Option<bool>>(), label).prop_map(
        |(who, minutes, late, payment, country, label)| Happened {
            who,
            minutes,
            late,
            payment,
            country,
            label,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => happened().prop_map(Step::Assess),
        2 => happened().prop_map(Step::Score),
        1 => (0usize..20).prop_map(Step::Again),
        2 => (0usize..20).prop_map(Step::Resolve),
        2 => (0usize..20, any::<bool>(), 0i64..400).prop_map(|(back, fraud, after)| Step::Label(back, fraud, after)),
        1 => (any::<bool>(), 0u8..3, any::<bool>()).prop_map(|(list, who, on)| Step::List(list, who, on)),
        1 => (0u8..2, 0u8..4).prop_map(|(kind, who)| Step::Forget(kind, who)),
    ]
}

/// A stream with its clock.
#[derive(Clone, Debug)]
struct Stream {
    events: Vec<Event>,
    now: i64,
}

fn event(n: usize, now: i64, what: &Happened) -> Event {
    let [account, device, payee, merchant, ip] = what.who;
    let mut event =
        Event::of(if what.payment { "payment" } else { "login" }, now - what.late * MINUTE).unwrap();
    event.set(Field::ID, &*format!("e-{n}")).unwrap();
    event.set(Field::ACCOUNT, &*format!("a-{account}")).unwrap();
    event.set(Field::DEVICE, &*format!("d-{device}")).unwrap();
    event.set(Field::PAYEE, &*format!("p-{payee}")).unwrap();
    event.set(Field::MERCHANT, &*format!("m-{merchant}")).unwrap();
    event.set(Field::IP, &*format!("10.0.{}.{ip}", ip % 2)).unwrap();
    event.set(Field::AMOUNT_MINOR, (n as i64 * 37) % 900).unwrap();
    if let Some(home) = what.country {
        event.set(Field::COUNTRY, if home { "JP" } else { "FR" }).unwrap();
    }
    if let Some(after) = what.label {
        event.set(Field::LABEL, "fraud").unwrap();
        if after >= 0 {
            event.set(Field::LABELLED_AT, now + after * MINUTE).unwrap();
        }
    }
    event
}

/// What can be seen from outside.
#[derive(Debug, PartialEq)]
enum Answer {
    Decided { score: u16, repeated: bool, hits: Vec<String>, features: Vec<(String, String, bool)> },
    Known(bool),
}

fn answer(decision: &Decision) -> Answer {
    let features = decision.features().map(|feature| {
        let value = format!("{:?}", feature.value());
        (feature.name().to_owned(), value, feature.is_approximate())
    });
    Answer::Decided {
        score: decision.score(),
        repeated: decision.is_repeated(),
        features: features.collect(),
        hits: decision.hits().map(|hit| hit.id().to_owned()).collect(),
    }
}

impl Stream {
    fn new() -> Stream {
        Stream { events: Vec::new(), now: START }
    }

    fn earlier(&self, back: usize) -> Option<&Event> {
        self.events.get(self.events.len().checked_sub(back + 1)?)
    }

    /// Takes one step with every engine; all have to answer alike.
    fn step(&mut self, engines: &[&Engine], step: &Step) {
        let mut decision = Decision::detailed();
        let mut answers = Vec::new();
        match step {
            Step::Assess(what) | Step::Score(what) => {
                self.now += what.minutes * MINUTE;
                let event = event(self.events.len(), self.now, what);
                for engine in engines {
                    if matches!(step, Step::Assess(_)) {
                        engine.assess_into(&event, &mut decision).unwrap();
                    } else {
                        engine.score_into(&event, &mut decision).unwrap();
                    }
                    answers.push(answer(&decision));
                }
                if matches!(step, Step::Assess(_)) {
                    self.events.push(event);
                }
            }
            Step::Again(back) => {
                let Some(event) = self.earlier(*back) else { return };
                for engine in engines {
                    engine.assess_into(event, &mut decision).unwrap();
                    answers.push(answer(&decision));
                }
            }
            Step::Resolve(back) => {
                let Some(event) = self.earlier(*back) else { return };
                let known =
                    |engine: &&Engine| Answer::Known(engine.resolve(event, Outcome::Declined).unwrap());
                answers = engines.iter().map(known).collect();
            }
            Step::Label(back, fraud, after) => {
                let Some(event) = self.earlier(*back) else { return };
                let label = if *fraud { Label::Fraud } else { Label::Genuine };
                let at = event.integer(Field::TIME).unwrap() + after * MINUTE;
                answers = engines
                    .iter()
                    .map(|engine| Answer::Known(engine.label(event, label, at).unwrap()))
                    .collect();
            }
            Step::List(list, who, on) => {
                let (name, member) = if *list { ("bad_devices", "d") } else { ("good_accounts", "a") };
                let member = format!("{member}-{who}");
                for engine in engines {
                    answers.push(Answer::Known(if *on {
                        engine.list_add(name, &member, ListEntry::new()).is_ok()
                    } else {
                        engine.list_remove(name, &member).unwrap()
                    }));
                }
            }
            Step::Forget(kind, who) => {
                let (kind, id) = [("account", "a"), ("device", "d")][usize::from(*kind)];
                let id = format!("{id}-{who}");
                answers =
                    engines.iter().map(|engine| Answer::Known(engine.forget(kind, &id).unwrap())).collect();
            }
        }
        for other in &answers[1..] {
            assert_eq!(other, &answers[0], "{step:?}");
        }
    }

    /// What engines would say of everybody together with everybody.
    fn questions(&self) -> impl Iterator<Item = Event> + '_ {
        (0..360u32).map(|n| {
            let who = [n % 4, n / 4 % 3, n / 12 % 3, n / 36 % 2, n / 72].map(|who| who as u8);
            let what = Happened { who, minutes: 0, late: 0, payment: true, country: None, label: None };
            let mut event = event(0, self.now + MINUTE, &what);
            event.set(Field::ID, &*format!("question-{n}")).unwrap();
            event
        })
    }

    fn answers(&self, engine: &Engine) -> Vec<Answer> {
        let mut decision = Decision::detailed();
        let ask = |event: Event| {
            engine.score_into(&event, &mut decision).unwrap();
            answer(&decision)
        };
        self.questions().map(ask).collect()
    }
}

fn unrotated(engine: &Engine) -> usize {
    engine.statistics().iter().map(|table| table.unrotated).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Against an engine that keeps its key; and what a snapshot and a journal from the midst of it bring back, too.
    #[test]
    fn nobody_can_tell_that_the_key_was_replaced(
        steps in proptest::collection::vec(step(), 20..140),
        rotated in 0usize..100,
        taken in 0usize..140,
        retired: bool,
    ) {
        let (still, (turned, journal)) = (builder(1).build().unwrap(), journalled(builder(1)));
        let mut stream = Stream::new();
        let mut taken_then = None;
        for (n, step) in steps.iter().enumerate() {
            if n == rotated.min(steps.len() - 1) {
                turned.rotate(key(2)).unwrap();
            }
            if n == taken {
                taken_then = Some(snapshot(&turned));
            }
            stream.step(&[&still, &turned], step);
        }
        let frames = journal.lock().unwrap().clone();
        let expected = stream.answers(&still);
        let both = || builder(2).previous_key(key(1));
        let recovered = both().build().unwrap();
        assert!(recovered.recover(&*frames).unwrap().is_complete());
        assert_eq!(unrotated(&recovered), unrotated(&turned));
        // How many were asked to be forgotten is known only where somebody was.
        if !steps.iter().any(|step| matches!(step, Step::Forget(..))) {
            assert!(snapshot(&recovered) == snapshot(&both().restore(&*snapshot(&turned)).unwrap()));
        }
        assert_eq!(stream.answers(&recovered), expected);
        assert_eq!(stream.answers(&both().restore(&*snapshot(&turned)).unwrap()), expected);
        if let Some(taken) = taken_then {
            let restored = both().restore(&*taken).unwrap();
            assert!(restored.recover(&*frames).unwrap().is_complete());
            assert_eq!(stream.answers(&restored), expected);
        }
        assert_eq!(stream.answers(&turned), expected);
        // The questions touched everybody who is remembered, together with everybody.
        assert_eq!(unrotated(&turned), 0);
        if retired {
            turned.retire_key();
            assert_eq!(stream.answers(&turned), expected);
            let frames = journal.lock().unwrap().clone();
            let recovered = both().build().unwrap();
            assert!(recovered.recover(&*frames).unwrap().is_complete());
            assert_eq!(stream.answers(&recovered), expected);
            // Nothing is left that wants the previous key.
            let alone = builder(2).restore(&*snapshot(&turned)).unwrap();
            assert_eq!(stream.answers(&alone), expected);
        }
        // And they go on alike, but that events from before the rotation cannot be named any more once the key is gone.
        let names_event = |step: &&Step| matches!(step, Step::Again(_) | Step::Resolve(_) | Step::Label(..));
        for step in steps.iter().take(40).filter(|step| !retired || !names_event(step)) {
            stream.step(&[&still, &turned], step);
        }
    }
}
