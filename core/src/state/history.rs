//! What one entity remembers: its recorded events in the order of (time, arrival).
//!
//! Columns stand one behind the other in a single block, each with the same room: times, ids, flags, one column
//! for every 64 predicates, then the remembered cells. A visit touches only the columns that it needs.

use smallvec::SmallVec;

/// Columns before the predicates' bits.
const TIMES: usize = 0;
const IDS: usize = 1;
const FLAGS: usize = 2;
const MASKS: usize = 3;

/// Cells that a table can remember: their presence shares a word with the outcome and the label.
pub(crate) const MOST_COLUMNS: usize = 48;
const OUTCOME_SHIFT: u32 = 48;
const LABEL_SHIFT: u32 = 56;

const FIRST_CAPACITY: usize = 4;

/// One event on its way into a history.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) time: i64,
    pub(crate) id: u64,
    pub(crate) masks: &'a [u64],
    pub(crate) outcome: u8,
    pub(crate) label: u8,
}

/// The events of one entity.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    block: Vec<u64>,
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
    before: SmallVec<[u64; 2]>,
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
    fn apply(&self, label: u8, masks: &mut [u64]) {
        let Some(new) = self.by_label.get(usize::from(label)) else { return };
        for ((mask, new), revisable) in masks.iter_mut().zip(new).zip(self.revisable) {
            *mask = *mask & !revisable | new & revisable;
        }
    }
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

    /// Bit `c` says whether column `c` has a value.
    pub(crate) fn flags(&self) -> &[u64] {
        self.column(FLAGS)
    }

    /// The bits of predicates `64 * word` and following.
    pub(crate) fn masks(&self, word: usize) -> &[u64] {
        self.column(MASKS + word)
    }

    /// The remembered cells of a column.
    pub(crate) fn cells(&self, column: usize, mask_words: usize) -> &[u64] {
        self.column(MASKS + mask_words + column)
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
        if times.len() <= SHORT {
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
    pub(crate) fn insert(&mut self, entry: &Entry<'_>, cells: impl Iterator<Item = Option<u64>> + Clone) {
        let width = MASKS + entry.masks.len() + cells.clone().count();
        let at = self.count_until(entry.time);
        self.make_room(width);
        self.length += 1;
        let presence =
            cells.clone().enumerate().fold(0, |bits, (i, cell)| bits | u64::from(cell.is_some()) << i);
        let flags =
            presence | u64::from(entry.outcome) << OUTCOME_SHIFT | u64::from(entry.label) << LABEL_SHIFT;
        let words = [entry.time as u64, entry.id, flags]
            .into_iter()
            .chain(entry.masks.iter().copied())
            .chain(cells.map(|cell| cell.unwrap_or(0)));
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
    }

    /// Drops what is no later than `time`.
    pub(crate) fn forget_until(&mut self, time: i64) {
        let dropped = self.count_until(time);
        if dropped == 0 {
            return;
        }
        self.forgotten_until = self.time_at(dropped - 1).max(self.forgotten_until);
        self.start += dropped;
        self.length -= dropped;
        if !self.labels.is_empty() {
            let mut labels = std::mem::take(&mut self.labels);
            labels.retain(|change| self.position_of(change.id).is_some());
            self.labels = labels;
        }
    }

    /// The number of the outcome that was last learnt about an event.
    pub(crate) fn outcome_of(&self, id: u64) -> Option<u8> {
        let flags = self.flags().get(self.position_of(id)?)?;
        Some((flags >> OUTCOME_SHIFT) as u8)
    }

    /// Takes in what was learnt about an event. Bits of predicates that test the outcome or the label become
    /// those of the new knowledge; questions about times before the label still see the old ones.
    pub(crate) fn revise(&mut self, learnt: &Learnt<'_>) {
        let Some(at) = self.position_of(learnt.id) else { return };
        let flags = self.flags().get(at).copied().unwrap_or(0);
        let known_label = (flags >> LABEL_SHIFT) as u8;
        for change in self.labels.iter_mut().filter(|change| change.id == learnt.id) {
            learnt.apply(change.label_before, &mut change.before);
        }
        let mut now = SmallVec::<[u64; 2]>::new();
        for word in 0..learnt.revisable.len() {
            now.push(self.masks(word).get(at).copied().unwrap_or(0));
        }
        learnt.apply(known_label, &mut now);
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
        learnt.apply(label, &mut now);
        for (word, mask) in now.into_iter().enumerate() {
            if let Some(place) = self.column_mut(MASKS + word).get_mut(at) {
                *place = mask;
            }
        }
        if let Some(place) = self.column_mut(FLAGS).get_mut(at) {
            let kept = flags & ((1 << OUTCOME_SHIFT) - 1);
            *place = kept | u64::from(learnt.outcome) << OUTCOME_SHIFT | u64::from(label) << LABEL_SHIFT;
        }
    }

    /// Makes an event count as if a predicate's bits were these: for a policy that was swapped in.
    pub(crate) fn rebuild(&self, width: usize, mut words: impl FnMut(usize, usize) -> u64) -> History {
        let mut rebuilt = History {
            block: vec![0; width * self.length],
            capacity: self.length,
            start: 0,
            length: self.length,
            forgotten_until: self.forgotten_until,
            labels: Vec::new(),
        };
        for column in 0..width {
            for (at, place) in rebuilt.column_mut(column).iter_mut().enumerate() {
                *place = words(column, at);
            }
        }
        rebuilt
    }

    /// All predicates' bits as they were at `time`, one column after the other, if a label came later.
    pub(crate) fn masks_before_labels<'a>(
        &self,
        time: i64,
        mask_words: usize,
        copy: &'a mut Vec<u64>,
    ) -> Option<&'a [u64]> {
        if self.labels.iter().all(|change| change.at <= time) {
            return None;
        }
        copy.clear();
        for word in 0..mask_words {
            copy.extend_from_slice(self.masks(word));
        }
        // Undone from the newest to the oldest.
        for change in self.labels.iter().rev().filter(|change| change.at > time) {
            let Some(at) = self.position_of(change.id) else { continue };
            for (word, before) in change.before.iter().enumerate() {
                if let Some(mask) = copy.get_mut(word * self.length + at) {
                    *mask = *before;
                }
            }
        }
        Some(copy)
    }

    fn make_room(&mut self, width: usize) {
        if self.start + self.length < self.capacity {
            return;
        }
        // Dropped entries leave room at the front; less than a quarter of it would be moved for little.
        if self.start * 4 > self.capacity {
            for column in 0..width {
                let from = column * self.capacity + self.start;
                self.block.copy_within(from..from + self.length, column * self.capacity);
            }
            self.start = 0;
            return;
        }
        let capacity = (self.capacity * 2).max(FIRST_CAPACITY);
        let mut block = vec![0; width * capacity];
        for column in 0..width {
            let from = self.column(column);
            if let Some(to) = block.get_mut(column * capacity..column * capacity + from.len()) {
                to.copy_from_slice(from);
            }
        }
        (self.block, self.capacity, self.start) = (block, capacity, 0);
    }
}
