//! Labels of a history's events, and what the events were like before they were known.

use std::collections::VecDeque;

use crate::state::codec::{Reader, Writer};
use crate::state::panes::{room, shrink, spilled};
use crate::state::record::View;
use crate::state::series::{Bits, INLINE_BITS};

/// Labels of one event whose times are told apart; of more, the first take effect with the next.
const MOST_CHANGES: usize = 4;

/// Bits that a label changed, for questions about the time before it was known.
#[derive(Clone, Debug)]
pub(super) struct LabelChange {
    pub(super) id: u64,
    /// When the event happened: it is looked for among those of that time.
    pub(super) time: i64,
    pub(super) at: i64,
    pub(super) label_before: u8,
    pub(super) before: Bits,
}

impl LabelChange {
    /// Where the event stands. Labels mostly come in the order of their events, so `likely` is looked at first.
    pub(super) fn position(&self, view: &View<'_>, likely: usize) -> Option<usize> {
        let ids = view.ids();
        if ids.get(likely) == Some(&self.id) {
            return Some(likely);
        }
        let first = view.count_until(self.time.saturating_sub(1));
        let same = ids.get(first..view.count_until(self.time))?;
        same.iter().position(|id| *id == self.id).map(|at| first + at)
    }
}

/// In the order in which they were learnt; those of one event are also in that in which they take effect.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    changes: VecDeque<LabelChange>,
}

/// Those of a history without.
pub(super) static NO_LABELS: Labels = Labels { changes: VecDeque::new() };

impl Labels {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.number(self.changes.len() as u32);
        for change in &self.changes {
            to.word(change.id);
            to.time(change.at);
            to.byte(change.label_before);
            to.flags(&change.before);
        }
    }

    /// Labels as they were written, of a history with these entries.
    pub(super) fn read(view: &View<'_>, from: &mut Reader<'_>) -> Option<Labels> {
        let count = from.count(21)?;
        let mut times: Vec<(u64, u64)> = Vec::new();
        if count > 0 {
            times.extend(view.ids().iter().copied().zip(view.times().iter().copied()));
            times.sort_unstable();
        }
        let mut labels = Labels::default();
        for _ in 0..count {
            let (id, at, label_before) = (from.word()?, from.time()?, from.byte()?);
            let before = from.flags()?.into();
            let known = times.get(times.partition_point(|(known, _)| *known < id));
            if let Some((_, time)) = known.filter(|(known, _)| *known == id) {
                labels.changes.push_back(LabelChange { id, time: *time as i64, at, label_before, before });
            }
        }
        Some(labels)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &LabelChange> {
        self.changes.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut LabelChange> {
        self.changes.iter_mut()
    }

    /// Bytes of the heap that they take; all are of one shape.
    pub(super) fn bytes(&self) -> usize {
        let predicates = self.changes.front().map_or(0, |first| first.before.len());
        bytes(self.changes.len(), predicates)
    }

    /// Bytes that those of so many events can take.
    pub(super) fn most_bytes(events: usize, predicates: usize) -> usize {
        bytes(events * MOST_CHANGES, predicates)
    }

    /// Drops all for which that holds.
    pub(super) fn drop_all(&mut self, gone: impl Fn(&LabelChange) -> bool) {
        // Nearly always they are those that were learnt first.
        while self.changes.front().is_some_and(&gone) {
            self.changes.pop_front();
        }
        if self.changes.iter().any(&gone) {
            self.changes.retain(|change| !gone(change));
        }
        shrink(&mut self.changes);
    }

    /// Adds one that takes effect after all others of its event.
    pub(super) fn push(&mut self, new: LabelChange) {
        let mut own = self.changes.iter().enumerate().filter(|(_, change)| change.id == new.id);
        let (first, many) = (own.next(), own.count() + 1 >= MOST_CHANGES);
        if let Some((at, first)) = first.filter(|_| many) {
            let LabelChange { id, label_before, ref before, .. } = *first;
            let before = before.clone();
            self.changes.remove(at);
            if let Some(next) = self.changes.iter_mut().find(|change| change.id == id) {
                (next.label_before, next.before) = (label_before, before);
            }
        }
        self.changes.push_back(new);
    }

    /// The entries whose label was learnt after `time`, in their order, with their bits from before.
    pub(super) fn undone(&self, view: &View<'_>, time: i64, undone: &mut Vec<Undone>) {
        undone.clear();
        let mut likely = 0;
        for change in self.changes.iter().filter(|change| change.at > time) {
            if let Some(at) = change.position(view, likely) {
                likely = at + 1;
                undone.push(Undone { at, before: change.before.clone() });
            }
        }
        // To sort takes memory.
        if !undone.is_sorted_by_key(|change| change.at) {
            undone.sort_by_key(|change| change.at);
        }
        // Before the first label that was not known yet, none was.
        undone.dedup_by_key(|change| change.at);
    }
}

fn bytes(count: usize, predicates: usize) -> usize {
    room(count) * size_of::<LabelChange>() + count * spilled(predicates, INLINE_BITS)
}

impl FromIterator<LabelChange> for Labels {
    fn from_iter<I: IntoIterator<Item = LabelChange>>(changes: I) -> Labels {
        Labels { changes: changes.into_iter().collect() }
    }
}

/// An entry whose predicates were otherwise at the time of a question.
#[derive(Clone, Debug)]
pub(crate) struct Undone {
    pub(super) at: usize,
    pub(super) before: Bits,
}

impl Undone {
    /// Corrects the bits of a predicate, which are of the 64 entries from `from` on. What is undone is in the order of
    /// its entries.
    pub(crate) fn correct(undone: &[Undone], predicate: usize, from: usize, bits: u64) -> u64 {
        let first = undone.partition_point(|change| change.at < from);
        let inside = undone.iter().skip(first).take_while(|change| change.at < from + 64);
        inside.fold(bits, |bits, change| {
            let bit = 1u64 << (change.at - from);
            if change.before.get(predicate).is_some_and(|before| *before) { bits | bit } else { bits & !bit }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smallvec::smallvec;

    use super::*;
    use crate::state::block::{Block, Entry};
    use crate::state::record::{Cells, Shape};
    use crate::state::spares::Spares;

    proptest! {
        /// In whatever order labels are learnt, each question sees what it would if every label were looked for among
        /// all entries and tried one after the other.
        #[test]
        fn what_is_undone_is_what_was_not_known(
            times in proptest::collection::vec(0i64..40, 1..200),
            learnt in proptest::collection::vec((1u64..220, 0i64..60, any::<bool>()), 0..120),
            in_order: bool,
            (time, dropped) in (0i64..60, 0i64..20),
        ) {
            let mut shape = Shape::default();
            shape.predicate(0);
            let (mut block, mut spares) = (Block::default(), Spares::default());
            for (number, time) in times.iter().enumerate() {
                let entry = Entry { time: *time, id: number as u64 + 1, masks: &[0], outcome: 0, label: 0 };
                block.insert(&shape, &entry, Cells { places: &[], all: &[] }, &mut spares);
            }
            let mut labels = Labels::default();
            let mut learnt = learnt;
            if in_order {
                learnt.sort_unstable_by_key(|(id, ..)| (times.get(*id as usize - 1).copied(), *id));
            }
            for (id, at, before) in learnt {
                let Some(time) = times.get(id as usize - 1).copied() else { continue };
                labels.drop_all(|change| change.id == id && change.at >= at);
                labels.push(LabelChange { id, time, at, label_before: 0, before: smallvec![before] });
                prop_assert!(labels.iter().filter(|change| change.id == id).count() <= MOST_CHANGES);
            }
            block.drop_until(&shape, dropped);
            labels.drop_all(|change| change.time <= dropped);
            let view = block.view(&shape);
            prop_assert!(labels.iter().all(|change| view.position_of(change.id).is_some()));

            let mut undone = Vec::new();
            labels.undone(&view, time, &mut undone);
            for from in (0..view.len()).step_by(64) {
                let bits = 0x5555_5555_5555_5555;
                let expected = labels.iter().rev().filter(|change| change.at > time).fold(bits, |bits, change| {
                    let at = view.position_of(change.id).filter(|at| (from..from + 64).contains(at));
                    let bit = at.map_or(0, |at| 1u64 << (at - from));
                    if change.before[0] { bits | bit } else { bits & !bit }
                });
                prop_assert_eq!(Undone::correct(&undone, 0, from, bits), expected);
            }

            let mut written = Vec::new();
            labels.write(&mut Writer(&mut written));
            let read = Labels::read(&view, &mut Reader(&written)).unwrap();
            let all = |labels: &Labels| format!("{labels:?}");
            prop_assert_eq!((all(&read), read.bytes()), (all(&labels), labels.bytes()));
        }
    }
}
