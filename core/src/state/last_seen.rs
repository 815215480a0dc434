//! When each value of a sample was seen last.

use smallvec::SmallVec;

/// Values and their last panes, with open addressing: twice as many slots as values, none of which is ever emptied
/// singly.
#[derive(Clone, Debug, Default)]
pub(super) struct LastSeen {
    pub(super) slots: Box<[(u64, i64)]>,
    /// Slots that hold a value, also one that is removed.
    pub(super) used: usize,
}

impl LastSeen {
    /// The pane of a value that is removed.
    pub(super) const NEVER: i64 = i64::MIN;

    /// The slot that holds the value, else the free one where it would be.
    fn slot(&self, value: u64) -> usize {
        let mask = self.slots.len().saturating_sub(1);
        let probe = (0..self.slots.len()).map(|step| (value as usize).wrapping_add(step) & mask);
        let mut fitting =
            probe.filter(|at| self.slots.get(*at).is_some_and(|(known, _)| *known == value || *known == 0));
        fitting.next().unwrap_or(usize::MAX)
    }

    pub(super) fn touch(&self, value: u64) -> u64 {
        let home = value as usize & self.slots.len().saturating_sub(1);
        self.slots.get(home).map_or(0, |(known, _)| *known)
    }

    pub(super) fn find(&self, value: u64) -> Option<i64> {
        let (known, last) = self.slots.get(self.slot(value))?;
        (*known == value && *last != LastSeen::NEVER).then_some(*last)
    }

    pub(super) fn is_full(&self) -> bool {
        self.used * 2 >= self.slots.len()
    }

    /// Forgets values whose last pane is over; grows when too few go.
    #[cold]
    pub(super) fn make_room(&mut self, first: i64) {
        let live = self.slots.iter().filter(|(value, last)| *value != 0 && *last >= first).count();
        let room = if live * 4 > self.slots.len() { self.slots.len() * 2 } else { self.slots.len() };
        self.rebuild(room.max(64), |_, last| last >= first);
    }

    /// Sets the pane of a value; returns that from before.
    pub(super) fn put(&mut self, value: u64, index: i64) -> Option<i64> {
        if self.is_full() {
            self.rebuild((self.slots.len() * 2).max(64), |_, _| true);
        }
        let at = self.slot(value);
        let (known, last) = self.slots.get_mut(at)?;
        self.used += usize::from(*known == 0);
        let before = (*known == value && *last != LastSeen::NEVER).then_some(*last);
        (*known, *last) = (value, index);
        before
    }

    pub(super) fn remove(&mut self, value: u64) -> Option<i64> {
        let before = self.find(value)?;
        self.put(value, LastSeen::NEVER);
        Some(before)
    }

    pub(super) fn retain(&mut self, keeps: impl FnMut(u64, i64) -> bool) {
        self.rebuild(self.slots.len(), keeps);
    }

    fn rebuild(&mut self, room: usize, mut keeps: impl FnMut(u64, i64) -> bool) {
        let is_kept =
            |(value, last): &(u64, i64)| *value != 0 && *last != LastSeen::NEVER && keeps(*value, *last);
        let kept = self.slots.iter().copied().filter(is_kept);
        let kept: SmallVec<[(u64, i64); 256]> = kept.collect();
        // Other memory of that length would have to be looked for, in the middle of a call.
        if room == self.slots.len() {
            self.slots.fill((0, LastSeen::NEVER));
        } else {
            self.slots = vec![(0, LastSeen::NEVER); room].into();
        }
        self.used = kept.len();
        for (value, last) in kept {
            let at = self.slot(value);
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = (value, last);
            }
        }
    }
}
