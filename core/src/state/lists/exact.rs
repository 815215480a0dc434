//! Identifiers of one list: 14 bytes each, found by their tokens with hardly more than one access to memory.
//!
//! 60 bits of a token tell a member from others. The first 12 choose one of 4,096 parts, the other 48 are kept. A part
//! is a row of places in the order of those bits, a tenth of them free, so that each member stands close to where its
//! bits say. A part never changes: another takes its place in a copy of all this, which shares the other parts.
//!
//! Among ten million members, a stranger is taken for one of them once in 10^11 questions.

use std::iter;
use std::sync::Arc;

use super::shared::Shared;
use crate::event::token::Token;

const PART_BITS: u32 = 12;
pub(super) const PARTS: usize = 1 << PART_BITS;
const MARK_BITS: u32 = 48;
/// Of so many places all but one are taken.
const PLACES_OF_FREE: usize = 10;

/// Later than any event.
const LATEST: u64 = (1 << MARK_BITS) - 3;
/// Expiry of what never expires, and of a place that is free.
const NEVER: u64 = LATEST + 1;
const FREE: u64 = LATEST + 2;

/// What a list keeps of a member's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

impl Mark {
    pub(crate) fn of(token: Token) -> Mark {
        Mark((token.0 >> (128 - PART_BITS - MARK_BITS)) as u64)
    }

    /// As written by [`word`](Mark::word).
    pub(crate) fn of_word(word: u64) -> Option<Mark> {
        (word >> (PART_BITS + MARK_BITS) == 0).then_some(Mark(word))
    }

    pub(crate) fn word(self) -> u64 {
        self.0
    }

    pub(super) fn part(self) -> usize {
        (self.0 >> MARK_BITS) as usize
    }

    fn rest(self) -> u64 {
        self.0 & ((1 << MARK_BITS) - 1)
    }
}

/// A member's class and the first millisecond at which it no longer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) class: u16,
    expires: i64,
}

impl Terms {
    pub(crate) fn new(class: u16, expires: Option<i64>) -> Terms {
        Terms { class, expires: expires.map_or(i64::MAX, |expires| expires.clamp(0, LATEST as i64)) }
    }

    pub(crate) fn expires(self) -> Option<i64> {
        Some(self.expires).filter(|expires| *expires != i64::MAX)
    }

    pub(crate) fn counts_at(self, time: i64) -> bool {
        time < self.expires
    }
}

/// One place. 48 bits that tell its member, 16 of its class, 48 of its expiry.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(2))]
struct Place {
    word: u64,
    expires_low: u32,
    expires_high: u16,
}

impl Place {
    /// Its bits come behind all others, so that a search ends here.
    const FREE: Place = Place { word: u64::MAX, expires_low: FREE as u32, expires_high: (FREE >> 32) as u16 };

    fn new(mark: Mark, terms: Terms) -> Place {
        let expires = terms.expires().map_or(NEVER, |expires| expires as u64);
        let word = mark.rest() << 16 | u64::from(terms.class);
        Place { word, expires_low: expires as u32, expires_high: (expires >> 32) as u16 }
    }

    fn expires(&self) -> u64 {
        u64::from(self.expires_high) << 32 | u64::from(self.expires_low)
    }

    fn is_free(&self) -> bool {
        self.expires() == FREE
    }

    fn rest(&self) -> u64 {
        self.word >> 16
    }

    fn terms(&self) -> Terms {
        let expires = self.expires();
        Terms::new(self.word as u16, (expires != NEVER).then_some(expires as i64))
    }
}

/// Members whose tokens begin alike.
#[derive(Clone, Debug, Default)]
struct Part {
    count: usize,
    /// The places that members are spread over; a few more follow.
    span: usize,
    places: Arc<[Place]>,
}

impl Part {
    /// Of members in the order of their marks.
    fn new(members: &[Place]) -> Part {
        let count = members.len();
        let span = count + count.div_ceil(PLACES_OF_FREE - 1);
        let next = |after: usize, member: &Place| home(member.rest(), span).max(after);
        let length = members.iter().fold(0, |after, member| next(after, member) + 1);
        let mut places: Arc<[Place]> = iter::repeat_n(Place::FREE, length).collect();
        let own = Arc::make_mut(&mut places);
        let mut after = 0;
        for member in members {
            let at = next(after, member);
            own.iter_mut().skip(at).take(1).for_each(|place| *place = *member);
            after = at + 1;
        }
        Part { count, span, places }
    }

    fn find(&self, rest: u64) -> Option<&Place> {
        let near = self.places.get(home(rest, self.span)..)?;
        let found = near.iter().find(|place| place.rest() >= rest)?;
        (found.rest() == rest && !found.is_free()).then_some(found)
    }

    fn members(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| !place.is_free())
    }

    /// The part after changes, in the order of their marks.
    fn changed(&self, changes: &[(Mark, Option<Terms>)]) -> Part {
        let mut members = Vec::with_capacity(self.count + changes.len());
        let mut before = self.members().peekable();
        for (mark, terms) in changes {
            let earlier = |place: &&Place| place.rest() < mark.rest();
            while let Some(place) = before.next_if(earlier) {
                members.push(*place);
            }
            before.next_if(|place| place.rest() == mark.rest());
            members.extend(terms.map(|terms| Place::new(*mark, terms)));
        }
        members.extend(before);
        Part::new(&members)
    }
}

/// Where a member stands if no other is in its way: equal bits at equal places, larger ones behind.
fn home(rest: u64, span: usize) -> usize {
    (((rest >> 16) * span as u64) >> 32) as usize
}

/// Members by mark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    /// None before the first.
    parts: Option<Shared<Part>>,
    count: usize,
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    #[inline]
    pub(crate) fn find(&self, mark: Mark) -> Option<Terms> {
        let part = self.parts.as_ref()?.get(mark.part())?;
        part.find(mark.rest()).map(Place::terms)
    }

    /// Changes members, each to its new terms or away; of several changes to one the last counts. Says how many of
    /// them were there before.
    pub(crate) fn change(&mut self, changes: &mut [(Mark, Option<Terms>)]) -> usize {
        if self.parts.is_none() && changes.iter().all(|(_, terms)| terms.is_none()) {
            return 0;
        }
        let parts = self.parts.get_or_insert_with(|| Shared::new(Part::default));
        changes.sort_by_key(|(mark, _)| *mark);
        let (mut known, mut last) = (0, Vec::new());
        for group in changes.chunk_by(|(a, _), (b, _)| a.part() == b.part()) {
            let Some((number, part)) = group.first().and_then(|(mark, _)| {
                let number = mark.part();
                Some((number, parts.get(number)?))
            }) else {
                continue;
            };
            last.clear();
            last.extend(group.chunk_by(|(a, _), (b, _)| a == b).filter_map(|same| same.last().copied()));
            let found = last.iter().filter(|(mark, _)| part.find(mark.rest()).is_some()).count();
            known += found;
            if found == 0 && last.iter().all(|(_, terms)| terms.is_none()) {
                continue;
            }
            let after = part.changed(&last);
            self.count = self.count + after.count - part.count;
            parts.set(number, after);
        }
        known
    }

    /// Takes off those of the part of a mark that had expired by a time.
    pub(crate) fn tidy(&mut self, near: Mark, until: i64) {
        let counts = |place: &&Place| place.terms().counts_at(until);
        let Some(parts) = &mut self.parts else { return };
        let Some(part) = parts.get(near.part()).filter(|part| !part.members().all(|place| counts(&place)))
        else {
            return;
        };
        let after = Part::new(&part.members().filter(counts).copied().collect::<Vec<_>>());
        self.count = self.count + after.count - part.count;
        parts.set(near.part(), after);
    }

    /// Calls `each` with all members, in the order of their marks.
    pub(crate) fn each(&self, mut each: impl FnMut(Mark, Terms)) {
        for (number, part) in self.parts.iter().flat_map(Shared::iter).enumerate() {
            for place in part.members() {
                each(Mark((number as u64) << MARK_BITS | place.rest()), place.terms());
            }
        }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.parts.as_ref().map_or(0, |parts| parts.bytes(|part| size_of_val(&*part.places) + 16))
    }
}

/// Members that are gathered before anybody can find them.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    parts: Vec<Vec<Place>>,
    count: usize,
}

impl Gathered {
    pub(crate) fn add(&mut self, mark: Mark, terms: Terms) {
        if self.parts.is_empty() {
            self.parts.resize_with(PARTS, Vec::new);
        }
        if let Some(part) = self.parts.get_mut(mark.part()) {
            part.push(Place::new(mark, terms));
            self.count += 1;
        }
    }

    /// How many were gathered, those among them that came twice.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Calls `each` with all that was gathered; what came later comes later.
    pub(crate) fn each(&self, mut each: impl FnMut(Mark, Terms)) {
        for (number, part) in self.parts.iter().enumerate() {
            for place in part {
                each(Mark((number as u64) << MARK_BITS | place.rest()), place.terms());
            }
        }
    }

    /// Sorts what came for the same member by a rank: that of the highest counts.
    pub(crate) fn sort_by_key<R: Ord>(&mut self, rank: impl Fn(Terms) -> R) {
        for part in &mut self.parts {
            part.sort_by(|a, b| a.rest().cmp(&b.rest()).then_with(|| rank(a.terms()).cmp(&rank(b.terms()))));
        }
    }

    /// The same in batches of so many or a few more.
    pub(crate) fn batches(self, most: usize) -> Vec<Gathered> {
        let mut batches: Vec<Gathered> = Vec::new();
        for (number, part) in self.parts.into_iter().enumerate().filter(|(_, part)| !part.is_empty()) {
            if batches.last().is_none_or(|batch| batch.count >= most) {
                batches.push(Gathered::default());
            }
            if let Some(batch) = batches.last_mut() {
                batch.parts.resize_with(PARTS, Vec::new);
                batch.count += part.len();
                if let Some(own) = batch.parts.get_mut(number) {
                    *own = part;
                }
            }
        }
        batches
    }

    /// The members; of several that are the same the last counts.
    pub(crate) fn finish(self) -> Members {
        if self.count == 0 {
            return Members::default();
        }
        let (mut gathered, mut count) = (self.parts.into_iter(), 0);
        let parts = Shared::new(|| {
            let mut part = gathered.next().unwrap_or_default();
            part.sort_by_key(Place::rest);
            // The last of equals takes the place of the first.
            part.reverse();
            part.dedup_by_key(|place| place.rest());
            part.reverse();
            count += part.len();
            Part::new(&part)
        });
        Members { parts: Some(parts), count }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn terms() -> impl Strategy<Value = Terms> {
        (any::<u16>(), proptest::option::of(0..=LATEST as i64))
            .prop_map(|(class, expires)| Terms::new(class, expires))
    }

    /// Marks that often come again, often stand side by side, and lie in few parts.
    fn mark() -> impl Strategy<Value = Mark> {
        let rest = prop_oneof![
            0..40u64,
            (1u64 << 48) - 40..1 << 48,
            0..1u64 << 48,
            (0..40u64).prop_map(|n| n << 20)
        ];
        (0..3u64, rest).prop_map(|(part, rest)| Mark((part * 2047) << 48 | rest))
    }

    fn all(members: &Members) -> Vec<(Mark, Terms)> {
        let mut all = Vec::new();
        members.each(|mark, terms| all.push((mark, terms)));
        all
    }

    proptest! {
        #[test]
        fn members_are_those_of_a_map(
            gathered in proptest::collection::vec((mark(), terms()), 0..200),
            changes in proptest::collection::vec(
                proptest::collection::vec((mark(), proptest::option::of(terms())), 1..20), 0..12),
            tidied in proptest::collection::vec((mark(), 0..=LATEST as i64), 0..3),
            strangers in proptest::collection::vec(mark(), 0..40),
        ) {
            let mut expected = BTreeMap::new();
            let mut prepared = Gathered::default();
            for (mark, terms) in gathered {
                prepared.add(mark, terms);
                expected.insert(mark, terms);
            }
            let mut members = prepared.finish();
            for changes in changes {
                let (before, copy) = (expected.clone(), members.clone());
                let mut touched = std::collections::BTreeSet::new();
                for (mark, terms) in &changes {
                    touched.insert(*mark);
                    match terms {
                        Some(terms) => drop(expected.insert(*mark, *terms)),
                        None => drop(expected.remove(mark)),
                    }
                }
                let known = members.change(&mut changes.clone());
                prop_assert_eq!(known, touched.iter().filter(|mark| before.contains_key(mark)).count());
                prop_assert_eq!((copy.len(), all(&copy)), (before.len(), before.into_iter().collect()));
            }
            for (mark, until) in tidied {
                members.tidy(mark, until);
                expected.retain(|own, terms: &mut Terms| own.part() != mark.part() || terms.counts_at(until));
            }
            prop_assert_eq!(members.len(), expected.len());
            for mark in strangers.iter().chain(expected.keys()) {
                prop_assert_eq!(members.find(*mark), expected.get(mark).copied());
            }
            prop_assert_eq!(all(&members), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_member_takes_less_than_16_bytes() {
        let mut gathered = Gathered::default();
        for n in 0..1_000_000u128 {
            let token = Token(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
            gathered.add(Mark::of(token), Terms::new(3, None));
        }
        let members = gathered.finish();
        assert_eq!(members.len(), 1_000_000);
        let bytes = members.bytes() as f64 / members.len() as f64;
        assert!((15.0..16.0).contains(&bytes), "{bytes}");
    }
}
