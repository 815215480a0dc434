//! The whole way through, once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use sekisho::{Action, Decision, Engine, Event, HashKey, Policy};

const POLICY: &str = r#"
[policy]
name = "smoke"
version = "1"
time_zone = "Asia/Tokyo"
currency = "JPY"

[[list]]
name = "offices"
of = "ip"
kind = "cidr"
entries = [{ value = "198.51.100.0/24", severity = 10, source = "ops" }]

[[feature]]
name = "ip_failed_accounts_10m"
aggregate = "distinct"
of = "account"
by = ["ip"]
over = "10m"
where = 'type == "login" && outcome == "failed"'

[[feature]]
name = "mean_amount"
aggregate = "mean"
of = "amount_minor"
by = ["account"]
over = "30d"

[[rule]]
id = "stuffing"
when = 'ip_failed_accounts_10m >= 3 && !in_list("offices", ip)'
points = '100 * ip_failed_accounts_10m'
action = "challenge"
reason = "CREDENTIAL_STUFFING"

[decision]
bands = [{ from = 0, action = "allow" }, { from = 600, action = "deny" }]
"#;

#[test]
fn the_whole_way_through() {
    let policy = Policy::from_toml(POLICY).unwrap();
    let engine = Engine::new(policy.clone(), HashKey::new(1, [7; 32]));
    let mut decision = Decision::detailed();
    for n in 0..8i64 {
        let event = Event::of("login", 1_767_225_600_000 + n)
            .unwrap()
            .with("id", &format!("e-{n}"))
            .unwrap()
            .with("account", &format!("a-{n}"))
            .unwrap()
            .with("ip", "203.0.113.7")
            .unwrap()
            .with("outcome", "failed")
            .unwrap();
        engine.assess_into(&event, &mut decision).unwrap();
        assert_eq!(i64::from(decision.score()), if n >= 3 { 100 * n } else { 0 });
        let expected = match n {
            0..3 => Action::Allow,
            3..6 => Action::Challenge,
            _ => Action::Deny,
        };
        assert_eq!(decision.action(), expected);
        let record = decision.record(&event).unwrap();
        let read = sekisho::DecisionRecord::from_json(&record.to_json()).unwrap();
        assert_eq!(read, record);
        let replayed = read.replay(&policy).unwrap();
        assert_eq!(replayed.record(&read.event(&policy).unwrap()).unwrap(), record);
        println!("{}", decision.explain(&event));
    }
}
