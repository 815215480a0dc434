//! Dictionaries: which words the codes of a block stand for, and how words get codes and lose them.

use smallvec::SmallVec;

use super::bits::{self, ones};
use super::block::{Block, copy};
use super::codes::Codes;
use super::record::{Layout, MOST_ENTRIES, SIZES, Shape, View};

/// A dictionary of so many words always has room to spare; of fewer each has a bit.
const MANY_WORDS: usize = 64;

impl View<'_> {
    /// A code of a dictionary of fewer than 64 words that no entry has, but for the one at `at`.
    fn unused_code(&self, column: usize, number: usize, at: usize) -> Option<usize> {
        let codes = self.codes(number);
        let used = (0..self.length).step_by(64).fold(0, |used, from| {
            used | codes.seen(self.presence_bits(column, from) & self.others(at, from), from)
        });
        let unused = !used & ones(self.dictionary_size(number).0);
        (unused != 0).then(|| unused.trailing_zeros() as usize)
    }

    /// The code of the entry that went last, if it still stands there and no entry has it, but for the one at `at`.
    fn departed_code(&self, number: usize, at: usize) -> Option<usize> {
        let codes = self.codes(number);
        let code = Codes { first: codes.first.checked_sub(1)?, ..codes }.code(0);
        let mut entries = (0..self.length).step_by(64);
        let is_held = |from| codes.same(code, from, self.length - from) & self.others(at, from) != 0;
        let is_code = self.start > 0 && code < self.dictionary_size(number).0;
        (is_code && !entries.any(is_held)).then_some(code)
    }

    /// One bit for each of 64 entries from `from` on, but for the one at `at`.
    fn others(&self, at: usize, from: usize) -> u64 {
        ones(self.length - from) & if at / 64 == from / 64 { !(1 << (at % 64)) } else { u64::MAX }
    }
}

impl Block {
    pub(super) fn set_dictionary_size(&mut self, number: usize, length: usize, capacity: usize) {
        bits::write(self.tail(SIZES), 32 * number, 32, (length | capacity << 16) as u64);
    }

    /// Whether a dictionary holds a word.
    pub(super) fn holds_word(&self, shape: &Shape, number: usize, word: u64) -> bool {
        self.view(shape).coded(number).code_of(word).is_some()
    }

    /// Puts another word in the place of one that a dictionary holds.
    pub(super) fn replace_word(&mut self, shape: &Shape, number: usize, word: u64, by: u64) {
        let view = self.view(shape);
        let coded = view.coded(number);
        match (coded.code_of(word), coded.code_of(by)) {
            (Some(code), None) => {
                let place = view.dictionary(number) + code;
                self.put(place, by);
            }
            (Some(code), Some(known)) if code != known => {
                // One word must not have two codes.
                let own = (0..view.length).filter(|at| coded.code(*at) == code);
                let own: SmallVec<[usize; 64]> = own.collect();
                let Layout { capacity, width, codes, .. } = view.layout;
                let first = (1 + number) * capacity + view.start;
                let packed = self.tail(codes);
                own.iter().for_each(|at| bits::write_number(packed, width, first + at, known as u64));
                self.clean_dictionary(shape, number, None);
            }
            _ => {}
        }
    }

    /// Gives a word that a dictionary lacks a code, for the entry at `at`, whose own is none yet; `None` where there is
    /// no room. A word that no entry holds any more gives its code: of many that of the entry that went last, of few any
    /// when there is no room left. Otherwise many are cleaned together.
    #[cold]
    #[inline(never)]
    pub(super) fn new_code(
        &mut self,
        shape: &Shape,
        (column, number): (usize, usize),
        word: u64,
        at: usize,
    ) -> Option<usize> {
        let view = self.view(shape);
        let (mut length, room) = view.dictionary_size(number);
        // So many words have codes of their own.
        let most = if view.layout.width == 8 { 1 << 8 } else { MOST_ENTRIES };
        let departed = if length < MANY_WORDS { None } else { view.departed_code(number, at) };
        let code = if let Some(code) = departed {
            code
        } else if length < room.min(most) {
            length
        } else if length < MANY_WORDS {
            view.unused_code(column, number, at)?
        } else {
            length = self.clean_dictionary(shape, number, Some(at));
            // Each entry that goes takes one along, and all would be looked through for each that comes.
            if room < (length + 1 + length / 4).min(most) {
                return None;
            }
            length
        };
        let place = self.view(shape).dictionary(number) + code;
        self.put(place, word);
        if code == length {
            self.set_dictionary_size(number, length + 1, room);
        }
        Some(code)
    }

    /// Takes words that no entry holds any more out of a dictionary; says how many are left. What stands at an entry
    /// that has `no_code` yet is not one: a word that it seemed to hold would make a dictionary larger than codes are.
    #[cold]
    fn clean_dictionary(&mut self, shape: &Shape, number: usize, no_code: Option<usize>) -> usize {
        let view = self.view(shape);
        let coded = view.coded(number);
        let (length, room) = view.dictionary_size(number);
        let mut used: SmallVec<[bool; 256]> = SmallVec::from_elem(false, length);
        for at in (0..view.length).filter(|at| Some(*at) != no_code) {
            if let Some(used) = used.get_mut(coded.code(at)) {
                *used = true;
            }
        }
        let (mut words, mut new_codes) = (SmallVec::<[u64; 256]>::new(), SmallVec::<[u64; 256]>::new());
        for (word, used) in coded.dictionary.iter().zip(&used) {
            new_codes.push(words.len() as u64);
            words.extend(Some(*word).filter(|_| *used));
        }
        if words.len() == length {
            return length;
        }
        let new_code = |old: usize| new_codes.get(old).copied().unwrap_or(0);
        let codes: SmallVec<[u64; 256]> = (0..view.length).map(|at| new_code(coded.code(at))).collect();
        let Layout { capacity, width, codes: codes_at, .. } = view.layout;
        let dictionary = view.dictionary(number);
        let first = (1 + number) * capacity + view.start;
        copy(self.tail(dictionary), &words);
        self.set_dictionary_size(number, words.len(), room);
        let packed = self.tail(codes_at);
        for (at, code) in codes.iter().enumerate() {
            bits::write_number(packed, width, first + at, *code);
        }
        words.len()
    }
}
