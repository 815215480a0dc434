//! What was decided or learnt of an event puts its identifiers on lists.

use std::sync::Arc;

use smallvec::SmallVec;

use super::call::Call;
use super::journal::ListChange;
use super::member::Member;
use super::ruling::{Changes, Ruling};
use crate::event::Event;
use crate::locale::{Address, Name};
use crate::policy::{Cause, Feedback, ListKind};
use crate::state::{List, ListEntry};
use crate::sync::locked;

/// What an event puts on lists. Others change none until it is there.
pub(super) struct Fed<'a> {
    /// `None` when nothing changes.
    guard: Option<Changes<'a>>,
    lists: Vec<Arc<List>>,
    /// By the number of the list, each with the time from which on.
    changes: Vec<(usize, Member, ListEntry, i64)>,
}

impl<'a> Fed<'a> {
    pub(super) fn changes<'f>(&'f self, ruling: &'f Ruling) -> SmallVec<[ListChange<'f>; 2]> {
        let change = |(list, member, entry, since): &'f (usize, Member, ListEntry, i64)| {
            let plan = ruling.policy.0.lists.get(*list)?;
            let (entry, since) = (Some(entry), Some(*since));
            Some(ListChange { list: &plan.name, member: *member, entry, since })
        };
        self.changes.iter().filter_map(change).collect()
    }
}

impl<'a> Call<'a> {
    /// Looks for what the causes put on lists, each from its time on: the event's identifiers on those that the policy
    /// says. What is there already stays if it is as severe and lasts as long. `None` when another policy has come into
    /// force.
    pub(super) fn feed(&self, event: &Event, causes: &[(Cause, i64)]) -> Option<Fed<'a>> {
        let policy = &*self.ruling.policy.0;
        let mut fed = Fed { guard: None, lists: Vec::new(), changes: Vec::new() };
        for (cause, time) in causes {
            for feedback in policy.feedback.iter().filter(|feedback| feedback.cause == *cause) {
                let Some(plan) = policy.lists.get(feedback.list) else { continue };
                let Some(member) = self.member(event, feedback, plan.kind) else { continue };
                if fed.guard.is_none() {
                    fed.guard = Some(locked(&self.engine.lists));
                    let present = self.engine.present.load();
                    if present.ruling.generation != self.ruling.generation {
                        return None;
                    }
                    fed.lists.clone_from(&present.lists);
                }
                let Some(list) = fed.lists.get_mut(feedback.list) else { continue };
                let entry = feedback.entry.clone().expires(time.saturating_add(feedback.lasts));
                let era = self.ruling.keys.era;
                if !stays(list, member, &entry, era, *time) && list.has_room_for(&entry) {
                    let list = Arc::make_mut(list);
                    tidy(list, member, *time);
                    member.change(list, Some(&entry), era);
                    fed.changes.push((feedback.list, member, entry, *time));
                }
            }
        }
        if fed.changes.is_empty() {
            fed.guard = None;
        }
        Some(fed)
    }

    /// Lets others see it.
    pub(super) fn put_on_lists(&self, fed: Fed<'a>) {
        if let Some(changes) = &fed.guard {
            let ruling = self.engine.ruling();
            self.engine.put_in_force(changes, ruling, fed.lists);
        }
    }

    /// The event's identifier as the list holds it; `None` when the event has none that it can hold.
    fn member(&self, event: &Event, feedback: &Feedback, kind: ListKind) -> Option<Member> {
        let tokenizers = || self.ruling.keyring.of_list(feedback.list);
        match kind {
            ListKind::Address => {
                let (present, previous) = tokenizers()?;
                let address = Address::parse(event.raw_text(feedback.field)?);
                Member::of_address(&address, present, previous)
            }
            ListKind::Name => {
                let (present, previous) = tokenizers()?;
                let name = Name::parse(event.raw_text(feedback.field)?)?;
                Some(Member::of_name(&name, present, previous))
            }
            _ => {
                let route = &self.scratch.route;
                Some(Member::Token(route.token(feedback.key)?, route.previous_token(feedback.key)))
            }
        }
    }
}

/// A member stays so long after its expiry: an event that is late may ask for it.
const KEPT: i64 = 86_400_000;

/// A member comes to a list at a time: some of those beside it that no longer count go, so that a list that events fill
/// does not grow for ever.
pub(super) fn tidy(list: &mut List, member: Member, time: i64) {
    let until = time.saturating_sub(KEPT);
    match member {
        Member::Token(token, _) | Member::Part(token, ..) => list.tidy(token, until),
        Member::Home(home, _) => list.tidy_homes(home, until),
        Member::Network(_) => {}
    }
}

/// A list has the member with terms that are as severe and last as long.
fn stays(list: &List, member: Member, entry: &ListEntry, era: u8, time: i64) -> bool {
    let known = match member {
        Member::Token(token, before) | Member::Part(token, before, _) => list.find(token, before, era, time),
        Member::Home(home, before) => list.find_same_home((home, before), era, time),
        Member::Network(_) => None,
    };
    known.is_some_and(|hit| {
        hit.severity > entry.severity
            || hit.severity == entry.severity && hit.expires.is_none_or(|known| Some(known) >= entry.expires)
    })
}
