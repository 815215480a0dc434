//! Text of identifiers, of which nothing stays in memory that is let go of.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use zeroize::optimization_barrier;

/// What is read or made of an identifier.
pub(crate) type Wiped = Wiping<String>;
/// The same as characters.
pub(crate) type Characters = Wiping<Vec<char>>;

/// Room for text that starts with none, in bytes or characters.
const FIRST: usize = 32;

/// A buffer that is wiped when it is dropped, and where it was when it needs a larger place: `String` and `Vec` give
/// that back to the allocator as it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Wiping<T: Buffer>(T);

/// What can be wiped when it grows.
pub(crate) trait Buffer {
    fn with_capacity(room: usize) -> Self;
    fn append(&mut self, other: &Self);
    fn length(&self) -> usize;
    fn room(&self) -> usize;
    /// Empties it, and all of its memory is zero.
    fn wipe(&mut self);
}

impl Buffer for String {
    fn with_capacity(room: usize) -> String {
        String::with_capacity(room)
    }

    fn append(&mut self, other: &String) {
        self.push_str(other);
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn room(&self) -> usize {
        self.capacity()
    }

    fn wipe(&mut self) {
        let mut bytes = std::mem::take(self).into_bytes();
        zero(&mut bytes, 0);
        *self = String::from_utf8(bytes).unwrap_or_default();
    }
}

impl Buffer for Vec<char> {
    fn with_capacity(room: usize) -> Vec<char> {
        Vec::with_capacity(room)
    }

    fn append(&mut self, other: &Vec<char>) {
        self.extend_from_slice(other);
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn room(&self) -> usize {
        self.capacity()
    }

    fn wipe(&mut self) {
        zero(self, '\0');
    }
}

/// Many items at a time, which `zeroize` does not; the barrier keeps the writes from being optimised away.
fn zero<T: Copy>(items: &mut Vec<T>, zero: T) {
    items.clear();
    items.resize(items.capacity(), zero);
    optimization_barrier(items.as_slice());
    items.clear();
}

impl<T: Buffer> Wiping<T> {
    pub(crate) fn with_capacity(room: usize) -> Wiping<T> {
        Wiping(T::with_capacity(room))
    }

    /// Makes room for so much more.
    fn reserve(&mut self, more: usize) {
        let needed = self.0.length() + more;
        if needed > self.0.room() {
            let mut larger = T::with_capacity(needed.max(2 * self.0.room()).max(FIRST));
            larger.append(&self.0);
            std::mem::replace(&mut self.0, larger).wipe();
        }
    }
}

impl<T: Buffer> Drop for Wiping<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

/// Shows nothing.
impl<T: Buffer> fmt::Debug for Wiping<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("...")
    }
}

impl Wiped {
    /// What is written, as `format!` has it.
    pub(crate) fn of(written: fmt::Arguments<'_>) -> Wiped {
        let mut text = Wiped::default();
        // Writing to text does not fail.
        let _ = fmt::Write::write_fmt(&mut text, written);
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn push(&mut self, c: char) {
        self.reserve(c.len_utf8());
        self.0.push(c);
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        self.reserve(text.len());
        self.0.push_str(text);
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// Puts text over other text of the same length.
    pub(crate) fn overwrite(&mut self, start: usize, text: &str) {
        self.0.replace_range(start..start + text.len(), text);
    }

    /// Wipes the text and keeps the memory. Nothing may have been cut off before.
    pub(crate) fn wipe(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        optimization_barrier(bytes.as_slice());
        bytes.clear();
        self.0 = String::from_utf8(bytes).unwrap_or_default();
    }

    /// The text, for a caller who asks for it.
    pub(crate) fn into_string(mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

impl Characters {
    pub(crate) fn push(&mut self, c: char) {
        self.reserve(1);
        self.0.push(c);
    }

    pub(crate) fn pop(&mut self) -> Option<char> {
        self.0.pop()
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    pub(crate) fn extend_from_slice(&mut self, characters: &[char]) {
        self.reserve(characters.len());
        self.0.extend_from_slice(characters);
    }
}

impl Deref for Wiped {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Deref for Characters {
    type Target = [char];

    fn deref(&self) -> &[char] {
        &self.0
    }
}

impl Borrow<str> for Wiped {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Wiped {
    fn from(text: &str) -> Wiped {
        Wiping(text.to_owned())
    }
}

impl From<&[char]> for Characters {
    fn from(characters: &[char]) -> Characters {
        Wiping(characters.to_vec())
    }
}

impl Extend<char> for Wiped {
    fn extend<I: IntoIterator<Item = char>>(&mut self, characters: I) {
        characters.into_iter().for_each(|c| self.push(c));
    }
}

impl Extend<char> for Characters {
    fn extend<I: IntoIterator<Item = char>>(&mut self, characters: I) {
        characters.into_iter().for_each(|c| self.push(c));
    }
}

impl FromIterator<char> for Wiped {
    fn from_iter<I: IntoIterator<Item = char>>(characters: I) -> Wiped {
        let mut text = Wiped::default();
        text.extend(characters);
        text
    }
}

impl FromIterator<char> for Characters {
    fn from_iter<I: IntoIterator<Item = char>>(characters: I) -> Characters {
        let mut all = Characters::default();
        all.extend(characters);
        all
    }
}

impl fmt::Write for Wiped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However it grows, it holds what a `String` and a `Vec` hold.
        #[test]
        fn it_is_like_any_other_text(parts in proptest::collection::vec("\\PC{0,40}", 0..20)) {
            let (mut text, mut characters) = (Wiped::default(), Characters::default());
            for part in &parts {
                match part.len() % 3 {
                    0 => text.push_str(part),
                    1 => text.extend(part.chars()),
                    _ => fmt::Write::write_str(&mut text, part).unwrap(),
                }
                characters.extend(part.chars());
            }
            let whole: String = parts.concat();
            prop_assert_eq!(text.as_str(), &whole);
            prop_assert!(characters.iter().copied().eq(whole.chars()));
            let shown = format!("{text:?}{characters:?}");
            prop_assert!(shown.chars().all(|c| c == '.'));
            let shown = text.clone().into_string();
            prop_assert_eq!(shown, whole);
            text.wipe();
            prop_assert!(text.is_empty());
        }
    }
}
