//! Asking the lists about an event.

use std::sync::Arc;

use crate::decision::{Decision, ListHit};
use crate::event::Event;
use crate::feature::{Presence, Route, Row};
use crate::policy::{Compiled, ListPlace};
use crate::state::{Hit, List};

/// A policy and the lists that it names, in its order.
pub(super) struct Probe<'a> {
    pub(super) policy: &'a Compiled,
    pub(super) lists: &'a [Arc<List>],
    /// Of the key in force.
    pub(super) era: u8,
}

impl Probe<'_> {
    /// Fills the places of the row that lists answer and, where one is wanted, the detailed decision.
    pub(super) fn run(
        &self,
        route: &Route,
        event: &Event,
        time: i64,
        row: &mut Row,
        mut detail: Option<&mut Decision>,
    ) {
        if let Some(decision) = &mut detail {
            decision.listed.clear();
            decision.list_versions.clear();
            decision.list_versions.extend(self.lists.iter().map(|list| list.version()));
        }
        for place in &self.policy.list_places {
            let Some(list) = self.lists.get(place.list) else { continue };
            let hit = self.ask(list, place, route, event, time);
            // Absent is not unlisted.
            row.set(place.place, hit.and_then(|hit| place.ask.word(hit)), Presence::Exact);
            if let (Some(decision), Some(Some(hit))) = (&mut detail, hit) {
                Self::note(decision, list, place, hit);
            }
        }
    }

    /// What a list says; `None` when the event does not have the identifier.
    fn ask(
        &self,
        list: &List,
        place: &ListPlace,
        route: &Route,
        event: &Event,
        time: i64,
    ) -> Option<Option<Hit>> {
        if self.policy.lists.get(place.list)?.networks {
            return event.address(place.field).map(|address| list.find_address(address, time));
        }
        let before = route.previous_token(place.key);
        route.token(place.key).map(|token| list.find(token, before, self.era, time))
    }

    #[cold]
    fn note(decision: &mut Decision, list: &List, place: &ListPlace, hit: Hit) {
        let (list_number, field) = (place.list, place.field);
        // Several functions may ask the same.
        if decision.listed.iter().any(|known| (known.list, known.field) == (list_number, field)) {
            return;
        }
        let class = list.class(hit);
        decision.listed.extend(class.map(|class| ListHit { list: list_number, field, class }));
    }
}
