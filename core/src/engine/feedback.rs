//! What was decided or learnt of an event puts its identifiers on lists.

use std::sync::Arc;

use super::call::Call;
use super::journal::ListChange;
use super::member::Member;
use crate::event::Event;
use crate::locale::{Address, Name};
use crate::policy::{Cause, Feedback, ListKind};
use crate::sync::locked;

impl Call<'_> {
    /// Puts the event's identifiers on the lists that the policy says, from `time` on. What is there already stays if
    /// it is as severe and lasts as long.
    pub(super) fn feed_back(&self, event: &Event, cause: Cause, time: i64) {
        let policy = &*self.ruling.policy.0;
        let era = self.ruling.keys.era;
        for feedback in policy.feedback.iter().filter(|feedback| feedback.cause == cause) {
            let plan = policy.lists.get(feedback.list);
            let Some(plan) = plan else { continue };
            let Some(member) = self.member(event, feedback, plan.kind) else { continue };
            let expires = time.saturating_add(feedback.lasts);
            let entry = feedback.entry.clone().expires(expires);
            let lists = locked(&self.engine.lists);
            // Whoever was in force when the event was decided on has nothing to say to lists of another.
            let Some(list) = self.engine.list(self.ruling, feedback.list) else { return };
            let known = match member {
                Member::Token(token, before) | Member::Part(token, before, _) => {
                    list.find(token, before, era, time)
                }
                Member::Home(home, before) => list.find_same_home((home, before), era, time),
                Member::Network(_) => None,
            };
            let stays = known.is_some_and(|hit| {
                hit.severity > entry.severity
                    || hit.severity == entry.severity && hit.expires.is_none_or(|known| known >= expires)
            });
            if stays || !list.has_room_for(&entry) {
                continue;
            }
            let change = ListChange { list: &plan.name, member, entry: Some(&entry) };
            self.engine.journal.list_changed(self.ruling, &change);
            self.engine.change_lists(&lists, |all| {
                let list = all.get_mut(feedback.list).map(Arc::make_mut);
                list.map(|list| member.change(list, Some(&entry), era))
            });
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
