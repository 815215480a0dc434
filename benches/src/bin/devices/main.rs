//! How well devices are told apart: a population of them, whose owners come back, and others who pass for them.
//!
//! `devices [thousands]`: how many devices, 100 thousand unless given.

mod curve;
mod population;

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use sekisho::{Decision, Engine, Event, Field, HashKey, Policy};

use curve::Curve;
use population::{Class, Machine, Print, Random};

const POLICY: &str = include_str!("policy.toml");
/// 2026-06-30T00:00:00Z, when all come back.
const NOW: i64 = 1_782_777_600_000;
const DAY: i64 = 86_400_000;
/// The same as a day of the population's own calendar.
const TODAY: i64 = 180;

/// Whoever scores an event of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Actor {
    /// The owner, on the same device some time later.
    Owner,
    /// Somebody with another device of the population.
    Stranger,
    /// Somebody whose device is of the same model, or a desktop with the same parts.
    Twin,
    /// Somebody who copies all that a script reads, and has a network code of their own.
    Copier,
    /// The same with the network code of the same browser, which is all that there is to copy.
    Mirror,
}

const IMPOSTORS: [Actor; 4] = [Actor::Stranger, Actor::Twin, Actor::Copier, Actor::Mirror];

/// What the engine finds.
#[derive(Clone, Copy)]
struct Found {
    percent: f64,
    /// 0 new, 1 like a known one, 2 known and changed, 3 known.
    state: u64,
    contradicted: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let thousands = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100usize);
    let mut random = Random::new(0x5e15_4005);
    let machines: Vec<Machine> = (0..1_000 * thousands).map(|_| Machine::new(&mut random)).collect();
    // Each was seen once, some days ago.
    let mut ages: Vec<(i64, usize)> = machines
        .iter()
        .enumerate()
        .map(|(number, machine)| (machine.returns_after(&mut random).min(TODAY), number))
        .collect();
    ages.sort_by_key(|(age, _)| std::cmp::Reverse(*age));

    let key = HashKey::new(1, *b"32 secret bytes of the host ....");
    let engine = Engine::builder(Policy::from_toml(POLICY)?, key).memory(6 << 30).build()?;
    let mut event = engine.event();
    let start = Instant::now();
    for (age, number) in &ages {
        engine.advance(NOW - age * DAY)?;
        fill(&mut event, *number, NOW - age * DAY, &machines[*number].print(TODAY - age))?;
        engine.record(&event)?;
    }
    let recorded = start.elapsed();

    let mut found: HashMap<(Class, Actor), Vec<Found>> = HashMap::new();
    let (mut compared, mut spent) = (0u32, Duration::ZERO);
    let mut decision = Decision::detailed();
    engine.advance(NOW)?;
    for (age, number) in &ages {
        let (machine, class) = (&machines[*number], machines[*number].class());
        let known = machine.print(TODAY - age);
        let own = Machine::new(&mut random).print(TODAY);
        for (actor, print) in [
            (Actor::Owner, machine.later(*age, &mut random).print(TODAY)),
            (Actor::Stranger, machines[random.below(machines.len())].print(TODAY)),
            (Actor::Twin, machine.twin(&mut random).print(TODAY)),
            (Actor::Copier, population::copied(&known, Some(&own))),
            (Actor::Mirror, population::copied(&known, None)),
        ] {
            fill(&mut event, *number, NOW, &print)?;
            let start = Instant::now();
            engine.score_into(&event, &mut decision)?;
            spent += start.elapsed();
            compared += 1;
            let bits = |place| decision.feature_bits(place).unwrap_or(0);
            found.entry((class, actor)).or_default().push(Found {
                percent: f64::from_bits(bits(0)),
                state: bits(1),
                contradicted: bits(2) > 0,
            });
        }
    }
    let evicted: u64 = engine.statistics().iter().map(|table| table.evicted).sum();
    let bytes: usize = engine.statistics().iter().map(|table| table.bytes).sum();
    println!(
        "{} devices; recorded in {:.0} ns each, {compared} scored in {:.0} ns each; {:.0} bytes a device, {evicted} entities evicted",
        machines.len(),
        recorded.as_nanos() as f64 / machines.len() as f64,
        spent.as_nanos() as f64 / f64::from(compared),
        bytes as f64 / machines.len() as f64,
    );
    for class in Class::ALL {
        report(&class.to_string(), |actor| found.get(&(class, actor)).cloned().unwrap_or_default());
    }
    report("all", |actor| {
        Class::ALL.iter().flat_map(|class| found.get(&(*class, actor)).cloned().unwrap_or_default()).collect()
    });
    Ok(())
}

fn fill(event: &mut Event, account: usize, time: i64, print: &Print) -> sekisho::Result<()> {
    event.clear();
    event.set(Field::TYPE, "login")?;
    event.set(Field::TIME, time)?;
    event.set(Field::OUTCOME, "succeeded")?;
    event.set(Field::ACCOUNT, account as i64)?;
    population::show(print, event)
}

fn report(name: &str, of: impl Fn(Actor) -> Vec<Found>) {
    let share = |all: &[Found], holds: &dyn Fn(&Found) -> bool| {
        100.0 * all.iter().filter(|found| holds(found)).count() as f64 / all.len() as f64
    };
    let owners = of(Actor::Owner);
    println!(
        "\n{name}: {} owners who come back; {:.1} % known, {:.1} % updated, {:.1} % only like, {:.1} % new, {:.2} % contradicted",
        owners.len(),
        share(&owners, &|found| found.state == 3),
        share(&owners, &|found| found.state == 2),
        share(&owners, &|found| found.state == 1),
        share(&owners, &|found| found.state == 0),
        share(&owners, &|found| found.contradicted),
    );
    println!(
        "  impostor    owners passed at 0.1 % / 1 % / 5 % of impostors      AUC     EER   like  known  contradicted"
    );
    for actor in IMPOSTORS {
        let others = of(actor);
        let percent = |all: &[Found]| all.iter().map(|found| found.percent).collect();
        let curve = Curve::new(percent(&owners), percent(&others));
        println!(
            "  {:<10} {:>22.2} {:>7.2} {:>7.2} {:>14.4} {:>6.2}% {:>5.2}% {:>5.2}% {:>12.2}%",
            format!("{actor:?}").to_lowercase(),
            100.0 * curve.passed_at(0.001),
            100.0 * curve.passed_at(0.01),
            100.0 * curve.passed_at(0.05),
            curve.area(),
            100.0 * curve.equal_error(),
            share(&others, &|found| found.state == 1),
            share(&others, &|found| found.state > 1),
            share(&others, &|found| found.contradicted),
        );
    }
}
