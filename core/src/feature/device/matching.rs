//! A device match put together: the account's sightings, and how frequent the event's values are.

use super::attributes::{ATTRIBUTES, Pattern, TABLE};
use super::inconsistencies::is_handheld;
use super::likeness::{Frequencies, Likeness, Sighting, State, frequency, likeness};
use super::sightings::MOST;
use super::version;
use crate::event::Event;
use crate::feature::row::{Presence, Row};

/// What a device match finds, in the order of its places.
pub(crate) const RESULTS: [&str; 5] = ["bits", "percent", "state", "contradictions", "changed"];

/// The places of the row that a device match is made of.
#[derive(Debug)]
pub(crate) struct DeviceMatch {
    /// The first of those that the account's visit fills.
    pub(crate) sightings: u16,
    /// How many events have the same value, of the attributes for which that is counted.
    pub(crate) counts: [Option<u16>; ATTRIBUTES],
    /// How many events there are.
    pub(crate) all: u16,
    /// The first place of what it finds.
    pub(crate) results: u16,
}

impl DeviceMatch {
    /// Every place that it reads.
    pub(crate) fn reads(&self) -> Vec<u16> {
        [self.sightings, self.all].into_iter().chain(self.counts.into_iter().flatten()).collect()
    }

    /// Fills the places of what it finds.
    #[inline(never)]
    pub(crate) fn find(&self, event: &Event, row: &mut Row, presence: Presence) {
        let frequencies: Frequencies = std::array::from_fn(|at| {
            let attribute = TABLE.get(at)?;
            let known = match event.text(attribute.field) {
                Some(text) if attribute.ordered => version::word(text).is_some(),
                _ => event.has(attribute.field),
            };
            let count = |place: u16| row.get(place).unwrap_or(0);
            let same = self.counts.get(at).copied().flatten().map_or(0, count);
            known.then(|| frequency(attribute, same, count(self.all)))
        });
        // Without an account, or anything to tell a device by, there is nothing to say.
        let Some(count) = row.get(self.sightings).filter(|_| frequencies.iter().any(Option::is_some)) else {
            return;
        };
        let mut sightings = [Sighting { age: 0, pattern: Pattern::default() }; MOST];
        let known = sightings.iter_mut().zip(0u16..).take(count as usize);
        for (sighting, number) in known {
            let word = |place| row.get(self.sightings + place + 2 * number).unwrap_or(0);
            *sighting = Sighting { age: word(1) as i64, pattern: Pattern(word(2)) };
        }
        let sightings = sightings.get(..count as usize).unwrap_or(&[]);
        let found = likeness(sightings, &frequencies, is_handheld(event));
        let state = found.map_or(State::New, |likeness| likeness.state);
        let contradictions = found.map_or(0, |likeness| likeness.contradictions);
        for (place, word) in (self.results..).zip([
            found.map(|likeness| likeness.bits.to_bits()),
            found.map(|likeness| likeness.percent.to_bits()),
            Some(state as u64),
            Some(u64::from(contradictions)),
            found.map(|likeness| u64::from(likeness.changed)),
        ]) {
            row.set(place, word, presence);
        }
    }

    /// What was found, from the row of a decision.
    pub(crate) fn found(&self, row: &Row) -> Option<Likeness> {
        let word = |number: u16| row.get(self.results + number);
        let state = [State::New, State::Like, State::Updated, State::Known];
        Some(Likeness {
            bits: f64::from_bits(word(0)?),
            percent: f64::from_bits(word(1)?),
            state: *state.get(word(2)? as usize)?,
            contradictions: word(3)? as u32,
            changed: word(4)? as u32,
        })
    }
}
