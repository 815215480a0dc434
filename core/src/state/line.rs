//! The order in which the entities of a shard are evicted.

use std::collections::VecDeque;

/// The places of slots in the order in which their entities came. Whoever leaves from the midst leaves a gap, so that
/// nobody is looked for; it goes when those before it have gone, or when there are many. Until then the place is free
/// for nobody.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The first one is no gap.
    places: VecDeque<u32>,
    /// Hardly any line has some, and a shard has four lines of memory for all that it is.
    gaps: Option<Box<Gaps>>,
}

/// Which places are gaps.
#[derive(Debug, Default)]
struct Gaps {
    /// One bit for each place.
    bits: Vec<u64>,
    many: usize,
}

/// One in so many places may be a gap when somebody leaves.
const GAPS: usize = 8;

impl Line {
    fn many(&self) -> usize {
        self.gaps.as_ref().map_or(0, |gaps| gaps.many)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.many()
    }

    pub(super) fn front(&self) -> Option<u32> {
        self.places.front().copied()
    }

    /// The last place, or a gap.
    pub(super) fn back(&self) -> Option<u32> {
        self.places.back().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let is_gap = |place| self.gaps.as_ref().is_some_and(|gaps| gaps.has(place));
        self.places.iter().copied().filter(move |place| !is_gap(*place))
    }

    pub(super) fn push_back(&mut self, place: u32) {
        self.places.push_back(place);
    }

    pub(super) fn push_front(&mut self, place: u32) {
        self.places.push_front(place);
    }

    /// Takes the first one away; gaps behind it become free.
    pub(super) fn pop_front(&mut self, free: &mut Vec<u32>) -> Option<u32> {
        let place = self.places.pop_front()?;
        if self.gaps.is_some() {
            self.close_front(free);
        }
        Some(place)
    }

    #[cold]
    fn close_front(&mut self, free: &mut Vec<u32>) {
        let Line { places, gaps } = self;
        let Some(known) = gaps else { return };
        while let Some(place) = places.front().copied().filter(|place| known.has(*place)) {
            places.pop_front();
            known.set(place, false);
            free.push(place);
        }
        if known.many == 0 {
            *gaps = None;
        }
    }

    /// Somebody leaves, wherever he stands; his place becomes free sooner or later.
    pub(super) fn leave(&mut self, place: u32, free: &mut Vec<u32>) {
        if self.front() == Some(place) {
            _ = self.pop_front(free);
            free.push(place);
        } else {
            self.gaps.get_or_insert_default().set(place, true);
        }
        if self.many() * GAPS > self.places.len() {
            self.close(free);
        }
    }

    /// Takes all away for whom that does not hold.
    pub(super) fn keep(&mut self, is_kept: impl Fn(u32) -> bool, free: &mut Vec<u32>) -> Vec<u32> {
        self.close(free);
        let (kept, gone) = std::mem::take(&mut self.places).into_iter().partition(|place| is_kept(*place));
        self.places = kept;
        gone.into()
    }

    fn close(&mut self, free: &mut Vec<u32>) {
        let Some(gaps) = self.gaps.take() else { return };
        self.places.retain(|place| {
            let gap = gaps.has(*place);
            free.extend(Some(*place).filter(|_| gap));
            !gap
        });
    }
}

impl Gaps {
    fn has(&self, place: u32) -> bool {
        self.bits.get((place / 64) as usize).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    fn set(&mut self, place: u32, gap: bool) {
        let (word, bit) = ((place / 64) as usize, 1 << (place % 64));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if let Some(word) = self.bits.get_mut(word) {
            *word = if gap { *word | bit } else { *word & !bit };
        }
        self.many = if gap { self.many + 1 } else { self.many - 1 };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against one in which everybody is looked for. Few places are nobody's and not free.
        #[test]
        fn a_line_is_a_queue(steps in proptest::collection::vec((0u8..8, any::<usize>()), 1..400)) {
            let (mut line, mut free, mut known) = (Line::default(), Vec::new(), VecDeque::new());
            let mut places = 0;
            for (what, which) in steps {
                match what {
                    0..=3 => {
                        let place = free.pop().unwrap_or_else(|| {
                            places += 1;
                            places - 1
                        });
                        prop_assert!(!known.contains(&place));
                        line.push_back(place);
                        known.push_back(place);
                    }
                    4 => {
                        let place = line.pop_front(&mut free);
                        prop_assert_eq!(place, known.pop_front());
                        if which % 2 == 0 {
                            place.into_iter().for_each(|place| {
                                line.push_front(place);
                                known.push_front(place);
                            });
                        } else {
                            free.extend(place);
                        }
                    }
                    5 if which % 16 == 0 => {
                        let gone = line.keep(|place| place % 3 != 0, &mut free);
                        prop_assert!(gone.iter().eq(known.iter().filter(|place| **place % 3 == 0)));
                        known.retain(|place| place % 3 != 0);
                        free.extend(gone);
                    }
                    _ if known.is_empty() => {}
                    _ => {
                        let place = known.remove(which % known.len());
                        place.into_iter().for_each(|place| line.leave(place, &mut free));
                        prop_assert!(line.many() * GAPS <= line.places.len());
                    }
                }
                prop_assert_eq!((line.len(), line.front()), (known.len(), known.front().copied()));
                prop_assert!(line.iter().eq(known.iter().copied()));
                prop_assert_eq!(places as usize, free.len() + known.len() + line.many());
            }
        }
    }
}
