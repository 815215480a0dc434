//! An event's identifiers under the previous key and under the present one: what histories remember by the one becomes
//! what they remember by the other.

use smallvec::SmallVec;

use super::series::{Fact, SeriesPlan};

/// What the words of one event become in the histories of one table.
#[derive(Debug, Default)]
pub(crate) struct Rekeying {
    /// The event's id before and after; 0 without one.
    pub(crate) ids: (u64, u64),
    /// For each column that holds identifiers of a kind that the event has: the word before and after.
    pub(crate) words: SmallVec<[(usize, u64, u64); 8]>,
    /// The event's own cells before and after.
    pub(crate) before: SmallVec<[Option<u64>; 16]>,
    pub(crate) after: SmallVec<[Option<u64>; 16]>,
}

impl Rekeying {
    /// One word becomes another in some columns.
    pub(crate) fn of_words(columns: &[usize], before: u64, after: u64) -> Rekeying {
        let words = columns.iter().map(|column| (*column, before, after)).collect();
        Rekeying { words, ..Rekeying::default() }
    }

    /// Puts the event's id after in the place of that before; false when it was another's.
    pub(super) fn id(&self, id: &mut u64) -> bool {
        let own = *id != 0 && *id == self.ids.0;
        if own {
            *id = self.ids.1;
        }
        own
    }

    /// The words of one column, before and after.
    pub(super) fn of_column(&self, column: usize) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.words
            .iter()
            .filter(move |(known, _, _)| *known == column)
            .map(|(_, before, after)| (*before, *after))
    }

    /// Replaces the words of an event that is remembered apart from its history.
    pub(super) fn fact(&self, fact: &mut Fact) -> bool {
        let mut replaced = false;
        for (column, before, after) in &self.words {
            if let Some(Some(word)) = fact.cells.get_mut(*column)
                && word == before
            {
                *word = *after;
                replaced = true;
            }
        }
        replaced
    }

    /// Under which keys a series may hold the event's composite, and which one is right. Of its words each may have
    /// been replaced already: another event had it.
    pub(super) fn keys(&self, plan: &SeriesPlan) -> Option<(SmallVec<[u64; 8]>, u64)> {
        let cell = |cells: &[Option<u64>], column: usize| cells.get(column).copied().flatten();
        let right = plan.key(|column| cell(&self.after, column))?;
        let differ =
            plan.same.iter().filter(|column| cell(&self.before, **column) != cell(&self.after, **column));
        let differ: SmallVec<[usize; 8]> = differ.copied().collect();
        let mut keys = SmallVec::new();
        for old in 1..1u64 << differ.len().min(MOST_DIFFERENT) {
            let is_old = |column| {
                differ.iter().position(|known| *known == column).is_some_and(|at| old >> at & 1 == 1)
            };
            keys.extend(
                plan.key(|column| cell(if is_old(column) { &self.before } else { &self.after }, column)),
            );
        }
        Some((keys, right))
    }
}

/// Identifiers of one composite that are all tried both ways.
const MOST_DIFFERENT: usize = 10;
