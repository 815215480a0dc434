//! The texts that a policy's expressions name, and their numbers.

/// Literals by their numbers, and the other way round.
#[derive(Debug)]
pub(crate) struct Literals {
    texts: Vec<String>,
    /// Where literals stand by their hashes, each in the first free slot from there on; at least half are free.
    slots: Vec<Option<u32>>,
}

impl Literals {
    pub(crate) fn new(texts: &[String]) -> Literals {
        let mut literals =
            Literals { texts: texts.to_vec(), slots: vec![None; (2 * texts.len()).next_power_of_two()] };
        for (number, text) in (0..).zip(texts) {
            let free = literals.from(text).find(|slot| literals.slots.get(*slot) == Some(&None));
            if let Some(slot) = free.and_then(|free| literals.slots.get_mut(free)) {
                *slot = Some(number);
            }
        }
        literals
    }

    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The number of the literal that is this text.
    pub(crate) fn number(&self, text: &str) -> Option<u32> {
        for slot in self.from(text) {
            let number = self.slots.get(slot).copied().flatten()?;
            if self.texts.get(number as usize).is_some_and(|known| known == text) {
                return Some(number);
            }
        }
        None
    }

    /// All slots, from that of the text's hash on.
    fn from(&self, text: &str) -> impl Iterator<Item = usize> + use<> {
        let last = self.slots.len() - 1;
        let first = hash(text.as_bytes()) as usize;
        (0..=last).map(move |step| first.wrapping_add(step) & last)
    }
}

/// Only policies put texts into the table, so that it need not withstand anybody who looks for equal hashes.
fn hash(text: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    let hash = text.len() as u64;
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let edges = mix(mix(hash, u64::from_le_bytes(*first)), u64::from_le_bytes(*last));
            // Nearly all are words of no more than 16 letters.
            let inner = if text.len() > 16 { text } else { &[] };
            inner.as_chunks().0.iter().fold(edges, |hash, word| mix(hash, u64::from_le_bytes(*word)))
        }
        _ => text.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_those_of_their_texts(
            texts in proptest::collection::btree_set("[ab]{0,3}[a-c]{6}[ab]{0,12}", 0..40),
            others in proptest::collection::vec("[ab]{0,3}[a-c]{6}[ab]{0,12}", 0..40),
        ) {
            let texts: Vec<String> = texts.into_iter().collect();
            let literals = Literals::new(&texts);
            for text in texts.iter().chain(&others) {
                let number = texts.iter().position(|known| known == text).map(|number| number as u32);
                prop_assert_eq!(literals.number(text), number);
            }
        }
    }
}
