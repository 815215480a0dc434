//! Panes that sum events up by counts, sums, extremes and the like.

use std::collections::VecDeque;

use super::codec::{Reader, Writer};
use super::panes::{MOST_COMPOSITES, ensure_pane, first_from, room, shrink};
use super::series::{Fact, Kind, SeriesPlan, Tally};

/// The panes of one series, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Tallies {
    panes: VecDeque<Pane>,
    /// All panes together, where a tally can be taken out of another to the bit; worked out when an event comes. A
    /// window holds nearly all panes that are kept, so to take away those before it is to read few of them.
    whole: Option<Tally>,
}

#[derive(Clone, Copy, Debug)]
struct Pane {
    /// The pane's number, and which composite it is of.
    place: (i64, u64),
    tally: Tally,
}

impl Tallies {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.number(self.panes.len() as u32);
        for Pane { place: (index, key), tally } in &self.panes {
            to.time(*index);
            to.word(*key);
            tally.write(to);
        }
    }

    /// Panes as they were written; `None` when the bytes are not as they should be.
    pub(super) fn read(from: &mut Reader<'_>) -> Option<Tallies> {
        let panes = (0..from.count(40)?)
            .map(|_| Some(Pane { place: (from.time()?, from.word()?), tally: Tally::read(from)? }));
        let panes = panes.collect::<Option<VecDeque<Pane>>>()?;
        let is_sorted = panes.iter().is_sorted_by_key(|pane| pane.place);
        is_sorted.then_some(Tallies { panes, whole: None })
    }

    pub(super) fn bytes(&self) -> usize {
        Tallies::bytes_of(self.panes.len())
    }

    /// Bytes of so many panes.
    pub(super) fn bytes_of(panes: usize) -> usize {
        room(panes) * size_of::<Pane>()
    }

    /// How many panes there are.
    pub(super) fn size(&self) -> usize {
        self.panes.len()
    }

    /// Has the processor fetch the panes that an event changes or a window begins with; what comes back means nothing.
    pub(super) fn touch(&self) -> u64 {
        let ends = [self.panes.front(), self.panes.back()];
        ends.into_iter().flatten().fold(0, |all, pane| all ^ pane.place.1)
    }

    /// Takes in an event of `key`. Panes before `oldest` are over.
    pub(super) fn add(&mut self, plan: &SeriesPlan, key: u64, fact: &Fact, oldest: i64) {
        if plan.is_exact() && self.whole.is_none() {
            self.whole = Some(self.merged(plan, key, 0, i64::MAX));
        }
        let panes = self.panes.len();
        while self.panes.front().is_some_and(|pane| pane.place.0 < oldest)
            && let Some(over) = self.panes.pop_front()
        {
            self.whole.iter_mut().for_each(|whole| *whole = whole.without(&over.tally));
        }
        if self.panes.len() < panes {
            shrink(&mut self.panes);
        }
        let index = plan.pane(fact.time);
        if index < oldest {
            return;
        }
        let new = Pane { place: (index, key), tally: Tally::default() };
        let most = if plan.same.is_empty() { usize::MAX } else { MOST_COMPOSITES };
        let at = ensure_pane(&mut self.panes, most, |pane| pane.place, new);
        let one = Tally::of(plan, fact.time, plan.word(fact));
        let changed = at.and_then(|at| self.panes.get_mut(at)).map(|pane| &mut pane.tally);
        changed.into_iter().chain(&mut self.whole).for_each(|tally| tally.merge(plan, &one));
    }

    /// Takes an event out again, where that can be done.
    pub(super) fn subtract(&mut self, plan: &SeriesPlan, key: u64, fact: &Fact) {
        let place = (plan.pane(fact.time), key);
        let Ok(at) = self.panes.binary_search_by_key(&place, |pane| pane.place) else { return };
        let Some(pane) = self.panes.get_mut(at) else { return };
        let before = pane.tally;
        pane.tally.subtract(plan, &Tally::of(plan, fact.time, plan.word(fact)));
        if let Some(whole) = &mut self.whole {
            *whole = whole.without(&before);
            whole.merge(plan, &pane.tally);
        }
    }

    /// The panes of one composite become another's; false when there are none.
    pub(super) fn rename(&mut self, plan: &SeriesPlan, before: u64, after: u64) -> bool {
        let renamed: Vec<Pane> = self.panes.iter().copied().filter(|pane| pane.place.1 == before).collect();
        if renamed.is_empty() {
            return false;
        }
        self.panes.retain(|pane| pane.place.1 != before);
        for Pane { place: (index, _), mut tally } in renamed {
            let new = Pane { place: (index, after), tally: Tally::default() };
            let at = ensure_pane(&mut self.panes, usize::MAX, |pane| pane.place, new);
            if let Some(pane) = at.and_then(|at| self.panes.get_mut(at)) {
                tally.merge(plan, &pane.tally);
                pane.tally = tally;
            }
        }
        true
    }

    /// What the panes from `from` to `to` hold of `key`.
    pub(super) fn tally(&self, plan: &SeriesPlan, key: u64, (from, to): (i64, i64)) -> Tally {
        let first = first_from(&self.panes, |pane| pane.place.0, from);
        if let Some(whole) = &self.whole {
            let behind = self.panes.iter().rev().take_while(|pane| pane.place.0 > to);
            let most = self.panes.len() / 2;
            if first + behind.clone().take(most).count() < most {
                let outside = self.panes.iter().take(first).chain(behind);
                return outside.fold(*whole, |all, pane| all.without(&pane.tally));
            }
        }
        self.merged(plan, key, first, to)
    }

    /// The same, one pane after the other.
    fn merged(&self, plan: &SeriesPlan, key: u64, first: usize, to: i64) -> Tally {
        let inside = self.panes.range(first..).take_while(|pane| pane.place.0 <= to);
        let own = inside.filter(|pane| pane.place.1 == key).map(|pane| &pane.tally);
        let mut all = Tally::default();
        if plan.kind == Kind::Count {
            all.count = own.map(|tally| tally.count).sum();
        } else {
            own.for_each(|tally| all.merge(plan, tally));
        }
        all
    }

    /// Of the oldest or newest events of each pane, the time of the first one after `time` and no later than `until`.
    pub(super) fn edge_after(&self, plan: &SeriesPlan, key: u64, (time, until): (i64, i64)) -> Option<i64> {
        let first = first_from(&self.panes, |pane| pane.place.0, plan.pane(time.saturating_add(1)));
        let own = self.panes.range(first..).filter(|pane| pane.place.1 == key);
        let edges = own.filter_map(|pane| pane.tally.edge()).map(|(time, _)| time);
        edges.take_while(|edge| *edge <= until).find(|edge| *edge > time)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever came and went, what all panes are together less those outside is what those inside are.
        #[test]
        fn a_window_is_the_whole_without_the_rest(
            steps in proptest::collection::vec((0i64..400, -1_000i64..1_000, any::<bool>()), 1..200),
            counts: bool,
            (from, length) in (0i64..60, 0i64..60),
        ) {
            let kind = if counts { Kind::Count } else { Kind::Sum };
            let plan = SeriesPlan { width: 10, ..SeriesPlan::of_kind(kind, false) };
            prop_assert!(plan.is_exact());
            let mut tallies = Tallies::default();
            let mut clock = 0i64;
            for (time, value, takes) in steps {
                let fact = Fact { time, cells: [Some(value as u64)].into_iter().collect(), ..Fact::default() };
                if takes {
                    tallies.subtract(&plan, 0, &fact);
                } else {
                    clock = clock.max(time);
                    tallies.add(&plan, 0, &fact, plan.pane(clock - 250));
                }
                let found = tallies.tally(&plan, 0, (from, from + length));
                let first = tallies.panes.partition_point(|pane| pane.place.0 < from);
                let expected = tallies.merged(&plan, 0, first, from + length);
                prop_assert_eq!((found.count, found.sum()), (expected.count, expected.sum()));
                let whole = tallies.whole.map(|whole| (whole.count, whole.sum()));
                let panes = tallies.merged(&plan, 0, 0, i64::MAX);
                prop_assert!(whole.is_none_or(|whole| whole == (panes.count, panes.sum())));
            }
        }
    }
}
