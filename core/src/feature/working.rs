//! What is worked out from an event once, when it arrives, and remembered in its place.

use std::f64::consts::TAU;

use super::device::version_word;
use super::geography::unit;
use crate::event::time::{Calendar, DAY};
use crate::event::{Event, Field, Schema};

/// A word that is worked out from those of the event: a double, unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Working {
    /// sign(x) · ln(1 + |x|) of an integer, or of a number.
    Logarithm { of: Field, number: bool },
    /// The local time of day as a point of the unit circle, midnight at (1, 0): its first coordinate,
    DayCosine,
    /// and its second.
    DaySine,
    /// A coordinate of the event's position as a unit vector.
    Position(Axis),
    /// How far off the position may be in km: 0 where it is not said.
    Radius,
    /// A version in one word, which tells what is later; made of text, and no double.
    Version(Field),
}

/// From the centre of the Earth to where both degrees are 0, to 90 degrees of longitude, to the north pole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    X,
    Y,
    Z,
}

impl Working {
    /// The fields that it reads.
    pub(crate) fn inputs(&self) -> &[Field] {
        match self {
            Working::Logarithm { of, .. } | Working::Version(of) => std::slice::from_ref(of),
            Working::DayCosine | Working::DaySine => &[Field::TIME],
            Working::Position(_) => &[Field::LATITUDE, Field::LONGITUDE],
            Working::Radius => &[Field::LATITUDE, Field::LONGITUDE, Field::RADIUS_KM],
        }
    }

    /// Its word, when the event has the fields.
    pub(super) fn word_of(
        self,
        calendar: &Calendar,
        event: &Event,
        read: impl Fn(Field) -> Option<u64>,
    ) -> Option<u64> {
        match self {
            Working::Version(of) => version_word(event.raw_text(of)?),
            _ => self.word(calendar, read),
        }
    }

    /// Its word, when `read` has those of the fields. Histories do not remember what versions are made of.
    pub(crate) fn word(self, calendar: &Calendar, read: impl Fn(Field) -> Option<u64>) -> Option<u64> {
        let angle = || angle(calendar, read(Field::TIME)? as i64);
        let degrees = |field| read(field).map(f64::from_bits);
        let value = match self {
            Working::Logarithm { of, number: true } => logarithm(f64::from_bits(read(of)?)),
            Working::Logarithm { of, number: false } => logarithm(read(of)? as i64 as f64),
            Working::DayCosine => libm::cos(angle()?),
            Working::DaySine => libm::sin(angle()?),
            Working::Position(axis) => {
                let [x, y, z] = unit(degrees(Field::LATITUDE)?, degrees(Field::LONGITUDE)?);
                match axis {
                    Axis::X => x,
                    Axis::Y => y,
                    Axis::Z => z,
                }
            }
            Working::Radius => {
                degrees(Field::LATITUDE).and(degrees(Field::LONGITUDE))?;
                read(Field::RADIUS_KM).map_or(0.0, f64::from_bits)
            }
            Working::Version(_) => return None,
        };
        Some(value.to_bits())
    }

    /// What it is, in words that mean the same in every policy.
    pub(crate) fn name(self, schema: &Schema, zone: &str) -> String {
        match self {
            Working::Logarithm { of, .. } => format!("logarithm {}", schema.name(of)),
            Working::DayCosine => format!("cosine of the day in {zone}"),
            Working::DaySine => format!("sine of the day in {zone}"),
            Working::Position(axis) => format!("{axis:?} of the position"),
            Working::Radius => "radius of the position".to_owned(),
            Working::Version(of) => format!("version {}", schema.name(of)),
        }
    }
}

/// Logarithm of a value of either sign, 0 at 0.
fn logarithm(value: f64) -> f64 {
    libm::copysign(libm::log1p(libm::fabs(value)), value)
}

/// The local time of day as an angle. On days with a change of clocks it is what the clock on the wall shows.
fn angle(calendar: &Calendar, time: i64) -> Option<f64> {
    Some(TAU * (calendar.time_of_day(time)? as f64 / DAY as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_have_the_sign_of_their_value() {
        // From numpy: sign(x) * log1p(abs(x)).
        for (value, expected) in [
            (0.0, 0.0),
            (4.0, 1.609_437_912_434_100_3),
            (-4.0, -1.609_437_912_434_100_3),
            (1e-20, 1e-20),
            (9_007_199_254_740_992.0, 36.736_800_569_677_1),
        ] {
            let found = logarithm(value);
            assert!((found - expected).abs() <= 1e-15 * expected.abs(), "{value}: {found}");
        }
    }

    #[test]
    fn a_day_is_once_round_by_the_clock_on_the_wall() {
        let berlin = Calendar::of_zone("Europe/Berlin").expect("bundled");
        // 2026-10-25T00:00 there: at 03:00 clocks go back by an hour, so 02:30 comes twice.
        const MIDNIGHT: i64 = 1_792_879_200_000;
        const HOUR: i64 = 3_600_000;
        let at = |time: i64| (angle(&berlin, time).expect("in range") / TAU * DAY as f64).round() as i64;
        assert_eq!(at(MIDNIGHT), 0);
        assert_eq!(at(MIDNIGHT + 5 * HOUR / 2), 5 * HOUR / 2);
        assert_eq!(at(MIDNIGHT + 7 * HOUR / 2), 5 * HOUR / 2);
        assert_eq!(at(MIDNIGHT + 13 * HOUR), 12 * HOUR);
        assert_eq!(at(MIDNIGHT + 25 * HOUR - 1), DAY - 1);
    }
}
