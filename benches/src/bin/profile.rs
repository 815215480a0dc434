//! Assesses the workload's events again and again, for a profiler to look at.
//!
//! `profile [assess|score|fill] [calls]`

use std::hint::black_box;
use std::time::Instant;

use sekisho::{Decision, Event};
use sekisho_benches::{SETS, Sample, Workload};

fn main() -> sekisho::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let what = arguments.first().map_or("assess", String::as_str);
    let calls = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(2_000_000u64);

    let workload = Workload::default();
    let engine = workload.engine()?;
    let mut next = workload.warm_up(&engine)?;
    let mut decision = Decision::new();
    let mut events: Vec<Event> = (0..SETS).map(|_| engine.event()).collect();
    let (mut done, mut spent, mut hits) = (0, 0, 0);
    while done < calls {
        let samples: Vec<Sample> = (next..next + SETS as u64).map(|number| workload.sample(number)).collect();
        if what != "fill" {
            fill(&workload, &samples, &mut events)?;
        }
        let start = Instant::now();
        match what {
            "fill" => fill(&workload, &samples, &mut events)?,
            _ => hits += measured(&engine, &events, &mut decision, what == "assess")?,
        }
        spent += start.elapsed().as_nanos();
        if what == "score" {
            for event in &events {
                engine.record(event)?;
            }
        }
        next += SETS as u64;
        done += SETS as u64;
    }
    println!("{what}: {} ns a call, {:.2} hits", spent / u128::from(done), hits as f64 / done as f64);
    if let Err(what) = workload.check_histories(&engine) {
        println!("{what}");
    }
    Ok(())
}

#[inline(never)]
fn fill(workload: &Workload, samples: &[Sample], events: &mut [Event]) -> sekisho::Result<()> {
    for (sample, event) in samples.iter().zip(events) {
        workload.fill(black_box(sample), event)?;
    }
    Ok(())
}

#[inline(never)]
fn measured(
    engine: &sekisho::Engine,
    events: &[Event],
    decision: &mut Decision,
    keep: bool,
) -> sekisho::Result<usize> {
    let mut hits = 0;
    for event in events {
        match keep {
            true => engine.assess_into(black_box(event), decision)?,
            false => engine.score_into(black_box(event), decision)?,
        }
        hits += black_box(&*decision).hits().len();
    }
    Ok(hits)
}
