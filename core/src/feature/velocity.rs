//! Window aggregates over one entity's history: the **visit**.
//!
//! A visit reads one history and the current event, for some features lists, and nothing else. It finds the bounds of
//! every window once, marks which entries each selector picks as bits, and computes each feature from the picked bits.

use std::sync::Arc;

use super::behaviour::Past;
use super::bounds::{AsOf, Bounds};
use super::heavy::Folded;
use super::matches::{Many, Matches};
use super::plan::{Selector, TablePlan, WindowFeature};
use super::row::Row;
use super::short::{ShortWork, visit_short};
use crate::event::time::{Calendar, CalendarCache};
use crate::policy::Aggregate;
use crate::state::{Coded, Column, History, List, Undone, View, holds};

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
    /// Those of the policy, for what is remembered of others.
    pub(crate) lists: &'a [Arc<List>],
}

impl Moment<'_> {
    pub(super) fn cell(&self, plan: &TablePlan, column: usize) -> Option<u64> {
        plan.columns.get(column).and_then(|cell| self.cells.get(*cell)).copied().flatten()
    }
}

/// Memory that visits reuse.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(super) short: ShortWork,
    windows: Vec<Bounds>,
    /// Which selectors' composites the current event lacks a part of: their features stay missing.
    absent: Vec<bool>,
    /// What each selector picks, word after word.
    picked: Vec<u64>,
    matches: Vec<u64>,
    pub(super) values: Vec<u64>,
    pub(super) seen: Vec<u64>,
    undone: Vec<Undone>,
    pub(super) calendar: CalendarCache,
}

/// Computes all features of one entity into the row.
///
/// # Errors
/// The place of a feature whose exact sum leaves 64 bits.
#[inline(never)]
pub(crate) fn visit(
    plan: &TablePlan,
    history: &History,
    moment: &Moment<'_>,
    calendar: &Calendar,
    workspace: &mut Workspace,
    row: &mut Row,
) -> Result<(), u16> {
    let view = history.view(&plan.shape);
    // An event that was recorded before is scored as of its first arrival: what followed it does not count.
    let repeated = if moment.repeated { view.position_of(moment.id) } else { None };
    let time = repeated.and_then(|at| view.time_at(at)).unwrap_or(moment.time);
    let horizon = repeated.unwrap_or(usize::MAX);
    let past = Past { plan, history, moment };
    match &plan.short {
        // Nearly every history is one word long.
        Some(short) if view.len() <= 64 && history.is_bare(time) => {
            visit_short(short, past, view, (time, horizon), calendar, workspace, row);
            Ok(())
        }
        _ => visit_any(past, view, (time, horizon), calendar, workspace, row),
    }
}

/// The visit of any history.
#[inline(never)]
fn visit_any(
    past: Past<'_>,
    view: View<'_>,
    (time, horizon): (i64, usize),
    calendar: &Calendar,
    workspace: &mut Workspace,
    row: &mut Row,
) -> Result<(), u16> {
    let Past { plan, history, moment } = past;
    let Workspace { windows, absent, undone, picked, matches, values, seen, calendar: cache, .. } = workspace;
    history.undone(&plan.shape, time, undone);
    let as_of = AsOf::new(time, horizon, &view, history.panes());
    let until = |delay| (delay, as_of.high(&view, delay));
    // Windows with one delay, which are nearly always all, end at one entry.
    let mut known = until(0);
    windows.clear();
    windows.extend(plan.windows.iter().map(|window| {
        if window.delay != known.0 {
            known = until(window.delay);
        }
        let (delay, high) = known;
        let start = window.start(time - delay, calendar, cache);
        Bounds::new(&as_of, delay, start, (view.count_until(start).min(high), high))
    }));
    let words = view.len().div_ceil(64);
    absent.clear();
    absent.extend(plan.selectors.iter().map(|selector| selector.is_absent(plan, moment)));
    picked.clear();
    for selector in &plan.selectors {
        picked.extend((0..words).map(|number| pick(selector, plan, &view, undone, moment, 64 * number)));
    }
    for feature in &plan.features {
        let lacks = |selector: usize| absent.get(selector).is_none_or(|absent| *absent);
        let Some(window) = windows.get(feature.window).filter(|_| !lacks(feature.selector)) else { continue };
        let picks = |selector: usize| picked.get(selector * words..(selector + 1) * words).unwrap_or(&[]);
        if feature.is_plain && feature.aggregate == Aggregate::Count && !feature.include_current {
            let count = past.count(feature, window, picks(feature.selector));
            row.set(feature.place, Some(count), window.presence);
            continue;
        }
        matches.clear();
        let (mut window, mut current) = (window, feature.current(&past));
        let (behind, counts);
        if let Some(marker) = &feature.marker {
            if lacks(marker.selector) {
                continue;
            }
            (behind, counts) = past.behind(feature, marker, window, picks(marker.selector));
            (window, current) = (&behind, current.filter(|_| counts));
        }
        matches.extend(
            picks(feature.selector).iter().enumerate().map(|(number, word)| word & window.bits(number)),
        );
        let whole = matches.iter().enumerate().all(|(number, word)| *word == window.bits(number));
        let gathered = Gathered { matches: Many(matches), whole, window, view, current, time };
        gathered.compute(&past, feature, picks, (values, seen), row)?;
    }
    Ok(())
}

impl Selector {
    /// The current event lacks a part of the composite.
    #[inline(always)]
    pub(super) fn is_absent(&self, plan: &TablePlan, moment: &Moment<'_>) -> bool {
        !self.same.is_empty() && self.lacks_part(plan, moment)
    }

    #[inline(never)]
    fn lacks_part(&self, plan: &TablePlan, moment: &Moment<'_>) -> bool {
        self.same.iter().any(|column| moment.cell(plan, *column).is_none())
    }
}

impl WindowFeature {
    /// The current event's cell, when the feature counts it.
    #[inline(always)]
    pub(super) fn current(&self, past: &Past<'_>) -> Option<u64> {
        if self.include_current { self.current_cell(past) } else { None }
    }

    #[inline(never)]
    fn current_cell(&self, Past { plan, moment, .. }: &Past<'_>) -> Option<u64> {
        let selector = plan.selectors.get(self.selector)?;
        let picked = picks_current(selector, plan, moment);
        picked.then(|| moment.cell(plan, self.column).unwrap_or(0))
    }
}

/// One bit for each of 64 entries from `from` on, lowest first: whether the selector picks it. Those behind the last
/// entry are anything.
fn pick(
    selector: &Selector,
    plan: &TablePlan,
    view: &View<'_>,
    undone: &[Undone],
    moment: &Moment<'_>,
    from: usize,
) -> u64 {
    let mut word = u64::MAX;
    if let Some(predicate) = selector.predicate {
        let bits = view.predicate_bits(predicate.place, from);
        word &= if undone.is_empty() { bits } else { Undone::correct(undone, predicate.place, from, bits) };
    }
    if let Some(column) = selector.present {
        word &= view.presence_bits(column, from);
    }
    if selector.same.is_empty() { word } else { word & pick_same(selector, plan, *view, moment, from) }
}

/// The same for the columns that have to equal the current event's.
#[inline(never)]
pub(super) fn pick_same(
    selector: &Selector,
    plan: &TablePlan,
    view: View<'_>,
    moment: &Moment<'_>,
    from: usize,
) -> u64 {
    let mut word = u64::MAX;
    for column in &selector.same {
        let Some(wanted) = moment.cell(plan, *column) else { return 0 };
        let Some(Column::Coded(number)) = plan.shape.column(*column) else { return 0 };
        let coded = view.coded(number);
        let Some(wanted) = coded.code_of(wanted) else { return 0 };
        word &= view.presence_bits(*column, from);
        word &= coded.same(wanted, from, view.len() - from.min(view.len()));
    }
    word
}

pub(super) fn picks_current(selector: &Selector, plan: &TablePlan, moment: &Moment<'_>) -> bool {
    selector.predicate.is_none_or(|predicate| holds(moment.masks, predicate.number))
        && selector.present.is_none_or(|column| moment.cell(plan, column).is_some())
}

/// What a feature aggregates: the picked entries, oldest first, and the current event last.
pub(super) struct Gathered<'a, M> {
    pub(super) matches: M,
    /// They are all entries of the window.
    pub(super) whole: bool,
    pub(super) window: &'a Bounds,
    pub(super) view: View<'a>,
    pub(super) current: Option<u64>,
    pub(super) time: i64,
}

impl<M: Matches> Gathered<'_, M> {
    pub(super) fn count(&self) -> u64 {
        let entries = if self.whole { self.window.count() } else { self.matches.how_many() };
        entries + u64::from(self.current.is_some())
    }

    /// Computes a feature into the row; `picks` are the entries that a selector picks.
    ///
    /// # Errors
    /// As [`plain_value`](Gathered::plain_value).
    #[inline(always)]
    pub(super) fn compute<'p>(
        self,
        past: &Past<'_>,
        feature: &WindowFeature,
        picks: impl Fn(usize) -> &'p [u64],
        (values, seen): (&mut Vec<u64>, &mut Vec<u64>),
        row: &mut Row,
    ) -> Result<(), u16> {
        let (window, matches) = (self.window, self.matches.words());
        let word = if !feature.steps.is_empty() {
            Some(past.steps(feature, window, matches, picks, self.current.is_some()))
        } else if feature.aggregate == Aggregate::Sightings {
            self.sightings(feature, past, window.presence, row);
            return Ok(());
        } else if let Some(list) = feature.list {
            self.listed(feature, list, past, (values, seen), row);
            return Ok(());
        } else if let Some(behaviour) = feature.behaviour {
            self.behaviour(behaviour, feature, past, values, seen)
        } else {
            self.plain_value(past, feature, values, seen)?
        };
        row.set(feature.place, word, window.presence);
        Ok(())
    }

    /// The value of a bare aggregate, if it has one, over entries and what has been folded; a challenger's feature may
    /// have no series, and looks at entries alone.
    ///
    /// # Errors
    /// The feature's place when an exact sum leaves 64 bits.
    #[inline(always)]
    fn plain_value(
        self,
        past: &Past<'_>,
        feature: &WindowFeature,
        values: &mut Vec<u64>,
        seen: &mut Vec<u64>,
    ) -> Result<Option<u64>, u16> {
        let word = if self.window.folded
            && let Some(folded) = Folded::of(past.plan, past.history, past.moment, feature, 0)
        {
            self.aggregate_folded(feature, &folded, values)
        } else {
            self.aggregate(feature, values, seen)
        };
        word.ok_or(feature.place)
    }

    /// The feature's value over entries, if it has one; `None` when an exact sum leaves 64 bits.
    #[inline(always)]
    fn aggregate(
        &self,
        feature: &WindowFeature,
        values: &mut Vec<u64>,
        seen: &mut Vec<u64>,
    ) -> Option<Option<u64>> {
        Some(match feature.aggregate {
            Aggregate::Count => Some(self.count()),
            Aggregate::Distinct => Some(self.distinct(feature.kept, seen)),
            Aggregate::Since => match self.current {
                Some(_) => Some(0),
                None => self
                    .matches
                    .newest()
                    .and_then(|at| self.view.times().get(at))
                    .map(|last| (self.time - *last as i64) as u64),
            },
            Aggregate::Age => {
                let first = self.matches.places().next().and_then(|at| self.view.time_at(at));
                let first = first.or(self.current.map(|_| self.time));
                first.map(|first| (self.time - first) as u64)
            }
            Aggregate::Rate if self.window.length() <= 0 => None,
            Aggregate::Rate => {
                Some((self.count() as f64 * feature.per as f64 / self.window.length() as f64).to_bits())
            }
            _ => self.reduce(feature, values)?,
        })
    }

    /// Aggregates the words of the feature's column. Those of a part of a plain column need not be copied either.
    #[inline(always)]
    fn reduce(&self, feature: &WindowFeature, values: &mut Vec<u64>) -> Option<Option<u64>> {
        match feature.kept {
            Column::Plain(number) if !self.whole => {
                let column = self.view.plain(number);
                let picked = self.matches.places().map(|at| column.get(at).copied().unwrap_or(0));
                reduce(feature.aggregate, feature.number, picked.chain(self.current))
            }
            kept => reduce(feature.aggregate, feature.number, self.words(kept, values).iter().copied()),
        }
    }

    /// The words of a column, oldest first.
    #[inline(always)]
    pub(super) fn words<'v>(&'v self, column: Column, values: &'v mut Vec<u64>) -> &'v [u64] {
        if let (Column::Plain(number), None, true) = (column, self.current, self.whole) {
            return self.view.plain(number).get(self.window.low..self.window.high).unwrap_or(&[]);
        }
        values.clear();
        match column {
            Column::Plain(number) => {
                let words = self.view.plain(number);
                values.extend(self.matches.places().map(|at| words.get(at).copied().unwrap_or(0)));
            }
            Column::Coded(number) => {
                let coded = self.view.coded(number);
                values.extend(self.matches.places().map(|at| coded.word(at)));
            }
        }
        values.extend(self.current);
        values
    }

    /// How many different words.
    pub(super) fn distinct(&self, column: Column, seen: &mut Vec<u64>) -> u64 {
        let Column::Coded(number) = column else { return 0 };
        distinct(&self.matches, self.view.coded(number), self.current, seen)
    }
}

/// How many different words, that of the current event among them: one bit for each code that was seen.
pub(super) fn distinct(
    matches: &impl Matches,
    coded: Coded<'_>,
    current: Option<u64>,
    seen: &mut Vec<u64>,
) -> u64 {
    let current = current.map(|word| coded.code_of(word));
    let unknown = u64::from(current == Some(None));
    let mut words = (0..).step_by(64).zip(matches.words());
    if let Some(entries) = words.try_fold(0, |seen, (from, word)| Some(seen | coded.seen(*word, from)?)) {
        let seen = current.flatten().map_or(entries, |code| entries | 1 << (code % 64));
        return u64::from(seen.count_ones()) + unknown;
    }
    seen.clear();
    seen.resize(coded.size().div_ceil(64), 0);
    let mut see = |code: usize| {
        if let Some(word) = seen.get_mut(code / 64) {
            *word |= 1 << (code % 64);
        }
    };
    current.flatten().into_iter().for_each(&mut see);
    matches.places().for_each(|at| see(coded.code(at)));
    seen.iter().map(|word| u64::from(word.count_ones())).sum::<u64>() + unknown
}

/// Aggregates words, oldest first: the order of sums of doubles is part of the result. `None` when an exact sum
/// leaves 64 bits.
#[inline(always)]
pub(super) fn reduce(
    aggregate: Aggregate,
    number: bool,
    mut words: impl Iterator<Item = u64> + Clone,
) -> Option<Option<u64>> {
    let double = f64::from_bits;
    Some(match aggregate {
        Aggregate::Sum if number => Some(total(words).to_bits()),
        Aggregate::Sum if are_few(&words) => Some(small_sum(words) as u64),
        Aggregate::Sum => Some(i64::try_from(sum(words)).ok()? as u64),
        Aggregate::Mean => mean(words, number).map(f64::to_bits),
        Aggregate::Stddev => deviation(words, number).map(f64::to_bits),
        Aggregate::Min if number => extreme(words, |word, best| double(word) < double(best)),
        Aggregate::Max if number => extreme(words, |word, best| double(word) > double(best)),
        Aggregate::Min => extreme(words, |word, best| (word as i64) < best as i64),
        Aggregate::Max => extreme(words, |word, best| word as i64 > best as i64),
        Aggregate::First => words.next(),
        Aggregate::Last => words.last(),
        _ => None,
    })
}

pub(super) fn total(words: impl Iterator<Item = u64>) -> f64 {
    words.fold(0.0, |sum, word| sum + f64::from_bits(word))
}

/// The exact sum of integers, none of which is beyond 2^53: that of a few fits 64 bits.
pub(super) fn sum(words: impl Iterator<Item = u64>) -> i128 {
    if are_few(&words) {
        i128::from(small_sum(words))
    } else {
        words.map(|word| i128::from(word as i64)).sum()
    }
}

fn are_few(words: &impl Iterator<Item = u64>) -> bool {
    words.size_hint().1.is_some_and(|most| most <= 512)
}

fn small_sum(words: impl Iterator<Item = u64>) -> i64 {
    words.fold(0, |sum, word| sum.wrapping_add(word as i64))
}

/// The extreme that `better` prefers, the first of equals.
#[inline(always)]
fn extreme(mut words: impl Iterator<Item = u64>, better: impl Fn(u64, u64) -> bool) -> Option<u64> {
    let first = words.next()?;
    Some(words.fold(first, |best, word| if better(word, best) { word } else { best }))
}

/// The mean; of integers it is one division of exact sums.
#[inline(always)]
fn mean(words: impl Iterator<Item = u64>, number: bool) -> Option<f64> {
    let (few, mut length) = (are_few(&words), 0u32);
    let words = words.inspect(|_| length += 1);
    let sum = if number {
        total(words)
    } else if few {
        // The same double either way; from 128 bits it takes a library call.
        small_sum(words) as f64
    } else {
        sum(words) as f64
    };
    (length > 0).then(|| sum / f64::from(length))
}

/// The mean and the sum of squared deviations from it, in two passes: no cancellation, and the same bits everywhere.
pub(super) fn moments(words: impl Iterator<Item = u64> + Clone, number: bool) -> Option<(f64, f64)> {
    let mean = mean(words.clone(), number)?;
    let value = |word: u64| if number { f64::from_bits(word) } else { word as i64 as f64 };
    let squares = words.fold(0.0, |sum, word| sum + (value(word) - mean) * (value(word) - mean));
    Some((mean, squares))
}

/// The standard deviation of a sample.
fn deviation(words: impl Iterator<Item = u64> + Clone, number: bool) -> Option<f64> {
    let length = words.clone().count();
    if length < 2 {
        return None;
    }
    let (_, squares) = moments(words, number)?;
    Some(libm::sqrt(squares / (length - 1) as f64))
}
