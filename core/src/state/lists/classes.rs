//! What many members of a list have in common, kept once.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arc_swap::ArcSwap;

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

/// Classes on one page: to add one copies no more than its page and the row of pages.
const PAGE: usize = 256;

type Pages = Vec<Arc<Vec<Arc<Class>>>>;

/// The classes of a list by number. They are few, and only added to; a list that is loaded anew begins anew.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    read: ArcSwap<Pages>,
    numbers: Mutex<Numbers>,
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
                let mut pages = Pages::clone(&self.read.load());
                match pages.last_mut().filter(|page| page.len() < PAGE) {
                    Some(page) => Arc::make_mut(page).push(Arc::clone(&class)),
                    None => pages.push(Arc::new(vec![Arc::clone(&class)])),
                }
                self.read.store(Arc::new(pages));
                numbers.by_hash.insert(key, number);
                number
            }
        };
        numbers.last = Some((number, class));
        Some(number)
    }

    /// Runs `with` on a class.
    pub(crate) fn read<R>(&self, number: u16, with: impl FnOnce(&Arc<Class>) -> R) -> Option<R> {
        let (page, place) = (usize::from(number) / PAGE, usize::from(number) % PAGE);
        self.read.load().get(page)?.get(place).map(with)
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn all(&self) -> Vec<Arc<Class>> {
        self.read.load().iter().flat_map(|page| page.iter().cloned()).collect()
    }
}
