//! Where a window lies in a history.

use super::row::Presence;
use crate::state::ones;

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
