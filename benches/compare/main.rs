//! Two versions of the library in one process, told by turns: what else the machine does meets both alike, so that the
//! ratio of their medians is good to about one per cent where the medians themselves are good to thirty.
//!
//! `compare [thousands of accounts]`; `run.sh` builds it.

use std::error::Error;

/// Parts of a run that are told by themselves: as far as these differ the whole is not certain.
const PARTS: u64 = 8;
/// Batches of a part.
const BATCHES: u64 = 1_000;
/// The first time the accounts of a batch are anybody's; then they have just come.
const ROUNDS: usize = 3;

/// Nanoseconds of calls of one version.
type Times = Vec<u64>;

/// The quantile of times that need not be in order.
fn quantile(times: &[u64], part: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[((sorted.len() - 1) as f64 * part) as usize] as f64
}

fn ratio([before, now]: &[Times; 2], part: f64) -> f64 {
    quantile(now, part) / quantile(before, part)
}

fn main() -> Result<(), Box<dyn Error>> {
    let thousands: u64 = std::env::args().nth(1).map_or(Ok(300), |text| text.parse())?;
    let accounts = thousands.max(1) * 1_000;
    let (mut before, mut now) = (before::Side::new(accounts)?, now::Side::new(accounts)?);
    // By turns as well, so that the memory of both is alike.
    while before.fill()? & now.fill()? {}

    // Of calls for anybody, and for those who have just come: the times of both versions.
    let mut all: [[Times; 2]; 2] = Default::default();
    println!("now by before: ratio of medians, and of the 99th percentile");
    for part in 0..PARTS {
        let mut own: [[Times; 2]; 2] = Default::default();
        for batch in part * BATCHES..(part + 1) * BATCHES {
            for round in 0..ROUNDS {
                let [before_times, now_times] = &mut own[round.min(1)];
                // Whoever comes first finds the caches as the other left them.
                if batch.is_multiple_of(2) {
                    before.calls(batch, before_times)?;
                    now.calls(batch, now_times)?;
                } else {
                    now.calls(batch, now_times)?;
                    before.calls(batch, before_times)?;
                }
            }
        }
        let [anybody, just_come] = &own;
        println!(
            "part {}: anybody {:.3} {:.3}, who has just come {:.3} {:.3}",
            part + 1,
            ratio(anybody, 0.5),
            ratio(anybody, 0.99),
            ratio(just_come, 0.5),
            ratio(just_come, 0.99)
        );
        for (all, own) in all.iter_mut().flatten().zip(own.into_iter().flatten()) {
            all.extend(own);
        }
    }
    for (whose, times) in ["anybody", "who has just come"].iter().zip(&all) {
        let [before, now] = times;
        println!(
            "{whose}: p50 {:.3}, p99 {:.3} ({:.2} and {:.2} us before, {:.2} and {:.2} now)",
            ratio(times, 0.5),
            ratio(times, 0.99),
            quantile(before, 0.5) / 1e3,
            quantile(before, 0.99) / 1e3,
            quantile(now, 0.5) / 1e3,
            quantile(now, 0.99) / 1e3
        );
    }
    Ok(())
}
