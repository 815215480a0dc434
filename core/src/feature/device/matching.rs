//! A device match put together: the account's sightings, and how frequent the event's values are.

use super::attributes::{ATTRIBUTES, Pattern, TABLE};
use super::inconsistencies::is_handheld;
use super::likeness::{Frequencies, Likeness, Sighting, State, frequency, likeness};
use super::sightings::MOST;
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
        // Without an account, or anything to tell a device by, there is nothing to say.
        let word = |place: u16| row.get(place);
        let Some(present) = word(self.sightings).filter(|present| *present != 0) else { return };
        let all = word(self.all).unwrap_or(0);
        let mut frequencies: Frequencies = [None; ATTRIBUTES];
        for (at, (attribute, counts)) in TABLE.iter().zip(&self.counts).enumerate() {
            if let Some(place) = frequencies.get_mut(at).filter(|_| present >> at & 1 == 1) {
                *place = Some(frequency(attribute, counts.and_then(word).unwrap_or(0), all));
            }
        }
        let count = word(self.sightings + 1).unwrap_or(0) as usize;
        let mut sightings = [Sighting { age: 0, pattern: Pattern::default() }; MOST];
        for (sighting, place) in sightings.iter_mut().take(count).zip((self.sightings + 2..).step_by(2)) {
            let (age, pattern) = (word(place).unwrap_or(0), word(place + 1).unwrap_or(0));
            *sighting = Sighting { age: age as i64, pattern: Pattern(pattern) };
        }
        let sightings = sightings.get(..count).unwrap_or(&[]);
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
