//! What one entity remembers, and how it changes: events come, are learnt about, and are forgotten.

mod labels;
mod reshape;

use smallvec::SmallVec;

use super::block::{Block, Entry, holds};
use super::codec::{Reader, Writer};
use super::panes::{Panes, Pending};
use super::record::{Cells, Column, Shape, View};
use super::rekeying::Rekeying;
use super::series::{Bits, Budget, Fact, SeriesPlan};
use super::spares::Spares;
pub(crate) use labels::Undone;
use labels::{LabelChange, Labels, NO_LABELS};
pub(crate) use reshape::{Remembered, Reshape};

/// The events of one entity. What hardly any history has takes no room in others, and where there is much of it, all
/// that says where it is stands in one place: each step from one to another waits for memory.
#[derive(Clone, Debug)]
pub(crate) enum History {
    /// Nothing else.
    Bare(Block),
    /// Labels take effect later.
    Labelled(Box<Labelled>),
    /// Some have left the block.
    Folded(Box<Folded>),
}

#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    block: Block,
    labels: Labels,
}

#[derive(Clone, Debug)]
pub(crate) struct Folded {
    block: Block,
    labels: Labels,
    /// What is left of the events that have left the block.
    panes: Panes,
}

impl Default for History {
    fn default() -> History {
        History::Bare(Block::default())
    }
}

/// Something learnt about a recorded event.
pub(crate) struct Learnt<'a> {
    pub(crate) id: u64,
    pub(crate) time: i64,
    pub(crate) outcome: u8,
    /// The label, and when it became known.
    pub(crate) label: Option<(u8, i64)>,
    /// The event's bits without a label and with each of the two.
    pub(crate) by_label: &'a [Vec<u64>; 3],
    /// The same with the outcome that was known before.
    pub(crate) before: &'a [Vec<u64>; 3],
    /// The label that was known before.
    pub(crate) label_before: u8,
    /// The predicates that test the outcome or the label.
    pub(crate) revisable: &'a [u64],
}

impl Learnt<'_> {
    /// The bits that a history keeps, with a label.
    pub(super) fn bits(shape: &Shape, by_label: &[Vec<u64>; 3], label: u8) -> Bits {
        let masks = by_label.get(usize::from(label));
        let bit = |predicate: &u16| masks.is_some_and(|masks| holds(masks, *predicate));
        shape.predicates().iter().map(bit).collect()
    }

    fn apply(&self, shape: &Shape, label: u8, bits: &mut [bool]) {
        let Some(masks) = self.by_label.get(usize::from(label)) else { return };
        for (bit, predicate) in bits.iter_mut().zip(shape.predicates()) {
            if holds(self.revisable, *predicate) {
                *bit = holds(masks, *predicate);
            }
        }
    }
}

impl History {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        self.block().write(to);
        self.labels().write(to);
        to.byte(u8::from(self.panes().is_some()));
        if let Some(panes) = self.panes() {
            panes.write(to);
        }
    }

    /// A history as it was written, with so many series; `None` when it does not fit the shape.
    pub(super) fn read(shape: &Shape, series: usize, from: &mut Reader<'_>) -> Option<History> {
        let block = Block::read(shape, from)?;
        let labels = Labels::read(&block.view(shape), from)?;
        let panes = if from.byte()? == 1 { Some(Panes::read(series, from)?) } else { None };
        Some(History::of(block, labels, panes))
    }

    fn of(block: Block, labels: Labels, panes: Option<Panes>) -> History {
        match panes {
            Some(panes) => History::Folded(Box::new(Folded { block, labels, panes })),
            None if labels.is_empty() => History::Bare(block),
            None => History::Labelled(Box::new(Labelled { block, labels })),
        }
    }

    fn into_parts(self) -> (Block, Labels, Option<Panes>) {
        match self {
            History::Bare(block) => (block, Labels::default(), None),
            History::Labelled(history) => (history.block, history.labels, None),
            History::Folded(history) => (history.block, history.labels, Some(history.panes)),
        }
    }

    #[inline(always)]
    fn block(&self) -> &Block {
        match self {
            History::Bare(block) => block,
            History::Labelled(history) => &history.block,
            History::Folded(history) => &history.block,
        }
    }

    #[inline(always)]
    fn block_mut(&mut self) -> &mut Block {
        match self {
            History::Bare(block) => block,
            History::Labelled(history) => &mut history.block,
            History::Folded(history) => &mut history.block,
        }
    }

    /// Has the processor fetch the entries, or what says where they and the panes are; what comes back means nothing.
    #[inline(always)]
    pub(crate) fn touch(&self) -> u64 {
        match self {
            History::Bare(block) => block.touch(),
            History::Labelled(history) => history.block.touch(),
            History::Folded(history) => history.panes.touch_series() ^ history.block.bytes() as u64,
        }
    }

    /// Whether there are panes, as the slot alone says.
    pub(crate) fn is_folded(&self) -> bool {
        matches!(self, History::Folded(_))
    }

    /// Has the processor fetch the entries, and the panes that an event with such cells changes.
    #[inline(always)]
    pub(crate) fn touch_folded(&self, budget: &Budget, cell: impl Fn(usize) -> Option<u64>) -> u64 {
        match self {
            History::Folded(history) => history.block.touch() ^ history.panes.touch(&budget.series, cell),
            _ => 0,
        }
    }

    /// The memory of its entries, for other histories.
    pub(super) fn into_memory(self) -> Box<[u64]> {
        self.into_parts().0.into_memory()
    }

    /// How many events it holds exactly.
    pub(crate) fn len(&self) -> usize {
        self.block().len()
    }

    pub(crate) fn view(&self, shape: &Shape) -> View<'_> {
        self.block().view(shape)
    }

    fn labels(&self) -> &Labels {
        match self {
            History::Bare(_) => &NO_LABELS,
            History::Labelled(history) => &history.labels,
            History::Folded(history) => &history.labels,
        }
    }

    /// What is left of the events that have left the block.
    #[inline(always)]
    pub(crate) fn panes(&self) -> Option<&Panes> {
        match self {
            History::Folded(history) => Some(&history.panes),
            _ => None,
        }
    }

    fn panes_mut(&mut self) -> Option<&mut Panes> {
        match self {
            History::Folded(history) => Some(&mut history.panes),
            _ => None,
        }
    }

    /// Every event that it remembers is in the block, with the label that was known of it at a time.
    #[inline(always)]
    pub(crate) fn is_bare(&self, time: i64) -> bool {
        match self {
            History::Bare(_) => true,
            History::Labelled(history) => history.labels.iter().all(|change| change.at <= time),
            History::Folded(_) => false,
        }
    }

    /// Bytes of the heap that the history takes.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> usize {
        match self {
            History::Bare(block) => block.bytes(),
            _ => self.bytes_of_all(),
        }
    }

    #[inline(never)]
    fn bytes_of_all(&self) -> usize {
        let own = match self {
            History::Bare(_) => 0,
            History::Labelled(_) => size_of::<Labelled>(),
            History::Folded(history) => size_of::<Folded>() + history.panes.bytes(),
        };
        self.block().bytes() + own + self.labels().bytes()
    }

    /// Bytes of the heap that a history can take beside its block and its series.
    pub(super) fn most_bytes(events: usize, predicates: usize) -> usize {
        size_of::<Folded>() + Labels::most_bytes(events, predicates)
    }

    /// Puts an event that is not here yet into its place, behind those of the same time.
    pub(crate) fn insert(
        &mut self,
        (shape, budget): (&Shape, &Budget),
        entry: &Entry<'_>,
        cells: Cells<'_>,
        spares: &mut Spares,
    ) {
        if self.is_folded() || self.len() >= budget.events {
            return self.insert_folding((shape, budget), entry, cells, spares);
        }
        self.block_mut().insert(shape, entry, cells, spares);
    }

    /// Puts an event into a history that has outgrown its budget: the oldest makes room and goes into panes.
    #[cold]
    #[inline(never)]
    fn insert_folding(
        &mut self,
        (shape, budget): (&Shape, &Budget),
        entry: &Entry<'_>,
        cells: Cells<'_>,
        spares: &mut Spares,
    ) {
        if !self.is_folded() {
            let mut panes = Panes::new(&budget.series);
            self.show_all(shape, budget, &mut panes);
            let (block, labels, _) = std::mem::take(self).into_parts();
            *self = History::of(block, labels, Some(panes));
        }
        if let History::Folded(history) = self {
            history.insert((shape, budget), entry, cells, spares);
        }
    }

    /// The time of the newest event.
    fn clock(&self, shape: &Shape) -> i64 {
        clock(&self.view(shape))
    }

    /// Panes that start now have to see every entry.
    fn show_all(&self, shape: &Shape, budget: &Budget, panes: &mut Panes) {
        let (view, mut undone) = (self.view(shape), Vec::new());
        self.undone(shape, self.clock(shape), &mut undone);
        let mut undone = undone.into_iter().peekable();
        for at in 0..view.len() {
            let Some(mut fact) = Fact::of_entry(shape, &view, at) else { continue };
            if let Some(known) = undone.next_if(|change| change.at == at) {
                fact.bits = known.before;
            }
            panes.see(&budget.series, &fact);
        }
    }

    /// Drops what is no later than `time`.
    pub(crate) fn forget_until(&mut self, shape: &Shape, time: i64) {
        match self {
            History::Bare(block) => _ = block.drop_until(shape, time),
            _ => self.forget_all(shape, time),
        }
    }

    /// The same when something is known beside the block.
    #[cold]
    #[inline(never)]
    fn forget_all(&mut self, shape: &Shape, time: i64) {
        let dropped = self.block_mut().drop_until(shape, time);
        let folded = self.panes().map(Panes::folded_until).filter(|folded| *folded <= time);
        if !dropped && folded.is_none() {
            return;
        }
        if let Some(folded) = folded {
            self.block_mut().forget_until(shape, folded);
        }
        match self {
            History::Folded(history) if folded.is_none() => {
                history.labels.drop_all(|change| change.time <= time);
            }
            _ => {
                let (block, mut labels, _) = std::mem::take(self).into_parts();
                labels.drop_all(|change| change.time <= time);
                *self = History::of(block, labels, None);
            }
        }
    }

    /// When an event happened, and the numbers of the outcome and the label that were last learnt about it.
    pub(crate) fn known(&self, shape: &Shape, id: u64) -> Option<(i64, u8, u8)> {
        let view = self.view(shape);
        let at = view.position_of(id)?;
        let (outcome, label) = view.known(at);
        Some((view.time_at(at)?, outcome, label))
    }

    /// Takes in what was learnt about an event. Bits of predicates that test the outcome or the label become
    /// those of the new knowledge; questions about times before the label still see the old ones.
    pub(crate) fn revise(&mut self, shape: &Shape, budget: &Budget, learnt: &Learnt<'_>, cells: Cells<'_>) {
        let view = self.view(shape);
        let Some(at) = view.position_of(learnt.id) else {
            return self.revise_folded(shape, budget, learnt, cells);
        };
        let time = view.time_at(at).unwrap_or(learnt.time);
        let mut now: Bits = (0..shape.predicates().len())
            .map(|predicate| view.predicate_bits(predicate, at) & 1 == 1)
            .collect();
        let (_, known_label) = view.known(at);
        let clock = self.clock(shape);
        let (mut block, mut labels, mut panes) = std::mem::take(self).into_parts();
        for change in labels.iter_mut().filter(|change| change.id == learnt.id) {
            learnt.apply(shape, change.label_before, &mut change.before);
        }
        learnt.apply(shape, known_label, &mut now);
        if let Some((_, label_at)) = learnt.label {
            // An earlier label that takes effect later than this one never takes effect.
            let superseded = |change: &LabelChange| change.id == learnt.id && change.at >= label_at;
            let (label_before, before) = match labels.iter().find(|change| superseded(change)) {
                Some(first) => (first.label_before, first.before.clone()),
                None => (known_label, now.clone()),
            };
            labels.drop_all(superseded);
            if label_at > time {
                labels.push(LabelChange { id: learnt.id, time, at: label_at, label_before, before });
            }
        }
        let label = learnt.label.map_or(known_label, |(label, _)| label);
        learnt.apply(shape, label, &mut now);
        for (predicate, bit) in now.into_iter().enumerate() {
            block.set_predicate(shape, predicate, at, bit);
        }
        block.set_known(shape, at, (learnt.outcome, label));
        if let Some(panes) = &mut panes {
            let fact = fact_at(shape, &block.view(shape), at, &labels, clock);
            fact.iter().for_each(|fact| panes.see(&budget.series, fact));
        }
        *self = History::of(block, labels, panes);
    }

    /// Corrects the panes for an event that they may hold.
    #[cold]
    fn revise_folded(&mut self, shape: &Shape, budget: &Budget, learnt: &Learnt<'_>, cells: Cells<'_>) {
        let clock = self.clock(shape);
        if let Some(panes) = self.panes_mut().filter(|panes| learnt.time <= panes.folded_until()) {
            let cells: SmallVec<[Option<u64>; 16]> = cells.iter().collect();
            panes.revise(shape, &budget.series, learnt, &cells, clock);
        }
    }

    /// Whether any of these cells, which are kept in dictionaries, has the word in some entry.
    pub(crate) fn mentions(&self, shape: &Shape, columns: &[usize], word: u64) -> bool {
        let numbers = columns.iter().filter_map(|column| match shape.column(*column) {
            Some(Column::Coded(number)) => Some(number),
            _ => None,
        });
        numbers.into_iter().any(|number| self.block().holds_word(shape, number, word))
    }

    /// Puts another word in its place in all of them.
    pub(crate) fn replace(&mut self, shape: &Shape, columns: &[usize], word: u64, by: u64) {
        for column in columns {
            if let Some(Column::Coded(number)) = shape.column(*column) {
                self.block_mut().replace_word(shape, number, word, by);
            }
        }
    }

    /// Replaces an event's id and identifiers; says whether there were any.
    pub(crate) fn rekey(&mut self, shape: &Shape, budget: &Budget, rekeying: &Rekeying) -> bool {
        let mut done = self.block_mut().replace_id(shape, rekeying);
        for (column, before, after) in &rekeying.words {
            if self.mentions(shape, &[*column], *before) {
                self.replace(shape, &[*column], *before, *after);
                done = true;
            }
        }
        let labels = match self {
            History::Bare(_) => return done,
            History::Labelled(history) => &mut history.labels,
            History::Folded(history) => {
                done |= history.panes.rekey(&budget.series, rekeying);
                &mut history.labels
            }
        };
        for change in labels.iter_mut() {
            done |= rekeying.id(&mut change.id);
        }
        done
    }

    /// The event is about to be seen by samples, with these bits of the plan's predicates.
    pub(crate) fn rekey_samples(
        &mut self,
        shape: &Shape,
        budget: &Budget,
        rekeying: &Rekeying,
        masks: &[u64],
    ) {
        if let Some(panes) = self.panes_mut() {
            let bits = shape.predicates().iter().map(|predicate| holds(masks, *predicate));
            panes.rekey_samples(&budget.series, rekeying, &bits.collect::<Bits>());
        }
    }

    /// The entries whose label was learnt after `time`, in their order, with their bits from before.
    #[inline]
    pub(crate) fn undone(&self, shape: &Shape, time: i64, undone: &mut Vec<Undone>) {
        undone.clear();
        if !self.labels().is_empty() {
            self.labels().undone(&self.view(shape), time, undone);
        }
    }
}

impl Folded {
    /// Puts an event into its place, or into the panes when that is where it belongs.
    fn insert(
        &mut self,
        (shape, budget): (&Shape, &Budget),
        entry: &Entry<'_>,
        cells: Cells<'_>,
        spares: &mut Spares,
    ) {
        let plans = &budget.series;
        let clock_before = clock(&self.block.view(shape));
        let clock = clock_before.max(entry.time);
        self.see_labelled(shape, plans, (clock_before, clock));
        let bits = shape.predicates().iter().map(|predicate| holds(entry.masks, *predicate));
        let fact = Fact { time: entry.time, bits: bits.collect(), cells: cells.iter().collect() };
        self.panes.see(plans, &fact);
        // Another policy may have had room for more. They go first: what is before them belongs to the panes, too.
        while self.block.len() > budget.events.max(1) {
            self.fold_oldest(shape, budget, clock);
        }
        let view = self.block.view(shape);
        let full = view.len() >= budget.events;
        if entry.time < self.panes.folded_until() || full && view.count_until(entry.time) == 0 {
            self.panes.fold(plans, &fact);
        } else {
            if full {
                self.fold_oldest(shape, budget, clock);
            }
            self.block.insert(shape, entry, cells, spares);
        }
        self.panes.advance(plans, clock);
    }

    /// Samples see the entries whose labels take effect after one time and up to another.
    fn see_labelled(&mut self, shape: &Shape, plans: &[SeriesPlan], (after, upto): (i64, i64)) {
        let Folded { block, labels, panes } = self;
        let is_due = |change: &&LabelChange| change.at > after && change.at <= upto;
        if !labels.iter().any(|change| is_due(&change)) {
            return;
        }
        let (view, mut undone, mut likely) = (block.view(shape), Vec::new(), 0);
        labels.undone(&view, upto, &mut undone);
        for change in labels.iter().filter(is_due) {
            let Some(at) = change.position(&view, likely) else { continue };
            likely = at + 1;
            let Some(mut fact) = Fact::of_entry(shape, &view, at) else { continue };
            if let Ok(later) = undone.binary_search_by_key(&at, |later| later.at) {
                undone.get(later).into_iter().for_each(|later| fact.bits.clone_from(&later.before));
            }
            panes.see(plans, &fact);
        }
    }

    /// Moves the oldest entry into the panes, as it is known at `clock`.
    fn fold_oldest(&mut self, shape: &Shape, budget: &Budget, clock: i64) {
        let Folded { block, labels, panes } = self;
        let view = block.view(shape);
        let Some(mut fact) = Fact::of_entry(shape, &view, 0) else { return };
        let id = view.ids().first().copied().unwrap_or(0);
        let (_, mut label) = view.known(0);
        for change in labels.iter().rev().filter(|change| change.id == id && change.at > clock) {
            let before = change.before.clone();
            let (at, label_before) = (change.at, change.label_before);
            panes.pend(Pending { id, at, label_before, label, before: before.clone(), fact: fact.clone() });
            (label, fact.bits) = (label_before, before);
        }
        labels.drop_all(|change| change.id == id);
        panes.fold(&budget.series, &fact);
        block.drop_oldest(1);
    }
}

/// The time of the newest event.
fn clock(view: &View<'_>) -> i64 {
    view.times().last().map_or(0, |time| *time as i64)
}

/// An entry without the labels that are learnt after `clock`.
fn fact_at(shape: &Shape, view: &View<'_>, at: usize, labels: &Labels, clock: i64) -> Option<Fact> {
    let mut fact = Fact::of_entry(shape, view, at)?;
    let id = view.ids().get(at).copied().filter(|id| *id != 0);
    if let Some(later) = labels.iter().find(|change| Some(change.id) == id && change.at > clock) {
        fact.bits.clone_from(&later.before);
    }
    Some(fact)
}

#[cfg(test)]
mod tests;
