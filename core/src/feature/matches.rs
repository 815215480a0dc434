//! Entries that were picked, as bits.

use std::slice::from_ref;

/// The picked entries of a window, one bit each.
pub(super) trait Matches {
    fn words(&self) -> &[u64];

    fn how_many(&self) -> u64 {
        self.words().iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Every one, oldest first.
    fn places(&self) -> impl Iterator<Item = usize> + Clone;

    /// The same, newest first.
    fn newest_first(&self) -> impl Iterator<Item = usize> {
        let words = self.words().iter().enumerate().rev();
        words.flat_map(|(number, word)| Tops(*word).map(move |at| 64 * number + at))
    }

    fn newest(&self) -> Option<usize> {
        let (number, word) = self.words().iter().enumerate().rfind(|(_, word)| **word != 0)?;
        Some(64 * number + 63 - word.leading_zeros() as usize)
    }
}

/// Those of a short history, which is nearly every one.
pub(super) struct One(pub(super) u64);

impl Matches for One {
    #[inline(always)]
    fn words(&self) -> &[u64] {
        from_ref(&self.0)
    }

    #[inline(always)]
    fn places(&self) -> impl Iterator<Item = usize> + Clone {
        Ones(self.0)
    }
}

/// Those of a history of any length.
pub(super) struct Many<'a>(pub(super) &'a [u64]);

impl Matches for Many<'_> {
    fn words(&self) -> &[u64] {
        self.0
    }

    fn places(&self) -> impl Iterator<Item = usize> + Clone {
        self.0.iter().enumerate().flat_map(|(number, word)| Ones(*word).map(move |at| 64 * number + at))
    }
}

/// The places of a word's bits that are set, lowest first.
#[derive(Clone)]
pub(super) struct Ones(pub(super) u64);

impl Iterator for Ones {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let at = (self.0 != 0).then_some(self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(at)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(64))
    }

    fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

/// The same, highest first.
struct Tops(u64);

impl Iterator for Tops {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let at = self.0.checked_ilog2()?;
        self.0 &= !(1 << at);
        Some(at as usize)
    }
}
