//! A history under another policy: the same events in another shape.

use smallvec::SmallVec;

use super::{History, LabelChange, Labels};
use crate::state::block::{Block, Entry};
use crate::state::record::{Cells, Shape, View};
use crate::state::series::{Bits, Budget, Fact};
use crate::state::spares::Spares;

/// From one shape to another: where each new predicate and series was before.
#[derive(Clone, Copy)]
pub(crate) struct Reshape<'a> {
    pub(crate) before: &'a Shape,
    pub(crate) after: &'a Shape,
    pub(crate) predicates: &'a [Option<usize>],
    pub(crate) budget: &'a Budget,
    pub(crate) series: &'a [Option<usize>],
}

impl History {
    /// The same history in another shape; `judge` says which of the new predicates hold for an entry, `cell` what a
    /// new column has for an event of that time and with those cells.
    pub(crate) fn reshaped(
        &self,
        change: &Reshape<'_>,
        mut judge: impl FnMut(&Remembered<'_>, &mut Vec<bool>),
        cell: impl Fn(usize, i64, &dyn Fn(usize) -> Option<u64>) -> Option<u64>,
    ) -> History {
        let Reshape { before, after, predicates, budget, series } = *change;
        let view = self.view(before);
        let (mut held, mut masks) = (Vec::new(), Vec::new());
        let mut all: SmallVec<[Option<u64>; 16]> = SmallVec::new();
        let places: SmallVec<[usize; 16]> = (0..after.columns.len()).collect();
        let (mut block, mut spares) = (Block::default(), Spares::default());
        for (at, (time, id)) in view.times().iter().zip(view.ids()).enumerate() {
            let kept = |column: usize| view.cell(before.column(column)?, column, at);
            all.clear();
            all.extend(places.iter().map(|column| cell(*column, *time as i64, &kept)));
            let (outcome, label) = view.known(at);
            judge(&Remembered { view, at, label, before: None }, &mut held);
            after.mark(&held, &mut masks);
            let entry = Entry { time: *time as i64, id: *id, masks: &masks, outcome, label };
            block.insert(after, &entry, Cells { places: &places, all: &all }, &mut spares);
        }
        if let Some(time) = view.forgotten_until() {
            block.forget_until(after, time);
        }
        let mut likely = 0;
        let labels = self.labels().iter().filter_map(|change| {
            let at = change.position(&view, likely)?;
            likely = at + 1;
            let entry = Remembered { view, at, label: change.label_before, before: Some(&change.before) };
            judge(&entry, &mut held);
            Some(LabelChange { before: held.iter().copied().collect(), ..change.clone() })
        });
        let labels: Labels = labels.collect();
        // Of events that are folded only those series know that had their conditions before.
        let bits = |bits: &Bits| -> Bits {
            let bit = |from: &Option<usize>| from.is_some_and(|from| bits.get(from).is_some_and(|bit| *bit));
            predicates.iter().map(bit).collect()
        };
        let fact = |fact: &Fact| {
            let kept = |column: usize| fact.cells.get(column).copied().flatten();
            let cells = (0..after.columns.len()).map(|column| cell(column, fact.time, &kept));
            Fact { time: fact.time, bits: bits(&fact.bits), cells: cells.collect() }
        };
        let panes = self.panes().map(|panes| panes.reshaped(&budget.series, series, fact, bits));
        let mut history = History::of(block, labels, None);
        if let Some(mut panes) = panes {
            history.show_all(after, budget, &mut panes);
            let (block, labels, _) = history.into_parts();
            history = History::of(block, labels, Some(panes));
        }
        history
    }
}

/// An entry as one history remembers it, with what is known of it now or was before a label.
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
