//! How well devices are told apart: a population of them, whose owners come back, and others who pass for them.
//!
//! `devices [thousands]`: how many devices, 100 thousand unless given.

mod curve;
mod population;

use std::collections::HashMap;
use std::time::Instant;

use sekisho::device::{
    ATTRIBUTES, Frequencies, Likeness, Outcome, Pattern, Sighting, State, TABLE, frequency, likeness,
};

use curve::Curve;
use population::{Class, Machine, Print, Random};

const DAY: i64 = 86_400_000;

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

fn main() {
    let thousands = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100usize);
    let mut random = Random::new(0x5e15_4005);
    let machines: Vec<Machine> = (0..1_000 * thousands).map(|_| Machine::new(&mut random)).collect();

    // Each was seen once in the past half year; what is frequent is learnt from that.
    let known: Vec<(i64, Print)> = machines
        .iter()
        .map(|machine| {
            let day = random.below(180) as i64;
            (day, machine.print(day))
        })
        .collect();
    let mut counts: Vec<HashMap<u64, u64>> = vec![HashMap::new(); ATTRIBUTES];
    for (_, print) in &known {
        for (counts, value) in counts.iter_mut().zip(print) {
            if let Some(value) = value {
                *counts.entry(*value).or_default() += 1;
            }
        }
    }
    let compare = |(day, known): &(i64, Print), now: &(i64, Print), handheld: bool| -> Option<Likeness> {
        let pattern = Pattern::new(|at, attribute| Outcome::of(attribute, known[at], now.1[at]));
        let frequencies: Frequencies = std::array::from_fn(|at| {
            let count = counts[at].get(&now.1[at]?).copied().unwrap_or(0);
            Some(frequency(&TABLE[at], count, machines.len() as u64))
        });
        likeness(&[Sighting { age: (now.0 - day) * DAY, pattern }], &frequencies, handheld)
    };

    let mut found: HashMap<(Class, Actor), Vec<Likeness>> = HashMap::new();
    let (mut compared, mut spent) = (0u32, std::time::Duration::ZERO);
    for (machine, known) in machines.iter().zip(&known) {
        let day = known.0 + machine.returns_after(&mut random);
        let later = machine.later(day - known.0, &mut random);
        let class = machine.class();
        let start = Instant::now();
        let mut judge = |actor, print, handheld| {
            if let Some(likeness) = compare(known, &(day, print), handheld) {
                found.entry((class, actor)).or_default().push(likeness);
                compared += 1;
            }
        };
        judge(Actor::Owner, later.print(day), machine.is_handheld());
        let stranger = &machines[random.below(machines.len())];
        judge(Actor::Stranger, stranger.print(day), stranger.is_handheld());
        let twin = machine.twin(&mut random);
        judge(Actor::Twin, twin.print(day), twin.is_handheld());
        let own = Machine::new(&mut random).print(day);
        judge(Actor::Copier, population::copied(&known.1, Some(&own)), machine.is_handheld());
        judge(Actor::Mirror, population::copied(&known.1, None), machine.is_handheld());
        spent += start.elapsed();
    }

    println!(
        "{} devices, {compared} comparisons, {:.0} ns each with the making of what is compared",
        machines.len(),
        spent.as_nanos() as f64 / f64::from(compared)
    );
    for class in Class::ALL {
        report(&class.to_string(), |actor| found.get(&(class, actor)).cloned().unwrap_or_default());
    }
    report("all", |actor| {
        Class::ALL.iter().flat_map(|class| found.get(&(*class, actor)).cloned().unwrap_or_default()).collect()
    });
}

fn report(name: &str, of: impl Fn(Actor) -> Vec<Likeness>) {
    let share = |likenesses: &[Likeness], holds: &dyn Fn(&Likeness) -> bool| {
        100.0 * likenesses.iter().filter(|likeness| holds(likeness)).count() as f64 / likenesses.len() as f64
    };
    let owners = of(Actor::Owner);
    println!(
        "\n{name}: {} owners who come back; {:.1} % known, {:.1} % updated, {:.1} % only like, {:.1} % new, {:.2} % contradicted",
        owners.len(),
        share(&owners, &|likeness| likeness.state == State::Known),
        share(&owners, &|likeness| likeness.state == State::Updated),
        share(&owners, &|likeness| likeness.state == State::Like),
        share(&owners, &|likeness| likeness.state == State::New),
        share(&owners, &|likeness| likeness.contradictions != 0),
    );
    println!(
        "  impostor    owners passed at 0.1 % / 1 % / 5 % of impostors      AUC     EER   like  known  contradicted"
    );
    for actor in IMPOSTORS {
        let others = of(actor);
        let percent = |likenesses: &[Likeness]| likenesses.iter().map(|likeness| likeness.percent).collect();
        let curve = Curve::new(percent(&owners), percent(&others));
        println!(
            "  {:<10} {:>22.2} {:>7.2} {:>7.2} {:>14.4} {:>6.2}% {:>5.2}% {:>5.2}% {:>12.2}%",
            format!("{actor:?}").to_lowercase(),
            100.0 * curve.passed_at(0.001),
            100.0 * curve.passed_at(0.01),
            100.0 * curve.passed_at(0.05),
            curve.area(),
            100.0 * curve.equal_error(),
            share(&others, &|likeness| likeness.state == State::Like),
            share(&others, &|likeness| likeness.state > State::Like),
            share(&others, &|likeness| likeness.contradictions != 0),
        );
    }
}
