//! Limits: against a naive oracle that adds up a list of all events, to the yen and to the millisecond in Tokyo, and
//! what nothing may change about them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;

use common::{DAY, HOUR, MINUTE, key, scored};
use proptest::prelude::*;
use sekisho::{
    Action, Decision, DecisionRecord, Engine, ErrorKind, Event, Field, ListEntry, Obligations, Outcome,
    Policy, Value,
};

/// 2026-03-01T00:00 in Tokyo.
const MIDNIGHT: i64 = 1_772_290_800_000;

const HEAD: &str = "[policy]\nname = \"limits\"\nversion = \"1\"\ncurrency = \"JPY\"\ntime_zone = \"Asia/Tokyo\"\n\
                    [decision]\nbands = [{ from = 0, action = \"allow\" }]\n";

const DAILY: &str = r#"
[[limit]]
name = "daily"
by = ["account"]
over = "day"
where = 'type == "top_up"'
amount = 50000
near = 0.9
"#;

const MONTHLY: &str = r#"
[[limit]]
name = "monthly"
by = ["account"]
over = "month"
where = 'type == "top_up"'
amount = 'country == "JP" ? 100000 : 20000'
reason = "TOO_MUCH_THIS_MONTH"
obligations = ["notify"]
"#;

/// Whoever is trusted: as much relief as there can be.
const TRUSTED: &str = r#"
[[list]]
name = "trusted"
of = "account"
[[rule]]
id = "trusted"
when = 'in_list("trusted", account)'
points = -100000
"#;

fn engine_of(body: &str) -> Engine {
    let policy = Policy::from_toml(&format!("{HEAD}{body}"));
    Engine::new(policy.unwrap_or_else(|error| panic!("{error}")), key())
}

fn top_up(time: i64, amount: i64) -> Event {
    let event = Event::of("top_up", time).unwrap().with("account", "a").unwrap();
    event.with("country", "JP").unwrap().with("amount_minor", amount).unwrap()
}

/// Name, ceiling, used, remaining, asked, and whether it is exceeded.
type Stand = (String, Option<i64>, Option<i64>, Option<i64>, Option<i64>, bool);

fn stands(decision: &Decision) -> Vec<Stand> {
    let limits = decision.limits();
    limits
        .map(|limit| {
            let name = limit.name().to_owned();
            (name, limit.ceiling(), limit.used(), limit.remaining(), limit.asked(), limit.is_exceeded())
        })
        .collect()
}

fn stand(name: &str, [ceiling, used, remaining, asked]: [i64; 4], exceeded: bool) -> Stand {
    (name.to_owned(), Some(ceiling), Some(used), Some(remaining), Some(asked), exceeded)
}

fn reasons(decision: &Decision) -> Vec<&str> {
    decision.reasons().map(|reason| reason.code()).collect()
}

fn feature(decision: &Decision, name: &str) -> Value {
    decision.features().find(|feature| feature.name() == name).unwrap().value().clone()
}

#[test]
fn what_remains_passes_and_one_yen_more_does_not() {
    let engine = engine_of(DAILY);
    engine.record(&top_up(MIDNIGHT + HOUR, 20_000)).unwrap();
    let exact = scored(&engine, &top_up(MIDNIGHT + 2 * HOUR, 30_000));
    assert_eq!(exact.action(), Action::Allow);
    assert!(exact.obligations().is_empty() && exact.reasons().len() == 0);
    assert_eq!(stands(&exact), [stand("daily", [50_000, 20_000, 30_000, 30_000], false)]);
    assert_eq!(feature(&exact, "daily.share"), Value::Number(1.0));
    let more = scored(&engine, &top_up(MIDNIGHT + 2 * HOUR, 30_001));
    assert_eq!((more.action(), more.obligations()), (Action::Deny, Obligations::LIMIT));
    assert_eq!((reasons(&more), more.score()), (vec!["DAILY"], 0));
    assert_eq!(stands(&more), [stand("daily", [50_000, 20_000, 30_000, 30_001], true)]);
    let hits: Vec<&str> = more.hits().map(|hit| hit.id()).collect();
    assert_eq!(hits, ["daily"]);
    // What something else does is none of its business, but how much is used can be asked.
    let payment = Event::of("payment", MIDNIGHT + 2 * HOUR).unwrap().with("account", "a").unwrap();
    let payment = scored(&engine, &payment.with("amount_minor", 900_000).unwrap());
    assert_eq!((payment.action(), payment.limits().len()), (Action::Allow, 0));
    assert_eq!(feature(&payment, "daily.used"), Value::Integer(20_000));
    assert_eq!(feature(&payment, "daily.remaining"), Value::Integer(30_000));
    assert_eq!(feature(&payment, "daily.share"), Value::Number(0.4));
}

#[test]
fn days_and_months_end_in_tokyo_to_the_millisecond() {
    let engine = engine_of(&format!("{DAILY}{MONTHLY}"));
    engine.record(&top_up(MIDNIGHT - 1, 45_000)).unwrap();
    let used = |time| {
        let decision = scored(&engine, &top_up(time, 1));
        decision.limits().map(|limit| limit.used().unwrap()).collect::<Vec<i64>>()
    };
    assert_eq!(used(MIDNIGHT - 1), [45_000, 45_000]);
    assert_eq!(used(MIDNIGHT), [0, 0]);
    engine.record(&top_up(MIDNIGHT, 10)).unwrap();
    assert_eq!(used(MIDNIGHT), [10, 10]);
    assert_eq!(used(MIDNIGHT + DAY - 1), [10, 10]);
    assert_eq!(used(MIDNIGHT + DAY), [0, 10]);
}

#[test]
fn limits_hold_side_by_side() {
    let engine = engine_of(&format!("{DAILY}{MONTHLY}"));
    engine.record(&top_up(MIDNIGHT + HOUR, 20_000)).unwrap();
    let abroad = top_up(MIDNIGHT + 2 * HOUR, 30_001).with("country", "FR").unwrap();
    let decision = scored(&engine, &abroad);
    assert_eq!(reasons(&decision), ["DAILY", "TOO_MUCH_THIS_MONTH"]);
    let both = Obligations::LIMIT | Obligations::NOTIFY;
    assert_eq!((decision.action(), decision.obligations()), (Action::Deny, both));
    let expected = [
        stand("daily", [50_000, 20_000, 30_000, 30_001], true),
        stand("monthly", [20_000, 20_000, 0, 30_001], true),
    ];
    assert_eq!(stands(&decision), expected);
    let explained = decision.explain(&abroad).to_string();
    for line in [
        "\ndaily: 20000 of 50000 used, 30000 remaining, 30001 asked: exceeded",
        "\nmonthly: 20000 of 20000 used, 0 remaining, 30001 asked: exceeded",
        "with (\"top_up\" == \"top_up\") && 30000 < 30001",
    ] {
        assert!(explained.contains(line), "{explained}");
    }
}

#[test]
fn what_did_not_happen_gives_back() {
    let engine = engine_of(DAILY);
    let remaining = |time| scored(&engine, &top_up(time, 1)).limits().next().unwrap().remaining();
    let charge = top_up(MIDNIGHT + HOUR, 40_000).with("id", "charge").unwrap();
    engine.record(&charge).unwrap();
    for (outcome, left) in [
        (Outcome::Pending, 10_000),
        (Outcome::Approved, 10_000),
        (Outcome::Succeeded, 10_000),
        (Outcome::Declined, 50_000),
        (Outcome::Failed, 50_000),
        (Outcome::Challenged, 50_000),
        (Outcome::Abandoned, 50_000),
        (Outcome::Reversed, 50_000),
    ] {
        engine.resolve(&charge, outcome).unwrap();
        assert_eq!(remaining(MIDNIGHT + 2 * HOUR), Some(left), "{outcome:?}");
    }
}

#[test]
fn a_late_event_is_judged_by_what_came_before_it() {
    let engine = engine_of(DAILY);
    engine.record(&top_up(MIDNIGHT + 12 * HOUR, 50_000)).unwrap();
    let late = engine.assess(&top_up(MIDNIGHT + 10 * HOUR, 20_000)).unwrap();
    assert_eq!(stands(&late), [stand("daily", [50_000, 0, 50_000, 20_000], false)]);
    // Whatever comes next finds both, and no less than nothing left.
    let next = scored(&engine, &top_up(MIDNIGHT + 13 * HOUR, 1));
    assert_eq!(stands(&next), [stand("daily", [50_000, 70_000, 0, 1], true)]);
    assert_eq!(feature(&next, "daily.share"), Value::Number(70_001.0 / 50_000.0));
}

#[test]
fn amounts_near_the_ceiling_are_counted_with_the_event() {
    let engine = engine_of(DAILY);
    let near = |amount| feature(&scored(&engine, &top_up(MIDNIGHT + HOUR, amount)), "daily.near");
    for (amount, count) in [(1, 0), (45_000, 0), (45_001, 1), (50_000, 1), (50_001, 0)] {
        assert_eq!(near(amount), Value::Integer(count), "{amount}");
    }
    engine.record(&top_up(MIDNIGHT, 49_800)).unwrap();
    assert_eq!(near(49_000), Value::Integer(2));
    assert_eq!(near(100), Value::Integer(1));
    // Two such amounts seldom fit one day, so they may be counted over more.
    let engine = engine_of(&DAILY.replace("near = 0.9", "near = 0.9\nnear_over = \"7d\""));
    (1..=9).for_each(|day| _ = engine.record(&top_up(MIDNIGHT + day * DAY, 49_800)).unwrap());
    let decision = scored(&engine, &top_up(MIDNIGHT + 10 * DAY, 49_900));
    assert_eq!(feature(&decision, "daily.near"), Value::Integer(7));
    assert_eq!(feature(&decision, "daily.used"), Value::Integer(0));
    // 0.29 of 100 are 29, though not in doubles.
    let engine = engine_of(&DAILY.replace("50000", "100").replace("0.9", "0.29"));
    let near = |amount| feature(&scored(&engine, &top_up(MIDNIGHT + HOUR, amount)), "daily.near");
    assert_eq!((near(29), near(30)), (Value::Integer(0), Value::Integer(1)));
}

#[test]
fn no_list_and_no_points_undo_a_limit() {
    for most_relief in ["", "most_relief = 999\n"] {
        let head = HEAD.replace("bands", &format!("{most_relief}bands"));
        let policy = Policy::from_toml(&format!("{head}{DAILY}{TRUSTED}")).unwrap();
        let engine = Engine::new(policy, key());
        engine.list_add("trusted", "a", ListEntry::new()).unwrap();
        let decision = scored(&engine, &top_up(MIDNIGHT, 50_001));
        assert_eq!((decision.score(), decision.action()), (0, Action::Deny));
        assert_eq!((reasons(&decision), decision.obligations()), (vec!["DAILY"], Obligations::LIMIT));
    }
    // Nor can a ceiling be made to depend on a list, through whatever feature.
    let listed = "[[feature]]\nname = \"known\"\nexpression = 'in_list(\"trusted\", account) ? 1 : 0'\n";
    for amount in ["in_list(\"trusted\", account) ? 1 : 2", "known"] {
        let limit = DAILY.replace("50000", &format!("'{amount}'"));
        let error = Policy::from_toml(&format!("{HEAD}{TRUSTED}{listed}{limit}")).unwrap_err().to_string();
        assert!(error.contains("the policy has 1 fault") && error.contains("a limit"), "{error}");
    }
}

#[test]
fn eight_reasons_with_points_do_not_hide_a_limit() {
    let rules: String = (1..=9)
        .map(|n| format!("[[rule]]\nid = \"r{n}\"\nwhen = 'amount_minor > 5'\npoints = {}\n", 10 * n))
        .collect();
    let engine = engine_of(&format!("{rules}{DAILY}{MONTHLY}"));
    let decision = scored(&engine, &top_up(MIDNIGHT, 100_001));
    let expected = ["R9", "R8", "R7", "R6", "R5", "R4", "DAILY", "TOO_MUCH_THIS_MONTH"];
    assert_eq!(reasons(&decision), expected);
    let decision = scored(&engine, &top_up(MIDNIGHT, 50_001));
    assert_eq!(reasons(&decision), ["R9", "R8", "R7", "R6", "R5", "R4", "R3", "DAILY"]);
    // One that a rule gives points for stands where these put it, and is not left out for its place either.
    let shared = MONTHLY.replace("TOO_MUCH_THIS_MONTH", "R1");
    let engine = engine_of(&format!("{rules}{DAILY}{shared}"));
    let decision = scored(&engine, &top_up(MIDNIGHT, 100_001));
    assert_eq!(reasons(&decision), ["R9", "R8", "R7", "R6", "R5", "R4", "R1", "DAILY"]);
}

#[test]
fn what_cannot_be_compared_does_not_pass_unless_the_policy_says_so() {
    let foreign = top_up(MIDNIGHT, 5).with("currency", "USD").unwrap();
    let engine = engine_of(DAILY);
    let decision = scored(&engine, &foreign);
    let expected = ("daily".to_owned(), Some(50_000), Some(0), Some(50_000), None, true);
    assert_eq!((decision.action(), stands(&decision)), (Action::Deny, vec![expected]));
    assert_eq!(decision.missing_rules().collect::<Vec<_>>(), ["daily"]);
    let told = decision.explain(&foreign).to_string();
    assert!(told.contains("daily: 0 of 50000 used, 50000 remaining, missing asked: exceeded"), "{told}");
    let known = foreign.clone().with("amount_base_minor", 800).unwrap();
    assert_eq!(stands(&scored(&engine, &known)), [stand("daily", [50_000, 0, 50_000, 800], false)]);

    let skipping = engine_of(&format!("{DAILY}on_missing = \"skip\"\n"));
    let decision = scored(&skipping, &foreign);
    let expected = ("daily".to_owned(), Some(50_000), Some(0), Some(50_000), None, false);
    assert_eq!((decision.action(), stands(&decision)), (Action::Allow, vec![expected]));
    let failing = engine_of(&format!("{DAILY}on_missing = \"fail\"\n"));
    assert_eq!(failing.score(&foreign).unwrap_err().kind(), ErrorKind::Missing);

    // The same goes for the entity and for what the ceiling reads; another event is none of its business.
    let engine = engine_of(&format!("{DAILY}{MONTHLY}"));
    let mut nobody = top_up(MIDNIGHT, 5);
    nobody.unset(Field::ACCOUNT);
    nobody.unset(Field::COUNTRY);
    let decision = scored(&engine, &nobody);
    let expected = [
        ("daily".to_owned(), Some(50_000), None, None, Some(5), true),
        ("monthly".to_owned(), None, None, None, Some(5), true),
    ];
    assert_eq!((decision.action(), stands(&decision)), (Action::Deny, expected.to_vec()));
    let mut login = Event::of("login", MIDNIGHT).unwrap();
    assert_eq!(scored(&engine, &login).action(), Action::Allow);
    // Whether it is one that the limit is about may be missing as well.
    let app = "where = 'type == \"top_up\" && channel == \"app\"'";
    let engine = engine_of(&DAILY.replace("where = 'type == \"top_up\"'", app));
    assert_eq!(scored(&engine, &top_up(MIDNIGHT, 50_000)).limits().len(), 0);
    let decision = scored(&engine, &top_up(MIDNIGHT, 50_001));
    assert_eq!((decision.action(), decision.limits().len()), (Action::Deny, 1));
    login.set(Field::AMOUNT_MINOR, 50_001).unwrap();
    assert_eq!(scored(&engine, &login).action(), Action::Allow);
}

#[test]
fn a_limit_counts_events_or_asks_for_a_stronger_challenge() {
    let engine = engine_of(
        "[[limit]]\nname = \"sent\"\nby = [\"account\", \"payee\"]\nover = \"1h\"\nwhere = 'type == \"transfer\"'\n\
         count = 2\naction = \"challenge\"\nstrength = 3\n",
    );
    let transfer = |minute: i64, payee: &str| {
        let event = Event::of("transfer", MIDNIGHT + minute * MINUTE).unwrap();
        event.with("account", "a").unwrap().with("payee", payee).unwrap()
    };
    let outcomes = [(0, "p", false), (1, "p", false), (2, "p", true), (2, "q", false), (61, "p", false)];
    for (minute, payee, exceeded) in outcomes {
        let event = transfer(minute, payee).with("id", minute * 7 + i64::from(payee == "q")).unwrap();
        let decision = engine.assess(&event).unwrap();
        let expected = if exceeded { (Action::Challenge, 3) } else { (Action::Allow, 0) };
        assert_eq!((decision.action(), decision.strength()), expected, "{minute} {payee}");
        assert_eq!(decision.limits().next().unwrap().is_exceeded(), exceeded);
        if exceeded {
            engine.resolve(&event, Outcome::Challenged).unwrap();
        }
    }
}

#[test]
fn a_limit_in_shadow_says_what_it_would_do() {
    let engine = engine_of(&format!("{DAILY}mode = \"shadow\"\n"));
    let event = top_up(MIDNIGHT, 60_000);
    let decision = scored(&engine, &event);
    assert_eq!((decision.action(), decision.obligations().is_empty()), (Action::Allow, true));
    assert_eq!(reasons(&decision), [""; 0]);
    let limit = decision.limits().next().unwrap();
    assert!(limit.is_exceeded() && !limit.is_live());
    assert!(decision.explain(&event).to_string().ends_with("60000 asked: exceeded (shadow)"));
}

#[test]
fn a_sum_beyond_64_bits_is_refused_by_name() {
    let engine = engine_of(&DAILY.replace("50000", "9007199254740991"));
    let huge = |n: i64| {
        let event = Event::of("top_up", MIDNIGHT + n).unwrap().with("account", "a").unwrap();
        event.with("amount_minor", (1i64 << 53) - 1).unwrap()
    };
    (0..1_030).for_each(|n| _ = engine.record(&huge(n)).unwrap());
    let error = engine.score(&huge(2_000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overflow);
    assert!(error.to_string().contains("daily.used"), "{error}");
}

#[test]
fn a_heavy_account_is_told_that_its_limit_is_approximate() {
    let head = HEAD.replace("currency", "events = 16\ncurrency");
    let policy = Policy::from_toml(&format!("{head}{DAILY}")).unwrap();
    let engine = Engine::new(policy, key());
    // 25 a minute before midnight, 300 over the day.
    for n in 0..25 {
        engine.record(&top_up(MIDNIGHT - MINUTE + n, 100)).unwrap();
    }
    for n in 0..300 {
        engine.record(&top_up(MIDNIGHT + n * 4 * MINUTE, 10)).unwrap();
    }
    let event = top_up(MIDNIGHT + 23 * HOUR, 1);
    let decision = scored(&engine, &event);
    let limit = decision.limits().next().unwrap();
    assert!(limit.is_approximate());
    // Of what lies before the day's edge, no more counts than a 64th of a day has.
    assert!((3_000..=5_500).contains(&limit.used().unwrap()), "{:?}", limit.used());
    assert!(decision.explain(&event).to_string().contains("daily: about "));
    let light = scored(&engine, &top_up(MIDNIGHT + 23 * HOUR, 1).with("account", "b").unwrap());
    assert!(!light.limits().next().unwrap().is_approximate());
}

#[test]
fn a_limit_is_warm_when_its_policy_is_installed() {
    let before = "[[feature]]\nname = \"n\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"30d\"\n";
    let head = HEAD.replace("currency", "remember = [\"type\", \"amount_minor\", \"country\"]\ncurrency");
    let engine = Engine::new(Policy::from_toml(&format!("{head}{before}")).unwrap(), key());
    engine.record(&top_up(MIDNIGHT + HOUR, 48_000)).unwrap();
    let limited = Policy::from_toml(&format!("{head}{before}{DAILY}")).unwrap();
    let report = engine.swap(limited).unwrap();
    let warm = ["n", "daily.used", "daily.near", "daily.ceiling", "daily.remaining", "daily.share"];
    for name in warm {
        assert!(report.warm.iter().any(|known| known == name), "{name}: {report:?}");
    }
    let decision = scored(&engine, &top_up(MIDNIGHT + 2 * HOUR, 2_001));
    assert_eq!(stands(&decision), [stand("daily", [50_000, 48_000, 2_000, 2_001], true)]);
    assert_eq!(feature(&decision, "daily.near"), Value::Integer(1));
    // A higher ceiling: what is near it is another question.
    let raised = DAILY.replace("50000", "53000");
    let report = engine.swap(Policy::from_toml(&format!("{head}{before}{raised}")).unwrap()).unwrap();
    assert_eq!((report.cold.len(), report.partly_warm.len()), (0, 0), "{report:?}");
    let decision = scored(&engine, &top_up(MIDNIGHT + 2 * HOUR, 2_001));
    assert_eq!(stands(&decision), [stand("daily", [53_000, 48_000, 5_000, 2_001], false)]);
    assert_eq!(feature(&decision, "daily.near"), Value::Integer(1));

    // Without memory for that, it is answered from then on.
    let engine = engine_of(DAILY);
    engine.record(&top_up(MIDNIGHT + HOUR, 48_000)).unwrap();
    let report = engine.swap(Policy::from_toml(&format!("{HEAD}{raised}")).unwrap()).unwrap();
    assert_eq!(report.cold, ["daily.near"]);
    let decision = scored(&engine, &top_up(MIDNIGHT + 2 * HOUR, 2_001));
    assert_eq!(stands(&decision), [stand("daily", [53_000, 48_000, 5_000, 2_001], false)]);
}

#[test]
fn a_challenger_has_limits_of_its_own() {
    let engine = engine_of(DAILY);
    let lower =
        Policy::from_toml(&format!("{HEAD}{}", DAILY.replace("50000", "30000").replace("near = 0.9\n", "")));
    let report = engine.challenge_with(lower.unwrap()).unwrap();
    assert_eq!(report.shared, ["daily.used"]);
    engine.record(&top_up(MIDNIGHT, 20_000)).unwrap();
    let decision = scored(&engine, &top_up(MIDNIGHT + 1, 20_000));
    assert_eq!(stands(&decision), [stand("daily", [50_000, 20_000, 30_000, 20_000], false)]);
    let challenger = decision.challenger().unwrap();
    assert_eq!(challenger.action(), Action::Deny);
    assert_eq!(stands(challenger), [stand("daily", [30_000, 20_000, 10_000, 20_000], true)]);
}

#[test]
fn rules_and_features_read_limits() {
    let engine = engine_of(&format!(
        "{DAILY}[[feature]]\nname = \"left\"\nexpression = 'daily.remaining - 1'\n\
         [[rule]]\nid = \"near\"\nwhen = 'daily.near >= 2 || daily.share >= 0.95 && type == \"top_up\"'\npoints = 100\n"
    ));
    let decision = scored(&engine, &top_up(MIDNIGHT, 47_499));
    assert_eq!((feature(&decision, "left"), decision.score()), (Value::Integer(49_999), 0));
    assert_eq!(scored(&engine, &top_up(MIDNIGHT, 47_500)).score(), 100);
    let names: Vec<&str> = decision.features().map(|feature| feature.name()).collect();
    assert_eq!(
        names,
        ["left", "daily.used", "daily.ceiling", "daily.remaining", "daily.share", "daily.near"]
    );
    let policy = engine.policy();
    let used = policy.features().find(|feature| feature.name() == "daily.used").unwrap();
    assert_eq!(
        used.definition(),
        "sum of amount_minor by account over day where (type == \"top_up\") && (!has(outcome) || outcome in \
         [\"pending\", \"approved\", \"succeeded\"])"
    );
    // An absent `near` is a name like any other that there is none of.
    let without = DAILY.replace("near = 0.9\n", "");
    let rule = "[[rule]]\nid = \"near\"\nwhen = 'daily.near > 1'\npoints = 1\n";
    let error = Policy::from_toml(&format!("{HEAD}{without}{rule}")).unwrap_err().to_string();
    assert!(error.contains("there is no `daily.near`"), "{error}");
}

#[test]
fn expressions_over_several_lines_with_comments_are_as_good() {
    let engine = engine_of(
        "[[limit]]\nname = \"daily\"\nby = [\"account\"]\nover = \"day\"\nnear = 0.5\n\
         where = '''\ntype == \"top_up\"  // charges\n|| type == \"transfer\"  // and transfers'''\n\
         amount = '''country == \"JP\" // at home\n? 500 : 100 // abroad'''\n",
    );
    let decision = scored(&engine, &top_up(MIDNIGHT, 501));
    assert_eq!(stands(&decision), [stand("daily", [500, 0, 500, 501], true)]);
    let abroad = top_up(MIDNIGHT, 100).with("country", "FR").unwrap();
    assert_eq!(stands(&scored(&engine, &abroad)), [stand("daily", [100, 0, 100, 100], false)]);
    assert_eq!(feature(&scored(&engine, &abroad), "daily.near"), Value::Integer(1));
}

#[test]
fn a_policy_holds_so_many_limits_of_such_a_length() {
    let named = |n: usize| DAILY.replace("daily", &format!("l{n}"));
    let limits = |count: usize| (0..count).map(named).collect::<String>();
    let engine = engine_of(&limits(64));
    let decision = scored(&engine, &top_up(MIDNIGHT, 50_001));
    assert_eq!((decision.limits().len(), decision.reasons().len()), (64, 8));
    let error = Policy::from_toml(&format!("{HEAD}{}", limits(65))).unwrap_err().to_string();
    assert!(error.contains("a policy holds at most 64 limits"), "{error}");
    // What fits by itself may not fit into what is made of it.
    for length in [16_000, 16_300, 16_384, 16_385] {
        let condition = format!("amount_minor > {}", " ".repeat(length - 16)) + "1";
        let limit = DAILY.replace("type == \"top_up\"", &condition);
        let compiled = Policy::from_toml(&format!("{HEAD}{limit}"));
        let error = compiled.err().map(|error| error.to_string());
        let expected = (length > 16_000).then_some("longer than 16384 bytes");
        assert_eq!(error.is_some(), expected.is_some(), "{length}: {error:?}");
        assert!(expected.is_none_or(|expected| error.is_some_and(|error| error.contains(expected))));
    }
}

#[test]
fn a_record_from_before_limits_still_reads() {
    let engine = engine_of(DAILY);
    let login = Event::of("login", MIDNIGHT).unwrap();
    let json = scored(&engine, &login).record(&login).unwrap().to_json();
    assert!(!json.contains("\"limits\":"), "{json}");
    assert_eq!(DecisionRecord::from_json(&json).unwrap().limits, []);
}

// --- Against the definition -----------------------------------------------------------------------------------

const TYPES: [&str; 3] = ["top_up", "transfer", "login"];
const COUNTRIES: [&str; 3] = ["JP", "FR", ""];
const PAYEES: [&str; 3] = ["p", "q", ""];
const OUTCOMES: [Option<Outcome>; 5] =
    [None, Some(Outcome::Pending), Some(Outcome::Approved), Some(Outcome::Declined), Some(Outcome::Reversed)];

const ORACLE: &str = r#"
[[limit]]
name = "pair"
by = ["account", "payee"]
over = "36h"
where = 'type == "transfer"'
amount = 3000
on_missing = "skip"

[[limit]]
name = "moves"
by = ["account"]
over = "7d"
where = 'type in ["top_up", "transfer"]'
count = 'country == "JP" ? 9 : 4'
"#;

#[derive(Clone, Debug)]
struct Happened {
    number: usize,
    time: i64,
    kind: &'static str,
    account: &'static str,
    country: &'static str,
    payee: &'static str,
    amount: Option<i64>,
    /// In another currency, perhaps with the amount in the policy's.
    foreign: Option<Option<i64>>,
    outcome: Option<Outcome>,
}

impl Happened {
    fn event(&self) -> Event {
        let mut event = Event::of(self.kind, self.time).unwrap().with("id", self.number as i64).unwrap();
        event.set(Field::ACCOUNT, self.account).unwrap();
        for (field, text) in [(Field::COUNTRY, self.country), (Field::PAYEE, self.payee)] {
            if !text.is_empty() {
                event.set(field, text).unwrap();
            }
        }
        if let Some(amount) = self.amount {
            event.set(Field::AMOUNT_MINOR, amount).unwrap();
        }
        if let Some(base) = self.foreign {
            event.set(Field::CURRENCY, "USD").unwrap();
            base.iter().for_each(|base| event.set(Field::AMOUNT_BASE_MINOR, *base).unwrap());
        }
        event
    }

    /// The amount that counts.
    fn base(&self) -> Option<i64> {
        self.foreign.unwrap_or(self.amount)
    }

    fn counts(&self) -> bool {
        !matches!(self.outcome, Some(Outcome::Declined | Outcome::Reversed))
    }
}

/// The day in Tokyo, and its month.
fn calendar(time: i64) -> (i64, (i16, i8)) {
    let date = jiff::Timestamp::from_millisecond(time + 9 * HOUR).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
    ((time + 9 * HOUR).div_euclid(DAY), (date.year(), date.month()))
}

/// What a limit comes to: of what it is about, what it is, what came before, and what is asked.
fn oracle(name: &str, past: &[Happened], now: &Happened) -> Option<Stand> {
    let is_about = |event: &Happened| match name {
        "daily" | "monthly" => event.kind == "top_up",
        "pair" => event.kind == "transfer",
        _ => event.kind != "login",
    };
    let ceiling = |event: &Happened| match (name, event.country) {
        ("daily", _) => Some(50_000),
        ("pair", _) => Some(3_000),
        (_, "") => None,
        ("monthly", "JP") => Some(100_000),
        ("monthly", _) => Some(20_000),
        (_, country) => Some(if country == "JP" { 9 } else { 4 }),
    };
    if !is_about(now) {
        return None;
    }
    let counted = past.iter().filter(|event| {
        let within = match name {
            "daily" => calendar(event.time).0 == calendar(now.time).0,
            "monthly" => calendar(event.time).1 == calendar(now.time).1,
            "pair" => event.time > now.time - 36 * HOUR && event.payee == now.payee,
            _ => event.time > now.time - 7 * DAY,
        };
        is_about(event) && event.counts() && event.account == now.account && event.time <= now.time && within
    });
    let of_events = name == "moves";
    let used = counted.map(|event| if of_events { 1 } else { event.base().unwrap_or(0) }).sum();
    let used = Some(used).filter(|_| name != "pair" || !now.payee.is_empty());
    let ceiling = ceiling(now);
    let remaining = ceiling.zip(used).map(|(ceiling, used): (i64, i64)| (ceiling - used).max(0));
    let asked = if of_events { Some(1) } else { now.base() };
    let exceeded = remaining.zip(asked).map_or(name != "pair", |(remaining, asked)| asked > remaining);
    Some((name.to_owned(), ceiling, used, remaining, asked, exceeded))
}

fn happened() -> impl Strategy<Value = (Happened, i64)> {
    // Much happens within milliseconds of midnights, and some of it late.
    let time = (
        prop_oneof![Just(-2i64), Just(-1), Just(0), Just(1)],
        prop_oneof![4 => -3i64..4, 4 => -(DAY / 2)..DAY / 2],
    );
    let time = time.prop_map(|(day, rest)| MIDNIGHT + day * DAY + rest);
    let amount = prop_oneof![
        6 => (1i64..20_000).prop_map(Some),
        3 => prop_oneof![Just(3_000i64), Just(45_000), Just(45_001), Just(50_000), Just(50_001)].prop_map(Some),
        1 => Just(None),
    ];
    let foreign = prop_oneof![8 => Just(None), 1 => Just(Some(None)), 1 => (1i64..9_000).prop_map(|base| Some(Some(base)))];
    (time, 0usize..3, any::<bool>(), 0usize..3, 0usize..3, amount, foreign, 0usize..5).prop_map(
        |(time, kind, second, country, payee, amount, foreign, outcome)| {
            let happened = Happened {
                number: 0,
                time,
                kind: TYPES[kind],
                account: if second { "b" } else { "a" },
                country: COUNTRIES[country],
                payee: PAYEES[payee],
                amount,
                foreign,
                outcome: OUTCOMES[outcome],
            };
            (happened, time)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Each limit stands where the definition says, whoever is trusted, and records bring the same decision back.
    #[test]
    fn limits_are_what_they_say(
        drawn in proptest::collection::vec(happened(), 1..50),
        lateness in proptest::collection::vec(0i64..DAY / 2, 50),
    ) {
        let engine = engine_of(&format!("{DAILY}{MONTHLY}{ORACLE}{TRUSTED}"));
        engine.list_add("trusted", "a", ListEntry::new()).unwrap();
        engine.advance(MIDNIGHT + 3 * DAY).unwrap();
        // They arrive nearly in their order.
        let mut events: Vec<(Happened, i64)> = drawn;
        events.iter_mut().zip(&lateness).for_each(|((event, arrival), late)| *arrival = event.time + late);
        events.sort_by_key(|(_, arrival)| *arrival);
        let mut past: Vec<Happened> = Vec::new();
        for (number, (mut now, _)) in events.into_iter().enumerate() {
            now.number = number + 1;
            let event = now.event();
            let mut decision = Decision::detailed();
            engine.assess_into(&event, &mut decision).unwrap();

            let names = ["daily", "monthly", "pair", "moves"];
            let expected: Vec<Stand> = names.iter().filter_map(|name| oracle(name, &past, &now)).collect();
            prop_assert_eq!(&stands(&decision), &expected, "{:?}", now);
            let exceeded: Vec<&str> =
                expected.iter().filter(|stand| stand.5).map(|stand| stand.0.as_str()).collect();
            let action = if exceeded.is_empty() { Action::Allow } else { Action::Deny };
            prop_assert_eq!(decision.action(), action);
            prop_assert_eq!(decision.obligations().contains(Obligations::LIMIT), !exceeded.is_empty());
            let codes: Vec<&str> = exceeded
                .iter()
                .map(|name| match *name {
                    "daily" => "DAILY",
                    "monthly" => "TOO_MUCH_THIS_MONTH",
                    "pair" => "PAIR",
                    _ => "MOVES",
                })
                .collect();
            prop_assert_eq!(reasons(&decision), codes);

            // The number of amounts just below the ceiling of the day.
            let is_near = |event: &Happened| {
                event.kind == "top_up" && event.base().is_some_and(|amount| (45_001..=50_000).contains(&amount))
            };
            let today = past.iter().filter(|event| {
                is_near(event)
                    && event.counts()
                    && event.account == now.account
                    && event.time <= now.time
                    && calendar(event.time).0 == calendar(now.time).0
            });
            let near = today.count() + usize::from(is_near(&now));
            prop_assert_eq!(feature(&decision, "daily.near"), Value::Integer(near as i64));
            let stand = expected.iter().find(|stand| stand.0 == "daily");
            if let Some((_, Some(ceiling), Some(used), _, Some(asked), _)) = stand {
                let share = (used + asked) as f64 / *ceiling as f64;
                prop_assert_eq!(feature(&decision, "daily.share"), Value::Number(share));
            }

            let record = decision.record(&event).unwrap();
            let read = DecisionRecord::from_json(&record.to_json()).unwrap();
            prop_assert_eq!(&read, &record);
            prop_assert_eq!(read.limits.len(), expected.len());
            let replayed = read.replay(&engine.policy()).unwrap();
            prop_assert_eq!(stands(&replayed), expected);
            prop_assert_eq!(replayed.action(), decision.action());

            if let Some(outcome) = now.outcome {
                engine.resolve(&event, outcome).unwrap();
            }
            past.push(now);
        }
    }
}
