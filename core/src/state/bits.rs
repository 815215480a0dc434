//! Bits that stand one behind the other in words, lowest first: flags, and small numbers of a fixed width.

/// Up to 64 bits from `at` on; those behind the last word are false.
#[inline(always)]
pub(super) fn read(words: &[u64], at: usize) -> u64 {
    let (place, shift) = (at / 64, at % 64);
    match words.get(place..place + 2) {
        Some([low, high]) => shifted(*low, *high, shift),
        _ => words.get(place).map_or(0, |last| last >> shift),
    }
}

/// The bits of two words, one behind the other, from one of the first on.
#[inline(always)]
pub(super) fn shifted(low: u64, high: u64, shift: usize) -> u64 {
    ((u128::from(high) << 64 | u128::from(low)) >> (shift % 64)) as u64
}

/// One of the numbers of 8 or 16 bits that follow one another from the first word on.
#[inline(always)]
pub(super) fn number(words: &[u64], width: usize, at: usize) -> u64 {
    let bit = at * width;
    words.get(bit / 64).copied().unwrap_or(0) >> (bit % 64) & ((1 << width) - 1)
}

/// Writes one of them.
#[inline(always)]
pub(super) fn write_number(words: &mut [u64], width: usize, at: usize, number: u64) {
    write_inside(words, width, at * width, number);
}

/// Writes a number of `width` bits that lie within one word, from `bit` on.
#[inline(always)]
pub(super) fn write_inside(words: &mut [u64], width: usize, bit: usize, number: u64) {
    if let Some(word) = words.get_mut(bit / 64) {
        *word = *word & !(((1 << width) - 1) << (bit % 64)) | number << (bit % 64);
    }
}

/// Writes one bit.
#[inline(always)]
pub(super) fn write_flag(words: &mut [u64], at: usize, flag: bool) {
    if let Some(word) = words.get_mut(at / 64) {
        *word = *word & !(1 << (at % 64)) | u64::from(flag) << (at % 64);
    }
}

/// Writes the lowest `count` bits of `value`, at most 64, from `at` on.
#[inline(always)]
pub(super) fn write(words: &mut [u64], at: usize, count: usize, value: u64) {
    let mask = ones(count);
    let (place, shift) = (at / 64, at % 64);
    if let Some(word) = words.get_mut(place) {
        *word = *word & !(mask << shift) | (value & mask) << shift;
    }
    if shift + count > 64
        && let Some(word) = words.get_mut(place + 1)
    {
        let taken = 64 - shift;
        *word = *word & !(mask >> taken) | (value & mask) >> taken;
    }
}

/// Columns of bits: where the first one starts, and how many bits behind it the next one does.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) first: usize,
    pub(super) stride: usize,
}

/// Copies the first `count` bits of so many columns to where all are zeros.
pub(super) fn copy_columns(
    (to, to_columns): (&mut [u64], Columns),
    (from, from_columns): (&[u64], Columns),
    (columns, count): (usize, usize),
) {
    let (mut to_at, mut from_at) = (to_columns.first, from_columns.first);
    for _ in 0..columns {
        for at in (0..count).step_by(64) {
            add(to, to_at + at, read(from, from_at + at) & ones(count - at));
        }
        to_at += to_columns.stride;
        from_at += from_columns.stride;
    }
}

/// Writes bits to where all are zeros.
#[inline(always)]
fn add(words: &mut [u64], at: usize, bits: u64) {
    let (place, shift) = (at / 64, at % 64);
    if let Some([low, high]) = words.get_mut(place..place + 2) {
        *low |= bits << shift;
        *high |= bits >> 1 >> (63 - shift);
    } else if let Some(last) = words.get_mut(place) {
        *last |= bits << shift;
    }
}

/// Moves `count` bits; the two places may overlap.
pub(super) fn shift(words: &mut [u64], from: usize, to: usize, count: usize) {
    let pieces = (0..count).step_by(64).map(|at| (at, (count - at).min(64)));
    let mut one = |(at, size)| {
        let value = read(words, from + at);
        write(words, to + at, size, value);
    };
    if to > from {
        pieces.rev().for_each(&mut one);
    } else {
        pieces.for_each(&mut one);
    }
}

/// Moves all bits down by `by`; zeros follow the last.
pub(super) fn shift_down(words: &mut [u64], by: usize) {
    let (whole, shift) = ((by / 64).min(words.len()), by % 64);
    let kept = words.len() - whole;
    words.copy_within(whole.., 0);
    let (moved, freed) = words.split_at_mut(kept);
    freed.fill(0);
    moved.iter_mut().rev().fold(0, |above, word| {
        let low = *word;
        *word = low >> shift | above << 1 << (63 - shift);
        low
    });
}

/// The lowest `count` bits, all 64 when there are more.
#[inline(always)]
pub(crate) fn ones(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unpack(words: &[u64]) -> Vec<bool> {
        words.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1 == 1)).collect()
    }

    proptest! {
        /// Against a vector of booleans.
        #[test]
        fn bits_are_a_vector_of_booleans(
            words in proptest::collection::vec(any::<u64>(), 5),
            from in 0usize..320,
            to in 0usize..320,
            count in 0usize..320,
            value in any::<u64>(),
        ) {
            let naive = unpack(&words);
            for (offset, expected) in naive.iter().skip(from).take(64).enumerate() {
                prop_assert_eq!(read(&words, from) >> offset & 1 == 1, *expected);
            }
            prop_assert_eq!(number(&words, 16, from / 16), read(&words, from / 16 * 16) & 0xffff);
            let (mut numbers, mut expected) = (words.clone(), words.clone());
            write_number(&mut numbers, 8, to / 8, value & 0xff);
            write(&mut expected, to / 8 * 8, 8, value);
            prop_assert_eq!(numbers, expected);

            let few = count.min(64).min(320 - to);
            let (mut written, mut expected) = (words.clone(), naive.clone());
            write(&mut written, to, few, value);
            for bit in 0..few {
                expected[to + bit] = value >> bit & 1 == 1;
            }
            prop_assert_eq!(unpack(&written), expected);

            let (mut flagged, mut expected) = (words.clone(), words.clone());
            write_flag(&mut flagged, to, value & 1 == 1);
            write(&mut expected, to, 1, value);
            prop_assert_eq!(flagged, expected);

            let mut down = words.clone();
            shift_down(&mut down, from);
            let expected: Vec<bool> = naive.iter().skip(from).copied().chain([false; 320]).take(320).collect();
            prop_assert_eq!(unpack(&down), expected);

            // Two columns, the second one from the next bit on and apart from the first.
            let apart = few.min(319 - from).min(255 - to.min(255));
            let mut copied = vec![0; 5];
            let columns = |first, stride| Columns { first, stride };
            copy_columns((&mut copied, columns(to, 64)), (&words, columns(from, 1)), (2, apart));
            let mut expected = vec![false; 320];
            for (to, from) in [(to, from), (to + 64, from + 1)] {
                if apart > 0 {
                    expected[to..to + apart].copy_from_slice(&naive[from..from + apart]);
                }
            }
            prop_assert_eq!(unpack(&copied), expected);

            let count = count.min(320 - from).min(320 - to);
            let mut copied = vec![0; 5];
            copy_columns((&mut copied, columns(to, 0)), (&words, columns(from, 0)), (1, count));
            let mut expected = vec![false; 320];
            expected[to..to + count].copy_from_slice(&naive[from..from + count]);
            prop_assert_eq!(unpack(&copied), expected);

            let (mut moved, mut expected) = (words.clone(), naive.clone());
            shift(&mut moved, from, to, count);
            expected[to..to + count].copy_from_slice(&naive[from..from + count]);
            prop_assert_eq!(unpack(&moved), expected);
        }
    }
}
