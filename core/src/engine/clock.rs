//! The latest time that an event or the host has stated.
//!
//! It changes with every event. One word for it would pass from processor to processor with each call, so every thread
//! notes it in a line of memory of its own, and in the one that all read only when another hour has begun.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

const HOUR: i64 = 3_600_000;

/// More threads than this share lines.
const LINES: usize = 16;

/// Before the first.
pub(super) const NEVER: i64 = i64::MIN;

/// A time in memory of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Line(AtomicI64);

impl Default for Line {
    fn default() -> Line {
        Line(AtomicI64::new(NEVER))
    }
}

/// The latest time seen. Never goes back.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The beginning of its hour.
    hour: Line,
    lines: [Line; LINES],
}

thread_local! {
    /// The line of this thread, when it has one.
    static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Lines that threads were given.
static GIVEN: AtomicUsize = AtomicUsize::new(0);

fn own_line() -> usize {
    OWN.with(|own| {
        if own.get() == usize::MAX {
            own.set(GIVEN.fetch_add(1, Ordering::Relaxed) % LINES);
        }
        own.get()
    })
}

impl Clock {
    /// The latest time seen, if any. Reads what every thread writes.
    pub(super) fn latest(&self) -> Option<i64> {
        let latest = self.lines.iter().map(|line| line.0.load(Ordering::Relaxed)).max();
        latest.filter(|latest| *latest != NEVER)
    }

    /// The latest time seen as far as an event of `time` has to know it for what it drops: its own, or the hour of a
    /// later one. It does not depend on who saw what.
    pub(super) fn as_of(&self, time: i64) -> i64 {
        self.hour.0.load(Ordering::Relaxed).max(time)
    }

    /// The latest time seen, if `time` is more than `most` after it.
    pub(super) fn exceeded_by(&self, time: i64, most: i64) -> Option<i64> {
        let hour = self.hour.0.load(Ordering::Relaxed);
        if time.saturating_sub(most) <= hour {
            return None;
        }
        self.latest().filter(|latest| time.saturating_sub(most) > *latest)
    }

    /// Takes in that it is `time`.
    pub(super) fn advance_to(&self, time: i64) {
        if let Some(line) = self.lines.get(own_line()) {
            line.0.fetch_max(time, Ordering::Relaxed);
        }
        let hour = time.saturating_sub(time.rem_euclid(HOUR));
        if self.hour.0.load(Ordering::Relaxed) < hour {
            self.hour.0.fetch_max(hour, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests start threads")]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whichever threads saw the times, the clock is that of one word for all, and what an event knows of it is
        /// behind by less than an hour.
        #[test]
        fn a_clock_is_the_latest_time(
            times in proptest::collection::vec((0i64..40 * HOUR, 0usize..3), 1..40),
            asked in 0i64..60 * HOUR,
            most in 0i64..30 * HOUR,
        ) {
            let clock = Clock::default();
            prop_assert_eq!(clock.latest(), None);
            prop_assert_eq!((clock.exceeded_by(asked, most), clock.as_of(asked)), (None, asked));
            thread::scope(|scope| {
                for number in 0..3 {
                    let (clock, times) = (&clock, &times);
                    scope.spawn(move || {
                        let own = times.iter().filter(|(_, thread)| *thread == number);
                        own.for_each(|(time, _)| clock.advance_to(*time));
                    });
                }
            });
            let latest = times.iter().map(|(time, _)| *time).max().unwrap_or(NEVER);
            prop_assert_eq!(clock.latest(), Some(latest));
            prop_assert_eq!(clock.exceeded_by(asked, most), Some(latest).filter(|latest| asked - latest > most));
            let known = clock.as_of(asked);
            prop_assert_eq!(known, asked.max(latest - latest % HOUR));
            prop_assert!(known > latest - HOUR);
        }
    }

    #[test]
    fn more_threads_than_lines_share_them() {
        let clock = Clock::default();
        thread::scope(|scope| {
            for number in 0..3 * LINES as i64 {
                let clock = &clock;
                scope.spawn(move || clock.advance_to(number));
            }
        });
        assert_eq!(clock.latest(), Some(3 * LINES as i64 - 1));
    }
}
