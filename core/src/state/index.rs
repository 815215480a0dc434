//! Where the slots of a shard are, by token: an open table of words with linear probing.
//!
//! A word is the place of a slot beside half of its token's hash. The hash says where a word belongs, in order: so a
//! lookup waits for one line of memory before the slot's own, and to grow or to remove reads no slot at all.

use crate::event::token::Token;

/// Places by token.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Zero where nothing is. At least a quarter is free, so every search ends.
    words: Box<[u64]>,
    used: usize,
}

/// Tokens are keyed hashes already, and nobody without the key can make them meet. The other half chooses the shard.
fn hash(token: Token) -> u32 {
    (token.low() >> 32) as u32
}

fn word(hash: u32, place: u32) -> u64 {
    u64::from(hash) << 32 | (u64::from(place) + 1)
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Where the search for a hash begins.
    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.words.len() as u64) >> 32) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 < self.words.len() { at + 1 } else { 0 }
    }

    /// How far a place lies behind another.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.words.len() - from }
    }

    fn at(&self, at: usize) -> u64 {
        self.words.get(at).copied().unwrap_or(0)
    }

    fn put(&mut self, at: usize, word: u64) {
        if let Some(place) = self.words.get_mut(at) {
            *place = word;
        }
    }

    /// Has the processor fetch what a search begins with; what comes back means nothing.
    #[inline(always)]
    pub(super) fn touch(&self, token: Token) -> u64 {
        self.at(self.home(hash(token)))
    }

    /// A place with the token's hash that is the token's own.
    #[inline]
    pub(super) fn find(&self, token: Token, is_own: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = hash(token);
        let mut at = self.home(hash);
        loop {
            let word = self.at(at);
            if word == 0 {
                return None;
            }
            let place = (word as u32).wrapping_sub(1);
            if (word >> 32) as u32 == hash && is_own(place) {
                return Some(place);
            }
            at = self.after(at);
        }
    }

    /// Adds a place that is not there yet.
    pub(super) fn insert(&mut self, token: Token, place: u32) {
        if (self.used + 1) * 4 > self.words.len() * 3 {
            self.grow();
        }
        self.add(word(hash(token), place));
        self.used += 1;
    }

    fn add(&mut self, word: u64) {
        let mut at = self.home((word >> 32) as u32);
        while self.at(at) != 0 {
            at = self.after(at);
        }
        self.put(at, word);
    }

    /// Makes room for so many places.
    pub(super) fn expect(&mut self, places: usize) {
        let room = places + places / 3 + 1;
        if room > self.words.len() {
            self.grow_to(room);
        }
    }

    /// Doubling would leave up to half of the memory unused.
    #[cold]
    fn grow(&mut self) {
        self.grow_to(self.words.len() + self.words.len() / 4 + 8);
    }

    fn grow_to(&mut self, room: usize) {
        let old = std::mem::replace(&mut self.words, vec![0; room].into());
        old.into_iter().filter(|word| *word != 0).for_each(|word| self.add(word));
    }

    /// Takes a place away, and moves what was pushed behind it closer to where it belongs.
    pub(super) fn remove(&mut self, token: Token, place: u32) {
        let wanted = word(hash(token), place);
        let mut gap = self.home(hash(token));
        while self.at(gap) != wanted {
            if self.at(gap) == 0 {
                return;
            }
            gap = self.after(gap);
        }
        let mut at = self.after(gap);
        while self.at(at) != 0 {
            let home = self.home((self.at(at) >> 32) as u32);
            if self.distance(home, at) >= self.distance(gap, at) {
                self.put(gap, self.at(at));
                gap = at;
            }
            at = self.after(at);
        }
        self.put(gap, 0);
        self.used -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Few hashes, so that they meet.
    fn token(number: u8) -> Token {
        Token(u128::from(number) << 64 | u128::from(number % 5) << 61)
    }

    proptest! {
        /// Against a sorted map.
        #[test]
        fn an_index_is_a_map(
            expected in 0usize..60,
            steps in proptest::collection::vec((0u8..40, any::<bool>()), 0..200),
        ) {
            let (mut index, mut map) = (Index::default(), BTreeMap::new());
            index.expect(expected);
            let (room, mut most) = (index.words.len(), 0);
            for (number, add) in steps {
                let place = u32::from(number) * 7;
                match (add, map.contains_key(&number)) {
                    (true, false) => {
                        index.insert(token(number), place);
                        map.insert(number, place);
                    }
                    (false, true) => {
                        index.remove(token(number), place);
                        map.remove(&number);
                    }
                    // What is not there is not removed.
                    (false, false) => index.remove(token(number), place),
                    (true, true) => {}
                }
                prop_assert_eq!(index.len(), map.len());
                most = most.max(index.len());
                prop_assert!(most > expected || index.words.len() == room, "what was expected has room");
                for number in 0..40 {
                    let found = index.find(token(number), |place| place == u32::from(number) * 7);
                    prop_assert_eq!(found, map.get(&number).copied());
                }
            }
        }
    }
}
