//! Text attributes as history remembers them: one word each.

use siphasher::sip128::SipHasher24;

/// A remembered text in 64 bits.
///
/// Texts of up to seven bytes (country codes, category codes, currencies, most codes of ISO 8583) are kept
/// whole; longer ones as a 63-bit hash, which can be compared and counted but not read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Symbol(pub(crate) u64);

const HASHED: u64 = 1 << 63;
/// Attributes are no identifiers: their hash needs no secret, only to be the same everywhere.
const KEY: &[u8; 16] = b"sekisho symbol 1";

impl Symbol {
    pub(crate) fn of(text: &str) -> Symbol {
        let hashed = || Symbol(SipHasher24::new_with_key(KEY).hash(text.as_bytes()).h1 | HASHED);
        Symbol::whole(text.as_bytes()).unwrap_or_else(hashed)
    }

    /// The symbol of a text that is kept whole: its bytes from the lowest on, its length in the highest. The
    /// highest bit is clear.
    pub(crate) fn whole(bytes: &[u8]) -> Option<Symbol> {
        if bytes.len() > 7 {
            return None;
        }
        let letters = match (bytes.first_chunk(), bytes.last_chunk()) {
            // Two overlapping halves instead of a loop: where both have a byte it is the same.
            (Some(first), Some(last)) => {
                let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
                u64::from(first) | u64::from(last) << (8 * (bytes.len() - 4))
            }
            _ => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        Some(Symbol(letters | (bytes.len() as u64) << 56))
    }

    /// Whether the text itself was kept.
    pub(crate) fn is_whole(self) -> bool {
        self.0 & HASHED == 0
    }

    /// The text where it was kept whole, else `#` and the hash.
    pub(crate) fn render(self) -> String {
        if !self.is_whole() {
            return format!("#{:015x}", self.0 & !HASHED);
        }
        let length = (self.0 >> 56) as usize;
        let bytes: Vec<u8> = self.0.to_le_bytes().into_iter().take(length.min(7)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn short_texts_are_kept_whole(text in ".{0,7}") {
            prop_assume!(text.len() <= 7);
            prop_assert_eq!(Symbol::of(&text).render(), text);
        }

        #[test]
        fn equal_means_equal(a in ".{0,12}", b in ".{0,12}") {
            prop_assert_eq!(Symbol::of(&a) == Symbol::of(&b), a == b);
        }
    }
}
