//! The part of a device match that an account's history tells: how the devices it was used with compare.
//!
//! Entries that compare alike are one sighting. All begin as one set of entries, which each attribute in turn parts
//! where it tells them apart; since few of them do, that is little work.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::attributes::{Pattern, TABLE};
use super::version;
use crate::feature::behaviour::Past;
use crate::feature::matches::Matches;
use crate::feature::plan::WindowFeature;
use crate::feature::row::{Presence, Row};
use crate::feature::velocity::Gathered;
use crate::state::{Coded, Column, MOST_COLUMNS};

/// Ways to compare with the event that are told apart. An account with more devices than that keeps those that agree
/// most.
pub(crate) const MOST: usize = 8;

/// Places of the row: which attributes the event has, how many ways there are, and the age and the pattern of each.
pub(crate) const PLACES: u16 = 2 + 2 * MOST as u16;

/// Of a stretch of 64 entries: what their patterns have beside what all have in common, and which they are, as bits.
type Alike = SmallVec<[(u64, u64); 64]>;

impl<M: Matches> Gathered<'_, M> {
    /// Fills the places of a feature whose columns are the attributes of the table: each way to compare with the
    /// event, with the age of its newest entry.
    #[inline(never)]
    pub(in crate::feature) fn sightings(
        &self,
        feature: &WindowFeature,
        past: &Past<'_>,
        presence: Presence,
        row: &mut Row,
    ) {
        let now = |column| past.moment.cell(past.plan, column);
        let dictionaries: SmallVec<[usize; MOST_COLUMNS]> =
            self.view.dictionaries(&past.plan.shape).collect();
        let attributes = feature.further.iter().zip(0u32..);
        let present =
            attributes.fold(0, |set, ((column, _), at)| set | u64::from(now(*column).is_some()) << at);
        let mut known: SmallVec<[(Pattern, usize); MOST]> = SmallVec::new();
        let mut alike = Alike::new();
        for (number, entries) in self.matches.words().iter().enumerate().rev() {
            if *entries == 0 {
                continue;
            }
            let from = 64 * number;
            let mut common = 0;
            alike.clear();
            alike.push((0, *entries));
            for (at, ((column, kept), attribute)) in feature.further.iter().zip(&TABLE).enumerate() {
                let filled = self.view.presence_bits(*column, from) & entries;
                let (Some(now), Column::Coded(number)) = (now(*column).filter(|_| filled != 0), *kept) else {
                    continue;
                };
                let dictionary = dictionaries.get(number).copied().unwrap_or(0);
                let words = self.view.coded_from(number, dictionary);
                let (low, high) = if attribute.ordered {
                    compare_versions(&words, now, from, filled)
                } else {
                    let same = same(&words, now, from, filled);
                    (same, filled & !same)
                };
                for (bit, set) in [(at, low), (32 + at, high)] {
                    // Nearly always all entries are alike.
                    if set == *entries {
                        common |= 1 << bit;
                    } else if set != 0 {
                        part(&mut alike, bit, set);
                    }
                }
            }
            for (pattern, entries) in &alike {
                let newest = entries.checked_ilog2().unwrap_or(0) as usize;
                see(&mut known, Pattern(pattern | common), from + newest);
            }
        }
        known.sort_unstable_by_key(|(_, at)| std::cmp::Reverse(*at));
        let place = feature.place;
        row.set(place, Some(present), presence);
        row.set(place + 1, Some(known.len() as u64), presence);
        for ((pattern, at), place) in known.iter().zip((place + 2..).step_by(2)) {
            let age = self.view.time_at(*at).map(|time| (self.time - time) as u64);
            row.set(place, age, presence);
            row.set(place + 1, Some(pattern.0), presence);
        }
    }
}

/// Parts what is alike so far: of some entries a bit of the pattern is set.
fn part(alike: &mut Alike, bit: usize, set: u64) {
    for number in 0..alike.len() {
        let Some((pattern, entries)) = alike.get_mut(number) else { break };
        let (with, without) = (*entries & set, *entries & !set);
        if with == 0 {
            continue;
        }
        let other = *pattern;
        (*pattern, *entries) = (other | 1 << bit, with);
        if without != 0 {
            alike.push((other, without));
        }
    }
}

/// Takes in a way to compare whose newest entry is at a place, no later than those that are known of other stretches.
fn see(known: &mut SmallVec<[(Pattern, usize); MOST]>, pattern: Pattern, at: usize) {
    // Whatever compares in nothing is no sighting of a device.
    if pattern == Pattern::default() || known.iter().any(|(other, _)| *other == pattern) {
        return;
    }
    if known.len() < MOST {
        known.push((pattern, at));
        return;
    }
    // The least like one makes room, of equals the oldest.
    let least = known.iter_mut().min_by_key(|(other, at)| (other.agreement(), *at));
    if let Some(least) = least
        && (least.0.agreement(), least.1) < (pattern.agreement(), at)
    {
        *least = (pattern, at);
    }
}

/// The `filled` ones of the entries from `from` on that have a word.
#[inline(always)]
fn same(words: &Coded<'_>, word: u64, from: usize, filled: u64) -> u64 {
    let count = (u64::BITS - filled.leading_zeros()) as usize;
    words.code_of(word).map_or(0, |code| words.same(code, from, count) & filled)
}

/// The bits that a version has in the patterns of the `filled` ones of the entries from `from` on: those of the low
/// half and those of the high half.
fn compare_versions(words: &Coded<'_>, now: u64, from: usize, filled: u64) -> (u64, u64) {
    // Few versions come again and again.
    let (mut low, mut high, mut left) = (0, 0, filled);
    while left != 0 {
        let at = left.trailing_zeros();
        let word = words.word(from + at as usize);
        let alike = 1 << at | same(words, word, from, left);
        let order = version::compare(word, now);
        low |= if order == Ordering::Less { 0 } else { alike };
        high |= if order == Ordering::Equal { 0 } else { alike };
        left &= !alike;
    }
    (low, high)
}
