//! Bytes of snapshots and journals: little-endian, each length before what it counts.

use crate::event::token::Token;

/// Appends values to bytes.
#[derive(Debug)]
pub(crate) struct Writer<'a>(pub(crate) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn short(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn number(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn word(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn time(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn token(&mut self, token: Token) {
        self.bytes(&token.0.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u32);
        self.bytes(text.as_bytes());
    }

    pub(crate) fn flags(&mut self, flags: &[bool]) {
        self.number(flags.len() as u32);
        for flags in flags.chunks(8) {
            self.byte(flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag)));
        }
    }

    pub(crate) fn words(&mut self, words: &[u64]) {
        self.number(words.len() as u32);
        let at = self.0.len();
        self.0.resize(at + 8 * words.len(), 0);
        let room = self.0.get_mut(at..).unwrap_or(&mut []);
        for (place, word) in room.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }

    /// Each with whether it is there.
    pub(crate) fn optional<T: Copy>(&mut self, items: &[Option<T>], write: impl Fn(&mut Self, T)) {
        self.number(items.len() as u32);
        for items in items.chunks(8) {
            let there = items.iter().rev().fold(0, |bits, item| bits << 1 | u8::from(item.is_some()));
            self.byte(there);
            for item in items.iter().flatten() {
                write(self, *item);
            }
        }
    }
}

/// Takes values from bytes; `None` as soon as there are too few of them.
#[derive(Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn short(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn word(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn time(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn token(&mut self) -> Option<Token> {
        self.array().map(|bytes| Token(u128::from_le_bytes(bytes)))
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let count = self.number()? as usize;
        std::str::from_utf8(self.bytes(count)?).ok()
    }

    pub(crate) fn flags(&mut self) -> Option<Vec<bool>> {
        let count = self.number()? as usize;
        let bytes = self.bytes(count.div_ceil(8))?;
        let flag = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
        Some((0..count).map(flag).collect())
    }

    pub(crate) fn words(&mut self) -> Option<Vec<u64>> {
        let count = self.number()? as usize;
        let bytes = self.bytes(count.checked_mul(8)?)?;
        Some(bytes.as_chunks().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect())
    }

    /// A count of things that take at least `least` bytes each: never more than can follow.
    pub(crate) fn count(&mut self, least: usize) -> Option<usize> {
        let count = self.number()? as usize;
        (count.checked_mul(least)? <= self.0.len()).then_some(count)
    }

    /// One thing and whether it is there, as `optional` has it.
    pub(crate) fn one<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match (self.number()?, self.byte()?) {
            (1, 0) => Some(None),
            (1, 1) => Some(Some(read(self)?)),
            _ => None,
        }
    }

    pub(crate) fn optional<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<Option<T>>> {
        let count = self.number()? as usize;
        // A byte says of eight whether they are there.
        if count.div_ceil(8) > self.0.len() {
            return None;
        }
        let mut items = Vec::with_capacity(count);
        while items.len() < count {
            let there = self.byte()?;
            for bit in 0..(count - items.len()).min(8) {
                items.push(if there >> bit & 1 == 1 { Some(read(self)?) } else { None });
            }
        }
        Some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            words in proptest::collection::vec(any::<u64>(), 0..20),
            items in proptest::collection::vec(any::<Option<i64>>(), 0..40),
            text in ".{0,20}",
            token in any::<u128>(),
            cut in any::<usize>(),
        ) {
            let mut bytes = Vec::new();
            let mut writer = Writer(&mut bytes);
            writer.words(&words);
            writer.optional(&items, Writer::time);
            writer.text(&text);
            writer.token(Token(token));
            let read = |bytes: &[u8]| {
                let mut reader = Reader(bytes);
                let text_is = |reader: &mut Reader<'_>| reader.text().map(str::to_owned);
                let all = (reader.words()?, reader.optional(Reader::time)?, text_is(&mut reader)?, reader.token()?);
                Some((all, reader.0.len()))
            };
            prop_assert_eq!(read(&bytes), Some(((words, items, text, Token(token)), 0)));
            prop_assert_eq!(read(&bytes[..cut % bytes.len()]), None, "too few bytes are noticed");
        }

        /// Whatever the bytes, reading ends and takes no more memory than they have.
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Reader(&bytes).words();
            let _ = Reader(&bytes).optional(Reader::word);
            let _ = Reader(&bytes).text();
            let _ = Reader(&bytes).count(3);
        }
    }
}
