//! Window aggregates over one entity's history: the **visit**.
//!
//! A visit reads one history and the current event, and nothing else. It finds the bounds of every window
//! once, marks which entries each selector picks as bits, and computes each feature from the picked bits.

use std::ops::Range;

use super::plan::{RatioFeature, Selector, TablePlan, Window, WindowFeature, WindowSpan};
use super::row::{Presence, Row};
use crate::event::time::{Calendar, CalendarCache};
use crate::policy::Aggregate;
use crate::state::{History, Undone, holds};

/// The current event as a visit sees it.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) time: i64,
    /// The event's id, 0 when it has none.
    pub(crate) id: u64,
    /// Some history holds the event already.
    pub(crate) repeated: bool,
    /// One bit for each predicate that holds.
    pub(crate) masks: &'a [u64],
    pub(crate) cells: &'a [Option<u64>],
}

impl Moment<'_> {
    fn cell(&self, plan: &TablePlan, column: usize) -> Option<u64> {
        plan.columns.get(column).and_then(|cell| self.cells.get(*cell)).copied().flatten()
    }
}

/// Memory that visits reuse.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    bounds: Vec<Bounds>,
    picked: Vec<u64>,
    selections: Vec<Selection>,
    values: Vec<u64>,
    undone: Vec<Undone>,
    pub(crate) calendar: CalendarCache,
}

/// The entries of a window: `low..high` of the history.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    low: usize,
    high: usize,
    /// The same as bits, of the first 64 entries.
    word: u64,
    /// The window's length in milliseconds.
    length: i64,
    presence: Presence,
}

/// What a selector picked: the words of its bits, the entry of the first bit, and whether the current event is
/// picked too.
#[derive(Clone, Debug)]
struct Selection {
    base: usize,
    words: Range<usize>,
    current: bool,
    /// The current event lacks a part of the composite: the features stay missing.
    absent: bool,
}

/// Computes all features of one entity into the row.
///
/// # Errors
/// The place of a feature whose exact sum leaves 64 bits.
pub(crate) fn visit(
    plan: &TablePlan,
    history: &History,
    moment: &Moment<'_>,
    calendar: &Calendar,
    workspace: &mut Workspace,
    row: &mut Row,
) -> Result<(), u16> {
    // An event that was recorded before is scored as of its first arrival: what followed it does not count.
    let repeated = if moment.repeated { history.position_of(moment.id) } else { None };
    let time = repeated.and_then(|at| history.time_at(at)).unwrap_or(moment.time);
    let horizon = repeated.unwrap_or(usize::MAX);

    workspace.bounds.clear();
    // Windows with one delay, which are nearly always all, end at one entry.
    let mut known = None;
    for window in &plan.windows {
        let high = match known {
            Some((delay, high)) if delay == window.delay => high,
            _ => history.count_until(time - window.delay).min(horizon),
        };
        known = Some((window.delay, high));
        let bounds = bounds(window, history, time, high, calendar, &mut workspace.calendar);
        workspace.bounds.push(bounds);
    }
    workspace.picked.clear();
    workspace.selections.clear();
    history.undone(time, &mut workspace.undone);
    // A short history is one word: narrowing it to a selector's own windows would cost more than it saves.
    let short = history.len() <= 64;
    for selector in &plan.selectors {
        let (low, high) = if short { (0, history.len()) } else { reach(selector, &workspace.bounds) };
        let first = workspace.picked.len();
        let undone = &workspace.undone;
        if short {
            workspace.picked.push(pick(selector, plan, history, undone, moment, 0));
        } else {
            let words = (low..high).step_by(64);
            workspace.picked.extend(words.map(|at| pick(selector, plan, history, undone, moment, at)));
        }
        let current = picks_current(selector, plan, moment);
        let absent = selector.same.iter().any(|column| moment.cell(plan, *column).is_none());
        workspace.selections.push(Selection {
            base: low,
            words: first..workspace.picked.len(),
            current,
            absent,
        });
    }

    for feature in &plan.features {
        let (Some(bounds), Some(selection)) =
            (workspace.bounds.get(feature.window), workspace.selections.get(feature.selector))
        else {
            continue;
        };
        if selection.absent {
            continue;
        }
        let current = feature.include_current && selection.current;
        let current = if current { Some(moment.cell(plan, feature.column).unwrap_or(0)) } else { None };
        let (column, length, values) = (feature.column, bounds.length, &mut workspace.values);
        let word = if short {
            let picked = workspace.picked.get(feature.selector).copied().unwrap_or(0);
            let matches = OneWord(picked & bounds.word);
            Gathered { matches, history, column, current, time, length }.aggregate(feature, values)
        } else {
            let picked = workspace.picked.get(selection.words.clone()).unwrap_or(&[]);
            let matches = ManyWords::new(picked, selection.base, bounds.low, bounds.high);
            Gathered { matches, history, column, current, time, length }.aggregate(feature, values)
        };
        row.set(feature.place, word.ok_or(feature.place)?, bounds.presence);
    }
    Ok(())
}

/// The entries that any window of a selector holds.
fn reach(selector: &Selector, bounds: &[Bounds]) -> (usize, usize) {
    let windows = selector.windows.iter().filter_map(|window| bounds.get(*window));
    let reach =
        windows.fold((usize::MAX, 0), |(low, high), window| (low.min(window.low), high.max(window.high)));
    (reach.0.min(reach.1), reach.1)
}

/// The ratio features, after everything that they divide.
pub(crate) fn ratios(ratios: &[RatioFeature], row: &mut Row) {
    for ratio in ratios {
        let read = |(place, number): (u16, bool)| {
            row.get(place).map(|word| if number { f64::from_bits(word) } else { word as i64 as f64 })
        };
        let quotient = match (read(ratio.numerator), read(ratio.denominator)) {
            (Some(numerator), Some(denominator)) if denominator != 0.0 => Some(numerator / denominator),
            _ => None,
        };
        let exact = [ratio.numerator.0, ratio.denominator.0]
            .iter()
            .all(|place| row.presence(*place) == Presence::Exact);
        let presence = if exact { Presence::Exact } else { Presence::Approximate };
        row.set(ratio.place, quotient.map(f64::to_bits), presence);
    }
}

fn bounds(
    window: &Window,
    history: &History,
    time: i64,
    high: usize,
    calendar: &Calendar,
    cache: &mut CalendarCache,
) -> Bounds {
    let end = time - window.delay;
    let start = match window.span {
        WindowSpan::Unbounded => None,
        WindowSpan::Sliding(length) => Some(end - length),
        // The first millisecond of the day belongs to the day.
        WindowSpan::Calendar(unit) => Some(calendar.start(unit, end, cache) - 1),
    };
    let low = start.map_or(0, |start| history.count_until(start)).min(high);
    let forgotten =
        history.forgotten_until().is_some_and(|forgotten| start.is_none_or(|start| start < forgotten));
    Bounds {
        low,
        high,
        word: ones(high) & !ones(low),
        length: start.map_or(0, |start| end - start),
        presence: if forgotten { Presence::Approximate } else { Presence::Exact },
    }
}

/// One bit for each of 64 entries from `at` on, lowest first: whether the selector picks it. Those behind the last
/// entry are anything.
#[inline(always)]
fn pick(
    selector: &Selector,
    plan: &TablePlan,
    history: &History,
    undone: &[Undone],
    moment: &Moment<'_>,
    at: usize,
) -> u64 {
    let mut word = u64::MAX;
    if let Some(predicate) = selector.predicate {
        word &= history.predicate_word(predicate.place, at, undone);
    }
    if let Some(column) = selector.present {
        word &= history.presence_word(&plan.shape, column, at);
    }
    for column in &selector.same {
        let Some(wanted) = moment.cell(plan, *column) else { return 0 };
        word &= history.presence_word(&plan.shape, *column, at);
        let cells = history.cells(*column).iter().skip(at).take(64);
        word &= cells.enumerate().fold(0, |bits, (i, cell)| bits | u64::from(*cell == wanted) << i);
    }
    word
}

/// The lowest `count` bits, all 64 when there are more.
fn ones(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

fn picks_current(selector: &Selector, plan: &TablePlan, moment: &Moment<'_>) -> bool {
    selector.predicate.is_none_or(|predicate| holds(moment.masks, predicate.number))
        && selector.present.is_none_or(|column| moment.cell(plan, column).is_some())
}

/// The picked entries of a window, oldest first.
trait Matches: Iterator<Item = usize> + Clone {
    /// There are never more than 64.
    const FEW: bool;

    fn how_many(&self) -> u64;

    fn newest(&self) -> Option<usize>;
}

/// Those of a short history, which is nearly every one.
#[derive(Clone)]
struct OneWord(u64);

impl Matches for OneWord {
    const FEW: bool = true;

    fn how_many(&self) -> u64 {
        u64::from(self.0.count_ones())
    }

    fn newest(&self) -> Option<usize> {
        Some(self.0.checked_ilog2()? as usize)
    }
}

impl Iterator for OneWord {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let at = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(at)
    }
}

/// Those of a history of any length.
#[derive(Clone)]
struct ManyWords<'a> {
    /// The words after the one that `bits` is what is left of.
    words: &'a [u64],
    bits: u64,
    /// The entry of the lowest bit of `bits`.
    at: usize,
    /// The end of the window.
    high: usize,
}

impl<'a> ManyWords<'a> {
    /// `picked` holds a bit for each entry from `base` on.
    fn new(picked: &'a [u64], base: usize, low: usize, high: usize) -> ManyWords<'a> {
        let skipped = low.saturating_sub(base);
        let words = picked.get(skipped / 64..).unwrap_or(&[]);
        let at = base + skipped / 64 * 64;
        match words.split_first() {
            Some((first, words)) if low < high => {
                ManyWords { words, bits: first & !ones(skipped % 64) & ones(high - at), at, high }
            }
            _ => ManyWords { words: &[], bits: 0, at, high },
        }
    }

    /// The words left, each with the entry of its lowest bit.
    fn words(&self) -> impl DoubleEndedIterator<Item = (usize, u64)> + '_ {
        let (at, high) = (self.at, self.high);
        let later = self.words.iter().enumerate().map(move |(number, word)| {
            let at = at + 64 * (number + 1);
            (at, word & ones(high.saturating_sub(at)))
        });
        std::iter::once((at, self.bits)).chain(later)
    }
}

impl Matches for ManyWords<'_> {
    const FEW: bool = false;

    fn how_many(&self) -> u64 {
        self.words().map(|(_, bits)| u64::from(bits.count_ones())).sum()
    }

    fn newest(&self) -> Option<usize> {
        let (at, bits) = self.words().rev().find(|(_, bits)| *bits != 0)?;
        Some(at + 63 - bits.leading_zeros() as usize)
    }
}

impl Iterator for ManyWords<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.bits == 0 {
            let (next, words) = self.words.split_first()?;
            self.words = words;
            self.at += 64;
            self.bits = next & ones(self.high.saturating_sub(self.at));
        }
        let place = self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        Some(self.at + place)
    }
}

/// What a feature aggregates: the picked entries, oldest first, and the current event last.
struct Gathered<'a, M> {
    matches: M,
    history: &'a History,
    column: usize,
    current: Option<u64>,
    time: i64,
    length: i64,
}

impl<M: Matches> Gathered<'_, M> {
    fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let column = self.history.cells(self.column);
        self.matches.clone().map(move |at| column.get(at).copied().unwrap_or(0)).chain(self.current)
    }

    fn numbers(&self) -> impl Iterator<Item = f64> + '_ {
        self.words().map(f64::from_bits)
    }

    /// The sum of doubles, oldest first: the order is part of the result.
    fn total(&self) -> f64 {
        self.numbers().fold(0.0, |sum, number| sum + number)
    }

    /// The exact sum of integers, none of which is beyond 2^53: that of a few fits 64 bits.
    fn sum(&self) -> i128 {
        if M::FEW {
            i128::from(self.words().fold(0i64, |sum, word| sum.wrapping_add(word as i64)))
        } else {
            self.words().map(|word| i128::from(word as i64)).sum()
        }
    }

    fn count(&self) -> u64 {
        self.matches.how_many() + u64::from(self.current.is_some())
    }

    /// The feature's value, if it has one; `None` when an exact sum leaves 64 bits.
    fn aggregate(&self, feature: &WindowFeature, values: &mut Vec<u64>) -> Option<Option<u64>> {
        let number = feature.number;
        Some(match feature.aggregate {
            Aggregate::Count => Some(self.count()),
            Aggregate::Rate if self.length <= 0 => None,
            Aggregate::Rate => {
                Some((self.count() as f64 * feature.per as f64 / self.length as f64).to_bits())
            }
            Aggregate::Sum if number => Some(self.total().to_bits()),
            Aggregate::Sum => Some(i64::try_from(self.sum()).ok()? as u64),
            Aggregate::Mean => self.mean(number).map(f64::to_bits),
            Aggregate::Stddev => self.deviation(number).map(f64::to_bits),
            Aggregate::Min if number => {
                self.numbers().reduce(|a, b| if b < a { b } else { a }).map(f64::to_bits)
            }
            Aggregate::Max if number => {
                self.numbers().reduce(|a, b| if b > a { b } else { a }).map(f64::to_bits)
            }
            Aggregate::Min => self.words().map(|word| word as i64).min().map(|least| least as u64),
            Aggregate::Max => self.words().map(|word| word as i64).max().map(|most| most as u64),
            Aggregate::Distinct => Some(self.distinct(values)),
            Aggregate::First => self.words().next(),
            Aggregate::Last => self.current.or_else(|| {
                self.matches.newest().and_then(|at| self.history.cells(self.column).get(at).copied())
            }),
            Aggregate::Since => match self.current {
                Some(_) => Some(0),
                None => self
                    .matches
                    .newest()
                    .and_then(|at| self.history.times().get(at))
                    .map(|last| (self.time - *last as i64) as u64),
            },
            Aggregate::Ratio => None,
        })
    }

    /// The mean; of integers it is one division of exact sums.
    fn mean(&self, number: bool) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        Some(if number {
            self.total() / count as f64
        } else {
            let sum = self.sum();
            // The same double either way; from 128 bits it takes a library call.
            let sum = i64::try_from(sum).map_or(sum as f64, |sum| sum as f64);
            sum / count as f64
        })
    }

    /// The sample standard deviation, in two passes: no cancellation, and the same bits everywhere.
    fn deviation(&self, number: bool) -> Option<f64> {
        let (count, mean) = (self.count(), self.mean(number)?);
        if count < 2 {
            return None;
        }
        let square = |value: f64| (value - mean) * (value - mean);
        let add = |sum: f64, square: f64| sum + square;
        let squares = if number {
            self.numbers().map(square).fold(0.0, add)
        } else {
            self.words().map(|word| square(word as i64 as f64)).fold(0.0, add)
        };
        Some(libm::sqrt(squares / (count - 1) as f64))
    }

    /// How many different words; few are compared one by one, many are sorted.
    fn distinct(&self, values: &mut Vec<u64>) -> u64 {
        const FEW: usize = 24;
        values.clear();
        let mut few = true;
        for word in self.words() {
            if few && values.len() < FEW {
                if !values.contains(&word) {
                    values.push(word);
                }
            } else {
                few = false;
                values.push(word);
            }
        }
        if !few {
            values.sort_unstable();
            values.dedup();
        }
        values.len() as u64
    }
}
