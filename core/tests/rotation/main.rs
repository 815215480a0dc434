//! Another key comes into force, and nobody can tell by what is decided.

#![allow(clippy::disallowed_methods, reason = "the host has threads")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod stream;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use sekisho::{
    Decision, Engine, EngineBuilder, ErrorKind, Event, Field, HashKey, Label, ListEntry, Outcome, Policy,
};

use stream::*;

const START: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;

const POLICY: &str = include_str!("policy.toml");

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

fn simple(account: &str, device: &str, n: i64) -> Event {
    let mut event = Event::of("payment", START + n * MINUTE).unwrap();
    event.set(Field::ID, &*format!("s-{n}-{account}")).unwrap();
    event.set(Field::ACCOUNT, account).unwrap();
    event.set(Field::DEVICE, device).unwrap();
    event.set(Field::PAYEE, "p-1").unwrap();
    event.set(Field::AMOUNT_MINOR, 100).unwrap();
    event
}

fn read(engine: &Engine, event: &Event, name: &str) -> String {
    let mut decision = Decision::detailed();
    engine.score_into(event, &mut decision).unwrap();
    let found = decision.features().find(|feature| feature.name() == name).unwrap();
    format!("{:?}", found.value())
}

#[test]
fn keys_have_numbers_of_their_own_and_there_are_two_at_most() {
    let engine = builder(1).build().unwrap();
    let refused = |id: u32| {
        let error = engine.rotate(key(id)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key);
        error.message().to_owned()
    };
    assert_eq!(
        refused(1),
        "`key`: found key 1, which is in force already; a new key has a number of its own"
    );
    assert_eq!(engine.retire_key(), 0, "there is none");
    assert_eq!(
        engine.rotate(HashKey::new(2, [1; 32])).unwrap_err().message(),
        "`key`: found key 2 with the secret of key 1; a new key has a secret of its own"
    );
    engine.rotate(key(2)).unwrap();
    assert_eq!(
        refused(2),
        "`key`: found key 2, which is in force already; a new key has a number of its own"
    );
    assert_eq!(refused(1), "`key`: found key 1, which key 2 is replacing; a new key has a number of its own");
    assert_eq!(refused(3), "`key`: found key 3 while key 2 is still replacing key 1; call retire_key first");
    let mut decision = Decision::detailed();
    engine.assess_into(&simple("a", "d", 0), &mut decision).unwrap();
    assert_eq!(decision.record(&simple("a", "d", 0)).unwrap().key, 2);
    let error = builder(1).previous_key(key(1)).build().unwrap_err();
    assert_eq!(
        error.message(),
        "`previous_key`: found key 1, which is the present one; each key has a number of its own"
    );
    let error = builder(1).previous_key(HashKey::new(2, [1; 32])).build().unwrap_err();
    assert_eq!(
        error.message(),
        "`previous_key`: found key 2, which has the present one's secret; each key has a secret of its own"
    );
}

#[test]
fn who_was_not_touched_leaves_with_the_key() {
    let (engine, journal) = journalled(builder(1));
    for n in 0..60 {
        engine.assess(&simple(&format!("a-{n}"), &format!("d-{}", n % 10), n)).unwrap();
    }
    for n in 0..6 {
        engine.list_add("good_accounts", &format!("a-{n}"), ListEntry::new()).unwrap();
    }
    engine.rotate(key(2)).unwrap();
    assert_eq!(unrotated(&engine), 70);
    for n in 0..20 {
        engine.assess(&simple(&format!("a-{n}"), &format!("d-{}", n % 4), 100 + n)).unwrap();
    }
    let score = |engine: &Engine, account: &str| engine.score(&simple(account, "d", 200)).unwrap().score();
    assert_eq!(score(&engine, "a-0"), 10);
    // 20 accounts and 4 devices were touched, and all members of the list.
    assert_eq!(unrotated(&engine), 70 - 24);
    engine.list_add("good_accounts", "a-99", ListEntry::new()).unwrap();
    engine.rotate(key(3)).unwrap_err();
    let check = |engine: &Engine| {
        assert_eq!(unrotated(engine), 0);
        let counts: Vec<usize> = engine.statistics().iter().map(|table| table.entities).collect();
        assert_eq!(counts.iter().sum::<usize>(), 24, "{counts:?}");
        assert_eq!(engine.list_len("good_accounts").unwrap(), 7);
        for n in 0..60 {
            let count = read(engine, &simple(&format!("a-{n}"), "d", 150), "payments");
            assert_eq!(count, if n < 20 { "Integer(2)" } else { "Integer(0)" });
        }
        assert_eq!((score(engine, "a-0"), score(engine, "a-99"), score(engine, "a-9")), (10, 10, 0));
        assert_eq!(engine.retire_key(), 0);
    };
    assert_eq!(engine.retire_key(), 70 - 24);
    check(&engine);
    let both = builder(2).previous_key(key(1)).build().unwrap();
    assert!(both.recover(&**journal.lock().unwrap()).unwrap().is_complete());
    check(&both);
    check(&builder(2).restore(&*snapshot(&engine)).unwrap());
}

#[test]
fn members_that_nobody_met_leave_with_the_key() {
    let engine = builder(1).build().unwrap();
    for n in 0..4 {
        engine.list_add("bad_devices", &format!("d-{n}"), ListEntry::new()).unwrap();
    }
    engine.rotate(key(2)).unwrap();
    let listed = |device: &str| engine.score(&simple("a", device, 0)).unwrap().score() == 100;
    assert!(listed("d-0") && listed("d-0") && !listed("d-9"));
    engine.list_add("bad_devices", "d-1", ListEntry::new()).unwrap();
    assert!(engine.list_remove("bad_devices", "d-2").unwrap());
    assert!(!engine.list_remove("bad_devices", "d-2").unwrap());
    assert_eq!(engine.list_len("bad_devices").unwrap(), 3);
    assert_eq!(engine.retire_key(), 1);
    assert!(listed("d-0") && listed("d-1") && !listed("d-2") && !listed("d-3"));
}

/// What a key makes of an account.
fn low(engine: &Engine, event: &Event) -> [u8; 8] {
    let mut decision = Decision::detailed();
    engine.score_into(event, &mut decision).unwrap();
    let record = serde_json::to_value(decision.record(event).unwrap()).unwrap();
    let token = u128::from_str_radix(record["entities"]["account"].as_str().unwrap(), 16).unwrap();
    (token as u64).to_le_bytes()
}

#[test]
fn whoever_is_forgotten_meanwhile_is_in_no_snapshot_under_either_key() {
    let (engine, journal) = journalled(builder(1));
    for n in 0..30 {
        let mut event = simple(["hanako", "taro"][n as usize % 2], &format!("d-{}", n % 3), n);
        event.set(Field::MERCHANT, "m").unwrap();
        engine.assess(&event).unwrap();
    }
    engine.list_add("good_accounts", "hanako", ListEntry::new()).unwrap();
    let before = low(&engine, &simple("hanako", "d-0", 40));
    engine.rotate(key(2)).unwrap();
    // Her own history and one of her devices' are under the new key, others not.
    let after = low(&engine, &simple("hanako", "d-0", 40));
    assert_ne!(before, after);
    let mentions =
        |engine: &Engine, low: [u8; 8]| snapshot(engine).windows(8).filter(|window| *window == low).count();
    assert!(mentions(&engine, before) > 0 && mentions(&engine, after) > 0);
    assert!(engine.forget("account", "hanako").unwrap());
    let check = |engine: &Engine| {
        assert_eq!((mentions(engine, before), mentions(engine, after)), (0, 0));
        let mut event = simple("taro", "d-1", 41);
        event.set(Field::MERCHANT, "m").unwrap();
        assert_eq!(read(engine, &event, "accounts"), "Integer(2)", "she still counts");
    };
    check(&engine);
    let recovered = builder(2).previous_key(key(1)).build().unwrap();
    recovered.recover(&**journal.lock().unwrap()).unwrap();
    check(&recovered);
    assert!(!engine.forget("account", "hanako").unwrap());
}

#[test]
fn one_rotation_after_another_and_back_to_the_first_key() {
    let engine = builder(1).build().unwrap();
    let still = builder(1).build().unwrap();
    let all = |n: i64| {
        (0..4).flat_map(move |a| {
            (0..3).map(move |d| simple(&format!("a-{a}"), &format!("d-{d}"), n + a * 3 + d))
        })
    };
    for (round, next) in [2, 3, 1, 2].into_iter().enumerate() {
        for event in all(round as i64 * 20) {
            still.assess(&event).unwrap();
            engine.assess(&event).unwrap();
        }
        engine.rotate(key(next)).unwrap();
        for question in all(round as i64 * 20 + 15) {
            let answers = [&still, &engine].map(|engine| {
                let mut decision = Decision::detailed();
                engine.score_into(&question, &mut decision).unwrap();
                answer(&decision)
            });
            assert_eq!(answers[0], answers[1]);
        }
        assert_eq!(engine.retire_key(), 0);
    }
}

/// A device knows an account by two words, of which one is from before a key that is gone.
#[test]
fn whoever_was_known_by_two_words_is_one_again() {
    let engine = builder(1).build().unwrap();
    engine.assess(&simple("a", "d", 0)).unwrap();
    engine.assess(&simple("b", "d", 1)).unwrap();
    engine.rotate(key(2)).unwrap();
    // The device is touched, the account is not.
    engine.assess(&simple("c", "d", 2)).unwrap();
    engine.retire_key();
    engine.assess(&simple("a", "d", 3)).unwrap();
    engine.rotate(key(1)).unwrap();
    // Now there are the words of `a` under both keys.
    assert_eq!(read(&engine, &simple("a", "d", 4), "since_seen"), "Duration(60000)");
    engine.assess(&simple("a", "d", 4)).unwrap();
    engine.assess(&simple("a", "d", 5)).unwrap();
    assert_eq!(read(&engine, &simple("a", "d", 6), "since_seen"), "Duration(60000)");
    assert_eq!(read(&engine, &simple("b", "d", 6), "since_seen"), "Duration(300000)");
}

#[test]
fn a_snapshot_or_a_journal_that_takes_both_keys_says_so() {
    let (engine, journal) = journalled(builder(1));
    engine.assess(&simple("a", "d", 0)).unwrap();
    let before = snapshot(&engine);
    engine.rotate(key(2)).unwrap();
    engine.assess(&simple("b", "d", 1)).unwrap();
    let meanwhile = snapshot(&engine);
    let frames = journal.lock().unwrap().clone();
    let refused = |builder: EngineBuilder, bytes: &[u8]| {
        let error = builder.restore(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        error.message().to_owned()
    };
    assert_eq!(refused(builder(2), &before), "the snapshot was sealed with key 1, this engine has key 2");
    assert_eq!(
        refused(builder(3).previous_key(key(2)), &before),
        "the snapshot was sealed with key 1, this engine has key 3 and the previous key 2"
    );
    let give = "the snapshot was taken while key 2 was replacing key 1; give key 1 as the previous key";
    assert_eq!(refused(builder(2), &meanwhile), give);
    assert_eq!(refused(builder(2).previous_key(key(3)), &meanwhile), give);
    assert_eq!(
        refused(builder(3).previous_key(key(2)), &meanwhile),
        "the snapshot was taken while key 2 was replacing key 1; restore it with these two, and retire key 1 before the next rotation"
    );
    let other = HashKey::new(1, [9; 32]);
    assert_eq!(
        refused(builder(2).previous_key(other), &before),
        "the snapshot is damaged, or its key has the same number but another secret"
    );
    let error = builder(2).build().unwrap().recover(&*frames).unwrap_err();
    assert_eq!(error.message(), "the journal's frame 1 is damaged, or was sealed with another key");
    let error = builder(1).build().unwrap().recover(&*frames).unwrap_err();
    assert!(error.message().ends_with("is damaged, or was sealed with another key"), "{error}");

    // A rotation may be the restart itself.
    for from in [&before, &meanwhile] {
        let both = builder(2).previous_key(key(1)).restore(&**from).unwrap();
        assert!(both.recover(&*frames).unwrap().is_complete());
        assert_eq!(read(&both, &simple("a", "d", 2), "payments"), "Integer(1)");
        assert_eq!(read(&both, &simple("b", "d", 2), "since_seen"), "Duration(60000)");
    }
}

/// Whoever knows the key that is replaced cannot go on in its name.
#[test]
fn behind_the_first_frame_of_a_key_the_one_before_seals_nothing() {
    let (engine, journal) = journalled(builder(1));
    engine.assess(&simple("a", "d", 0)).unwrap();
    engine.rotate(key(2)).unwrap();
    engine.assess(&simple("a", "d", 1)).unwrap();
    let frames = journal.lock().unwrap().clone();
    let (forging, forged) = journalled(builder(1));
    let count = builder(2).previous_key(key(1)).build().unwrap().recover(&*frames).unwrap().frames;
    // As many frames, then one more under the first key.
    for n in 0..count as i64 {
        forging.assess(&simple("a", "d", 10 + n)).unwrap();
    }
    let forged = forged.lock().unwrap().clone();
    let mut at = 0;
    for _ in 0..count {
        at += 4 + u32::from_le_bytes(forged[at..at + 4].try_into().unwrap()) as usize;
    }
    let both = builder(2).previous_key(key(1)).build().unwrap();
    let error = both.recover(&*[&frames[..], &forged[at..]].concat()).unwrap_err();
    assert_eq!(
        error.message(),
        format!("the journal's frame {} is damaged, or was sealed with another key", count + 1)
    );
}

#[test]
fn policies_and_challengers_come_and_go_meanwhile() {
    let engine = builder(1).build().unwrap();
    let second = POLICY
        .replace("version = \"1\"", "version = \"2\"")
        .replace("by = [\"device\", \"account\"]", "by = [\"payee\"]");
    let second = Policy::from_toml(&second).unwrap();
    for n in 0..12 {
        engine.assess(&simple(&format!("a-{}", n % 3), "d", n)).unwrap();
    }
    engine.list_add("bad_devices", "d", ListEntry::new()).unwrap();
    engine.challenge_with(policy()).unwrap();
    engine.rotate(key(2)).unwrap();
    let mut decision = Decision::detailed();
    engine.score_into(&simple("a-0", "d", 20), &mut decision).unwrap();
    let challenger = decision.challenger().unwrap();
    assert_eq!((answer(challenger), decision.score()), (answer(&decision), 100));
    let report = engine.swap(second).unwrap();
    assert!(report.warm.contains(&"payments".to_owned()));
    // What the challenger needs of devices is kept no more.
    assert!(report.challenger_ended);
    for n in 0..3 {
        assert_eq!(read(&engine, &simple(&format!("a-{n}"), "d", 20), "payments"), "Integer(4)");
    }
    engine.swap(policy()).unwrap();
    engine.retire_key();
    for n in 0..3 {
        assert_eq!(read(&engine, &simple(&format!("a-{n}"), "d", 20), "payments"), "Integer(4)");
        assert_eq!(read(&engine, &simple(&format!("a-{n}"), "d", 20), "to_payee"), "Integer(400)");
    }
}

/// Threads score, label, list and forget while the key is replaced and snapshots are taken; each of them with the
/// journal is the state at the end.
#[test]
fn snapshots_taken_while_threads_rotate_and_the_frames_behind_them_are_the_state() {
    let (engine, journal) = journalled(builder(1));
    let (engine, snapshots) = (&engine, Mutex::new(Vec::new()));
    let scatter = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let what = |n: u64| {
        let who = [4, 3, 3, 2, 5].map(|modulus| (scatter(n + modulus) % modulus) as u8);
        Happened { who, minutes: 0, late: 0, payment: n.is_multiple_of(2), country: None, label: None }
    };
    let many = |n: u64| {
        let mut event = event(n as usize, START + n as i64 * MINUTE / 4, &what(n));
        // Enough of them that some are always yet to move.
        event.set(Field::ACCOUNT, &*format!("a-{}", scatter(n) % 400)).unwrap();
        event
    };
    let happen = |n: u64| match n % 11 {
        0..=6 => drop(engine.assess(&many(n)).unwrap()),
        7 => drop(engine.score(&many(n)).unwrap()),
        8 => drop(engine.resolve(&many(n / 2), Outcome::Declined).unwrap()),
        9 if n.is_multiple_of(3) => {
            engine.list_add("good_accounts", &format!("a-{}", n % 400), ListEntry::new()).unwrap()
        }
        9 => drop(engine.label(&many(n / 2), Label::Fraud, START + n as i64 * MINUTE).unwrap()),
        _ if n.is_multiple_of(5) => drop(engine.forget("account", &format!("a-{}", n % 400)).unwrap()),
        _ => drop(engine.list_remove("good_accounts", &format!("a-{}", n % 400)).unwrap()),
    };
    (0..1_500).for_each(&happen);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let happen = &happen;
            scope.spawn(move || (1_500..4_500).filter(|n| n % 3 == thread).for_each(happen));
        }
        scope.spawn(|| {
            engine.rotate(key(2)).unwrap();
            for _ in 0..8 {
                snapshots.lock().unwrap().push(snapshot(engine));
            }
        });
    });
    let frames = journal.lock().unwrap().clone();
    let both = || builder(2).previous_key(key(1));
    let recovered = both().build().unwrap();
    assert!(recovered.recover(&*frames).unwrap().is_complete());
    let left = unrotated(engine);
    assert_eq!(unrotated(&recovered), left);
    let restored: Vec<Engine> = snapshots
        .into_inner()
        .unwrap()
        .iter()
        .map(|bytes| {
            let restored = both().restore(&**bytes).unwrap();
            assert!(restored.recover(&*frames).unwrap().is_complete());
            restored
        })
        .collect();
    let answers = |engine: &Engine| -> Vec<Answer> {
        let mut decision = Decision::detailed();
        let ask = |n: u64| {
            let mut event = many(n);
            event.set(Field::ACCOUNT, &*format!("a-{}", n % 400)).unwrap();
            event.set(Field::TIME, START + 4_500 * MINUTE / 4).unwrap();
            event.set(Field::ID, &*format!("question-{n}")).unwrap();
            engine.score_into(&event, &mut decision).unwrap();
            answer(&decision)
        };
        (0..800).map(ask).collect()
    };
    let expected = answers(engine);
    assert!(answers(&recovered) == expected);
    for restored in &restored {
        assert!(answers(restored) == expected);
    }
}

/// Between any two parts of a snapshot, entities move from a shard that is yet to come to one that was written, and
/// the other way round.
#[test]
fn whoever_moves_while_a_snapshot_is_written_is_in_it_once() {
    let (engine, journal) = journalled(builder(1));
    for n in 0..600 {
        engine.assess(&simple(&format!("a-{n}"), &format!("d-{}", n % 300), n)).unwrap();
    }
    engine.rotate(key(2)).unwrap();
    let (mut bytes, mut next, mut moved) = (Vec::new(), 0, 0);
    engine
        .snapshot(|piece| {
            bytes.extend_from_slice(piece);
            moved += usize::from(piece[4] == 4);
            for n in next..(next + 10).min(500) {
                engine.assess(&simple(&format!("a-{n}"), &format!("d-{}", n % 300), 700 + n)).unwrap();
            }
            next += 10;
            Ok::<(), Infallible>(())
        })
        .unwrap();
    assert!(next >= 500 && moved > 0, "{next} {moved}");
    let both = || builder(2).previous_key(key(1));
    let frames = journal.lock().unwrap().clone();
    let restored = both().restore(&*bytes).unwrap();
    // Without the frames it is partly of the time before, but nobody is missing.
    for n in 0..600 {
        let count = read(&restored, &simple(&format!("a-{n}"), "d", 1_250), "since_seen");
        assert_eq!(count, "Missing");
        let sum = read(&restored, &simple(&format!("a-{n}"), "d", 1_250), "to_payee");
        assert!(["Integer(100)", "Integer(200)"].contains(&&*sum), "{n} {sum}");
    }
    for restored in [both().restore(&*bytes).unwrap(), both().build().unwrap()] {
        assert!(restored.recover(&*frames).unwrap().is_complete());
        assert_eq!(unrotated(&restored), 100);
        for n in 0..600 {
            let question = simple(&format!("a-{n}"), &format!("d-{}", n % 300), 1_250);
            for name in ["to_payee", "since_seen"] {
                assert_eq!(read(&restored, &question, name), read(&engine, &question, name), "{n} {name}");
            }
        }
    }
}

/// Of more identifiers than a sample holds, estimates stay as good while the key is replaced, though each comes again
/// by another word.
#[test]
fn samples_stay_true() {
    let text = r#"
        [policy]
        name = "samples"
        version = "1"
        currency = "JPY"
        events = 16
        [[feature]]
        name = "devices"
        aggregate = "distinct"
        of = "device"
        by = ["merchant"]
        over = "10h"
        [[feature]]
        name = "earlier_devices"
        aggregate = "distinct"
        of = "device"
        by = ["merchant"]
        over = "10h"
        delay = "2h"
        [[feature]]
        name = "devices_of_payee"
        aggregate = "distinct"
        of = "device"
        by = ["merchant", "payee"]
        over = "10h"
        [decision]
        bands = [{ from = 0, action = "allow" }]
    "#;
    for population in [1_000, 20_000] {
        let engine = Engine::new(Policy::from_toml(text).unwrap(), key(1));
        let mut worst: f64 = 0.0;
        let each = 10 * 60 * MINUTE / population;
        let event = |n: i64, device: i64| {
            let event = Event::of("payment", START + n * each).unwrap().with("merchant", "m").unwrap();
            event.with("payee", "p").unwrap().with("device", device).unwrap()
        };
        // Everybody comes once in each window, and is asked about halfway between.
        for n in 0..3 * population {
            if n == population * 3 / 2 {
                engine.rotate(key(2)).unwrap();
            }
            engine.record(&event(n, n % population)).unwrap();
            engine.score(&event(n, (n + population / 2) % population)).unwrap();
            if n > population && n % (population / 20) == 0 {
                for name in ["devices", "devices_of_payee"] {
                    let found = read(&engine, &event(n, n % population), name);
                    let found: f64 =
                        found.trim_start_matches("Integer(").trim_end_matches(')').parse().unwrap();
                    worst = worst.max((found / population as f64 - 1.0).abs());
                }
            }
        }
        // A window may reach a pane further than its length.
        let bound = if population == 1_000 { 0.02 } else { 0.25 };
        assert!(worst < bound, "{population}: {worst}");
    }
}
