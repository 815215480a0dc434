//! Snapshots and journals that an earlier release wrote are read by this one, and mean the same.
//!
//! `tests/formats` keeps some of every format that was ever released. `SEKISHO_REWRITE_FORMATS=later cargo test -p
//! sekisho --test formats` writes those in `later` anew: only before their format is released, and apart from everything
//! else that is rewritten. The others are as earlier builds wrote them, those in `everything` by code that is still
//! here. A new format gets files of its own, beside the old ones.

#![allow(clippy::disallowed_methods, reason = "a test reads files")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod everything;
mod kinds;
mod later;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Once;

use sekisho::{Decision, Engine, EngineBuilder, Event, Field, HashKey, Policy, Result};
use serde::{Deserialize, Serialize};

const START: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;
/// How many events had happened.
const EVENTS: u64 = 80;
const QUESTIONS: u64 = 16;

/// What an engine says of the questions.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Expected {
    after_snapshot: Vec<Answer>,
    after_journal: Vec<Answer>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Answer {
    score: u16,
    /// Their values by name, such as `Integer(3)`, and whether they are approximate.
    features: BTreeMap<String, String>,
}

fn room(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(name)
}

fn read(name: &str) -> Vec<u8> {
    static REWRITTEN: Once = Once::new();
    match std::env::var("SEKISHO_REWRITE_FORMATS").as_deref() {
        Ok("everything") => REWRITTEN.call_once(|| everything::rewrite().unwrap()),
        Ok("later") => REWRITTEN.call_once(|| later::rewrite().unwrap()),
        _ => {}
    }
    std::fs::read(room(name)).unwrap()
}

fn key(id: u32) -> HashKey {
    let mut secret = *b"32 secret bytes of the host ....";
    secret[31] = id as u8;
    HashKey::new(id, secret)
}

/// An engine of so little memory that the files stay small.
fn builder(key: HashKey) -> EngineBuilder {
    let policy = Policy::from_toml(&String::from_utf8(read("policy.toml")).unwrap()).unwrap();
    Engine::builder(policy, key).memory(2 << 20)
}

/// One that goes on from the files.
fn reader() -> EngineBuilder {
    builder(key(4)).previous_key(key(3))
}

fn event(engine: &Engine, n: u64) -> Result<Event> {
    let scatter = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let late = if n % 11 == 10 { 45 * MINUTE } else { 0 };
    let mut event = engine.event();
    event.set(Field::ID, &*format!("e-{n}"))?;
    event.set(Field::TYPE, if n.is_multiple_of(3) { "login" } else { "payment" })?;
    event.set(Field::TIME, START + n as i64 * 37 * MINUTE - late)?;
    event.set(Field::ACCOUNT, &*format!("a-{}", scatter % 7))?;
    event.set(Field::DEVICE, &*format!("d-{}", scatter / 8 % 5))?;
    // Most events are the same merchant's, which has no room for them.
    event.set(Field::MERCHANT, if n.is_multiple_of(5) { "m-small" } else { "m-large" })?;
    event.set(Field::IP, &*format!("10.0.{}.{}", scatter % 3, scatter % 200))?;
    event.set(Field::AMOUNT_MINOR, (scatter % 9_000) as i64)?;
    if !n.is_multiple_of(4) {
        event.set(Field::COUNTRY, ["JP", "US", "FR"][scatter as usize % 3])?;
    }
    let risk = event.schema().field("risk")?;
    event.set(risk, (scatter % 1_000) as f64 / 7.0)?;
    Ok(event)
}

/// What is decided on a question.
fn answer(engine: &Engine, question: &Event, decision: &mut Decision) -> Result<Answer> {
    engine.score_into(question, decision)?;
    let value = |feature: sekisho::FeatureValue<'_>| {
        let approximate = if feature.is_approximate() { ", approximate" } else { "" };
        (feature.name().to_owned(), format!("{:?}{approximate}", feature.value()))
    };
    Ok(Answer { score: decision.score(), features: decision.features().map(value).collect() })
}

fn answers(engine: &Engine) -> Result<Vec<Answer>> {
    let mut decision = Decision::detailed();
    engine.advance(START + EVENTS as i64 * 37 * MINUTE)?;
    let mut ask = |n| {
        let mut question = event(engine, EVENTS + 3 * n)?;
        question.set(Field::ID, &*format!("question-{n}"))?;
        question.set(Field::TIME, START + (EVENTS * 37 + n) as i64 * MINUTE)?;
        answer(engine, &question, &mut decision)
    };
    (0..QUESTIONS).map(&mut ask).collect()
}

#[test]
fn released_formats_are_read() {
    let expected: Expected = serde_json::from_slice(&read("expected.json")).unwrap();
    for format in [1, 2] {
        let (snapshot, journal) =
            (read(&format!("snapshot_{format}.bin")), read(&format!("journal_{format}.bin")));

        let restored = reader().restore(&*snapshot).unwrap();
        assert_eq!(answers(&restored).unwrap(), expected.after_snapshot);
        let restored = reader().restore(&*snapshot).unwrap();
        assert!(restored.recover(&*journal).unwrap().is_complete());
        assert_eq!(answers(&restored).unwrap(), expected.after_journal);
        let recovered = reader().build().unwrap();
        assert!(recovered.recover(&*journal).unwrap().is_complete());
        assert_eq!(answers(&recovered).unwrap(), expected.after_journal);
    }

    // The files hold what they are meant to hold.
    let values = || expected.after_journal.iter().flat_map(|answer| &answer.features);
    assert!(values().any(|(_, value)| value.ends_with("approximate")), "a history without room");
    assert!(values().any(|(name, value)| name == "merchant_frauds_30d" && value != "Integer(0)"), "labels");
    assert!(values().any(|(name, value)| name == "declined_1d" && value != "Integer(0)"), "outcomes");
    assert!(expected.after_journal.iter().any(|answer| answer.score >= 500), "lists");
    assert_ne!(expected.after_snapshot, expected.after_journal);
}
