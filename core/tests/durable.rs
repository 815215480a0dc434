//! Snapshots and journals: what comes back is what was there, to the bit; what is damaged does not come back.

#![allow(clippy::disallowed_methods, reason = "the host has threads")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use sekisho::{Decision, Engine, ErrorKind, Event, Field, HashKey, Label, ListEntry, Outcome, Policy};

const START: i64 = 1_767_225_600_000;
const HOUR: i64 = 3_600_000;
const SECRET: [u8; 32] = *b"32 secret bytes of the host ....";

const POLICY: &str = r#"
    [policy]
    name = "durable"
    version = "1"
    currency = "JPY"
    lateness = "2d"
    events = 20

    [[list]]
    name = "bad_devices"
    of = "device"

    [[list]]
    name = "offices"
    of = "ip"
    kind = "cidr"

    [[feature]]
    name = "payments_1d"
    aggregate = "count"
    by = ["account"]
    over = "1d"
    where = 'type == "payment"'

    [[feature]]
    name = "paid_7d"
    aggregate = "sum"
    of = "amount_minor"
    by = ["account"]
    over = "7d"

    [[feature]]
    name = "declined_1d"
    aggregate = "count"
    by = ["account"]
    over = "1d"
    where = 'outcome == "declined"'

    [[feature]]
    name = "fraud_30d"
    aggregate = "count"
    by = ["merchant"]
    over = "30d"
    where = 'label == "fraud"'

    [[feature]]
    name = "accounts_of_device"
    aggregate = "distinct"
    of = "account"
    by = ["device"]
    over = "7d"

    [[feature]]
    name = "last_merchant_count"
    aggregate = "count"
    by = ["account", "merchant"]
    over = "7d"

    [[rule]]
    id = "listed"
    when = 'in_list("bad_devices", device) || in_list("offices", ip)'
    points = 500

    [decision]
    bands = [{ from = 0, action = "allow" }, { from = 400, action = "challenge" }]
"#;

/// What some policies remember besides.
const COUNTRIES: &str = r#"
    [[feature]]
    name = "countries"
    aggregate = "distinct"
    of = "country"
    by = ["account"]
    over = "7d"
    where = 'channel == "web"'
"#;

fn key() -> HashKey {
    HashKey::new(7, SECRET)
}

fn policy() -> Policy {
    Policy::from_toml(POLICY).unwrap()
}

fn event(n: u64) -> Event {
    // A small population, so that entities come again.
    let scatter = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let time = START + n as i64 * 90_000 - if n.is_multiple_of(17) { HOUR } else { 0 };
    let mut event = Event::of(if n.is_multiple_of(3) { "login" } else { "payment" }, time).unwrap();
    event.set(Field::ID, &*format!("e-{n}")).unwrap();
    event.set(Field::ACCOUNT, &*format!("a-{}", scatter % 23)).unwrap();
    event.set(Field::DEVICE, &*format!("d-{}", scatter / 23 % 11)).unwrap();
    event.set(Field::MERCHANT, &*format!("m-{}", scatter / 256 % 5)).unwrap();
    event.set(Field::IP, &*format!("10.0.{}.{}", scatter % 3, scatter % 7)).unwrap();
    event.set(Field::AMOUNT_MINOR, (scatter % 9_000) as i64).unwrap();
    event
}

/// Everything that may happen to an engine, chosen by a number.
fn happen(engine: &Engine, n: u64) {
    let known = event(n / 2);
    match n % 13 {
        0..=7 => drop(engine.assess(&event(n)).unwrap()),
        8 => drop(engine.resolve(&known, Outcome::Declined).unwrap()),
        9 => drop(engine.label(&known, Label::Fraud, START + n as i64 * 90_000).unwrap()),
        10 => {
            engine.list_add("bad_devices", &format!("d-{}", n % 11), ListEntry::new().severity(40)).unwrap()
        }
        11 if n.is_multiple_of(2) => {
            let _ = engine.list_remove("bad_devices", &format!("d-{}", n % 7)).unwrap();
        }
        11 => engine.list_add("offices", &format!("10.0.{}.0/24", n % 4), ListEntry::new()).unwrap(),
        _ if n.is_multiple_of(39) => drop(engine.forget("account", &format!("a-{}", n % 23)).unwrap()),
        _ => engine.advance(START + n as i64 * 90_000).unwrap(),
    }
}

/// What an engine would say of many events, to the bit.
fn answers(engine: &Engine, after: u64) -> Vec<(u16, Vec<Option<u64>>)> {
    let mut decision = Decision::detailed();
    let ask = |n: u64| {
        let mut question = event(n);
        question.set(Field::TIME, START + (after + 5) as i64 * 90_000).unwrap();
        question.set(Field::ID, &*format!("question-{n}")).unwrap();
        engine.score_into(&question, &mut decision).unwrap();
        (decision.score(), (0..6).map(|place| decision.feature_bits(place)).collect())
    };
    (0..120).map(ask).collect()
}

fn snapshot(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    let report = engine
        .snapshot(|piece| {
            bytes.extend_from_slice(piece);
            Ok::<(), Infallible>(())
        })
        .unwrap();
    assert_eq!(report.bytes, bytes.len() as u64);
    bytes
}

/// An engine that keeps a journal, and the journal.
fn journalled() -> (Engine, Arc<Mutex<Vec<u8>>>) {
    let journal = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&journal);
    let builder = Engine::builder(policy(), key());
    let engine = builder.journal(move |frame| sink.lock().unwrap().extend_from_slice(frame)).build().unwrap();
    (engine, journal)
}

#[test]
fn a_snapshot_brings_everything_back() {
    let engine = Engine::new(policy(), key());
    (0..1_500).for_each(|n| happen(&engine, n));
    let bytes = snapshot(&engine);
    let restored = Engine::restore(policy(), key(), &*bytes).unwrap();
    assert_eq!(
        restored.statistics().iter().map(|t| t.events).sum::<usize>(),
        engine.statistics().iter().map(|t| t.events).sum::<usize>()
    );
    assert_eq!(answers(&restored, 1_500), answers(&engine, 1_500));
    assert!(bytes == snapshot(&restored), "and a snapshot of it is the same bytes");
    // It goes on as the first would.
    (1_500..2_500).for_each(|n| {
        happen(&engine, n);
        happen(&restored, n);
    });
    assert_eq!(answers(&restored, 2_500), answers(&engine, 2_500));
    assert!(snapshot(&engine) == snapshot(&restored));
}

#[test]
fn a_snapshot_holds_no_identifier() {
    let engine = Engine::new(policy(), key());
    let mut event = event(1);
    event.set(Field::ACCOUNT, "hanako.suzuki@example.jp").unwrap();
    engine.assess(&event).unwrap();
    engine.list_add("bad_devices", "device-of-hanako", ListEntry::new()).unwrap();
    let bytes = snapshot(&engine);
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(!holds(b"hanako"));
    assert!(holds(b"sekisho snapshot"), "the search would have found it");
}

/// Beside the entity's own history, its token is gone from everybody else's, and counts stay what they were.
#[test]
fn whoever_is_forgotten_is_in_no_snapshot() {
    let (engine, journal) = journalled();
    let asked = |n: u64, account: &str| {
        let mut event = event(n);
        event.set(Field::ACCOUNT, account).unwrap();
        event.set(Field::DEVICE, "shared").unwrap();
        event
    };
    for n in 0..6 {
        engine.assess(&asked(n, ["hanako", "taro"][n as usize % 2])).unwrap();
    }
    let mut decision = Decision::detailed();
    engine.score_into(&asked(7, "hanako"), &mut decision).unwrap();
    let record = serde_json::to_value(decision.record(&asked(7, "hanako")).unwrap()).unwrap();
    let shown = record["entities"]["account"].as_str().unwrap().to_owned();
    let token = u128::from_str_radix(&shown, 16).unwrap();
    let low = (token as u64).to_le_bytes();
    let mentions = |bytes: &[u8]| bytes.windows(8).filter(|window| *window == low).count();
    assert!(mentions(&snapshot(&engine)) >= 2, "in its own history and in its device's");
    let devices = |engine: &Engine| {
        let mut decision = Decision::detailed();
        engine.score_into(&asked(7, "jiro"), &mut decision).unwrap();
        decision.feature(4).unwrap().value().clone()
    };
    let before = devices(&engine);
    assert!(engine.forget("account", "hanako").unwrap());
    assert_eq!(mentions(&snapshot(&engine)), 0);
    assert_eq!(devices(&engine), before);
    assert!(!engine.forget("account", "hanako").unwrap(), "there is nothing left to forget");
    let recovered = Engine::new(policy(), key());
    recovered.recover(&**journal.lock().unwrap()).unwrap();
    assert_eq!(mentions(&snapshot(&recovered)), 0);
    assert_eq!(devices(&recovered), before);
}

#[test]
fn a_journal_brings_everything_back() {
    let (engine, journal) = journalled();
    (0..1_500).for_each(|n| happen(&engine, n));
    let recovered = Engine::new(policy(), key());
    let frames = journal.lock().unwrap().clone();
    let report = recovered.recover(&*frames).unwrap();
    assert!(report.is_complete());
    assert_eq!(report.bytes, frames.len() as u64);
    assert_eq!(answers(&recovered, 1_500), answers(&engine, 1_500));
    // The first engine's snapshot names the frame that comes next; beside that number all is the same.
    let again = Engine::builder(policy(), key()).restore(&*snapshot(&engine)).unwrap();
    assert!(snapshot(&again) == snapshot(&recovered));
}

/// Threads score, label and list while snapshots are taken; each snapshot with the whole journal behind it, or with
/// what follows it alone, gives the state at the end.
#[test]
fn a_snapshot_taken_meanwhile_and_the_frames_behind_it_are_the_state() {
    let (engine, journal) = journalled();
    let (engine, snapshots) = (&engine, Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for thread in 0..3 {
            scope.spawn(move || (0..2_000).filter(|n| n % 3 == thread).for_each(|n| happen(engine, n)));
        }
        scope.spawn(|| {
            for _ in 0..6 {
                snapshots.lock().unwrap().push(snapshot(engine));
            }
        });
    });
    let frames = journal.lock().unwrap().clone();
    let expected = answers(engine, 2_000);
    for snapshot in snapshots.into_inner().unwrap() {
        let restored = Engine::restore(policy(), key(), &*snapshot).unwrap();
        assert!(restored.recover(&*frames).unwrap().is_complete());
        assert!(answers(&restored, 2_000) == expected);
    }
}

#[test]
fn a_last_frame_that_was_not_written_to_its_end_is_told() {
    let (engine, journal) = journalled();
    (0..40).for_each(|n| happen(&engine, n));
    let frames = journal.lock().unwrap().clone();
    for cut in 0..frames.len() {
        let recovered = Engine::new(policy(), key());
        let report = recovered.recover(&frames[..cut]).unwrap();
        assert_eq!(report.bytes + report.torn, cut as u64);
        assert!(report.bytes <= cut as u64);
    }
}

#[test]
fn frames_that_are_changed_or_moved_are_refused() {
    let (engine, journal) = journalled();
    (0..30).for_each(|n| happen(&engine, n));
    let frames = journal.lock().unwrap().clone();
    let recover = |bytes: &[u8]| Engine::new(policy(), key()).recover(bytes);
    for at in 0..frames.len() {
        let mut changed = frames.clone();
        changed[at] ^= 1 << (at % 8);
        match recover(&changed) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged),
            // A length may say that more should follow.
            Ok(report) => assert!(report.torn > 0, "byte {at}"),
        }
    }
    let mut starts = vec![0];
    while *starts.last().unwrap() < frames.len() {
        let at = *starts.last().unwrap();
        starts.push(at + 4 + u32::from_le_bytes(frames[at..at + 4].try_into().unwrap()) as usize);
    }
    let (second, third, fourth) = (starts[1], starts[2], starts[3]);
    let moved =
        [&frames[..second], &frames[third..fourth], &frames[second..third], &frames[fourth..]].concat();
    let error = recover(&moved).unwrap_err();
    assert_eq!(error.message(), "the journal's frame 2 is missing: frame 3 follows instead");
    let error = recover(&frames[second..]).unwrap_err();
    assert_eq!(error.message(), "the journal's frame 1 is missing: frame 2 follows instead");
    let other = Engine::new(policy(), HashKey::new(7, [9; 32])).recover(&*frames).unwrap_err();
    assert_eq!(other.message(), "the journal's frame 1 is damaged, or was sealed with another key");
}

#[test]
fn a_swap_is_told_where_the_journal_has_it() {
    let (engine, journal) = journalled();
    (0..50).for_each(|n| happen(&engine, n));
    let second = Policy::from_toml(&POLICY.replace("version = \"1\"", "version = \"2\"")).unwrap();
    engine.swap(second.clone()).unwrap();
    (50..90).for_each(|n| happen(&engine, n));
    let frames = journal.lock().unwrap().clone();
    let recovered = Engine::new(policy(), key());
    let report = recovered.recover(&*frames).unwrap();
    assert_eq!(report.policy.as_deref(), Some("durable 2"));
    recovered.swap(second).unwrap();
    let rest = recovered.recover(&frames[report.bytes as usize..]).unwrap();
    assert!(rest.is_complete());
    assert_eq!(report.bytes + rest.bytes, frames.len() as u64);
    assert_eq!(answers(&recovered, 90), answers(&engine, 90));
}

/// A crash may leave journals that the snapshot contains, of policies that the host no longer has.
#[test]
fn policies_of_frames_that_the_snapshot_contains_are_not_asked_for() {
    let versions = ["1", "2", "3"].map(|version| {
        let document = POLICY.replace("version = \"1\"", &format!("version = \"{version}\""));
        let document = match version {
            "2" => document.replace("[decision]", &format!("{COUNTRIES}[decision]")),
            _ => document,
        };
        Policy::from_toml(&document).unwrap()
    });
    let (engine, journal) = journalled();
    let mut snapshots = Vec::new();
    for (number, policy) in versions.iter().enumerate() {
        engine.swap(policy.clone()).unwrap();
        // Before any frame of the new policy, and behind some.
        snapshots.push((number, snapshot(&engine)));
        let first = 40 * number as u64;
        (first..first + 20).for_each(|n| happen(&engine, n));
        snapshots.push((number, snapshot(&engine)));
        (first + 20..first + 40).for_each(|n| happen(&engine, n));
    }
    let frames = journal.lock().unwrap().clone();
    for (number, bytes) in snapshots {
        let restored = Engine::restore(versions[number].clone(), key(), &*bytes).unwrap();
        let mut rest = &*frames;
        for later in &versions[number + 1..] {
            let report = restored.recover(rest).unwrap();
            let name = format!("{} {}", later.name(), later.version());
            assert_eq!(report.policy, Some(name));
            restored.swap(later.clone()).unwrap();
            rest = &rest[report.bytes as usize..];
        }
        assert!(restored.recover(rest).unwrap().is_complete());
        assert_eq!(answers(&restored, 120), answers(&engine, 120));
    }
}

/// Journals whose policy an earlier file names, or the snapshot alone, are not done again under another.
#[test]
fn a_journal_without_its_policy_is_not_taken_for_the_engine_s() {
    let more = POLICY.replace("version = \"1\"", "version = \"2\"");
    let more = Policy::from_toml(&more.replace("[decision]", &format!("{COUNTRIES}[decision]"))).unwrap();
    let (engine, journal) = journalled();
    (0..40).for_each(|n| happen(&engine, n));
    let (taken, contained) = (snapshot(&engine), journal.lock().unwrap().len());
    (40..80).for_each(|n| happen(&engine, n));
    let frames = journal.lock().unwrap().clone();
    let (before, behind) = frames.split_at(contained);
    for files in [&[before, behind][..], &[behind]] {
        let restored = Engine::restore(more.clone(), key(), &*taken).unwrap();
        let (last, earlier) = files.split_last().unwrap();
        assert!(earlier.iter().all(|file| restored.recover(*file).unwrap().is_complete()));
        let report = restored.recover(*last).unwrap();
        assert_eq!((report.policy.as_deref(), report.bytes), (Some("durable 1"), 0));
        restored.swap(policy()).unwrap();
        assert!(restored.recover(*last).unwrap().is_complete());
        assert_eq!(answers(&restored, 80), answers(&engine, 80));
    }
}

#[test]
fn a_snapshot_that_is_cut_or_changed_is_refused() {
    let engine = Engine::builder(policy(), key()).memory(2 << 20).build().unwrap();
    (0..60).for_each(|n| happen(&engine, n));
    let bytes = snapshot(&engine);
    let restore = |bytes: &[u8]| Engine::builder(policy(), key()).memory(2 << 20).restore(bytes);
    assert!(restore(&bytes).is_ok());
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert_eq!(restore(&changed).unwrap_err().kind(), ErrorKind::Damaged, "byte {at}");
        assert_eq!(restore(&bytes[..at]).unwrap_err().kind(), ErrorKind::Damaged, "cut at {at}");
    }
    let mut starts = vec![0];
    while *starts.last().unwrap() < bytes.len() {
        let at = *starts.last().unwrap();
        starts.push(at + 21 + u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize);
    }
    let (first, second, third) = (starts[1], starts[2], starts[3]);
    let moved = [&bytes[..first], &bytes[second..third], &bytes[first..second], &bytes[third..]].concat();
    let error = restore(&moved).unwrap_err();
    assert_eq!(
        error.message(),
        "the snapshot is damaged: a part of it is changed, moved or another snapshot's"
    );
    // A part of another snapshot of the same engine.
    (60..80).for_each(|n| happen(&engine, n));
    let later = snapshot(&engine);
    let first_later = 21 + u32::from_le_bytes(later[..4].try_into().unwrap()) as usize;
    assert!(restore(&[&bytes[..first], &later[first_later..]].concat()).is_err());
}

#[test]
fn a_snapshot_of_another_key_release_or_policy_is_refused() {
    let engine = Engine::new(policy(), key());
    (0..60).for_each(|n| happen(&engine, n));
    let bytes = snapshot(&engine);
    let message = |result: sekisho::Result<Engine>| result.unwrap_err().message().to_owned();
    assert_eq!(
        message(Engine::restore(policy(), HashKey::new(8, SECRET), &*bytes)),
        "the snapshot was sealed with key 7, this engine has key 8"
    );
    assert_eq!(
        message(Engine::restore(policy(), HashKey::new(7, [1; 32]), &*bytes)),
        "the snapshot is damaged, or its key has the same number but another secret"
    );
    let mut newer = bytes.clone();
    newer[5 + 16] = 9;
    assert_eq!(
        message(Engine::restore(policy(), key(), &*newer)),
        "the snapshot has format 9, this release reads up to 2: use the release that wrote it, or a later one"
    );
    assert_eq!(
        message(Engine::restore(policy(), key(), &b"something else entirely, and long enough ...."[..])),
        "the snapshot ends early: its last part is missing"
    );
    let start = POLICY.find("    [[feature]]\n    name = \"declined_1d\"").unwrap();
    let end = POLICY.find("    [[feature]]\n    name = \"fraud_30d\"").unwrap();
    let less = [&POLICY[..start], &POLICY[end..]].concat();
    assert_eq!(
        message(Engine::restore(Policy::from_toml(&less).unwrap(), key(), &*bytes)),
        "the snapshot holds `outcome == \"declined\"` of each `account`, which this policy does not remember; restore it under the policy that it was taken under (durable 1), then swap"
    );
    let without_list = POLICY.replace("bad_devices", "worse_devices");
    let error = message(Engine::restore(Policy::from_toml(&without_list).unwrap(), key(), &*bytes));
    assert!(error.starts_with("the snapshot holds the list \"bad_devices\""), "{error}");
}

#[test]
fn a_policy_that_remembers_more_takes_a_snapshot_in() {
    let engine = Engine::new(policy(), key());
    (0..300).for_each(|n| happen(&engine, n));
    let more = Policy::from_toml(&POLICY.replace("[decision]", &format!("{COUNTRIES}[decision]"))).unwrap();
    let restored = Engine::restore(more, key(), &*snapshot(&engine)).unwrap();
    assert_eq!(answers(&restored, 300), answers(&engine, 300));
}

#[test]
fn a_sink_that_fails_is_told_and_not_asked_again() {
    let engine = Engine::new(policy(), key());
    let mut calls = 0;
    let error = engine
        .snapshot(|_| {
            calls += 1;
            Err("the disk is full")
        })
        .unwrap_err();
    assert_eq!((error.kind(), calls), (ErrorKind::Host, 1));
    assert_eq!(error.message(), "the snapshot could not be written: the disk is full");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Sealed by somebody who has the key, and still nonsense: refused, and nothing panics.
    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Engine::builder(policy(), key()).memory(2 << 20).restore(&*bytes).is_err());
        if let Ok(report) = Engine::builder(policy(), key()).memory(2 << 20).build().unwrap().recover(&*bytes) {
            prop_assert_eq!(report.frames, 0);
        }
    }
}
