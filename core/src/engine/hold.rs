//! Taking hold of an event's entities: their shards are locked, they are looked up, and what they remember is fetched.

use std::sync::atomic::Ordering;

use super::Engine;
use super::call::{Call, Scratch};
use super::ruling::Present;
use crate::event::token::Token;
use crate::state::Shard;
use crate::sync::MutexGuard;

/// A table's shard that holds the event's entity, and where.
#[derive(Debug)]
pub(super) struct Held<'a> {
    pub(super) token: Token,
    pub(super) shard: MutexGuard<'a, Shard>,
    pub(super) place: Option<u32>,
    /// The shard of the entity's token under the previous key, until that is settled.
    pub(super) other: Option<MutexGuard<'a, Shard>>,
}

impl<'a> Call<'a> {
    /// Takes hold of the entities of the routed event of `time`; `None` when another policy has come into force, or
    /// another list.
    pub(super) fn hold(
        engine: &'a Engine,
        present: &'a Present,
        scratch: &'a mut Scratch,
        time: i64,
    ) -> Option<Call<'a>> {
        let Present { ruling, lists, .. } = present;
        let plans = &ruling.policy.0.plan.tables;
        let held = std::mem::take(&mut scratch.held);
        let mut call = Call { engine, ruling, lists, scratch, held, era: ruling.keys.era };
        let Call { scratch, held, .. } = &mut call;
        held.resize_with(plans.len(), || None);
        // Nothing passes a lock that waits for memory, so that all of them are fetched before.
        for (plan, table) in plans.iter().zip(&ruling.tables) {
            if let Some(token) = scratch.route.token(plan.key) {
                table.touch(token);
            }
        }
        // Always in the same order, so that no two calls wait for each other.
        for number in &ruling.order {
            let (Some(plan), Some(table)) = (plans.get(*number), ruling.tables.get(*number)) else {
                continue;
            };
            if let (Some(token), Some(place)) = (scratch.route.token(plan.key), held.get_mut(*number)) {
                *place = match scratch.route.previous_token(plan.key) {
                    None => table.lock(token).map(|shard| (shard, None)),
                    Some(before) => table.lock_both(token, before),
                }
                .map(|(shard, other)| Held { token, shard, place: None, other });
            }
        }
        // What others put on lists while they held one of these entities is seen.
        let is_present = || engine.number.load(Ordering::Acquire) == present.number;
        if !is_present() {
            return None;
        }
        let rotating = call.scratch.route.previous.is_some();
        let moved = rotating && call.move_entities();
        call.find(time);
        if rotating {
            call.rekey(moved);
            // Histories know members by other words now, and so do the lists.
            if call.scratch.frame.is_none() && !is_present() {
                return None;
            }
        }
        Some(call)
    }

    /// Looks the entities up, step by step for all of them: the places are far apart in memory, and the processor
    /// fetches side by side what does not depend on each other.
    fn find(&mut self, time: i64) {
        let Call { engine, ruling, scratch, held: all, .. } = self;
        let Scratch { route, touched, .. } = &mut **scratch;
        let plans = &ruling.policy.0.plan.tables;
        for held in all.iter().flatten() {
            *touched ^= held.shard.touch(held.token);
        }
        let turn = route.turn();
        // Of a newcomer's place and whom it pushes out each step is fetched beside one for those who are known.
        for (number, held) in (turn..).zip(&mut *all) {
            let Some(held) = held else { continue };
            held.place = held.shard.place(held.token);
            if held.place.is_none() {
                *touched ^= held.shard.touch_queues(Shard::rounds(number));
            }
        }
        let (mut folded, mut newcomers) = (false, false);
        let tables = plans.iter().zip(&ruling.tables);
        for (number, ((plan, table), held)) in tables.zip(&mut *all).enumerate() {
            let Some(Held { shard, place, .. }) = held else { continue };
            let Some(place) = place else {
                newcomers = true;
                *touched ^= shard.touch_next(Shard::rounds(turn + number as u64));
                continue;
            };
            let Some(slot) = shard.slot_mut(*place) else { continue };
            if slot.generation != ruling.generation {
                ruling.reshape(number, plan, slot);
                shard.account(*place);
                shard.make_room(table.shard_budget(), Some(*place));
            }
            if let Some(slot) = shard.slot(*place) {
                folded |= slot.history.is_folded();
                *touched ^= slot.history.touch();
            }
        }
        if !folded && !newcomers {
            return;
        }
        let latest = engine.clock.as_of(time);
        for (number, (plan, held)) in (turn..).zip(plans.iter().zip(&*all)) {
            let Some(Held { shard, place, .. }) = held else { continue };
            *touched ^= match (place.and_then(|place| shard.slot(place)), plan.retention) {
                (Some(slot), _) => {
                    let cell = |column: usize| route.cells.get(*plan.columns.get(column)?).copied().flatten();
                    slot.history.touch_folded(&plan.budget, cell)
                }
                (None, Some(retention)) => {
                    shard.touch_departing(Shard::rounds(number), latest.saturating_sub(retention))
                }
                (None, None) => 0,
            };
        }
    }
}
