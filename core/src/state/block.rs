//! How a record comes into being and changes: entries are put in, dropped and corrected, room is made.

use smallvec::SmallVec;

use super::bits::{self, Columns};
use super::codec::{Reader, Writer};
use super::codes::place_of_word;
use super::record::{
    Cells, Column, FORGOTTEN, HEAD, HEAD_FIELD, Layout, MOST_ENTRIES, Shape, View, dictionary_size, head,
    pack_known,
};
use super::rekeying::Rekeying;
use super::spares::Spares;

/// Words of a line of memory.
const LINE: usize = 8;
/// Lines that are fetched before they are needed.
const MOST_TOUCHED: usize = 48;

/// Room for the next entry or the next word of a dictionary.
fn larger(room: usize) -> usize {
    match room {
        0..2 => room + 1,
        2..6 => room + 2,
        6..12 => room + 3,
        _ => (room + room / 4).next_multiple_of(4).min(MOST_ENTRIES),
    }
}

/// One event on its way into a history.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) time: i64,
    pub(crate) id: u64,
    /// One bit for each predicate of the plan.
    pub(crate) masks: &'a [u64],
    pub(crate) outcome: u8,
    pub(crate) label: u8,
}

/// Whether the bit of a predicate is set.
#[inline(always)]
pub(crate) fn holds(masks: &[u64], predicate: u16) -> bool {
    masks.get(usize::from(predicate / 64)).is_some_and(|word| word >> (predicate % 64) & 1 == 1)
}

/// A record that can be changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    words: Box<[u64]>,
}

impl Block {
    /// Room for one entry.
    fn first(shape: &Shape, spares: &mut Spares) -> Block {
        let layout = shape.layout(1);
        let mut block = Block { words: spares.take(layout.dictionaries + shape.coded) };
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

    /// Reads a word of every line of memory, so that the processor has fetched all of them when they are needed. Of a
    /// long record a visit does not read all.
    pub(super) fn touch(&self) -> u64 {
        let most = self.words.get(..MOST_TOUCHED * LINE).unwrap_or(&self.words);
        let last = most.last().copied().unwrap_or(0);
        most.as_chunks::<LINE>().0.iter().fold(last, |all, line| all ^ line[0])
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

    pub(super) fn put(&mut self, at: usize, word: u64) {
        put(&mut self.words, at, word);
    }

    pub(super) fn tail(&mut self, from: usize) -> &mut [u64] {
        self.words.get_mut(from..).unwrap_or(&mut [])
    }

    fn set_head(&mut self, length: usize, start: usize, capacity: usize) {
        let head = [length, start, capacity].into_iter().enumerate();
        let head = head.fold(0, |head, (number, field)| head | (field as u64) << (HEAD_FIELD * number));
        self.put(HEAD, head);
    }

    /// Its memory, for other blocks.
    pub(super) fn into_memory(self) -> Box<[u64]> {
        self.words
    }

    fn become_larger(&mut self, larger: Block, spares: &mut Spares) {
        spares.keep(std::mem::replace(self, larger).words);
    }

    /// Adds an entry behind those that are no later.
    pub(super) fn insert(&mut self, shape: &Shape, entry: &Entry<'_>, cells: Cells<'_>, spares: &mut Spares) {
        let (length, start, capacity) = self.head();
        let newest = || self.words.get(shape.times() + start + length - 1);
        let is_last = length == 0 || newest().is_some_and(|newest| *newest as i64 <= entry.time);
        let has_room = start + length < capacity;
        let at = if is_last && has_room { length } else { self.make_place(shape, entry.time, spares) };
        if let Some(head) = self.words.get_mut(HEAD) {
            // The length is lowest.
            *head += 1;
        }
        self.write_entry(shape, at, entry, cells, spares);
    }

    /// Makes room for an entry of that time; says where it is.
    #[inline(never)]
    fn make_place(&mut self, shape: &Shape, time: i64, spares: &mut Spares) -> usize {
        if self.words.is_empty() {
            *self = Block::first(shape, spares);
        }
        let (length, start, capacity) = self.head();
        if start + length >= capacity {
            self.make_room(shape, spares);
        }
        let at = self.view(shape).count_until(time);
        if at < length {
            self.open_gap(shape, at);
        }
        at
    }

    /// Writes an entry into its place. May be done again.
    #[inline(always)]
    fn write_entry(
        &mut self,
        shape: &Shape,
        at: usize,
        entry: &Entry<'_>,
        cells: Cells<'_>,
        spares: &mut Spares,
    ) {
        let (_, start, capacity) = self.head();
        let layout = shape.layout(capacity);
        let place = start + at;
        let words = &mut *self.words;
        put(words, layout.times + place, entry.time as u64);
        put(words, layout.times + capacity + place, entry.id);
        // Of codes and flags the places count from the first bit of the block.
        let Layout { width, mut dictionaries, .. } = layout;
        let mut code_at = 64 * layout.codes + place * width;
        bits::write_inside(words, width, code_at, pack_known((entry.outcome, entry.label)));
        let mut flag_at = 64 * layout.bits + place;
        let mut write = |held: bool| {
            bits::write_flag(words, flag_at, held);
            flag_at += capacity;
        };
        match entry.masks {
            // Nearly every policy has no more than 64 predicates.
            [mask] => shape.predicates.iter().for_each(|number| write(mask >> (number % 64) & 1 == 1)),
            masks => shape.predicates.iter().for_each(|number| write(holds(masks, *number))),
        }
        let mut plain_at = layout.plain + place;
        for (column, (kept, place)) in shape.columns.iter().zip(cells.places).enumerate() {
            let cell = cells.get(*place);
            let words = &mut *self.words;
            bits::write_flag(words, flag_at, cell.is_some());
            flag_at += capacity;
            match *kept {
                Column::Plain(_) => {
                    if let Some(word) = cell {
                        put(words, plain_at, word);
                    }
                    plain_at += capacity;
                }
                Column::Coded(number) => {
                    code_at += capacity * width;
                    let (length, room) = dictionary_size(words, number);
                    if let Some(word) = cell {
                        let known = words.get(dictionaries..).and_then(|words| words.get(..length));
                        let code = place_of_word(known.unwrap_or(&[]), word)
                            .or_else(|| self.new_code(shape, (column, number), word, at));
                        let Some(code) = code else {
                            return self.write_larger(shape, (at, column), entry, cells, spares);
                        };
                        bits::write_inside(&mut self.words, width, code_at, code as u64);
                    }
                    dictionaries += room;
                }
            }
        }
    }

    /// The same when the dictionary of a column lacks a word and has no room for it: the block becomes another one, with
    /// room for all words that are lacking.
    #[cold]
    #[inline(never)]
    fn write_larger(
        &mut self,
        shape: &Shape,
        (at, first): (usize, usize),
        entry: &Entry<'_>,
        cells: Cells<'_>,
        spares: &mut Spares,
    ) {
        let columns = shape.columns.iter().zip(cells.places).enumerate().skip(first);
        let full = columns.fold(0u64, |full, (column, (kept, place))| match (*kept, cells.get(*place)) {
            (Column::Coded(number), Some(word)) => {
                let lacks = !self.holds_word(shape, number, word)
                    && self.new_code(shape, (column, number), word, at).is_none();
                full | u64::from(lacks) << number
            }
            _ => full,
        });
        let capacity = self.view(shape).layout.capacity;
        self.become_larger(self.rebuilt(shape, capacity, full, spares), spares);
        self.write_entry(shape, at, entry, cells, spares);
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

    /// Puts an event's id in the place of the one that it had; false when it is not here.
    pub(super) fn replace_id(&mut self, shape: &Shape, rekeying: &Rekeying) -> bool {
        let view = self.view(shape);
        let Some(at) = view.position_of(rekeying.ids.0) else { return false };
        self.put(view.layout.times + view.layout.capacity + view.start + at, rekeying.ids.1);
        true
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

    /// Takes away what is no later than `time`; false when there is nothing.
    #[inline(always)]
    pub(super) fn drop_until(&mut self, shape: &Shape, time: i64) -> bool {
        let (length, start, _) = self.head();
        let first = shape.times() + start;
        let time_at = |at: usize| self.words.get(first + at).map(|known| *known as i64);
        let (Some(oldest), true) = (time_at(0), length > 0) else { return false };
        if oldest > time {
            return false;
        }
        // Nearly always it is the oldest one alone.
        if length > 1 && time_at(1).is_some_and(|next| next <= time) {
            return self.drop_many(shape, time);
        }
        if let [head, forgotten, ..] = &mut *self.words {
            *head = *head + (1 << HEAD_FIELD) - 1;
            *forgotten = (*forgotten).max(oldest as u64 + 1);
        }
        true
    }

    #[cold]
    #[inline(never)]
    fn drop_many(&mut self, shape: &Shape, time: i64) -> bool {
        let view = self.view(shape);
        let count = view.count_until(time);
        if let Some(last) = count.checked_sub(1).and_then(|last| view.time_at(last)) {
            self.drop_oldest(count);
            self.forget_until(shape, last);
        }
        count > 0
    }

    /// Says that what happened up to `time` may be missing.
    pub(super) fn forget_until(&mut self, shape: &Shape, time: i64) {
        if self.words.is_empty() {
            *self = Block::first(shape, &mut Spares::default());
        }
        let known = self.words.get(FORGOTTEN).copied().unwrap_or(0);
        self.put(FORGOTTEN, known.max(time.max(0) as u64 + 1));
    }

    fn make_room(&mut self, shape: &Shape, spares: &mut Spares) {
        let View { layout, start, .. } = self.view(shape);
        // Dropped entries leave room at the front. To move all others there costs less than other memory does, unless it
        // is for very few.
        if start * 12 >= layout.capacity.max(1) || layout.capacity == MOST_ENTRIES {
            self.close_gap(shape);
        } else {
            self.become_larger(self.rebuilt(shape, larger(layout.capacity), 0, spares), spares);
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

    /// The same entries with room for `capacity` of them, and for more words in some dictionaries, a bit for each.
    fn rebuilt(&self, shape: &Shape, capacity: usize, full: u64, spares: &mut Spares) -> Block {
        let old = self.view(shape);
        let layout = shape.layout(capacity);
        // A dictionary that is full would soon have everything moved again.
        let grows = capacity > old.layout.capacity;
        let sizes: SmallVec<[(usize, usize); 16]> = (0..shape.coded)
            .map(|number| match old.dictionary_size(number) {
                (length, room) if full >> number & 1 == 1 || grows && length == room => {
                    (length, larger(room))
                }
                size => size,
            })
            .collect();
        let room: usize = sizes.iter().map(|(_, room)| room).sum();
        let mut new = Block { words: spares.take(layout.dictionaries + room) };
        new.set_head(old.length, 0, capacity);
        new.put(FORGOTTEN, self.words.get(FORGOTTEN).copied().unwrap_or(0));
        for column in 0..2 + shape.plain {
            let words = old.column(old.layout.times + column * old.layout.capacity);
            copy(new.tail(layout.times + column * capacity), words);
        }
        let mut first = layout.dictionaries;
        for ((number, (length, room)), from) in sizes.iter().enumerate().zip(old.dictionaries(shape)) {
            new.set_dictionary_size(number, *length, *room);
            copy(new.tail(first), old.coded_from(number, from).dictionary);
            first += room;
        }
        let Layout { width, .. } = old.layout;
        let columns = |width: usize| {
            let before = Columns { first: old.start * width, stride: old.layout.capacity * width };
            (before, Columns { first: 0, stride: capacity * width })
        };
        let (from, codes) = (old.words.get(old.layout.codes..).unwrap_or(&[]), new.tail(layout.codes));
        if width == layout.width {
            let (before, after) = columns(width);
            bits::copy_columns((codes, after), (from, before), (1 + shape.coded, old.length * width));
        } else {
            for column in 0..1 + shape.coded {
                let (before, after) = (column * old.layout.capacity + old.start, column * capacity);
                for at in 0..old.length {
                    let code = bits::number(from, width, before + at);
                    bits::write_number(codes, layout.width, after + at, code);
                }
            }
        }
        let (before, after) = columns(1);
        bits::copy_columns((new.tail(layout.bits), after), (old.bits, before), (shape.bits(), old.length));
        new
    }
}

#[inline(always)]
fn put(words: &mut [u64], at: usize, word: u64) {
    if let Some(place) = words.get_mut(at) {
        *place = word;
    }
}

pub(super) fn copy(to: &mut [u64], from: &[u64]) {
    if let Some(to) = to.get_mut(..from.len()) {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// What an entry should be read as.
    #[derive(Clone, Debug)]
    struct Known {
        time: i64,
        id: u64,
        masks: [u64; 2],
        outcome: u8,
        label: u8,
        cells: Vec<Option<u64>>,
    }

    prop_compose! {
        fn known()(
            time in 0i64..40,
            id in 1u64..1_000,
            masks: [u64; 2],
            outcome in 0u8..8,
            label in 0u8..3,
            cells in vec(proptest::option::weighted(0.8, 0u64..12), 6),
        ) -> Known {
            Known { time, id, masks, outcome, label, cells }
        }
    }

    fn check(shape: &Shape, block: &Block, expected: &[Known]) -> Result<(), TestCaseError> {
        let view = block.view(shape);
        prop_assert_eq!(view.len(), expected.len());
        for (at, known) in expected.iter().enumerate() {
            prop_assert_eq!(view.time_at(at), Some(known.time));
            prop_assert_eq!(view.known(at), (known.outcome, known.label));
            for (place, predicate) in shape.predicates().iter().enumerate() {
                let held = view.predicate_bits(place, at) & 1 == 1;
                prop_assert_eq!(held, holds(&known.masks, *predicate), "predicate {}", predicate);
            }
            for (column, kept) in shape.columns().enumerate() {
                prop_assert_eq!(view.cell(kept, column, at), known.cells[column], "column {}", column);
            }
        }
        for id in 1..1_000 {
            let place = expected.iter().rposition(|known| known.id == id);
            prop_assert_eq!(view.position_of(id), place, "the event {}", id);
        }
        Ok(())
    }

    proptest! {
        /// Against a list of entries.
        #[test]
        fn a_block_is_a_list_of_entries(
            coded in vec(any::<bool>(), 0..6),
            predicates in proptest::collection::btree_set(0u16..130, 0..5),
            steps in prop_oneof![
                3 => vec((proptest::option::of(known()), 0i64..40), 1..60),
                // Long enough for codes of two widths, and dictionaries that are cleaned again and again.
                1 => vec((proptest::option::weighted(0.7, known()), 0i64..40), 300..500),
            ],
            // How many different words there are beside the few.
            spread in prop_oneof![Just(1u64), Just(30)],
        ) {
            let mut shape = Shape::default();
            coded.iter().for_each(|coded| shape.add_column(*coded));
            predicates.iter().for_each(|number| _ = shape.predicate(*number));
            let places: Vec<usize> = (0..coded.len()).collect();
            let (mut block, mut expected) = (Block::default(), Vec::<Known>::new());
            let mut spares = Spares::default();
            let mut forgotten = None;
            for (known, time) in steps {
                match known {
                    Some(mut known) => {
                        for word in known.cells.iter_mut().flatten() {
                            *word += 12 * (known.id % spread);
                        }
                        let Known { time, id, masks, outcome, label, cells } = &known;
                        let (time, id, outcome, label) = (*time, *id, *outcome, *label);
                        let entry = Entry { time, id, masks, outcome, label };
                        block.insert(&shape, &entry, Cells { places: &places, all: cells }, &mut spares);
                        let at = expected.iter().filter(|other| other.time <= time).count();
                        expected.insert(at, known);
                    }
                    // Mostly one, sometimes many.
                    None => {
                        let time = expected.first().map_or(time, |oldest| oldest.time + time / 8);
                        let count = expected.iter().filter(|other| other.time <= time).count();
                        prop_assert_eq!(block.drop_until(&shape, time), count > 0);
                        let last = expected.drain(..count).next_back();
                        forgotten = forgotten.max(last.map(|last| last.time));
                    }
                }
                check(&shape, &block, &expected)?;
                prop_assert_eq!(block.view(&shape).forgotten_until(), forgotten);
            }
        }
    }
}
