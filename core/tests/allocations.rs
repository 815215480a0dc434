//! Scoring allocates nothing once it is warm; restoring allocates what is kept, and little else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::convert::Infallible;
use std::fmt::Write;

use sekisho::{Decision, Engine, Event, Field, HashKey, ListEntry, Policy, Tenants, Value};

const NOW: i64 = 1_767_225_600_000;

fn policy() -> Policy {
    let mut text = String::from(
        "[policy]\nname = \"allocations\"\nversion = \"1\"\ncurrency = \"JPY\"\ntime_zone = \"Asia/Tokyo\"\n\
         [[list]]\nname = \"devices\"\nof = \"device\"\n",
    );
    let aggregates = [
        ("count", ""),
        ("sum", "of = \"amount_minor\""),
        ("distinct", "of = \"device\""),
        ("stddev", "of = \"amount_minor\""),
        ("last", "of = \"country\""),
        ("since", ""),
    ];
    for (a, (aggregate, of)) in aggregates.iter().enumerate() {
        for (b, by) in ["account", "device", "ip", "card", "merchant"].iter().enumerate() {
            for over in ["1h", "day", "30d"] {
                let _ = write!(
                    text,
                    "[[feature]]\nname = \"f{a}_{b}_{over}\"\naggregate = \"{aggregate}\"\n{of}\nby = [\"{by}\"]\n\
                     over = \"{over}\"\nwhere = 'type == \"payment\" && outcome != \"declined\"'\n"
                );
            }
        }
    }
    for (name, over, ceiling) in [("daily", "day", 9_000), ("monthly", "month", 1_000_000)] {
        let _ = write!(
            text,
            "[[limit]]\nname = \"{name}\"\nby = [\"account\"]\nover = \"{over}\"\nwhere = 'type == \"payment\"'\n\
             amount = {ceiling}\nnear = 0.5\naction = \"review\"\n"
        );
    }
    for n in 0..50 {
        let _ = write!(
            text,
            "[[rule]]\nid = \"r{n}\"\nwhen = 'f0_{}_1h > {n} || in_list(\"devices\", device) && \
             device.model.lowerAscii().contains(\"pixel\") && amount_minor > {}'\npoints = 3\n",
            n % 5,
            2 * n + 50
        );
    }
    text.push_str(
        "[decision]\nbands = [{ from = 0, action = \"allow\" }, { from = 90, action = \"challenge\" }]\n",
    );
    Policy::from_toml(&text).unwrap()
}

fn fill(event: &mut Event, n: i64) {
    event.clear();
    for (field, text) in [
        (Field::TYPE, "payment"),
        (Field::ACCOUNT, "a-1"),
        (Field::DEVICE, "d-1"),
        (Field::IP, "203.0.113.7"),
        (Field::CARD, "4111111111111111"),
        (Field::MERCHANT, "m-1"),
        (Field::OUTCOME, "approved"),
        (Field::COUNTRY, "JP"),
        (Field::DEVICE_MODEL, "Pixel 9 of somebody"),
    ] {
        event.set(field, text).unwrap();
    }
    event.set(Field::ID, n).unwrap();
    event.set(Field::TIME, NOW + 600_000 * n).unwrap();
    event.set(Field::AMOUNT_MINOR, 100 + n % 7).unwrap();
}

#[test]
fn a_warm_call_allocates_nothing() {
    let engine = Engine::new(policy(), HashKey::new(1, [1; 32]));
    engine.list_add("devices", "d-1", ListEntry::new()).unwrap();
    let mut event = engine.event();
    let mut reused = Decision::detailed();
    // A month and the lateness: from here on, what comes in pushes something out.
    let warm = 31 * 24 * 6 + 6 * 24 * 4;
    for n in 0..warm {
        fill(&mut event, n);
        engine.assess_into(&event, &mut reused).unwrap();
    }
    let (mut hits, mut limits) = (0, 0);
    for n in warm..warm + 1_000 {
        let info = allocation_counter::measure(|| {
            fill(&mut event, n);
            if n % 2 == 0 {
                engine.assess_into(&event, &mut reused).unwrap();
                hits = hits.max(reused.hits().len());
                limits += reused.limits().filter(|limit| limit.is_exceeded()).count();
            } else {
                // A fresh decision holds its reasons and hits in place.
                hits = hits.max(engine.assess(&event).unwrap().reasons().len());
            }
        });
        assert_eq!(info.count_total, 0, "call {n}");
    }
    assert!(hits > 0 && limits > 0);
}

#[test]
fn scoring_alone_never_allocates() {
    let engine = Engine::new(policy(), HashKey::new(1, [1; 32]));
    let mut event = engine.event();
    let mut decision = Decision::new();
    for n in 0..200 {
        fill(&mut event, n);
        engine.assess_into(&event, &mut decision).unwrap();
    }
    let info = allocation_counter::measure(|| {
        for n in 200..300 {
            fill(&mut event, n % 150 + 100);
            engine.score_into(&event, &mut decision).unwrap();
        }
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn a_thread_that_serves_tenants_in_turn_allocates_nothing() {
    let tenants = Tenants::new(3 << 30);
    for (secret, name) in [(1, "acme"), (2, "zenith"), (3, "third")] {
        tenants.add(name, Engine::builder(policy(), HashKey::new(1, [secret; 32]))).unwrap();
    }
    let mut event = Event::of("payment", NOW).unwrap();
    let mut decision = Decision::new();
    let mut round = |n: i64| {
        for name in ["acme", "third", "zenith"] {
            let engine = tenants.get(name).unwrap();
            fill(&mut event, n);
            engine.score_into(&event, &mut decision).unwrap();
        }
    };
    (0..3).for_each(&mut round);
    let counted = allocation_counter::measure(|| (3..100).for_each(&mut round));
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

/// Whose histories a policy with many tables keeps.
const KEPT: [&str; 20] = [
    "account",
    "device",
    "ip",
    "card",
    "merchant",
    "payee",
    "terminal",
    "session",
    "email",
    "phone",
    "bank_account",
    "population",
    "ip/24",
    "bin",
    "mcc",
    "country",
    "channel",
    "type",
    "device.model",
    "device.platform",
];

/// Each table has features of its own, and one asks a list about what it remembers.
fn policy_of_many_tables() -> Policy {
    let mut text = String::from(
        "[policy]\nname = \"many\"\nversion = \"1\"\ncurrency = \"JPY\"\n[[list]]\nname = \"devices\"\nof = \"device\"\n",
    );
    for (n, by) in KEPT.iter().enumerate() {
        let _ = write!(
            text,
            "[[feature]]\nname = \"count_{n}\"\naggregate = \"count\"\nby = [\"{by}\"]\nover = \"1h\"\n\
             [[feature]]\nname = \"listed_{n}\"\naggregate = \"listed\"\nof = \"device\"\nlist = \"devices\"\n\
             by = [\"{by}\"]\nover = \"1d\"\n"
        );
    }
    text.push_str("[decision]\nbands = [{ from = 0, action = \"allow\" }]\n");
    Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn neither_many_tables_nor_lists_that_they_ask_allocate() {
    let engine = Engine::new(policy_of_many_tables(), HashKey::new(1, [1; 32]));
    assert_eq!(engine.statistics().len(), KEPT.len());
    for n in 0..1_000 {
        engine.list_add("devices", &format!("d-{n}"), ListEntry::new()).unwrap();
    }
    let mut event = engine.event();
    let mut decision = Decision::detailed();
    let mut listed = 0;
    let mut counted = 0;
    let warm = 3 * 144;
    for n in 0..warm + 200 {
        fill(&mut event, n);
        for name in ["payee", "terminal", "session", "phone", "bank_account"] {
            let field = event.schema().field(name).unwrap();
            event.set(field, "x-1").unwrap();
        }
        event.set(Field::EMAIL, "a@example.jp").unwrap();
        event.set(Field::MCC, "5411").unwrap();
        event.set(Field::CHANNEL, "app").unwrap();
        event.set(Field::DEVICE_PLATFORM, "android").unwrap();
        event.set(Field::DEVICE, format!("d-{}", n % 8).as_str()).unwrap();
        let info = allocation_counter::measure(|| engine.assess_into(&event, &mut decision).unwrap());
        if n >= warm {
            counted += info.count_total;
            let found = decision.features().filter(|feature| feature.value() == &Value::Integer(8)).count();
            listed = listed.max(found);
        }
    }
    assert_eq!(counted, 0, "allocations of {} calls", 200);
    assert!(listed >= KEPT.len() - 1, "{listed} tables know eight listed devices");
}

/// Whatever the shards are: no slots are copied into larger memory again and again, none are held for nobody.
#[test]
fn restoring_takes_what_is_kept() {
    let policy = Policy::from_toml(
        "[policy]\nname = \"restored\"\nversion = \"1\"\ncurrency = \"JPY\"\n\
         [[feature]]\nname = \"count\"\naggregate = \"count\"\nby = [\"account\"]\nover = \"1d\"\n\
         [decision]\nbands = [{ from = 0, action = \"allow\" }]\n",
    )
    .unwrap();
    let key = || HashKey::new(1, [1; 32]);
    let engine = Engine::builder(policy.clone(), key()).memory(32 << 20).build().unwrap();
    let mut event = engine.event();
    for n in 0..40_000 {
        event.clear();
        event.set(Field::ID, n).unwrap();
        event.set(Field::TYPE, "login").unwrap();
        event.set(Field::ACCOUNT, n).unwrap();
        event.set(Field::TIME, NOW).unwrap();
        engine.record(&event).unwrap();
    }
    let mut snapshot = Vec::new();
    let sink = |piece: &[u8]| {
        snapshot.extend_from_slice(piece);
        Ok::<_, Infallible>(())
    };
    engine.snapshot(sink).unwrap();
    for mebibytes in [12, 32, 256] {
        let memory = mebibytes << 20;
        let builder = || Engine::builder(policy.clone(), key()).memory(memory);
        let (mut built, mut restored) = (None, None);
        let empty = allocation_counter::measure(|| built = builder().build().ok());
        let info = allocation_counter::measure(|| restored = builder().restore(&*snapshot).ok());
        let counted = restored.unwrap().statistics()[0].bytes as u64;
        let (all, kept) = (info.bytes_total - empty.bytes_total, info.bytes_current - empty.bytes_current);
        // A chunk of the snapshot is read into memory, and lists of places grow.
        assert!(all < counted + counted / 2 + snapshot.len() as u64 / 4, "{mebibytes}: {all} of {counted}");
        assert!(kept.unsigned_abs() < counted, "{mebibytes}: {kept} of {counted}");
    }
}
