//! Limits through the C ABI: what is left, and what is not known.

mod common;

use std::mem::MaybeUninit;

use common::*;
use sekisho_ffi::{sekisho_status as status, *};

const LIMITS: &str = r#"
[policy]
name = "limits"
version = "1"
currency = "JPY"
time_zone = "Asia/Tokyo"

[[limit]]
name = "daily"
by = ["account"]
over = "day"
where = 'type == "top_up"'
amount = 50000

[[limit]]
name = "often"
by = ["account"]
over = "1h"
where = 'type == "top_up"'
count = 1
mode = "shadow"

[decision]
bands = [{ from = 0, action = "allow" }]
"#;

fn fill(event: &mut sekisho_event, n: i64, kind: &str, amount: Option<i64>) {
    assert_eq!(sekisho_event_clear(Some(event)), status::Ok);
    for (field, text) in [(sekisho_field::Type, kind), (sekisho_field::Account, "a-1")] {
        assert_eq!(set(event, field as u16, text.as_bytes()), status::Ok);
    }
    let numbers = [(sekisho_field::Time, Some(NOON + n)), (sekisho_field::AmountMinor, amount)];
    for (field, number) in numbers {
        let set = |number| sekisho_event_set_integer(Some(&mut *event), field as u16, number);
        assert_eq!(number.map_or(status::Ok, set), status::Ok);
    }
}

/// Name, and whether it is exceeded, approximate and live.
fn limit(decision: &sekisho_decision, index: usize) -> (String, [bool; 3]) {
    let [mut exceeded, mut approximate, mut live] = [MaybeUninit::uninit(); 3];
    let name = lent(|text, length| {
        let (exceeded, approximate, live) = (Some(&mut exceeded), Some(&mut approximate), Some(&mut live));
        sekisho_decision_limit(Some(decision), index, text, length, exceeded, approximate, live)
    });
    // SAFETY: success writes the flags.
    (name, [exceeded, approximate, live].map(|flag| unsafe { flag.assume_init() }))
}

fn amounts(decision: &sekisho_decision, index: usize) -> [Result<i64, status>; 4] {
    let decision = Some(decision);
    [
        written(|place| sekisho_decision_limit_amounts(decision, index, place, None, None, None)),
        written(|place| sekisho_decision_limit_amounts(decision, index, None, place, None, None)),
        written(|place| sekisho_decision_limit_amounts(decision, index, None, None, place, None)),
        written(|place| sekisho_decision_limit_amounts(decision, index, None, None, None, place)),
    ]
}

#[test]
fn what_is_left_is_told_and_what_is_not_known_is_not() {
    let mut world = World::of(LIMITS);
    for n in 0..2 {
        fill(&mut world.event, n, "top_up", Some(30_000));
        assert_eq!(world.assess(), status::Ok, "{}", message(&world.event));
    }
    let decision = &*world.decision;
    assert_eq!(sekisho_decision_limit_count(Some(decision)), 2);
    assert_eq!(limit(decision, 0), ("daily".to_owned(), [true, false, true]));
    assert_eq!(limit(decision, 1), ("often".to_owned(), [true, false, false]));
    assert_eq!(amounts(decision, 0), [Ok(50_000), Ok(30_000), Ok(20_000), Ok(30_000)]);
    assert_eq!(amounts(decision, 1), [Ok(1), Ok(1), Ok(0), Ok(1)]);
    assert_eq!(sekisho_decision_action(Some(decision)), sekisho_action::Deny);
    assert_eq!(sekisho_decision_obligations(Some(decision)), sekisho_obligation::Limit as u32);
    let beyond = sekisho_decision_limit_amounts(Some(decision), 2, None, None, None, None);
    assert_eq!(beyond, status::NotFound);

    // Without an amount nothing is written but what is known.
    fill(&mut world.event, 2, "top_up", None);
    assert_eq!(world.assess(), status::Ok);
    let decision = &*world.decision;
    assert_eq!(amounts(decision, 0), [Ok(50_000), Ok(60_000), Ok(0), Err(status::Missing)]);
    let mut used = MaybeUninit::new(-7);
    let mut asked = MaybeUninit::new(-7);
    let found =
        sekisho_decision_limit_amounts(Some(decision), 0, None, Some(&mut used), None, Some(&mut asked));
    // SAFETY: both were written when they were made.
    assert_eq!((found, unsafe { [used.assume_init(), asked.assume_init()] }), (status::Missing, [-7, -7]));

    fill(&mut world.event, 3, "login", None);
    assert_eq!(world.assess(), status::Ok);
    assert_eq!(sekisho_decision_limit_count(Some(&world.decision)), 0);
}
