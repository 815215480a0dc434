//! What is gone when nobody needs it any more, and digests of credentials after a day.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod common;

use common::{DAY, HOUR, NOW, count, features, key, payment, policy, scored};
use sekisho::{Engine, Event, Value};

const CREDENTIALS: &str = r#"
[[feature]]
name = "accounts"
aggregate = "distinct"
of = "account"
by = ["credential"]
over = "24h"
where = 'outcome == "failed"'

[[feature]]
name = "logins"
aggregate = "count"
by = ["account"]
over = "30d"
"#;

fn attempt(time: i64, account: &str, credential: &str) -> Event {
    Event::of("login", time)
        .and_then(|event| event.with("account", account))
        .and_then(|event| event.with("credential", credential))
        .and_then(|event| event.with("outcome", "failed"))
        .unwrap()
}

fn entities(engine: &Engine, table: &str) -> (u64, usize) {
    let statistics = engine.statistics();
    let table = statistics.iter().find(|known| known.name == table).unwrap();
    (table.entities as u64, table.events)
}

#[test]
fn digests_of_credentials_live_for_a_day() {
    let engine = Engine::new(policy(CREDENTIALS), key());
    for account in ["a", "b", "c"] {
        engine.record(&attempt(NOW, account, "spring2026")).unwrap();
    }
    let spraying = attempt(NOW + DAY - 1, "d", "spring2026");
    assert_eq!(features(&scored(&engine, &spraying))[0].1, Value::Integer(3));
    engine.advance(NOW + DAY).unwrap();
    assert_eq!(engine.expire(), 0);
    // Nobody has to come for it to be gone, and however late events may be, it does not wait for them.
    engine.advance(NOW + DAY + 1).unwrap();
    assert_eq!(entities(&engine, "credential"), (1, 3));
    assert_eq!(engine.expire(), 1);
    assert_eq!(entities(&engine, "credential"), (0, 0));
    assert_eq!(entities(&engine, "account"), (3, 3));
    assert_eq!(engine.expire(), 0);
}

#[test]
fn records_do_not_show_digests_of_credentials() {
    let engine = Engine::new(policy(CREDENTIALS), key());
    let event = attempt(NOW, "a", "spring2026");
    let record = serde_json::to_value(scored(&engine, &event).record(&event).unwrap()).unwrap();
    let shown: Vec<&String> = record["entities"].as_object().unwrap().keys().collect();
    assert_eq!(shown, ["account"]);
}

#[test]
fn what_is_too_old_goes_from_those_who_stay() {
    let engine = Engine::new(policy(&count("n", "account", "1d")), key());
    // Late events are waited for by a day.
    let times = [0, 1, 30, 60, 90].map(|hour| NOW + hour * HOUR);
    for time in times {
        engine.advance(time).unwrap();
        engine.record(&payment(time, "a")).unwrap();
        engine.record(&payment(time, &format!("b-{time}"))).unwrap();
    }
    let before = features(&scored(&engine, &payment(NOW + 91 * HOUR, "a")));
    engine.advance(NOW + 91 * HOUR).unwrap();
    let gone = engine.expire();
    assert!(gone >= 1, "{gone}");
    // 90 and 60 hours are within two days of 91.
    assert_eq!(entities(&engine, "account"), (3, 4));
    assert_eq!(features(&scored(&engine, &payment(NOW + 91 * HOUR, "a"))), before);
}

#[test]
fn what_has_no_end_stays() {
    let engine = Engine::new(policy(&count("n", "account", "1d").replace("over = \"1d\"\n", "")), key());
    engine.record(&payment(NOW, "a")).unwrap();
    engine.advance(NOW + 4_000 * DAY).unwrap();
    assert_eq!(engine.expire(), 0);
    assert_eq!(entities(&engine, "account"), (1, 1));
}
