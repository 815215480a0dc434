//! Files of what came after the others: what events put on lists in their own frames, members that went when they had
//! expired, what was dropped because nobody needed it, and which policy came behind which frame.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sekisho::{Decision, Engine, EngineBuilder, Event, Label, ListEntry, Policy, Result};
use serde::{Deserialize, Serialize};

use super::{Answer, MINUTE, START, answer, key, read, room};

/// The events before which another policy comes into force, the snapshot is taken, and what nobody needs is dropped.
const SWAPPED: u64 = 20;
const TAKEN: u64 = 45;
const EXPIRED: [u64; 2] = [40, 70];
const EVENTS: u64 = 90;
const QUESTIONS: u64 = 10;
const LISTS: [&str; 4] = ["denied", "frauds", "homes", "offices"];

/// An engine at two times.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Expected {
    after_snapshot: State,
    after_journal: State,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct State {
    /// Entities and events by table.
    tables: BTreeMap<String, (usize, usize)>,
    /// How many members a list has, and how often it changed.
    lists: BTreeMap<String, (usize, u64)>,
    answers: Vec<Answer>,
    partly_warm: Vec<(String, i64)>,
}

/// The policy in force at the end, and the one before it.
fn policies() -> [Policy; 2] {
    let whole = include_str!("later/policy.toml");
    let (before, _) = whole.split_once("# --- What came last").unwrap();
    let before = before.replace("version = \"1\"", "version = \"0\"");
    [whole, &before].map(|text| Policy::from_toml(text).unwrap_or_else(|error| panic!("{error}")))
}

fn builder(policy: Policy) -> EngineBuilder {
    Engine::builder(policy, key(3)).memory(8 << 20)
}

fn event(engine: &Engine, n: u64) -> Result<Event> {
    let scatter = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let event = engine.event().with("id", format!("e-{n}").as_str())?.with("type", "payment")?;
    event
        .with("time", START + n as i64 * 71 * MINUTE)?
        .with("account", format!("a-{}", scatter % 5).as_str())?
        // Once denied, most are never seen again.
        .with("device", format!("d-{}", if n.is_multiple_of(3) { 100 + n } else { scatter % 4 }).as_str())?
        .with("shipping_address", format!("東京都新宿区西新宿2-8-{n}").as_str())?
        .with("ip", format!("10.0.0.{}", scatter / 8 % 3).as_str())?
        .with("amount_minor", if n.is_multiple_of(3) { 9_000 } else { 100 + (scatter % 900) as i64 })
}

fn happen(engine: &Engine, n: u64) -> Result<()> {
    let now = START + n as i64 * 71 * MINUTE;
    match n {
        SWAPPED => drop(engine.swap(policies()[0].clone())?),
        _ if EXPIRED.contains(&n) => drop(engine.expire()),
        // The policy's own, and one of the host.
        30 => drop(engine.list_remove("offices", "192.0.2.0/24")?),
        31 => drop(engine.list_add("offices", "198.51.100.0/24", ListEntry::new().severity(7))?),
        _ => {}
    }
    engine.assess(&event(engine, n)?)?;
    match n % 20 {
        12 => drop(engine.label(&event(engine, n - 1)?, Label::Fraud, now)?),
        17 => drop(engine.label(&event(engine, n - 2)?, Label::Fraud, now + 30 * MINUTE)?),
        _ => {}
    }
    Ok(())
}

fn state(engine: &Engine) -> Result<State> {
    let tables = engine.statistics().into_iter().map(|table| (table.name, (table.entities, table.events)));
    let tables = tables.collect();
    let lists =
        LISTS.map(|list| Ok((list.to_owned(), (engine.list_len(list)?, engine.list_version(list)?.number))));
    let lists = lists.into_iter().collect::<Result<_>>()?;
    engine.advance(START + EVENTS as i64 * 71 * MINUTE)?;
    let mut decision = Decision::detailed();
    let answers = (0..QUESTIONS).map(|n| {
        // Every other one is of a device that was denied shortly before.
        let question = event(engine, EVENTS + n)?.with("time", START + EVENTS as i64 * 71 * MINUTE)?;
        let denied = format!("d-{}", 100 + EVENTS - 3);
        let question = if n % 2 == 0 { question.with("device", denied.as_str())? } else { question };
        answer(engine, &question, &mut decision)
    });
    let answers = answers.collect::<Result<_>>()?;
    let partly_warm = engine.swap(engine.policy())?.partly_warm;
    Ok(State { tables, lists, answers, partly_warm })
}

fn restored(bytes: &[u8]) -> Engine {
    let [policy, _] = policies();
    builder(policy).restore(bytes).unwrap()
}

/// Writes the files.
pub(crate) fn rewrite() -> Result<()> {
    let (journal, mut taken) = (Arc::new(Mutex::new(Vec::new())), Vec::new());
    let sink = Arc::clone(&journal);
    let [_, before] = policies();
    let builder = builder(before).journal(move |frame| sink.lock().unwrap().extend_from_slice(frame));
    let engine = builder.build()?;
    (0..TAKEN).try_for_each(|n| happen(&engine, n))?;
    engine.snapshot(|piece| {
        taken.extend_from_slice(piece);
        Ok::<(), std::convert::Infallible>(())
    })?;
    (TAKEN..EVENTS).try_for_each(|n| happen(&engine, n))?;
    let journal = journal.lock().unwrap().clone();
    let expected = Expected { after_snapshot: state(&restored(&taken))?, after_journal: state(&engine)? };
    std::fs::write(room("later/snapshot_2.bin"), taken).unwrap();
    std::fs::write(room("later/journal_2.bin"), journal).unwrap();
    let expected = serde_json::to_string_pretty(&expected).unwrap() + "\n";
    std::fs::write(room("later/expected.json"), expected).unwrap();
    Ok(())
}

#[test]
fn what_came_later_is_read() {
    let expected: Expected = serde_json::from_slice(&read("later/expected.json")).unwrap();
    let (taken, journal) = (read("later/snapshot_2.bin"), read("later/journal_2.bin"));
    assert_eq!(state(&restored(&taken)).unwrap(), expected.after_snapshot);
    let [policy, before] = policies();
    // All from the start, with the swap where it was, and what is behind the snapshot.
    let recovered = builder(before).build().unwrap();
    let first = recovered.recover(&*journal).unwrap();
    assert_eq!(first.policy.as_deref(), Some("later 1"));
    recovered.swap(policy).unwrap();
    assert!(recovered.recover(&journal[first.bytes as usize..]).unwrap().is_complete());
    assert_eq!(state(&recovered).unwrap(), expected.after_journal);
    let restored = restored(&taken);
    assert!(restored.recover(&*journal).unwrap().is_complete());
    assert_eq!(state(&restored).unwrap(), expected.after_journal);

    // The files hold what they are meant to hold.
    let State { lists, answers, .. } = expected.after_journal;
    assert!(lists["denied"].0 > 0 && lists["frauds"].0 > 0, "feedback: {lists:?}");
    assert!(lists["homes"].0 > 0 && lists["homes"].0 < lists["denied"].0, "some went: {lists:?}");
    assert!(answers.iter().any(|answer| answer.score == 300), "lists");
}
