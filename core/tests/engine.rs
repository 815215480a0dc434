//! Rules, lists, swaps and records, as their users see them.

#![allow(clippy::disallowed_methods, reason = "tests read files and the environment")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use proptest::prelude::*;
use sekisho::{
    Action, Decision, DecisionRecord, Engine, ErrorKind, Event, HashKey, Label, ListEntry, Obligations,
    Outcome, Policy, Value,
};

const NOW: i64 = 1_767_225_600_000;
const HEAD: &str =
    "[policy]\nname = \"t\"\nversion = \"1\"\ncurrency = \"JPY\"\ntime_zone = \"Asia/Tokyo\"\n";
const BANDS: &str =
    "[decision]\nbands = [{ from = 0, action = \"allow\" }, { from = 500, action = \"challenge\" }]\n";

fn engine(body: &str) -> Engine {
    let policy = Policy::from_toml(&format!("{HEAD}{body}{BANDS}")).unwrap_or_else(|error| panic!("{error}"));
    Engine::new(policy, HashKey::new(1, [5; 32]))
}

fn payment(time: i64) -> Event {
    Event::of("payment", time).unwrap()
}

fn detailed(engine: &Engine, event: &Event) -> Decision {
    let mut decision = Decision::detailed();
    engine.assess_into(event, &mut decision).unwrap();
    decision
}

fn value(decision: &Decision, name: &str) -> Value {
    decision.features().find(|feature| feature.name() == name).unwrap().value().clone()
}

#[test]
fn score_reads_record_writes_assess_does_both() {
    let engine =
        engine("[[feature]]\nname = \"n\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"1d\"\n");
    let event = |n: i64| payment(NOW + n).with("account", "a").unwrap().with("id", n).unwrap();
    let mut decision = Decision::detailed();
    engine.score_into(&event(1), &mut decision).unwrap();
    engine.score_into(&event(2), &mut decision).unwrap();
    assert_eq!(value(&decision, "n"), Value::Integer(0));
    assert!(engine.record(&event(3)).unwrap());
    assert!(!engine.record(&event(3)).unwrap(), "the same id is recorded once");
    assert_eq!(value(&detailed(&engine, &event(4)), "n"), Value::Integer(1));
    assert_eq!(value(&detailed(&engine, &event(5)), "n"), Value::Integer(2));
    let again = detailed(&engine, &event(4));
    assert!(again.is_repeated());
    assert_eq!(value(&again, "n"), Value::Integer(1), "scored as of its first arrival");
}

#[test]
fn actions_obligations_strength_and_reasons() {
    let engine = engine(
        r#"
[[rule]]
id = "one"
when = 'amount_minor > 1'
points = 30
reason = "A"
[[rule]]
id = "two"
when = 'amount_minor > 1'
points = '2.6 * double(amount_minor)'
obligations = ["notify", "hold"]
[[rule]]
id = "three"
when = 'amount_minor > 1'
points = 40
reason = "A"
[[rule]]
id = "relief"
when = 'amount_minor < 100'
points = -5
[[rule]]
id = "review"
when = 'amount_minor == 50'
action = "review"
strength = 3
[[rule]]
id = "trial"
when = 'true'
points = 900
action = "deny"
obligations = ["lock"]
mode = "shadow"
"#,
    );
    let decision = detailed(&engine, &payment(NOW).with("amount_minor", 10).unwrap());
    assert_eq!(decision.score(), 30 + 26 + 40 - 5);
    assert_eq!(decision.action(), Action::Allow);
    assert_eq!(decision.obligations(), Obligations::NOTIFY | Obligations::HOLD);
    let reasons: Vec<_> =
        decision.reasons().map(|reason| (reason.code().to_owned(), reason.points())).collect();
    assert_eq!(reasons, [("A".to_owned(), 70), ("TWO".to_owned(), 26)]);
    let hits: Vec<_> = decision.hits().map(|hit| (hit.id(), hit.points(), hit.is_live())).collect();
    assert_eq!(
        hits,
        [
            ("one", 30, true),
            ("two", 26, true),
            ("three", 40, true),
            ("relief", -5, true),
            ("trial", 900, false)
        ]
    );
    let review = detailed(&engine, &payment(NOW).with("amount_minor", 50).unwrap());
    assert_eq!((review.action(), review.strength()), (Action::Review, 0), "only a challenge has a strength");
    let challenge = detailed(&engine, &payment(NOW).with("amount_minor", 200).unwrap());
    assert_eq!((challenge.score(), challenge.action(), challenge.strength()), (590, Action::Challenge, 1));
    let deepest = detailed(&engine, &payment(NOW).with("amount_minor", 100_000).unwrap());
    assert_eq!(deepest.score(), 999);
}

#[test]
fn missing_is_counted_and_follows_the_rule() {
    let rule = |id: &str, on_missing: &str, mode: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\nwhen = 'latitude > 50.0'\npoints = 100\non_missing = \"{on_missing}\"\nmode = \"{mode}\"\n"
        )
    };
    let body =
        rule("skips", "skip", "live") + &rule("matches", "match", "live") + &rule("tries", "fail", "shadow");
    let decision = detailed(&engine(&body), &payment(NOW));
    assert_eq!(decision.score(), 100);
    assert_eq!(decision.missing_rules().collect::<Vec<_>>(), ["skips", "matches", "tries"]);
    let error = engine(&rule("fails", "fail", "live")).assess(&payment(NOW)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Missing, Some("fails")));
    assert_eq!(error.message(), "`fails`: its condition `latitude > 50.0` reads a value that is absent");
}

#[test]
fn points_that_are_missing_count_as_a_missing_rule() {
    let rule = |on_missing: &str, mode: &str, points: &str| {
        let head = format!("[[rule]]\nid = \"{on_missing}_{mode}\"\nwhen = 'true'\naction = \"review\"\n");
        head + &format!("points = '{points}'\non_missing = \"{on_missing}\"\nmode = \"{mode}\"\n")
    };
    let outcome = |body: &str| {
        let decision = detailed(&engine(body), &payment(NOW).with("amount_minor", 1i64 << 53).unwrap());
        let hits: Vec<_> = decision.hits().map(|hit| (hit.id().to_owned(), hit.points())).collect();
        let missing: Vec<_> = decision.missing_rules().map(str::to_owned).collect();
        (hits, missing, decision.action())
    };
    // Absent values, and integers that overflow.
    for points in ["int(latitude)", "2.0 * latitude", "amount_minor * 1024"] {
        let skipped = outcome(&rule("skip", "live", points));
        assert_eq!(skipped, (vec![], vec!["skip_live".to_owned()], Action::Allow));
        let matched = outcome(&rule("match", "live", points));
        let hit = ("match_live".to_owned(), 0);
        assert_eq!(matched, (vec![hit], vec!["match_live".to_owned()], Action::Review));
        let tried = outcome(&rule("fail", "shadow", points));
        assert_eq!(tried, (vec![], vec!["fail_shadow".to_owned()], Action::Allow));
        let error = engine(&rule("fail", "live", points)).assess(&payment(NOW)).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Missing, Some("fail_live")));
        let told = "`fail_live`: its `points` read a value that is absent, or overflow; where x may be absent write has(x) ? x : 0";
        assert_eq!(error.message(), told);
    }
    // Both at once are named once, and points that are there count.
    let both = rule("match", "live", "int(latitude)").replace("'true'", "'latitude > 1.0'");
    assert_eq!(outcome(&both).1, ["match_live"]);
    let known = rule("fail", "live", "has(latitude) ? 1 : 7");
    assert_eq!(outcome(&known), (vec![("fail_live".to_owned(), 7)], vec![], Action::Review));
    // What exceeds the bounds is brought back to them.
    let most = rule("skip", "live", "amount_minor").replace("review", "allow");
    assert_eq!(outcome(&most).0, [("skip_live".to_owned(), 100_000)]);
}

#[test]
fn amounts_count_in_the_policys_currency() {
    let engine = engine(
        "[[feature]]\nname = \"total\"\naggregate = \"sum\"\nof = \"amount_minor\"\nby = [\"account\"]\n\
         over = \"1d\"\ninclude_current = true\n\
         [[rule]]\nid = \"large\"\nwhen = 'amount_minor >= 1000'\npoints = 10\n",
    );
    let event = |currency: Option<&str>, base: Option<i64>| {
        let mut event = payment(NOW).with("account", "a").unwrap().with("amount_minor", 1_000).unwrap();
        if let Some(currency) = currency {
            event = event.with("currency", currency).unwrap();
        }
        if let Some(base) = base {
            event = event.with("amount_base_minor", base).unwrap();
        }
        event
    };
    assert_eq!(detailed(&engine, &event(None, None)).score(), 10);
    assert_eq!(detailed(&engine, &event(Some("JPY"), None)).score(), 10);
    let foreign = detailed(&engine, &event(Some("USD"), None));
    assert_eq!((foreign.score(), value(&foreign, "total")), (0, Value::Integer(2_000)));
    assert_eq!(foreign.missing_rules().collect::<Vec<_>>(), ["large"]);
    let converted = detailed(&engine, &event(Some("USD"), Some(150_000)));
    assert_eq!((converted.score(), value(&converted, "total")), (10, Value::Integer(152_000)));
}

#[test]
fn lists_hit_by_time_and_severity() {
    let engine = engine(
        r#"
[[list]]
name = "devices"
of = "device"
[[list]]
name = "networks"
of = "ip"
kind = "cidr"
entries = [{ value = "10.0.0.0/8", severity = 20 }, { value = "2001:db8::/32", severity = 60 }]
[[list]]
name = "addresses"
of = "shipping_address"
[[rule]]
id = "device"
when = 'in_list("devices", device)'
points = 'list_severity("devices", device)'
[[rule]]
id = "network"
when = 'in_list("networks", ip)'
points = 'list_severity("networks", ip)'
[[rule]]
id = "address"
when = 'in_list("addresses", billing_address) || in_list("addresses", shipping_address)'
points = 7
"#,
    );
    let score =
        |field: &str, value: &str| engine.score(&payment(NOW).with(field, value).unwrap()).unwrap().score();
    engine
        .list_add("devices", "d-1", ListEntry::new().severity(90).source("police").expires(NOW + 1))
        .unwrap();
    assert_eq!(score("device", "d-1"), 90);
    assert_eq!(score("device", "d-2"), 0);
    let later = payment(NOW + 1).with("device", "d-1").unwrap();
    assert_eq!(engine.score(&later).unwrap().score(), 0, "expired to the millisecond");
    assert!(engine.list_remove("devices", "d-1").unwrap());
    assert_eq!(score("device", "d-1"), 0);

    engine.list_add("networks", "10.1.0.0/16", ListEntry::new().severity(80)).unwrap();
    engine.list_add("networks", "10.1.2.3", ListEntry::new().severity(50)).unwrap();
    assert_eq!(score("ip", "10.9.9.9"), 20);
    assert_eq!(score("ip", "10.1.2.3"), 50, "the narrowest of all that hold the address");
    assert_eq!(score("ip", "10.1.2.4"), 80);
    assert_eq!(score("ip", "::ffff:10.9.9.9"), 20, "a mapped address is the IPv4 address");
    assert_eq!(score("ip", "2001:db8:1::1"), 60);
    assert_eq!(score("ip", "11.0.0.1"), 0);
    assert!(engine.list_remove("networks", "10.1.0.0/16").unwrap());
    assert_eq!(score("ip", "10.1.2.3"), 50);

    engine.list_add("networks", "10.1.2.3", ListEntry::new().severity(50).expires(NOW)).unwrap();
    assert_eq!(score("ip", "10.1.2.3"), 20, "what is over gives way to the next wider network");

    engine.list_add("addresses", "1-2-3 Ginza", ListEntry::new()).unwrap();
    assert_eq!(score("billing_address", "1-2-3 Ginza"), 7);
    assert_eq!(score("shipping_address", "1-2-3 Ginza"), 7);
}

#[test]
fn an_issuer_number_comes_from_the_card() {
    let engine = engine(
        "[[feature]]\nname = \"cards\"\naggregate = \"distinct\"\nof = \"card\"\nby = [\"bin\"]\nover = \"1h\"\n\
         [[rule]]\nid = \"has\"\nwhen = 'has(bin)'\npoints = 1\n",
    );
    for card in ["4111 1111 1111 1111", "4111-1111-1111-1129"] {
        engine.assess(&payment(NOW).with("card", card).unwrap()).unwrap();
    }
    let third = detailed(&engine, &payment(NOW).with("bin", "41111111").unwrap());
    assert_eq!((value(&third, "cards"), third.score()), (Value::Integer(2), 1));
    let token = detailed(&engine, &payment(NOW).with("card", "tok_1").unwrap());
    assert_eq!((value(&token, "cards"), token.score()), (Value::Missing, 0));
}

#[test]
fn identifiers_of_one_kind_can_be_compared() {
    let engine =
        engine("[[rule]]\nid = \"same\"\nwhen = 'billing_address == shipping_address'\npoints = 5\n");
    let event = |billing: &str, shipping: &str| {
        payment(NOW).with("billing_address", billing).unwrap().with("shipping_address", shipping).unwrap()
    };
    assert_eq!(engine.score(&event("x", "x")).unwrap().score(), 5);
    assert_eq!(engine.score(&event("x", "y")).unwrap().score(), 0);
}

#[test]
fn json_says_the_same_as_toml() {
    let toml = Policy::from_toml(
        "# a comment\n[policy]\nname = \"x\"\nversion = \"1\"\ncurrency = \"JPY\"\n\
         [[feature]]\nname = \"n\"\naggregate = \"rate\"\nby = [\"account\", \"payee\"]\nover = \"1h\"\n\
         where = 'type == \"transfer\"'\n[[rule]]\nid = \"r\"\nwhen = 'n > 2.5'\npoints = '10 * n'\n\
         [decision]\nbands = [{ from = 0, action = \"allow\" }]\n",
    )
    .unwrap();
    let json = Policy::from_json(
        r#"{"policy": {"name": "x", "version": "1", "currency": "JPY"},
            "feature": [{"name": "n", "aggregate": "rate", "by": ["account", "payee"], "over": "1h",
                         "where": "type == \"transfer\""}],
            "rule": [{"id": "r", "when": "n > 2.5", "points": "10 * n"}],
            "decision": {"bands": [{"from": 0, "action": "allow"}]}}"#,
    )
    .unwrap();
    assert_eq!(toml.fingerprint(), json.fingerprint());
    assert_eq!(toml.fingerprint().len(), 64);
    let changed = toml.features().next().unwrap().definition().to_owned();
    assert_eq!(changed, "rate by account x payee over 1h per 1h where type == \"transfer\"");
}

/// Engines of one thread share what calls reuse.
#[test]
fn two_time_zones_on_one_thread_have_their_own_days() {
    let body = "[[feature]]\nname = \"today\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"day\"\n";
    let in_zone = |zone: &str| {
        let head = HEAD.replace("Asia/Tokyo", zone);
        Engine::new(Policy::from_toml(&format!("{head}{body}{BANDS}")).unwrap(), HashKey::new(1, [1; 32]))
    };
    let (tokyo, london) = (in_zone("Asia/Tokyo"), in_zone("Europe/London"));
    // 2026-01-01T23:00Z is 08:00 of the next day in Tokyo, whose day began at 15:00Z.
    let at = |hour: i64| payment(1_767_225_600_000 + hour * 3_600_000).with("account", "a").unwrap();
    for engine in [&tokyo, &london] {
        engine.record(&at(10)).unwrap();
        engine.record(&at(16)).unwrap();
    }
    // Each question is recorded, too.
    for n in 0..2 {
        assert_eq!(value(&detailed(&tokyo, &at(23)), "today"), Value::Integer(1 + n));
        assert_eq!(value(&detailed(&london, &at(23)), "today"), Value::Integer(2 + n));
    }
}

#[test]
fn a_swap_keeps_history_and_lists() {
    let list = "[[list]]\nname = \"devices\"\nof = \"device\"\n";
    let count = |name: &str, rest: &str| {
        format!(
            "[[feature]]\nname = \"{name}\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"1d\"\n{rest}\n"
        )
    };
    let failed = "where = 'outcome == \"failed\"'";
    let distinct = "[[feature]]\nname = \"devices_used\"\naggregate = \"distinct\"\nof = \"device\"\nby = [\"account\"]\nover = \"1d\"\n";
    let rule = "[[rule]]\nid = \"listed\"\nwhen = 'in_list(\"devices\", device)'\npoints = 1\n";
    let engine = engine(&(list.to_owned() + &count("all", "") + &count("failed", failed) + distinct + rule));
    engine.list_add("devices", "d-1", ListEntry::new()).unwrap();
    let event = |n: i64| {
        payment(NOW + n)
            .with("account", "a")
            .unwrap()
            .with("device", &format!("d-{n}"))
            .unwrap()
            .with("outcome", "failed")
            .unwrap()
            .with("id", n)
            .unwrap()
    };
    for n in 1..=5 {
        engine.assess(&event(n)).unwrap();
    }
    let body = count("new", "where = 'channel == \"web\"'")
        + &count("approved", "where = 'outcome == \"approved\"'")
        + &count("failed_again", failed)
        + distinct
        + &count("everything", "")
        + "[[feature]]\nname = \"countries\"\naggregate = \"distinct\"\nof = \"country\"\nby = [\"account\"]\n"
        + "[[feature]]\nname = \"share\"\naggregate = \"ratio\"\nnumerator = \"failed_again\"\ndenominator = \"everything\"\n"
        + list
        + rule;
    let policy = Policy::from_toml(&format!("{HEAD}{body}{BANDS}")).unwrap();
    let report = engine.swap(policy).unwrap();
    assert_eq!(report.warm, ["approved", "failed_again", "devices_used", "everything", "share"]);
    assert_eq!(report.cold, ["new", "countries"]);
    let mut next = event(6);
    next = next.with("device", "d-1").unwrap();
    let decision = detailed(&engine, &next);
    assert_eq!(value(&decision, "failed_again"), Value::Integer(5));
    assert_eq!(value(&decision, "everything"), Value::Integer(5));
    assert_eq!(value(&decision, "devices_used"), Value::Integer(5));
    assert_eq!(value(&decision, "share"), Value::Number(1.0));
    assert_eq!(value(&decision, "new"), Value::Integer(0));
    assert_eq!(decision.score(), 1, "the list kept its member");
    assert!(engine.assess(&event(3)).unwrap().is_repeated(), "ids are remembered across a swap");
    assert!(engine.resolve(&event(2), Outcome::Approved).unwrap());
    assert_eq!(value(&detailed(&engine, &event(7)), "approved"), Value::Integer(1));
    assert_eq!(
        value(&detailed(&engine, &event(7)), "failed_again"),
        Value::Integer(5),
        "one of six was approved"
    );
}

#[test]
fn a_label_counts_from_its_time_on() {
    let engine = engine(
        "[[feature]]\nname = \"frauds\"\naggregate = \"count\"\nby = [\"terminal\"]\nover = \"30d\"\n\
         where = 'label == \"fraud\"'\n",
    );
    let event = |n: i64| payment(NOW + n).with("terminal", "t").unwrap().with("id", n).unwrap();
    engine.assess(&event(0)).unwrap();
    engine.assess(&event(1)).unwrap();
    engine.label(&event(0), Label::Fraud, NOW + 100).unwrap();
    let frauds = |n: i64| {
        let mut decision = Decision::detailed();
        engine.score_into(&event(n), &mut decision).unwrap();
        value(&decision, "frauds")
    };
    assert_eq!(frauds(99), Value::Integer(0));
    assert_eq!(frauds(100), Value::Integer(1));
    engine.label(&event(0), Label::Genuine, NOW + 200).unwrap();
    assert_eq!(
        (frauds(99), frauds(150), frauds(200)),
        (Value::Integer(0), Value::Integer(1), Value::Integer(0))
    );
    // The outcome does not disturb what was known of the label, then or now.
    engine.resolve(&event(0), Outcome::Declined).unwrap();
    assert_eq!(
        (frauds(99), frauds(150), frauds(200)),
        (Value::Integer(0), Value::Integer(1), Value::Integer(0))
    );
    // A label that rides on the event works alike.
    let labelled = event(2).with("label", "fraud").unwrap().with("labelled_at", NOW + 300).unwrap();
    engine.assess(&labelled).unwrap();
    assert_eq!((frauds(299), frauds(300)), (Value::Integer(0), Value::Integer(1)));
}

const RECORDED: &str = r#"
[[list]]
name = "devices"
of = "device"
[[feature]]
name = "mean"
aggregate = "mean"
of = "radius_km"
by = ["account"]
over = "1d"
[[feature]]
name = "country_before"
aggregate = "last"
of = "country"
by = ["account"]
[[feature]]
name = "pause"
aggregate = "since"
by = ["account"]
[[rule]]
id = "far"
when = 'radius_km > 2.0 * mean || country != country_before || in_list("devices", device)'
points = '0.37 * mean + 10.0 / radius_km'
[[rule]]
id = "text"
when = 'device.model.lowerAscii().contains("pix") && pause < duration("2h") && has(device)'
points = 200
[[rule]]
id = "moved"
when = 'billing_address != shipping_address && country in ["JP", "US"]'
points = 350
"#;

/// A record of this form, made by the first release: every later one has to read and replay it.
#[test]
fn released_records_stay_readable() {
    let policy = Policy::from_toml(&format!("{HEAD}{RECORDED}{BANDS}")).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/format_1.json");
    if std::env::var_os("SEKISHO_REWRITE").is_some() {
        let engine = Engine::new(policy.clone(), HashKey::new(1, [5; 32]));
        let event = |n: i64, country: &str| {
            payment(NOW + n)
                .with("id", n)
                .unwrap()
                .with("account", "a")
                .unwrap()
                .with("device", "d")
                .unwrap()
                .with("device.model", "Pixel 9")
                .unwrap()
                .with("radius_km", 0.1 + n as f64)
                .unwrap()
                .with("country", country)
                .unwrap()
                .with("billing_address", "x")
                .unwrap()
                .with("shipping_address", "y")
                .unwrap()
        };
        engine.assess(&event(0, "DE")).unwrap();
        engine.assess(&event(1, "JP")).unwrap();
        let last = event(7, "US");
        let record = detailed(&engine, &last).record(&last).unwrap();
        std::fs::write(file, record.to_json() + "\n").unwrap();
    }
    let record = DecisionRecord::from_json(&std::fs::read_to_string(file).unwrap()).unwrap();
    let replayed = record.replay(&policy).unwrap();
    assert_eq!(replayed.record(&record.event(&policy).unwrap()).unwrap(), record);
    assert_eq!((record.score, record.hits.len()), (552, 3));

    let future = record.to_json().replacen("\"format\":1", "\"format\":2", 1);
    assert_eq!(DecisionRecord::from_json(&future).unwrap_err().kind(), ErrorKind::Record);
    let other = Policy::from_toml(&format!("{HEAD}{BANDS}")).unwrap();
    assert_eq!(record.replay(&other).unwrap_err().kind(), ErrorKind::Record);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// What was decided can be decided again from its record, to the bit, through JSON.
    #[test]
    fn records_replay_to_the_same_bits(
        events in proptest::collection::vec(
            (0i64..5_000_000, proptest::option::of(0.0..3.0f64), proptest::sample::select(vec!["JP", "US", "DE"]),
             any::<bool>(), any::<bool>()), 1..30)
    ) {
        let policy = Policy::from_toml(&format!("{HEAD}{RECORDED}{BANDS}")).unwrap();
        let engine = Engine::new(policy.clone(), HashKey::new(1, [5; 32]));
        engine.list_add("devices", "true", ListEntry::new()).unwrap();
        for (n, (time, radius, country, device, address)) in events.into_iter().enumerate() {
            let mut event = payment(NOW + time).with("id", n as i64).unwrap().with("account", "a").unwrap()
                .with("country", country).unwrap().with("device", &device.to_string()).unwrap()
                .with("device.model", "PIXEL").unwrap();
            if let Some(radius) = radius {
                event = event.with("radius_km", radius).unwrap();
            }
            if address {
                event = event.with("billing_address", "x").unwrap().with("shipping_address", "y").unwrap();
            }
            let decision = detailed(&engine, &event);
            let record = decision.record(&event).unwrap();
            let replayed = DecisionRecord::from_json(&record.to_json()).unwrap().replay(&policy).unwrap();
            prop_assert_eq!(replayed.score(), decision.score());
            let bits = |decision: &Decision| (0..3).map(|n| decision.feature_bits(n)).collect::<Vec<_>>();
            prop_assert_eq!(bits(&replayed), bits(&decision));
            prop_assert_eq!(replayed.record(&record.event(&policy).unwrap()).unwrap(), record);
        }
    }

    /// A shadow rule may say what it likes: the decision stays.
    #[test]
    fn shadow_rules_change_nothing(
        amounts in proptest::collection::vec(0i64..2_000, 1..20), points in -999i64..999, threshold in 0i64..2_000
    ) {
        let body = "[[rule]]\nid = \"a\"\nwhen = 'amount_minor > 700'\npoints = 'amount_minor / 2'\nreason = \"R\"\n";
        let shadow = format!(
            "[[rule]]\nid = \"s\"\nwhen = 'amount_minor > {threshold}'\npoints = {points}\naction = \"deny\"\n\
             obligations = [\"lock\"]\nreason = \"R\"\nmode = \"shadow\"\n"
        );
        let (plain, shadowed) = (engine(body), engine(&(shadow + body)));
        for amount in amounts {
            let event = payment(NOW).with("amount_minor", amount).unwrap();
            let (a, b) = (plain.assess(&event).unwrap(), shadowed.assess(&event).unwrap());
            prop_assert_eq!((a.score(), a.action(), a.obligations(), a.strength()),
                            (b.score(), b.action(), b.obligations(), b.strength()));
            prop_assert!(a.reasons().eq(b.reasons()));
        }
    }

    /// Whatever holds: the points of a reason's live rules together, the highest eight, equal ones as they stand.
    #[test]
    fn reasons_are_those_with_most_points(
        rules in proptest::collection::vec((0u8..14, -9i32..30, 0i64..3, any::<bool>(), 0u8..6), 1..60),
        amounts in proptest::collection::vec(0i64..4, 1..6),
    ) {
        let mut body = String::new();
        for (number, (reason, points, from, acts, trial)) in rules.iter().enumerate() {
            let action = if *acts { "action = \"review\"\n" } else { "" };
            let mode = if *trial == 0 { "mode = \"shadow\"\n" } else { "" };
            body += &format!(
                "[[rule]]\nid = \"r{number}\"\nwhen = 'amount_minor >= {from}'\npoints = {points}\n\
                 reason = \"R{reason}\"\n{action}{mode}"
            );
        }
        let engine = engine(&body);
        for amount in amounts {
            let decision = engine.assess(&payment(NOW).with("amount_minor", amount).unwrap()).unwrap();
            let hits = rules.iter().filter(|(_, _, from, _, trial)| amount >= *from && *trial > 0);
            let mut expected: Vec<(String, i32, bool)> = Vec::new();
            for (reason, points, _, acts, _) in hits {
                let code = format!("R{reason}");
                match expected.iter_mut().find(|known| known.0 == code) {
                    Some(known) => (known.1, known.2) = (known.1 + points, known.2 | acts),
                    None => expected.push((code, *points, *acts)),
                }
            }
            expected.retain(|(_, points, acts)| *points > 0 || *acts);
            expected.sort_by_key(|(_, points, _)| -points);
            expected.truncate(8);
            let found = decision.reasons().map(|reason| (reason.code().to_owned(), reason.points()));
            prop_assert!(found.eq(expected.into_iter().map(|(code, points, _)| (code, points))));
        }
    }
}

#[test]
fn as_many_rules_as_a_policy_may_hold() {
    let rules = |count: usize| -> String {
        let rule = |n| format!("[[rule]]\nid = \"r{n}\"\nwhen = 'amount_minor >= {n}'\npoints = 1\n");
        (0..count).map(rule).collect()
    };
    let engine = engine(&rules(4_096));
    let decision = engine.assess(&payment(NOW).with("amount_minor", 4_094).unwrap()).unwrap();
    assert_eq!((decision.hits().len(), decision.score(), decision.reasons().len()), (4_095, 999, 8));
    let error = Policy::from_toml(&format!("{HEAD}{}{BANDS}", rules(4_097))).unwrap_err().to_string();
    assert!(error.contains("a policy holds at most 4096 rules") && error.contains("r4096"), "{error}");
}

#[test]
fn a_label_of_the_future_feeds_no_list() {
    let day = 86_400_000;
    let engine = engine(
        "[[list]]\nname = \"bad\"\nof = \"device\"\n\
         [[feedback]]\nlist = \"bad\"\nof = \"device\"\non = \"fraud\"\nfor = \"90d\"\n\
         [[feature]]\nname = \"n\"\naggregate = \"count\"\nby = [\"device\"]\nover = \"30d\"\n\
         [[rule]]\nid = \"listed\"\nwhen = 'in_list(\"bad\", device)'\npoints = 700\n",
    );
    let event = |id: &str, time: i64| payment(time).with("id", id).unwrap().with("device", "d").unwrap();
    let learnt = event("1", NOW).with("label", "fraud").unwrap().with("labelled_at", NOW + 12 * day).unwrap();
    engine.assess(&learnt).unwrap();
    assert_eq!(engine.assess(&event("2", NOW + day)).unwrap().score(), 0);
    engine.advance(NOW + 12 * day).unwrap();
    assert!(engine.label(&event("1", NOW), Label::Fraud, NOW + 12 * day).unwrap());
    assert_eq!(engine.assess(&event("3", NOW + 13 * day)).unwrap().score(), 700);
    // What is known by then counts at once.
    let known = event("4", NOW + 12 * day).with("device", "e").unwrap().with("label", "fraud").unwrap();
    engine.assess(&known.with("labelled_at", NOW + 13 * day).unwrap()).unwrap();
    assert_eq!(engine.list_len("bad").unwrap(), 2);
}
