//! The flat row that features fill and rules read.

use std::fmt;

use crate::event::Symbol;
use crate::event::time::format_duration;
use crate::policy::Type;

/// How much of a value is there. As wide as a word, so that a row is emptied by zeros; the lowest bit says whether
/// there is one at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Presence {
    Missing = 0,
    Exact = 1,
    /// Computed, but part of what it covers has been forgotten.
    Approximate = 3,
}

/// One word and its presence for every place of the policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    cells: Vec<(u64, Presence)>,
}

impl Row {
    /// Makes every one of `places` missing.
    pub(crate) fn reset(&mut self, places: usize) {
        self.cells.resize(places, (0, Presence::Missing));
        self.cells.fill((0, Presence::Missing));
    }

    #[inline]
    pub(crate) fn get(&self, place: u16) -> Option<u64> {
        match self.cells.get(usize::from(place)) {
            Some((_, Presence::Missing)) | None => None,
            Some((word, _)) => Some(*word),
        }
    }

    /// The word, and whether there is one; `None` behind the last place.
    #[inline]
    pub(crate) fn read(&self, place: u16) -> Option<(u64, bool)> {
        let (word, presence) = self.cells.get(usize::from(place))?;
        Some((*word, *presence != Presence::Missing))
    }

    /// How many of the first `places` have no value.
    pub(crate) fn missing(&self, places: usize) -> usize {
        let cells = self.cells.get(..places).unwrap_or(&self.cells);
        cells.len() - cells.iter().map(|(_, presence)| *presence as usize & 1).sum::<usize>()
    }

    pub(crate) fn presence(&self, place: u16) -> Presence {
        self.cells.get(usize::from(place)).map_or(Presence::Missing, |cell| cell.1)
    }

    #[inline]
    pub(crate) fn set(&mut self, place: u16, word: Option<u64>, presence: Presence) {
        if let Some(cell) = self.cells.get_mut(usize::from(place)) {
            *cell = match word {
                Some(word) => (word, presence),
                None => (0, Presence::Missing),
            };
        }
    }

    /// The same for a value that is there.
    #[inline]
    pub(crate) fn put(&mut self, place: u16, word: u64, presence: Presence) {
        if let Some(cell) = self.cells.get_mut(usize::from(place)) {
            *cell = (word, presence);
        }
    }

    pub(crate) fn copy_from(&mut self, other: &Row) {
        self.cells.clear();
        self.cells.extend_from_slice(&other.cells);
    }
}

/// The value of a feature.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// There is nothing to compute it from.
    Missing,
    /// True or false.
    Boolean(bool),
    /// An integer: counts, sums of minor units.
    Integer(i64),
    /// A double.
    Number(f64),
    /// Milliseconds.
    Duration(i64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time(i64),
    /// Remembered text: itself up to seven bytes, else `#` and a hash.
    Text(String),
}

impl Value {
    pub(crate) fn of_word(word: Option<u64>, value_type: Type) -> Value {
        let Some(word) = word else { return Value::Missing };
        match value_type {
            Type::Boolean => Value::Boolean(word != 0),
            Type::Integer => Value::Integer(word as i64),
            Type::Number => Value::Number(f64::from_bits(word)),
            Type::Duration => Value::Duration(word as i64),
            Type::Time => Value::Time(word as i64),
            Type::Symbol => Value::Text(Symbol(word).render()),
            Type::Text | Type::Entity => Value::Missing,
        }
    }

    /// The value's 64 bits: a double's own, an integer's two's complement; `None` when missing or text.
    pub fn bits(&self) -> Option<u64> {
        match self {
            Value::Missing | Value::Text(_) => None,
            Value::Boolean(flag) => Some(u64::from(*flag)),
            Value::Integer(number) | Value::Duration(number) | Value::Time(number) => Some(*number as u64),
            Value::Number(number) => Some(number.to_bits()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Missing => f.write_str("missing"),
            Value::Boolean(flag) => write!(f, "{flag}"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Number(number) => write!(f, "{number:?}"),
            Value::Duration(duration) => f.write_str(&format_duration(*duration)),
            Value::Time(time) => match jiff::Timestamp::from_millisecond(*time) {
                Ok(time) => write!(f, "{time}"),
                Err(_) => write!(f, "{time} ms"),
            },
            Value::Text(text) => write!(f, "\"{text}\""),
        }
    }
}
