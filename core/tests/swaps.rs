//! A policy takes another's place: what is remembered serves the new one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use proptest::prelude::*;
use sekisho::{Decision, Engine, Event, Field, HashKey, Label, Outcome, Policy};

const START: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;

fn key() -> HashKey {
    HashKey::new(1, *b"32 secret bytes of the host ....")
}

/// Conditions over remembered fields, in all the ways that a condition reads one.
const CONDITIONS: [&str; 12] = [
    r#"type == "login""#,
    r#"type in ["payment", "profile_change"] && amount_minor >= 500"#,
    r#"outcome == "failed""#,
    r#"has(outcome) && outcome != "approved""#,
    r#"label == "fraud""#,
    r#"!has(label) && has(device)"#,
    r#"channel == "web" || channel == "call centre""#,
    r#"has(radius_km) && radius_km > 2.5"#,
    r#"device.rooted || amount_minor * 2 > 900"#,
    r#"time.getHours("Asia/Tokyo") < 9"#,
    r#"has(amount_minor) && has(account)"#,
    r#"billing_address == shipping_address"#,
];

fn policy(conditions: &[&str]) -> Policy {
    let mut text = String::from(
        "[policy]\nname = \"swaps\"\nversion = \"1\"\ncurrency = \"JPY\"\nremember_for = \"30d\"\n\
         remember = [\"type\", \"amount_minor\", \"channel\", \"account\", \"device\", \"radius_km\", \"device.rooted\", \
         \"billing_address\", \"shipping_address\"]\n\
         [decision]\nbands = [{ from = 0, action = \"allow\" }]\n\
         [[feature]]\nname = \"all\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"1h\"\n\
         [[feature]]\nname = \"of_ip\"\naggregate = \"count\"\nby = [\"ip\"]\nover = \"1h\"\n",
    );
    for (n, condition) in conditions.iter().enumerate() {
        for by in ["account", "ip"] {
            text.push_str(&format!(
                "[[feature]]\nname = \"{by}_{n}\"\naggregate = \"count\"\nby = [\"{by}\"]\nover = \"7d\"\nwhere = '{condition}'\n\
                 [[feature]]\nname = \"{by}_devices_{n}\"\naggregate = \"distinct\"\nof = \"device\"\nby = [\"{by}\"]\nover = \"7d\"\nwhere = '{condition}'\n\
                 [[feature]]\nname = \"{by}_run_{n}\"\naggregate = \"count\"\nby = [\"{by}\"]\nover = \"7d\"\nreset = '{condition}'\n\
                 [[feature]]\nname = \"{by}_steps_{n}\"\naggregate = \"sequence\"\nby = [\"{by}\"]\nover = \"7d\"\nsteps = ['{condition}', 'has(account)', '{condition}']\n"
            ));
        }
    }
    Policy::from_toml(&text).unwrap()
}

#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    fields: u16,
    account: u8,
    amount: i64,
    outcome: u8,
    label: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0u8..4, any::<u16>(), 0u8..3, 0i64..1_000, 0u8..4, 0u8..6);
    let step = step.prop_map(|(kind, fields, account, amount, outcome, label)| Step {
        kind,
        fields,
        account,
        amount,
        outcome,
        label,
    });
    proptest::collection::vec(step, 1..60)
}

fn event(n: usize, step: &Step) -> Event {
    let kinds = ["login", "payment", "profile_change", "transfer"];
    let mut event = Event::of(kinds[usize::from(step.kind)], START + n as i64 * 7 * MINUTE).unwrap();
    event.set(Field::ID, n as i64).unwrap();
    let has = |bit: u16| step.fields >> bit & 1 == 1;
    event.set(Field::ACCOUNT, i64::from(step.account)).unwrap();
    event.set(Field::IP, ["10.0.0.1", "10.0.0.2"][usize::from(has(0))]).unwrap();
    if has(1) {
        event.set(Field::AMOUNT_MINOR, step.amount).unwrap();
    }
    if has(2) {
        event.set(Field::CHANNEL, ["web", "app"][usize::from(has(3))]).unwrap();
    }
    if has(4) {
        event.set(Field::DEVICE, i64::from(step.fields >> 12)).unwrap();
    }
    if has(5) {
        event.set(Field::RADIUS_KM, step.amount as f64 / 100.0).unwrap();
    }
    let rooted = event.schema().field("device.rooted").unwrap();
    if has(6) {
        event.set(rooted, has(7)).unwrap();
    }
    if has(8) {
        event.set(Field::BILLING_ADDRESS, "1-1").unwrap();
        event.set(Field::SHIPPING_ADDRESS, ["1-1", "2-2"][usize::from(has(9))]).unwrap();
    }
    if has(10) {
        event.set(Field::OUTCOME, ["approved", "failed"][usize::from(has(11))]).unwrap();
    }
    event
}

fn happen(engine: &Engine, n: usize, step: &Step) {
    let event = event(n, step);
    engine.assess(&event).unwrap();
    match step.outcome {
        0 => drop(engine.resolve(&event, Outcome::Failed).unwrap()),
        1 => drop(engine.resolve(&event, Outcome::Approved).unwrap()),
        _ => {}
    }
    let time = START + n as i64 * 7 * MINUTE;
    match step.label {
        0 => drop(engine.label(&event, Label::Fraud, time).unwrap()),
        1 => drop(engine.label(&event, Label::Fraud, time + 60 * MINUTE).unwrap()),
        2 => drop(engine.label(&event, Label::Genuine, time).unwrap()),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Features that come with a swap say what they would have said had they been there from the start.
    #[test]
    fn a_new_feature_over_remembered_fields_is_warm_at_once(
        before in steps(),
        after in steps(),
        cut in 0usize..12,
    ) {
        // Text is compared whole where it is remembered; "call centre" is kept as a hash and a condition has it
        // as a literal.
        let whole = Engine::new(policy(&CONDITIONS), key());
        let swapped = Engine::new(policy(&CONDITIONS[..cut]), key());
        for (n, step) in before.iter().enumerate() {
            happen(&whole, n, step);
            happen(&swapped, n, step);
        }
        let report = swapped.swap(policy(&CONDITIONS)).unwrap();
        prop_assert_eq!(&report.cold, &Vec::<String>::new());
        prop_assert_eq!(&report.partly_warm, &Vec::new());
        prop_assert_eq!(report.warm.len(), 2 + 8 * CONDITIONS.len());
        let (mut ours, mut theirs) = (Decision::detailed(), Decision::detailed());
        for (n, step) in before.iter().chain(&after).enumerate().skip(before.len()) {
            let event = event(n, step);
            swapped.score_into(&event, &mut ours).unwrap();
            whole.score_into(&event, &mut theirs).unwrap();
            for place in 0..2 + 8 * CONDITIONS.len() {
                prop_assert_eq!(ours.feature_bits(place), theirs.feature_bits(place), "feature {}", place);
            }
            happen(&whole, n, step);
            happen(&swapped, n, step);
        }
    }
}

#[test]
fn the_report_tells_warm_from_partly_warm_from_cold() {
    let text = |over: &str, condition: &str| {
        format!(
            "[policy]\nname = \"swaps\"\nversion = \"1\"\ncurrency = \"JPY\"\nremember = [\"channel\"]\n\
             [decision]\nbands = [{{ from = 0, action = \"allow\" }}]\n\
             [[feature]]\nname = \"kept\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"7d\"\n\
             [[feature]]\nname = \"other\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"{over}\"\nwhere = '{condition}'\n"
        )
    };
    let engine = |condition: &str| {
        let engine = Engine::new(Policy::from_toml(&text("1d", condition)).unwrap(), key());
        engine.advance(START).unwrap();
        engine
    };
    let swap = |over: &str, condition: &str| {
        engine(r#"channel == "web""#).swap(Policy::from_toml(&text(over, condition)).unwrap()).unwrap()
    };
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(swap("7d", r#"channel == "app""#).warm, all(&["kept", "other"]));
    let partly = swap("30d", r#"channel == "app""#);
    // Seven days and a day for late events were kept.
    assert_eq!(partly.partly_warm, [("other".to_owned(), START - 8 * 24 * 60 * MINUTE)]);
    let cold = swap("7d", r#"country == "JP""#);
    assert_eq!((cold.warm, cold.cold), (all(&["kept"]), all(&["other"])));
    // What was cold is partly warm from then on, until its window is full.
    let engine = engine(r#"channel == "web""#);
    let abroad = || Policy::from_toml(&text("7d", r#"country == "JP""#)).unwrap();
    assert_eq!(engine.swap(abroad()).unwrap().cold, all(&["other"]));
    assert_eq!(engine.swap(abroad()).unwrap().partly_warm, [("other".to_owned(), START)]);
    engine.advance(START + 7 * 24 * 60 * MINUTE).unwrap();
    assert_eq!(engine.swap(abroad()).unwrap().warm, all(&["kept", "other"]));
    let cold = swap("7d", r#"channel.startsWith("we")"#);
    assert_eq!(cold.cold, all(&["other"]), "parts of a text are not remembered");
}

#[test]
fn what_was_partly_warm_stays_so_until_its_window_is_full() {
    let text = |over: &str| {
        format!(
            "[policy]\nname = \"swaps\"\nversion = \"1\"\ncurrency = \"JPY\"\n\
             [decision]\nbands = [{{ from = 0, action = \"allow\" }}]\n\
             [[feature]]\nname = \"count\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"{over}\"\n"
        )
    };
    let policy = |over: &str| Policy::from_toml(&text(over)).unwrap();
    let day = 24 * 60 * MINUTE;
    let engine = Engine::new(policy("1d"), key());
    engine.advance(START).unwrap();
    let since = START - 2 * day;
    assert_eq!(engine.swap(policy("7d")).unwrap().partly_warm, [("count".to_owned(), since)]);
    assert_eq!(engine.swap(policy("7d")).unwrap().partly_warm, [("count".to_owned(), since)]);
    let mut bytes = Vec::new();
    let sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), std::convert::Infallible>(())
    };
    engine.snapshot(sink).unwrap();
    let restored = Engine::restore(policy("7d"), key(), &*bytes).unwrap();
    assert_eq!(restored.swap(policy("7d")).unwrap().partly_warm, [("count".to_owned(), since)]);
    engine.advance(START + 5 * day).unwrap();
    assert_eq!(engine.swap(policy("7d")).unwrap().warm, ["count"]);
}

/// A policy that keeps little of an account becomes one that keeps much: a heavy account still has room, and whoever was
/// there before is found.
#[test]
fn a_heavy_entity_has_room_after_a_swap_to_a_policy_that_keeps_more() {
    let text = |events: usize, more: usize| {
        let attributes = (0..24).map(|n| format!("[[attribute]]\nname = \"x{n}\"\ntype = \"integer\"\n"));
        let features = (0..more).map(|n| {
            format!(
                "[[feature]]\nname = \"d{n}\"\naggregate = \"distinct\"\nof = \"x{n}\"\nby = [\"account\"]\nover = \"30d\"\n"
            )
        });
        format!(
            "[policy]\nname = \"swaps\"\nversion = \"1\"\ncurrency = \"JPY\"\nevents = {events}\n\
             [decision]\nbands = [{{ from = 0, action = \"allow\" }}]\n{}\
             [[feature]]\nname = \"count\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"30d\"\n{}",
            attributes.collect::<String>(),
            features.collect::<String>(),
        )
    };
    let policy = |events: usize, more: usize| Policy::from_toml(&text(events, more)).unwrap();
    let engine = Engine::builder(policy(16, 0), key()).memory(64 << 20).build().unwrap();
    let event = |account: &str, n: i64| {
        let mut event = engine.event();
        event.set(Field::TYPE, "payment").unwrap();
        event.set(Field::TIME, START + n * 1_000).unwrap();
        event.set(Field::ID, n).unwrap();
        event.set(Field::ACCOUNT, account).unwrap();
        for x in 0..24 {
            let field = event.schema().field(&format!("x{x}")).unwrap();
            event.set(field, n * 31 + x).unwrap();
        }
        event
    };
    let count = |account: &str, n: i64| {
        let mut decision = Decision::detailed();
        engine.score_into(&event(account, n), &mut decision).unwrap();
        decision.feature_bits(0)
    };
    for n in 0..200 {
        engine.record(&event(&format!("a{n}"), n)).unwrap();
    }
    engine.swap(policy(4096, 24)).unwrap();
    let statistics = engine.statistics().remove(0);
    assert_eq!((statistics.entities, statistics.events), (200, 200));
    for n in 0..200 {
        assert_eq!(count(&format!("a{n}"), 1_000), Some(1), "account {n}");
    }
    for n in 1_000..6_000 {
        engine.record(&event("heavy", n)).unwrap();
    }
    assert_eq!(count("heavy", 6_000), Some(5_000));
}
