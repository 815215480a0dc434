//! An engine under load: within its budget of memory, with its policy replaced meanwhile.

#![allow(clippy::disallowed_methods, reason = "tests start threads")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::thread;

use common::*;
use proptest::prelude::*;
use sekisho::{Decision, Engine, ErrorKind, Event, ListEntry, Outcome, Policy, TableStatistics, Value};

const MEBIBYTE: usize = 1 << 20;

fn table(engine: &Engine, name: &str) -> TableStatistics {
    engine.statistics().into_iter().find(|table| table.name == name).unwrap()
}

/// An engine with `n` within 4 MiB, and accounts that came five times each.
fn with_established(accounts: usize) -> Engine {
    let engine = Engine::builder(policy(&count("n", "account", "30d")), key())
        .table_memory("account", 4 * MEBIBYTE)
        .build()
        .unwrap();
    for round in 0..5 {
        for account in 0..accounts {
            engine.record(&payment(NOW + round * MINUTE, &format!("regular-{account}"))).unwrap();
        }
    }
    engine
}

/// How many of them are remembered with at least so many events.
fn known(engine: &Engine, accounts: usize, time: i64, events: i64) -> usize {
    let whole = |account: &usize| {
        let event = payment(time, &format!("regular-{account}"));
        matches!(value(engine, &event, "n"), Value::Integer(found) if found >= events)
    };
    (0..accounts).filter(whole).count()
}

/// Whoever sends identifiers that are never used again makes them evict one another.
#[test]
fn a_flood_of_strangers_evicts_strangers() {
    // A few, and so many that they fill most of the table.
    for accounts in [400, 7_000] {
        let engine = with_established(accounts);
        let before = table(&engine, "account");
        assert_eq!((before.entities, before.events, before.evicted), (accounts, 5 * accounts, 0));
        let mut decision = Decision::new();
        for stranger in 0..200_000 {
            let time = NOW + HOUR + stranger;
            engine.assess_into(&payment(time, &format!("stranger-{stranger}")), &mut decision).unwrap();
            if stranger % 512 == 0 {
                let now = table(&engine, "account");
                assert!(now.bytes <= now.budget, "{now:?}");
            }
        }
        let after = table(&engine, "account");
        assert!(after.bytes <= after.budget && after.evicted > 100_000, "{after:?}");
        let kept = known(&engine, accounts, NOW + DAY, 5);
        assert!(kept * 1_000 >= accounts * 999, "{kept} of {accounts}");
    }
}

/// Strangers who come twice look like anybody who comes again, so they do displace who is idle; who comes again while
/// they fill the table once stays.
#[test]
fn a_flood_of_strangers_who_come_twice_spares_the_active() {
    const ACTIVE: i64 = 400;
    let engine = with_established(ACTIVE as usize + 100);
    let mut decision = Decision::new();
    for stranger in 0..100_000 {
        let time = NOW + HOUR + stranger * 10;
        for later in [0, 1] {
            let event = payment(time + later, &format!("stranger-{stranger}"));
            engine.assess_into(&event, &mut decision).unwrap();
        }
        if stranger % 16 == 0 {
            let event = payment(time, &format!("regular-{}", stranger / 16 % ACTIVE));
            engine.assess_into(&event, &mut decision).unwrap();
        }
        if stranger % 512 == 0 {
            let now = table(&engine, "account");
            assert!(now.bytes <= now.budget, "{now:?}");
        }
    }
    let after = table(&engine, "account");
    assert!(after.bytes <= after.budget && after.evicted > 50_000, "{after:?}");
    let kept = known(&engine, ACTIVE as usize, NOW + DAY, 5 + 100_000 / 16 / ACTIVE);
    assert!(kept * 1_000 >= ACTIVE as usize * 999, "{kept} of {ACTIVE}");
}

#[test]
fn budgets_that_cannot_hold_are_refused() {
    let body = count("n", "account", "1d") + &count("m", "ip", "1d");
    let build = |entity: &str, bytes| {
        Engine::builder(policy(&body), key()).table_memory(entity, bytes).build().map(|_| ()).unwrap_err()
    };
    let error = build("account", 1_000);
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("account")));
    let told = error.to_string();
    let start = "`account`: found a budget of 1000 bytes of memory, one entity of this kind can take ";
    assert!(told.starts_with(start) && told.ends_with("; give it more"), "{told}");

    let error = build("acount", 8 * MEBIBYTE);
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownName, Some("acount")));
    assert_eq!(
        error.to_string(),
        "`acount`: no feature of the policy is `by` this entity; did you mean \"account\"?"
    );
    assert_eq!(build("zzz", 1).to_string(), "`zzz`: no feature of the policy is `by` this entity");

    // What the others leave may be too little, at the start or after a swap.
    let greedy = |body: &str| {
        Engine::builder(policy(body), key())
            .memory(9 * MEBIBYTE)
            .table_memory("account", 9 * MEBIBYTE)
            .build()
    };
    assert_eq!(greedy(&body).unwrap_err().field(), Some("ip"));
    let engine = greedy(&count("n", "account", "1d")).unwrap();
    engine.record(&payment(NOW, "a")).unwrap();
    let error = engine.swap(policy(&body)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::OutOfRange, Some("ip")));
    assert_eq!(value(&engine, &payment(NOW + 1, "a"), "n"), Value::Integer(1), "the engine stays as it was");

    let statistics = Engine::builder(policy(&body), key())
        .memory(24 * MEBIBYTE)
        .table_memory("account", 1)
        .table_memory("account", 16 * MEBIBYTE)
        .build()
        .unwrap()
        .statistics();
    let budgets: Vec<_> = statistics.iter().map(|table| (table.name.as_str(), table.budget)).collect();
    assert_eq!(budgets, [("account", 16 * MEBIBYTE), ("ip", 8 * MEBIBYTE)]);
}

/// Who has done nothing that any feature looks at goes when newcomers come, long before the memory is used up.
#[test]
fn time_drops_who_never_comes_again() {
    let engine = Engine::builder(policy(&count("n", "account", "1h")), key())
        .table_memory("account", 4 * MEBIBYTE)
        .build()
        .unwrap();
    // Some come every day and must not stand before those behind them.
    let regular = |time: i64| {
        for account in 0..100 {
            engine.record(&payment(time, &format!("regular-{account}"))).unwrap();
        }
    };
    let rush = |time: i64, strangers: usize| {
        for stranger in 0..strangers {
            engine.record(&payment(time, &format!("stranger-{stranger}-{time}"))).unwrap();
        }
    };
    regular(NOW);
    rush(NOW, 4_000);
    let full = table(&engine, "account");
    assert_eq!((full.entities, full.evicted, full.expired), (4_100, 0, 0));

    let mut time = NOW + DAY;
    regular(time);
    // An hour of window and a day of lateness have passed for the first strangers.
    time += HOUR + SECOND;
    rush(time, 2_500);
    let after = table(&engine, "account");
    assert_eq!((after.entities, after.events, after.evicted), (2_600, 2_700, 0), "{after:?}");
    assert_eq!(after.expired, 4_000);
    assert!(after.bytes < full.bytes * 2 / 3, "{full:?} to {after:?}");
    assert_eq!(known(&engine, 100, NOW + DAY + 1, 1), 100);
}

#[test]
fn a_swap_that_adds_tables_makes_room_for_them() {
    let engine = Engine::builder(policy(&count("of_account", "account", "30d")), key()).memory(8 * MEBIBYTE);
    let engine = engine.build().unwrap();
    for n in 0..60_000 {
        engine.record(&payment(NOW, &format!("a-{n}"))).unwrap();
    }
    assert!(table(&engine, "account").bytes > 7 * MEBIBYTE);
    let both = count("of_account", "account", "30d") + &count("of_device", "device", "30d");
    engine.swap(policy(&both)).unwrap();
    for n in 0..60_000 {
        let event = Event::of("payment", NOW).unwrap().with("device", &format!("d-{n}")).unwrap();
        engine.record(&event).unwrap();
    }
    for name in ["account", "device"] {
        assert!((3 * MEBIBYTE..=4 * MEBIBYTE).contains(&table(&engine, name).bytes), "{name}");
    }
}

/// What every policy of the swaps has.
const CORE: &str = r#"
[[feature]]
name = "n"
aggregate = "count"
by = ["account"]
over = "30d"
[[feature]]
name = "failed"
aggregate = "count"
by = ["account"]
over = "2d"
where = 'outcome == "failed"'
[[feature]]
name = "sent"
aggregate = "sum"
of = "amount_minor"
by = ["account"]
over = "1d"
where = 'amount_minor > 10'
[[feature]]
name = "countries"
aggregate = "distinct"
of = "country"
by = ["account"]
over = "7d"
[[feature]]
name = "device_before"
aggregate = "count"
by = ["account", "device"]
over = "30d"
[[feature]]
name = "accounts_of_device"
aggregate = "distinct"
of = "account"
by = ["device"]
over = "30d"
"#;

/// What some have beside it: columns, conditions and windows before, between and behind those of the others, and a
/// table.
const EXTRAS: [&str; 7] = [
    "aggregate = \"sum\"\nof = \"radius_km\"\nby = [\"account\"]\nover = \"1d\"\n",
    "aggregate = \"count\"\nby = [\"account\"]\nover = \"90d\"\nwhere = 'amount_minor > 50'\n",
    "aggregate = \"distinct\"\nof = \"ip\"\nby = [\"account\"]\nover = \"1d\"\n",
    "aggregate = \"mean\"\nof = \"amount_minor\"\nby = [\"device\"]\nover = \"1d\"\n",
    "aggregate = \"count\"\nby = [\"device\"]\nwhere = 'outcome == \"approved\" && has(country)'\n",
    "aggregate = \"count\"\nby = [\"ip\"]\nover = \"1d\"\nwhere = 'amount_minor > 10'\n",
    "aggregate = \"last\"\nof = \"country\"\nby = [\"account\"]\nwhere = 'label == \"fraud\"'\n",
];

/// The policy with the extras whose bits are set, half of them ahead of what all have.
fn variant(bits: u8) -> Policy {
    let (mut before, mut behind) = (String::new(), String::new());
    for (number, extra) in EXTRAS.iter().enumerate().filter(|(number, _)| bits >> number & 1 == 1) {
        let target = if number % 2 == 0 { &mut before } else { &mut behind };
        *target += &format!("[[feature]]\nname = \"extra_{number}\"\n{extra}");
    }
    policy(&(before + CORE + &behind))
}

#[derive(Clone, Debug)]
enum Step {
    Happens { account: u8, device: u8, amount: Option<i64>, country: &'static str, pause: i64, late: i64 },
    Resolves { back: usize },
    Swaps { bits: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let happens = (
        0u8..4,
        0u8..3,
        proptest::option::of(0i64..100),
        proptest::sample::select(vec!["JP", "US", "DE"]),
        prop_oneof![3 => 0i64..HOUR, 1 => 0i64..DAY / 2],
        prop_oneof![3 => Just(0), 1 => 0i64..DAY / 2],
    )
        .prop_map(|(account, device, amount, country, pause, late)| Step::Happens {
            account,
            device,
            amount,
            country,
            pause,
            late,
        });
    prop_oneof![
        8 => happens,
        1 => (0usize..10).prop_map(|back| Step::Resolves { back }),
        1 => any::<u8>().prop_map(|bits| Step::Swaps { bits }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Features that all policies have never notice that the policy changed.
    #[test]
    fn swaps_keep_what_all_policies_count(steps in proptest::collection::vec(step(), 1..120), first: u8) {
        let last = steps.iter().rev().find_map(|step| match step {
            Step::Swaps { bits } => Some(*bits),
            _ => None,
        });
        let swapped = Engine::new(variant(first), key());
        let fresh = Engine::new(variant(last.unwrap_or(first)), key());
        let common = ["n", "failed", "sent", "countries", "device_before", "accounts_of_device"];
        let mut time = NOW;
        let mut happened: Vec<Event> = Vec::new();
        for step in &steps {
            match step {
                Step::Happens { account, device, amount, country, pause, late } => {
                    time += pause;
                    let mut event = payment(time - late, &format!("a-{account}"))
                        .with("id", happened.len() as i64).unwrap()
                        .with("device", &format!("d-{device}")).unwrap()
                        .with("country", *country).unwrap()
                        .with("ip", &format!("192.0.2.{}", happened.len() % 5)).unwrap()
                        .with("radius_km", happened.len() as f64 / 3.0).unwrap();
                    if let Some(amount) = amount {
                        event = event.with("amount_minor", *amount).unwrap();
                    }
                    let mut decisions = [Decision::detailed(), Decision::detailed()];
                    for (engine, decision) in [&swapped, &fresh].into_iter().zip(&mut decisions) {
                        engine.assess_into(&event, decision).unwrap();
                    }
                    for name in common {
                        let [a, b] = decisions.each_ref().map(|decision| {
                            let feature = decision.features().find(|feature| feature.name() == name).unwrap();
                            (feature.value().clone(), feature.is_approximate())
                        });
                        prop_assert_eq!(a, b, "{} of {:?}", name, event);
                    }
                    happened.push(event);
                }
                Step::Resolves { back } => {
                    if let Some(event) = happened.iter().rev().nth(*back) {
                        let outcome = if back % 2 == 0 { Outcome::Failed } else { Outcome::Approved };
                        prop_assert!(swapped.resolve(event, outcome).unwrap());
                        prop_assert!(fresh.resolve(event, outcome).unwrap());
                    }
                }
                Step::Swaps { bits } => {
                    let report = swapped.swap(variant(*bits)).unwrap();
                    for name in common {
                        prop_assert!(report.warm.iter().any(|warm| warm == name), "{} in {:?}", name, report);
                    }
                }
            }
        }
    }
}

#[test]
fn the_policy_is_replaced_while_threads_score() {
    const EVENTS: usize = 2_000;
    let engine = Engine::new(variant(0), key());
    let event = |thread: usize, n: usize| {
        payment(NOW + n as i64, &format!("a-{thread}"))
            .with("id", &format!("e-{thread}-{n}"))
            .unwrap()
            .with("device", "shared")
            .unwrap()
            .with("amount_minor", 11)
            .unwrap()
    };
    thread::scope(|scope| {
        let scoring: Vec<_> = (0..3)
            .map(|thread| {
                let engine = &engine;
                scope.spawn(move || {
                    for n in 0..EVENTS {
                        let mut decision = Decision::detailed();
                        engine.assess_into(&event(thread, n), &mut decision).unwrap();
                        let found = decision.features().find(|feature| feature.name() == "n").unwrap();
                        assert_eq!(*found.value(), Value::Integer(n as i64));
                    }
                })
            })
            .collect();
        let mut bits = 0u8;
        while scoring.iter().any(|thread| !thread.is_finished()) {
            bits = bits.wrapping_add(37);
            engine.swap(variant(bits)).unwrap();
            thread::yield_now();
        }
    });
    for thread in 0..3 {
        let later = event(thread, EVENTS);
        assert_eq!(value(&engine, &later, "n"), Value::Integer(EVENTS as i64));
        assert_eq!(value(&engine, &later, "sent"), Value::Integer(11 * EVENTS as i64));
        assert_eq!(value(&engine, &later, "device_before"), Value::Integer(EVENTS as i64));
        assert_eq!(value(&engine, &later, "accounts_of_device"), Value::Integer(3));
    }
}

#[test]
fn a_longer_window_is_partly_warm() {
    let engine = Engine::new(policy(&count("n", "account", "7d")), key());
    engine.record(&payment(NOW, "a")).unwrap();
    let longer = count("n", "account", "7d")
        + &count("long", "account", "30d")
        + &count("short", "account", "1h")
        + "[[feature]]\nname = \"ever\"\naggregate = \"count\"\nby = [\"account\"]\n"
        + &count("of_ip", "ip", "1h")
        + "[[feature]]\nname = \"large\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"30d\"\n\
           where = 'amount_minor > 1'\n"
        + "[[feature]]\nname = \"share\"\naggregate = \"ratio\"\nnumerator = \"short\"\ndenominator = \"long\"\n";
    let report = engine.swap(policy(&longer)).unwrap();
    assert_eq!(report.warm, ["n", "short"]);
    // A week of window and a day of lateness were remembered.
    let since = NOW - 8 * DAY;
    let partly = ["long", "ever", "share"].map(|name| (name.to_owned(), since));
    assert_eq!(report.partly_warm, partly);
    assert_eq!(report.cold, ["large", "of_ip"]);
    assert_eq!(value(&engine, &payment(NOW + 1, "a"), "long"), Value::Integer(1));

    // Nothing is missing of what an engine never had.
    let idle = Engine::new(policy(&count("n", "account", "7d")), key());
    let report = idle.swap(policy(&count("n", "account", "30d"))).unwrap();
    assert_eq!((report.warm, report.partly_warm), (vec!["n".to_owned()], Vec::new()));
}

#[test]
fn the_forgotten_leave_nothing_behind() {
    let lists = "[[list]]\nname = \"blocked\"\nof = \"account\"\n[[list]]\nname = \"trusted\"\nof = \"account\"\n\
                 [[list]]\nname = \"devices\"\nof = \"device\"\n";
    let body = lists.to_owned()
        + &count("n", "account", "30d")
        + &count("of_device", "device", "30d")
        + "[[feature]]\nname = \"with_device\"\naggregate = \"count\"\nby = [\"account\", \"device\"]\nover = \"1d\"\n\
           [[rule]]\nid = \"blocked\"\nwhen = 'in_list(\"blocked\", account)'\npoints = 900\n\
           [[rule]]\nid = \"devices\"\nwhen = 'in_list(\"devices\", device)'\npoints = 9\n";
    let engine = Engine::new(policy(&body), key());
    let event = |n: i64, account: &str| payment(NOW + n, account).with("device", "d").unwrap();
    for (list, member) in [("blocked", "a"), ("trusted", "a"), ("blocked", "b"), ("devices", "a")] {
        engine.list_add(list, member, ListEntry::new()).unwrap();
    }
    for n in 0..3 {
        engine.record(&event(n, "a")).unwrap();
        engine.record(&event(n, "b")).unwrap();
    }
    assert_eq!(scored(&engine, &event(9, "a")).score(), 900);

    assert!(engine.forget("account", "a").unwrap());
    assert!(!engine.forget("account", "a").unwrap(), "nothing is known of it any more");
    assert!(!engine.forget("account", "nobody").unwrap());
    let after = event(9, "a");
    assert_eq!(scored(&engine, &after).score(), 0);
    assert_eq!(value(&engine, &after, "n"), Value::Integer(0));
    assert_eq!(value(&engine, &after, "with_device"), Value::Integer(0));
    assert_eq!(value(&engine, &after, "of_device"), Value::Integer(6), "the device has its own memory");
    let lengths = ["blocked", "trusted", "devices"].map(|list| engine.list_len(list).unwrap());
    assert_eq!(lengths, [1, 0, 1], "a device of the same name is another entity");
    assert_eq!(value(&engine, &event(9, "b"), "n"), Value::Integer(3));
    assert_eq!(scored(&engine, &event(9, "b")).score(), 900);
    let accounts = table(&engine, "account");
    assert_eq!((accounts.entities, accounts.events), (1, 3));

    // An event that was forgotten with its entity may be recorded anew.
    engine.record(&event(10, "a")).unwrap();
    assert_eq!(value(&engine, &event(11, "a"), "n"), Value::Integer(1));

    let error = engine.forget("acount", "a").unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownName, Some("acount")));
    assert_eq!(error.to_string(), "`acount`: there is no such entity; did you mean \"account\"?");
    assert_eq!(engine.forget("account", "").unwrap_err().kind(), ErrorKind::Empty);
}

/// An event of the far future must not make everything else look old.
#[test]
fn the_future_ages_nobody() {
    let engine = Engine::builder(policy(&count("n", "account", "1h")), key())
        .table_memory("account", 4 * MEBIBYTE)
        .build()
        .unwrap();
    for account in 0..1_000 {
        engine.record(&payment(NOW, &format!("regular-{account}"))).unwrap();
    }
    let before = engine.statistics();
    for ahead in [DAY + 1, 400 * DAY] {
        let error = engine.assess(&payment(NOW + ahead, "traveller")).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Time, Some("time")));
        assert_eq!(engine.record(&payment(NOW + ahead, "regular-1")).unwrap_err().kind(), ErrorKind::Time);
    }
    assert_eq!(engine.statistics(), before);
    for stranger in 0..1_000 {
        engine.record(&payment(NOW + 1, &format!("stranger-{stranger}"))).unwrap();
    }
    assert_eq!(table(&engine, "account").expired, 0);
    assert_eq!(known(&engine, 1_000, NOW + 2, 1), 1_000);
}

/// Late events come to their place in time, also where memory is short.
#[test]
fn late_events_find_their_place_under_pressure() {
    let engine = with_established(200);
    let last = NOW + 12 * HOUR;
    for stranger in 0..100_000 {
        engine.record(&payment(last, &format!("stranger-{stranger}"))).unwrap();
    }
    assert!(table(&engine, "account").evicted > 0);
    for account in 0..200 {
        // Between the first five and now.
        engine.record(&payment(NOW + 6 * HOUR, &format!("regular-{account}"))).unwrap();
    }
    let then = |time: i64| value(&engine, &payment(time, "regular-7"), "n");
    assert_eq!(then(NOW + 6 * HOUR - 1), Value::Integer(5));
    assert_eq!(then(NOW + 6 * HOUR), Value::Integer(6));
    assert_eq!(then(NOW + 2 * MINUTE), Value::Integer(3));
    assert_eq!(known(&engine, 200, last, 6), 200);
}
