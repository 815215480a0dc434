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

use smallvec::SmallVec;

use super::bits;
use super::codec::{Reader, Writer};
use super::series::Budget;

/// Cells that a table can remember.
pub(crate) const MOST_COLUMNS: usize = 64;

/// Entries that one record can hold.
const MOST_ENTRIES: usize = 65_535;

const HEAD: usize = 0;
const FORGOTTEN: usize = 1;
const SIZES: usize = 2;
/// Bits of the head: length, start and capacity.
const HEAD_FIELD: usize = 16;

/// Bits of the outcome's number in what is known of an entry; the label's number is in those above.
const OUTCOME_BITS: usize = 4;

/// What the records of one table remember of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shape {
    predicates: Vec<u16>,
    columns: Vec<Column>,
    plain: usize,
    coded: usize,
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
    fn bits(&self) -> usize {
        self.predicates.len() + self.columns.len()
    }

    /// Bytes that one entity can take.
    pub(crate) fn most_bytes(&self, budget: &Budget) -> usize {
        // A block has room to spare.
        let entries = (budget.events * 2).min(MOST_ENTRIES);
        8 * (self.layout(entries).dictionaries + entries * self.coded) + budget.most_bytes()
    }

    #[inline(always)]
    fn layout(&self, capacity: usize) -> Layout {
        Layout::new(self.plain, self.coded, self.bits(), capacity)
    }
}

/// Where everything is in a block.
#[derive(Clone, Copy, Debug)]
struct Layout {
    capacity: usize,
    /// Bits of a code.
    width: usize,
    times: usize,
    plain: usize,
    codes: usize,
    bits: usize,
    dictionaries: usize,
}

impl Layout {
    #[inline(always)]
    fn new(plain: usize, coded: usize, bits: usize, capacity: usize) -> Layout {
        let width = if capacity <= 256 { 8 } else { 16 };
        let times = SIZES + coded.div_ceil(2);
        let plain_at = times + 2 * capacity;
        let codes = plain_at + plain * capacity;
        let bits_at = codes + ((1 + coded) * capacity * width).div_ceil(64);
        let dictionaries = bits_at + (bits * capacity).div_ceil(64);
        Layout { capacity, width, times, plain: plain_at, codes, bits: bits_at, dictionaries }
    }
}

/// Room for the next entry or the next word of a dictionary.
fn larger(room: usize) -> usize {
    match room {
        0..4 => room + 1,
        4..12 => room + 2,
        _ => (room + room / 4).next_multiple_of(4).min(MOST_ENTRIES),
    }
}

/// A record as a visit reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    words: &'a [u64],
    times: &'a [u64],
    /// The columns of bits and what is behind them.
    bits: &'a [u64],
    layout: Layout,
    predicates: usize,
    start: usize,
    length: usize,
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

    fn column(&self, first: usize) -> &'a [u64] {
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

    /// The words of a coded column: codes, and what they stand for.
    pub(crate) fn coded(&self, number: usize) -> Coded<'a> {
        let Layout { codes, bits, capacity, width, .. } = self.layout;
        let (length, _) = self.dictionary_size(number);
        let from = self.dictionary(number);
        Coded {
            codes: self.words.get(codes..bits).unwrap_or(&[]),
            width,
            first: (1 + number) * capacity + self.start,
            dictionary: self.words.get(from..from + length).unwrap_or(&[]),
        }
    }

    fn dictionary_size(&self, number: usize) -> (usize, usize) {
        dictionary_size(self.words, number)
    }

    /// Where a dictionary starts.
    fn dictionary(&self, number: usize) -> usize {
        self.layout.dictionaries + (0..number).map(|number| self.dictionary_size(number).1).sum::<usize>()
    }

    /// For 64 entries from `at` on: one column of bits. Those behind the last entry are anything.
    #[inline(always)]
    fn bits(&self, column: usize, at: usize) -> u64 {
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
    pub(crate) fn position_of(&self, id: u64) -> Option<usize> {
        // Asked for every event and nearly always in vain: without early exits the compiler compares many at once.
        // Half of an id tells nearly all others apart.
        let alike = |ids: &[u64]| ids.iter().fold(false, |alike, known| alike | (*known as u32 == id as u32));
        if id == 0 || !alike(self.ids()) { None } else { self.ids().iter().rposition(|known| *known == id) }
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

/// Length, start and capacity of a record.
#[inline(always)]
fn head(words: &[u64]) -> (usize, usize, usize) {
    let head = words.get(HEAD).copied().unwrap_or(0);
    let field = |number: usize| (head >> (HEAD_FIELD * number)) as usize & 0xffff;
    (field(0), field(1), field(2))
}

/// How many words a dictionary holds, and for how many there is room.
#[inline(always)]
fn dictionary_size(words: &[u64], number: usize) -> (usize, usize) {
    let sizes = words.get(SIZES + number / 2).copied().unwrap_or(0) >> (32 * (number % 2));
    (sizes as usize & 0xffff, (sizes >> 16) as usize & 0xffff)
}

/// The numbers of the outcome and the label in one.
fn pack_known((outcome, label): (u8, u8)) -> u64 {
    u64::from(outcome | label << OUTCOME_BITS)
}

/// A coded column as a visit reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coded<'a> {
    codes: &'a [u64],
    width: usize,
    first: usize,
    dictionary: &'a [u64],
}

impl Coded<'_> {
    /// Different words since the dictionary was last cleaned: no code is higher.
    pub(crate) fn size(&self) -> usize {
        self.dictionary.len()
    }

    #[inline(always)]
    pub(crate) fn code(&self, at: usize) -> usize {
        bits::number(self.codes, self.width, self.first + at) as usize
    }

    #[inline(always)]
    pub(crate) fn word(&self, at: usize) -> u64 {
        self.dictionary.get(self.code(at)).copied().unwrap_or(0)
    }

    /// One bit for each code of the entries `from..to`, none of which is above 63.
    #[inline(always)]
    pub(crate) fn seen(&self, from: usize, to: usize) -> u64 {
        let together = if self.width == 8 { 8 } else { 4 };
        let (mut at, mut seen) = (from, 0);
        while at < to {
            let mut codes = bits::read(self.codes, (self.first + at) * self.width);
            for _ in at..to.min(at + together) {
                seen |= 1 << (codes % 64);
                codes >>= self.width;
            }
            at += together;
        }
        seen
    }

    /// The code of a word, if an entry may hold it.
    pub(crate) fn code_of(&self, word: u64) -> Option<usize> {
        self.dictionary.iter().position(|known| *known == word)
    }
}

/// One event on its way into a record.
pub(super) struct Incoming<'a, P> {
    pub(super) time: i64,
    pub(super) id: u64,
    /// The numbers of the outcome and the label.
    pub(super) known: (u8, u8),
    /// Whether each predicate of the shape holds.
    pub(super) predicates: P,
    pub(super) cells: &'a [Option<u64>],
}

/// A record that can be changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    words: Box<[u64]>,
}

impl Block {
    /// Room for one entry.
    fn first(shape: &Shape) -> Block {
        let layout = shape.layout(1);
        let mut block = Block { words: vec![0; layout.dictionaries + shape.coded].into() };
        block.set_head(0, 0, 1);
        for number in 0..shape.coded {
            block.set_dictionary_size(number, 0, 1);
        }
        block
    }

    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.words(&self.words);
    }

    /// A block as it was written; `None` when its parts do not fit the shape or each other.
    pub(super) fn read(shape: &Shape, from: &mut Reader<'_>) -> Option<Block> {
        let block = Block { words: from.words()?.into() };
        if block.words.is_empty() {
            return Some(block);
        }
        let view = block.view(shape);
        let sizes = (0..shape.coded).map(|number| view.dictionary_size(number));
        let fits = sizes.clone().all(|(length, room)| length <= room);
        let room: usize = sizes.map(|(_, room)| room).sum();
        let entries = view.start + view.length <= view.layout.capacity;
        let times = view.times().is_sorted() && view.times().last().is_none_or(|last| *last as i64 >= 0);
        (fits && entries && times && block.words.len() == view.layout.dictionaries + room).then_some(block)
    }

    pub(crate) fn view(&self, shape: &Shape) -> View<'_> {
        View::new(shape, &self.words)
    }

    /// Reads a word of every line of memory, so that the processor has fetched all of them when they are needed.
    pub(super) fn touch(&self) -> u64 {
        self.words.iter().step_by(8).fold(0, |all, word| all ^ word)
    }

    /// How many entries it holds.
    pub(crate) fn len(&self) -> usize {
        self.head().0
    }

    /// Length, start and capacity.
    #[inline(always)]
    fn head(&self) -> (usize, usize, usize) {
        head(&self.words)
    }

    /// Bytes of memory that the block takes.
    pub(crate) fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    fn put(&mut self, at: usize, word: u64) {
        if let Some(place) = self.words.get_mut(at) {
            *place = word;
        }
    }

    fn tail(&mut self, from: usize) -> &mut [u64] {
        self.words.get_mut(from..).unwrap_or(&mut [])
    }

    fn set_head(&mut self, length: usize, start: usize, capacity: usize) {
        let head = [length, start, capacity].into_iter().enumerate();
        let head = head.fold(0, |head, (number, field)| head | (field as u64) << (HEAD_FIELD * number));
        self.put(HEAD, head);
    }

    fn set_dictionary_size(&mut self, number: usize, length: usize, capacity: usize) {
        bits::write(self.tail(SIZES), 32 * number, 32, (length | capacity << 16) as u64);
    }
    /// Adds an entry behind those that are no later.
    pub(super) fn insert<P: Iterator<Item = bool>>(&mut self, shape: &Shape, entry: Incoming<'_, P>) {
        if self.words.is_empty() {
            *self = Block::first(shape);
        }
        let view = self.view(shape);
        let at = view.count_until(entry.time);
        let View { mut layout, mut start, length, .. } = view;
        if start + length >= layout.capacity {
            self.make_room(shape);
            View { layout, start, .. } = self.view(shape);
        }
        let capacity = layout.capacity;
        if at < length {
            self.open_gap(shape, at);
        }
        self.set_head(length + 1, start, capacity);
        let mut place = start + at;
        self.put(layout.times + place, entry.time as u64);
        self.put(layout.times + capacity + place, entry.id);
        bits::write_number(self.tail(layout.codes), layout.width, place, pack_known(entry.known));
        let mut dictionary = layout.dictionaries;
        for (cell, kept) in entry.cells.iter().zip(&shape.columns) {
            match (*kept, *cell) {
                (Column::Plain(number), Some(word)) => {
                    self.put(layout.plain + number * capacity + place, word);
                }
                (Column::Plain(_), None) => {}
                (Column::Coded(number), None) => dictionary += dictionary_size(&self.words, number).1,
                (Column::Coded(number), Some(word)) => {
                    let (length, mut room) = dictionary_size(&self.words, number);
                    let words = self.words.get(dictionary..dictionary + length).unwrap_or(&[]);
                    let code = match words.iter().position(|known| *known == word) {
                        Some(code) => code,
                        None => {
                            let code = self.encode(shape, number, word);
                            // The dictionary may have grown, and everything moved.
                            let view = self.view(shape);
                            (layout, place) = (view.layout, view.start + at);
                            dictionary = view.dictionary(number);
                            room = dictionary_size(&self.words, number).1;
                            code
                        }
                    };
                    dictionary += room;
                    let codes = self.tail(layout.codes);
                    bits::write_number(codes, layout.width, (1 + number) * capacity + place, code as u64);
                }
            }
        }
        let packed = self.tail(layout.bits);
        let flags = entry.predicates.chain(entry.cells.iter().map(Option::is_some));
        flags.zip((place..).step_by(capacity)).for_each(|(flag, bit)| bits::write_flag(packed, bit, flag));
    }

    /// Moves the entries from `at` on up by one.
    #[cold]
    fn open_gap(&mut self, shape: &Shape, at: usize) {
        let View { layout, start, length, .. } = self.view(shape);
        let Layout { capacity, width, .. } = layout;
        let (from, moved) = (start + at, length - at);
        for column in 0..2 + shape.plain {
            let first = layout.times + column * capacity + from;
            if first + moved < self.words.len() {
                self.words.copy_within(first..first + moved, first + 1);
            }
        }
        let codes = self.tail(layout.codes);
        for column in 0..1 + shape.coded {
            let first = (column * capacity + from) * width;
            bits::shift(codes, first, first + width, moved * width);
        }
        let flags = self.tail(layout.bits);
        for column in 0..shape.bits() {
            let first = column * capacity + from;
            bits::shift(flags, first, first + 1, moved);
        }
    }

    /// Whether a dictionary holds a word.
    pub(super) fn holds_word(&self, shape: &Shape, number: usize, word: u64) -> bool {
        self.view(shape).coded(number).code_of(word).is_some()
    }

    /// Puts another word in the place of one that a dictionary holds.
    pub(super) fn replace_word(&mut self, shape: &Shape, number: usize, word: u64, by: u64) {
        let view = self.view(shape);
        if let Some(code) = view.coded(number).code_of(word) {
            let place = view.dictionary(number) + code;
            self.put(place, by);
        }
    }

    /// Changes whether a predicate holds for an entry.
    pub(super) fn set_predicate(&mut self, shape: &Shape, predicate: usize, at: usize, value: bool) {
        let View { layout, start, .. } = self.view(shape);
        let bit = predicate * layout.capacity + start + at;
        bits::write(self.tail(layout.bits), bit, 1, u64::from(value));
    }

    /// Changes the numbers of the outcome and the label of an entry.
    pub(super) fn set_known(&mut self, shape: &Shape, at: usize, known: (u8, u8)) {
        let View { layout, start, .. } = self.view(shape);
        bits::write_number(self.tail(layout.codes), layout.width, start + at, pack_known(known));
    }

    /// Takes the oldest entries away.
    pub(super) fn drop_oldest(&mut self, count: usize) {
        let (length, start, capacity) = self.head();
        self.set_head(length.saturating_sub(count), start + count.min(length), capacity);
    }

    /// Says that what happened up to `time` may be missing.
    pub(super) fn forget_until(&mut self, shape: &Shape, time: i64) {
        if self.words.is_empty() {
            *self = Block::first(shape);
        }
        let known = self.words.get(FORGOTTEN).copied().unwrap_or(0);
        self.put(FORGOTTEN, known.max(time.max(0) as u64 + 1));
    }

    fn make_room(&mut self, shape: &Shape) {
        let View { layout, start, .. } = self.view(shape);
        // Dropped entries leave room at the front; less than a quarter of it would be moved for little.
        if start * 4 > layout.capacity || layout.capacity == MOST_ENTRIES {
            self.close_gap(shape);
        } else {
            *self = self.rebuilt(shape, larger(layout.capacity), None);
        }
    }

    /// Moves everything down to the front: all columns by the same distance, so they move as one.
    fn close_gap(&mut self, shape: &Shape) {
        let View { layout, start, length, .. } = self.view(shape);
        let Layout { capacity, width, times, codes, bits: flags, dictionaries, .. } = layout;
        if let Some(columns) = self.words.get_mut(times..codes) {
            columns.copy_within(start.min(codes - times).., 0);
        }
        bits::shift_down(self.words.get_mut(codes..flags).unwrap_or(&mut []), start * width);
        bits::shift_down(self.words.get_mut(flags..dictionaries).unwrap_or(&mut []), start);
        self.set_head(length, 0, capacity);
    }

    /// The same entries with room for `capacity` of them, and for more words in one dictionary.
    fn rebuilt(&self, shape: &Shape, capacity: usize, larger_dictionary: Option<usize>) -> Block {
        let old = self.view(shape);
        let layout = shape.layout(capacity);
        let sizes: SmallVec<[(usize, usize); 16]> = (0..shape.coded)
            .map(|number| match old.dictionary_size(number) {
                (length, room) if larger_dictionary == Some(number) => (length, larger(room)),
                size => size,
            })
            .collect();
        let room: usize = sizes.iter().map(|(_, room)| room).sum();
        let mut new = Block { words: vec![0; layout.dictionaries + room].into() };
        new.set_head(old.length, 0, capacity);
        new.put(FORGOTTEN, self.words.get(FORGOTTEN).copied().unwrap_or(0));
        for column in 0..2 + shape.plain {
            let words = old.column(old.layout.times + column * old.layout.capacity);
            copy(new.tail(layout.times + column * capacity), words);
        }
        for at in 0..old.length {
            new.set_known(shape, at, old.known(at));
        }
        let mut first = layout.dictionaries;
        for (number, (length, room)) in sizes.iter().enumerate() {
            new.set_dictionary_size(number, *length, *room);
            let coded = old.coded(number);
            copy(new.tail(first), coded.dictionary);
            first += room;
            let codes = new.tail(layout.codes);
            for at in 0..old.length {
                bits::write_number(codes, layout.width, (1 + number) * capacity + at, coded.code(at) as u64);
            }
        }
        let flags = new.tail(layout.bits);
        for column in 0..shape.bits() {
            for at in (0..old.length).step_by(64) {
                let count = (old.length - at).min(64);
                bits::write(flags, column * capacity + at, count, old.bits(column, at));
            }
        }
        new
    }

    /// Adds a word to a dictionary that lacks it.
    #[cold]
    fn encode(&mut self, shape: &Shape, number: usize, word: u64) -> usize {
        let view = self.view(shape);
        let (mut length, mut room) = view.dictionary_size(number);
        if length == room {
            length = self.clean_dictionary(shape, number);
        }
        if length == room {
            let capacity = self.view(shape).layout.capacity;
            *self = self.rebuilt(shape, capacity, Some(number));
            room = self.view(shape).dictionary_size(number).1;
        }
        let view = self.view(shape);
        let place = view.dictionary(number) + length;
        self.put(place, word);
        self.set_dictionary_size(number, length + 1, room);
        length
    }

    /// Takes words that no entry holds any more out of a dictionary; says how many are left.
    #[cold]
    fn clean_dictionary(&mut self, shape: &Shape, number: usize) -> usize {
        let view = self.view(shape);
        let coded = view.coded(number);
        let (length, room) = view.dictionary_size(number);
        let mut used: SmallVec<[bool; 256]> = SmallVec::from_elem(false, length);
        for at in 0..view.length {
            if let Some(used) = used.get_mut(coded.code(at)) {
                *used = true;
            }
        }
        let kept: SmallVec<[usize; 256]> =
            used.iter().enumerate().filter(|(_, used)| **used).map(|(code, _)| code).collect();
        if kept.len() == length {
            return length;
        }
        let new_code = |old: usize| kept.binary_search(&old).unwrap_or(0) as u64;
        let codes: SmallVec<[u64; 256]> = (0..view.length).map(|at| new_code(coded.code(at))).collect();
        let words: SmallVec<[u64; 256]> =
            kept.iter().filter_map(|code| coded.dictionary.get(*code).copied()).collect();
        let Layout { capacity, width, codes: codes_at, .. } = view.layout;
        let dictionary = view.dictionary(number);
        let first = (1 + number) * capacity + view.start;
        copy(self.tail(dictionary), &words);
        self.set_dictionary_size(number, words.len(), room);
        let packed = self.tail(codes_at);
        for (at, code) in codes.iter().enumerate() {
            bits::write_number(packed, width, first + at, *code);
        }
        words.len()
    }
}

fn copy(to: &mut [u64], from: &[u64]) {
    if let Some(to) = to.get_mut(..from.len()) {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against one code after the other.
        #[test]
        fn codes_are_seen_together(
            codes in proptest::collection::vec(any::<u64>(), 80),
            width in prop_oneof![Just(8usize), Just(16)],
            first in 0usize..100,
            from in 0usize..70,
            count in 0usize..70,
        ) {
            let coded = Coded { codes: &codes, width, first, dictionary: &[] };
            let expected = (from..from + count).fold(0u64, |seen, at| seen | 1 << (coded.code(at) % 64));
            prop_assert_eq!(coded.seen(from, from + count), expected);
        }
    }
}
