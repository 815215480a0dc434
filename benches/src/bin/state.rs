//! What memory, threads, snapshots and bounded histories cost and hold.
//!
//! `state [threads|snapshot|flood|error] [millions]`; all of them unless one is named. `millions` is of identifiers
//! in the flood, 50 unless given.

use std::convert::Infallible;
use std::error::Error;
use std::hint::{self, black_box};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sekisho::{Decision, Engine, Event, Field, HashKey, Policy, Value};
use sekisho_benches::{SETS, Workload};

/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| arguments.first().is_none_or(|first| first == name);
    let millions = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(50u64);
    if wanted("threads") {
        // More memory is cut into more shards, in which two threads meet less often.
        threads(1)?;
        threads(32)?;
    }
    if wanted("snapshot") {
        snapshots()?;
    }
    if wanted("flood") {
        flood(millions)?;
    }
    if wanted("error") {
        errors()?;
    }
    Ok(())
}

fn scatter(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

fn key() -> HashKey {
    HashKey::new(1, *b"32 secret bytes of the host ....")
}

/// The bench `assess` on one thread, and on two that share an engine but no entity, turn by turn. Each has a workload
/// of its own, and neither gets ahead of the other by more than a few events: they come in the order of their times.
fn threads(gibibytes: usize) -> Result<(), Box<dyn Error>> {
    const CALLS: u64 = 400_000;
    const AHEAD: u64 = 4;
    let workloads = [Workload::default(), Workload::named_from(SETS, SETS)];
    let mut best = [f64::MAX; 2];
    for _ in 0..5 {
        for (count, best) in (1..=2usize).zip(&mut best) {
            let engine = workloads[0].engine_within(gibibytes << 30)?;
            let done = &[Progress::default(), Progress::default()][..count];
            let work = &|workload: &Workload, own: &Progress| -> sekisho::Result<Duration> {
                let (mut event, mut decision) = (engine.event(), Decision::new());
                let first = 2 * workload.period();
                let mut spent = Duration::ZERO;
                for number in 0..first + CALLS {
                    own.0.store(number, Ordering::Relaxed);
                    while done.iter().any(|done| done.0.load(Ordering::Relaxed) + AHEAD < number) {
                        hint::spin_loop();
                    }
                    workload.fill(&workload.sample(number), &mut event)?;
                    let start = Instant::now();
                    engine.assess_into(black_box(&event), &mut decision)?;
                    if number >= first {
                        spent += start.elapsed();
                    }
                    black_box(decision.score());
                }
                own.0.store(u64::MAX - AHEAD, Ordering::Relaxed);
                Ok(spent)
            };
            let spent: Vec<Duration> = thread::scope(|scope| {
                let each = workloads.iter().zip(done);
                let running: Vec<_> =
                    each.map(|(workload, own)| scope.spawn(move || work(workload, own))).collect();
                running
                    .into_iter()
                    .map(|thread| thread.join().expect("no panic").expect("fine events"))
                    .collect()
            });
            let slowest = spent.into_iter().max().unwrap_or_default();
            *best = best.min(slowest.as_nanos() as f64 / CALLS as f64);
        }
    }
    let [one, two] = best;
    println!(
        "threads, {gibibytes} GiB: one thread {one:.0} ns a call, two {two:.0} ns each: {:.2} times the throughput",
        2.0 * one / two
    );
    Ok(())
}

/// How many events a thread has done, in a line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Progress(AtomicU64);

/// A table of accounts with twelve events each.
fn populated(accounts: u64) -> Result<Engine, Box<dyn Error>> {
    let policy = Policy::from_toml(
        r#"
        [policy]
        name = "state"
        version = "1"
        currency = "JPY"
        remember = ["device", "merchant"]
        [[feature]]
        name = "count"
        aggregate = "count"
        by = ["account"]
        over = "1d"
        where = 'outcome == "declined"'
        [[feature]]
        name = "sum"
        aggregate = "sum"
        of = "amount_minor"
        by = ["account"]
        over = "30d"
        [decision]
        bands = [{ from = 0, action = "allow" }]
        "#,
    )?;
    let engine = Engine::builder(policy, key()).memory(4 << 30).build()?;
    let mut event = engine.event();
    for n in 0..accounts * 12 {
        fill(&mut event, n % accounts, n, START + n as i64 * DAY / (accounts as i64 * 12))?;
        engine.record(&event)?;
    }
    Ok(engine)
}

fn fill(event: &mut Event, account: u64, n: u64, time: i64) -> sekisho::Result<()> {
    event.clear();
    event.set(Field::ID, n as i64)?;
    event.set(Field::TYPE, "payment")?;
    event.set(Field::TIME, time)?;
    event.set(Field::ACCOUNT, account as i64)?;
    event.set(Field::DEVICE, (account % 7 + n % 2) as i64)?;
    event.set(Field::MERCHANT, (scatter(n) % 5_000) as i64)?;
    event.set(Field::AMOUNT_MINOR, (scatter(n) % 20_000) as i64)?;
    event.set(Field::OUTCOME, if n.is_multiple_of(9) { "declined" } else { "approved" })
}

fn percentile(sorted: &[u64], part: f64) -> u64 {
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

/// How fast a snapshot is written and read, and how long calls take meanwhile.
fn snapshots() -> Result<(), Box<dyn Error>> {
    const ACCOUNTS: u64 = 1_000_000;
    let engine = populated(ACCOUNTS)?;
    let table = &engine.statistics()[0];
    println!(
        "snapshot: {} accounts of 12 events, {} bytes each",
        table.entities,
        table.bytes / table.entities
    );
    // What is written into is there already: the machine's first use of memory is not what is measured.
    let mut bytes = vec![1; table.bytes + table.bytes / 4];
    bytes.clear();
    let start = Instant::now();
    engine.snapshot(|piece| {
        bytes.extend_from_slice(piece);
        Ok::<(), Infallible>(())
    })?;
    let (spent, gigabytes) = (start.elapsed().as_secs_f64(), bytes.len() as f64 / 1e9);
    println!("  written: {gigabytes:.2} GB in {spent:.2} s, {:.2} GB/s", gigabytes / spent);
    let start = Instant::now();
    let new = black_box(vec![1u8; table.bytes]);
    let machine = start.elapsed().as_secs_f64();
    drop(new);
    let start = Instant::now();
    let restored = Engine::builder(engine.policy(), key()).memory(4 << 30).restore(&*bytes)?;
    let spent = start.elapsed().as_secs_f64();
    println!(
        "  restored: {spent:.2} s, {:.2} GB/s; the machine takes {machine:.2} s to give as much memory",
        gigabytes / spent
    );
    drop(restored);

    let done = AtomicBool::new(false);
    let time_calls = |engine: &Engine, until: &dyn Fn(usize) -> bool| -> sekisho::Result<Vec<u64>> {
        let (mut event, mut decision, mut spent) = (engine.event(), Decision::new(), Vec::new());
        for n in 0.. {
            if until(n) {
                break;
            }
            fill(&mut event, scatter(n as u64) % ACCOUNTS, n as u64, START + DAY)?;
            let start = Instant::now();
            engine.score_into(&event, &mut decision)?;
            spent.push(start.elapsed().as_nanos() as u64);
        }
        spent.sort_unstable();
        Ok(spent)
    };
    let without = time_calls(&engine, &|n| n >= 500_000)?;
    let with = thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3 {
                let written = engine.snapshot(|piece| {
                    black_box(piece);
                    Ok::<(), Infallible>(())
                });
                written.expect("it is written");
            }
            done.store(true, Ordering::Release);
        });
        time_calls(&engine, &|n| n >= 2_000_000 || done.load(Ordering::Acquire))
    })?;
    for (name, spent) in [("no snapshot", &without), ("while one runs", &with)] {
        println!(
            "  score, {name}: p50 {} ns, p99 {} ns, p99.9 {} ns ({} calls)",
            percentile(spent, 0.5),
            percentile(spent, 0.99),
            percentile(spent, 0.999),
            spent.len()
        );
    }
    Ok(())
}

/// Identifiers that are seen once, against accounts that are established.
fn flood(millions: u64) -> Result<(), Box<dyn Error>> {
    const ESTABLISHED: u64 = 100_000;
    let engine = populated(ESTABLISHED)?;
    let budget = 256 << 20;
    let policy = engine.policy();
    drop(engine);
    let engine = Engine::builder(policy, key()).memory(budget).build()?;
    let mut event = engine.event();
    for n in 0..ESTABLISHED * 12 {
        fill(&mut event, n % ESTABLISHED, n, START + n as i64)?;
        engine.record(&event)?;
    }
    let start = Instant::now();
    let mut most = 0;
    for n in 0..millions * 1_000_000 {
        fill(&mut event, 1_000_000_000 + n, ESTABLISHED * 12 + n, START + DAY / 2)?;
        engine.record(&event)?;
        if n % 1_000_000 == 0 {
            most = most.max(engine.statistics()[0].bytes);
        }
    }
    let spent = start.elapsed().as_secs_f64();
    let mut decision = Decision::detailed();
    let mut known = 0;
    for account in 0..ESTABLISHED {
        fill(&mut event, account, u64::MAX >> 12, START + DAY / 2)?;
        engine.score_into(&event, &mut decision)?;
        known += u64::from(decision.feature(1).is_some_and(|feature| *feature.value() != Value::Integer(0)));
    }
    let table = &engine.statistics()[0];
    most = most.max(table.bytes);
    println!(
        "flood: {millions} million identifiers seen once, {:.0} ns each with filling; at most {} of {} bytes; {known} of {ESTABLISHED} established are known ({:.3} %); {} evicted",
        spent * 1e9 / (millions as f64 * 1e6),
        most,
        table.budget,
        100.0 * known as f64 / ESTABLISHED as f64,
        table.evicted
    );
    Ok(())
}

/// A million questions to one merchant whose history holds 256 events, against what the definitions say.
fn errors() -> Result<(), Box<dyn Error>> {
    const QUESTIONS: usize = 1_000_000;
    const WINDOWS: [(&str, i64); 4] =
        [("10m", 10 * MINUTE), ("1h", 60 * MINUTE), ("1d", DAY), ("30d", 30 * DAY)];
    let mut text = String::from(
        "[policy]\nname = \"error\"\nversion = \"1\"\ncurrency = \"JPY\"\n[decision]\nbands = [{ from = 0, action = \"allow\" }]\n",
    );
    for (name, _) in WINDOWS {
        text.push_str(&format!(
            "[[feature]]\nname = \"count_{name}\"\naggregate = \"count\"\nby = [\"merchant\"]\nover = \"{name}\"\n\
             [[feature]]\nname = \"cards_{name}\"\naggregate = \"distinct\"\nof = \"card\"\nby = [\"merchant\"]\nover = \"{name}\"\n"
        ));
    }
    let engine = Engine::new(Policy::from_toml(&text)?, key());
    let (mut event, mut decision) = (engine.event(), Decision::detailed());
    let (mut times, mut cards): (Vec<i64>, Vec<u64>) = (Vec::new(), Vec::new());
    let mut time = START;
    let (mut outside, mut approximate, mut worst) = (0u64, 0u64, [0f64; 4]);
    let (mut worst_cards, mut asked) = ([0f64; 4], 0u64);
    for n in 0..QUESTIONS as u64 {
        // Rushes and pauses: from three a second to one in ten minutes.
        let pace = [300, 2_000, 20_000, 600_000][(n / 5_000 % 4) as usize];
        time += (scatter(n) % (2 * pace)) as i64;
        event.clear();
        event.set(Field::ID, n as i64)?;
        event.set(Field::TYPE, "payment")?;
        event.set(Field::TIME, time)?;
        event.set(Field::MERCHANT, "m-1")?;
        let card = scatter(n ^ 77) % 30_000;
        event.set(Field::CARD, card as i64)?;
        engine.assess_into(&event, &mut decision)?;
        for (at, (_, length)) in WINDOWS.iter().enumerate() {
            let Some(feature) = decision.feature(2 * at) else { continue };
            let Value::Integer(count) = feature.value() else { continue };
            let since = |start: i64| times.len() - times.partition_point(|known| *known <= start);
            let (least, most) = (since(time - length), since(time - length - length / 64 - 1));
            outside += u64::from(!(least as i64..=most as i64).contains(count));
            approximate += u64::from(feature.is_approximate());
            worst[at] = worst[at].max((*count - least as i64) as f64 / (least.max(1)) as f64);
            // Counting different cards anew takes long: now and then is enough.
            if n % 1_000 == 999 {
                let Some(feature) = decision.feature(2 * at + 1) else { continue };
                let Value::Integer(distinct) = feature.value() else { continue };
                let different = |from: usize| {
                    let mut inside = cards[cards.len() - from..].to_vec();
                    inside.sort_unstable();
                    inside.dedup();
                    inside.len()
                };
                let (least, most) = (different(least) as f64, different(most) as f64);
                let distinct = *distinct as f64;
                let error = if distinct < least { least - distinct } else { (distinct - most).max(0.0) };
                worst_cards[at] = worst_cards[at].max(error / least.max(1.0));
                asked += 1;
            }
        }
        times.push(time);
        cards.push(card);
    }
    println!(
        "error: {} counts over a history of 256, {approximate} of them approximate; {outside} outside of the windows moved by 1/64",
        4 * QUESTIONS
    );
    for (at, (name, _)) in WINDOWS.iter().enumerate() {
        println!(
            "  {name}: most counted too much {:.3} %; different cards beyond the moved window at most {:.2} % off ({} questions)",
            100.0 * worst[at],
            100.0 * worst_cards[at],
            asked / 4
        );
    }
    Ok(())
}
