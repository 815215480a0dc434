//! Codes: small numbers that stand for the words of a dictionary, read and compared many at once.

use super::bits;

/// Of so many words several are compared at once.
const MANY: usize = 32;

/// The place of a word among some that differ.
#[inline(always)]
pub(super) fn place_of_word(words: &[u64], word: u64) -> Option<usize> {
    if words.len() < MANY {
        return words.iter().position(|known| *known == word);
    }
    place_among_many(words, word)
}

/// The latest words are asked for most, and stand last.
#[inline(never)]
fn place_among_many(words: &[u64], word: u64) -> Option<usize> {
    let (first, parts) = words.as_rchunks::<MANY>();
    for (number, part) in parts.iter().enumerate().rev() {
        // Half of a word tells nearly all others apart, and twice as many of them are compared at once.
        let alike = |known: &u64| if *known as u32 == word as u32 { u32::MAX } else { 0 };
        if part.iter().fold(0, |all, known| all | alike(known)) != 0
            && let Some(at) = part.iter().position(|known| *known == word)
        {
            return Some(first.len() + number * MANY + at);
        }
    }
    first.iter().position(|known| *known == word)
}

/// A coded column as a visit reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coded<'a> {
    pub(super) codes: Codes<'a>,
    pub(super) dictionary: &'a [u64],
}

impl Coded<'_> {
    /// Different words since the dictionary was last cleaned: no code is higher.
    pub(crate) fn size(&self) -> usize {
        self.dictionary.len()
    }

    #[inline(always)]
    pub(crate) fn code(&self, at: usize) -> usize {
        self.codes.code(at)
    }

    #[inline(always)]
    pub(crate) fn word(&self, at: usize) -> u64 {
        self.dictionary.get(self.code(at)).copied().unwrap_or(0)
    }

    /// One bit for each code of the picked ones of 64 entries from `from` on; `None` when the codes are too many.
    #[inline(always)]
    pub(crate) fn seen(&self, picked: u64, from: usize) -> Option<u64> {
        if self.size() <= Codes::FEW { Some(self.codes.seen(picked, from)) } else { None }
    }

    /// One bit for each of 64 entries from `from` on: whether it holds this code. Those behind the first `count` are
    /// anything.
    #[inline(always)]
    pub(crate) fn same(&self, code: usize, from: usize, count: usize) -> u64 {
        self.codes.same(code, from, count)
    }

    /// The code of a word, if an entry may hold it.
    pub(crate) fn code_of(&self, word: u64) -> Option<usize> {
        place_of_word(self.dictionary, word)
    }
}

/// The codes of a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codes<'a> {
    pub(super) words: &'a [u64],
    pub(super) width: usize,
    pub(super) first: usize,
}

impl Codes<'_> {
    /// So many different codes have a bit each, and leave one.
    pub(super) const FEW: usize = 63;

    #[inline(always)]
    pub(super) fn code(&self, at: usize) -> usize {
        bits::number(self.words, self.width, self.first + at) as usize
    }

    /// One bit for each code of the picked ones of 64 entries from `from` on; no code is above 62.
    #[inline(always)]
    pub(super) fn seen(&self, picked: u64, from: usize) -> u64 {
        if self.width == 8 { self.seen_of_bytes(picked, from) } else { self.seen_one_by_one(picked, from) }
    }

    fn seen_one_by_one(&self, mut picked: u64, from: usize) -> u64 {
        let mut seen = 0;
        while picked != 0 {
            seen |= 1 << (self.code(from + picked.trailing_zeros() as usize) % 64);
            picked &= picked - 1;
        }
        seen
    }

    /// Eight codes at once: all that are not picked become the one code that none has.
    #[inline(always)]
    fn seen_of_bytes(&self, picked: u64, from: usize) -> u64 {
        if picked == 0 {
            return 0;
        }
        let skipped = picked.trailing_zeros();
        let mut left = picked >> skipped;
        let bit = (self.first + from + skipped as usize) * 8;
        let word = |at: usize| self.words.get(at).copied().unwrap_or(0);
        let (mut at, mut low) = (bit / 64, word(bit / 64));
        let mut seen = 0u64;
        while left != 0 {
            at += 1;
            let high = word(at);
            let codes = bits::shifted(low, high, bit % 64);
            low = high;
            // One for each that is not picked, the first one in the highest byte.
            let others = (!left & 0xff).wrapping_mul(0x8040_2010_0804_0201) >> 7 & 0x0101_0101_0101_0101;
            let mut codes = codes.swap_bytes() | (others * 63);
            for _ in 0..8 {
                seen |= 1 << (codes % 64);
                codes >>= 8;
            }
            left >>= 8;
        }
        seen & (u64::MAX >> 1)
    }

    /// One bit for each of 64 entries from `from` on: whether it holds this code. Those behind the first `count` are
    /// anything.
    #[inline(always)]
    pub(super) fn same(&self, code: usize, from: usize, count: usize) -> u64 {
        match self.width {
            8 => self.same_of::<8>(code, from, count, 0x0102_0408_1020_4080),
            _ => self.same_of::<16>(code, from, count, 0x1000_2000_4000_8000),
        }
    }

    /// The same of codes of one width: as many as a word has room for are compared at once. Multiplied by `gather`, the
    /// lowest bits of all of them come together as the highest ones.
    #[inline(always)]
    fn same_of<const WIDTH: usize>(&self, code: usize, from: usize, count: usize, gather: u64) -> u64 {
        let lowest = u64::MAX / ((1 << WIDTH) - 1);
        let highest = lowest << (WIDTH - 1);
        let wanted = lowest.wrapping_mul(code as u64);
        let bit = (self.first + from) * WIDTH;
        let mut words = self.words.get(bit / 64..).unwrap_or(&[]).iter().copied();
        let mut low = words.next().unwrap_or(0);
        let mut same = 0;
        for at in (0..count.min(64)).step_by(64 / WIDTH) {
            let high = words.next().unwrap_or(0);
            let other = (low >> (bit % 64) | high << 1 << (63 - bit % 64)) ^ wanted;
            low = high;
            // The highest bit of each is set but where the code is the same, for then all of them are zeros.
            let zeros = !((other & !highest).wrapping_add(!highest) | other) & highest;
            same |= (zeros >> (WIDTH - 1)).wrapping_mul(gather) >> (64 - 64 / WIDTH) << at;
        }
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against one word after the other; halves of them come again.
        #[test]
        fn places_are_found_together(
            words in proptest::collection::btree_set((0u64..4, 0u64..80), 0..200),
            asked in (0u64..4, 0u64..80),
        ) {
            let word = |(high, low): (u64, u64)| high << 32 | low;
            let words: Vec<u64> = words.into_iter().map(word).collect();
            let slowly = words.iter().position(|known| *known == word(asked));
            prop_assert_eq!(place_of_word(&words, word(asked)), slowly);
            prop_assert_eq!(place_among_many(&words, word(asked)), slowly);
        }

        /// Against one code after the other.
        #[test]
        fn codes_are_compared_together(
            words in proptest::collection::vec(any::<u64>(), 80),
            width in prop_oneof![Just(8usize), Just(16)],
            first in 0usize..100,
            from in 0usize..70,
            count in 0usize..70,
            like in 0usize..64,
            few: bool,
        ) {
            // Few different codes come again and again.
            let few = if few { 0x0103_8001_0103_8001 } else { u64::MAX };
            let codes: Vec<u64> = words.iter().map(|word| word & few).collect();
            let codes = Codes { words: &codes, width, first };
            let code = codes.code(from + like);
            let same = codes.same(code, from, count);
            for at in 0..count.min(64) {
                prop_assert_eq!(same >> at & 1 == 1, codes.code(from + at) == code, "entry {}", at);
            }
        }

        /// Against one code after the other.
        #[test]
        fn codes_are_seen_together(
            codes in proptest::collection::vec(0u16..63, 200),
            width in prop_oneof![Just(8usize), Just(16)],
            first in 0usize..70,
            from in 0usize..66,
            (picked, more) in any::<(u64, u64)>(),
        ) {
            let mut words = vec![0; 50];
            (0..).zip(&codes).for_each(|(at, code)| bits::write_number(&mut words, width, at, u64::from(*code)));
            let together = Codes { words: &words, width, first };
            for picked in [picked, picked & more, picked | more, 0, u64::MAX] {
                let places = (0..64).filter(|at| picked >> at & 1 == 1);
                let expected = places.fold(0u64, |seen, at| seen | 1 << codes[first + from + at]);
                prop_assert_eq!(together.seen(picked, from), expected);
            }
        }
    }
}
