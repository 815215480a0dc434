//! Files of everything that there is: lists of every kind, changed one by one and loaded, shared keys, columns and sums
//! of every kind, a policy that another replaced, entities that moved while the snapshot was written.
//!
//! What a release cannot yet write gets files of its own, beside these.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use sekisho::{
    Decision, Engine, EngineBuilder, Event, HashKey, Label, ListEntry, Outcome, Policy, Result,
    TableStatistics,
};
use serde::{Deserialize, Serialize};

use super::kinds::{self, Frame, frames};
use super::{Answer, MINUTE, START, answer, key, read, room};

/// The events before which another policy comes into force, the key is replaced, and the earlier one is gone.
const SWAPPED: u64 = 12;
const ROTATED: u64 = 30;
const RETIRED: u64 = 70;
/// These happen while the snapshot is written.
const MEANWHILE: Range<u64> = 44..50;
/// They begin when so many pieces are written, with all shards of devices among them.
const DEVICES: usize = 24;
const EVENTS: u64 = 80;
const QUESTIONS: u64 = 8;

/// Of an account and a device that were never seen again.
const AWAY: u64 = 5;
/// Of a device that comes to the present key while the snapshot is written, and is forgotten before its end.
const GONE: [u64; 2] = [19, MEANWHILE.start];

const HOMES: [&str; 5] = [
    "東京都新宿区西新宿２丁目８番１号 サンハイツ４０５号室",
    "新宿区西新宿2-8-1 サンハイツ406",
    "千葉市美浜区ひび野1-1",
    "大阪市北区梅田3-1-3-1201",
    "横浜市西区みなとみらい2-2-1",
];
const NAMES: [&str; 5] = ["ﾔﾏﾀﾞ ﾀﾛｳ", "山田太郎", "Hanako Suzuki", "サトウ イチロウ", "ｶ)ニホンシヨウジ"];
const PHONES: [&str; 4] = ["050-1111-2222", "+81 90 1234 5678", "03-1234-5678", "080-1234-5678"];
const CARDS: [&str; 4] = ["4111111111111111", "5555555555554444", "378282246310005", "3530111333300000"];
const MAILS: [&str; 4] =
    ["taro@mail.example.co.jp", "hanako@example.org", "info@example.com", "jiro@shop.example.jp"];

/// Who comes to which list, and who is on it but in no event behind the first ones.
const MEMBERS: [(&str, &[&str], &str); 9] = [
    ("bad_devices", &["d-0", "d-1", "d-2", "d-3", "d-4"], "d-away"),
    ("shared_devices", &["d-3", "d-4", "d-5", "d-0", "d-1"], "d-away"),
    (
        "offices",
        &["10.0.0.0/25", "2001:db8:1::/48", "10.0.2.16/28", "2001:db8:2::/64", "10.0.1.0/24"],
        "198.51.100.0/24",
    ),
    ("phones", &["050", "+8190", "03", "080"], "070"),
    ("cards", &["4111", "555555", "3782", "35301113"], "6011"),
    ("mails", &["example.co.jp", "example.org", "example.com", "example.jp"], "example.net"),
    ("people", &NAMES, "タナカ ハナコ"),
    ("shared_homes", &HOMES, "札幌市中央区北1条西2-1"),
    ("homes", &HOMES, "札幌市中央区北1条西2-1"),
];
/// So many of them change after the first load.
const CHANGING: usize = 3;

/// An engine at three times.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Expected {
    after_snapshot: State,
    /// Up to where the previous key goes.
    while_rotating: State,
    after_journal: State,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct State {
    tables: BTreeMap<String, Table>,
    /// How many members a list has, what it is called, and how often it changed.
    lists: BTreeMap<String, (usize, String, u64)>,
    answers: Vec<Asked>,
    /// Features that look farther back than all is remembered, and since when it is.
    partly_warm: Vec<(String, i64)>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Table {
    entities: usize,
    events: usize,
    approximate: usize,
    unrotated: usize,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Asked {
    #[serde(flatten)]
    answer: Answer,
    /// What lists say of the event.
    listed: Vec<String>,
}

/// The policy in force at the end, and the one before it.
fn policies() -> [Policy; 2] {
    let whole = include_str!("everything/policy.toml");
    let (before, _) = whole.split_once("# --- What came later").unwrap();
    [whole, before].map(|text| Policy::from_toml(text).unwrap_or_else(|error| panic!("{error}")))
}

fn builder(policy: Policy, key: HashKey) -> EngineBuilder {
    // Devices are in several shards, so that some move from one to another with their key.
    Engine::builder(policy, key)
        .memory(64 << 20)
        .table_memory("device", 16 << 20)
        .shared_key("consortium", HashKey::new(70, *b"32 secret bytes of several hosts"))
}

/// One that goes on from the files.
fn reader(policy: Policy) -> EngineBuilder {
    builder(policy, key(4)).previous_key(key(3))
}

fn event(engine: &Engine, n: u64) -> Result<Event> {
    let scatter = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let late = if n % 11 == 10 { 45 * MINUTE } else { 0 };
    let one_of = |texts: &[&'static str], by: u64| texts[(scatter / by) as usize % texts.len()];
    let mut event = engine.event();
    let (account, device) = match n {
        AWAY => ("a-away".to_owned(), "d-away".to_owned()),
        _ if GONE.contains(&n) => (format!("a-{}", scatter % 4), "d-gone".to_owned()),
        _ => (format!("a-{}", scatter % 4), format!("d-{}", scatter / 8 % 6)),
    };
    let texts = [
        ("id", format!("e-{n}")),
        ("type", ["login", "payment", "transfer"][n as usize % 3].to_owned()),
        ("account", account),
        ("device", device),
        ("channel", one_of(&["app", "web"], 2).to_owned()),
        ("payee", format!("p-{}", scatter / 16 % 5)),
        ("merchant", if n == AWAY { "m-away".to_owned() } else { format!("m-{}", n % 2) }),
        (
            "ip",
            match n % 2 {
                0 => format!("10.0.{}.{}", scatter % 3, scatter % 200),
                _ => format!("2001:db8:{}::{:x}", scatter % 3, scatter % 200),
            },
        ),
        ("shipping_address", one_of(&HOMES, 1).to_owned()),
        ("holder_name", one_of(&NAMES, 5).to_owned()),
        ("phone", one_of(&PHONES, 3).to_owned()),
        ("card", one_of(&CARDS, 7).to_owned()),
        ("email", one_of(&MAILS, 11).to_owned()),
        ("device.os_version", format!("17.{}.1", scatter % 3)),
        ("device.model", format!("model {}", scatter / 8 % 6)),
        ("device.time_zone", "Asia/Tokyo".to_owned()),
    ];
    for (name, text) in texts {
        event = event.with(name, text.as_str())?;
    }
    if !n.is_multiple_of(4) {
        event = event.with("country", one_of(&["JP", "US", "FR"], 1))?;
    }
    event
        .with("time", START + n as i64 * 37 * MINUTE - late)?
        .with("amount_minor", (scatter % 9_000) as i64)?
        .with("risk", (scatter % 1_000) as f64 / 7.0)?
        .with("latitude", 35.0 + (scatter % 50) as f64 / 10.0)?
        .with("longitude", 139.0 - (scatter % 70) as f64 / 10.0)?
        .with("radius_km", 5.0)
}

/// Everything of which there is a frame.
fn happen(engine: &Engine, n: u64) -> Result<()> {
    match n {
        SWAPPED => drop(engine.swap(policies()[0].clone())?),
        ROTATED => engine.rotate(key(4))?,
        RETIRED => drop(engine.retire_key()),
        _ => {}
    }
    let now = START + n as i64 * 37 * MINUTE;
    let mut happened = event(engine, n)?;
    if n % 13 == 12 {
        // Its label is known from the first, and takes effect later.
        happened = happened.with("label", "fraud")?.with("labelled_at", now + 600 * MINUTE)?;
    }
    engine.assess(&happened)?;
    match n % 10 {
        2 => drop(engine.resolve(&event(engine, n - 1)?, Outcome::Declined)?),
        4 if n > 4 => drop(engine.label(&event(engine, n - 3)?, Label::Fraud, now)?),
        // Of events that their accounts have no room for any more.
        3 if n > 30 => drop(engine.label(&event(engine, n - 23)?, Label::Fraud, now + 900 * MINUTE)?),
        5 if n > 30 => drop(engine.label(&event(engine, n - 24)?, Label::Genuine, now)?),
        // Behind the questions.
        6 => drop(engine.label(&event(engine, n - 2)?, Label::Fraud, now + 2_000 * MINUTE)?),
        7 if n > 30 => drop(engine.forget("device", &format!("d-{}", n / 20))?),
        9 => engine.advance(now + 20 * MINUTE)?,
        _ => {}
    }
    match n {
        // Before the key is replaced, before the snapshot and behind it.
        8 | 38 | 58 => load_lists(engine, n as usize / 20),
        11 | 33 | 63 => change_lists(engine, n as usize / 30),
        _ if n == GONE[1] => engine.forget("device", "d-gone").map(drop),
        _ => Ok(()),
    }
}

fn entry(number: usize, round: usize) -> ListEntry {
    let entry = ListEntry::new().severity((30 + 10 * round + number) as u8).reason(format!("round {round}"));
    if number.is_multiple_of(2) { entry } else { entry.source("host").expires(START + 5_000 * MINUTE) }
}

/// Members that come and go one by one.
fn change_lists(engine: &Engine, round: usize) -> Result<()> {
    for (number, (list, members, away)) in MEMBERS.into_iter().enumerate() {
        engine.list_add(list, members[0], entry(number, round))?;
        engine.list_remove(list, members[0])?;
        engine.list_add(list, members[(round + 1) % CHANGING], entry(number, round))?;
        if round != 1 {
            engine.list_add(list, away, entry(number, round))?;
        }
    }
    // The policy's own goes, too.
    engine.list_remove("offices", "192.0.2.0/24").map(drop)
}

/// Members that come together, in the place of all others or beside them.
fn load_lists(engine: &Engine, round: usize) -> Result<()> {
    for (number, (list, members, _)) in MEMBERS.into_iter().enumerate() {
        let mut prepared = engine.list_prepare(list)?;
        let turn = |turn| members[turn % CHANGING];
        let loaded = if round == 0 { members } else { &[turn(round), turn(round + 2)] };
        prepared.extend(loaded.iter().map(|member| (member, entry(number, round))))?;
        if (number + round) % 3 == 2 {
            engine.list_swap(prepared, &format!("round {round}"))?;
        } else {
            engine.list_load(prepared)?;
        }
    }
    Ok(())
}

fn state(engine: &Engine) -> Result<State> {
    // Before the questions, which bring what they meet to the present key.
    let tables = engine.statistics().into_iter().filter(|table| table.entities > 0).map(|table| {
        let TableStatistics { name, entities, events, approximate, unrotated, .. } = table;
        (name, Table { entities, events, approximate, unrotated })
    });
    let tables = tables.collect();
    let mut lists = BTreeMap::new();
    for (list, ..) in MEMBERS {
        let version = engine.list_version(list)?;
        lists.insert(list.to_owned(), (engine.list_len(list)?, version.name.to_string(), version.number));
    }
    engine.advance(START + EVENTS as i64 * 37 * MINUTE)?;
    let mut decision = Decision::detailed();
    let answers = (0..QUESTIONS).map(|n| {
        let question = match n {
            // What was left behind under the previous key is told by what was used with it.
            0 => event(engine, AWAY)?.with("device", "d-0")?,
            _ => event(engine, EVENTS + n)?,
        };
        let question = question
            .with("id", format!("question-{n}").as_str())?
            .with("time", START + (EVENTS * 37 + n) as i64 * MINUTE)?;
        let answer = answer(engine, &question, &mut decision)?;
        let listed = decision.listed().map(|hit| {
            let (by, level) = (hit.source(), hit.level());
            format!("{} {} {} {} {by:?} {level:?}", hit.list(), hit.field(), hit.severity(), hit.reason())
        });
        Ok(Asked { answer, listed: listed.collect() })
    });
    let answers = answers.collect::<Result<_>>()?;
    let partly_warm = engine.swap(engine.policy())?.partly_warm;
    Ok(State { tables, lists, answers, partly_warm })
}

fn snapshot(engine: &Engine, mut meanwhile: impl Iterator<Item = u64>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut shards = 0;
    engine.snapshot(|piece| {
        bytes.extend_from_slice(piece);
        shards += 1;
        let next = if shards > DEVICES { meanwhile.next() } else { None };
        next.map_or(Ok(()), |n| happen(engine, n))
    })?;
    Ok(bytes)
}

/// Members of a list that several institutions share.
fn bundle(engine: &Engine) -> Result<Vec<u8>> {
    let mut members = engine.list_prepare("shared_homes")?;
    members.extend(HOMES.into_iter().zip((0..).map(|round| entry(0, round))))?;
    engine.list_seal(&members)
}

fn restored(bytes: &[u8]) -> Engine {
    let [policy, _] = policies();
    reader(policy).restore(bytes).unwrap()
}

/// Writes the files.
pub(crate) fn rewrite() -> Result<()> {
    let journal = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&journal);
    let [_, before] = policies();
    let builder = builder(before, key(3));
    let engine = builder.journal(move |frame| sink.lock().unwrap().extend_from_slice(frame)).build()?;
    (0..MEANWHILE.start).try_for_each(|n| happen(&engine, n))?;
    let taken = snapshot(&engine, MEANWHILE)?;
    (MEANWHILE.end..RETIRED).try_for_each(|n| happen(&engine, n))?;
    let while_rotating = state(&restored(&snapshot(&engine, 0..0)?))?;
    (RETIRED..EVENTS).try_for_each(|n| happen(&engine, n))?;
    let journal = journal.lock().unwrap().clone();
    let expected = Expected {
        after_snapshot: state(&restored(&taken))?,
        while_rotating,
        after_journal: state(&engine)?,
    };
    std::fs::write(room("everything/bundle_1.bin"), bundle(&engine)?).unwrap();
    std::fs::write(room("everything/snapshot_2.bin"), taken).unwrap();
    std::fs::write(room("everything/journal_2.bin"), journal).unwrap();
    let expected = serde_json::to_string_pretty(&expected).unwrap() + "\n";
    std::fs::write(room("everything/expected.json"), expected).unwrap();
    Ok(())
}

#[test]
fn everything_is_read() {
    let expected: Expected = serde_json::from_slice(&read("everything/expected.json")).unwrap();
    let (taken, journal) = (read("everything/snapshot_2.bin"), read("everything/journal_2.bin"));
    let is_retired = |frame: &Frame<'_>| frame.kind == kinds::RETIRE;
    let retired = frames(&journal).take_while(|frame| !is_retired(frame)).map(|frame| frame.bytes).sum();
    for state in [&expected.after_snapshot, &expected.while_rotating, &expected.after_journal] {
        for (list, ..) in MEMBERS {
            let mut hits = state.answers.iter().flat_map(|asked| &asked.listed);
            assert!(hits.any(|hit| hit.starts_with(&format!("{list} "))), "nobody is on {list}");
        }
    }

    assert_eq!(state(&restored(&taken)).unwrap(), expected.after_snapshot);
    let [policy, before] = policies();
    for (end, expected) in [(retired, expected.while_rotating), (journal.len(), expected.after_journal)] {
        let recovered = reader(before.clone()).build().unwrap();
        let first = recovered.recover(&journal[..end]).unwrap();
        assert_eq!(first.policy.as_deref(), Some("everything 1"), "the journal goes on under another");
        recovered.swap(policy.clone()).unwrap();
        let rest = &journal[first.bytes as usize..end];
        assert!(recovered.recover(rest).unwrap().is_complete());
        assert_eq!(state(&recovered).unwrap(), expected);
        // The snapshot was taken behind the swap: what was written before it is passed over.
        let restored = restored(&taken);
        assert!(restored.recover(&journal[..end]).unwrap().is_complete());
        assert_eq!(state(&restored).unwrap(), expected);
    }

    let again = snapshot(&restored(&taken), 0..0).unwrap();
    assert_eq!(again[5..23], taken[5..23], "a new format wants files of its own");
}

#[test]
fn bundles_are_read() {
    let [policy, _] = policies();
    let engine = builder(policy, key(9)).build().unwrap();
    let bytes = read("everything/bundle_1.bin");
    let members = engine.list_open("shared_homes", &bytes).unwrap();
    assert_eq!(engine.list_swap(members, "shared").unwrap(), HOMES.len());
    let mut decision = Decision::detailed();
    for (round, home) in HOMES.into_iter().enumerate() {
        let question = engine.event().with("type", "payment").unwrap().with("time", START).unwrap();
        engine.score_into(&question.with("shipping_address", home).unwrap(), &mut decision).unwrap();
        let hits: Vec<_> = decision.listed().map(|hit| (hit.list(), hit.severity())).collect();
        assert_eq!(hits, [("shared_homes", 30 + 10 * round as u8)]);
    }
    assert_eq!(bundle(&engine).unwrap()[..18], bytes[..18], "a new format wants a file of its own");
}
