//! What many members of a list have in common, kept once.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ahash::RandomState;

use super::ListEntry;
use crate::event::Symbol;
use crate::sync::{Mutex, locked};

/// Severity, reason and source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) severity: u8,
    pub(crate) reason: Box<str>,
    pub(crate) source: Box<str>,
    /// Reason and source as conditions compare them.
    pub(crate) words: [u64; 2],
}

impl Class {
    fn of(entry: &ListEntry) -> Class {
        Class {
            severity: entry.severity,
            reason: entry.reason.as_str().into(),
            source: entry.source.as_str().into(),
            words: [&entry.reason, &entry.source].map(|text| Symbol::of(text).0),
        }
    }

    fn is_of(&self, entry: &ListEntry) -> bool {
        self.severity == entry.severity && *self.reason == *entry.reason && *self.source == *entry.source
    }

    /// The entry that this is part of.
    pub(crate) fn entry(&self, expires: Option<i64>) -> ListEntry {
        let (reason, source) = (self.reason.to_string(), self.source.to_string());
        ListEntry { severity: self.severity, reason, source, expires }
    }
}

/// Classes on the first page; each other page has twice as many as the one before.
const PAGE: usize = 16;
/// So many pages have room for all numbers.
const PAGES: usize = 13;

type Page = Box<[OnceLock<Arc<Class>>]>;

/// The classes of a list by number. They are few, and only added to, so whoever reads one takes no lock; a list that is
/// loaded anew begins anew.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    pages: [OnceLock<Page>; PAGES],
    numbers: Mutex<Numbers>,
}

/// The page of a class, and its place there.
fn place_of(number: u16) -> (usize, usize) {
    let from_page = usize::from(number) + PAGE;
    let page = (from_page / PAGE).ilog2();
    (page as usize, from_page - (PAGE << page))
}

#[derive(Debug)]
struct Numbers {
    by_hash: HashMap<(u8, Box<str>, Box<str>), u16, RandomState>,
    /// The one that was asked for last: members of one source come one behind the other.
    last: Option<(u16, Arc<Class>)>,
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers { by_hash: HashMap::with_hasher(RandomState::with_seeds(5, 6, 7, 8)), last: None }
    }
}

impl Classes {
    /// The number of an entry's class; `None` when there are as many different ones as a list can have.
    pub(crate) fn number(&self, entry: &ListEntry) -> Option<u16> {
        let numbers = &mut *locked(&self.numbers);
        if let Some((number, class)) = &numbers.last
            && class.is_of(entry)
        {
            return Some(*number);
        }
        let class = Arc::new(Class::of(entry));
        let key = (class.severity, class.reason.clone(), class.source.clone());
        let number = match numbers.by_hash.get(&key) {
            Some(number) => *number,
            None => {
                let number = u16::try_from(numbers.by_hash.len()).ok()?;
                let (page, place) = place_of(number);
                let length = PAGE << page;
                let page =
                    self.pages.get(page)?.get_or_init(|| (0..length).map(|_| OnceLock::new()).collect());
                // Numbers are given once, so the place is empty.
                let _ = page.get(place)?.set(Arc::clone(&class));
                numbers.by_hash.insert(key, number);
                number
            }
        };
        numbers.last = Some((number, class));
        Some(number)
    }

    pub(crate) fn get(&self, number: u16) -> Option<&Arc<Class>> {
        let (page, place) = place_of(number);
        self.pages.get(page)?.get()?.get(place)?.get()
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn all(&self) -> Vec<Arc<Class>> {
        (0..=u16::MAX).map_while(|number| self.get(number).cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_place() {
        let classes = Classes::default();
        let entry = |n: u32| ListEntry::new().severity((n % 100) as u8).reason(n.to_string());
        for n in 0..=u32::from(u16::MAX) {
            assert_eq!(classes.number(&entry(n)).map(u32::from), Some(n));
        }
        assert_eq!(classes.number(&entry(1 << 16)), None);
        assert_eq!(classes.number(&entry(77)), Some(77));
        let all = classes.all();
        assert_eq!(all.len(), 1 << 16);
        for (n, class) in (0u32..).zip(&all) {
            assert!(class.is_of(&entry(n)));
        }
    }
}
