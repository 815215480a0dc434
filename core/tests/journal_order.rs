//! A journal that others write to while a policy comes into force, that lacks its end, or that says more than the
//! state: what is recovered is what was.

#![allow(clippy::disallowed_methods, reason = "tests start threads")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]
#![allow(clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use sekisho::{
    Action, Decision, Engine, EngineBuilder, Event, HashKey, ListEntry, Policy, Recovered, SnapshotReport,
    Value,
};

const NOW: i64 = 1_767_225_600_000;
const BAD: &str = "[[list]]\nname = \"bad\"\nof = \"device\"\n";

fn key() -> HashKey {
    HashKey::new(1, [1; 32])
}

fn policy(version: u32, body: &str) -> Policy {
    let text = format!(
        "[policy]\nname = \"p\"\nversion = \"{version}\"\ncurrency = \"JPY\"\n{body}\n\
         [decision]\nbands = [{{ from = 0, action = \"allow\" }}, {{ from = 850, action = \"deny\" }}]\n"
    );
    Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn count(by: &str) -> String {
    format!("[[feature]]\nname = \"of_{by}\"\naggregate = \"count\"\nby = [\"{by}\"]\nover = \"1d\"\n")
}

type Frames = Arc<Mutex<Vec<u8>>>;

fn journalled(builder: EngineBuilder) -> (EngineBuilder, Frames) {
    let frames = Frames::default();
    let kept = Arc::clone(&frames);
    (builder.journal(move |frame| kept.lock().unwrap().extend_from_slice(frame)), frames)
}

fn started(policy: &Policy) -> (Engine, Frames) {
    let (builder, frames) = journalled(Engine::builder(policy.clone(), key()));
    (builder.build().unwrap(), frames)
}

fn snapshot(engine: &Engine, mut meanwhile: impl FnMut()) -> (Vec<u8>, SnapshotReport) {
    let mut bytes = Vec::new();
    let report = engine.snapshot(|piece| {
        // The first piece says what is remembered; shards and lists follow.
        if bytes.is_empty() {
            meanwhile();
        }
        bytes.extend_from_slice(piece);
        Ok::<(), Infallible>(())
    });
    (bytes, report.unwrap())
}

fn event(id: &str, account: &str, device: &str) -> Event {
    let event = Event::of("payment", NOW).unwrap().with("id", id).unwrap();
    event.with("account", account).unwrap().with("device", device).unwrap()
}

fn value(engine: &Engine, name: &str, event: &Event) -> Value {
    let mut decision = Decision::detailed();
    engine.score_into(event, &mut decision).unwrap();
    decision.features().find(|feature| feature.name() == name).unwrap().value().clone()
}

/// Where each frame ends.
fn ends(frames: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    while at < frames.len() {
        at += 4 + u32::from_le_bytes(frames[at..at + 4].try_into().unwrap()) as usize;
        ends.push(at);
    }
    ends
}

/// Recovers as a host does that has all its policies.
fn recovered(engine: &Engine, frames: &[u8], policies: &[&Policy]) -> Recovered {
    let mut done = 0;
    loop {
        let recovered = engine.recover(&frames[done..]).unwrap();
        done += recovered.bytes as usize;
        let Some(name) = &recovered.policy else { return recovered };
        let wanted = |policy: &&&Policy| format!("{} {}", policy.name(), policy.version()) == *name;
        engine.swap((**policies.iter().find(wanted).unwrap()).clone()).unwrap();
    }
}

#[test]
fn calls_that_a_swap_overtakes_begin_anew() {
    let (one, two) = (policy(1, &count("account")), policy(2, &(count("account") + &count("device"))));
    for _ in 0..20 {
        let (engine, frames) = started(&one);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for thread in 0..3 {
                let (engine, over) = (&engine, &over);
                scope.spawn(move || {
                    for number in 0.. {
                        if over.load(Ordering::Relaxed) && number > 50 {
                            break;
                        }
                        let (id, account) = (format!("{thread} {number}"), format!("a{thread}"));
                        engine.assess(&event(&id, &account, "d")).unwrap();
                    }
                });
            }
            engine.swap(two.clone()).unwrap();
            over.store(true, Ordering::Relaxed);
        });
        let again = Engine::new(one.clone(), key());
        assert!(recovered(&again, &frames.lock().unwrap(), &[&one, &two]).is_complete());
        let asked = event("asked", "a0", "d");
        for name in ["of_account", "of_device"] {
            assert_eq!(value(&again, name, &asked), value(&engine, name, &asked), "{name}");
        }
    }
}

#[test]
fn a_policy_that_came_and_went_is_in_the_journal() {
    let (one, two) = (policy(1, &(BAD.to_owned() + &count("device"))), policy(2, &count("account")));
    let (engine, frames) = started(&one);
    engine.list_add("bad", "x", ListEntry::new()).unwrap();
    engine.assess(&event("1", "a", "d")).unwrap();
    // What the second policy does not know is gone.
    engine.swap(two.clone()).unwrap();
    engine.swap(one.clone()).unwrap();
    engine.assess(&event("2", "a", "e")).unwrap();
    let again = Engine::new(one.clone(), key());
    assert!(recovered(&again, &frames.lock().unwrap(), &[&one, &two]).is_complete());
    for engine in [&engine, &again] {
        assert_eq!(engine.list_len("bad").unwrap(), 0);
        assert_eq!(value(engine, "of_device", &event("3", "a", "d")), Value::Integer(0));
        assert_eq!(value(engine, "of_device", &event("3", "a", "e")), Value::Integer(1));
    }
}

#[test]
fn the_same_policy_once_more_is_in_the_journal() {
    let list =
        "[[list]]\nname = \"net\"\nof = \"ip\"\nkind = \"cidr\"\nentries = [{ value = \"10.0.0.0/8\" }]\n";
    let one = policy(1, &(list.to_owned() + &count("account")));
    let (engine, frames) = started(&one);
    engine.assess(&event("1", "a", "d")).unwrap();
    engine.list_remove("net", "10.0.0.0/8").unwrap();
    engine.swap(one.clone()).unwrap();
    engine.assess(&event("2", "a", "d")).unwrap();
    let again = Engine::new(one.clone(), key());
    assert!(recovered(&again, &frames.lock().unwrap(), &[&one]).is_complete());
    assert_eq!(again.list_len("net").unwrap(), engine.list_len("net").unwrap());
}

#[test]
fn frames_that_were_never_kept_leave_no_numbers_for_others() {
    let one = policy(1, &count("account"));
    let (engine, frames) = started(&one);
    (0..5).for_each(|n| drop(engine.assess(&event(&format!("k{n}"), "a", "d")).unwrap()));
    let mut journal = frames.lock().unwrap().clone();
    // The snapshot has what came while it was written; those frames are lost.
    let lost = || (0..3).for_each(|n| drop(engine.assess(&event(&format!("l{n}"), "a", "d")).unwrap()));
    let (bytes, _) = snapshot(&engine, lost);
    let restored = |journal: &[u8]| {
        let (builder, frames) = journalled(Engine::builder(one.clone(), key()));
        let engine = builder.restore(&*bytes).unwrap();
        assert!(recovered(&engine, journal, &[&one]).is_complete());
        (engine, frames)
    };
    for life in 0..3 {
        let (engine, frames) = restored(&journal);
        let expected = 8 + 2 * life;
        assert_eq!(value(&engine, "of_account", &event("asked", "a", "d")), Value::Integer(expected));
        for n in 0..2 {
            let event = event(&format!("m{life} {n}"), "a", "d");
            assert!(!engine.assess(&event).unwrap().is_repeated());
        }
        journal.extend_from_slice(&frames.lock().unwrap());
    }
    // Without the frame that says which are missing, they are missed.
    let ends = ends(&journal);
    let cut = [&journal[..ends[5]], &journal[ends[6]..]].concat();
    let error = Engine::restore(one.clone(), key(), &*bytes).unwrap().recover(&*cut).unwrap_err();
    assert!(error.message().contains("is missing"), "{error}");
}

#[test]
fn a_snapshot_says_itself_under_which_policy_frames_go_on() {
    let (one, two) = (policy(1, &count("account")), policy(2, &(count("device") + &count("account"))));
    let (engine, frames) = started(&one);
    engine.assess(&event("1", "a", "d")).unwrap();
    let before = frames.lock().unwrap().len();
    engine.swap(two.clone()).unwrap();
    engine.assess(&event("2", "a", "d")).unwrap();
    let (bytes, _) = snapshot(&engine, || ());
    let contained = std::mem::take(&mut *frames.lock().unwrap());
    engine.assess(&event("3", "b", "d")).unwrap();
    let behind = frames.lock().unwrap().clone();
    let again = Engine::restore(two.clone(), key(), &*bytes).unwrap();
    // What the snapshot contains need not be there to its end.
    assert!(again.recover(&contained[..before]).unwrap().is_complete());
    assert!(again.recover(&*behind).unwrap().is_complete());
    let asked = event("asked", "a", "d");
    assert_eq!(value(&again, "of_device", &asked), Value::Integer(2));
    assert_eq!(value(&again, "of_account", &asked), Value::Integer(2));
    // Another document of the same name is told from it, once for all.
    let other = policy(2, &count("account"));
    let again = Engine::restore(policy(2, &(count("account") + &count("device"))), key(), &*bytes).unwrap();
    assert_eq!(again.recover(&*behind).unwrap().policy.as_deref(), Some("p 2"));
    again.swap(other).unwrap();
    let error = again.recover(&*behind).unwrap_err();
    assert!(error.message().contains("another document of the same name"), "{error}");
}

#[test]
fn whoever_is_forgotten_and_listed_again_is_listed() {
    let one = policy(1, &(BAD.to_owned() + &count("device")));
    let (engine, frames) = started(&one);
    engine.assess(&event("1", "a", "d")).unwrap();
    engine.list_add("bad", "d", ListEntry::new()).unwrap();
    let (bytes, _) = snapshot(&engine, || {
        engine.forget("device", "d").unwrap();
        engine.list_add("bad", "d", ListEntry::new().severity(77)).unwrap();
    });
    let again = Engine::restore(one, key(), &*bytes).unwrap();
    assert!(again.recover(&**frames.lock().unwrap()).unwrap().is_complete());
    assert_eq!((engine.list_len("bad").unwrap(), again.list_len("bad").unwrap()), (1, 1));
}

#[test]
fn an_event_and_what_it_puts_on_lists_are_one_frame() {
    let rules = "[[rule]]\nid = \"all\"\nwhen = 'true'\naction = \"deny\"\n\
                 [[feedback]]\nlist = \"bad\"\nof = \"device\"\non = \"deny\"\nfor = \"90d\"\n";
    let one = policy(1, &format!("{BAD}{rules}{}", count("device")));
    let (engine, frames) = started(&one);
    assert_eq!(engine.assess(&event("1", "a", "d")).unwrap().action(), Action::Deny);
    let journal = frames.lock().unwrap().clone();
    for end in [vec![0], ends(&journal)].concat() {
        let again = Engine::new(one.clone(), key());
        again.recover(&journal[..end]).unwrap();
        let known = again.score(&event("1", "a", "d")).unwrap().is_repeated();
        assert_eq!(again.list_len("bad").unwrap(), usize::from(known), "after {end} bytes");
    }
}
