//! Panes: stretches of time, a 64th of a window each, that sum up events for which a history has no room.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::codec::{Reader, Writer};
use super::history::Learnt;
use super::record::Shape;
use super::rekeying::Rekeying;
use super::sample::Sample;
use super::series::{Bits, Fact, INLINE_BITS, INLINE_CELLS, Kind, SeriesPlan, Tally};
use super::tallies::Tallies;

/// Panes that the composites of one entity share in a series; the oldest go when there are more.
pub(super) const MOST_COMPOSITES: usize = 1_024;

/// Labels of one entity that wait for their time; what takes effect last is lost when there are more.
pub(super) const MOST_PENDING: usize = 512;

/// Series that stand in place.
const INLINE_SERIES: usize = 8;

/// What is left of the events that have left a history.
#[derive(Clone, Debug)]
pub(crate) struct Panes {
    folded_until: i64,
    /// Beside each other and all else: what finds a history's panes is fetched at once.
    series: SmallVec<[Series; INLINE_SERIES]>,
    /// Labels that take effect later, the next one first.
    pending: VecDeque<Pending>,
}

#[derive(Clone, Debug)]
enum Series {
    Tallies(Tallies),
    Sample(Sample),
}

/// A label of a folded event.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) id: u64,
    /// When it takes effect.
    pub(super) at: i64,
    pub(super) label_before: u8,
    pub(super) label: u8,
    /// The event's bits before it does.
    pub(super) before: Bits,
    /// The event with its bits from then on.
    pub(super) fact: Fact,
}

impl Pending {
    /// Bytes of so many.
    pub(super) fn bytes(count: usize, predicates: usize, columns: usize) -> usize {
        let bits = 2 * spilled(predicates, INLINE_BITS);
        let cells = spilled(columns, INLINE_CELLS) * size_of::<Option<u64>>();
        room(count) * size_of::<Pending>() + count * (bits + cells)
    }
}

/// The place of a pane, or where it would be. Panes are in order; nearly always it is the last one.
pub(super) fn find_pane<T>(
    panes: &VecDeque<T>,
    place: impl Fn(&T) -> (i64, u64),
    wanted: (i64, u64),
) -> Result<usize, usize> {
    match panes.back().map(&place) {
        Some(last) if last == wanted => Ok(panes.len() - 1),
        Some(last) if last > wanted => panes.binary_search_by_key(&wanted, place),
        _ => Err(panes.len()),
    }
}

/// The place of a pane, added when it is new: of more than `most` the oldest goes before, so that there is never room
/// for more. `None` when that is the new one.
pub(super) fn ensure_pane<T>(
    panes: &mut VecDeque<T>,
    most: usize,
    place: impl Fn(&T) -> (i64, u64),
    new: T,
) -> Option<usize> {
    let at = match find_pane(panes, &place, place(&new)) {
        Ok(at) => return Some(at),
        Err(at) => at,
    };
    let over = (panes.len() + 1).saturating_sub(most);
    let at = at.checked_sub(over)?;
    panes.drain(..over);
    panes.insert(at, new);
    Some(at)
}

/// The room that so many items are counted with: a function of their number alone, so that a history is as large when
/// it was restored as before. What holds them doubles from four.
pub(super) fn room(items: usize) -> usize {
    if items == 0 { 0 } else { items.next_power_of_two().max(4) }
}

/// The same of what stands in place up to a number.
pub(super) fn spilled(items: usize, inline: usize) -> usize {
    if items > inline { items.next_power_of_two() } else { 0 }
}

/// Room for so many items is not let go: where events come now and then, panes go and come again with each of them.
const KEPT: usize = 64;

/// Lets memory go that is more than twice of what is counted.
pub(super) fn shrink<T>(items: &mut VecDeque<T>) {
    let room = room(items.len());
    if items.capacity() > KEPT.max(2 * room) {
        items.shrink_to(room);
    }
}

/// The first pane that is not before `from`. Where panes follow one another without gaps it is known by counting
/// from the last one.
pub(super) fn first_from<T>(panes: &VecDeque<T>, index: impl Fn(&T) -> i64, from: i64) -> usize {
    let Some(last) = panes.back().map(&index) else { return 0 };
    let wanted = usize::try_from(last.saturating_sub(from).saturating_add(1).max(0));
    let guess = panes.len().saturating_sub(wanted.unwrap_or(usize::MAX));
    let is_before = |at: usize| panes.get(at).is_some_and(|pane| index(pane) < from);
    if !is_before(guess) && (guess == 0 || is_before(guess - 1)) {
        return guess;
    }
    panes.partition_point(|pane| index(pane) < from)
}

impl Series {
    fn new(plan: &SeriesPlan) -> Series {
        match plan.kind {
            Kind::Distinct => Series::Sample(Sample::new(plan)),
            _ => Series::Tallies(Tallies::default()),
        }
    }

    /// Takes in an event that the series picks under `key`.
    fn add(&mut self, plan: &SeriesPlan, key: u64, fact: &Fact, folded_until: i64) {
        let oldest = plan.oldest_pane(folded_until);
        match self {
            Series::Sample(sample) => sample.add(key, plan.pane(fact.time), plan.word(fact), oldest),
            Series::Tallies(tallies) => tallies.add(plan, key, fact, oldest),
        }
    }

    /// Takes an event out again, where that can be done.
    fn subtract(&mut self, plan: &SeriesPlan, key: u64, fact: &Fact) {
        if let Series::Tallies(tallies) = self {
            tallies.subtract(plan, key, fact);
        }
    }

    /// Replaces the words of an event; says whether there were any.
    fn rekey(&mut self, plan: &SeriesPlan, rekeying: &Rekeying) -> bool {
        let (keys, right) = rekeying.keys(plan).unwrap_or_default();
        match self {
            Series::Sample(sample) => {
                let words = plan.column.into_iter().flat_map(|column| rekeying.of_column(column));
                let renamed =
                    keys.into_iter().fold(false, |renamed, key| sample.rename(key, right) | renamed);
                words.fold(renamed, |done, (before, after)| sample.replace(before, after, false) | done)
            }
            // Of identifiers a tally knows no more than under which of them it is.
            Series::Tallies(tallies) => {
                keys.into_iter().fold(false, |renamed, key| tallies.rename(plan, key, right) | renamed)
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Series::Sample(sample) => sample.bytes(),
            Series::Tallies(tallies) => tallies.bytes(),
        }
    }
}

impl Panes {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.time(self.folded_until);
        for series in &self.series {
            match series {
                Series::Tallies(tallies) => {
                    to.byte(0);
                    tallies.write(to);
                }
                Series::Sample(sample) => {
                    to.byte(1);
                    sample.write(to);
                }
            }
        }
        to.number(self.pending.len() as u32);
        for pending in &self.pending {
            to.word(pending.id);
            to.time(pending.at);
            to.byte(pending.label_before);
            to.byte(pending.label);
            to.flags(&pending.before);
            pending.fact.write(to);
        }
    }

    /// Panes as they were written, with so many series; `None` when the bytes are not as they should be.
    pub(super) fn read(series: usize, from: &mut Reader<'_>) -> Option<Panes> {
        let folded_until = from.time()?;
        let all = (0..series).map(|_| match from.byte()? {
            0 => Tallies::read(from).map(Series::Tallies),
            _ => Sample::read(from).map(Series::Sample),
        });
        let all = all.collect::<Option<SmallVec<[Series; INLINE_SERIES]>>>()?;
        let pending = (0..from.count(34)?).map(|_| {
            Some(Pending {
                id: from.word()?,
                at: from.time()?,
                label_before: from.byte()?,
                label: from.byte()?,
                before: from.flags()?.into(),
                fact: Fact::read(from)?,
            })
        });
        Some(Panes { folded_until, series: all, pending: pending.collect::<Option<_>>()? })
    }

    pub(super) fn new(plans: &[SeriesPlan]) -> Panes {
        // Nothing is folded yet.
        Panes { folded_until: -1, series: plans.iter().map(Series::new).collect(), pending: VecDeque::new() }
    }

    /// The latest time of an event that has been folded.
    pub(crate) fn folded_until(&self) -> i64 {
        self.folded_until
    }

    /// Has the processor fetch what says where the panes are; what comes back means nothing.
    pub(super) fn touch_series(&self) -> u64 {
        self.series.iter().fold(0, |all, series| {
            all ^ match series {
                Series::Tallies(tallies) => tallies.size(),
                Series::Sample(sample) => sample.size(),
            } as u64
        })
    }

    /// Has the processor fetch the panes that an event with such cells changes; what comes back means nothing.
    pub(super) fn touch(&self, plans: &[SeriesPlan], cell: impl Fn(usize) -> Option<u64>) -> u64 {
        self.series.iter().zip(plans).fold(0, |all, (series, plan)| {
            all ^ match series {
                Series::Tallies(tallies) => tallies.touch(),
                Series::Sample(sample) => sample.touch(plan.column.and_then(&cell)),
            }
        })
    }

    /// Bytes of the heap that the panes take.
    pub(super) fn bytes(&self) -> usize {
        // All are of one shape.
        let pending = self.pending.front().map_or(0, |first| {
            let (predicates, columns) = (first.fact.bits.len(), first.fact.cells.len());
            Pending::bytes(self.pending.len(), predicates, columns)
        });
        Panes::listed_bytes(self.series.len())
            + pending
            + self.series.iter().map(Series::bytes).sum::<usize>()
    }

    /// Bytes of so many series, but for what they hold.
    pub(super) fn listed_bytes(series: usize) -> usize {
        spilled(series, INLINE_SERIES) * size_of::<Series>()
    }

    /// Samples see every event, whether it is folded or not; more than once does no harm.
    pub(super) fn see(&mut self, plans: &[SeriesPlan], fact: &Fact) {
        let until = self.folded_until;
        for (series, plan) in
            self.series.iter_mut().zip(plans).filter(|(_, plan)| plan.kind == Kind::Distinct)
        {
            if let Some(key) = plan.picks(fact, &fact.bits) {
                series.add(plan, key, fact, until);
            }
        }
    }

    /// Takes in an event that leaves the history; samples have seen it.
    pub(super) fn fold(&mut self, plans: &[SeriesPlan], fact: &Fact) {
        self.folded_until = self.folded_until.max(fact.time);
        for (series, plan) in
            self.series.iter_mut().zip(plans).filter(|(_, plan)| plan.kind != Kind::Distinct)
        {
            if let Some(key) = plan.picks(fact, &fact.bits) {
                series.add(plan, key, fact, self.folded_until);
            }
        }
    }

    /// Replaces the words of an event; says whether there were any.
    pub(super) fn rekey(&mut self, plans: &[SeriesPlan], rekeying: &Rekeying) -> bool {
        let mut done = false;
        for pending in &mut self.pending {
            done |= rekeying.id(&mut pending.id) | rekeying.fact(&mut pending.fact);
        }
        for (series, plan) in self.series.iter_mut().zip(plans) {
            done |= series.rekey(plan, rekeying);
        }
        done
    }

    /// An event that was seen under the previous key is about to be seen under the present one: where a sample is
    /// thinned out, its values go to where they are seen last. Those of windows that end in the past stay.
    pub(super) fn rekey_samples(&mut self, plans: &[SeriesPlan], rekeying: &Rekeying, bits: &[bool]) {
        let fact = Fact { time: 0, bits: Bits::default(), cells: rekeying.after.clone() };
        for (series, plan) in self.series.iter_mut().zip(plans) {
            if let (Series::Sample(sample), false, Some(_)) = (series, plan.delayed, plan.picks(&fact, bits))
            {
                let word = |cells: &[Option<u64>]| cells.get(plan.column?).copied().flatten();
                if let (Some(before), Some(after)) = (word(&rekeying.before), word(&rekeying.after)) {
                    sample.replace(before, after, true);
                }
            }
        }
    }

    /// The bits of a folded event become others.
    fn correct(&mut self, plans: &[SeriesPlan], before: &[bool], fact: &Fact) {
        for (series, plan) in self.series.iter_mut().zip(plans) {
            match (plan.picks(fact, before), plan.picks(fact, &fact.bits)) {
                (Some(key), None) => series.subtract(plan, key, fact),
                (None, Some(key)) => series.add(plan, key, fact, self.folded_until),
                _ => {}
            }
        }
    }

    /// A label of a folded event takes effect later, if it makes a difference.
    pub(super) fn pend(&mut self, pending: Pending) {
        if pending.before == pending.fact.bits {
            return;
        }
        let at = self.pending.partition_point(|known| known.at <= pending.at);
        if at < MOST_PENDING {
            self.pending.truncate(MOST_PENDING - 1);
            self.pending.insert(at, pending);
        }
    }

    /// Labels take effect that were learnt up to `clock`.
    pub(super) fn advance(&mut self, plans: &[SeriesPlan], clock: i64) {
        while self.pending.front().is_some_and(|pending| pending.at <= clock)
            && let Some(due) = self.pending.pop_front()
        {
            self.correct(plans, &due.before, &due.fact);
        }
        shrink(&mut self.pending);
    }

    /// Takes in what was learnt about a folded event, as [`History::revise`](super::History::revise) does for others.
    pub(super) fn revise(
        &mut self,
        shape: &Shape,
        plans: &[SeriesPlan],
        learnt: &Learnt<'_>,
        cells: &[Option<u64>],
        clock: i64,
    ) {
        let own = |pending: &Pending| pending.id == learnt.id;
        let next = self.pending.iter().find(|pending| own(pending));
        let mut label = next.map_or(learnt.label_before, |next| next.label_before);
        let mut before = match next {
            Some(next) => next.before.clone(),
            None => Learnt::bits(shape, learnt.before, label),
        };
        let fact = |label: u8| Fact {
            time: learnt.time,
            bits: Learnt::bits(shape, learnt.by_label, label),
            cells: cells.into(),
        };
        self.correct(plans, &before, &fact(label));
        before = fact(label).bits;
        if let Some((_, at)) = learnt.label {
            // An earlier label that takes effect later than this one never takes effect.
            self.pending.retain(|pending| !own(pending) || pending.at < at);
        }
        for pending in self.pending.iter_mut().filter(|pending| own(pending)) {
            pending.before = fact(pending.label_before).bits;
            pending.fact = fact(pending.label);
            (label, before) = (pending.label, pending.fact.bits.clone());
        }
        match learnt.label {
            Some((new, at)) if at > clock => {
                let (id, label_before) = (learnt.id, label);
                self.pend(Pending { id, at, label_before, label: new, before, fact: fact(new) });
            }
            Some((new, _)) => self.correct(plans, &before, &fact(new)),
            None => {}
        }
    }

    /// What a series holds of the panes from one to another.
    pub(crate) fn tally(&self, number: usize, plan: &SeriesPlan, key: u64, panes: (i64, i64)) -> Tally {
        match self.series.get(number) {
            Some(Series::Tallies(tallies)) => tallies.tally(plan, key, panes),
            _ => Tally::default(),
        }
    }

    /// Of the oldest or newest events of each pane, the time of the first one after a time and no later than another.
    pub(crate) fn edge_after(
        &self,
        number: usize,
        plan: &SeriesPlan,
        key: u64,
        range: (i64, i64),
    ) -> Option<i64> {
        match self.series.get(number) {
            Some(Series::Tallies(tallies)) => tallies.edge_after(plan, key, range),
            _ => None,
        }
    }

    /// How many different words a series saw in the panes from `from` to `to` and in the event that is scored.
    pub(crate) fn distinct(
        &self,
        number: usize,
        key: u64,
        panes: (i64, i64),
        current: Option<u64>,
        scratch: &mut Vec<u64>,
    ) -> u64 {
        match self.series.get(number) {
            Some(Series::Sample(sample)) => sample.estimate(key, panes, current, scratch),
            _ => 0,
        }
    }

    /// Adds words that a series saw in the panes from `from` to `to` until there are `most` of them, those that it saw
    /// last; says whether there are more.
    pub(crate) fn recent(
        &self,
        number: usize,
        key: u64,
        panes: (i64, i64),
        most: usize,
        words: &mut Vec<u64>,
    ) -> bool {
        match self.series.get(number) {
            Some(Series::Sample(sample)) => sample.recent(key, panes, most, words),
            _ => false,
        }
    }

    /// The panes of another policy: `series` says where each new one was before. Others start empty.
    pub(super) fn reshaped(
        &self,
        plans: &[SeriesPlan],
        series: &[Option<usize>],
        fact: impl Fn(&Fact) -> Fact,
        bits: impl Fn(&Bits) -> Bits,
    ) -> Panes {
        let kept = |(plan, from): (&SeriesPlan, &Option<usize>)| {
            from.and_then(|from| self.series.get(from)).cloned().unwrap_or_else(|| Series::new(plan))
        };
        let pending = self.pending.iter().map(|pending| Pending {
            before: bits(&pending.before),
            fact: fact(&pending.fact),
            ..pending.clone()
        });
        Panes {
            folded_until: self.folded_until,
            series: plans.iter().zip(series).map(kept).collect(),
            pending: pending.collect(),
        }
    }
}
