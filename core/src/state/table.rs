//! The histories of all entities of one key.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::history::History;
use super::record::Shape;
use crate::event::token::Token;

/// Tokens are keyed hashes already: half of one is its own hash, and nobody without the key can make them meet.
#[derive(Debug, Default)]
pub(crate) struct TokenHasher(u64);

impl Hasher for TokenHasher {
    fn write(&mut self, _: &[u8]) {}

    fn write_u128(&mut self, token: u128) {
        self.0 = token as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map by token; nothing depends on its order.
pub(crate) type TokenMap<V> = HashMap<Token, V, BuildHasherDefault<TokenHasher>>;

/// Histories by token.
#[derive(Debug)]
pub(crate) struct EntityTable {
    pub(crate) name: String,
    places: TokenMap<u32>,
    histories: Vec<History>,
    nobody: History,
}

impl EntityTable {
    pub(crate) fn new(name: &str) -> EntityTable {
        EntityTable {
            name: name.to_owned(),
            places: TokenMap::default(),
            histories: Vec::new(),
            nobody: History::default(),
        }
    }

    pub(crate) fn entities(&self) -> usize {
        self.histories.len()
    }

    pub(crate) fn events(&self, shape: &Shape) -> usize {
        self.histories.iter().map(|history| history.view(shape).len()).sum()
    }

    /// Bytes that all histories take.
    pub(crate) fn bytes(&self) -> usize {
        self.histories.iter().map(|history| size_of::<History>() + history.bytes()).sum()
    }

    /// The place of an entity's history, if anything was recorded.
    pub(crate) fn place(&self, token: Token) -> Option<u32> {
        self.places.get(&token).copied()
    }

    /// The history at a place; an empty one for an entity that nothing is known of.
    pub(crate) fn history(&self, place: Option<u32>) -> &History {
        place.and_then(|place| self.histories.get(place as usize)).unwrap_or(&self.nobody)
    }

    pub(crate) fn history_mut(&mut self, place: u32) -> Option<&mut History> {
        self.histories.get_mut(place as usize)
    }

    /// Makes room for an entity that nothing is known of yet.
    pub(crate) fn welcome(&mut self, token: Token) -> u32 {
        let place = self.histories.len() as u32;
        self.histories.push(History::default());
        self.places.insert(token, place);
        place
    }

    pub(crate) fn rebuild(&mut self, mut change: impl FnMut(&History) -> History) {
        for history in &mut self.histories {
            *history = change(history);
        }
    }
}
