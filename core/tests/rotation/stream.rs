//! Streams of all that can happen to an engine.

use proptest::prelude::*;
use sekisho::{Decision, Engine, Event, Field, Label, ListEntry, Outcome};

use super::{MINUTE, START};

#[derive(Clone, Debug)]
pub(crate) enum Step {
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
pub(crate) struct Happened {
    pub(crate) who: [u8; 5],
    pub(crate) minutes: i64,
    pub(crate) late: i64,
    pub(crate) payment: bool,
    pub(crate) country: Option<bool>,
    pub(crate) label: Option<i64>,
}

pub(crate) fn happened() -> impl Strategy<Value = Happened> {
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

pub(crate) fn step() -> impl Strategy<Value = Step> {
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
pub(crate) struct Stream {
    pub(crate) events: Vec<Event>,
    pub(crate) now: i64,
}

pub(crate) fn event(n: usize, now: i64, what: &Happened) -> Event {
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
pub(crate) enum Answer {
    Decided { score: u16, repeated: bool, hits: Vec<String>, features: Vec<(String, String, bool)> },
    Known(bool),
}

pub(crate) fn answer(decision: &Decision) -> Answer {
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
    pub(crate) fn new() -> Stream {
        Stream { events: Vec::new(), now: START }
    }

    pub(crate) fn earlier(&self, back: usize) -> Option<&Event> {
        self.events.get(self.events.len().checked_sub(back + 1)?)
    }

    /// Takes one step with every engine; all have to answer alike.
    pub(crate) fn step(&mut self, engines: &[&Engine], step: &Step) {
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
    pub(crate) fn questions(&self) -> impl Iterator<Item = Event> + '_ {
        (0..360u32).map(|n| {
            let who = [n % 4, n / 4 % 3, n / 12 % 3, n / 36 % 2, n / 72].map(|who| who as u8);
            let what = Happened { who, minutes: 0, late: 0, payment: true, country: None, label: None };
            let mut event = event(0, self.now + MINUTE, &what);
            event.set(Field::ID, &*format!("question-{n}")).unwrap();
            event
        })
    }

    pub(crate) fn answers(&self, engine: &Engine) -> Vec<Answer> {
        let mut decision = Decision::detailed();
        let ask = |event: Event| {
            engine.score_into(&event, &mut decision).unwrap();
            answer(&decision)
        };
        self.questions().map(ask).collect()
    }
}
