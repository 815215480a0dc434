//! What lists cost: a lookup among ten million identifiers, a million networks or 200,000 postal addresses or names,
//! bytes of each, loading, and how long calls take while a list of ten million is swapped.
//!
//! `lists [exact|networks|addresses|names|swap]`; all of them unless one is named.

use std::error::Error;
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sekisho::{Decision, Engine, Event, Field, HashKey, ListEntry, Policy, PreparedList};

/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600_000;
const MEMBERS: u64 = 10_000_000;
const NETWORKS: u64 = 1_000_000;
/// Addresses, and names.
const WRITTEN: u64 = 200_000;
/// Members that are looked up, or strangers.
const ASKED: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().nth(1);
    let known = ["exact", "networks", "addresses", "names", "swap"];
    if let Some(unknown) = wanted.as_ref().filter(|name| !known.contains(&name.as_str())) {
        eprintln!("nothing is called {unknown:?}; there are {}", known.join(", "));
        std::process::exit(2);
    }
    let is_wanted = |name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let (chained, free) = memory(150);
    println!("one access to 150 MB: {chained:.0} ns behind another, {free:.0} ns beside others");
    if is_wanted("exact") {
        exact()?;
    }
    if is_wanted("networks") {
        networks()?;
    }
    if is_wanted("addresses") {
        written("address", (Field::SHIPPING_ADDRESS, "shipping_address"), address)?;
    }
    if is_wanted("names") {
        written("name", (Field::HOLDER_NAME, "holder_name"), name)?;
    }
    if is_wanted("swap") {
        swap()?;
    }
    Ok(())
}

fn scatter(n: u64) -> u64 {
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

/// An engine with one list, and one that does not ask it.
fn engines(list: &str, asks: &str) -> Result<[Engine; 2], Box<dyn Error>> {
    let engine = |condition: &str| -> Result<Engine, Box<dyn Error>> {
        let policy = Policy::from_toml(&format!(
            "[policy]\nname = \"lists\"\nversion = \"1\"\ncurrency = \"JPY\"\nlocale = \"ja\"\n\
             [[list]]\nname = \"bad\"\n{list}\n\
             [[rule]]\nid = \"listed\"\nwhen = '{condition}'\npoints = 900\n\
             [decision]\nbands = [{{ from = 0, action = \"allow\" }}]\n"
        ))?;
        Ok(Engine::new(policy, HashKey::new(1, *b"32 secret bytes of the host ....")))
    };
    // The condition that does not ask the list still reads the field.
    let field = asks.split([' ', ')']).nth(1).ok_or("a list is asked about a field")?;
    Ok([engine(asks)?, engine(&format!("has({field}) && amount_minor == 77"))?])
}

/// Nanoseconds of a call in rounds of some thousand, the quickest quarter of the rounds: others on the machine lengthen
/// many of them. And how many hit.
fn time_of(engine: &Engine, fill: impl Fn(u64, &mut Event)) -> Result<(f64, u64), Box<dyn Error>> {
    const ROUND: u64 = 4_000;
    let (mut decision, mut hits, mut rounds) = (Decision::new(), 0, Vec::new());
    let mut events = vec![engine.event(); ROUND as usize];
    for round in 0..ASKED / ROUND {
        for (n, event) in (round * ROUND..).zip(&mut events) {
            event.clear();
            event.set(Field::TYPE, "login")?;
            event.set(Field::TIME, START)?;
            event.set(Field::AMOUNT_MINOR, 5)?;
            fill(scatter(n), event);
        }
        let start = Instant::now();
        for event in &events {
            engine.score_into(black_box(event), &mut decision)?;
            hits += u64::from(decision.score() > 0);
        }
        rounds.push(start.elapsed().as_nanos() as f64 / ROUND as f64);
    }
    rounds.sort_unstable_by(f64::total_cmp);
    Ok((rounds[rounds.len() / 4], hits))
}

/// Nanoseconds of one access to a random place of some megabytes, what a lookup cannot do without: one behind the
/// other, and as they come.
fn memory(megabytes: u64) -> (f64, f64) {
    const ROUND: u64 = 20_000;
    let words: Vec<u64> = (0..megabytes << 17).collect();
    let quickest = |chained: bool| {
        let mut rounds = Vec::new();
        for round in 0..50 {
            let (start, mut last) = (Instant::now(), 0);
            for n in round * ROUND..(round + 1) * ROUND {
                let at = scatter(if chained { n ^ (last & 1) } else { n }) % words.len() as u64;
                last = words[at as usize];
                black_box(last);
            }
            rounds.push(start.elapsed().as_nanos() as f64 / ROUND as f64);
        }
        rounds.sort_unstable_by(f64::total_cmp);
        rounds[rounds.len() / 4]
    };
    (quickest(true), quickest(false))
}

fn report(
    name: &str,
    [engine, without]: &[Engine; 2],
    fill: impl Fn(u64, &mut Event),
) -> Result<(), Box<dyn Error>> {
    let (with, hits) = time_of(engine, &fill)?;
    let (without, _) = time_of(without, &fill)?;
    println!(
        "  {name}: {:.0} ns ({with:.0} ns a call, {without:.0} without the list), {} % hits",
        with - without,
        hits * 100 / ASKED
    );
    Ok(())
}

fn gather(engine: &Engine, members: impl Iterator<Item = String>) -> Result<PreparedList, Box<dyn Error>> {
    let mut prepared = engine.list_prepare("bad")?;
    let entry =
        ListEntry::new().severity(80).reason("mule").source("police").expires(START + 90 * 86_400_000);
    for member in members {
        prepared.add(&member, &entry)?;
    }
    Ok(prepared)
}

/// Puts members on the list, and says what that takes.
fn load(engine: &Engine, what: &str, members: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let members = gather(engine, members)?;
    let (gathered, start) = (start.elapsed(), Instant::now());
    let count = engine.list_swap(members, "first")?;
    println!(
        "{count} {what}: gathered in {gathered:.1?}, in force after {:.1?}, {:.2} bytes each",
        start.elapsed(),
        engine.list_bytes("bad")? as f64 / count as f64
    );
    Ok(())
}

/// Says what it takes to add one more to a list.
fn add(engine: &Engine, text: impl Fn(u64) -> String) -> Result<(), Box<dyn Error>> {
    const CHANGES: u64 = 2_000;
    let start = Instant::now();
    for n in 0..CHANGES {
        engine.list_add("bad", &text(n | 1 << 62), ListEntry::new())?;
    }
    println!("  to add one: {:.1?}", start.elapsed() / CHANGES as u32);
    Ok(())
}

/// The identifiers of a version of the list.
fn devices(version: u64) -> impl Iterator<Item = String> {
    (version..version + MEMBERS).map(device)
}

fn device(n: u64) -> String {
    format!("{:016x}", scatter(n))
}

fn exact() -> Result<(), Box<dyn Error>> {
    let engines = engines("of = \"device\"", "in_list(\"bad\", device)")?;
    load(&engines[0], "identifiers", devices(0))?;
    let named = |n: u64, event: &mut Event| event.set(Field::DEVICE, &*device(n)).expect("a fine name");
    report("members", &engines, |n, event| named(n % MEMBERS, event))?;
    report("strangers", &engines, |n, event| named(n | 1 << 63, event))?;
    add(&engines[0], device)?;
    Ok(())
}

/// A room in one of twenty towns of a large city, or a house.
fn address(n: u64) -> String {
    const TOWNS: &str = "新宿区西新宿 新宿区高田馬場 新宿区四谷 渋谷区道玄坂 渋谷区神南 港区六本木 港区南青山 \
        港区芝浦 千代田区神田 千代田区丸の内 中央区銀座 中央区日本橋 品川区大崎 目黒区自由が丘 世田谷区三軒茶屋 \
        豊島区西池袋 文京区本郷 台東区浅草 墨田区押上 江東区豊洲";
    let mut random = scatter(n);
    let mut one_of = |most: u64| {
        let drawn = random % most;
        random /= most;
        drawn
    };
    let town = TOWNS.split(' ').nth(one_of(20) as usize).expect("twenty of them");
    let house = format!("東京都{town}{}-{}-{}", 1 + one_of(9), 1 + one_of(40), 1 + one_of(30));
    if n.is_multiple_of(2) { house } else { format!("{house}-{}01", 1 + one_of(12)) }
}

/// A name in kana: two parts of three to five syllables.
fn name(n: u64) -> String {
    const SYLLABLES: [&str; 40] = [
        "ア", "イ", "ウ", "エ", "オ", "カ", "キ", "ク", "ケ", "コ", "サ", "シ", "ス", "セ", "ソ", "タ", "チ",
        "ツ", "テ", "ト", "ナ", "ニ", "ヌ", "ネ", "ノ", "ハ", "ヒ", "フ", "ヘ", "ホ", "マ", "ミ", "ム", "メ",
        "モ", "ヤ", "ユ", "ヨ", "ラ", "リ",
    ];
    let mut random = scatter(n);
    let mut part = |length: u64| -> String {
        let syllables = (0..length).map(|_| {
            let syllable = SYLLABLES[(random % 40) as usize];
            random /= 40;
            syllable
        });
        syllables.collect()
    };
    format!("{} {}", part(3 + n % 3), part(3 + n % 2))
}

/// A list of what people write, which is compared rather than looked up.
fn written(
    kind: &str,
    (field, called): (Field, &str),
    text: fn(u64) -> String,
) -> Result<(), Box<dyn Error>> {
    let of = if kind == "name" { "holder_name" } else { kind };
    let engines =
        engines(&format!("of = \"{of}\"\nkind = \"{kind}\""), &format!("in_list(\"bad\", {called})"))?;
    load(&engines[0], &format!("members of kind {kind}"), (0..WRITTEN).map(text))?;
    let write = |n: u64, event: &mut Event| event.set(field, &*text(n)).expect("a fine text");
    report("members", &engines, |n, event| write(n % WRITTEN, event))?;
    report("anybody", &engines, |n, event| write(n | 1 << 63, event))?;
    add(&engines[0], text)
}

fn v4(n: u64) -> Ipv4Addr {
    Ipv4Addr::from(scatter(n) as u32)
}

fn v6(n: u64) -> Ipv6Addr {
    let address = u128::from(scatter(n)) << 64 | u128::from(scatter(n + 1));
    Ipv6Addr::from(address >> 3 | 1 << 125)
}

fn networks() -> Result<(), Box<dyn Error>> {
    let engines = || engines("of = \"ip\"\nkind = \"cidr\"", "in_list(\"bad\", ip)");
    let lengths = [([20, 22, 24, 24, 24, 28, 32, 32], 4), ([32, 40, 48, 48, 56, 64, 64, 128], 6)];
    for (lengths, family) in lengths {
        let engines = engines()?;
        let text = |n: u64| if family == 4 { v4(n).to_string() } else { v6(n).to_string() };
        let network = |n: u64| format!("{}/{}", text(n), lengths[scatter(!n) as usize % lengths.len()]);
        load(&engines[0], &format!("networks of IPv{family}"), (0..NETWORKS).map(network))?;
        let from = |n: u64, event: &mut Event| event.set(Field::IP, &*text(n)).expect("a fine address");
        report("within", &engines, |n, event| from(n % NETWORKS, event))?;
        report("anywhere", &engines, |n, event| from(n | 1 << 63, event))?;
        add(&engines[0], text)?;
    }
    Ok(())
}

/// The longest calls of a thread, while nothing happens and while another swaps the list again and again.
fn swap() -> Result<(), Box<dyn Error>> {
    let [engine, _] = engines("of = \"device\"", "in_list(\"bad\", device)")?;
    engine.list_swap(gather(&engine, devices(0))?, "0")?;
    let quiet = calls(&engine, &AtomicBool::new(false), Duration::from_secs(5))?;
    println!("swap of {MEMBERS} members, calls in ns: {} while it is quiet", tail(quiet));
    let prepared: Vec<PreparedList> =
        (1..4).map(|n| gather(&engine, devices(n))).collect::<Result<_, _>>()?;
    let done = AtomicBool::new(false);
    let (engine, done) = (&engine, &done);
    let (busy, took) = thread::scope(|scope| {
        let calls = scope.spawn(move || calls(engine, done, Duration::from_secs(600)).expect("fine events"));
        let mut took = Vec::new();
        for (n, members) in prepared.into_iter().enumerate() {
            thread::sleep(Duration::from_millis(200));
            let start = Instant::now();
            engine.list_swap(members, &n.to_string()).expect("a fine list");
            took.push(start.elapsed());
        }
        done.store(true, Ordering::Relaxed);
        (calls.join().expect("no panic"), took)
    });
    println!("swap of {MEMBERS} members, calls in ns: {} while swaps take {took:.1?}", tail(busy));
    Ok(())
}

fn calls(engine: &Engine, done: &AtomicBool, most: Duration) -> Result<Vec<u32>, sekisho::Error> {
    let (mut event, mut decision, mut spent) = (engine.event(), Decision::new(), Vec::new());
    let begun = Instant::now();
    for n in 0.. {
        if done.load(Ordering::Relaxed) || begun.elapsed() > most {
            break;
        }
        event.clear();
        event.set(Field::TYPE, "login")?;
        event.set(Field::TIME, START)?;
        event.set(Field::DEVICE, &*device(scatter(n) % (2 * MEMBERS)))?;
        let start = Instant::now();
        engine.assess_into(black_box(&event), &mut decision)?;
        spent.push(start.elapsed().as_nanos().min(u128::from(u32::MAX)) as u32);
    }
    Ok(spent)
}

fn tail(mut spent: Vec<u32>) -> String {
    spent.sort_unstable();
    let at = |share: f64| spent.get(((spent.len() - 1) as f64 * share) as usize).copied().unwrap_or(0);
    format!(
        "p50 {}, p99 {}, p99.9 {}, p99.99 {}, longest {}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(0.9999),
        at(1.0)
    )
}
