//! Memory of blocks that were let go of, for those that come next.
//!
//! In each shard entities come, grow and go all the time, and what one lets go of another soon needs. The allocator
//! would have to look for it, in memory that is far from the processor and shared with other threads; here it is under
//! the lock that is held anyway, and has just been read.

/// Blocks that are kept. Few lengths come again and again.
const MOST_SPARES: usize = 12;
/// Words of a block that is kept.
const MOST_WORDS: usize = 512;

/// Memory of a shard's blocks that no block needs now, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    blocks: Vec<Box<[u64]>>,
    bytes: usize,
}

impl Spares {
    /// So many words, all zero.
    pub(super) fn take(&mut self, length: usize) -> Box<[u64]> {
        let known = self.blocks.iter().rposition(|words| words.len() == length);
        match known {
            Some(at) => {
                let mut words = self.blocks.remove(at);
                self.bytes -= 8 * length;
                words.fill(0);
                words
            }
            None => zeros(length),
        }
    }

    /// Keeps memory in the place of what was kept longest.
    pub(super) fn keep(&mut self, words: Box<[u64]>) {
        if words.is_empty() || words.len() > MOST_WORDS {
            return;
        }
        self.bytes += 8 * words.len();
        if self.blocks.len() < MOST_SPARES {
            self.blocks.push(words);
            return;
        }
        self.blocks.rotate_left(1);
        if let Some(last) = self.blocks.last_mut() {
            self.bytes -= 8 * last.len();
            *last = words;
        }
    }

    /// Bytes of all that is kept.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives everything back.
    pub(super) fn clear(&mut self) {
        *self = Spares::default();
    }
}

/// Memory that was let go of lately, where the allocator keeps such at hand: glibc's does not for what has to be zero.
pub(super) fn zeros(length: usize) -> Box<[u64]> {
    let mut words = Vec::with_capacity(length);
    words.extend(std::iter::repeat_n(0, length));
    words.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever was kept, what is taken is as new, and the bytes are those of what is left.
        #[test]
        fn what_is_taken_is_as_new(steps in proptest::collection::vec((0usize..600, any::<bool>()), 0..100)) {
            let mut spares = Spares::default();
            for (length, keep) in steps {
                // Few lengths, so that they come again.
                let length = length / 100 * 100;
                if keep {
                    spares.keep(vec![7; length].into());
                } else {
                    let words = spares.take(length);
                    prop_assert!(words.len() == length && words.iter().all(|word| *word == 0));
                }
                prop_assert!(spares.blocks.len() <= MOST_SPARES);
                prop_assert_eq!(spares.bytes(), spares.blocks.iter().map(|words| size_of_val(&**words)).sum::<usize>());
            }
        }

        /// Memory comes again.
        #[test]
        fn what_is_kept_is_taken(lengths in proptest::collection::vec(1usize..MOST_WORDS, 1..MOST_SPARES)) {
            let mut spares = Spares::default();
            lengths.iter().for_each(|length| spares.keep(vec![7; *length].into()));
            lengths.iter().for_each(|length| drop(spares.take(*length)));
            prop_assert_eq!(spares.bytes(), 0);
        }
    }
}
