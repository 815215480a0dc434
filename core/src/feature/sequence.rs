//! The order of an entity's events: what came after a marker, and steps one after the other.
//!
//! All of it is bits: a marker moves the start of the window behind the newest entry that its selector picks, and a
//! step is the first of its picks behind that of the step before.

use super::behaviour::Past;
use super::bounds::Bounds;
use super::heavy::Folded;
use super::plan::{Marker, Step, WindowFeature};
use super::row::Presence;
use super::velocity::picks_current;
use crate::policy::Aggregate;
use crate::state::ones;

impl Past<'_> {
    /// The current event is one that a selector picks.
    fn picks_current(&self, selector: usize) -> bool {
        let selector = self.plan.selectors.get(selector);
        selector.is_some_and(|selector| picks_current(selector, self.plan, self.moment))
    }

    fn series(&self, number: usize) -> Option<Folded<'_>> {
        Folded::numbered(self.plan, self.history, self.moment, number)
    }

    /// The window of a feature that counts what came after its marker, and whether the current event did. `picked` are
    /// the entries that the marker's selector picks.
    #[inline(never)]
    pub(super) fn behind(
        &self,
        feature: &WindowFeature,
        marker: &Marker,
        window: &Bounds,
        picked: &[u64],
    ) -> (Bounds, bool) {
        if feature.include_current && self.picks_current(marker.selector) {
            return (window.from(usize::MAX), false);
        }
        if let Some(at) = last_before(picked, window.high) {
            return (window.from(at + 1), true);
        }
        // What is picked of folded events came before all entries.
        let edge = |series| self.series(series).and_then(|folded| folded.edge_until(window.end));
        let (newest, oldest) = (edge(marker.newest), edge(marker.oldest));
        let happened = [newest, oldest].into_iter().flatten().any(|time| time <= window.end);
        let presence = match (marker.required, window.complete) {
            (true, false) => Presence::Approximate,
            (true, true) => Presence::Exact,
            (false, _) => window.presence,
        };
        if marker.required && !happened {
            return (Bounds { presence, ..window.from(usize::MAX) }, false);
        }
        match newest {
            // There is but one pane: what of it came before the marker is not known.
            Some(_) if window.start().is_none() => (Bounds { presence, folded: false, ..*window }, true),
            Some(time) => (Bounds { presence, after: window.after.max(time), ..*window }, true),
            None => (Bounds { presence, ..*window }, true),
        }
    }

    /// How many of a feature's steps were taken: in their order, or at all. `matches` are the entries that may be
    /// steps, `picks` those that a selector picks; `current` says whether the current event may be one.
    ///
    /// The first possible entry for each step leaves most entries for those that follow, so no other choice gets
    /// further.
    #[inline(never)]
    pub(super) fn steps<'p>(
        &self,
        feature: &WindowFeature,
        window: &Bounds,
        matches: &[u64],
        picks: impl Fn(usize) -> &'p [u64],
        current: bool,
    ) -> u64 {
        let is_current = |step: &Step| current && self.picks_current(step.selector);
        let entry = |step: &Step, from: usize| first_from(matches, picks(step.selector), from);
        if feature.aggregate == Aggregate::Occurred {
            let occurred = feature.steps.iter().filter(|step| {
                entry(step, 0).is_some()
                    || is_current(step)
                    || self.folded_step(step, window, window.after).is_some()
            });
            return occurred.count() as u64;
        }
        let mut steps = feature.steps.as_slice();
        let mut time = window.after;
        while let Some((step, rest)) = steps.split_first()
            && let Some(next) = self.folded_step(step, window, time)
        {
            (steps, time) = (rest, next);
        }
        let mut from = 0;
        while let Some((step, rest)) = steps.split_first()
            && let Some(at) = entry(step, from)
        {
            (steps, from) = (rest, at + 1);
        }
        if steps.first().is_some_and(is_current) {
            steps = steps.get(1..).unwrap_or(&[]);
        }
        (feature.steps.len() - steps.len()) as u64
    }

    /// The first time after `time` at which a folded event of the window is known to have been a step. Of each pane the
    /// oldest and the newest are known.
    fn folded_step(&self, step: &Step, window: &Bounds, time: i64) -> Option<i64> {
        if !window.folded {
            return None;
        }
        let edge = |series| self.series(series)?.edge_after((time, window.end));
        [edge(step.oldest), edge(step.newest)].into_iter().flatten().min()
    }
}

/// The last of the bits before `end`.
fn last_before(words: &[u64], end: usize) -> Option<usize> {
    let inside = |(number, word): (usize, &u64)| (number, word & ones(end.saturating_sub(64 * number)));
    let (number, word) = words.iter().enumerate().map(inside).rfind(|(_, word)| *word != 0)?;
    Some(64 * number + 63 - word.leading_zeros() as usize)
}

/// The first of the bits from `from` on that both have.
fn first_from(left: &[u64], right: &[u64], from: usize) -> Option<usize> {
    let both = left.iter().zip(right).enumerate().skip(from / 64);
    let inside =
        both.map(|(number, (left, right))| (number, left & right & !ones(from.saturating_sub(64 * number))));
    let (number, word) = inside.into_iter().find(|(_, word)| *word != 0)?;
    Some(64 * number + word.trailing_zeros() as usize)
}
