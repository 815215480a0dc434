//! Where a window lies in a history.

use super::plan::{Window, WindowSpan};
use super::row::Presence;
use crate::event::time::{Calendar, CalendarCache};
use crate::state::{Panes, View, ones};

/// As of when a history is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct AsOf {
    pub(super) time: i64,
    /// Entries from this one on do not count.
    horizon: usize,
    /// Events up to this time may be in panes,
    folded_until: i64,
    /// and those up to this time there or nowhere; the least of all when nothing was dropped.
    approximate_until: i64,
}

impl AsOf {
    #[inline(always)]
    pub(super) fn new(time: i64, horizon: usize, view: &View<'_>, panes: Option<&Panes>) -> AsOf {
        let folded_until = panes.map_or(i64::MIN, Panes::folded_until);
        let approximate_until = view.forgotten_until().map_or(folded_until, |until| until.max(folded_until));
        AsOf { time, horizon, folded_until, approximate_until }
    }

    /// How many entries come before the end of windows with this delay.
    #[inline(always)]
    pub(super) fn high(&self, view: &View<'_>, delay: i64) -> usize {
        view.count_until(self.time - delay).min(self.horizon)
    }

    /// How exact a window is that is after this time.
    #[inline(always)]
    pub(super) fn presence(&self, start: i64) -> Presence {
        if start < self.approximate_until { Presence::Approximate } else { Presence::Exact }
    }
}

impl Window {
    /// The window is after this time, which is the least of all when nothing bounds it.
    #[inline(always)]
    pub(super) fn start(&self, end: i64, calendar: &Calendar, cache: &mut CalendarCache) -> i64 {
        match self.span {
            WindowSpan::Unbounded => i64::MIN,
            WindowSpan::Sliding(length) => end - length,
            // The first millisecond of the day belongs to the day.
            WindowSpan::Calendar(unit) => calendar.start(unit, end, cache) - 1,
        }
    }
}

/// The entries of a window: `low..high` of the history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) low: usize,
    pub(super) high: usize,
    /// The same as bits, of the first 64 entries.
    pub(super) word: u64,
    /// The window is after this time, which is the least of all when nothing bounds it,
    pub(super) start: i64,
    /// and ends with this one.
    pub(super) end: i64,
    pub(super) presence: Presence,
    /// Some of its events may be in panes,
    pub(super) folded: bool,
    /// where those after this time count.
    pub(super) after: i64,
    /// Nothing of the entity's history has been dropped or summed up.
    pub(super) complete: bool,
}

impl Bounds {
    /// The window after `start` with these entries.
    #[inline(always)]
    pub(super) fn new(as_of: &AsOf, delay: i64, start: i64, (low, high): (usize, usize)) -> Bounds {
        Bounds {
            low,
            high,
            word: ones(high) & !ones(low),
            start,
            end: as_of.time - delay,
            presence: as_of.presence(start),
            folded: start < as_of.folded_until,
            after: start,
            complete: as_of.approximate_until == i64::MIN,
        }
    }

    /// The window is after this time.
    pub(super) fn start(&self) -> Option<i64> {
        (self.start != i64::MIN).then_some(self.start)
    }

    /// The window's length in milliseconds, 0 when nothing bounds it.
    pub(super) fn length(&self) -> i64 {
        self.start().map_or(0, |start| self.end - start)
    }

    /// The same from an entry on: nothing before it counts, be it here or in panes.
    pub(super) fn from(&self, at: usize) -> Bounds {
        let low = self.low.max(at).min(self.high);
        let (word, presence) = (self.word & !ones(low), Presence::Exact);
        Bounds { low, word, presence, folded: false, ..*self }
    }

    /// How many entries it has.
    pub(super) fn count(&self) -> u64 {
        self.high.saturating_sub(self.low) as u64
    }

    /// One word of the window's bits.
    pub(super) fn bits(&self, number: usize) -> u64 {
        ones(self.high.saturating_sub(64 * number)) & !ones(self.low.saturating_sub(64 * number))
    }
}
