//! The memory of one entity: a single block of words.
//!
//! ```text
//! head | forgotten | sizes of dictionaries | times | ids | plain columns | codes | bits | dictionaries
//! ```
//!
//! The first column of codes is no dictionary's: it holds the numbers of the outcome and the label.
//!
//! Every column has the same room, one place for each entry. Columns of identifiers and texts hold codes of 8 bits
//! (16 beyond 256 entries) into a dictionary of their own: few values come again and again, so this takes an
//! eighth of the memory, and counting different values is counting different codes. What is true or false of an
//! entry is a column of bits.

use std::hint::select_unpredictable;

use super::bits;
use super::codes::{Coded, Codes};
use super::series::Budget;
use super::shard::ENTITY_BYTES;

/// Cells that a table can remember.
pub(crate) const MOST_COLUMNS: usize = 64;

/// Entries that one record can hold.
pub(super) const MOST_ENTRIES: usize = 65_535;

pub(super) const HEAD: usize = 0;
pub(super) const FORGOTTEN: usize = 1;
pub(super) const SIZES: usize = 2;
/// Bits of the head: length, start and capacity.
pub(super) const HEAD_FIELD: usize = 16;

/// Bits of the outcome's number in what is known of an entry; the label's number is in those above.
const OUTCOME_BITS: usize = 4;

/// What the records of one table remember of an event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    pub(super) predicates: Vec<u16>,
    pub(super) columns: Vec<Column>,
    pub(super) plain: usize,
    pub(super) coded: usize,
}

/// How the words of one cell are kept, and its number among those kept so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// As they are.
    Plain(usize),
    /// As codes of a dictionary.
    Coded(usize),
}

impl Shape {
    /// Adds a cell that is kept as it is or in a dictionary.
    pub(crate) fn add_column(&mut self, coded: bool) {
        let kind = if coded { &mut self.coded } else { &mut self.plain };
        let number = *kind;
        *kind += 1;
        self.columns.push(if coded { Column::Coded(number) } else { Column::Plain(number) });
    }

    /// The place of a predicate of the policy's plan among those kept, added when it is new.
    pub(crate) fn predicate(&mut self, number: u16) -> usize {
        self.predicates.iter().position(|known| *known == number).unwrap_or_else(|| {
            self.predicates.push(number);
            self.predicates.len() - 1
        })
    }

    /// The predicates whose bits are kept, as numbers of the policy's plan.
    pub(crate) fn predicates(&self) -> &[u16] {
        &self.predicates
    }

    /// One bit for each predicate of the policy's plan: those of the kept ones that hold.
    pub(super) fn mark(&self, held: &[bool], masks: &mut Vec<u64>) {
        let most = self.predicates.iter().max().map_or(0, |most| usize::from(*most) + 1);
        masks.clear();
        masks.resize(most.div_ceil(64), 0);
        for (number, held) in self.predicates.iter().zip(held) {
            bits::write_flag(masks, usize::from(*number), *held);
        }
    }

    /// Whether records of both shapes are laid out alike; predicates may have other numbers in their plans.
    pub(crate) fn is_like(&self, other: &Shape) -> bool {
        self.columns == other.columns && self.predicates.len() == other.predicates.len()
    }

    /// Whether a cell is kept in a dictionary.
    pub(crate) fn is_coded(&self, column: usize) -> bool {
        matches!(self.column(column), Some(Column::Coded(_)))
    }

    /// Where a remembered cell is.
    #[inline(always)]
    pub(crate) fn column(&self, column: usize) -> Option<Column> {
        self.columns.get(column).copied()
    }

    /// Where every remembered cell is.
    pub(crate) fn columns(&self) -> impl Iterator<Item = Column> + '_ {
        self.columns.iter().copied()
    }

    /// Bits of one entry: the predicates, and which cells have a value.
    pub(super) fn bits(&self) -> usize {
        self.predicates.len() + self.columns.len()
    }

    /// Bytes that one entity can take.
    pub(crate) fn most_bytes(&self, budget: &Budget) -> usize {
        // A block has room to spare.
        let entries = (budget.events * 2).min(MOST_ENTRIES);
        ENTITY_BYTES
            + 8 * (self.layout(entries).dictionaries + entries * self.coded)
            + budget.most_bytes(self.predicates.len(), self.columns.len())
    }

    /// Where the times stand, whatever the room.
    #[inline(always)]
    pub(super) fn times(&self) -> usize {
        SIZES + ((self.coded + 1) >> 1)
    }

    /// Where everything is in a block with room for so many entries. Every event asks, so the sizes are rounded up by
    /// shifts: none is near what a word can hold.
    #[inline(always)]
    pub(super) fn layout(&self, capacity: usize) -> Layout {
        let width = if capacity <= 256 { 8 } else { 16 };
        let times = self.times();
        let plain = times + 2 * capacity;
        let codes = plain + self.plain * capacity;
        let bits = codes + (((1 + self.coded) * capacity * width + 63) >> 6);
        let dictionaries = bits + ((self.bits() * capacity + 63) >> 6);
        Layout { capacity, width, times, plain, codes, bits, dictionaries }
    }
}

/// Where everything is in a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) capacity: usize,
    /// Bits of a code.
    pub(super) width: usize,
    pub(super) times: usize,
    pub(super) plain: usize,
    pub(super) codes: usize,
    pub(super) bits: usize,
    pub(super) dictionaries: usize,
}

/// The cells of an event that one table remembers.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    /// Where each stands among all of the event.
    pub(crate) places: &'a [usize],
    pub(crate) all: &'a [Option<u64>],
}

impl Cells<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<u64>> {
        self.places.iter().map(|place| self.get(*place))
    }

    /// The cell at a place among all.
    #[inline(always)]
    pub(super) fn get(&self, place: usize) -> Option<u64> {
        match self.all.get(place) {
            Some(Some(word)) => Some(*word),
            _ => None,
        }
    }
}

/// A record as a visit reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(super) words: &'a [u64],
    pub(super) times: &'a [u64],
    /// The columns of bits and what is behind them.
    pub(super) bits: &'a [u64],
    pub(super) layout: Layout,
    pub(super) predicates: usize,
    pub(super) start: usize,
    pub(super) length: usize,
}

impl<'a> View<'a> {
    #[inline(always)]
    pub(crate) fn new(shape: &Shape, words: &'a [u64]) -> View<'a> {
        let (length, start, capacity) = head(words);
        let layout = shape.layout(capacity);
        let bits = words.get(layout.bits..).unwrap_or(&[]);
        let first = layout.times + start;
        let times = words.get(first..first + length).unwrap_or(&[]);
        View { words, times, bits, layout, predicates: shape.predicates.len(), start, length }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn column(&self, first: usize) -> &'a [u64] {
        let from = first + self.start;
        self.words.get(from..from + self.length).unwrap_or(&[])
    }

    /// Times, in order. None is negative, so they compare as they are stored.
    pub(crate) fn times(&self) -> &'a [u64] {
        self.times
    }

    pub(crate) fn ids(&self) -> &'a [u64] {
        self.column(self.layout.times + self.layout.capacity)
    }

    /// The words of a plain column.
    pub(crate) fn plain(&self, number: usize) -> &'a [u64] {
        self.column(self.layout.plain + number * self.layout.capacity)
    }

    /// The words of a part of a plain column.
    #[inline(always)]
    pub(crate) fn plain_between(&self, number: usize, from: usize, to: usize) -> Option<&'a [u64]> {
        let first = self.layout.plain + number * self.layout.capacity + self.start;
        self.words.get(first + from..first + to)
    }

    /// The words of a coded column: codes, and what they stand for.
    pub(crate) fn coded(&self, number: usize) -> Coded<'a> {
        self.coded_from(number, self.dictionary(number))
    }

    /// Where each dictionary starts: of many columns that is less than to look for each.
    pub(crate) fn dictionaries(&self, shape: &Shape) -> impl Iterator<Item = usize> {
        let (view, mut from) = (*self, self.layout.dictionaries);
        (0..shape.coded).map(move |number| {
            let start = from;
            from += view.dictionary_size(number).1;
            start
        })
    }

    /// The words of a coded column whose dictionary starts there.
    #[inline(always)]
    pub(crate) fn coded_from(&self, number: usize, from: usize) -> Coded<'a> {
        let (length, _) = self.dictionary_size(number);
        let dictionary = self.words.get(from..from + length).unwrap_or(&[]);
        Coded { codes: self.codes(number), dictionary }
    }

    /// The codes of a coded column.
    #[inline(always)]
    pub(super) fn codes(&self, number: usize) -> Codes<'a> {
        let Layout { codes, capacity, width, .. } = self.layout;
        // As codes of the whole block: what it holds beside them is never picked.
        let before = codes * if width == 8 { 8 } else { 4 };
        Codes { words: self.words, width, first: before + (1 + number) * capacity + self.start }
    }

    /// As [`Coded::seen`], of the first 64 entries.
    #[inline(always)]
    pub(crate) fn seen(&self, number: usize, picked: u64) -> Option<u64> {
        if self.dictionary_size(number).0 <= Codes::FEW {
            Some(self.codes(number).seen(picked, 0))
        } else {
            None
        }
    }

    pub(super) fn dictionary_size(&self, number: usize) -> (usize, usize) {
        dictionary_size(self.words, number)
    }

    /// Where a dictionary starts.
    pub(super) fn dictionary(&self, number: usize) -> usize {
        self.layout.dictionaries + (0..number).map(|number| self.dictionary_size(number).1).sum::<usize>()
    }

    /// For 64 entries from `at` on: one column of bits. Those behind the last entry are anything.
    #[inline(always)]
    pub(crate) fn bits(&self, column: usize, at: usize) -> u64 {
        bits::read(self.bits, column * self.layout.capacity + self.start + at)
    }

    /// For 64 entries from `at` on: whether a predicate of the shape holds.
    #[inline(always)]
    pub(crate) fn predicate_bits(&self, predicate: usize, at: usize) -> u64 {
        self.bits(predicate, at)
    }

    /// For 64 entries from `at` on: whether a cell has a value.
    #[inline(always)]
    pub(crate) fn presence_bits(&self, column: usize, at: usize) -> u64 {
        self.bits(self.predicates + column, at)
    }

    /// The word of a cell that has a value.
    pub(crate) fn word(&self, kept: Column, at: usize) -> Option<u64> {
        match kept {
            Column::Plain(number) => self.plain(number).get(at).copied(),
            Column::Coded(number) => Some(self.coded(number).word(at)),
        }
    }

    /// The word of a cell, if it has a value.
    pub(super) fn cell(&self, kept: Column, column: usize, at: usize) -> Option<u64> {
        if self.presence_bits(column, at) & 1 == 1 { self.word(kept, at) } else { None }
    }

    /// The numbers of the outcome and the label that are known of an entry.
    pub(super) fn known(&self, at: usize) -> (u8, u8) {
        let Layout { codes, bits, width, .. } = self.layout;
        let known = bits::number(self.words.get(codes..bits).unwrap_or(&[]), width, self.start + at) as u8;
        (known & ((1 << OUTCOME_BITS) - 1), known >> OUTCOME_BITS)
    }

    /// The latest time that has been dropped.
    pub(crate) fn forgotten_until(&self) -> Option<i64> {
        // One more than the time, so that a fresh block says none.
        self.words.get(FORGOTTEN).filter(|word| **word > 0).map(|word| *word as i64 - 1)
    }

    pub(crate) fn time_at(&self, at: usize) -> Option<i64> {
        self.times().get(at).map(|time| *time as i64)
    }

    /// Where the event with this id stands; events without an id are never found.
    #[inline(always)]
    pub(crate) fn position_of(&self, id: u64) -> Option<usize> {
        // Asked for every event and nearly always in vain: without early exits the compiler compares many at once, and
        // half of an id tells nearly all others apart. What follows the last id is none, but makes the eights full.
        let ids = self.words.get(self.layout.times + self.layout.capacity + self.start..)?;
        let (eights, _) = ids.get(..self.length.next_multiple_of(8)).unwrap_or(ids).as_chunks::<8>();
        let mut alike = [0; 8];
        for eight in eights {
            for (alike, known) in alike.iter_mut().zip(eight) {
                *alike |= if *known as u32 == id as u32 { u32::MAX } else { 0 };
            }
        }
        let none = eights.len() * 8 >= self.length && alike.iter().fold(0, |all, one| all | one) == 0;
        if id == 0 || none { None } else { place_of(self.ids(), id) }
    }

    /// Of a history of up to 64 entries, one bit for each: whether it is later than `time`. Those behind the last one
    /// are anything.
    #[inline(always)]
    pub(crate) fn after(&self, time: i64) -> u64 {
        let times = self.times();
        match times {
            [first, .., last] if *first as i64 <= time => {
                if *last as i64 <= time {
                    return 0;
                }
            }
            [only] if *only as i64 <= time => return 0,
            _ => return u64::MAX,
        }
        let until = match times.len() {
            33.. => count_among::<32>(times, time),
            17.. => count_among::<16>(times, time),
            9.. => count_among::<8>(times, time),
            _ => times.partition_point(|known| *known as i64 <= time),
        };
        // Neither none nor all of them.
        u64::MAX << (until % 64)
    }

    /// How many events are no later than `time`.
    #[inline(always)]
    pub(crate) fn count_until(&self, time: i64) -> usize {
        let times = self.times();
        if time < 0 || times.first().is_none_or(|first| *first > time as u64) {
            0
        } else if times.last().is_none_or(|last| *last <= time as u64) {
            // Most questions are about now.
            times.len()
        } else {
            times.partition_point(|known| *known <= time as u64)
        }
    }
}

/// How many times are no later than another, of `HALF`, a power of two, to twice as many in order: a search of so many
/// steps that it is unrolled and nothing in it is a branch.
#[inline(always)]
fn count_among<const HALF: usize>(times: &[u64], time: i64) -> usize {
    let (Some(head), Some(tail)) = (times.first_chunk::<HALF>(), times.last_chunk::<HALF>()) else {
        return 0;
    };
    let is_past = |known: Option<&u64>| known.is_some_and(|known| *known as i64 <= time);
    let all = is_past(head.last());
    let (part, before) = select_unpredictable(all, (tail, times.len() - HALF), (head, 0));
    let (mut low, mut step) = (0, HALF / 2);
    while step > 0 {
        low = select_unpredictable(is_past(part.get(low | (step - 1))), low | step, low);
        step /= 2;
    }
    before + low + usize::from(is_past(part.get(low)))
}

/// Length, start and capacity of a record.
#[inline(always)]
pub(super) fn head(words: &[u64]) -> (usize, usize, usize) {
    let head = words.get(HEAD).copied().unwrap_or(0);
    let field = |number: usize| (head >> (HEAD_FIELD * number)) as usize & 0xffff;
    (field(0), field(1), field(2))
}

/// How many words a dictionary holds, and for how many there is room.
#[inline(always)]
pub(super) fn dictionary_size(words: &[u64], number: usize) -> (usize, usize) {
    let sizes = words.get(SIZES + number / 2).copied().unwrap_or(0) >> (32 * (number % 2));
    (sizes as usize & 0xffff, (sizes >> 16) as usize & 0xffff)
}

#[cold]
fn place_of(ids: &[u64], id: u64) -> Option<usize> {
    ids.iter().rposition(|known| *known == id)
}

/// The numbers of the outcome and the label in one.
pub(super) fn pack_known((outcome, label): (u8, u8)) -> u64 {
    u64::from(outcome | label << OUTCOME_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against one time after the other.
        #[test]
        fn later_entries_are_bits(
            mut times in proptest::collection::vec(0u64..20, 0..=64),
            time in -2i64..22,
        ) {
            times.sort();
            let view = View { times: &times, ..View::new(&Shape::default(), &[]) };
            let after = view.after(time);
            for (at, known) in times.iter().enumerate() {
                prop_assert_eq!(after >> at & 1 == 1, *known as i64 > time, "entry {}", at);
            }
        }
    }
}
