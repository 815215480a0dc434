//! Who moved from one shard to another while somebody went through a table.

use std::collections::BTreeMap;

use crate::event::token::Token;
use crate::sync::{Mutex, locked};

/// An entity that changed its token and its shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    /// The table's own number.
    pub(super) table: usize,
    pub(super) before: Token,
    pub(super) token: Token,
}

/// Tells those who go through a table shard by shard who moved meanwhile from one that they had not seen yet to one
/// that they had.
#[derive(Debug, Default)]
pub(super) struct Moves(Mutex<Watchers>);

#[derive(Debug, Default)]
struct Watchers {
    next: u64,
    watching: BTreeMap<u64, Vec<Moved>>,
}

/// Ends with its drop.
pub(super) struct Watch<'a> {
    moves: &'a Moves,
    number: u64,
}

impl Moves {
    /// Begins before the first shard is locked.
    pub(super) fn watch(&self) -> Watch<'_> {
        let watchers = &mut *locked(&self.0);
        watchers.next += 1;
        watchers.watching.insert(watchers.next, Vec::new());
        Watch { moves: self, number: watchers.next }
    }

    /// Called while both shards are locked.
    pub(super) fn note(&self, moved: Moved) {
        locked(&self.0).watching.values_mut().for_each(|seen| seen.push(moved));
    }
}

impl Watch<'_> {
    /// Who has moved since the last time.
    pub(super) fn moved(&self) -> Vec<Moved> {
        locked(&self.moves.0).watching.get_mut(&self.number).map(std::mem::take).unwrap_or_default()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        locked(&self.moves.0).watching.remove(&self.number);
    }
}
