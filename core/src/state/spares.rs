//! Memory of blocks that were let go of, for those that come next.
//!
//! Entities come, grow and go all the time, and what one lets go of another soon needs. The allocator would have to look
//! for it, in memory that is far from the processor and shared with other threads; here it is at hand.

/// Blocks that are kept. Few lengths come again and again.
const MOST_SPARES: usize = 32;
/// Words of a block that is kept.
const MOST_WORDS: usize = 512;

/// Memory that a thread's calls got from blocks, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Spares(Vec<Box<[u64]>>);

impl Spares {
    /// So many words, all zero.
    pub(super) fn take(&mut self, length: usize) -> Box<[u64]> {
        match self.0.iter().rposition(|words| words.len() == length) {
            Some(at) => self.0.remove(at),
            None => zeros(length),
        }
    }

    /// Keeps memory, but nothing of what was in it, in the place of what was kept longest.
    pub(super) fn keep(&mut self, mut words: Box<[u64]>) {
        if words.is_empty() || words.len() > MOST_WORDS {
            return;
        }
        words.fill(0);
        if self.0.len() == MOST_SPARES {
            self.0.remove(0);
        }
        self.0.push(words);
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
        /// Whatever was kept, what is taken is as new.
        #[test]
        fn what_is_taken_is_as_new(steps in proptest::collection::vec((0usize..6, any::<bool>()), 0..100)) {
            let mut spares = Spares::default();
            for (length, keep) in steps {
                let length = 110 * length;
                if keep {
                    spares.keep(vec![7; length].into());
                } else {
                    let words = spares.take(length);
                    prop_assert!(words.len() == length && words.iter().all(|word| *word == 0));
                }
                prop_assert!(spares.0.len() <= MOST_SPARES);
            }
        }

        /// Memory comes again.
        #[test]
        fn what_is_kept_is_taken(lengths in proptest::collection::vec(1usize..MOST_WORDS, 1..MOST_SPARES)) {
            let mut spares = Spares::default();
            lengths.iter().for_each(|length| spares.keep(vec![7; *length].into()));
            lengths.iter().for_each(|length| drop(spares.take(*length)));
            prop_assert!(spares.0.is_empty());
        }
    }
}
