//! Durations as policies write them, and calendar days and months of the policy's time zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Milliseconds of a day.
pub(crate) const DAY: i64 = 86_400_000;

/// The last millisecond of the year 9999.
pub(crate) const LATEST: i64 = 253_402_300_799_999;

/// The year 1990 in milliseconds. No host scores what happened before; seconds are less until the year 21,970.
const EARLIEST: i64 = 631_152_000_000;

/// What is wrong with a time about now; `None` when nothing is.
pub(crate) fn amiss(time: i64) -> Option<String> {
    let why = match time {
        EARLIEST..=LATEST => return None,
        0..EARLIEST => "; this is before 1990 and looks like seconds",
        _ => "",
    };
    Some(format!("found {time}, expected milliseconds since 1970-01-01T00:00:00Z{why}"))
}

const UNITS: [(&str, i64); 6] =
    [("w", 7 * DAY), ("d", DAY), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration such as `10m`, `1h30m`, `1.5s` or `-2d` in milliseconds: CEL's own form, with days and weeks.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let number_ends = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_ends);
        let unit_ends = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_ends);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(scaled(number, *scale)?)?;
        rest = tail;
    }
    Some(sign * total)
}

/// `number` x `scale` for a decimal number, if that is a whole number of milliseconds.
fn scaled(number: &str, scale: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let mut total = whole.parse::<i64>().ok()?.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.chars() {
        let digit = i64::from(digit.to_digit(10)?);
        if place % 10 != 0 && digit != 0 {
            return None;
        }
        place /= 10;
        total = total.checked_add(digit.checked_mul(place)?)?;
    }
    Some(total)
}

/// Renders milliseconds in the form that [`parse_duration`] reads, largest units first.
pub(crate) fn format_duration(milliseconds: i64) -> String {
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if milliseconds < 0 { "-" } else { "" });
    let mut rest = milliseconds.unsigned_abs();
    for (unit, scale) in UNITS.iter().skip(1) {
        let scale = scale.unsigned_abs();
        if rest >= scale {
            text.push_str(&format!("{}{unit}", rest / scale));
            rest %= scale;
        }
    }
    text
}

/// A span of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum CalendarUnit {
    Day,
    Month,
}

impl CalendarUnit {
    /// Milliseconds of the longest, with an hour for a change of clocks.
    pub(crate) fn longest(self) -> i64 {
        const HOUR: i64 = 3_600_000;
        match self {
            CalendarUnit::Day => DAY + HOUR,
            CalendarUnit::Month => 31 * DAY + HOUR,
        }
    }
}

/// What CEL's accessors of timestamps tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimePart {
    /// 0 to 23.
    Hours,
    /// 0 to 59.
    Minutes,
    /// 0 on Sunday to 6.
    DayOfWeek,
    /// 1 to 31.
    Date,
    /// 0 in January to 11.
    Month,
    FullYear,
}

impl TimePart {
    /// The accessors by their names in CEL.
    pub(crate) const ACCESSORS: [(&'static str, TimePart); 6] = [
        ("getHours", TimePart::Hours),
        ("getMinutes", TimePart::Minutes),
        ("getDayOfWeek", TimePart::DayOfWeek),
        ("getDate", TimePart::Date),
        ("getMonth", TimePart::Month),
        ("getFullYear", TimePart::FullYear),
    ];
}

/// The calendar of a time zone.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    zone: TimeZone,
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar { zone: TimeZone::UTC }
    }
}

/// The calendar span that was asked for last: most events fall into the same day and month.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CalendarCache {
    day: (i64, i64),
    month: (i64, i64),
}

impl Calendar {
    /// The calendar of an IANA time zone, from the database in this library; no file is read.
    pub(crate) fn of_zone(name: &str) -> Option<Calendar> {
        TimeZoneDatabase::bundled().get(name).ok().map(|zone| Calendar { zone })
    }

    /// Whether both are of the same time zone.
    pub(crate) fn is_like(&self, other: &Calendar) -> bool {
        self.zone == other.zone
    }

    /// The first millisecond of the day or month that `time` lies in.
    #[inline(never)]
    pub(crate) fn start(&self, unit: CalendarUnit, time: i64, cache: &mut CalendarCache) -> i64 {
        let known = match unit {
            CalendarUnit::Day => &mut cache.day,
            CalendarUnit::Month => &mut cache.month,
        };
        if !(known.0 <= time && time < known.1) {
            // Times are checked at the door; outside jiff's range a span of one instant is the honest answer.
            *known = self.span(unit, time).unwrap_or((time, time));
        }
        known.0
    }

    /// A part of the local date or time, counted as CEL counts it.
    pub(crate) fn part(&self, part: TimePart, time: i64) -> Option<i64> {
        let local = self.zone.to_datetime(Timestamp::from_millisecond(time).ok()?);
        Some(match part {
            TimePart::Hours => local.hour().into(),
            TimePart::Minutes => local.minute().into(),
            TimePart::DayOfWeek => local.weekday().to_sunday_zero_offset().into(),
            TimePart::Date => local.day().into(),
            TimePart::Month => i64::from(local.month()) - 1,
            TimePart::FullYear => local.year().into(),
        })
    }

    /// Milliseconds since midnight by the clock on the wall.
    pub(crate) fn time_of_day(&self, time: i64) -> Option<i64> {
        let offset = self.zone.to_offset(Timestamp::from_millisecond(time).ok()?);
        Some((time + 1_000 * i64::from(offset.seconds())).rem_euclid(DAY))
    }

    /// Minutes from UTC to local time, 540 in Japan; seconds of old local times are dropped.
    pub(crate) fn offset_minutes(&self, time: i64) -> Option<i64> {
        let time = Timestamp::from_millisecond(time).ok()?;
        Some(i64::from(self.zone.to_offset(time).seconds().div_euclid(60)))
    }

    fn span(&self, unit: CalendarUnit, time: i64) -> Option<(i64, i64)> {
        let date = self.zone.to_datetime(Timestamp::from_millisecond(time).ok()?).date();
        let (first, next) = match unit {
            CalendarUnit::Day => (date, date.tomorrow().ok()?),
            CalendarUnit::Month => {
                let first = date.first_of_month();
                (first, date.last_of_month().tomorrow().ok()?)
            }
        };
        Some((self.midnight(first)?, self.midnight(next)?))
    }

    /// The first instant of a date; where clocks skip midnight, the first that exists.
    fn midnight(&self, date: Date) -> Option<i64> {
        Some(date.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("10m", Some(600_000)),
            ("1h30m", Some(5_400_000)),
            ("30d", Some(30 * DAY)),
            ("2w", Some(14 * DAY)),
            ("250ms", Some(250)),
            ("1.5s", Some(1_500)),
            ("-2d", Some(-2 * DAY)),
            ("0s", Some(0)),
            ("", None),
            ("-", None),
            ("10", None),
            ("m", None),
            ("1.s", None),
            ("0.5ms", None),
            ("10 m", None),
            ("1y", None),
            ("99999999999999999w", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn month_ends_in_tokyo() {
        let tokyo = Calendar::of_zone("Asia/Tokyo").expect("bundled");
        let mut cache = CalendarCache::default();
        let at = |text: &str| text.parse::<Timestamp>().expect("a timestamp").as_millisecond();
        let before = at("2024-01-31T14:59:59.999Z");
        let after = at("2024-01-31T15:00:00Z");
        assert_eq!(tokyo.start(CalendarUnit::Month, before, &mut cache), at("2023-12-31T15:00:00Z"));
        assert_eq!(tokyo.start(CalendarUnit::Month, after, &mut cache), after);
        assert_eq!(tokyo.start(CalendarUnit::Day, before, &mut cache), at("2024-01-30T15:00:00Z"));
        assert_eq!(tokyo.start(CalendarUnit::Day, after, &mut cache), after);
    }

    #[test]
    fn days_of_23_and_25_hours() {
        let zone = Calendar::of_zone("Europe/Berlin").expect("bundled");
        let at = |text: &str| text.parse::<Timestamp>().expect("a timestamp").as_millisecond();
        let day = |time| zone.span(CalendarUnit::Day, time).expect("in range");
        let (start, end) = day(at("2026-03-29T12:00:00Z"));
        assert_eq!(end - start, 23 * 3_600_000);
        let (start, end) = day(at("2026-10-25T12:00:00Z"));
        assert_eq!(end - start, 25 * 3_600_000);
        assert!(Calendar::of_zone("Asia/Tokio").is_none());
    }

    proptest! {
        #[test]
        fn durations_round_trip(milliseconds in -1_000_000_000_000i64..1_000_000_000_000) {
            prop_assert_eq!(parse_duration(&format_duration(milliseconds)), Some(milliseconds));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_duration(&text);
        }

        #[test]
        fn tokyo_days_are_a_formula(time in 0i64..LATEST) {
            let tokyo = Calendar::of_zone("Asia/Tokyo").expect("bundled");
            // No daylight saving since 1951.
            let expected = (time + 9 * 3_600_000).div_euclid(DAY) * DAY - 9 * 3_600_000;
            prop_assert_eq!(tokyo.start(CalendarUnit::Day, time, &mut CalendarCache::default()), expected);
        }
    }
}
