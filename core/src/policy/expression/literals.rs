//! The texts that a policy's expressions name, and their numbers.

use std::collections::HashMap;

use ahash::RandomState;

/// Literals by their numbers, and the other way round.
#[derive(Debug)]
pub(crate) struct Literals {
    texts: Vec<String>,
    /// Nothing depends on the order.
    numbers: HashMap<String, u32, RandomState>,
}

impl Literals {
    pub(crate) fn new(texts: &[String]) -> Literals {
        let mut numbers = HashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4));
        numbers.extend(texts.iter().cloned().zip(0..));
        Literals { texts: texts.to_vec(), numbers }
    }

    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The number of the literal that is this text.
    pub(crate) fn number(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }
}
