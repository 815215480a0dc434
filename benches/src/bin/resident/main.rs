//! How much memory a population takes, and how long a call waits for it.
//!
//! `resident [thousands of accounts] [--redis]`, a thousand of them unless given: half as many devices, a fifth as many
//! addresses. Every account has done twelve things within the thirty days that the policy remembers. `--redis` starts
//! a redis-server on loopback, has it compute the same features for a small population, and compares the values.

mod features;
mod population;

use std::error::Error;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use sekisho::{Decision, Engine, Event, HashKey, Value};
use sekisho_benches::{Redis, RedisEvent, RedisLine};

use features::{DECLINED, FEATURES, LARGE, WEB, WINDOWS, policy};
use population::{EVENTS_OF_ACCOUNT, Population, Sample, scatter};

/// Calls that are timed one by one.
const CALLS: usize = 200_000;
/// Calls of a thread in each turn of one or two, and turns of both.
const CALLS_OF_TURN: u64 = 10_000;
const TURNS: usize = 40;
/// Events that are filled before they are timed, so that filling is not timed with them; so few that what they
/// touch stays in the processor's caches.
const BATCH: u64 = 16;
/// How often the same entities come again, when they come from the caches.
const ROUNDS: u64 = 4;
/// Threads that fill the population.
const FILLING: u64 = 2;
/// Accounts that share a merchant.
const ACCOUNTS_OF_MERCHANT: u64 = 1_000;
/// What the machine's own reads are measured over besides as much as the population takes.
const GIBIBYTE: u64 = 1 << 30;
/// About what an account takes with all that belongs to it.
const BYTES_OF_ACCOUNT: u64 = 1_700;
/// Entities of an event, and places that are found one by the other for each: in the index, its slot, its block.
const PLACES: (u64, u64) = (6, 3);

impl RedisEvent for Sample {
    fn id(&self) -> &str {
        &self.id
    }

    fn time(&self) -> u64 {
        self.time
    }

    fn amount(&self) -> i64 {
        self.amount_minor
    }

    fn value(&self, field: &str) -> Option<&str> {
        if field == "country" {
            return Some(self.country);
        }
        let entity = FEATURES.iter().position(|(name, _)| *name == field)?;
        self.entities[entity].as_deref()
    }

    fn holds(&self, condition: &str) -> bool {
        match condition {
            DECLINED => self.outcome == "declined",
            LARGE => self.amount_minor >= 50_000,
            WEB => self.channel == "web",
            other => panic!("{other}: this is not written"),
        }
    }
}

/// Bytes of this process that are in memory.
fn resident() -> Result<usize, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
}

/// Memory that is read at random.
struct Memory(Vec<u64>);

/// What its reads take, in nanoseconds.
struct Reads {
    /// One whose place is known only from the one before.
    alone: f64,
    /// One beside others.
    beside: f64,
    /// As many as an event cannot do without: for all entities side by side, one place behind the other. Sorted.
    of_event: Vec<u64>,
}

impl Memory {
    const READS: u64 = 5_000_000;

    /// So many bytes, each page of which is there.
    fn new(bytes: u64) -> Memory {
        let mut words = vec![0; bytes as usize / 8];
        words.iter_mut().step_by(512).for_each(|word| *word = 1);
        Memory(words)
    }

    fn read(&self, random: u64) -> u64 {
        let lines = self.0.len() / 8;
        self.0[scatter(random) as usize % lines * 8]
    }

    fn measure(&self) -> Reads {
        let each = |start: Instant| start.elapsed().as_nanos() as f64 / Self::READS as f64;
        let start = Instant::now();
        // What was read is a part of where the next one is.
        black_box((0..Self::READS).fold(0, |found, number| self.read(2 * number + found)));
        let alone = each(start);
        let start = Instant::now();
        black_box((0..Self::READS).fold(0, |all, number| all ^ self.read(number)));
        let beside = each(start);
        let (entities, steps) = PLACES;
        let mut of_event: Vec<u64> = (0..CALLS as u64)
            .map(|event| {
                let start = Instant::now();
                black_box((0..steps).fold(0, |found, step| {
                    let first = 2 * (event * entities * steps + step * entities) + found;
                    (0..entities).fold(0, |all, entity| all ^ self.read(first + 2 * entity))
                }));
                start.elapsed().as_nanos() as u64
            })
            .collect();
        of_event.sort_unstable();
        Reads { alone, beside, of_event }
    }
}

/// Nanoseconds between two readings of the clock with nothing between them.
fn clock() -> u64 {
    let mut all: Vec<u64> = (0..10_000).map(|_| Instant::now().elapsed().as_nanos() as u64).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

/// Whose calls are timed.
#[derive(Clone, Copy, PartialEq)]
enum Whose {
    /// Any account's. All have done as much when the first come, and hardly any history has room for more.
    Anybody,
    /// The same accounts' in the same order: as far from the processor's caches, in histories that have room.
    Again,
    /// Those of accounts that have just done the same.
    JustCome,
}

/// Times calls one by one.
fn timed(engine: &Engine, population: Population, next: &mut u64, whose: Whose) -> sekisho::Result<Vec<u64>> {
    let mut events: Vec<Event> = (0..BATCH).map(|_| engine.event()).collect();
    let mut decision = Decision::new();
    let mut times = Vec::with_capacity(CALLS);
    let (seed, rounds) = if whose == Whose::JustCome { (0x5eed, ROUNDS) } else { (0xacc0, 1) };
    let mut first = 0;
    while times.len() < CALLS {
        for round in 0..rounds {
            for (event, drawn) in events.iter_mut().zip(first..) {
                let random = scatter(drawn ^ seed << 32);
                let account = random % population.accounts;
                population.sample_of(account, scatter(random), *next).fill(event)?;
                *next += 1;
            }
            for event in &events {
                let start = Instant::now();
                engine.assess_into(black_box(event), &mut decision)?;
                let time = start.elapsed();
                black_box(&decision);
                if round > 0 || whose != Whose::JustCome {
                    times.push(time.as_nanos() as u64);
                }
            }
        }
        first += BATCH;
    }
    times.sort_unstable();
    Ok(times)
}

/// The median, in microseconds.
fn report(what: &str, sorted: &[u64], clock: u64) -> f64 {
    let at =
        |part: f64| sorted[((sorted.len() - 1) as f64 * part) as usize].saturating_sub(clock) as f64 / 1e3;
    let mean = sorted.iter().sum::<u64>() as f64 / sorted.len() as f64 / 1e3;
    let (half, most, nearly_all) = (at(0.5), at(0.99), at(0.999));
    println!("{what:<30} p50 {half:6.2}   p99 {most:6.2}   p99.9 {nearly_all:7.2}   mean {mean:6.2} us");
    half
}

/// An engine with a key and more memory than anything here takes: nobody is evicted.
fn engine() -> sekisho::Result<Engine> {
    let key = HashKey::new(1, *b"a secret of 32 bytes for benches");
    Engine::builder(policy()?, key).memory(1 << 40).build()
}

/// The same features by Redis, which find the same values: for few accounts, so that filling it takes seconds.
/// `anybody` is the engine's median for the large population.
fn redis(anybody: f64, clock: u64) -> Result<(), Box<dyn Error>> {
    const EVENTS: u64 = 20_000;
    // Merchants with so few events that all their values are exact.
    let population = Population { accounts: 2_000, accounts_of_merchant: 2 };
    let lines: Vec<RedisLine> = FEATURES
        .iter()
        .flat_map(|(by, lines)| lines.iter().map(move |line| (by, line)))
        .map(|(by, (aggregate, of, over, condition))| {
            let over = WINDOWS.iter().find(|(name, _)| name == over).map_or(0, |(_, length)| *length);
            RedisLine { by, aggregate, of, over, condition }
        })
        .collect();
    let mut redis = Redis::start(&lines)?;
    // One that is timed, and one whose values are compared.
    let (timed, compared) = (engine()?, engine()?);
    let mut event = timed.event();
    let filled = population.accounts * EVENTS_OF_ACCOUNT;
    let empty = redis.memory()?;
    for sample in (0..filled).map(|number| population.sample(number)) {
        sample.fill(&mut event)?;
        timed.record(&event)?;
        compared.record(&event)?;
        redis.record(&sample)?;
    }
    let memory = redis.memory()? - empty;
    // Half of them come in bursts of one account, for the short windows to hold something.
    let samples: Vec<Sample> = (filled..filled + EVENTS)
        .map(|number| {
            let of = if number.is_multiple_of(2) { number / 8 } else { number };
            population.sample_of(scatter(of ^ 0xacc0) % population.accounts, scatter(number), number)
        })
        .collect();

    let (mut decision, mut times) = (Decision::new(), Vec::new());
    let mut events: Vec<Event> = (0..BATCH).map(|_| timed.event()).collect();
    for samples in samples.chunks(BATCH as usize) {
        for (event, sample) in events.iter_mut().zip(samples) {
            sample.fill(event)?;
        }
        for event in events.iter().take(samples.len()) {
            let start = Instant::now();
            timed.assess_into(black_box(event), &mut decision)?;
            times.push(start.elapsed().as_nanos() as u64);
            black_box(&decision);
        }
    }
    times.sort_unstable();

    let (mut round_trips, mut wholes) = (Vec::new(), Vec::new());
    let (mut decision, mut values) = (Decision::detailed(), vec![None; lines.len()]);
    let (mut seen, mut commands) = (vec![false; lines.len()], 0);
    for sample in &samples {
        let work = redis.assess(sample, &mut values)?;
        round_trips.push(work.round_trip.as_nanos() as u64);
        wholes.push(work.whole.as_nanos() as u64);
        commands += work.commands;
        sample.fill(&mut event)?;
        compared.assess_into(&event, &mut decision)?;
        agree(&decision, &values).map_err(|error| format!("{}: {error}", sample.id))?;
        for (seen, value) in seen.iter_mut().zip(&values) {
            *seen |= value.is_some_and(|value| value > 0.0);
        }
    }
    // That all agree would mean little if they agreed on nothing.
    assert!(seen.iter().all(|seen| *seen), "a feature was never more than 0");
    round_trips.sort_unstable();
    wholes.sort_unstable();

    println!(
        "\n{} accounts; {EVENTS} events, of all of which Redis finds the same {} values with {} commands each",
        population.accounts,
        lines.len(),
        commands as u64 / EVENTS
    );
    let own = report("assess", &times, clock);
    let round_trip = report("redis, round trip", &round_trips, clock);
    let whole = report("redis, with the client's work", &wholes, clock);
    for (what, median) in [("a round trip", round_trip), ("with the client's work", whole)] {
        let (same, large) = (median / own, median / anybody);
        println!(
            "{what}: {same:.0} times assess, {large:.1} times assess of anybody in the large population"
        );
    }
    let bytes: usize = compared.statistics().iter().map(|table| table.bytes).sum();
    let accounts = population.accounts as usize;
    println!("bytes an account: redis {}, here {}", memory / accounts, bytes / accounts);
    Ok(())
}

/// Says which feature has another value.
fn agree(decision: &Decision, values: &[Option<f64>]) -> Result<(), String> {
    for (feature, found) in decision.features().zip(values) {
        let expected = match feature.value() {
            Value::Missing => None,
            Value::Integer(number) | Value::Duration(number) => Some(*number as f64),
            Value::Number(number) => Some(*number),
            other => return Err(format!("{}: {other:?} is no number", feature.name())),
        };
        let same = match (expected, *found) {
            (Some(expected), Some(found)) => (expected - found).abs() <= expected.abs() * 1e-9,
            (None, None) => true,
            _ => false,
        };
        if !same || feature.is_approximate() {
            let what = if feature.is_approximate() { "about " } else { "" };
            return Err(format!("{}: {what}{expected:?}, but redis finds {found:?}", feature.name()));
        }
    }
    Ok(())
}

/// Seconds of the processor that this process has taken.
fn processor() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/stat")?;
    let fields = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    // User and system time, in hundredths.
    let ticks: Result<Vec<u64>, _> = fields.skip(11).take(2).map(str::parse).collect();
    Ok(ticks?.iter().sum::<u64>() as f64 / 100.0)
}

/// Calls a second of so many threads, and what one takes of a processor in microseconds, filling included. Accounts
/// are anybody's.
fn throughput(
    engine: &Engine,
    population: Population,
    next: &mut u64,
    threads: u64,
) -> Result<(f64, f64), Box<dyn Error>> {
    let (first, calls) = (*next, CALLS_OF_TURN * threads);
    *next += calls;
    let work = |thread: u64| -> sekisho::Result<()> {
        let (mut event, mut decision) = (engine.event(), Decision::new());
        for number in (first + thread..first + calls).step_by(threads as usize) {
            let random = scatter(number ^ 0x5e15);
            population.sample_of(random % population.accounts, scatter(random), number).fill(&mut event)?;
            engine.assess_into(&event, &mut decision)?;
        }
        Ok(())
    };
    let (start, taken) = (Instant::now(), processor()?);
    thread::scope(|scope| {
        let working: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let work = &work;
                    move || work(thread)
                })
            })
            .collect();
        working.into_iter().try_for_each(|thread| thread.join().expect("nothing panics"))
    })?;
    let (seconds, taken) = (start.elapsed().as_secs_f64(), processor()? - taken);
    Ok((calls as f64 / seconds, taken * 1e6 / calls as f64))
}

fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part) as usize]
}

/// Records the population on several threads, each with accounts of its own, and none of them far ahead in time.
fn fill(engine: &Engine, population: Population, told: &mut Instant) -> Result<u64, Box<dyn Error>> {
    let all = population.accounts * EVENTS_OF_ACCOUNT;
    // Each account comes again after an even number of events, so that the same thread has it.
    assert!(population.accounts.is_multiple_of(FILLING));
    let mut first = 0;
    while first < all {
        let end = (first + population.stretch()).min(all);
        let work = |thread: u64| -> sekisho::Result<()> {
            let mut event = engine.event();
            for number in (first..end).filter(|number| number % FILLING == thread) {
                population.sample(number).fill(&mut event)?;
                engine.record(&event)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let work = &work;
            let working: Vec<_> = (0..FILLING).map(|thread| scope.spawn(move || work(thread))).collect();
            working.into_iter().try_for_each(|thread| thread.join().expect("nothing panics"))
        })?;
        first = end;
        if told.elapsed() > Duration::from_secs(20) {
            *told = Instant::now();
            eprintln!("{first} of {all} events");
        }
    }
    Ok(all)
}

/// Says whether huge pages are behind the memory: with small ones a part of every call is spent on finding pages.
fn report_pages() -> Result<(), Box<dyn Error>> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let kilobytes = |name: &str| -> Option<f64> {
        rollup.lines().find_map(|line| line.strip_prefix(name))?.trim().trim_end_matches(" kB").parse().ok()
    };
    let (huge, all) = kilobytes("AnonHugePages:").zip(kilobytes("Anonymous:")).ok_or("no huge pages")?;
    let enabled = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    println!(
        "huge pages back {:.0} % of the memory; the kernel has them: {}",
        100.0 * huge / all,
        enabled.trim()
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let with_redis = arguments.iter().any(|argument| argument == "--redis");
    arguments.retain(|argument| argument != "--redis");
    let thousands: u64 = arguments.first().map_or(Ok(1_000), |text| text.parse())?;
    let population =
        Population { accounts: thousands.max(1) * 1_000, accounts_of_merchant: ACCOUNTS_OF_MERCHANT };
    let clock = clock();
    let whole = (population.accounts * BYTES_OF_ACCOUNT).max(1 << 20);
    let reads = [GIBIBYTE, whole].map(|bytes| (bytes, Memory::new(bytes).measure()));

    let before = resident()?;
    let engine = engine()?;
    let start = Instant::now();
    let mut told = start;
    let mut next = fill(&engine, population, &mut told)?;
    let filled = start.elapsed();
    let after = resident()?;

    println!("{:>10} {:>12} {:>12} {:>16} {:>14}", "entity", "entities", "events", "bytes", "bytes each");
    let statistics = engine.statistics();
    for table in &statistics {
        let each = table.bytes / table.entities.max(1);
        println!(
            "{:>10} {:>12} {:>12} {:>16} {each:>14}",
            table.name, table.entities, table.events, table.bytes
        );
        assert_eq!(table.evicted, 0, "{} has too little memory", table.name);
    }
    let bytes: usize = statistics.iter().map(|table| table.bytes).sum();
    let own = statistics.iter().find(|table| table.name == "account").map_or(0, |table| table.bytes);
    let accounts = population.accounts as usize;
    let grown = after - before;
    println!(
        "\nbytes an account: {} of its own, {} with all tables, {} of resident memory ({:.2} of what is counted)",
        own / accounts,
        bytes / accounts,
        grown / accounts,
        grown as f64 / bytes as f64
    );
    println!(
        "recorded {next} events in {:.0} s on {FILLING} threads, {:.2} us each, filling included",
        filled.as_secs_f64(),
        filled.as_secs_f64() * 1e6 / next as f64
    );

    report_pages()?;

    println!("\ntwo readings of the clock: {clock} ns, taken off the times but for the mean");
    for (bytes, Reads { alone, beside, of_event }) in reads {
        println!(
            "\nover {:.1} GB, a read that waits for the one before: {alone:.0} ns; beside others: {beside:.0} ns",
            bytes as f64 / 1e9
        );
        let (entities, steps) = PLACES;
        report(&format!("{entities} reads, {steps} times, no more"), &of_event, clock);
    }
    println!();
    let mut timed = |what: &str, whose: Whose| -> Result<f64, Box<dyn Error>> {
        Ok(report(what, &timed(&engine, population, &mut next, whose)?, clock))
    };
    let anybody = timed("assess, anybody", Whose::Anybody)?;
    timed("assess, the same as cold", Whose::Again)?;
    timed("assess, who has just come", Whose::JustCome)?;

    if with_redis {
        redis(anybody, clock)?;
    }

    // By turns, and the median of what neighbouring turns say: others use the machine.
    let (mut speeds, mut taken) = ([Vec::new(), Vec::new()], [0.0; 2]);
    for _ in 0..TURNS {
        for (threads, (speeds, taken)) in (1..).zip(speeds.iter_mut().zip(&mut taken)) {
            let (speed, own) = throughput(&engine, population, &mut next, threads)?;
            speeds.push(speed);
            *taken += own / TURNS as f64;
        }
    }
    let [one, two] = &speeds;
    let mut ratios: Vec<f64> = two.iter().zip(one).map(|(two, one)| two / one).collect();
    println!(
        "\nfilled and assessed a second: {:.0} on one thread, {:.0} on two: {:.2} times",
        quantile(&mut one.clone(), 0.5),
        quantile(&mut two.clone(), 0.5),
        quantile(&mut ratios, 0.5)
    );
    let (low, high) = (quantile(&mut ratios, 0.25), quantile(&mut ratios, 0.75));
    println!("of {TURNS} turns half say {low:.2} to {high:.2} times");
    let [taken, taken_by_two] = taken;
    println!("processor time a call: {taken:.2} us on one thread, {taken_by_two:.2} us on two");
    Ok(())
}
