//! The order of events: to the millisecond, with more events than a history holds, and when policies change.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;

use common::{DAY, HEAD, HOUR, MINUTE, NOW, SECOND, key, payment, policy, scored, value};
use sekisho::{Engine, Event, Field, Label, Outcome, Policy, Value};

const CODES: &str = r#"
[[feature]]
name = "code_age"
aggregate = "age"
by = ["code"]
where = 'type == "code_issue"'

[[feature]]
name = "newer_codes"
aggregate = "count"
by = ["account"]
where = 'type == "code_issue"'
after = 'type == "code_issue"'
after_same = ["code"]

[[feature]]
name = "run"
aggregate = "count"
by = ["account"]
over = "1h"
where = 'outcome == "failed"'
reset = 'outcome == "succeeded"'

[[feature]]
name = "run_with_this"
aggregate = "count"
by = ["account"]
over = "1h"
where = 'outcome == "failed"'
reset = 'outcome == "succeeded"'
include_current = true

[[feature]]
name = "since_issue"
aggregate = "since"
by = ["account"]
over = "1h"
where = 'type == "login"'
after = 'type == "code_issue"'

[[feature]]
name = "steps"
aggregate = "sequence"
by = ["account"]
over = "10m"
steps = ['type == "login"', 'type == "profile_change"', 'type == "transfer"']

[[feature]]
name = "steps_with_this"
aggregate = "sequence"
by = ["account"]
over = "10m"
steps = ['type == "login"', 'type == "profile_change"', 'type == "transfer"']
include_current = true

[[feature]]
name = "signs"
aggregate = "occurred"
by = ["account"]
over = "10m"
steps = ['type == "login"', 'type == "profile_change"', 'type == "transfer"', 'outcome == "failed"']
"#;

fn of(kind: &str, time: i64) -> Event {
    Event::of(kind, time).unwrap().with("account", "a").unwrap()
}

fn ended(kind: &str, time: i64, outcome: &str) -> Event {
    of(kind, time).with("outcome", outcome).unwrap()
}

fn code(kind: &str, time: i64, code: &str) -> Event {
    of(kind, time).with("code", code).unwrap()
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        other => panic!("{other:?}"),
    }
}

/// The values of features of all events, which happen in this order.
fn told(events: &[Event], last: &Event, names: &[&str]) -> Vec<Value> {
    let engine = Engine::new(policy(CODES), key());
    for event in events {
        engine.advance(event.integer(Field::TIME).unwrap()).unwrap();
        assert!(engine.record(event).unwrap());
    }
    engine.advance(last.integer(Field::TIME).unwrap()).unwrap();
    names.iter().map(|name| value(&engine, last, name)).collect()
}

#[test]
fn a_code_ages_from_its_issue_to_the_millisecond() {
    let issued = [code("code_issue", NOW, "q-1"), code("code_present", NOW + MINUTE, "q-1")];
    for age in [0, 1, 5 * MINUTE - 1, 5 * MINUTE, 5 * MINUTE + 1, 400 * DAY] {
        let found = told(&issued[..1], &code("code_present", NOW + age, "q-1"), &["code_age"]);
        assert_eq!(found, [Value::Duration(age)]);
    }
    let presented = told(&issued, &code("code_present", NOW + 2 * MINUTE, "q-1"), &["code_age"]);
    assert_eq!(presented, [Value::Duration(2 * MINUTE)]);
    assert_eq!(told(&issued, &code("code_present", NOW + HOUR, "q-2"), &["code_age"]), [Value::Missing]);
    assert_eq!(
        told(&issued, &of("login", NOW + HOUR), &["code_age", "newer_codes"]),
        [Value::Missing, Value::Missing]
    );
}

#[test]
fn a_code_is_superseded_by_those_issued_after_it() {
    let codes = [
        code("code_issue", NOW, "q-1"),
        of("login", NOW),
        // At the same time, but it came later.
        code("code_issue", NOW, "q-2"),
        code("code_issue", NOW + 40 * DAY, "q-3"),
    ];
    for (name, newer) in [("q-1", 2), ("q-2", 1), ("q-3", 0), ("never issued", 0)] {
        let found = told(&codes, &code("code_present", NOW + 41 * DAY, name), &["newer_codes"]);
        assert_eq!(found, [Value::Integer(newer)], "{name}");
    }
    // Issued once more, the first is the newest.
    let mut again = codes.to_vec();
    again.push(code("code_issue", NOW + 41 * DAY, "q-1"));
    let found = told(&again, &code("code_present", NOW + 42 * DAY, "q-1"), &["newer_codes"]);
    assert_eq!(found, [Value::Integer(0)]);
}

#[test]
fn a_run_ends_with_its_reset() {
    let failed = |after: i64| ended("login", NOW + after, "failed");
    let succeeded = |after: i64| ended("login", NOW + after, "succeeded");
    let names = ["run", "run_with_this"];
    let run = |events: &[Event], last: &Event| told(events, last, &names);
    let counts = |run: i64, with_this: i64| vec![Value::Integer(run), Value::Integer(with_this)];
    let events = [failed(0), failed(1), failed(2)];
    assert_eq!(run(&events, &failed(3)), counts(3, 4));
    assert_eq!(run(&events, &succeeded(3)), counts(3, 0), "the event itself ends the run");
    assert_eq!(run(&events, &of("login", NOW + 3)), counts(3, 3));
    // In the order of arrival when times are equal.
    assert_eq!(run(&[failed(0), succeeded(0), failed(0)], &failed(0)), counts(1, 2));
    assert_eq!(run(&[failed(0), failed(0), succeeded(0)], &failed(0)), counts(0, 1));
    // A success that arrives late takes its place.
    assert_eq!(run(&[failed(0), failed(10), succeeded(5)], &failed(20)), counts(1, 2));
    // The window ends the run as well.
    assert_eq!(run(&events, &failed(HOUR)), counts(2, 3));
    // A reset before the window changes nothing, an `after` before it lets all count.
    assert_eq!(run(&[succeeded(0), failed(1)], &failed(HOUR)), counts(1, 2));
    let issue = |after: i64| code("code_issue", NOW + after, "q-1");
    let since = |events: &[Event], after: i64| told(events, &of("login", NOW + after), &["since_issue"]);
    assert_eq!(since(&[issue(0), failed(30 * DAY)], 30 * DAY + 1), [Value::Duration(1)]);
    assert_eq!(since(&[issue(0), failed(0)], 7), [Value::Duration(7)]);
    assert_eq!(since(&[failed(0), issue(0)], 7), [Value::Missing]);
    assert_eq!(since(&[failed(0)], 7), [Value::Missing]);
}

#[test]
fn steps_are_taken_within_the_window_in_their_order() {
    let names = ["steps", "steps_with_this", "signs"];
    let found = |events: &[(&str, i64)], last: (&str, i64)| {
        let events: Vec<Event> = events.iter().map(|(kind, after)| of(kind, NOW + after)).collect();
        let values = told(&events, &of(last.0, NOW + last.1), &names);
        values.iter().map(integer).collect::<Vec<_>>()
    };
    let (login, change, transfer) = ("login", "profile_change", "transfer");
    let two = [(login, 0), (change, MINUTE)];
    assert_eq!(found(&two, (transfer, 2 * MINUTE)), [2, 3, 2]);
    assert_eq!(found(&two, (login, 2 * MINUTE)), [2, 2, 2]);
    // To the millisecond: the login is in the window, and then it is not.
    assert_eq!(found(&two, (transfer, 10 * MINUTE - 1)), [2, 3, 2]);
    assert_eq!(found(&two, (transfer, 10 * MINUTE)), [0, 0, 1]);
    // Another login before the change is a way in again.
    let again = [(login, 0), (login, 1), (change, MINUTE)];
    assert_eq!(found(&again, (transfer, 10 * MINUTE)), [2, 3, 2]);
    assert_eq!(found(&[(change, 0), (login, 0)], (transfer, 0)), [1, 1, 2]);
    assert_eq!(found(&[(login, 0), (change, 0)], (transfer, 0)), [2, 3, 2]);
    assert_eq!(found(&[(transfer, 0), (change, 0)], (login, 0)), [0, 1, 2]);
    // What came late stands in its place.
    assert_eq!(found(&[(change, 5), (login, 4)], (transfer, 6)), [2, 3, 2]);
}

/// A condition over what is learnt later marks an event when that is learnt, whether it is still here or summed up.
#[test]
fn what_is_learnt_later_resets_a_run() {
    let text = format!(
        "{}events = 4\n[[feature]]\nname = \"run\"\naggregate = \"count\"\nby = [\"merchant\"]\nover = \"100d\"\n\
         reset = 'label == \"fraud\"'\n[[feature]]\nname = \"own\"\naggregate = \"count\"\nby = [\"account\"]\n{}",
        HEAD,
        common::BANDS
    );
    let engine = Engine::new(Policy::from_toml(&text).unwrap(), key());
    let event = |n: i64| {
        let event = payment(NOW + n * 10 * DAY, &format!("a-{n}")).with("merchant", "m").unwrap();
        event.with("id", n).unwrap()
    };
    for n in 0..8 {
        engine.advance(NOW + n * 10 * DAY).unwrap();
        engine.record(&event(n)).unwrap();
    }
    engine.advance(NOW + 80 * DAY).unwrap();
    assert_eq!(value(&engine, &event(8), "run"), Value::Integer(8));
    // Its account knows the event that the merchant has summed up.
    assert!(engine.label(&event(2), Label::Fraud, NOW + 70 * DAY).unwrap());
    let decision = scored(&engine, &event(8));
    // The pane of the marker itself counts.
    assert_eq!(decision.features().next().unwrap().value(), &Value::Integer(6));
    assert!(decision.features().next().unwrap().is_approximate());
    assert!(engine.label(&event(5), Label::Fraud, NOW + 70 * DAY).unwrap());
    let decision = scored(&engine, &event(8));
    assert_eq!(decision.features().next().unwrap().value(), &Value::Integer(2));
    assert!(!decision.features().next().unwrap().is_approximate(), "all after the marker is here");
}

/// Nobody gets out of a sequence by a flood of harmless events.
#[test]
fn steps_are_known_behind_a_flood() {
    let engine = Engine::new(policy(CODES), key());
    let noise = |from: i64| {
        for n in 0..600 {
            engine.record(&of("payment", NOW + from + n * 100)).unwrap();
        }
    };
    engine.record(&of("login", NOW)).unwrap();
    noise(1);
    engine.record(&of("profile_change", NOW + MINUTE + 10 * SECOND)).unwrap();
    noise(2 * MINUTE);
    let transfer = of("transfer", NOW + 10 * MINUTE - 1);
    let decision = scored(&engine, &transfer);
    let feature = |name: &str| decision.features().find(|feature| feature.name() == name).unwrap();
    assert_eq!(feature("steps_with_this").value(), &Value::Integer(3));
    assert!(feature("steps_with_this").is_approximate());
    assert_eq!(feature("signs").value(), &Value::Integer(2));
    assert_eq!(value(&engine, &of("transfer", NOW + 10 * MINUTE), "steps_with_this"), Value::Integer(0));
}

#[test]
fn the_age_of_what_is_summed_up_is_exact() {
    let engine = Engine::new(policy(CODES), key());
    engine.record(&code("code_issue", NOW + 17, "q-1")).unwrap();
    for n in 0..1_000 {
        engine.record(&code("code_present", NOW + 100 + n, "q-1")).unwrap();
    }
    let found = value(&engine, &code("code_present", NOW + 300_017, "q-1"), "code_age");
    assert_eq!(found, Value::Duration(5 * MINUTE));
}

#[test]
fn a_marker_is_as_warm_as_its_condition() {
    let text = |reset: &str, key: &str| {
        policy(&format!(
            "[[feature]]\nname = \"all\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"7d\"\nwhere = 'channel == \"web\"'\n\
             [[feature]]\nname = \"run\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"1d\"\n{key} = '{reset}'\n\
             [[feature]]\nname = \"steps\"\naggregate = \"occurred\"\nby = [\"account\"]\nover = \"1d\"\n\
             steps = ['channel == \"web\"', '{reset}']\n"
        ))
    };
    let engine = Engine::new(text("channel == \"web\"", "reset"), key());
    engine.record(&of("login", NOW)).unwrap();
    let cold = engine.swap(text("country == \"JP\"", "reset")).unwrap();
    assert_eq!((cold.warm, cold.cold), (vec!["all".to_owned()], vec!["run".to_owned(), "steps".to_owned()]));
    let again = engine.swap(text("country == \"JP\"", "reset")).unwrap();
    let names: Vec<&str> = again.partly_warm.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["run", "steps"]);
    engine.advance(NOW + 20 * DAY).unwrap();
    assert_eq!(engine.swap(text("country == \"JP\"", "reset")).unwrap().warm.len(), 3);
    // What has to have happened may have happened before all that is remembered.
    let after = engine.swap(text("channel == \"web\"", "after")).unwrap();
    let names: Vec<&str> = after.partly_warm.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["run"]);
}

#[test]
fn outcomes_are_markers_when_they_are_learnt() {
    let engine = Engine::new(policy(CODES), key());
    let event = |n: i64| of("login", NOW + n).with("id", n).unwrap();
    for n in 0..3 {
        engine.record(&event(n)).unwrap();
        engine.resolve(&event(n), Outcome::Failed).unwrap();
    }
    assert_eq!(value(&engine, &event(9), "run"), Value::Integer(3));
    engine.resolve(&event(1), Outcome::Succeeded).unwrap();
    assert_eq!(value(&engine, &event(9), "run"), Value::Integer(1));
    engine.resolve(&event(2), Outcome::Succeeded).unwrap();
    assert_eq!(value(&engine, &event(9), "run"), Value::Integer(0));
}
