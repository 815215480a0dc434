//! Who has to go when memory runs out: nobody because an engine was restored, and nobody for the sake of one alone.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;

use std::convert::Infallible;

use common::*;
use sekisho::{Engine, Label, Policy, TableStatistics};

const MEBIBYTE: usize = 1 << 20;

/// Features that keep labels, composites, samples and sums.
const FEATURES: &str = r#"
[[feature]]
name = "frauds"
aggregate = "count"
by = ["account"]
over = "2h"
where = 'label == "fraud"'

[[feature]]
name = "devices"
aggregate = "distinct"
of = "device"
by = ["account"]
over = "2h"
where = 'label != "fraud"'

[[feature]]
name = "delayed"
aggregate = "distinct"
of = "device"
by = ["account"]
over = "1h"
delay = "30m"

[[feature]]
name = "paid"
aggregate = "sum"
of = "amount_minor"
by = ["account", "country"]
over = "2h"
"#;

fn labelled(events: usize, body: &str) -> Policy {
    let text = format!("{HEAD}lateness = \"30m\"\nevents = {events}\n{body}{BANDS}");
    Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// A few accounts have most of the events; now and then one is late, and some are labelled, now or later.
fn happen(engine: &Engine, n: u64) {
    let scatter = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let account = if scatter.is_multiple_of(3) { scatter / 3 % 9_000 } else { scatter / 3 % 40 };
    let late = if n.is_multiple_of(13) { 20 * MINUTE } else { 0 };
    let time = NOW + n as i64 * 200 - late;
    let event = payment(time, &format!("a-{account}"))
        .with("id", &*format!("e-{n}"))
        .and_then(|event| event.with("device", &*format!("d-{}", scatter % 5_003)))
        .and_then(|event| event.with("country", ["JP", "US", "DE"][scatter as usize % 3]))
        .and_then(|event| event.with("amount_minor", (scatter % 1_000) as i64))
        .unwrap();
    engine.assess(&event).unwrap();
    if scatter % 5 < 2 {
        let later = time + (scatter % 4_000) as i64 * SECOND;
        engine.label(&event, Label::Fraud, later).unwrap();
    }
}

fn accounts(engine: &Engine) -> TableStatistics {
    engine.statistics().into_iter().find(|table| table.name == "account").unwrap()
}

fn snapshot(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    let sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), Infallible>(())
    };
    engine.snapshot(sink).unwrap();
    bytes
}

/// Memory is counted by what is remembered, not by how it came to be.
#[test]
fn a_restored_engine_evicts_whom_the_live_one_does() {
    let builder = || Engine::builder(labelled(30, FEATURES), key()).table_memory("account", 3 * MEBIBYTE);
    let live = builder().build().unwrap();
    (0..30_000).for_each(|n| happen(&live, n));
    let before = accounts(&live);
    assert!(before.evicted > 500 && before.approximate > 20, "{before:?}");
    let restored = builder().restore(&*snapshot(&live)).unwrap();
    for n in 30_000..45_000 {
        happen(&live, n);
        happen(&restored, n);
        let (live, restored) = (accounts(&live), accounts(&restored));
        let all = |table: &TableStatistics| (table.entities, table.events, table.bytes, table.approximate);
        assert_eq!(all(&restored), all(&live), "at {n}");
        assert_eq!(restored.evicted, live.evicted - before.evicted, "at {n}");
    }
    assert!(accounts(&live).evicted > before.evicted + 500, "{:?}", accounts(&live));
    assert!(snapshot(&live) == snapshot(&restored));
}

/// One that counts, and what it remembers besides.
fn remembering(events: usize, fields: &str) -> Policy {
    labelled(events, &format!("remember = [{fields}]\n{}", count("n", "account", "30d")))
}

const NUMBERS: &str = r#""amount_minor", "latitude", "longitude", "radius_km", "browser.pixel_ratio", "session.behaviour_score""#;

/// Another policy may let an entity take more than its part of the memory had room for.
#[test]
fn one_alone_evicts_nobody() {
    let builder = Engine::builder(remembering(16, ""), key()).table_memory("account", 4 * MEBIBYTE);
    let engine = builder.build().unwrap();
    for n in 0..800 {
        engine.record(&payment(NOW + n, &format!("regular-{}", n % 400))).unwrap();
    }
    // There are four parts, made for histories of sixteen events.
    engine.swap(remembering(4_096, NUMBERS)).unwrap();
    for n in 0..4_200 {
        let event = payment(NOW + HOUR + n, "large").with("id", &*format!("e-{n}")).unwrap();
        engine.record(&event).unwrap();
        for day in 1..5 {
            engine.label(&event, Label::Fraud, NOW + day * DAY).unwrap();
        }
    }
    let after = accounts(&engine);
    assert!(after.bytes > MEBIBYTE && after.bytes <= after.budget, "{after:?}");
    assert_eq!((after.entities, after.evicted), (401, 0), "{after:?}");
}

/// What another policy remembers takes more, also where time is stated and nobody comes.
#[test]
fn to_expire_after_a_swap_stays_within_the_budget() {
    let builder = Engine::builder(remembering(16, ""), key()).table_memory("account", 4 * MEBIBYTE);
    let engine = builder.build().unwrap();
    for n in 0..40_000 {
        engine.record(&payment(NOW + n, &format!("a-{n}"))).unwrap();
    }
    let before = accounts(&engine);
    engine.swap(remembering(16, NUMBERS)).unwrap();
    engine.advance(NOW + HOUR).unwrap();
    assert_eq!(engine.expire(), 0);
    let after = accounts(&engine);
    assert!(after.bytes <= after.budget && after.entities < before.entities, "{before:?} to {after:?}");
}
