//! Memory of blocks that were let go of, for those that come next.
//!
//! Entities come, grow and go all the time, and what one lets go of another soon needs. The allocator would have to look
//! for it, in memory that is far from the processor and shared with other threads; here it is at hand.

/// Words of a block that is kept.
const MOST_WORDS: usize = 512;
/// Blocks of one length that are kept take about so many words together, so that those that nobody asks for do not
/// crowd out others.
const WORDS_OF_LENGTH: usize = 256;
/// And all of them no more than so many: no budget counts them, and there are some for each policy of each thread.
const WORDS: usize = 16_384;

/// Memory that a thread's calls got from blocks.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    /// By length, the latest last.
    of_length: Vec<Vec<Box<[u64]>>>,
    /// Of all of them together.
    words: usize,
    /// The length that makes room next.
    turn: usize,
}

impl Spares {
    /// So many words, all zero.
    pub(super) fn take(&mut self, length: usize) -> Box<[u64]> {
        let Some(mut words) = self.of_length.get_mut(length).and_then(Vec::pop) else { return zeros(length) };
        self.words -= length;
        words.fill(0);
        words
    }

    /// Keeps memory if there is not enough of its length.
    pub(super) fn keep(&mut self, words: Box<[u64]>) {
        let length = words.len();
        if length == 0 || length > MOST_WORDS {
            return;
        }
        if self.of_length.is_empty() {
            self.of_length.resize_with(MOST_WORDS + 1, Vec::new);
        }
        if let Some(kept) = self.of_length.get_mut(length)
            && kept.len() < (WORDS_OF_LENGTH / length).max(1)
        {
            kept.push(words);
            self.words += length;
        }
        while self.words > WORDS {
            self.drop_next();
        }
    }

    /// Lets a block of the next length go, if there is one: lengths that nobody asks for do not stay for ever.
    fn drop_next(&mut self) {
        self.turn = (self.turn + 1) % (MOST_WORDS + 1);
        if let Some(words) = self.of_length.get_mut(self.turn).and_then(Vec::pop) {
            self.words -= words.len();
        }
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
        fn what_is_taken_is_as_new(steps in proptest::collection::vec((0usize..8, any::<bool>()), 0..100)) {
            let mut spares = Spares::default();
            for (length, keep) in steps {
                let length = 75 * length;
                if keep {
                    spares.keep(vec![7; length].into());
                } else {
                    let words = spares.take(length);
                    prop_assert!(words.len() == length && words.iter().all(|word| *word == 0));
                }
            }
        }

        /// Memory comes again, as much of a length as is worth it.
        #[test]
        fn what_is_kept_is_taken(length in 1usize..600, count in 0usize..300) {
            let mut spares = Spares::default();
            let most = if length > MOST_WORDS { 0 } else { (WORDS_OF_LENGTH / length).max(1) };
            let blocks: Vec<Box<[u64]>> = (0..count).map(|_| vec![7; length].into()).collect();
            let places: Vec<_> = blocks.iter().map(|words| words.as_ptr()).collect();
            blocks.into_iter().for_each(|words| spares.keep(words));
            prop_assert_eq!(spares.words, length * count.min(most));
            // The latest is the first to be taken: it is still in the processor's caches.
            for place in places.iter().take(most).rev() {
                let words = spares.take(length);
                prop_assert_eq!(words.as_ptr(), *place);
            }
            prop_assert_eq!(spares.words, 0);
        }
    }

    #[test]
    fn there_is_an_end_of_it() {
        let mut spares = Spares::default();
        for length in 1..=MOST_WORDS {
            spares.keep(vec![7; length].into());
            let held: usize = spares.of_length.iter().flatten().map(|words| words.len()).sum();
            assert!(spares.words == held && held <= WORDS);
        }
        // What nobody asks for does not keep others out.
        assert!(spares.words > WORDS - MOST_WORDS);
        for length in [1, 60, 100] {
            let words: Box<[u64]> = vec![7; length].into();
            let place = words.as_ptr();
            spares.keep(words);
            let taken = spares.take(length);
            assert_eq!(taken.as_ptr(), place);
        }
    }
}
