//! Columns of bits that stand one behind the other: what is true of which entry of a history.

/// Bits of one column for every entry, entry after entry from the lowest bit on.
///
/// Reading takes 64 entries at once from any entry on, so that selecting entries is a few ANDs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
    /// Words of one column.
    stride: usize,
}

impl Bits {
    /// Room for `entries` in each of `columns`, all false.
    pub(crate) fn with_room(columns: usize, entries: usize) -> Bits {
        let stride = entries.div_ceil(64);
        Bits { words: vec![0; columns * stride], stride }
    }

    fn column(&self, column: usize) -> &[u64] {
        self.words.get(column * self.stride..(column + 1) * self.stride).unwrap_or(&[])
    }

    fn column_mut(&mut self, column: usize) -> &mut [u64] {
        self.words.get_mut(column * self.stride..(column + 1) * self.stride).unwrap_or(&mut [])
    }

    /// The bits of 64 entries from `entry` on; those behind the last are false or stale.
    #[inline]
    pub(crate) fn word(&self, column: usize, entry: usize) -> u64 {
        let (place, shift) = (column * self.stride + entry / 64, entry % 64);
        let word = |place| self.words.get(place).copied().unwrap_or(0);
        let low = word(place) >> shift;
        // Nothing of the next word when the shift is 0.
        if entry / 64 + 1 < self.stride { low | word(place + 1) << 1 << (63 - shift) } else { low }
    }

    pub(crate) fn get(&self, column: usize, entry: usize) -> bool {
        self.column(column).get(entry / 64).is_some_and(|word| word >> (entry % 64) & 1 == 1)
    }

    pub(crate) fn set(&mut self, column: usize, entry: usize, value: bool) {
        if let Some(word) = self.column_mut(column).get_mut(entry / 64) {
            *word = *word & !(1 << (entry % 64)) | u64::from(value) << (entry % 64);
        }
    }

    /// Puts a bit before `entry`; those from there to `end` move up by one.
    fn insert(&mut self, column: usize, entry: usize, end: usize, value: bool) {
        if entry < end {
            let first = entry / 64;
            let words = self.column_mut(column).get_mut(first..=end / 64).unwrap_or(&mut []);
            let mut carry = 0;
            for (number, word) in words.iter_mut().enumerate() {
                // Below the place nothing moves.
                let kept = if number == 0 { (1 << (entry % 64)) - 1 } else { 0 };
                let moved = *word & !kept;
                *word = *word & kept | moved << 1 | carry;
                carry = moved >> 63;
            }
        }
        self.set(column, entry, value);
    }

    /// Puts a bit of each column before `entry`; those from there to `end` move up by one.
    pub(crate) fn insert_all(&mut self, entry: usize, end: usize, bits: impl Iterator<Item = bool>) {
        if entry < end {
            for (column, bit) in bits.enumerate() {
                self.insert(column, entry, end, bit);
            }
            return;
        }
        // Nearly every event is the newest: one word of each column changes.
        let (word, shift) = (entry / 64, entry % 64);
        let columns = self.words.get_mut(word..).unwrap_or(&mut []).iter_mut().step_by(self.stride.max(1));
        for (place, bit) in columns.zip(bits) {
            *place = *place & !(1 << shift) | u64::from(bit) << shift;
        }
    }

    /// The same bits in other room, the entry `from` becoming the first.
    pub(crate) fn moved(&self, columns: usize, from: usize, room: usize) -> Bits {
        let mut moved = Bits::with_room(columns, room);
        for column in 0..columns {
            for (number, word) in moved.column_mut(column).iter_mut().enumerate() {
                *word = self.word(column, from + 64 * number);
            }
        }
        moved
    }

    /// Moves everything down in place, so that the entry `from` becomes the first.
    pub(crate) fn shift_down(&mut self, columns: usize, from: usize) {
        for column in 0..columns {
            for number in 0..self.stride {
                let word = self.word(column, from + 64 * number);
                if let Some(place) = self.column_mut(column).get_mut(number) {
                    *place = word;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a vector of booleans.
        #[test]
        fn bits_are_a_vector_of_booleans(
            steps in proptest::collection::vec((0usize..200, any::<bool>(), 0u8..8), 1..180)
        ) {
            let mut bits = Bits::with_room(3, 192);
            let (mut naive, mut start) = (Vec::<bool>::new(), 0usize);
            for (at, value, action) in steps {
                match action {
                    0 if naive.len() > 3 => {
                        naive.drain(..2);
                        start += 2;
                    }
                    1 if !naive.is_empty() => {
                        let at = at % naive.len();
                        naive[at] = value;
                        bits.set(1, start + at, value);
                    }
                    2 => {
                        bits.shift_down(3, start);
                        start = 0;
                    }
                    3 => {
                        bits = bits.moved(3, start, 192);
                        start = 0;
                    }
                    _ if start + naive.len() < 192 => {
                        let at = at % (naive.len() + 1);
                        let column = [false, value, false];
                        bits.insert_all(start + at, start + naive.len(), column.into_iter());
                        naive.insert(at, value);
                    }
                    _ => {}
                }
                for from in 0..naive.len() {
                    let word = bits.word(1, start + from);
                    for (offset, expected) in naive.iter().skip(from).take(64).enumerate() {
                        prop_assert_eq!(word >> offset & 1 == 1, *expected);
                        prop_assert_eq!(bits.get(1, start + from + offset), *expected);
                    }
                }
                prop_assert_eq!(bits.word(0, 0) | bits.word(2, 0) | bits.word(2, 64), 0, "other columns stay");
            }
        }
    }
}
