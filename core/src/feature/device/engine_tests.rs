//! Device matches of an engine, against all events looked through one by one.

use std::ops::Range;

use proptest::prelude::*;

use super::attributes::*;
use super::inconsistencies::is_handheld;
use super::likeness::*;
use super::reference::{self, Outcome};
use super::version;
use crate::event::time::DAY;
use crate::event::{Event, Field, HashKey};
use crate::{Decision, Engine, Policy, Value};

const NOW: i64 = 1_793_581_200_000;

const POLICY: &str = r#"
[policy]
name = "devices"
version = "1"
currency = "JPY"
lateness = "30d"

[[feature]]
name = "bits"
aggregate = "device_match"
of = "bits"
by = ["account"]
over = "60d"
where = 'type == "login" && outcome == "succeeded"'

[[feature]]
name = "percent"
aggregate = "device_match"
by = ["account"]
over = "60d"
where = 'type == "login" && outcome == "succeeded"'

[[feature]]
name = "state"
aggregate = "device_match"
of = "state"
by = ["account"]
over = "60d"
where = 'type == "login" && outcome == "succeeded"'

[[feature]]
name = "contradictions"
aggregate = "device_match"
of = "contradictions"
by = ["account"]
over = "60d"
where = 'type == "login" && outcome == "succeeded"'

[decision]
bands = [{ from = 0, action = "allow" }]
"#;

fn engine(events: usize) -> Engine {
    let text = POLICY.replace("lateness", &format!("events = {events}\nlateness"));
    let policy = Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    Engine::new(policy, HashKey::new(1, *b"32 secret bytes of the host ...."))
}

/// What one login shows: of each attribute none, or one of a few values.
type Shown = Vec<u8>;

#[derive(Clone, Debug)]
struct Login {
    account: u8,
    time: i64,
    succeeded: bool,
    shown: Shown,
}

fn event(number: usize, login: &Login) -> Event {
    let mut event = Event::of("login", login.time).unwrap();
    let mut set = |field: Field, text: String| event.set_parsed(field, &text).unwrap();
    set(Field::ID, format!("e-{number}"));
    set(Field::ACCOUNT, format!("a-{}", login.account));
    set(Field::OUTCOME, if login.succeeded { "succeeded" } else { "failed" }.to_owned());
    for (attribute, shown) in TABLE.iter().zip(&login.shown) {
        if let Some(value) = shown.checked_sub(1) {
            let text = match (attribute.field, attribute.ordered) {
                (_, true) => format!("{}.{}", 10 + value / 2, value % 2),
                (Field::BROWSER_PLATFORM | Field::DEVICE_PLATFORM, _) => {
                    ["Windows", "iOS", "Linux", "Android"][usize::from(value)].to_owned()
                }
                (Field::BROWSER_TIME_ZONE_OFFSET_MINUTES, _) => format!("{}", i32::from(value) - 2),
                // Some are numbers, some texts longer than what is kept whole.
                _ if matches!(attribute.name, "canvas" | "user agent" | "fonts") => {
                    format!("a longer value {value}")
                }
                _ => format!("{value}"),
            };
            set(attribute.field, text);
        }
    }
    event
}

/// Over a list of all earlier logins, in the order of their arrival.
fn naive(earlier: &[Login], login: &Login, event: &Event) -> (Option<Likeness>, bool) {
    let mut seen: Vec<&Login> = earlier
        .iter()
        .filter(|known| known.succeeded && known.time <= login.time && known.time > login.time - 60 * DAY)
        .collect();
    seen.sort_by_key(|known| known.time);
    let frequencies: Frequencies = std::array::from_fn(|at| {
        let value = login.shown[at];
        let same = seen.iter().filter(|known| known.shown[at] == value).count();
        (value > 0).then(|| frequency(&TABLE[at], same as u64, seen.len() as u64))
    });
    let mut ways: Vec<Sighting> = Vec::new();
    for known in seen.iter().rev().filter(|known| known.account == login.account) {
        let pattern = Pattern::new(|at, attribute| {
            let word = |login: &Login| {
                (login.shown[at] > 0).then(|| match attribute.ordered {
                    true => version::word(&format!(
                        "{}.{}",
                        10 + (login.shown[at] - 1) / 2,
                        (login.shown[at] - 1) % 2
                    ))
                    .unwrap(),
                    false => u64::from(login.shown[at]),
                })
            };
            Outcome::of(attribute, word(known), word(login))
        });
        if pattern != Pattern::default() && ways.iter().all(|way| way.pattern != pattern) {
            ways.push(Sighting { age: login.time - known.time, pattern });
        }
    }
    // Of too many, those that agree most, and then the newest; of those that are equally like, the newest counts.
    let mut order: Vec<usize> = (0..ways.len()).collect();
    order.sort_by_key(|way| (std::cmp::Reverse(ways[*way].pattern.agreement()), *way));
    order.truncate(8);
    order.sort_unstable();
    let ways: Vec<Sighting> = order.into_iter().map(|way| ways[way]).collect();
    let shows = login.shown.iter().any(|value| *value > 0);
    (reference::likeness(&ways, &frequencies, is_handheld(event)), shows)
}

fn found(engine: &Engine, event: &Event) -> Vec<Value> {
    let mut decision = Decision::detailed();
    engine.score_into(event, &mut decision).unwrap();
    let values = decision.features().map(|feature| feature.value().clone()).collect();
    assert!(decision.features().all(|feature| !feature.is_approximate()));
    values
}

fn expected((likeness, shows): (Option<Likeness>, bool)) -> Vec<Value> {
    let number =
        |of: fn(&Likeness) -> f64| likeness.as_ref().map_or(Value::Missing, |known| Value::Number(of(known)));
    let state = likeness.map_or(0, |known| known.state as i64);
    let contradictions = likeness.map_or(0, |known| i64::from(known.contradictions.count_ones()));
    let integer = |value| if shows { Value::Integer(value) } else { Value::Missing };
    vec![number(|known| known.bits), number(|known| known.percent), integer(state), integer(contradictions)]
}

prop_compose! {
    /// Logins of two accounts on a handful of devices, each of which changes a little now and then.
    fn logins(accounts: u8, count: Range<usize>)(
        devices in proptest::collection::vec(proptest::collection::vec(0u8..4, ATTRIBUTES), 4),
        steps in proptest::collection::vec(
            (
                0..accounts,
                0usize..4,
                0i64..90,
                any::<bool>(),
                proptest::collection::vec((0..ATTRIBUTES, 0u8..5), 0..4),
            ),
            count,
        ),
    ) -> Vec<Login> {
        steps.into_iter().map(|(account, device, day, often, changes)| {
            let mut shown = devices[device].clone();
            for (at, value) in changes {
                shown[at] = value;
            }
            Login { account, time: NOW + day * DAY, succeeded: often || day % 3 > 0, shown }
        }).collect()
    }
}

/// Days come in any order: clocks run backwards, and events arrive late.
fn check(logins: &[Login], every: usize) -> Result<(), TestCaseError> {
    let engine = engine(256);
    let mut recorded: Vec<Login> = Vec::new();
    let mut latest = 0;
    for (number, login) in logins.iter().enumerate() {
        latest = latest.max(login.time);
        // What is late by more is refused.
        if login.time <= latest - 30 * DAY {
            continue;
        }
        engine.advance(latest).unwrap();
        let event = event(number, login);
        if number % every == 0 {
            let expected = expected(naive(&recorded, login, &event));
            prop_assert_eq!(found(&engine, &event), expected, "login {}", number);
        }
        engine.record(&event).unwrap();
        recorded.push(login.clone());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_device_match_is_that_of_all_events(logins in logins(2, 1..60)) {
        check(&logins, 1)?;
    }

    /// Of one account, so that its history is several words long.
    #[test]
    fn so_is_that_of_many_events(logins in logins(1, 100..250)) {
        check(&logins, 7)?;
    }
}
