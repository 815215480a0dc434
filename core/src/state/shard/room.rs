//! The memory of a shard: what it takes, who goes when it is too much, and what is given back.

use super::{ENTITY_BYTES, Index, Queue, Shard, Slot};
use crate::event::token::Token;

/// Of all memory, the part that newcomers may fill.
const NEWCOMERS: usize = 10;

/// Fewer slots are not worth giving back.
const LEAST_SLOTS: usize = 64;

impl Shard {
    /// Makes room for about so many entities, as far as they fit within `budget`, if there are none yet: to grow step by
    /// step copies all slots again and again, each time into memory that is new.
    pub(crate) fn expect(&mut self, entities: usize, budget: usize) {
        let entities = entities.min(budget / ENTITY_BYTES);
        if self.slots.is_empty() {
            self.slots.reserve_exact(entities);
            self.index.expect(entities);
        }
    }

    /// After many have gone, gives back what their slots took: of few that take much, in the place of many that took
    /// little, it would be memory that nobody counts. Places that were known before are others' then.
    pub(super) fn shrink(&mut self) {
        let slots = self.slots.capacity();
        if slots >= LEAST_SLOTS && self.index.len() < slots / 2 {
            self.compact();
        }
    }

    #[cold]
    fn compact(&mut self) {
        let entities = self.index.len();
        let mut slots = Vec::with_capacity(entities + entities / 8 + 8);
        self.index = Index::default();
        self.index.expect(slots.capacity());
        for queue in [&mut self.newcomers, &mut self.established] {
            for place in std::mem::take(queue).iter() {
                let Some(slot) = self.slots.get_mut(place as usize) else { continue };
                let place = slots.len() as u32;
                self.index.insert(slot.token, place);
                queue.push_back(place);
                slots.push(Slot { history: std::mem::take(&mut slot.history), ..*slot });
            }
        }
        (self.slots, self.free) = (slots, Vec::new());
    }

    /// Evicts while there is more than `budget`: anybody but whoever is `kept`.
    pub(crate) fn make_room(&mut self, budget: usize, kept: Option<u32>) {
        while self.bytes > budget && self.evict(budget, kept).is_some() {}
    }

    /// Takes in that the memory of a history changed, if it did.
    #[inline(always)]
    pub(crate) fn account(&mut self, place: u32) {
        let Some(slot) = self.slots.get_mut(place as usize) else { return };
        let bytes = ENTITY_BYTES + slot.history.bytes();
        if slot.bytes as usize != bytes || slot.approximate != slot.history.panes().is_some() {
            self.account_bytes(place, bytes);
        }
    }

    #[inline(never)]
    fn account_bytes(&mut self, place: u32, bytes: usize) {
        let Some(slot) = self.slots.get_mut(place as usize) else { return };
        let before = slot.bytes as usize;
        slot.bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let newcomer = slot.queue == Queue::Newcomers;
        let was = std::mem::replace(&mut slot.approximate, slot.history.panes().is_some());
        self.counts.approximate += usize::from(slot.approximate);
        self.counts.approximate -= usize::from(was);
        self.bytes = self.bytes + bytes - before;
        if newcomer {
            self.newcomer_bytes = self.newcomer_bytes + bytes - before;
        }
    }

    /// Evicts one entity or moves one on; the memory of whoever goes, `None` when there is nobody.
    #[cold]
    pub(super) fn evict(&mut self, budget: usize, kept: Option<u32>) -> Option<Box<[u64]>> {
        if kept.is_some() && self.index.len() == 1 {
            return None;
        }

        // Whoever is kept may be all that is established.
        let spared = usize::from(kept.is_some() && self.established.front() == kept);
        let from_newcomers = self.newcomer_bytes > budget / NEWCOMERS || self.established.len() == spared;
        let queue = if from_newcomers { &mut self.newcomers } else { &mut self.established };
        let place = queue.pop_front(&mut self.free)?;
        let slot = self.slots.get_mut(place as usize)?;
        if slot.uses == 0 && kept != Some(place) {
            let token = slot.token;
            self.counts.evicted += 1;
            let memory = self.remove_at(place);
            self.free.push(place);
            if from_newcomers {
                self.add_ghost(token);
            }
            return Some(memory);
        }
        if from_newcomers {
            self.establish(place);
        } else {
            slot.uses = slot.uses.saturating_sub(1);
            self.established.push_back(place);
        }
        Some(Box::default())
    }

    /// Moves an entity that is in no queue any more behind the established ones.
    pub(super) fn establish(&mut self, place: u32) {
        let Some(slot) = self.slots.get_mut(place as usize) else { return };
        slot.uses = 0;
        slot.queue = Queue::Established;
        self.newcomer_bytes = self.newcomer_bytes.saturating_sub(slot.bytes as usize);
        self.established.push_back(place);
    }

    fn ghost(&mut self, token: Token) -> Option<(&mut u32, u32)> {
        let fingerprint = (token.0 >> 32) as u32 | 1;
        let at = (token.0 as usize).checked_rem(self.ghosts.len())?;
        self.ghosts.get_mut(at).map(|ghost| (ghost, fingerprint))
    }

    pub(crate) fn add_ghost(&mut self, token: Token) {
        if self.ghosts.len() < self.established.len() || self.ghosts.is_empty() {
            self.ghosts = vec![0; (self.index.len() + 1).next_power_of_two().max(64)];
        }
        if let Some((ghost, fingerprint)) = self.ghost(token) {
            *ghost = fingerprint;
        }
    }

    /// Whether the entity was evicted lately; it is a ghost no longer.
    pub(crate) fn forget_ghost(&mut self, token: Token) -> bool {
        match self.ghost(token) {
            Some((ghost, fingerprint)) if *ghost == fingerprint => {
                *ghost = 0;
                true
            }
            _ => false,
        }
    }
}

/// Doubling would leave up to half of the memory unused.
pub(super) fn grow(slots: &mut Vec<Slot>) {
    if slots.len() == slots.capacity() {
        slots.reserve_exact(slots.len() / 8 + 8);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::codec::Writer;
    use crate::state::spares::Spares;

    fn token(number: u16) -> Token {
        Token(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    fn written(shard: &mut Shard) -> Vec<u8> {
        let mut bytes = Vec::new();
        shard.write(&mut Writer(&mut bytes), (0, 0), |_| {});
        bytes
    }

    #[test]
    fn slots_of_many_who_went_are_given_back() {
        let (mut shard, mut spares) = (Shard::default(), Spares::default());
        let mut budget = 20_000 * ENTITY_BYTES;
        for number in 0..20_000 {
            let place = shard.welcome(token(number), (0, 0));
            shard.recorded(place, 0, i64::from(number), budget, &mut spares);
        }
        assert!(shard.slots.capacity() >= 20_000 && shard.entities() == 20_000);
        for number in 20_000..30_000 {
            budget = budget.saturating_sub(3 * ENTITY_BYTES).max(500 * ENTITY_BYTES);
            let place = shard.welcome(token(number), (0, 0));
            shard.recorded(place, 0, i64::from(number), budget, &mut spares);
            assert!(shard.entities() >= shard.slots.capacity() / 2);
        }
        assert_eq!(shard.entities(), 500);
        assert!((29_500..30_000).all(|number| shard.place(token(number)).is_some()));
        shard.expire(29_900);
        assert!(shard.slots.capacity() <= 2 * 99 && shard.entities() == 99);
    }

    proptest! {
        /// Against one that gives nothing back.
        #[test]
        fn nobody_goes_because_slots_are_given_back(
            steps in proptest::collection::vec((0u16..60, 0u8..10, 5usize..50), 0..300),
        ) {
            let (mut sparing, mut wasteful) = (Shard::default(), Shard::default());
            let mut spares = Spares::default();
            for (time, (number, what, most)) in (0..).zip(steps) {
                let budget = most * ENTITY_BYTES;
                for (is_sparing, shard) in [(true, &mut sparing), (false, &mut wasteful)] {
                    match what {
                        0 => drop(shard.forget(token(number))),
                        1 => drop(shard.expire(time - 40)),
                        2 => shard.sweep(4, Some(time - 60), &mut spares),
                        _ => {
                            let known = shard.place(token(number));
                            let place = known.unwrap_or_else(|| shard.welcome(token(number), (0, 0)));
                            shard.recorded(place, 0, time, budget, &mut spares);
                        }
                    }
                    if is_sparing && what % 2 == 0 {
                        shard.compact();
                    }
                }
                prop_assert_eq!(written(&mut sparing), written(&mut wasteful));
                prop_assert_eq!(sparing.bytes(), wasteful.bytes());
            }
        }
    }
}
