//! The histories of all entities of one key, spread over shards that are locked one by one.

use std::cmp::Ordering as CompareOrdering;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};

use super::shard::Shard;
use crate::event::token::Token;
use crate::sync::{Mutex, MutexGuard, locked};

/// Tokens are keyed hashes already: half of one is its own hash, and nobody without the key can make them meet.
#[derive(Debug, Default)]
pub(crate) struct TokenHasher(u64);

impl Hasher for TokenHasher {
    fn write(&mut self, _: &[u8]) {}

    fn write_u128(&mut self, token: u128) {
        self.0 = token as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map by token; nothing depends on its order.
pub(crate) type TokenMap<V> = HashMap<Token, V, BuildHasherDefault<TokenHasher>>;

/// The shard of an entity's token, and that of its other one when they differ.
pub(crate) type TwoShards<'a> = (MutexGuard<'a, Shard>, Option<MutexGuard<'a, Shard>>);

/// Shards of one table, at most.
const MOST_SHARDS: usize = 4096;

/// A shard has at least so many bytes of the table's budget.
const SHARD_BYTES: usize = 1 << 20;
/// And so many times what one entity can take, so that no heavy one leaves others without any.
const SHARD_ENTITIES: usize = 4;

/// A lock in memory of its own: two threads at neighbouring shards must not wait for each other's caches.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(super) struct Apart<T> {
    /// Always zero. To write it has the processor fetch the line for writing, which an attempt to lock would wait for.
    line: AtomicU32,
    lock: Mutex<T>,
}

impl<T> Apart<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        locked(&self.lock)
    }

    fn touch(&self) {
        self.line.store(0, Ordering::Relaxed);
    }
}

/// Two pairs of lines: a call waits for each that it reads.
#[cfg(all(test, not(shuttle), target_os = "linux", target_pointer_width = "64"))]
const _: () = assert!(size_of::<Apart<Shard>>() == 256, "a shard and its lock are four lines of memory");

/// Histories by token.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// The order in which tables are locked.
    pub(crate) number: usize,
    shards: Box<[Apart<Shard>]>,
    /// So many of them hold entities, the first ones; falls when a policy takes more of an entity.
    open: AtomicUsize,
    /// The bits of a token that say which one: enough for all that are open, and twice as many while they become fewer.
    mask: AtomicUsize,
    /// Bytes of memory that each shard may fill.
    budget: AtomicUsize,
    /// The time from which on everything was remembered; `i64::MIN` when nothing was ever left out.
    complete_since: AtomicI64,
    /// Of columns and conditions that came later, by their names: since when they are known.
    parts_since: Mutex<BTreeMap<String, i64>>,
    /// For each shard of the snapshot that the table was restored from: the last journal frame that it contained.
    restored: Mutex<Restored>,
}

/// The last journal frames that a snapshot contained.
#[derive(Debug, Default)]
struct Restored {
    /// By the shards that it had.
    shards: Vec<u64>,
    /// Of entities that changed their token, and so their shard, while it was written.
    moved: TokenMap<u64>,
}

impl Table {
    /// An empty table within `budget` bytes, for entities that can take `most` bytes each.
    pub(crate) fn new(name: &str, number: usize, budget: usize, most: usize) -> Table {
        let shards = shards_within(budget, most);
        Table {
            name: name.to_owned(),
            number,
            shards: (0..shards).map(|_| Apart::default()).collect(),
            open: AtomicUsize::new(shards),
            mask: AtomicUsize::new(shards - 1),
            budget: AtomicUsize::new(budget / shards),
            complete_since: AtomicI64::new(i64::MIN),
            parts_since: Mutex::default(),
            restored: Mutex::default(),
        }
    }

    /// Changes how many bytes the table may fill, and one entity of it; [`make_room`](Table::make_room) brings it down to
    /// them. Only one may do so at a time.
    pub(crate) fn set_budget(&self, budget: usize, most: usize) {
        let shards = self.shards().min(shards_within(budget, most));
        self.budget.store(budget / shards, Ordering::Relaxed);
        self.fold(shards);
    }

    /// Brings all entities into the first `wanted` shards, since in smaller ones a heavy entity would evict the others,
    /// and at last itself. Only the two shards that become one are locked at a time.
    fn fold(&self, wanted: usize) {
        while let Some(last) = self.shards().checked_sub(1).filter(|last| *last >= wanted) {
            let into = last & (self.shards().next_power_of_two() / 2 - 1);
            let (Some(mut into), Some(mut shard)) = (self.lock_shard(into), self.lock_shard(last)) else {
                return;
            };
            into.take_all(std::mem::take(&mut *shard));
            // Whoever waits for the shard finds this when it gets it.
            self.open.store(last, Ordering::Relaxed);
            if last.is_power_of_two() {
                self.mask.store(last - 1, Ordering::Release);
            }
        }
    }

    /// Evicts what is beyond the budget, shard after shard.
    pub(crate) fn make_room(&self) {
        self.each_shard().for_each(|mut shard| shard.make_room(self.shard_budget(), None));
    }

    /// What happened before `time` is not all remembered.
    pub(crate) fn is_incomplete_before(&self, time: i64) {
        self.complete_since.fetch_max(time, Ordering::Relaxed);
    }

    /// The time from which on everything was remembered, but for what features no longer needed.
    pub(crate) fn complete_since(&self) -> i64 {
        self.complete_since.load(Ordering::Relaxed)
    }

    /// A column or condition is known only since `time`, or all along.
    pub(crate) fn knows_part(&self, name: &str, since: Option<i64>) {
        let mut parts = locked(&self.parts_since);
        match since {
            Some(since) => drop(parts.insert(name.to_owned(), since)),
            None => drop(parts.remove(name)),
        }
    }

    /// Says no more of parts of which nothing is asked.
    pub(crate) fn keeps_parts(&self, is_asked: impl Fn(&str) -> bool) {
        locked(&self.parts_since).retain(|name, _| is_asked(name));
    }

    /// The columns, conditions and series that came later, and since when they are known.
    pub(crate) fn parts_since(&self) -> BTreeMap<String, i64> {
        locked(&self.parts_since).clone()
    }

    /// Bytes that the table may fill.
    pub(crate) fn budget(&self) -> usize {
        self.shard_budget() * self.shards()
    }

    /// Bytes that each shard may fill.
    pub(crate) fn shard_budget(&self) -> usize {
        self.budget.load(Ordering::Relaxed)
    }

    /// Locks the shard that an entity belongs to.
    pub(crate) fn lock(&self, token: Token) -> Option<MutexGuard<'_, Shard>> {
        loop {
            let open = self.shards();
            let held = self.lock_shard(self.number_among(open, token))?;
            // Its entities may have gone to another one meanwhile.
            if self.shards() == open {
                return Some(held);
            }
        }
    }

    /// Has the processor fetch that lock.
    pub(crate) fn touch(&self, token: Token) {
        if let Some(shard) = self.shards.get(self.number_of(token)) {
            shard.touch();
        }
    }

    fn number_of(&self, token: Token) -> usize {
        self.number_among(self.shards(), token)
    }

    /// Which of so many shards an entity belongs to. Where they are no power of two the last ones have become one with
    /// those of half their number.
    #[inline(always)]
    fn number_among(&self, open: usize, token: Token) -> usize {
        let mut mask = self.mask.load(Ordering::Acquire);
        // The index takes the low half.
        let mut number = (token.0 >> 64) as usize & mask;
        while number >= open.max(1) {
            mask >>= 1;
            number &= mask;
        }
        number
    }

    /// Locks the shards of two tokens of one entity, always in the same order; the second is `None` when it is the
    /// first.
    #[cold]
    pub(crate) fn lock_both(&self, token: Token, other: Token) -> Option<TwoShards<'_>> {
        let lock = |number| self.lock_shard(number);
        loop {
            let (first, second) = (self.number_of(token), self.number_of(other));
            let held = match first.cmp(&second) {
                CompareOrdering::Equal => (lock(first)?, None),
                CompareOrdering::Less => {
                    let held = lock(first)?;
                    (held, Some(lock(second)?))
                }
                CompareOrdering::Greater => {
                    let other = lock(second)?;
                    (lock(first)?, Some(other))
                }
            };
            if (self.number_of(token), self.number_of(other)) == (first, second) {
                return Some(held);
            }
        }
    }

    /// How many hold entities; a power of two but while they are folded.
    pub(crate) fn shards(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(crate) fn lock_shard(&self, number: usize) -> Option<MutexGuard<'_, Shard>> {
        self.shards.get(number).map(Apart::lock)
    }

    /// Notes which journal frames are contained in one of the shards that a snapshot had; `None` when there cannot
    /// be such a shard.
    pub(crate) fn set_restored(&self, shard: usize, shards: usize, frame: u64) -> Option<()> {
        if !shards.is_power_of_two() || shards > MOST_SHARDS {
            return None;
        }
        let restored = &mut locked(&self.restored).shards;
        restored.resize(shards, 0);
        *restored.get_mut(shard)? = frame;
        Some(())
    }

    /// The same for one entity.
    pub(crate) fn set_moved(&self, token: Token, frame: u64) {
        locked(&self.restored).moved.insert(token, frame);
    }

    /// The last journal frame that was contained when the entity was restored.
    pub(crate) fn restored_until(&self, token: Token) -> u64 {
        let restored = locked(&self.restored);
        let number = (token.0 >> 64) as usize & restored.shards.len().saturating_sub(1);
        let moved = restored.moved.get(&token).copied();
        moved.or(restored.shards.get(number).copied()).unwrap_or(0)
    }

    /// Makes room where the entities of one of a snapshot's shards go: into several when there are more now, with those
    /// of others when there are fewer. All of them have about as many.
    pub(crate) fn expect(&self, shard: usize, shards: usize, entities: usize) {
        let (own, shards) = (self.shards().max(1), shards.max(1));
        for number in (shard % own..own).step_by(shards) {
            if let Some(mut shard) = self.lock_shard(number) {
                shard.expect(entities.saturating_mul(shards) / own, self.shard_budget());
            }
        }
    }

    /// Locks one shard after the other. Entities that go to another shard meanwhile go to one that is yet to come.
    pub(crate) fn each_shard(&self) -> impl ExactSizeIterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().rev().map(Apart::lock)
    }
}

/// How many shards of `budget` bytes together serve entities that can take `most` bytes each: a power of two, so that
/// the token's bits choose.
fn shards_within(budget: usize, most: usize) -> usize {
    let shards = (budget / SHARD_BYTES.max(SHARD_ENTITIES * most)).clamp(1, MOST_SHARDS);
    (shards + 1).next_power_of_two() / 2
}
