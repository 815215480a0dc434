//! What one entity remembers: its recorded events in the order of (time, arrival).
//!
//! Words stand in columns, one behind the other in a single block, each with the same room: times, ids, then the
//! remembered cells. What is true or false of an entry stands in columns of bits. A visit touches only the columns
//! that it needs.

use smallvec::SmallVec;

use super::bits::Bits;

/// Columns of words before the cells.
const TIMES: usize = 0;
const IDS: usize = 1;
const CELLS: usize = 2;

/// Columns of bits before the predicates: the outcome's number and the label's.
const OUTCOME: std::ops::Range<usize> = 0..4;
const LABEL: std::ops::Range<usize> = 4..6;
const PREDICATES: usize = 6;

/// Cells that a table can remember.
pub(crate) const MOST_COLUMNS: usize = 64;

const FIRST_CAPACITY: usize = 4;

/// What histories of one table remember of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shape {
    /// The predicates whose bits are kept, as numbers of the policy's plan.
    pub(crate) predicates: Vec<u16>,
    /// How many cells.
    pub(crate) columns: usize,
}

impl Shape {
    fn words(&self) -> usize {
        CELLS + self.columns
    }

    fn bits(&self) -> usize {
        PREDICATES + self.predicates.len() + self.columns
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
pub(crate) fn holds(masks: &[u64], predicate: u16) -> bool {
    masks.get(usize::from(predicate / 64)).is_some_and(|word| word >> (predicate % 64) & 1 == 1)
}

/// The events of one entity.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    block: Vec<u64>,
    bits: Bits,
    capacity: usize,
    start: usize,
    length: usize,
    /// Times up to this one have been dropped.
    forgotten_until: Option<i64>,
    labels: Vec<LabelChange>,
}

/// Bits that a label changed, for questions about the time before it was known.
#[derive(Clone, Debug)]
struct LabelChange {
    id: u64,
    at: i64,
    label_before: u8,
    before: SmallVec<[bool; 16]>,
}

/// Something learnt about a recorded event.
pub(crate) struct Learnt<'a> {
    pub(crate) id: u64,
    pub(crate) outcome: u8,
    /// The label, and when it became known.
    pub(crate) label: Option<(u8, i64)>,
    /// The event's bits without a label and with each of the two.
    pub(crate) by_label: &'a [Vec<u64>; 3],
    /// The predicates that test the outcome or the label.
    pub(crate) revisable: &'a [u64],
}

impl Learnt<'_> {
    fn apply(&self, shape: &Shape, label: u8, bits: &mut [bool]) {
        let Some(masks) = self.by_label.get(usize::from(label)) else { return };
        for (bit, predicate) in bits.iter_mut().zip(&shape.predicates) {
            if holds(self.revisable, *predicate) {
                *bit = holds(masks, *predicate);
            }
        }
    }
}

/// An entry whose predicates were otherwise at the time of a question.
#[derive(Clone, Debug)]
pub(crate) struct Undone {
    at: usize,
    before: SmallVec<[bool; 16]>,
}

impl History {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    fn column(&self, column: usize) -> &[u64] {
        let from = column * self.capacity + self.start;
        self.block.get(from..from + self.length).unwrap_or(&[])
    }

    fn column_mut(&mut self, column: usize) -> &mut [u64] {
        let from = column * self.capacity + self.start;
        self.block.get_mut(from..from + self.length).unwrap_or(&mut [])
    }

    /// Times, in order. None is negative, so they compare as they are stored.
    pub(crate) fn times(&self) -> &[u64] {
        self.column(TIMES)
    }

    pub(crate) fn ids(&self) -> &[u64] {
        self.column(IDS)
    }

    /// The remembered cells of a column.
    pub(crate) fn cells(&self, column: usize) -> &[u64] {
        self.column(CELLS + column)
    }

    /// For 64 entries from `at` on: whether a predicate of the shape holds, but for what is undone.
    pub(crate) fn predicate_word(&self, predicate: usize, at: usize, undone: &[Undone]) -> u64 {
        let mut word = self.bits.word(PREDICATES + predicate, self.start + at);
        for change in undone.iter().filter(|change| (at..at + 64).contains(&change.at)) {
            let bit = 1u64 << (change.at - at);
            word = if change.before.get(predicate).is_some_and(|before| *before) {
                word | bit
            } else {
                word & !bit
            };
        }
        word
    }

    /// For 64 entries from `at` on: whether a cell has a value.
    pub(crate) fn presence_word(&self, shape: &Shape, column: usize, at: usize) -> u64 {
        self.bits.word(PREDICATES + shape.predicates.len() + column, self.start + at)
    }

    pub(crate) fn time_at(&self, at: usize) -> Option<i64> {
        self.times().get(at).map(|time| *time as i64)
    }

    /// Where the event with this id stands; events without an id are never found.
    pub(crate) fn position_of(&self, id: u64) -> Option<usize> {
        // Asked for every event and nearly always in vain: without early exits the compiler compares many at once.
        let there = |ids: &[u64]| ids.iter().fold(false, |there, known| there | (*known == id));
        if id == 0 || !there(self.ids()) { None } else { self.ids().iter().rposition(|known| *known == id) }
    }

    /// How many events are no later than `time`.
    pub(crate) fn count_until(&self, time: i64) -> usize {
        const SHORT: usize = 64;
        if time < 0 {
            return 0;
        }
        let (times, time) = (self.times(), time as u64);
        if times.last().is_none_or(|last| *last <= time) {
            // Most questions are about now.
            times.len()
        } else if times.len() <= SHORT {
            // Times have no top bit, so the difference has one exactly when the event is later: no branches.
            times.len() - times.iter().map(|known| (time.wrapping_sub(*known) >> 63) as usize).sum::<usize>()
        } else {
            times.partition_point(|known| *known <= time)
        }
    }

    /// The latest time that has been dropped.
    pub(crate) fn forgotten_until(&self) -> Option<i64> {
        self.forgotten_until
    }

    /// Puts an event that is not here yet into its place, behind those of the same time.
    pub(crate) fn insert(
        &mut self,
        shape: &Shape,
        entry: &Entry<'_>,
        cells: impl Iterator<Item = Option<u64>> + Clone,
    ) {
        let at = self.count_until(entry.time);
        self.make_room(shape);
        let (place, end) = (self.start + at, self.start + self.length);
        self.length += 1;
        let words =
            [entry.time as u64, entry.id].into_iter().chain(cells.clone().map(|cell| cell.unwrap_or(0)));
        for (number, word) in words.enumerate() {
            let column = self.column_mut(number);
            let last = column.len().saturating_sub(1);
            if at < last {
                column.copy_within(at..last, at + 1);
            }
            if let Some(place) = column.get_mut(at) {
                *place = word;
            }
        }
        let outcome = OUTCOME.map(|column| entry.outcome >> column & 1 == 1);
        let label = LABEL.map(|column| entry.label >> (column - LABEL.start) & 1 == 1);
        let predicates = shape.predicates.iter().map(|predicate| holds(entry.masks, *predicate));
        let presence = cells.map(|cell| cell.is_some());
        self.bits.insert_all(place, end, outcome.chain(label).chain(predicates).chain(presence));
    }

    /// Drops what is no later than `time`.
    pub(crate) fn forget_until(&mut self, time: i64) {
        if self.times().first().is_none_or(|first| time < *first as i64) {
            return;
        }
        let dropped = self.count_until(time);
        self.forgotten_until = self.time_at(dropped - 1).max(self.forgotten_until);
        self.start += dropped;
        self.length -= dropped;
        if !self.labels.is_empty() {
            let mut labels = std::mem::take(&mut self.labels);
            labels.retain(|change| self.position_of(change.id).is_some());
            self.labels = labels;
        }
    }

    fn number(&self, columns: std::ops::Range<usize>, at: usize) -> u8 {
        let first = columns.start;
        columns.fold(0, |number, column| {
            number | u8::from(self.bits.get(column, self.start + at)) << (column - first)
        })
    }

    fn set_number(&mut self, columns: std::ops::Range<usize>, at: usize, number: u8) {
        let first = columns.start;
        for column in columns {
            self.bits.set(column, self.start + at, number >> (column - first) & 1 == 1);
        }
    }

    /// The number of the outcome that was last learnt about an event.
    pub(crate) fn outcome_of(&self, id: u64) -> Option<u8> {
        Some(self.number(OUTCOME, self.position_of(id)?))
    }

    /// Takes in what was learnt about an event. Bits of predicates that test the outcome or the label become
    /// those of the new knowledge; questions about times before the label still see the old ones.
    pub(crate) fn revise(&mut self, shape: &Shape, learnt: &Learnt<'_>) {
        let Some(at) = self.position_of(learnt.id) else { return };
        let known_label = self.number(LABEL, at);
        for change in self.labels.iter_mut().filter(|change| change.id == learnt.id) {
            learnt.apply(shape, change.label_before, &mut change.before);
        }
        let columns = PREDICATES..PREDICATES + shape.predicates.len();
        let mut now: SmallVec<[bool; 16]> =
            columns.clone().map(|column| self.bits.get(column, self.start + at)).collect();
        learnt.apply(shape, known_label, &mut now);
        if let Some((_, label_at)) = learnt.label {
            // An earlier label that takes effect later than this one never takes effect.
            let superseded =
                self.labels.iter().position(|change| change.id == learnt.id && change.at >= label_at);
            let (label_before, before) = match superseded.and_then(|first| self.labels.get(first)) {
                Some(first) => (first.label_before, first.before.clone()),
                None => (known_label, now.clone()),
            };
            self.labels.retain(|change| change.id != learnt.id || change.at < label_at);
            if label_at > self.time_at(at).unwrap_or(label_at) {
                self.labels.push(LabelChange { id: learnt.id, at: label_at, label_before, before });
            }
        }
        let label = learnt.label.map_or(known_label, |(label, _)| label);
        learnt.apply(shape, label, &mut now);
        for (column, bit) in columns.zip(now) {
            self.bits.set(column, self.start + at, bit);
        }
        self.set_number(OUTCOME, at, learnt.outcome);
        self.set_number(LABEL, at, label);
    }

    /// The entries whose label was learnt after `time`, with their bits from before.
    pub(crate) fn undone(&self, time: i64, undone: &mut Vec<Undone>) {
        undone.clear();
        // From the newest to the oldest: the last to be applied is the first that was learnt.
        for change in self.labels.iter().rev().filter(|change| change.at > time) {
            if let Some(at) = self.position_of(change.id) {
                undone.push(Undone { at, before: change.before.clone() });
            }
        }
    }

    /// The same history in another shape: `predicates` and `columns` say where each new one was before.
    pub(crate) fn reshaped(
        &self,
        before: &Shape,
        predicates: &[Option<usize>],
        columns: &[Option<usize>],
    ) -> History {
        let room = self.length;
        let mut block = Vec::with_capacity((CELLS + columns.len()) * room);
        block.extend_from_slice(self.times());
        block.extend_from_slice(self.ids());
        for column in columns {
            match column {
                Some(column) => block.extend_from_slice(self.cells(*column)),
                None => block.extend(std::iter::repeat_n(0, room)),
            }
        }
        let kept = (0..PREDICATES).map(Some);
        let predicates_before = predicates.iter().map(|from| from.map(|from| PREDICATES + from));
        let presence =
            columns.iter().map(|from| from.map(|from| PREDICATES + before.predicates.len() + from));
        let sources = kept.chain(predicates_before).chain(presence);
        let mut bits = Bits::with_room(PREDICATES + predicates.len() + columns.len(), room);
        for (column, source) in sources.enumerate() {
            for at in 0..room {
                bits.set(column, at, source.is_some_and(|source| self.bits.get(source, self.start + at)));
            }
        }
        let labels = self.labels.iter().map(|change| LabelChange {
            before: predicates
                .iter()
                .map(|from| from.and_then(|from| change.before.get(from).copied()).unwrap_or(false))
                .collect(),
            ..change.clone()
        });
        History {
            block,
            bits,
            capacity: room,
            start: 0,
            length: room,
            forgotten_until: self.forgotten_until,
            labels: labels.collect(),
        }
    }

    fn make_room(&mut self, shape: &Shape) {
        if self.start + self.length < self.capacity {
            return;
        }
        // Dropped entries leave room at the front; less than a quarter of it would be moved for little.
        if self.start * 4 > self.capacity {
            for column in 0..shape.words() {
                let from = column * self.capacity + self.start;
                self.block.copy_within(from..from + self.length, column * self.capacity);
            }
            self.bits.shift_down(shape.bits(), self.start);
            self.start = 0;
            return;
        }
        let capacity = (self.capacity * 2).max(FIRST_CAPACITY);
        let mut block = vec![0; shape.words() * capacity];
        for column in 0..shape.words() {
            let from = self.column(column);
            if let Some(to) = block.get_mut(column * capacity..column * capacity + from.len()) {
                to.copy_from_slice(from);
            }
        }
        self.bits = self.bits.moved(shape.bits(), self.start, capacity);
        (self.block, self.capacity, self.start) = (block, capacity, 0);
    }
}
