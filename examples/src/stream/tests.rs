use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::*;

/// The digest of a small stream.
const PINNED: u64 = 8_325_300_573_013_287_837;

static USUAL: LazyLock<Stream> = LazyLock::new(|| wallet(2020, USERS, DAYS));

/// FNV-1a, which no release of Rust will change.
fn digest(stream: &Stream) -> u64 {
    format!("{stream:?}")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn attacks() -> impl Iterator<Item = (Flow, u32, u16, &'static StreamEvent)> {
    USUAL.events.iter().filter_map(|event| match event.truth {
        Truth::Attack { flow, case, step } => Some((flow, case, step, event)),
        Truth::Genuine => None,
    })
}

#[test]
fn a_seed_gives_one_stream() {
    let first = digest(&wallet(7, 200, 20));
    assert_eq!(first, digest(&wallet(7, 200, 20)));
    // The same on every platform; a change of the generator changes it.
    assert_eq!(first, PINNED);
    assert_ne!(first, digest(&wallet(8, 200, 20)));
}

#[test]
fn events_are_in_order_and_numbered() {
    assert!(USUAL.events.is_sorted_by_key(StreamEvent::time));
    let ids: BTreeSet<&str> = USUAL.events.iter().filter_map(|e| e.text("id")).collect();
    assert_eq!(ids.len(), USUAL.events.len());
    assert_eq!(USUAL.events[0].text("id"), Some("e-0000001"));
}

#[test]
fn times_lie_within_the_stream() {
    let first = USUAL.events[0].time();
    let last = USUAL.events[USUAL.events.len() - 1].time();
    assert!(first >= calendar::START);
    assert!(last < calendar::START + i64::from(DAYS) * calendar::DAY);
}

#[test]
fn no_event_names_a_field_twice_or_lies_about_the_past() {
    for event in &USUAL.events {
        let names: BTreeSet<&str> = event.fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), event.fields.len(), "{event:?}");
        for (name, value) in &event.fields {
            if let (true, Value::Integer(at)) = (name.ends_with("ed_at"), value) {
                let future = *name == "labelled_at";
                assert_eq!(*at > event.time(), future, "{name} of {event:?}");
            }
        }
        assert!(event.text("outcome").is_some(), "{event:?}");
        assert!(event.amount().is_none_or(|yen| yen > 0), "{event:?}");
    }
}

#[test]
fn every_flow_is_there() {
    let mut cases: BTreeMap<Flow, BTreeSet<u32>> = BTreeMap::new();
    let mut robbed: BTreeMap<Flow, BTreeSet<u32>> = BTreeMap::new();
    for (flow, case, _, event) in attacks() {
        cases.entry(flow).or_default().insert(case);
        if event.moves_money() {
            robbed.entry(flow).or_default().insert(case);
        }
    }
    let counts: Vec<usize> = cases.values().map(BTreeSet::len).collect();
    assert_eq!(counts, [25, 6, 20, 15]);
    // A campaign may fail; the others always end with money gone.
    assert_eq!(robbed[&Flow::LinkFraud].len(), 25);
    assert_eq!(robbed[&Flow::Takeover].len(), 20);
    assert_eq!(robbed[&Flow::CardBeforeArrival].len(), 15);
    assert!(robbed[&Flow::ListAttack].len() >= 4);
}

#[test]
fn the_steps_of_a_case_are_distinct_and_begin_at_zero() {
    let mut steps: BTreeMap<u32, BTreeSet<u16>> = BTreeMap::new();
    for (_, case, step, event) in attacks() {
        assert!(steps.entry(case).or_default().insert(step), "{event:?}");
    }
    assert!(steps.values().all(|steps| steps.contains(&0)));
}

#[test]
fn labels_mark_stolen_money_and_nothing_else() {
    for event in &USUAL.events {
        let stolen = event.is_attack() && event.moves_money();
        assert_eq!(event.text("label") == Some("fraud"), stolen, "{event:?}");
        let delay = event.integer("labelled_at").map(|at| at - event.time());
        let days = 3 * calendar::DAY..=20 * calendar::DAY;
        assert_eq!(delay.is_some_and(|delay| days.contains(&delay)), stolen);
    }
}

#[test]
fn the_honest_are_on_no_fraud_list() {
    let known: BTreeSet<&str> = USUAL.fraud_devices.iter().map(String::as_str).collect();
    let (mut hits, mut honest_hits) = (0, 0);
    for event in &USUAL.events {
        if event.text("device").is_some_and(|device| known.contains(device)) {
            hits += 1;
            honest_hits += u32::from(!event.is_attack());
        }
    }
    assert!(hits > 0);
    assert_eq!(honest_hits, 0);
}

#[test]
fn store_tablets_open_many_accounts() {
    for tablet in &USUAL.shared_devices {
        let opened = USUAL
            .events
            .iter()
            .filter(|e| e.kind() == "account_open" && e.text("device") == Some(tablet))
            .count();
        assert!(opened >= 10, "{opened}");
    }
}

#[test]
fn cards_pass_the_luhn_check() {
    assert_eq!(numbers::luhn_sum("4111111111111111", false) % 10, 0);
    assert_eq!(numbers::luhn_sum("4111111111111112", false) % 10, 1);
    let cards: BTreeSet<&str> = USUAL.events.iter().filter_map(|e| e.text("card")).collect();
    assert!(cards.len() > 500);
    for card in cards {
        assert_eq!(card.len(), 16);
        assert_eq!(numbers::luhn_sum(card, false) % 10, 0);
    }
}

#[test]
fn the_rhythm_and_the_slips_are_human() {
    let genuine = || USUAL.events.iter().filter(|event| !event.is_attack());
    let per_day = genuine().count() as f64 / (USERS as f64 * f64::from(DAYS));
    assert!((2.2..2.8).contains(&per_day), "{per_day}");
    let evening = genuine().filter(|event| (17..21).contains(&calendar::hour_of(event.time()))).count();
    let night = genuine().filter(|event| (1..5).contains(&calendar::hour_of(event.time()))).count();
    assert!(evening > 10 * night);
    let logins = genuine().filter(|event| event.kind() == "login");
    let failed = logins.clone().filter(|e| e.text("outcome") == Some("failed"));
    let share = failed.count() as f64 / logins.count() as f64;
    assert!((0.03..0.06).contains(&share), "{share}");
}

#[test]
fn small_and_empty_streams_are_fine() {
    for (users, days) in [(0, 0), (0, 5), (1, 1), (2, 3), (5, 0), (40, 2)] {
        let stream = wallet(1, users, days);
        assert!(stream.events.is_sorted_by_key(StreamEvent::time));
    }
}
