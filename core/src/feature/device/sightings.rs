//! The part of a device match that an account's history tells: how the devices it was used with compare.

use super::attributes::{ATTRIBUTES, Outcome, Pattern};
use crate::feature::behaviour::Past;
use crate::feature::plan::WindowFeature;
use crate::feature::row::{Presence, Row};
use crate::feature::velocity::{Gathered, Matches};

/// Ways to compare with the event that are told apart. An account with more devices than that keeps those that agree
/// most.
pub(crate) const MOST: usize = 8;

/// Places of the row: how many there are, and the age and the pattern of each.
pub(crate) const PLACES: u16 = 1 + 2 * MOST as u16;

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
        let mut known: [(Pattern, usize); MOST] = [(Pattern::default(), 0); MOST];
        let mut count = 0;
        let mut now = [None; ATTRIBUTES];
        for (now, (column, _)) in now.iter_mut().zip(&feature.further) {
            *now = past.moment.cell(past.plan, *column);
        }
        for at in self.matches.newest_first() {
            let pattern = Pattern::new(|place, attribute| {
                let (Some(now), Some((column, kept))) = (now.get(place).copied(), feature.further.get(place))
                else {
                    return Outcome::Missing;
                };
                let known = now.is_some() && self.view.presence_bits(*column, at) & 1 == 1;
                Outcome::of(attribute, known.then(|| self.view.word(*kept, at)).flatten(), now)
            });
            // Whatever compares in nothing is no sighting of a device.
            let (full, _) = known.split_at_mut(count);
            if pattern == Pattern::default() || full.iter().any(|(other, _)| *other == pattern) {
                continue;
            }
            // The least like one makes room, of equals the oldest.
            let least = full.iter_mut().min_by_key(|(other, at)| (other.agreement(), *at));
            match least {
                Some(least) if count == MOST => {
                    if least.0.agreement() < pattern.agreement() {
                        *least = (pattern, at);
                    }
                }
                _ => {
                    if let Some(place) = known.get_mut(count) {
                        *place = (pattern, at);
                        count += 1;
                    }
                }
            }
        }
        let (full, _) = known.split_at_mut(count);
        full.sort_unstable_by_key(|(_, at)| std::cmp::Reverse(*at));
        row.set(feature.place, Some(count as u64), presence);
        for (number, (pattern, at)) in (0u16..).zip(full.iter()) {
            let age = self.view.time_at(*at).map(|time| (self.time - time) as u64);
            row.set(feature.place + 1 + 2 * number, age, presence);
            row.set(feature.place + 2 + 2 * number, Some(pattern.0), presence);
        }
    }
}
