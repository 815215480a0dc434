//! What was decided or learnt of an event puts its identifiers on lists.

use std::sync::atomic::Ordering;

use super::call::Call;
use super::journal::{ListChange, Member, apply_list};
use crate::policy::Cause;
use crate::sync::locked;

impl Call<'_> {
    /// Puts the event's identifiers on the lists that the policy says, from `time` on. What is there already stays if
    /// it is as severe and lasts as long.
    pub(super) fn feed_back(&self, cause: Cause, time: i64) {
        let policy = &*self.ruling.policy.0;
        for feedback in policy.feedback.iter().filter(|feedback| feedback.cause == cause) {
            let route = &self.scratch.route;
            let (Some(token), Some(list)) = (route.token(feedback.key), self.ruling.lists.get(feedback.list))
            else {
                continue;
            };
            let before = route.previous_token(feedback.key);
            let expires = time.saturating_add(feedback.lasts);
            let entry = feedback.entry.clone().expires(expires);
            let _lists = locked(&self.engine.lists);
            // Whoever was in force when the event was decided on has nothing to say to lists of another.
            if self.engine.generation.load(Ordering::Acquire) != self.ruling.generation {
                return;
            }
            let known = list.find(token, before, self.ruling.keys.era, time);
            let stays = known.is_some_and(|hit| {
                hit.severity > entry.severity
                    || hit.severity == entry.severity && hit.expires.is_none_or(|known| known >= expires)
            });
            if stays || !list.has_room_for(&entry) {
                continue;
            }
            let member = Member::Token(token, before);
            let name = policy.lists.get(feedback.list).map_or("", |plan| plan.name.as_str());
            let change = ListChange { list: name, member, entry: Some(&entry) };
            self.engine.journal.list_changed(self.ruling, &change);
            apply_list(list, member, Some(&entry), self.ruling.keys.era);
        }
    }
}
