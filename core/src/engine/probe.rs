//! Asking the lists about an event.

use std::sync::Arc;

use super::member::Member;
use crate::decision::{Decision, ListHit};
use crate::event::{CardNumber, Event, Field};
use crate::feature::{Keyring, Presence, Route, Row, identifier_token};
use crate::locale::{self, Address, Level, Name};
use crate::policy::{AskedBy, Compiled, ListKind, ListPlace};
use crate::state::{Asked, Hit, List, find_beginning, find_domain};

/// A policy and the lists that it names, in its order.
pub(super) struct Probe<'a> {
    pub(super) policy: &'a Compiled,
    pub(super) lists: &'a [Arc<List>],
    pub(super) keyring: &'a Keyring,
    /// Of the key in force.
    pub(super) era: u8,
}

impl Probe<'_> {
    /// Fills the places of the row that lists answer and, where one is wanted, the detailed decision. Says which
    /// members of which lists were found under the previous key.
    pub(super) fn run(
        &self,
        route: &Route,
        event: &Event,
        time: i64,
        row: &mut Row,
        mut detail: Option<&mut Decision>,
    ) -> Vec<(usize, Member)> {
        let mut before = Vec::new();
        if let Some(decision) = &mut detail {
            decision.listed.clear();
            decision.list_versions.clear();
            decision.list_versions.extend(self.lists.iter().map(|list| list.version()));
        }
        let mut hit = None;
        for place in &self.policy.list_places {
            let Some(list) = self.lists.get(place.list) else { continue };
            if !place.again {
                hit = match place.asked_by {
                    AskedBy::Token(key) => route
                        .token(key)
                        .map(|token| list.find(token, route.previous_token(key), self.era, time)),
                    AskedBy::Address => {
                        event.address(place.field).map(|address| list.find_address(address, time))
                    }
                    AskedBy::Own => self.ask(list, place, event, time, &mut before),
                };
            }
            // Absent is not unlisted.
            row.set(place.place, hit.and_then(|hit| place.ask.word(hit)), Presence::Exact);
            if let (Some(decision), Some(Some(hit))) = (&mut detail, hit) {
                Self::note(decision, list, place, hit);
            }
        }
        before
    }

    /// What a list says by what is hashed for it; `None` when the event does not have the identifier, or none that can be
    /// compared.
    #[inline(never)]
    fn ask(
        &self,
        list: &List,
        place: &ListPlace,
        event: &Event,
        time: i64,
        known_before: &mut Vec<(usize, Member)>,
    ) -> Option<Option<Hit>> {
        let plan = self.policy.lists.get(place.list)?;
        let era = plan.era(self.era);
        // Another key than the engine's own is not replaced.
        let is_own = plan.key.is_none();
        let mut part = |part: &[u8]| {
            let (present, previous) = self.keyring.of_list(place.list)?;
            let before = previous.filter(|_| is_own).map(|tokenizer| tokenizer.token(part));
            let token = present.token(part);
            let hit = list.find(token, before, era, time)?;
            if before.is_some_and(|before| list.holds(before)) {
                known_before.push((place.list, Member::Part(token, before, 0)));
            }
            Some(hit)
        };
        let form = self.policy.plan.form(&plan.entity);
        let hit = match plan.kind {
            ListKind::Exact => {
                let (tokenizer, _) = self.keyring.of_list(place.list)?;
                list.find(identifier_token(form, tokenizer, event, place.field)?, None, era, time)
            }
            ListKind::Cidr => list.find_address(event.address(place.field)?, time),
            ListKind::Prefix => match event.raw_text(place.field) {
                Some(text) => match form {
                    Some(kind) => {
                        locale::with_form(kind, text, |bytes| find_beginning(bytes, list.sizes(), part))
                    }
                    None => find_beginning(text.as_bytes(), list.sizes(), part),
                },
                // The issuer's number comes from the card's where the event has none.
                None if place.field == Field::BIN => find_beginning(
                    CardNumber::parse(event.raw_text(Field::CARD)?)?.issuer(),
                    list.sizes(),
                    part,
                ),
                None => return None,
            },
            ListKind::Address => {
                let address = Address::parse(event.raw_text(place.field)?);
                let (present, previous) = self.keyring.of_list(place.list)?;
                let asked = Asked::of(&address, present)?;
                let before = previous.filter(|_| is_own).and_then(|tokenizer| Asked::of(&address, tokenizer));
                if let Some(before) = before.filter(|before| list.holds_home(before.home)) {
                    known_before.push((place.list, Member::Home(asked.home, Some(before.home))));
                }
                // Where there are no towns, the same town says as little as the same city.
                let level = plan
                    .level
                    .map(|level| if address.town().is_some() { level } else { level.max(Level::Number) });
                list.find_home((asked, before), level, era, time)
            }
            ListKind::Name => {
                let name = Name::parse(event.raw_text(place.field)?)?;
                let (sizes, hit) = (list.sizes(), part(name.listed().as_bytes()));
                // Nothing follows for a name in kana from names in kanji.
                if hit.is_none() && sizes != 0 && sizes & name.script_bit() == 0 {
                    return None;
                }
                hit
            }
            ListKind::Domain => match (form, event.raw_text(place.field)?) {
                (Some(kind), text) => {
                    locale::with_form(kind, text, |bytes| find_domain(bytes, list.sizes(), part))
                }
                (None, text) => find_domain(text.as_bytes(), list.sizes(), part),
            },
        };
        Some(hit)
    }

    #[cold]
    fn note(decision: &mut Decision, list: &List, place: &ListPlace, hit: Hit) {
        let (list_number, field) = (place.list, place.field);
        // Several functions may ask the same.
        if decision.listed.iter().any(|known| (known.list, known.field) == (list_number, field)) {
            return;
        }
        let class = list.class(hit);
        decision.listed.extend(class.map(|class| ListHit {
            list: list_number,
            field,
            class,
            level: hit.level,
        }));
    }
}
