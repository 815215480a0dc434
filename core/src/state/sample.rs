//! How many different values there were, from a sample of them.
//!
//! A value's hash gives it a *band*: half of all values are in band 0, a quarter in band 1 and so on. A pane at level
//! `n` keeps the values of band `n` and above, so each that it keeps stands for `2^n`. While there is room every pane
//! is at level 0 and the count is exact. When room runs out, the panes at the lowest level give up one band.
//!
//! A value is kept with the last pane in which it was seen. The different values of a window that reaches up to now
//! are then those whose last pane is in it, and panes at different levels can be added up. A window that ends in the
//! past needs all panes of a value, which takes more room and a scan; so do composites, which come and go singly.
//!
//! The hash is of the value alone: under which composite it was seen stands beside it, and can become another. It has no
//! key, so of fields that a stranger fills with numbers of his choice the estimate is his as well; the memory is not:
//! where all values are in the last band, which none leaves, the oldest panes go.

use std::collections::VecDeque;

use super::codec::{Reader, Writer};
use super::last_seen::LastSeen;
use super::panes::{MOST_COMPOSITES, ensure_pane, find_pane, first_from, room, shrink};
use super::series::{SeriesPlan, mix, unmix};

/// Values that a sample holds.
const MOST_VALUES: usize = 2_048;
/// Pairs of a value and a pane, for a window that ends in the past and for composites.
const MOST_PAIRS: usize = 4_096;
/// The last band holds all values above it.
const BANDS: usize = 24;

/// A sample of the values that events had, and when they had them.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    panes: VecDeque<Pane>,
    /// How many values all panes keep,
    live: usize,
    /// and how many those stand for. A window holds nearly all panes that are kept, so to take away
    /// those before it is to read few of them.
    known: u64,
    values: Values,
    most_panes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Pane {
    place: (i64, u64),
    /// How many values are kept: all of its level's band and above.
    kept: u32,
    /// The same for all panes of one time.
    level: u8,
}

impl Pane {
    fn new(place: (i64, u64), level: u8) -> Pane {
        Pane { place, kept: 0, level }
    }

    /// How many values it stands for.
    fn known(&self) -> u64 {
        u64::from(self.kept) << self.level
    }
}

#[derive(Clone, Debug)]
enum Values {
    /// The last pane of each value.
    Last(LastSeen),
    /// Every pane of each value, in order: pane, key, value.
    Pairs(VecDeque<(i64, u64, u64)>),
}

impl Sample {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.number(u32::try_from(self.most_panes).unwrap_or(u32::MAX));
        to.number(self.panes.len() as u32);
        // How many values a pane keeps is written band by band.
        let mut counts = vec![[0u16; BANDS]; self.panes.len()];
        self.values.each(|index, key, value| {
            if let Some(at) = self.find(index, key)
                && let Some(count) =
                    counts.get_mut(at).and_then(|counts| counts.get_mut(usize::from(band(value))))
            {
                *count = count.saturating_add(1);
            }
        });
        for (Pane { place: (index, key), level, .. }, counts) in self.panes.iter().zip(counts) {
            to.time(*index);
            to.word(*key);
            to.byte(*level);
            counts.into_iter().for_each(|count| to.short(count));
        }
        match &self.values {
            Values::Last(table) => {
                to.byte(0);
                // Slot by slot: what is found next depends on where everything is.
                to.number(table.slots.len() as u32);
                for (value, index) in &table.slots {
                    to.word(*value);
                    to.time(*index);
                }
            }
            Values::Pairs(pairs) => {
                to.byte(1);
                to.number(pairs.len() as u32);
                for (index, key, value) in pairs {
                    to.time(*index);
                    to.word(*key);
                    to.word(*value);
                }
            }
        }
    }

    /// A sample as it was written; `None` when the bytes are not as they should be.
    pub(super) fn read(from: &mut Reader<'_>) -> Option<Sample> {
        let most_panes = match from.number()? {
            u32::MAX => usize::MAX,
            most => most as usize,
        };
        let panes = (0..from.count(17 + 2 * BANDS)?).map(|_| {
            let (place, level) = ((from.time()?, from.word()?), from.byte()?);
            let kept = (0..BANDS).try_fold(0, |kept, _| Some(kept + u32::from(from.short()?)))?;
            (usize::from(level) < BANDS).then_some(Pane { place, kept, level })
        });
        let panes = panes.collect::<Option<VecDeque<Pane>>>()?;
        let live = panes.iter().map(|pane| pane.kept as usize).sum();
        let known = panes.iter().map(Pane::known).sum();
        let values = match from.byte()? {
            0 => {
                let slots = (0..from.count(16)?).map(|_| Some((from.word()?, from.time()?)));
                let slots = slots.collect::<Option<Box<[(u64, i64)]>>>()?;
                let used = slots.iter().filter(|(value, _)| *value != 0).count();
                let fits = slots.is_empty() || slots.len().is_power_of_two() && used < slots.len();
                Values::Last(fits.then_some(LastSeen { slots, used })?)
            }
            _ => {
                let pairs = (0..from.count(24)?).map(|_| Some((from.time()?, from.word()?, from.word()?)));
                let pairs = pairs.collect::<Option<VecDeque<_>>>()?;
                Values::Pairs(pairs.iter().is_sorted().then_some(pairs)?)
            }
        };
        Some(Sample { panes, live, known, values, most_panes })
    }

    pub(super) fn new(plan: &SeriesPlan) -> Sample {
        let values =
            if is_paired(plan) { Values::Pairs(VecDeque::new()) } else { Values::Last(LastSeen::default()) };
        let most_panes = if plan.same.is_empty() { usize::MAX } else { MOST_COMPOSITES };
        Sample { panes: VecDeque::new(), live: 0, known: 0, values, most_panes }
    }

    /// How many panes there are, and how many values are kept.
    pub(super) fn size(&self) -> usize {
        self.panes.len() ^ self.live
    }

    /// Has the processor fetch the panes at both ends and the slot of a word; what comes back means nothing.
    pub(super) fn touch(&self, word: Option<u64>) -> u64 {
        let ends = [self.panes.front(), self.panes.back()];
        let slot = match (&self.values, word) {
            (Values::Last(table), Some(word)) => table.touch(spread(word)),
            _ => 0,
        };
        ends.into_iter().flatten().fold(slot, |all, pane| all ^ pane.place.1 ^ pane.level as u64)
    }

    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Last(table) => size_of_val(&*table.slots),
            Values::Pairs(pairs) => room(pairs.len()) * size_of::<(i64, u64, u64)>(),
        };
        values + room(self.panes.len()) * size_of::<Pane>()
    }

    /// Bytes that the sample of a series can take with so many panes.
    pub(super) fn most_bytes(plan: &SeriesPlan, panes: usize) -> usize {
        let values = if is_paired(plan) {
            MOST_PAIRS * size_of::<(i64, u64, u64)>()
        } else {
            2 * MOST_VALUES * size_of::<(u64, i64)>()
        };
        values + room(panes) * size_of::<Pane>()
    }

    /// An event of `key` had this word in a pane. Panes before `oldest` are over.
    pub(super) fn add(&mut self, key: u64, index: i64, word: u64, oldest: i64) {
        self.expire(oldest);
        if index < oldest {
            return;
        }
        let value = spread(word);
        let level = self.level_of(index);
        while self.panes.len() >= self.most_panes && self.find(index, key).is_none() {
            if self.panes.front().is_some_and(|oldest| oldest.place > (index, key)) {
                return;
            }
            self.drop_oldest();
        }
        ensure_pane(&mut self.panes, usize::MAX, |pane| pane.place, Pane::new((index, key), level));
        let keeps = band(value) >= level;
        match &mut self.values {
            Values::Last(table) => match table.find(value).filter(|last| *last >= index) {
                Some(_) => {}
                None => {
                    if table.is_full() {
                        table.make_room(self.panes.front().map_or(index, |first| first.place.0));
                    }
                    let last = if keeps { table.put(value, index) } else { table.remove(value) };
                    if let Some(last) = last {
                        self.count(last, key, false);
                    }
                    if keeps {
                        self.count(index, key, true);
                    }
                }
            },
            Values::Pairs(_) if keeps => self.put_pair((index, key, value)),
            Values::Pairs(_) => {}
        }
        self.make_room();
        shrink(&mut self.panes);
        if let Values::Pairs(pairs) = &mut self.values {
            shrink(pairs);
        }
    }

    /// How many different words events of `key` had in the panes from `from` to `to`, and in the event that
    /// is scored.
    pub(super) fn estimate(
        &self,
        key: u64,
        (from, to): (i64, i64),
        current: Option<u64>,
        scratch: &mut Vec<u64>,
    ) -> u64 {
        let current = current.map(spread);
        let first = first_from(&self.panes, |pane| pane.place.0, from);
        match &self.values {
            // A value that was seen again after the window was very likely seen in it, too.
            Values::Last(table) => {
                let exact = self.panes.back().is_none_or(|pane| pane.level == 0);
                let more = current.filter(|value| table.find(*value).is_none_or(|last| last < from));
                let before = self.panes.range(..first).map(Pane::known).sum::<u64>();
                self.known - before + u64::from(exact && more.is_some())
            }
            Values::Pairs(pairs) => {
                let inside = self.panes.range(first..).take_while(|pane| pane.place.0 <= to);
                let level = inside.map(|pane| pane.level).max().unwrap_or(0);
                let first = pairs.partition_point(|(index, _, _)| *index < from);
                let inside = pairs.range(first..).take_while(|(index, _, _)| *index <= to);
                let kept = inside.filter(|(_, of, value)| *of == key && band(*value) >= level);
                scratch.clear();
                scratch.extend(kept.map(|(_, _, value)| *value));
                scratch.sort_unstable();
                scratch.dedup();
                let more = current.filter(|value| level == 0 && scratch.binary_search(value).is_err());
                ((scratch.len() as u64) << level) + u64::from(more.is_some())
            }
        }
    }

    /// Adds words that events of `key` had in the panes from `from` to `to` until there are `most` of them, those that
    /// were seen last; says whether there are more, kept or not.
    pub(super) fn recent(&self, key: u64, (from, to): (i64, i64), most: usize, words: &mut Vec<u64>) -> bool {
        let first = first_from(&self.panes, |pane| pane.place.0, from);
        let mut more = self.panes.range(first..).any(|pane| pane.level > 0);
        let mut passed_over = false;
        let mut add = |value: u64| {
            let word = unmix(value);
            if !words.contains(&word) {
                let room = words.len() < most;
                words.extend(room.then_some(word));
                passed_over |= !room;
            }
        };
        match &self.values {
            Values::Last(table) => {
                let inside = self.panes.range(first..);
                let mut last = inside.clone().next().map_or(i64::MAX, |pane| pane.place.0);
                if inside.clone().map(|pane| pane.kept as usize).sum::<usize>() > most {
                    // Panes behind this one have less than that.
                    let mut many = 0;
                    let reached = inside.rev().find(|pane| {
                        many += pane.kept as usize;
                        many >= most
                    });
                    last = reached.map_or(last, |pane| pane.place.0);
                    more = true;
                }
                let known = table.slots.iter().filter(|(value, _)| *value != 0);
                known.clone().filter(|(_, pane)| *pane > last).for_each(|(value, _)| add(*value));
                known.filter(|(_, pane)| *pane == last).for_each(|(value, _)| add(*value));
            }
            Values::Pairs(pairs) => {
                let upto = pairs.partition_point(|(index, _, _)| *index <= to);
                let inside = pairs.range(..upto).rev().take_while(|(index, _, _)| *index >= from);
                inside.filter(|(_, of, _)| *of == key).for_each(|(_, _, value)| add(*value));
            }
        }
        more | passed_over
    }

    /// What was seen under one composite was seen under another; false when nothing was.
    pub(super) fn rename(&mut self, before: u64, after: u64) -> bool {
        let Values::Pairs(pairs) = &mut self.values else { return false };
        if self.panes.iter().all(|pane| pane.place.1 != before) {
            return false;
        }
        let renamed: Vec<_> = pairs.iter().copied().filter(|(_, key, _)| *key == before).collect();
        pairs.retain(|(_, key, _)| *key != before);
        let panes = self.panes.iter().copied().filter(|pane| pane.place.1 == before);
        let panes: Vec<Pane> = panes.collect();
        self.panes.retain(|pane| pane.place.1 != before);
        for pane in &panes {
            self.live -= pane.kept as usize;
            self.known -= pane.known();
            let new = Pane::new((pane.place.0, after), pane.level);
            ensure_pane(&mut self.panes, usize::MAX, |pane| pane.place, new);
        }
        for (index, _, value) in renamed {
            self.put_pair((index, after, value));
        }
        true
    }

    /// A word has become another: its value's panes are the other's. Where values are thinned out, only as `thinned`
    /// says: there the other is kept or not by a hash of its own, and both have to be seen in a later pane for the
    /// estimate to stay right.
    pub(super) fn replace(&mut self, before: u64, after: u64, thinned: bool) -> bool {
        let (before, after) = (spread(before), spread(after));
        if before == after {
            return false;
        }
        let found: Vec<(i64, u64)> = match &self.values {
            Values::Last(table) => table.find(before).map(|last| (last, 0)).into_iter().collect(),
            Values::Pairs(pairs) => {
                let own = pairs.iter().filter(|(_, _, value)| *value == before);
                own.map(|(index, key, _)| (*index, *key)).collect()
            }
        };
        let mut replaced = false;
        for (index, key) in found {
            let at = self.panes.binary_search_by_key(&(index, key), |pane| pane.place);
            // What is kept of a pane that is over will go by itself.
            let Some(level) = at.ok().and_then(|at| self.panes.get(at)).map(|pane| pane.level) else {
                continue;
            };
            if level > 0 && !thinned {
                continue;
            }
            replaced = true;
            self.count(index, key, false);
            match &mut self.values {
                Values::Last(table) => {
                    _ = table.remove(before);
                    // One more has to fit.
                    if table.used + 1 >= MOST_VALUES {
                        table.retain(|_, _| true);
                    }
                    if band(after) >= level && table.find(after).is_none_or(|last| last < index) {
                        if let Some(last) = table.put(after, index) {
                            self.count(last, key, false);
                        }
                        self.count(index, key, true);
                    }
                }
                Values::Pairs(pairs) => {
                    if let Ok(at) = pairs.binary_search(&(index, key, before)) {
                        pairs.remove(at);
                    }
                    if band(after) >= level {
                        self.put_pair((index, key, after));
                    }
                }
            }
        }
        replaced
    }

    fn put_pair(&mut self, pair: (i64, u64, u64)) {
        if let Values::Pairs(pairs) = &mut self.values
            && let Err(at) = pairs.binary_search(&pair)
        {
            pairs.insert(at, pair);
            self.count(pair.0, pair.1, true);
        }
    }

    /// The level of a time: that of its panes, and one less than before for a new one, so that levels come down again.
    fn level_of(&self, index: i64) -> u8 {
        let upto = match self.panes.back() {
            Some(last) if last.place.0 <= index => self.panes.len(),
            _ => self.panes.partition_point(|pane| pane.place.0 <= index),
        };
        match upto.checked_sub(1).and_then(|before| self.panes.get(before)) {
            Some(pane) if pane.place.0 == index => pane.level,
            Some(pane) => pane.level.saturating_sub(1),
            None => 0,
        }
    }

    /// The place of a pane.
    fn find(&self, index: i64, key: u64) -> Option<usize> {
        find_pane(&self.panes, |pane| pane.place, (index, key)).ok()
    }

    /// A pane keeps one value more, or one less of those that it keeps.
    fn count(&mut self, index: i64, key: u64, more: bool) {
        let Some(pane) = self.find(index, key).and_then(|at| self.panes.get_mut(at)) else { return };
        let kept = if more { pane.kept.checked_add(1) } else { pane.kept.checked_sub(1) };
        let Some(kept) = kept else { return };
        pane.kept = kept;
        if more {
            self.live += 1;
            self.known += 1 << pane.level;
        } else {
            self.live -= 1;
            self.known -= 1 << pane.level;
        }
    }

    fn expire(&mut self, oldest: i64) {
        while self.panes.front().is_some_and(|pane| pane.place.0 < oldest) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some(pane) = self.panes.pop_front() else { return };
        self.known -= pane.known();
        self.live -= pane.kept as usize;
        if let Values::Pairs(pairs) = &mut self.values {
            while pairs.front().is_some_and(|(index, key, _)| (*index, *key) <= pane.place) {
                pairs.pop_front();
            }
        }
    }

    /// How many values or pairs take room, also those that are over, and how many may.
    fn filled(&self) -> (usize, usize) {
        match &self.values {
            Values::Last(table) => (table.used, MOST_VALUES),
            Values::Pairs(pairs) => (pairs.len(), MOST_PAIRS),
        }
    }

    /// When the sample is full: forgets what is over, then thins the panes at the lowest level until a quarter is free.
    /// Where nothing is left to thin, the oldest panes go, so what is counted again is paid for by what comes.
    fn make_room(&mut self) {
        let (used, most) = self.filled();
        if used < most {
            return;
        }
        let enough = most / 4 * 3;
        self.recount();
        while self.live > enough && self.thin() {
            self.recount();
        }
        if self.live > enough {
            while self.live > enough {
                self.drop_oldest();
            }
            self.recount();
        }
    }

    /// Takes one band off the panes at the lowest level. False when there is none left to take.
    fn thin(&mut self) -> bool {
        let Some(lowest) = self.panes.iter().map(|pane| pane.level).min() else { return false };
        let thinned = usize::from(lowest) + 1 < BANDS;
        if thinned {
            self.panes.iter_mut().filter(|pane| pane.level == lowest).for_each(|pane| pane.level += 1);
        }
        thinned
    }

    /// Forgets values whose panes are over or no longer keep them, and counts the others.
    fn recount(&mut self) {
        let Sample { panes, values, .. } = self;
        panes.iter_mut().for_each(|pane| pane.kept = 0);
        let mut keeps = |index: i64, key: u64, value: u64| {
            let at = panes.binary_search_by_key(&(index, key), |pane| pane.place);
            let pane = at.ok().and_then(|at| panes.get_mut(at)).filter(|pane| band(value) >= pane.level);
            pane.map(|pane| pane.kept += 1).is_some()
        };
        match values {
            Values::Last(table) => table.retain(|value, index| keeps(index, 0, value)),
            Values::Pairs(pairs) => pairs.retain(|(index, key, value)| keeps(*index, *key, *value)),
        }
        self.live = panes.iter().map(|pane| pane.kept as usize).sum();
        self.known = panes.iter().map(Pane::known).sum();
    }
}

impl Values {
    /// Every value that has not been removed: pane, key, value.
    fn each(&self, mut with: impl FnMut(i64, u64, u64)) {
        match self {
            Values::Last(table) => {
                let known =
                    table.slots.iter().filter(|(value, last)| *value != 0 && *last != LastSeen::NEVER);
                known.for_each(|(value, last)| with(*last, 0, *value));
            }
            Values::Pairs(pairs) => pairs.iter().for_each(|(index, key, value)| with(*index, *key, *value)),
        }
    }
}

/// Whether a value is kept with every pane in which it was seen.
fn is_paired(plan: &SeriesPlan) -> bool {
    plan.delayed || !plan.same.is_empty()
}

/// Never 0, which stands for a free slot.
fn spread(word: u64) -> u64 {
    mix(word).max(1)
}

fn band(value: u64) -> u8 {
    (value.leading_zeros() as u8).min(BANDS as u8 - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::series::Kind;

    proptest! {
        /// Values of the last band are never thinned out: the sample stays within its bounds all the same, and each time
        /// that it counts anew a quarter of it is free.
        #[test]
        fn chosen_values_take_no_more_room(
            (delayed, composite, bounded) in any::<(bool, bool, bool)>(),
            (keys, every, back) in (1u64..4, 1u64..3_000, 0i64..4),
        ) {
            let same = if composite { vec![0] } else { Vec::new() };
            let reach = bounded.then_some(64);
            let plan = SeriesPlan { delayed, same, reach, ..SeriesPlan::of_kind(Kind::Distinct, false) };
            let mut sample = Sample::new(&plan);
            for number in 1..12_000u64 {
                let clock = (number / every) as i64;
                let key = if composite { number % keys } else { 0 };
                let index = clock - number as i64 % (back + 1);
                let oldest = plan.oldest_pane(clock);
                sample.expire(oldest);
                let (before, _) = sample.filled();
                sample.add(key, index, unmix(number), oldest);
                let (used, most) = sample.filled();
                let crowded = sample.panes.len() == sample.most_panes;
                prop_assert!(used < most && (used >= before || crowded || sample.live <= most / 4 * 3));
                prop_assert!(sample.bytes() <= Sample::most_bytes(&plan, sample.panes.len()));
            }
            let (kept, known) = (sample.panes.iter().map(|pane| pane.kept), sample.panes.iter().map(Pane::known));
            prop_assert_eq!((sample.live, sample.known), (kept.sum::<u32>() as usize, known.sum()));
        }

        /// Whatever came, went and was thinned out, what all panes keep and stand for is the sum of theirs.
        #[test]
        fn the_whole_is_its_panes(
            steps in proptest::collection::vec((0i64..120, 0u64..4, 1u64..400, 0u8..12), 1..60),
            (delayed, composite) in any::<(bool, bool)>(),
            from in 0i64..120,
        ) {
            let same = if composite { vec![0] } else { Vec::new() };
            let plan = SeriesPlan { delayed, same, ..SeriesPlan::of_kind(Kind::Distinct, false) };
            let mut sample = Sample::new(&plan);
            let (mut clock, mut word) = (0, 0);
            for (index, key, many, what) in steps {
                let key = if composite { key } else { 0 };
                clock = clock.max(index);
                match what {
                    0 => _ = sample.replace(many, 2 * many, many % 2 == 0),
                    1 => _ = sample.rename(key, key + 1),
                    // So many that the sample is full after some steps.
                    _ => (0..many).for_each(|_| {
                        word += 1 + u64::from(what == 2);
                        sample.add(key, index, word, clock - 64);
                    }),
                }
                let (kept, known) = (sample.panes.iter().map(|pane| pane.kept), sample.panes.iter().map(Pane::known));
                prop_assert_eq!((sample.live, sample.known), (kept.clone().sum::<u32>() as usize, known.sum()));
                // No value is counted that is not there.
                let mut counted = vec![0; sample.panes.len()];
                sample.values.each(|index, key, value| {
                    if let Some(at) = sample.find(index, key) {
                        counted[at] += u32::from(band(value) >= sample.panes[at].level);
                    }
                });
                prop_assert_eq!(counted, kept.collect::<Vec<_>>());
            }
            if let Values::Last(_) = sample.values {
                let inside = sample.panes.iter().filter(|pane| pane.place.0 >= from).map(Pane::known);
                let found = sample.estimate(0, (from, i64::MAX), None, &mut Vec::new());
                prop_assert_eq!(found, inside.sum::<u64>());
            }
        }
    }
}
