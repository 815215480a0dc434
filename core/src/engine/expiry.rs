//! Dropping what nobody needs any more, whether its entities come again or not.

use std::sync::atomic::Ordering;

use super::Engine;
use crate::sync::locked;

impl Engine {
    /// Drops every event that is older than any feature looks back, as of the latest time seen, and the entities of
    /// which nothing is left; returns how many those were.
    ///
    /// Calls do the same for the entities that they touch, and bit by bit for others, so that memory needs no help.
    /// A host calls this where data has to be gone by a time, such as the digests of credentials after a day: state
    /// the time with [`advance`](Engine::advance) before. No decision changes. Each part of the memory is locked
    /// only while it is gone through; the cost is that of reading all of it.
    pub fn expire(&self) -> u64 {
        let Some(latest) = self.clock.latest() else { return 0 };
        {
            // No other policy comes into force meanwhile.
            let _changes = locked(&self.lists);
            self.journal.expired(&self.ruling(), latest);
        }
        self.expire_as_of(latest)
    }

    /// The same as of a time.
    pub(super) fn expire_as_of(&self, latest: i64) -> u64 {
        let mut gone = 0;
        let ruling = self.ruling();
        for (number, (plan, table)) in ruling.policy.0.plan.tables.iter().zip(&ruling.tables).enumerate() {
            let Some(horizon) = plan.retention.map(|retention| latest - retention - 1) else { continue };
            for mut shard in table.each_shard() {
                if self.generation.load(Ordering::Acquire) != ruling.generation {
                    drop(shard);
                    return gone + self.expire_as_of(latest);
                }
                gone += shard.expire(horizon);
                for place in shard.places() {
                    let Some(slot) = shard.slot_mut(place) else { continue };
                    if slot.generation != ruling.generation {
                        ruling.reshape(number, plan, slot);
                    }
                    let events = slot.history.len();
                    slot.history.forget_until(&plan.shape, horizon);
                    let dropped = events - slot.history.len();
                    shard.counts.events -= dropped;
                    shard.account(place);
                }
                // What is remembered for a later policy may take more.
                shard.make_room(table.shard_budget(), None);
            }
        }
        gone
    }
}
