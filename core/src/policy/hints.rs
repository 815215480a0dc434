//! What the author of a policy most likely meant.

use std::ops::Range;

use jiff::tz::TimeZoneDatabase;

use crate::event::{is_meant, nearest};

/// Units as people write them; with the calendar's, which have no length of their own.
const UNITS: [(&str, u32, &str); 15] = [
    ("s", 1, "s"),
    ("sec", 1, "s"),
    ("second", 1, "s"),
    ("m", 1, "m"),
    ("min", 1, "m"),
    ("minute", 1, "m"),
    ("h", 1, "h"),
    ("hr", 1, "h"),
    ("hour", 1, "h"),
    ("d", 1, "d"),
    ("day", 1, "d"),
    ("w", 1, "w"),
    ("week", 1, "w"),
    ("mo", 30, "d"),
    ("month", 30, "d"),
];

/// Why a text is no duration; windows may be those of the calendar, too.
pub(super) fn no_duration(text: &str, is_window: bool) -> String {
    match meant(text, is_window) {
        Some(meant) => format!("\"{text}\" is no duration; did you mean \"{meant}\"?"),
        None => format!("\"{text}\" is no duration; write 90s, 10m, 1h30m or 7d"),
    }
}

fn meant(text: &str, is_window: bool) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let (number, unit) = lower.split_at(lower.find(|c: char| !c.is_ascii_digit())?);
    let unit = unit.trim_start();
    let unit = unit.strip_suffix('s').filter(|unit| unit.len() > 1).unwrap_or(unit);
    let calendar = match (number, unit) {
        ("" | "1", "month" | "mo") => Some("month"),
        ("", _) => nearest(unit, ["day", "month"].into_iter()),
        _ => None,
    };
    if let Some(calendar) = calendar.filter(|_| is_window) {
        return Some(calendar.to_owned());
    }
    // Of `1M` nobody knows whether it is a minute.
    let (_, scale, unit) = UNITS.into_iter().find(|(known, ..)| *known == unit && !text.ends_with('M'))?;
    let number = if number.is_empty() { 1 } else { number.parse::<u32>().ok()? };
    Some(format!("{}{unit}", number.checked_mul(scale)?))
}

/// Why a name is that of no time zone.
pub(super) fn no_zone(name: &str) -> String {
    let database = TimeZoneDatabase::bundled();
    let known: Vec<_> = database.available().collect();
    let known = known.iter().map(|zone| zone.as_str());
    // Abbreviations are all alike.
    let near = nearest(name, known.filter(|zone| name.contains('/') || is_meant(name, zone)));
    let hint = match near {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "write a name such as \"Asia/Tokyo\"".to_owned(),
    };
    format!("there is no time zone \"{name}\"; {hint}")
}

/// Keys whose values are expressions.
const EXPRESSIONS: [&str; 8] = ["when", "where", "points", "expression", "after", "reset", "amount", "count"];
/// Tables of which there may be many.
const ARRAYS: [&str; 7] = ["attribute", "entity", "list", "feedback", "feature", "limit", "rule"];

/// What a key takes, from what serde says of a value that it does not.
pub(super) fn wanted(key: &str, message: &str) -> Option<&'static str> {
    Some(match (key, message.rsplit_once("expected ").map_or(message, |(_, expected)| expected)) {
        ("severity", _) => "an integer from 0 to 100",
        ("strength", _) => "an integer from 1 to 4",
        ("expires", _) => "milliseconds since 1970",
        ("over" | "near_over", _) => "a window in quotes, such as \"10m\" or \"day\"",
        ("delay" | "half_life" | "per" | "lateness" | "remember_for" | "for", _) => {
            "a duration in quotes, such as \"10m\""
        }
        ("when" | "where" | "expression" | "after" | "reset" | "steps", _) => "an expression in quotes",
        (_, "a string") => "text in quotes",
        (_, "f64") => "a number",
        (_, "i64" | "u8") => "an integer",
        (_, "a boolean") => "true or false",
        _ if message.contains("wanted string") => "text in quotes",
        _ => return None,
    })
}

/// What breaks the syntax of a document at a place, where that is known to be one mistake: an expression without
/// quotes, or single brackets round the name of a table of which there are many.
pub(super) fn syntax(text: &str, at: usize) -> Option<(Range<usize>, String)> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        lines.push((start, line.trim_end()));
        start += line.len();
    }
    let (start, line) = lines.iter().rev().find(|(start, _)| *start <= at)?;
    if let Some((key, value)) = line.split_once('=') {
        let (key, value) = (key.trim(), value.trim_start());
        let inner_quotes = value.starts_with('"') && value.matches('"').count() > 2;
        let message = match inner_quotes && !value.starts_with("\"\"\"") {
            true => format!("`{key}`: an expression with \" in it stands in '...'"),
            false => format!("`{key}`: put the expression into quotes"),
        };
        let is_bare = value.starts_with(|c: char| c.is_alphabetic() || "(!-".contains(c));
        let end = start + line.len();
        return (EXPRESSIONS.contains(&key) && (is_bare || inner_quotes))
            .then(|| (end - value.len()..end, message));
    }
    let name = ARRAYS.into_iter().find(|name| line.trim().trim_matches(['[', ']']) == *name)?;
    let (start, line) = lines.iter().find(|(_, line)| line.trim() == format!("[{name}]"))?;
    let message = format!("one of several stands in double brackets: [[{name}]]");
    Some((*start..start + line.len(), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::time::parse_duration;

    #[test]
    fn durations_as_people_write_them() {
        let windows = [
            ("Day", "day"),
            ("days", "day"),
            ("dya", "day"),
            ("month", "month"),
            ("Month", "month"),
            ("1mo", "month"),
            ("2 months", "60d"),
            ("week", "1w"),
            ("90days", "90d"),
            ("7 d", "7d"),
            ("10min", "10m"),
            ("10 secs", "10s"),
            ("24hrs", "24h"),
        ];
        for (written, expected) in windows {
            assert_eq!(meant(written, true).as_deref(), Some(expected), "{written}");
        }
        for (written, expected) in [("day", "1d"), ("Month", "30d"), ("1 hour", "1h")] {
            let meant = meant(written, false);
            assert_eq!(meant.as_deref(), Some(expected), "{written}");
            assert!(meant.is_some_and(|meant| parse_duration(&meant).is_some()));
        }
        for written in ["", "600", "1M", "P90D", "a while", "99999999999 days", "4000000000 months"] {
            assert_eq!(meant(written, true), None, "{written}");
        }
    }

    #[test]
    fn zones_by_their_names() {
        for (written, expected) in [
            ("America/NewYork", "did you mean \"America/New_York\"?"),
            ("Asia/Tokio", "did you mean \"Asia/Tokyo\"?"),
            ("JST", "did you mean \"Asia/Tokyo\"?"),
            ("CEST", "write a name such as \"Asia/Tokyo\""),
            ("+09:00", "write a name such as \"Asia/Tokyo\""),
        ] {
            assert_eq!(no_zone(written), format!("there is no time zone \"{written}\"; {expected}"));
        }
    }
}
