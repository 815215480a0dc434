//! What each family of features costs: nanoseconds that one feature adds to `score`, with 20 events remembered.
//!
//! Every family is measured as a policy with the family's feature beside one that counts by the same entities, against
//! a policy with these counts alone, turn by turn, so that what the machine does besides meets both alike.
//!
//! `families [--crowd] [family ...]`: with `--crowd` the entities are as merchants and carriers' networks are, with
//! 50,000 events within a month of 5,000 devices, nearly all of which are summed up.

use std::hint::black_box;
use std::time::Instant;

use sekisho::{Decision, Engine, Error, Event, HashKey, Policy};

mod family;

use family::{FAMILIES, Family};

const NOW: i64 = 1_780_000_000_000;
const HOUR: i64 = 3_600_000;
const ROUNDS: usize = 400;

/// What there is to remember.
struct Habit {
    accounts: u64,
    /// Events of each.
    remembered: u64,
    /// Milliseconds from one to the next.
    apart: i64,
    /// Devices and addresses beside the usual ones.
    others: u64,
}

const PERSON: Habit = Habit { accounts: 64, remembered: 20, apart: 23 * HOUR, others: 1 };
const CROWD: Habit = Habit { accounts: 4, remembered: 50_000, apart: 52_000, others: 5_000 };

fn main() -> Result<(), Error> {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    let before = wanted.len();
    wanted.retain(|name| name != "--crowd");
    let habit = if wanted.len() < before { &CROWD } else { &PERSON };
    let chosen: Vec<&Family> = FAMILIES
        .iter()
        .filter(|family| wanted.is_empty() || wanted.iter().any(|name| name == family.name))
        .collect();
    if let Some(unknown) = wanted.iter().find(|name| FAMILIES.iter().all(|family| family.name != **name)) {
        let names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
        eprintln!("no family is called {unknown:?}; there are {}", names.join(", "));
        std::process::exit(2);
    }
    let mut pairs = Vec::new();
    for family in chosen {
        let bare = filled(&family.counts(), habit)?;
        let full = filled(&format!("{}{}", family.counts(), family.features), habit)?;
        pairs.push((family, [bare, full], [Vec::new(), Vec::new()]));
    }
    let now = |account| event(account, habit.remembered, habit);
    let events = (0..habit.accounts).map(now).collect::<Result<Vec<_>, _>>()?;
    let mut decision = Decision::new();
    for _ in 0..ROUNDS {
        for (_, engines, spent) in &mut pairs {
            for ((engine, _), spent) in engines.iter().zip(spent.iter_mut()) {
                let start = Instant::now();
                for event in &events {
                    engine.score_into(black_box(event), &mut decision)?;
                    black_box(decision.score());
                }
                spent.push(start.elapsed().as_nanos() as f64 / events.len() as f64);
            }
        }
    }
    println!(
        "nanoseconds that one feature adds to an event whose entities remember {}; medians of {ROUNDS}",
        habit.remembered
    );
    println!("{:24} {:>8} {:>10} {:>8} {:>12}", "family", "added", "without it", "with it", "to record");
    for (family, engines, spent) in &mut pairs {
        let [without, with] = spent.each_mut().map(|all| median(all));
        let [(_, bare), (_, full)] = engines;
        println!(
            "{:24} {:8.0} {without:10.0} {with:8.0} {:12.0}",
            family.name,
            with - without,
            *full - *bare
        );
    }
    Ok(())
}

fn median(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// An engine that remembers the same of every account, and the nanoseconds that it took to record one of the last half
/// of all events.
fn filled(features: &str, habit: &Habit) -> Result<(Engine, f64), Error> {
    let document = format!(
        "[policy]\nname = \"families\"\nversion = \"1\"\ncurrency = \"JPY\"\ntime_zone = \"Asia/Tokyo\"\n{features}\n\
         [decision]\nbands = [{{ from = 0, action = \"allow\" }}]\n"
    );
    let engine = Engine::new(Policy::from_toml(&document)?, HashKey::new(1, [7; 32]));
    let mut times = Vec::new();
    for at in 0..habit.remembered {
        for account in 0..habit.accounts {
            let event = event(account, at, habit)?;
            let start = Instant::now();
            engine.record(&event)?;
            times.push(start.elapsed().as_nanos() as f64);
        }
    }
    Ok((engine, median(&mut times[(habit.accounts * habit.remembered / 2) as usize..])))
}

/// One event of an account, of those that everybody has in turn.
fn event(account: u64, at: u64, habit: &Habit) -> Result<Event, Error> {
    // Habits with exceptions: a second device, a second network, another country now and then.
    let odd = (account + at).is_multiple_of(7);
    let other = if odd || habit.others > 1 { 1 + at * 7_919 % habit.others } else { 0 };
    let types = ["login", "payment", "login", "profile_change", "transfer"];
    let event_type = types[(at % 5) as usize];
    let version = 120 + at / 5;
    let mut event = Event::of(event_type, NOW + at as i64 * habit.apart + account as i64 * 60_000)?
        .with("id", format!("{account}-{at}").as_str())?
        .with("outcome", if odd { "failed" } else { "succeeded" })?
        .with("account", format!("a-{account}").as_str())?
        .with("device", format!("d-{account}-{other}").as_str())?
        .with("ip", format!("198.{}.{account}.{}", 51 + other / 254, 1 + other % 254).as_str())?
        .with("asn", if odd { "64501" } else { "64500" })?
        .with("country", if odd { "DE" } else { "JP" })?
        .with("amount_minor", 1_000 + (at as i64 * 7_919) % 30_000)?
        .with("mcc", ["5411", "5812", "7995"][((account + at) % 3) as usize])?
        .with("payee", format!("p-{}", at % 4).as_str())?
        .with("code", format!("c-{account}-{}", at / 2).as_str())?
        .with("latitude", 35.0 + (account + at % 1_000) as f64 / 100.0)?
        .with("longitude", 139.0 + (at % 1_000) as f64 / 100.0)?
        .with("radius_km", 5.0)?
        .with("tls_fingerprint", if odd { "t-2" } else { "t-1" })?;
    for (field, value) in [
        ("browser.user_agent", format!("Mozilla/5.0 ({}) Chrome/{version}.0.0.0", account % 9)),
        ("browser.name", "Chrome".to_owned()),
        ("browser.version", format!("{version}.0.6478.127")),
        ("browser.platform", "Windows".to_owned()),
        ("browser.time_zone", "Asia/Tokyo".to_owned()),
        ("browser.language", "ja".to_owned()),
        ("browser.canvas", format!("c-{}", account % 23)),
        ("browser.webgl", format!("w-{}", account % 17)),
        ("browser.gpu", format!("g-{}", account % 5)),
        ("browser.fonts", format!("f-{}", account % 31)),
        ("device.platform", "Windows".to_owned()),
        ("device.os_version", "10.0".to_owned()),
        ("device.model", "PC".to_owned()),
        ("device.type", "desktop".to_owned()),
    ] {
        event = event.with(field, value.as_str())?;
    }
    for (field, value) in [
        ("browser.screen_width", 1_920),
        ("browser.screen_height", 1_080),
        ("browser.color_depth", 24),
        ("browser.hardware_concurrency", 8),
        ("browser.touch_points", 0),
        ("browser.time_zone_offset_minutes", -540),
    ] {
        event = event.with(field, value)?;
    }
    Ok(event)
}
