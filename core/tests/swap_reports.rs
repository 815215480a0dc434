//! What a swap and a restoration say, and keep, of what was not remembered from the start.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::sync::{Arc, Mutex};

use sekisho::{Decision, Engine, ErrorKind, Event, HashKey, ListEntry, Policy, Value};

const START: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn key() -> HashKey {
    HashKey::new(1, *b"32 secret bytes of the host ....")
}

fn policy(head: &str, body: &str) -> Policy {
    let currency = if head.contains("currency") { "" } else { "currency = \"JPY\"\n" };
    let text = format!(
        "[policy]\nname = \"reports\"\nversion = \"1\"\n{currency}{head}\n\
         [decision]\nbands = [{{ from = 0, action = \"allow\" }}]\n{body}"
    );
    Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn feature(name: &str, over: &str, rest: &str) -> String {
    format!("[[feature]]\nname = \"{name}\"\nby = [\"account\"]\nover = \"{over}\"\n{rest}\n")
}

fn count(name: &str, over: &str) -> String {
    feature(name, over, "aggregate = \"count\"")
}

fn payment(n: i64, time: i64) -> Event {
    let event = Event::of("payment", time).unwrap().with("id", n).unwrap().with("account", "a").unwrap();
    event.with("amount_minor", 100).unwrap().with("channel", "web").unwrap().with("ip", "10.0.0.1").unwrap()
}

fn value(engine: &Engine, event: &Event, name: &str) -> Option<Value> {
    let mut decision = Decision::detailed();
    engine.score_into(event, &mut decision).unwrap();
    decision.features().find(|feature| feature.name() == name).map(|feature| feature.value().clone())
}

fn snapshot(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    let sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), std::convert::Infallible>(())
    };
    engine.snapshot(sink).unwrap();
    bytes
}

#[test]
fn what_is_worked_out_from_a_field_is_known_since_the_field_is() {
    let head = "remember_for = \"30d\"";
    let more = "remember_for = \"30d\"\nremember = [\"channel\"]";
    let web = feature("web", "7d", "aggregate = \"count\"\nwhere = 'channel == \"web\"'");
    let engine = Engine::new(policy(head, &count("all", "7d")), key());
    engine.assess(&payment(1, START)).unwrap();
    engine.swap(policy(more, &count("all", "7d"))).unwrap();
    engine.assess(&payment(2, START + HOUR)).unwrap();
    let last = policy(more, &(count("all", "7d") + &web));
    for _ in 0..2 {
        let report = engine.swap(last.clone()).unwrap();
        assert_eq!(report.warm, ["all"]);
        assert_eq!(report.partly_warm, [("web".to_owned(), START)]);
    }
}

#[test]
fn a_restoration_under_a_policy_that_remembers_more_is_remembered() {
    let before = policy("", &count("all", "7d"));
    let more = count("all", "7d")
        + &count("long", "90d")
        + &feature("web", "7d", "aggregate = \"count\"\nwhere = 'channel == \"web\"'")
        + "[[feature]]\nname = \"of_ip\"\nby = [\"ip\"]\nover = \"7d\"\naggregate = \"count\"\n";
    let more = policy("", &more);
    let engine = Engine::new(before.clone(), key());
    for n in 0..30 {
        engine.assess(&payment(n, START + n * DAY)).unwrap();
    }
    let bytes = snapshot(&engine);
    let restored = Engine::restore(more.clone(), key(), &*bytes).unwrap();
    engine.swap(more.clone()).unwrap();
    let (live, report) = (engine.swap(more.clone()).unwrap(), restored.swap(more).unwrap());
    assert_eq!(report, live);
    assert_eq!(report.warm, ["all"]);
    assert_eq!(report.partly_warm.len(), 3);
    // Under the policy that it was taken under, nothing is amiss.
    let same = Engine::restore(before.clone(), key(), &*bytes).unwrap();
    assert_eq!(same.swap(before).unwrap().warm, ["all"]);
}

#[test]
fn lateness_makes_no_difference_to_what_was_summed_up() {
    let features = count("count", "30d")
        + &feature("sum", "30d", "aggregate = \"sum\"\nof = \"amount_minor\"")
        + &feature(
            "kinds",
            "30d",
            "aggregate = \"distinct\"\nof = \"channel\"\nwhere = 'channel != \" to \\\\ x\"'",
        );
    let of = |lateness: &str| policy(&format!("events = 16\nlateness = \"{lateness}\""), &features);
    let (engine, fresh) = (Engine::new(of("2d"), key()), Engine::new(of("1d"), key()));
    for n in 0..200 {
        engine.assess(&payment(n, START + n * MINUTE)).unwrap();
        fresh.assess(&payment(n, START + n * MINUTE)).unwrap();
    }
    assert_eq!(engine.swap(of("1d")).unwrap().warm, ["count", "sum", "kinds"]);
    let event = payment(1_000, START + 200 * MINUTE);
    for name in ["count", "sum", "kinds"] {
        assert_eq!(value(&engine, &event, name), value(&fresh, &event, name), "{name}");
    }
    assert_eq!(value(&engine, &event, "count"), Some(Value::Integer(200)));
}

#[test]
fn what_was_summed_up_before_a_feature_came_is_not_in_it() {
    let head = "events = 16\nremember_for = \"30d\"\nremember = [\"amount_minor\"]";
    let sum = feature("sum", "30d", "aggregate = \"sum\"\nof = \"amount_minor\"");
    for (events, is_warm) in [(10, true), (100, false)] {
        let engine = Engine::new(policy(head, &count("count", "30d")), key());
        for n in 0..events {
            engine.assess(&payment(n, START + n * MINUTE)).unwrap();
        }
        let next = policy(head, &(count("count", "30d") + &sum));
        for _ in 0..2 {
            let report = engine.swap(next.clone()).unwrap();
            assert_eq!(report.warm.contains(&"sum".to_owned()), is_warm);
            assert!(report.warm.contains(&"count".to_owned()));
        }
    }
}

const LIST: &str = "[[list]]\nname = \"networks\"\nof = \"ip\"\nkind = \"cidr\"\n";
const SEVERITY: &str = "[[feature]]\nname = \"severity\"\nexpression = 'list_severity(\"networks\", ip)'\n";

fn listing(entries: &str) -> Policy {
    policy("", &format!("{LIST}entries = [{entries}]\n{SEVERITY}"))
}

#[test]
fn entries_that_two_policies_share_stay_as_the_host_changed_them() {
    let ten = r#"{ value = "10.0.0.0/8", severity = 50 }"#;
    let engine = Engine::new(listing(ten), key());
    let severity = |engine: &Engine| value(engine, &payment(1, START), "severity");
    assert_eq!(severity(&engine), Some(Value::Integer(50)));
    engine.list_remove("networks", "10.0.0.0/8").unwrap();
    let gone = severity(&engine);
    assert_ne!(gone, Some(Value::Integer(50)));
    let version = engine.list_version("networks").unwrap().number;
    engine.swap(listing(ten)).unwrap();
    assert_eq!(severity(&engine), gone);
    assert_eq!(engine.list_version("networks").unwrap().number, version);
    engine.list_add("networks", "10.0.0.0/8", ListEntry::new().severity(90)).unwrap();
    engine.swap(listing(ten)).unwrap();
    assert_eq!(severity(&engine), Some(Value::Integer(90)));
    // What differs is done, and is a change of the list.
    let version = engine.list_version("networks").unwrap().number;
    engine.swap(listing(r#"{ value = "10.0.0.0/8", severity = 60 }"#)).unwrap();
    assert_eq!(severity(&engine), Some(Value::Integer(60)));
    assert_eq!(engine.list_version("networks").unwrap().number, version + 1);
    engine.swap(listing("")).unwrap();
    assert_eq!(severity(&engine), gone);
}

#[test]
fn a_restoration_takes_what_is_new_among_the_policy_s_entries() {
    let (ten, other) = (r#"{ value = "10.0.0.0/8" }"#, r#"{ value = "10.0.0.0/24", severity = 7 }"#);
    let engine = Engine::new(listing(ten), key());
    engine.list_add("networks", "192.0.2.0/24", ListEntry::new().severity(3)).unwrap();
    let bytes = snapshot(&engine);
    let severity = |policy: Policy, ip: &str| {
        let engine = Engine::restore(policy, key(), &*bytes).unwrap();
        value(&engine, &payment(1, START).with("ip", ip).unwrap(), "severity")
    };
    let of = |severity: i64| Some(Value::Integer(severity));
    assert_eq!(severity(listing(ten), "10.0.0.1"), of(100));
    assert_eq!(severity(listing(&format!("{ten}, {other}")), "10.0.0.1"), of(7));
    assert_ne!(severity(listing(other), "10.9.0.1"), of(100));
    assert_eq!(severity(listing(other), "192.0.2.1"), of(3));
    // The host's own word stays where the policies agree.
    engine.list_remove("networks", "10.0.0.0/8").unwrap();
    let again = Engine::restore(listing(ten), key(), &*snapshot(&engine)).unwrap();
    assert_ne!(value(&again, &payment(1, START), "severity"), of(100));
}

/// What the host changes before and after a swap is in the journal, what the swap changes follows from the policies.
#[test]
fn a_journal_comes_to_the_lists_of_the_engine_that_wrote_it() {
    let (ten, other) =
        (r#"{ value = "10.0.0.0/8", severity = 50 }"#, r#"{ value = "10.0.0.0/24", severity = 7 }"#);
    let (third, changed) = (r#"{ value = "172.16.0.0/12" }"#, r#"{ value = "10.0.0.0/24", severity = 8 }"#);
    let first = listing(&format!("{ten}, {other}"));
    let second = listing(&format!("{ten}, {changed}, {third}"));
    let journal = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&journal);
    let builder = Engine::builder(first.clone(), key());
    let engine = builder.journal(move |frame| sink.lock().unwrap().extend_from_slice(frame)).build().unwrap();
    let mut snapshots = vec![(first.clone(), snapshot(&engine))];
    let mut n = 0;
    let mut happen = |change: &dyn Fn()| {
        n += 1;
        engine.assess(&payment(n, START + n * MINUTE)).unwrap();
        change();
        snapshots.push((engine.policy(), snapshot(&engine)));
    };
    let add = |network: &str, severity| {
        engine.list_add("networks", network, ListEntry::new().severity(severity)).unwrap();
    };
    let remove = |network: &str| assert!(engine.list_remove("networks", network).unwrap());
    happen(&|| add("192.0.2.0/24", 3));
    happen(&|| remove("10.0.0.0/8"));
    happen(&|| drop(engine.swap(second.clone()).unwrap()));
    happen(&|| add("172.16.0.0/12", 20));
    happen(&|| remove("10.0.0.0/24"));
    happen(&|| remove("192.0.2.0/24"));
    happen(&|| drop(engine.swap(second.clone()).unwrap()));
    happen(&|| drop(engine.swap(first.clone()).unwrap()));
    happen(&|| add("10.0.0.0/8", 90));
    let frames = journal.lock().unwrap().clone();
    // The first engine's snapshot names the frame that comes next; beside that number all is the same.
    let again = Engine::restore(first.clone(), key(), &*snapshot(&engine)).unwrap();
    let written = snapshot(&again);
    let severity = |ip: &str| value(&again, &payment(100, START + HOUR).with("ip", ip).unwrap(), "severity");
    assert_eq!(severity("10.0.0.1"), Some(Value::Integer(7)));
    assert_eq!(severity("10.9.0.1"), Some(Value::Integer(90)));
    assert_eq!(severity("172.16.0.1"), severity("192.0.2.1"));
    for (number, (policy, bytes)) in snapshots.into_iter().enumerate() {
        let recovered = Engine::restore(policy, key(), &*bytes).unwrap();
        // The same policy once more is not asked for.
        let done = [3, 8].into_iter().filter(|swap| number >= *swap).count();
        let (mut from, mut swaps) = (0, [&second, &first].into_iter().skip(done));
        loop {
            let report = recovered.recover(&frames[from..]).unwrap();
            from += report.bytes as usize;
            if report.policy.is_none() {
                break;
            }
            recovered.swap(swaps.next().unwrap().clone()).unwrap();
        }
        assert!(swaps.next().is_none());
        assert!(snapshot(&recovered) == written, "after {number} changes");
    }
}

#[test]
fn another_currency_is_refused() {
    let engine = Engine::new(policy("", &count("count", "7d")), key());
    let other = policy("currency = \"USD\"", &count("count", "7d"));
    assert_eq!(engine.swap(other.clone()).unwrap_err().kind(), ErrorKind::Schema);
    assert_eq!(engine.challenge_with(other.clone()).unwrap_err().kind(), ErrorKind::Schema);
    assert_eq!(engine.policy().currency(), "JPY");
    let error = Engine::restore(other, key(), &*snapshot(&engine)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let what = "the snapshot's amounts are in JPY, the policy counts in USD; restore it under one that counts in JPY";
    assert!(error.to_string().contains(what), "{error}");
}

#[test]
fn what_a_policy_has_no_more_is_told() {
    let body = format!("{LIST}{SEVERITY}{}", count("count", "7d"))
        + "[[feature]]\nname = \"of_merchant\"\nby = [\"merchant\"]\nover = \"7d\"\naggregate = \"count\"\n";
    let engine = Engine::new(policy("", &body), key());
    engine.list_add("networks", "10.0.0.0/8", ListEntry::new()).unwrap();
    let report = engine.swap(policy("", &count("count", "7d"))).unwrap();
    assert_eq!(report.dropped, ["histories of merchant", "list networks (1 member)"]);
    assert!(engine.swap(policy("", &count("count", "7d"))).unwrap().dropped.is_empty());
}

#[test]
fn a_challenger_is_silent_without_the_fields_that_it_requires() {
    let engine = Engine::new(policy("", &count("count", "7d")), key());
    engine.challenge_with(policy("required_fields = [\"device\"]", &count("count", "7d"))).unwrap();
    let event = payment(1, START);
    assert!(engine.assess(&event).unwrap().challenger().is_none());
    assert!(engine.assess(&event.with("device", "d").unwrap()).unwrap().challenger().is_some());
}

/// Conditions that are worked out anew one after the other, in one pass over what is remembered.
#[test]
fn an_entity_that_slept_through_many_swaps_is_as_one_that_did_not() {
    let head = "remember = [\"channel\", \"amount_minor\"]\nremember_for = \"30d\"";
    let of = |n: i64| {
        let over = |n| format!("aggregate = \"count\"\nwhere = 'amount_minor > {n} && channel == \"web\"'");
        policy(
            head,
            &(feature("over", "7d", &over(n)) + &feature("more", "7d", &over(n + 1)) + &count("all", "7d")),
        )
    };
    let (engine, awake) = (Engine::new(of(0), key()), Engine::new(of(0), key()));
    let asleep = |n: i64| payment(n, START + n * MINUTE).with("amount_minor", n * 10).unwrap();
    for engine in [&engine, &awake] {
        (0..20).for_each(|n| drop(engine.assess(&asleep(n)).unwrap()));
    }
    for n in 1..100 {
        for engine in [&engine, &awake] {
            engine.swap(of(n)).unwrap();
            let other =
                payment(1_000 + n, START + 20 * MINUTE).with("account", format!("b{n}").as_str()).unwrap();
            engine.assess(&other).unwrap();
        }
        value(&awake, &asleep(1_000), "over");
        if n % 13 == 0 || n == 99 {
            for (name, from) in [("over", n), ("more", n + 1), ("all", -1)] {
                let counted = (0..20).filter(|k| k * 10 > from).count() as i64;
                assert_eq!(
                    value(&awake, &asleep(1_000), name),
                    Some(Value::Integer(counted)),
                    "{name} at {n}"
                );
            }
        }
    }
    for name in ["over", "more", "all"] {
        assert_eq!(value(&engine, &asleep(1_000), name), value(&awake, &asleep(1_000), name), "{name}");
    }
    // Whoever came between is counted too.
    for n in [1, 16, 17, 40, 98, 99] {
        let other = payment(5_000, START + HOUR).with("account", format!("b{n}").as_str()).unwrap();
        assert_eq!(value(&engine, &other, "all"), Some(Value::Integer(1)));
        assert_eq!(value(&engine, &other, "over"), Some(Value::Integer(1)));
    }
}
