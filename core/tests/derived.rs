//! Features that join others, histories of attributes and of all events, and the login score that is made of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use std::collections::BTreeSet;

use common::{DAY, HEAD, MINUTE, NOW, features, key, payment, policy, scored, value};
use proptest::prelude::*;
use sekisho::{Decision, Engine, Event, Policy, Value};

const DERIVED: &str = r#"
[[feature]]
name = "payments"
aggregate = "count"
by = ["account"]
over = "1d"

[[feature]]
name = "highest"
aggregate = "max"
of = "amount_minor"
by = ["account"]
over = "30d"

[[feature]]
name = "of_category"
aggregate = "count"
by = ["mcc"]
over = "1d"

[[feature]]
name = "of_all"
aggregate = "count"
by = ["population"]
over = "1d"

[[feature]]
name = "amount_by_highest"
expression = 'double(amount_minor) / double(highest)'

[[feature]]
name = "share_of_category"
expression = 'double(of_category) / double(of_all)'

[[feature]]
name = "unusual"
expression = 'amount_by_highest > 2.0 || payments == 0'

[[feature]]
name = "minutes"
expression = 'time - timestamp("2026-01-01T00:00:00Z")'
"#;

fn spent(time: i64, account: &str, amount: i64, mcc: &str) -> Event {
    payment(time, account).with("amount_minor", amount).unwrap().with("mcc", mcc).unwrap()
}

#[test]
fn expressions_join_features_and_fields() {
    let engine = Engine::new(policy(DERIVED), key());
    let first = spent(NOW, "a", 300, "5411");
    assert_eq!(value(&engine, &first, "amount_by_highest"), Value::Missing);
    // Nothing by nothing is no number.
    assert_eq!(value(&engine, &first, "share_of_category"), Value::Missing);
    assert_eq!(value(&engine, &first, "unusual"), Value::Boolean(true));
    assert_eq!(value(&engine, &first, "minutes"), Value::Duration(0));
    for (minute, account, mcc) in [(0, "a", "5411"), (1, "b", "5411"), (2, "c", "7995"), (3, "d", "5411")] {
        engine.record(&spent(NOW + minute * MINUTE, account, 300, mcc)).unwrap();
    }
    let next = spent(NOW + 9 * MINUTE, "a", 750, "5411");
    assert_eq!(value(&engine, &next, "amount_by_highest"), Value::Number(2.5));
    assert_eq!(value(&engine, &next, "share_of_category"), Value::Number(0.75));
    assert_eq!(value(&engine, &next, "unusual"), Value::Boolean(true));
    assert_eq!(value(&engine, &next, "minutes"), Value::Duration(9 * MINUTE));
    let small = spent(NOW + 9 * MINUTE, "a", 600, "7995");
    assert_eq!(value(&engine, &small, "share_of_category"), Value::Number(0.25));
    assert_eq!(value(&engine, &small, "unusual"), Value::Boolean(false));
}

#[test]
fn an_expression_is_as_exact_as_what_it_reads() {
    let engine =
        Engine::new(Policy::from_toml(&with_events(DERIVED, 4)).unwrap_or_else(|e| panic!("{e}")), key());
    for minute in 0..20 {
        engine.record(&spent(NOW + minute * MINUTE, "a", 300, "5411")).unwrap();
    }
    let decision = scored(&engine, &spent(NOW + 21 * MINUTE, "a", 300, "5411"));
    let approximate: Vec<String> = features(&decision)
        .into_iter()
        .filter_map(|(name, _, approximate)| approximate.then_some(name))
        .collect();
    assert!(approximate.contains(&"share_of_category".to_owned()), "{approximate:?}");
    assert!(!approximate.contains(&"minutes".to_owned()), "{approximate:?}");
}

#[test]
fn records_replay_derived_features_and_show_no_attribute_as_an_identifier() {
    let policy = policy(DERIVED);
    let engine = Engine::new(policy.clone(), key());
    engine.record(&spent(NOW, "a", 300, "5411")).unwrap();
    let event = spent(NOW + MINUTE, "a", 900, "5411");
    let decision = scored(&engine, &event);
    let record = decision.record(&event).unwrap();
    let text = serde_json::to_value(&record).unwrap();
    let entities: Vec<&String> = text["entities"].as_object().unwrap().keys().collect();
    assert_eq!(entities, ["account"]);
    let again = record.replay(&policy).unwrap();
    assert_eq!(features(&again), features(&decision));
}

#[test]
fn derived_features_start_as_warm_as_what_they_read() {
    let before = policy(
        &DERIVED
            .replace("[[feature]]\nname = \"highest\"", "[[feature]]\nname = \"lowest\"")
            .replace("double(highest)", "double(lowest)"),
    );
    let engine = Engine::new(before, key());
    engine.record(&spent(NOW, "a", 300, "5411")).unwrap();
    let after = format!(
        "{DERIVED}\n[[feature]]\nname = \"terminals\"\naggregate = \"distinct\"\nof = \"terminal\"\nby = [\"account\"]\n\
         over = \"1d\"\n[[feature]]\nname = \"more\"\nexpression = \"terminals + payments\"\n"
    );
    let report = engine.swap(policy(&after)).unwrap();
    assert!(report.warm.contains(&"share_of_category".to_owned()), "{report:?}");
    assert!(report.warm.contains(&"amount_by_highest".to_owned()), "{report:?}");
    assert!(report.cold.contains(&"more".to_owned()), "{report:?}");
}

const LOGINS: &str = r#"
[[feature]]
name = "risk"
aggregate = "login_score"
by = ["account"]
where = 'type == "login" && outcome == "succeeded"'
"#;

/// Account, address, network, country, user agent, browser, platform, type, and whether it succeeded.
type Login = ([u8; 8], bool);

fn with_events(body: &str, events: usize) -> String {
    format!("{HEAD}events = {events}\n{body}{}", common::BANDS)
}

fn login(at: usize, (values, succeeded): &Login) -> Event {
    let [account, ip, asn, country, agent, browser, platform, kind] = *values;
    let countries = ["JP", "DE", "US"];
    let kinds = ["desktop", "mobile", "tablet"];
    Event::of("login", NOW + at as i64 * MINUTE)
        .and_then(|event| event.with("outcome", if *succeeded { "succeeded" } else { "failed" }))
        .and_then(|event| event.with("account", format!("a-{account}").as_str()))
        .and_then(|event| event.with("ip", format!("203.0.113.{ip}").as_str()))
        .and_then(|event| event.with("asn", format!("{}", 64_500 + u32::from(asn)).as_str()))
        .and_then(|event| event.with("country", countries[usize::from(country) % 3]))
        .and_then(|event| event.with("browser.user_agent", format!("agent {agent}").as_str()))
        .and_then(|event| event.with("browser.name", format!("browser {browser}").as_str()))
        .and_then(|event| event.with("device.platform", format!("platform {platform}").as_str()))
        .and_then(|event| event.with("device.type", kinds[usize::from(kind) % 3]))
        .unwrap()
}

/// The formula over a list of all earlier logins.
fn naive(earlier: &[&[u8; 8]], login: &[u8; 8]) -> Option<f64> {
    let own: Vec<_> = earlier.iter().filter(|known| known[0] == login[0]).collect();
    if own.is_empty() {
        return None;
    }
    let (all, mine) = (earlier.len() as f64, own.len() as f64);
    let users = earlier.iter().map(|known| known[0]).collect::<BTreeSet<_>>().len() as f64;
    let facets: [&[(usize, f64)]; 2] = [
        &[(1, 0.6), (2, 0.3), (3, 0.1)],
        &[
            (4, 0.5386653840551359),
            (5, 0.2680451498625666),
            (6, 0.18818295100109536),
            (7, 0.0051065150812021525),
        ],
    ];
    let mut score = (1.0 / users) / (mine / all);
    for facet in facets {
        let (mut common, mut usual) = (0.0, 0.0);
        for (level, (place, weight)) in facet.iter().enumerate() {
            let same = earlier.iter().filter(|known| known[*place] == login[*place]).count() as f64;
            usual += weight * own.iter().filter(|known| known[*place] == login[*place]).count() as f64 / mine;
            if level > 0 {
                common += weight * same / all;
                continue;
            }
            let different = |rows: &[&&[u8; 8]]| {
                let lower = facet.iter().skip(1);
                1.0 + lower
                    .map(|(place, _)| {
                        rows.iter().map(|row| row[*place]).collect::<BTreeSet<_>>().len() as f64
                    })
                    .sum::<f64>()
            };
            let rows: Vec<_> = earlier.iter().collect();
            let seen: Vec<_> = earlier.iter().filter(|known| known[*place] == login[*place]).collect();
            let unseen = different(&rows);
            let share =
                if same > 0.0 { same / all * (1.0 - unseen / (all + unseen)) } else { 1.0 / (all + unseen) };
            let trust = if same > 0.0 { same / (same + different(&seen)) } else { 1.0 };
            common += weight * trust * share;
        }
        score *= if usual == 0.0 { 4.0 } else { common / usual };
    }
    Some(score)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever a history holds exactly and whatever it has summed up.
    #[test]
    fn the_login_score_is_that_of_the_definition(
        logins in proptest::collection::vec(
            ((0u8..6, 0u8..12, 0u8..4, 0u8..3, 0u8..9, 0u8..5, 0u8..3, 0u8..3), any::<bool>()),
            1..120,
        ),
        events in prop_oneof![Just(3usize), Just(20), Just(256)],
    ) {
        let engine = Engine::new(Policy::from_toml(&with_events(LOGINS, events)).unwrap(), key());
        let mut earlier: Vec<[u8; 8]> = Vec::new();
        for (at, ((a, b, c, d, e, f, g, h), succeeded)) in logins.into_iter().enumerate() {
            let values = [a, b, c, d, e, f, g, h];
            let event = login(at, &(values, succeeded));
            let found = value(&engine, &event, "risk");
            let expected = naive(&earlier.iter().collect::<Vec<_>>(), &values);
            match (&found, expected) {
                (Value::Missing, None) => {}
                (Value::Number(found), Some(expected)) => {
                    prop_assert!((found - expected).abs() <= 1e-12 * expected, "{found} {expected} at {at}");
                }
                _ => prop_assert!(false, "{found:?} {expected:?} at {at}"),
            }
            engine.record(&event).unwrap();
            if succeeded {
                earlier.push(values);
            }
        }
    }
}

#[test]
fn a_login_without_some_levels_is_scored_by_the_others() {
    let engine = Engine::new(policy(LOGINS), key());
    for at in 0..10 {
        engine.record(&login(at, &([1, 1, 1, 1, 1, 1, 1, 1], true))).unwrap();
        engine.record(&login(at, &([2, 2, 2, 2, 2, 2, 2, 2], true))).unwrap();
    }
    let bare = |account: &str| {
        Event::of("login", NOW + DAY)
            .unwrap()
            .with("account", account)
            .unwrap()
            .with("ip", "203.0.113.1")
            .unwrap()
    };
    let number = |value: Value| if let Value::Number(number) = value { number } else { f64::NAN };
    let own = number(value(&engine, &bare("a-1"), "risk"));
    let foreign = number(value(&engine, &bare("a-2"), "risk"));
    assert!(own < foreign, "{own} {foreign}");
    let nothing = Event::of("login", NOW + DAY).unwrap().with("account", "a-1").unwrap();
    assert_eq!(value(&engine, &nothing, "risk"), Value::Missing);
    let mut decision = Decision::default();
    engine.score_into(&nothing, &mut decision).unwrap();
}
