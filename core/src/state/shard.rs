//! A part of a table under one lock: some entities' histories, within a budget of memory.
//!
//! What is remembered too much is evicted by S3-FIFO (Yang et al., SOSP 2023): newcomers wait in a small queue and
//! move to the main one only if they come again, so that identifiers seen once evict each other and nobody else.

mod room;

use super::codec::{Reader, Writer};
use super::history::History;
use super::index::Index;
use super::line::Line;
use super::record::Shape;
use super::spares::Spares;
use crate::event::token::Token;

/// Memory that an entity takes beside its block: its slot, its places in the index and a queue, and what the
/// allocator adds. Measured; see the benches.
pub(super) const ENTITY_BYTES: usize = 96;

/// Uses beyond this many count no more.
const MOST_USES: u8 = 3;

/// One in so many newcomers has a sweep before it, of as many rounds: what is fetched together is not waited for
/// one by one.
const SWEEP: usize = 4;

/// What a shard knows of one entity: a line of memory.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Slot {
    pub(crate) token: Token,
    pub(crate) history: History,
    /// The generation of policies whose shape the history has.
    pub(crate) generation: u32,
    /// Which of two keys its token was made with: that of the ruling with the same number.
    era: u8,
    /// How often it was used since it came to its place in the queue.
    uses: u8,
    queue: Queue,
    bytes: u32,
    /// It has panes.
    approximate: bool,
    /// The time of its latest event.
    latest: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Newcomers,
    Established,
    /// The slot is free.
    None,
}

impl Slot {
    /// Writes the entity; `era` is that of the key in force.
    pub(crate) fn write(&self, to: &mut Writer<'_>, era: u8) {
        to.token(self.token);
        to.byte(self.uses);
        let established = if self.queue == Queue::Established { ESTABLISHED } else { 0 };
        to.byte(established | if self.era == era { 0 } else { PREVIOUS });
        to.time(self.latest);
        self.history.write(to);
    }
}

/// Some entities of a table. What finds them comes first, in the line of the lock, and what changes with every event
/// in the next.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Shard {
    index: Index,
    slots: Vec<Slot>,
    bytes: usize,
    newcomer_bytes: usize,
    pub(crate) counts: Counts,
    free: Vec<u32>,
    newcomers: Line,
    established: Line,
    /// Fingerprints of newcomers that were evicted: who comes again is established at once.
    ghosts: Vec<u32>,
}

/// An entity as a snapshot has it.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) token: Token,
    /// The token was made with the previous key.
    pub(crate) previous: bool,
    uses: u8,
    established: bool,
    latest: i64,
    pub(crate) history: History,
}

/// Of an entity: it is among the established.
const ESTABLISHED: u8 = 1;
/// Of an entity: its token was made with the previous key.
const PREVIOUS: u8 = 2;

impl Adopted {
    /// `None` when the bytes do not fit the shape.
    pub(crate) fn read(shape: &Shape, series: usize, from: &mut Reader<'_>) -> Option<Adopted> {
        let (token, uses, marks, latest) = (from.token()?, from.byte()?, from.byte()?, from.time()?);
        let (established, previous) = (marks & ESTABLISHED != 0, marks & PREVIOUS != 0);
        let history = History::read(shape, series, from)?;
        Some(Adopted { token, previous, uses, established, latest, history })
    }
}

/// What has happened in a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Events in all histories.
    pub(crate) events: usize,
    /// Entities that had more events than a history holds.
    pub(crate) approximate: usize,
    /// Entities that were evicted for want of memory.
    pub(crate) evicted: u64,
    /// Entities that were dropped because all that they had done was too old.
    pub(crate) expired: u64,
    /// Entities by the key that their token was made with.
    eras: [usize; 2],
}

impl Counts {
    /// Entities whose token was made with a key.
    pub(crate) fn of_era(&self, era: u8) -> usize {
        self.eras.get(usize::from(era)).copied().unwrap_or(0)
    }

    fn count_era(&mut self, era: u8, more: bool) {
        if let Some(count) = self.eras.get_mut(usize::from(era)) {
            *count = if more { *count + 1 } else { count.saturating_sub(1) };
        }
    }
}

impl Shard {
    pub(crate) fn entities(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The place of an entity's slot, if anything was recorded.
    #[inline]
    pub(crate) fn place(&self, token: Token) -> Option<u32> {
        self.index.find(token, |place| self.is_at(token, place))
    }

    /// Has the processor fetch what finds an entity and counts its events; what comes back means nothing.
    pub(crate) fn touch(&self, token: Token) -> u64 {
        self.index.touch(token) ^ self.counts.events as u64
    }

    fn is_at(&self, token: Token, place: u32) -> bool {
        self.slots.get(place as usize).is_some_and(|slot| slot.token == token)
    }

    pub(crate) fn slot(&self, place: u32) -> Option<&Slot> {
        self.slots.get(place as usize)
    }

    pub(crate) fn slot_mut(&mut self, place: u32) -> Option<&mut Slot> {
        self.slots.get_mut(place as usize)
    }

    /// Writes every entity in the order in which they would be evicted. Histories that are not in the shape of
    /// `generation` are brought into it before.
    pub(crate) fn write(
        &mut self,
        to: &mut Writer<'_>,
        (generation, era): (u32, u8),
        mut reshape: impl FnMut(&mut Slot),
    ) {
        let places = self.places();
        for place in &places {
            if let Some(slot) = self.slot_mut(*place).filter(|slot| slot.generation != generation) {
                reshape(slot);
                self.account(*place);
            }
        }
        to.number(places.len() as u32);
        places.iter().filter_map(|place| self.slot(*place)).for_each(|slot| slot.write(to, era));
        to.number(self.ghosts.len() as u32);
        for ghost in &self.ghosts {
            to.number(*ghost);
        }
    }

    /// Takes in an entity behind those that are there, as it was written.
    pub(crate) fn adopt(&mut self, entity: Adopted, (generation, era): (u32, u8), budget: usize) {
        if self.place(entity.token).is_some() {
            return;
        }
        let queue = if entity.established { Queue::Established } else { Queue::Newcomers };
        let place = self.settle(entity.token, (generation, era), queue);
        let Some(slot) = self.slots.get_mut(place as usize) else { return };
        slot.history = entity.history;
        slot.uses = entity.uses.min(MOST_USES);
        slot.latest = entity.latest;
        self.counts.events += slot.history.len();
        self.account(place);
        self.make_room(budget, None);
    }

    /// Takes in the fingerprints of those that were evicted.
    pub(crate) fn adopt_ghosts(&mut self, ghosts: Vec<u32>) {
        self.ghosts = ghosts;
    }

    /// Makes room for an entity that nothing is known of yet.
    pub(crate) fn welcome(&mut self, token: Token, made: (u32, u8)) -> u32 {
        let returns = self.forget_ghost(token);
        self.settle(token, made, if returns { Queue::Established } else { Queue::Newcomers })
    }

    fn settle(&mut self, token: Token, (generation, era): (u32, u8), queue: Queue) -> u32 {
        self.counts.count_era(era, true);
        let slot = Slot {
            token,
            history: History::default(),
            generation,
            era,
            uses: 0,
            queue,
            bytes: 0,
            approximate: false,
            latest: 0,
        };
        let place = match self.free.pop() {
            Some(place) => {
                if let Some(free) = self.slots.get_mut(place as usize) {
                    *free = slot;
                }
                place
            }
            None => {
                room::grow(&mut self.slots);
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.index.insert(token, place);
        match queue {
            Queue::Established => self.established.push_back(place),
            _ => self.newcomers.push_back(place),
        }
        place
    }

    /// Takes in that an event of `time` was recorded in a history that had `events_before`. Evicts while there is
    /// more than `budget`; the entity itself may be among the evicted.
    pub(crate) fn recorded(
        &mut self,
        place: u32,
        events_before: usize,
        time: i64,
        budget: usize,
        spares: &mut Spares,
    ) {
        let Some(slot) = self.slots.get_mut(place as usize) else { return };
        slot.latest = slot.latest.max(time);
        // The event that brought it does not show that it comes again.
        slot.uses = if slot.bytes > 0 { (slot.uses + 1).min(MOST_USES) } else { 0 };
        self.counts.events = self.counts.events + slot.history.len() - events_before;
        self.account(place);
        if self.bytes > budget {
            while self.bytes > budget
                && let Some(memory) = self.evict(budget, None)
            {
                spares.keep(memory);
            }
            self.shrink();
        }
    }

    /// Takes in that something was learnt of an entity. Evicts while there is more than `budget`; the entity itself may
    /// be among the evicted.
    pub(crate) fn learnt(&mut self, place: u32, budget: usize) {
        self.account(place);
        self.make_room(budget, None);
    }

    /// Of how many rounds the sweep before a newcomer is, by a number that differs from event to event and by one from
    /// table to table: so hardly any event waits for the sweeps of two.
    pub(crate) fn rounds(turn: u64) -> usize {
        if turn.is_multiple_of(SWEEP as u64) { SWEEP } else { 0 }
    }

    /// The sweep before a newcomer: drops the next entities in turn if nothing of them is later than `horizon`, which is
    /// that of a table that does not keep all. So who never comes again does not stay for ever; more go than come, so
    /// that memory falls again after a rush.
    pub(crate) fn sweep(&mut self, rounds: usize, horizon: Option<i64>, spares: &mut Spares) {
        if rounds > 0 {
            self.shrink();
        }
        for _ in 0..rounds {
            // Who came again moves on in time, and does not stand before those who have to go.
            if let Some(place) = self.newcomers.front()
                && self.slots.get(place as usize).is_some_and(|slot| slot.uses > 0)
            {
                self.newcomers.pop_front(&mut self.free);
                self.establish(place);
            }
            let Some(horizon) = horizon else { continue };
            for newcomers in [true, true, false] {
                let queue = if newcomers { &mut self.newcomers } else { &mut self.established };
                let Some(place) = queue.pop_front(&mut self.free) else { continue };
                if self.slots.get(place as usize).is_some_and(|slot| slot.latest <= horizon) {
                    self.counts.expired += 1;
                    spares.keep(self.remove_at(place));
                    self.free.push(place);
                } else if newcomers {
                    // Newcomers leave in the order in which they came.
                    self.newcomers.push_front(place);
                } else {
                    self.established.push_back(place);
                }
            }
        }
    }

    /// Those whom the sweep before a newcomer looks at.
    fn next_in_turn(&self, rounds: usize) -> impl Iterator<Item = &Slot> {
        let places = self.newcomers.iter().take(2 * rounds).chain(self.established.iter().take(rounds));
        places.filter_map(|place| self.slot(place))
    }

    /// Has the processor fetch what says where a newcomer goes and whom a sweep before it looks at; what comes back
    /// means nothing.
    pub(crate) fn touch_queues(&self, rounds: usize) -> u64 {
        let newcomers = [self.free.last().copied(), self.newcomers.back()];
        let in_turn = [self.newcomers.front(), self.established.front()];
        let in_turn = in_turn.into_iter().filter(|_| rounds > 0);
        newcomers.into_iter().chain(in_turn).flatten().fold(0, |all, place| all ^ u64::from(place))
    }

    /// The same of where it goes and whom the sweep looks at.
    pub(crate) fn touch_next(&self, rounds: usize) -> u64 {
        let free = self.free.last().and_then(|place| self.slot(*place)).map_or(0, |slot| slot.latest);
        self.next_in_turn(rounds).fold(free as u64, |all, slot| all ^ slot.latest as u64)
    }

    /// The same of what a sweep drops, when nothing later than `horizon` is kept.
    pub(crate) fn touch_departing(&self, rounds: usize, horizon: i64) -> u64 {
        let gone = self.next_in_turn(rounds).filter(|slot| slot.latest <= horizon);
        gone.fold(0, |all, slot| all ^ self.index.touch(slot.token) ^ slot.history.touch())
    }

    /// The places of all entities.
    pub(crate) fn places(&self) -> Vec<u32> {
        self.newcomers.iter().chain(self.established.iter()).collect()
    }

    /// Who has the shape of a generation up to `last`.
    pub(crate) fn made_until(&self, last: u32) -> Vec<Token> {
        let slots = self.newcomers.iter().chain(self.established.iter()).filter_map(|place| self.slot(place));
        slots.filter(|slot| slot.generation <= last).map(|slot| slot.token).collect()
    }

    /// Forgets an entity; false when nothing was known of it.
    pub(crate) fn forget(&mut self, token: Token) -> bool {
        let Some(place) = self.place(token) else { return false };
        let Some(queue) = self.slot(place).map(|slot| slot.queue) else { return false };
        drop(self.remove_at(place));
        match queue {
            Queue::Newcomers => self.newcomers.leave(place, &mut self.free),
            Queue::Established => self.established.leave(place, &mut self.free),
            Queue::None => {}
        }
        true
    }

    /// An entity of this shard has another token from now on; false when nothing was known of it.
    pub(crate) fn rename(&mut self, before: Token, token: Token, era: u8) -> bool {
        let Some(place) = self.place(before) else { return false };
        self.index.remove(before, place);
        self.index.insert(token, place);
        if let Some(slot) = self.slots.get_mut(place as usize) {
            self.counts.count_era(slot.era, false);
            self.counts.count_era(era, true);
            (slot.token, slot.era) = (token, era);
        }
        true
    }

    /// Lets an entity go that moves to another shard.
    pub(crate) fn release(&mut self, token: Token) -> Option<Slot> {
        let place = self.place(token)?;
        let slot = self.slots.get_mut(place as usize)?;
        let history = std::mem::take(&mut slot.history);
        let (generation, era, uses, queue) = (slot.generation, slot.era, slot.uses, slot.queue);
        let (latest, events) = (slot.latest, history.len());
        self.counts.events = self.counts.events.saturating_sub(events);
        self.forget(token);
        Some(Slot { token, history, generation, era, uses, queue, bytes: 0, approximate: false, latest })
    }

    /// Takes in an entity of another shard under its new token, behind those that are there, and makes room for it.
    pub(crate) fn take_in(&mut self, moved: Slot, token: Token, era: u8, budget: usize) {
        let place = self.settle(token, (moved.generation, era), moved.queue);
        let Some(slot) = self.slots.get_mut(place as usize) else { return };
        (slot.history, slot.uses, slot.latest) = (moved.history, moved.uses, moved.latest);
        self.counts.events += slot.history.len();
        self.account(place);
        self.make_room(budget, Some(place));
    }

    /// Takes in all entities of another shard, behind those that are there. Whoever was evicted from it lately is new
    /// when it comes again.
    pub(crate) fn take_all(&mut self, mut other: Shard) {
        self.counts.evicted += other.counts.evicted;
        self.counts.expired += other.counts.expired;
        self.slots.reserve_exact(other.entities().saturating_sub(self.free.len()));
        for place in other.places() {
            let Some(moved) = other.slot_mut(place) else { continue };
            let place = self.settle(moved.token, (moved.generation, moved.era), moved.queue);
            let Some(slot) = self.slots.get_mut(place as usize) else { return };
            slot.history = std::mem::take(&mut moved.history);
            (slot.uses, slot.latest) = (moved.uses, moved.latest);
            self.counts.events += slot.history.len();
            self.account(place);
        }
    }

    /// Drops everybody whose token was made with another key; says how many there were.
    pub(crate) fn retire(&mut self, era: u8) -> u64 {
        if self.counts.of_era(era) == self.index.len() {
            return 0;
        }
        self.keep(|slot| slot.era == era)
    }

    /// Drops everybody of whom nothing is later than `horizon`; says how many there were.
    pub(crate) fn expire(&mut self, horizon: i64) -> u64 {
        let gone = self.keep(|slot| slot.latest > horizon);
        self.counts.expired += gone;
        gone
    }

    /// Drops all others; says how many there were.
    fn keep(&mut self, wanted: impl Fn(&Slot) -> bool) -> u64 {
        let is_kept = |place: u32| self.slots.get(place as usize).is_none_or(&wanted);
        let mut gone = self.newcomers.keep(is_kept, &mut self.free);
        gone.extend(self.established.keep(is_kept, &mut self.free));
        gone.iter().for_each(|place| drop(self.remove_at(*place)));
        let count = gone.len() as u64;
        self.free.extend(gone);
        self.shrink();
        count
    }

    /// Empties a slot whose place is about to be free; the memory of its entries.
    fn remove_at(&mut self, place: u32) -> Box<[u64]> {
        let Some(slot) = self.slots.get_mut(place as usize) else { return Box::default() };
        let (token, bytes, era) = (slot.token, slot.bytes as usize, slot.era);
        self.counts.count_era(era, false);
        self.counts.events = self.counts.events.saturating_sub(slot.history.len());
        self.bytes = self.bytes.saturating_sub(bytes);
        if slot.queue == Queue::Newcomers {
            self.newcomer_bytes = self.newcomer_bytes.saturating_sub(bytes);
        }
        self.counts.approximate -= usize::from(slot.approximate);
        let memory = std::mem::take(&mut slot.history).into_memory();
        slot.approximate = false;
        slot.queue = Queue::None;
        slot.bytes = 0;
        self.index.remove(token, place);
        memory
    }
}
