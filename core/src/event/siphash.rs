//! SipHash-2-4 with 128 bits of output, by Aumasson and Bernstein, for bytes that are there as a whole.

/// The hash as an integer: its first half is the low one.
pub(crate) fn siphash(key: &[u8; 16], bytes: &[u8]) -> u128 {
    let key = u128::from_le_bytes(*key);
    let (low, high) = (key as u64, (key >> 64) as u64);
    let mut state = State {
        a: low ^ 0x736f_6d65_7073_6575,
        b: high ^ 0x646f_7261_6e64_6f6d ^ 0xee,
        c: low ^ 0x6c79_6765_6e65_7261,
        d: high ^ 0x7465_6462_7974_6573,
    };
    let (words, rest) = bytes.as_chunks();
    for word in words {
        state.absorb(u64::from_le_bytes(*word));
    }
    let rest = match bytes.last_chunk() {
        // The last bytes of eight, without those that were absorbed before.
        Some(last) if !rest.is_empty() => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
        _ => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    state.absorb((bytes.len() as u64) << 56 | rest);
    state.c ^= 0xee;
    let first = state.finish();
    state.b ^= 0xdd;
    u128::from(first) | u128::from(state.finish()) << 64
}

struct State {
    a: u64,
    b: u64,
    c: u64,
    d: u64,
}

impl State {
    #[inline(always)]
    fn round(&mut self) {
        let State { a, b, c, d } = self;
        *a = a.wrapping_add(*b);
        *c = c.wrapping_add(*d);
        *b = b.rotate_left(13) ^ *a;
        *d = d.rotate_left(16) ^ *c;
        *a = a.rotate_left(32).wrapping_add(*d);
        *c = c.wrapping_add(*b);
        *d = d.rotate_left(21) ^ *a;
        *b = b.rotate_left(17) ^ *c;
        *c = c.rotate_left(32);
    }

    #[inline(always)]
    fn absorb(&mut self, word: u64) {
        self.d ^= word;
        self.round();
        self.round();
        self.a ^= word;
    }

    #[inline(always)]
    fn finish(&mut self) -> u64 {
        for _ in 0..4 {
            self.round();
        }
        self.a ^ self.b ^ self.c ^ self.d
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use siphasher::sip128::SipHasher24;

    proptest! {
        #[test]
        fn hashes_as_others_do(key: [u8; 16], bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
            for length in 0..=bytes.len() {
                let bytes = &bytes[..length];
                prop_assert_eq!(siphash(&key, bytes), SipHasher24::new_with_key(&key).hash(bytes).as_u128());
            }
        }
    }
}
