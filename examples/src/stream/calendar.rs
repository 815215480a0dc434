//! The stream's calendar: Japanese time, which has no daylight saving.

use super::dice::Dice;

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// 2026-09-01 00:00 in Tokyo, a Tuesday.
pub(super) const START: i64 = 1_788_188_400_000;

/// Running sums of the activity in each hour of the day: quiet nights, peaks at noon and in the evening.
const RHYTHM: [f64; 24] = [
    1.0, 1.5, 1.8, 2.0, 2.3, 3.0, 5.0, 9.5, 14.5, 18.5, 22.8, 28.0, 37.0, 42.5, 47.0, 51.8, 57.5, 65.5, 76.0,
    86.0, 93.5, 99.5, 103.5, 106.0,
];

/// The span of the stream.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) days: i64,
}

impl Span {
    pub(super) fn end(self) -> i64 {
        START + self.days * DAY
    }

    /// The moment at a fraction of the span.
    pub(super) fn at(self, fraction: f64) -> i64 {
        START + (fraction * (self.days * DAY) as f64) as i64
    }
}

/// A moment of a day of the stream, drawn from the daily rhythm.
pub(super) fn moment(dice: &mut Dice, day: i64) -> i64 {
    let hour = dice.weighted(&RHYTHM) as i64;
    START + day * DAY + hour * HOUR + dice.between(0, HOUR - 1)
}

/// The day of the stream, from 0; negative before its start.
pub(super) fn day_of(time: i64) -> i64 {
    (time - START).div_euclid(DAY)
}

/// The hour in Tokyo.
pub(super) fn hour_of(time: i64) -> i64 {
    (time - START).rem_euclid(DAY) / HOUR
}

/// Saturday or Sunday in Tokyo.
pub(super) fn is_weekend(day: i64) -> bool {
    matches!((day + 2).rem_euclid(7), 0 | 6)
}
