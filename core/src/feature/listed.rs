//! One hop: which of the values that an entity was used with are on a list now, whenever they were put there.

use super::behaviour::Past;
use super::matches::Matches;
use super::plan::WindowFeature;
use super::row::{Presence, Row};
use super::velocity::Gathered;
use crate::policy::Aggregate;
use crate::state::Column;

/// Different values that a list is asked about, those that were seen last: each may be a place far off in memory.
const MOST: usize = 64;

impl<M: Matches> Gathered<'_, M> {
    /// Asks a list about the different values of the feature's column.
    #[inline(never)]
    pub(super) fn listed(
        &self,
        feature: &WindowFeature,
        list: usize,
        past: &Past<'_>,
        (marks, seen): (&mut Vec<u64>, &mut Vec<u64>),
        row: &mut Row,
    ) {
        let Some(list) = past.moment.lists.get(list) else { return };
        let mut more = self.recent(feature.kept, marks, seen);
        if let (true, Some(folded)) = (!more, past.folded(feature, self, 0)) {
            more = folded.recent(self.window, MOST, marks);
        }
        let standing = list.standing(marks, self.time);
        let value = match feature.aggregate {
            Aggregate::ListedSeverity => u64::from(standing.severity),
            _ => standing.members,
        };
        let presence = if more { Presence::Approximate } else { self.window.presence };
        row.set(feature.place, Some(value), presence);
    }

    /// The different words of a column, those that were seen last first; says whether there are more.
    fn recent(&self, column: Column, words: &mut Vec<u64>, seen: &mut Vec<u64>) -> bool {
        words.clear();
        words.extend(self.current);
        let Column::Coded(number) = column else { return false };
        let coded = self.view.coded(number);
        seen.clear();
        seen.resize(coded.size().div_ceil(64), 0);
        let current = self.current.and_then(|word| coded.code_of(word));
        let mut is_new = |code: usize| {
            let Some(word) = seen.get_mut(code / 64) else { return false };
            let before = *word;
            *word |= 1 << (code % 64);
            *word != before
        };
        current.map(&mut is_new);
        for at in self.matches.newest_first() {
            if is_new(coded.code(at)) {
                if words.len() == MOST {
                    return true;
                }
                words.push(coded.word(at));
            }
        }
        false
    }
}
