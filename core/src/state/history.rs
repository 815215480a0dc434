//! What one entity remembers, and how it changes: events come, are learnt about, and are forgotten.

use smallvec::SmallVec;

use super::codec::{Reader, Writer};
use super::record::{Block, Incoming, MOST_ENTRIES, Shape, View};

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
    block: Block,
    labels: Labels,
}

/// Labels that take effect later, which hardly any history has.
type Labels = Option<Box<Vec<LabelChange>>>;

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
        for (bit, predicate) in bits.iter_mut().zip(shape.predicates()) {
            if holds(self.revisable, *predicate) {
                *bit = holds(masks, *predicate);
            }
        }
    }
}

/// An entry whose predicates were otherwise at the time of a question.
#[derive(Clone, Debug)]
pub(crate) struct Undone {
    pub(crate) at: usize,
    before: SmallVec<[bool; 16]>,
}

impl Undone {
    /// Corrects the bits of a predicate, which are of the 64 entries from `from` on.
    pub(crate) fn correct(undone: &[Undone], predicate: usize, from: usize, bits: u64) -> u64 {
        undone.iter().filter(|change| (from..from + 64).contains(&change.at)).fold(bits, |bits, change| {
            let bit = 1u64 << (change.at - from);
            if change.before.get(predicate).is_some_and(|before| *before) { bits | bit } else { bits & !bit }
        })
    }
}

impl History {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        self.block.write(to);
        let labels = self.labels.as_ref().map_or(&[][..], |labels| labels.as_slice());
        to.number(labels.len() as u32);
        for change in labels {
            to.word(change.id);
            to.time(change.at);
            to.byte(change.label_before);
            to.number(change.before.len() as u32);
            for bit in &change.before {
                to.byte(u8::from(*bit));
            }
        }
    }

    /// A history as it was written; `None` when it does not fit the shape.
    pub(super) fn read(shape: &Shape, from: &mut Reader<'_>) -> Option<History> {
        let block = Block::read(shape, from)?;
        let mut labels = Vec::new();
        for _ in 0..from.count(17)? {
            let (id, at, label_before) = (from.word()?, from.time()?, from.byte()?);
            let count = from.count(1)?;
            let before = from.bytes(count)?.iter().map(|byte| *byte != 0).collect();
            labels.push(LabelChange { id, at, label_before, before });
        }
        Some(History { block, labels: Some(Box::new(labels)).filter(|labels| !labels.is_empty()) })
    }

    /// How many events it holds.
    pub(crate) fn len(&self) -> usize {
        self.block.len()
    }

    /// Bytes of memory that it takes beside itself.
    pub(crate) fn bytes(&self) -> usize {
        let labels = self.labels.as_ref().map_or(0, |labels| labels.len() * size_of::<LabelChange>());
        self.block.bytes() + labels
    }

    pub(crate) fn view(&self, shape: &Shape) -> View<'_> {
        self.block.view(shape)
    }

    /// Puts an event that is not here yet into its place, behind those of the same time.
    pub(crate) fn insert(&mut self, shape: &Shape, entry: &Entry<'_>, cells: &[Option<u64>]) {
        let view = self.view(shape);
        let mut at = view.count_until(entry.time);
        if view.len() == MOST_ENTRIES {
            let oldest = view.time_at(0).unwrap_or(0);
            self.block.drop_oldest(shape, 1, oldest);
            at = at.saturating_sub(1);
        }
        let incoming = Incoming {
            time: entry.time,
            id: entry.id,
            known: (entry.outcome, entry.label),
            predicates: shape.predicates().iter().map(|predicate| holds(entry.masks, *predicate)),
            cells,
        };
        self.block.insert(shape, at, incoming);
    }

    /// Drops what is no later than `time`.
    pub(crate) fn forget_until(&mut self, shape: &Shape, time: i64) {
        let view = self.view(shape);
        // Nearly always it is nothing or the oldest one.
        let old = view.times().iter().take_while(|known| **known as i64 <= time);
        let Some((dropped, last)) = old.enumerate().last() else { return };
        let last = *last as i64;
        self.block.drop_oldest(shape, dropped + 1, last);
        if let Some(mut labels) = self.labels.take() {
            let view = self.view(shape);
            labels.retain(|change| view.position_of(change.id).is_some());
            self.labels = Some(labels).filter(|labels| !labels.is_empty());
        }
    }

    /// The number of the outcome that was last learnt about an event.
    pub(crate) fn outcome_of(&self, shape: &Shape, id: u64) -> Option<u8> {
        let view = self.view(shape);
        Some(view.known(view.position_of(id)?).0)
    }

    /// Takes in what was learnt about an event. Bits of predicates that test the outcome or the label become
    /// those of the new knowledge; questions about times before the label still see the old ones.
    pub(crate) fn revise(&mut self, shape: &Shape, learnt: &Learnt<'_>) {
        let view = self.view(shape);
        let Some(at) = view.position_of(learnt.id) else { return };
        let time = view.time_at(at);
        let mut now: SmallVec<[bool; 16]> = (0..shape.predicates().len())
            .map(|predicate| view.predicate_bits(predicate, at) & 1 == 1)
            .collect();
        let (_, known_label) = view.known(at);
        let mut labels = self.labels.take().unwrap_or_default();
        for change in labels.iter_mut().filter(|change| change.id == learnt.id) {
            learnt.apply(shape, change.label_before, &mut change.before);
        }
        learnt.apply(shape, known_label, &mut now);
        if let Some((_, label_at)) = learnt.label {
            // An earlier label that takes effect later than this one never takes effect.
            let superseded = labels.iter().position(|change| change.id == learnt.id && change.at >= label_at);
            let (label_before, before) = match superseded.and_then(|first| labels.get(first)) {
                Some(first) => (first.label_before, first.before.clone()),
                None => (known_label, now.clone()),
            };
            labels.retain(|change| change.id != learnt.id || change.at < label_at);
            if label_at > time.unwrap_or(label_at) {
                labels.push(LabelChange { id: learnt.id, at: label_at, label_before, before });
            }
        }
        self.labels = Some(labels).filter(|labels| !labels.is_empty());
        let label = learnt.label.map_or(known_label, |(label, _)| label);
        learnt.apply(shape, label, &mut now);
        for (predicate, bit) in now.into_iter().enumerate() {
            self.block.set_predicate(shape, predicate, at, bit);
        }
        self.block.set_known(shape, at, (learnt.outcome, label));
    }

    /// The entries whose label was learnt after `time`, with their bits from before.
    pub(crate) fn undone(&self, shape: &Shape, time: i64, undone: &mut Vec<Undone>) {
        undone.clear();
        let Some(labels) = &self.labels else { return };
        let view = self.view(shape);
        // From the newest to the oldest: the last to be applied is the first that was learnt.
        for change in labels.iter().rev().filter(|change| change.at > time) {
            if let Some(at) = view.position_of(change.id) {
                undone.push(Undone { at, before: change.before.clone() });
            }
        }
    }

    /// The same history in another shape: `columns` says where each new one was before, and `holds` which of the
    /// new predicates hold for an entry.
    pub(crate) fn reshaped(
        &self,
        before: &Shape,
        after: &Shape,
        columns: &[Option<usize>],
        mut holds: impl FnMut(usize, &Remembered<'_>) -> bool,
    ) -> History {
        let view = self.view(before);
        let count = after.predicates().len();
        let mut block = Block::default();
        for (at, (time, id)) in view.times().iter().zip(view.ids()).enumerate() {
            let cells: SmallVec<[Option<u64>; 16]> = columns
                .iter()
                .map(|from| from.and_then(|from| view.cell(before.column(from)?, from, at)))
                .collect();
            let known = view.known(at);
            let entry = Remembered { view, at, label: known.1, before: None };
            let predicates: SmallVec<[bool; 16]> =
                (0..count).map(|predicate| holds(predicate, &entry)).collect();
            let incoming = Incoming {
                time: *time as i64,
                id: *id,
                known,
                predicates: predicates.into_iter(),
                cells: &cells,
            };
            block.insert(after, at, incoming);
        }
        if let Some(time) = view.forgotten_until() {
            block.forget_until(after, time);
        }
        let labels = self.labels.iter().flat_map(|labels| labels.iter()).filter_map(|change| {
            let at = view.position_of(change.id)?;
            let entry = Remembered { view, at, label: change.label_before, before: Some(&change.before) };
            let before = (0..count).map(|predicate| holds(predicate, &entry)).collect();
            Some(LabelChange { before, ..change.clone() })
        });
        let labels: Vec<LabelChange> = labels.collect();
        History { block, labels: Some(Box::new(labels)).filter(|labels| !labels.is_empty()) }
    }
}

/// An entry as one history remembers it, at the time of a label or before.
pub(crate) struct Remembered<'a> {
    view: View<'a>,
    at: usize,
    label: u8,
    before: Option<&'a [bool]>,
}

impl Remembered<'_> {
    pub(crate) fn time(&self) -> i64 {
        self.view.time_at(self.at).unwrap_or(0)
    }

    /// The number of the outcome.
    pub(crate) fn outcome(&self) -> u8 {
        self.view.known(self.at).0
    }

    /// The number of the label.
    pub(crate) fn label(&self) -> u8 {
        self.label
    }

    /// Whether a predicate of the history's shape held.
    pub(crate) fn held(&self, predicate: usize) -> bool {
        match self.before {
            Some(before) => before.get(predicate).is_some_and(|held| *held),
            None => self.view.predicate_bits(predicate, self.at) & 1 == 1,
        }
    }

    /// A cell of the history's shape.
    pub(crate) fn cell(&self, shape: &Shape, column: usize) -> Option<u64> {
        self.view.cell(shape.column(column)?, column, self.at)
    }
}
