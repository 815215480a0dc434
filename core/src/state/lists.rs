//! Lists of entities and of networks, changed while scoring goes on.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ahash::RandomState;
use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::codec::{Reader, Writer};
use super::table::{Apart, TokenMap};
use crate::event::token::Token;
use crate::sync::{Mutex, MutexGuard, locked};

/// What a list says about one of its members.
///
/// ```
/// let entry = sekisho::ListEntry::new().severity(90).source("police").expires(1_798_761_600_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    pub(crate) severity: u8,
    pub(crate) source: String,
    pub(crate) expires: Option<i64>,
}

impl Default for ListEntry {
    fn default() -> Self {
        ListEntry { severity: 100, source: String::new(), expires: None }
    }
}

impl ListEntry {
    /// An entry of severity 100, without a source, that never expires.
    pub fn new() -> ListEntry {
        ListEntry::default()
    }

    /// How bad a hit is, 0 to 100; larger numbers are refused when the entry is added.
    #[must_use]
    pub fn severity(mut self, severity: u8) -> ListEntry {
        self.severity = severity;
        self
    }

    /// Who says so.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> ListEntry {
        self.source = source.into();
        self
    }

    /// The first millisecond at which the entry no longer counts, by the event's time.
    #[must_use]
    pub fn expires(mut self, expires: i64) -> ListEntry {
        self.expires = Some(expires);
        self
    }

    pub(crate) fn write(&self, to: &mut Writer<'_>) {
        to.byte(self.severity);
        to.text(&self.source);
        to.optional(&[self.expires], Writer::time);
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<ListEntry> {
        let (severity, source) = (from.byte()?, from.text()?.to_owned());
        let expires = from.optional(Reader::time)?.first().copied().flatten();
        Some(ListEntry { severity: severity.min(100), source, expires })
    }

    fn counts_at(&self, time: i64) -> bool {
        self.expires.is_none_or(|expires| time < expires)
    }
}

/// A member found on a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) severity: u8,
}

type Networks = HashMap<IpAddr, ListEntry, RandomState>;

fn networks() -> Networks {
    HashMap::with_hasher(RandomState::with_seeds(5, 6, 7, 8))
}

/// One list of a policy, read and changed by many threads.
#[derive(Debug)]
pub(crate) enum List {
    Exact(ExactList),
    Networks(NetworkList),
}

/// Identifiers, spread over parts that are locked one by one.
#[derive(Debug)]
pub(crate) struct ExactList {
    /// A bit for each hash that any member ever had. Nearly all questions are about strangers, and end here: threads
    /// that only read share the memory and wait for no lock.
    marks: Box<[AtomicU64]>,
    parts: Box<[Apart<Part>]>,
}

/// Members with the key that their token was made with: that of the ruling with the same number.
type Part = TokenMap<(ListEntry, u8)>;

/// Networks as a whole that is replaced when it has changed: they are few and change seldom, and readers must not
/// wait for one another.
#[derive(Debug, Default)]
pub(crate) struct NetworkList {
    current: Mutex<Prefixes>,
    read: ArcSwap<Prefixes>,
    /// What is read is older than what is current.
    stale: AtomicBool,
}

/// Networks by prefix length, so that a lookup probes once for every length in use. IPv4 and IPv6 apart.
#[derive(Clone, Debug, Default)]
struct Prefixes {
    v4: BTreeMap<u8, Networks>,
    v6: BTreeMap<u8, Networks>,
}

const PARTS: usize = 64;
/// Words of marks. Beyond some ten thousand members most are set, and each question takes a lock.
const MARKS: usize = 512;

impl List {
    pub(crate) fn exact() -> List {
        let marks = (0..MARKS).map(|_| AtomicU64::new(0)).collect();
        List::Exact(ExactList { marks, parts: (0..PARTS).map(|_| Apart::default()).collect() })
    }

    pub(crate) fn networks() -> List {
        List::Networks(NetworkList::default())
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            List::Exact(list) => list.parts.iter().map(|part| part.lock().len()).sum(),
            List::Networks(list) => {
                let prefixes = locked(&list.current);
                prefixes.v4.values().chain(prefixes.v6.values()).map(HashMap::len).sum()
            }
        }
    }
}

impl List {
    /// Writes all members; `era` is that of the key in force.
    pub(crate) fn write(&self, to: &mut Writer<'_>, era: u8) {
        match self {
            List::Exact(list) => {
                to.byte(0);
                let parts: Vec<_> = list.parts.iter().map(Apart::lock).collect();
                to.number(parts.iter().map(|part| part.len()).sum::<usize>() as u32);
                for part in &parts {
                    let mut members: Vec<_> = part.iter().collect();
                    members.sort_unstable_by_key(|(token, _)| token.0);
                    for (token, (entry, made)) in members {
                        to.token(*token);
                        to.byte(u8::from(*made != era));
                        entry.write(to);
                    }
                }
            }
            List::Networks(list) => {
                to.byte(1);
                let prefixes = locked(&list.current);
                let lengths = prefixes.v4.iter().chain(&prefixes.v6);
                let mut members: Vec<(IpNet, &ListEntry)> = lengths
                    .flat_map(|(length, networks)| {
                        networks
                            .iter()
                            .filter_map(|(address, entry)| Some((IpNet::new(*address, *length).ok()?, entry)))
                    })
                    .collect();
                members.sort_unstable_by_key(|(network, _)| *network);
                to.number(members.len() as u32);
                for (network, entry) in members {
                    to.text(&network.to_string());
                    entry.write(to);
                }
            }
        }
    }

    /// Takes in members as they were written, with the eras of the key in force then and of the one before; `None`
    /// when the bytes are not as they should be.
    pub(crate) fn read(&self, from: &mut Reader<'_>, eras: [u8; 2]) -> Option<()> {
        match (self, from.byte()?) {
            (List::Exact(list), 0) => {
                for _ in 0..from.count(23)? {
                    let (token, era) = (from.token()?, *eras.get(usize::from(from.byte()?))?);
                    list.add(token, ListEntry::read(from)?, era);
                }
            }
            (List::Networks(list), 1) => {
                // The policy's own networks may have been taken off since.
                *locked(&list.current) = Prefixes::default();
                list.stale.store(true, Ordering::Release);
                for _ in 0..from.count(10)? {
                    list.add(from.text()?.parse().ok()?, ListEntry::read(from)?);
                }
            }
            _ => return None,
        }
        Some(())
    }
}

impl ExactList {
    fn part(&self, token: Token) -> Option<MutexGuard<'_, Part>> {
        self.parts.get(number_of(token)).map(Apart::lock)
    }

    /// The word and the bit of a token's hash; the hash that chooses the part is another.
    fn mark_of(&self, token: Token) -> Option<(&AtomicU64, u64)> {
        let hash = (token.0 >> 96) as usize;
        Some((self.marks.get(hash / 64 % MARKS)?, 1 << (hash % 64)))
    }

    /// Called before a member is added.
    fn mark(&self, token: Token) {
        if let Some((word, bit)) = self.mark_of(token) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// False only for what was never a member.
    fn is_marked(&self, token: Token) -> bool {
        self.mark_of(token).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    pub(crate) fn add(&self, token: Token, entry: ListEntry, era: u8) {
        self.mark(token);
        if let Some(mut part) = self.part(token) {
            part.insert(token, (entry, era));
        }
    }

    /// Whether there is such a member, expired or not.
    pub(crate) fn holds(&self, token: Token) -> bool {
        self.is_marked(token) && self.part(token).is_some_and(|part| part.contains_key(&token))
    }

    /// A member has another token from now on; one that is there under it already stays. Whoever looks for both
    /// meets it under one of them.
    pub(crate) fn rename(&self, before: Token, token: Token, era: u8) -> bool {
        let Some(TwoParts { mut own, mut other }) = self.two_parts(token, before) else { return false };
        let Some((entry, _)) = other.as_mut().unwrap_or(&mut own).remove(&before) else { return false };
        self.mark(token);
        own.entry(token).or_insert((entry, era));
        true
    }

    /// The parts of two tokens, locked always in the same order.
    fn two_parts(&self, token: Token, other: Token) -> Option<TwoParts<'_>> {
        let (first, second) = (number_of(token), number_of(other));
        if first == second {
            return Some(TwoParts { own: self.part(token)?, other: None });
        }
        // The one that comes second in the order is the other's or the token's own.
        let (early, late) = if first < second { (token, other) } else { (other, token) };
        let early = self.part(early)?;
        let late = self.part(late)?;
        let (own, other) = if first < second { (early, late) } else { (late, early) };
        Some(TwoParts { own, other: Some(other) })
    }

    /// Takes off all members whose token was made with another key; says how many there were.
    pub(crate) fn retire(&self, era: u8) -> u64 {
        let retire = |part: &Apart<Part>| {
            let mut part = part.lock();
            let before = part.len();
            part.retain(|_, (_, made)| *made == era);
            (before - part.len()) as u64
        };
        self.parts.iter().map(retire).sum()
    }

    pub(crate) fn remove(&self, token: Token) -> bool {
        self.part(token).is_some_and(|mut part| part.remove(&token).is_some())
    }

    /// The entry of an identifier, if it counts at `time`; `other` is its token under the previous key.
    pub(crate) fn find(&self, token: Token, other: Option<Token>, time: i64) -> Option<Hit> {
        let hit = |entry: &(ListEntry, u8)| {
            Some(Hit { severity: entry.0.severity }).filter(|_| entry.0.counts_at(time))
        };
        if !self.is_marked(token) && other.is_none_or(|other| !self.is_marked(other)) {
            return None;
        }
        match other {
            None => hit(self.part(token)?.get(&token)?),
            Some(before) => {
                let TwoParts { own, other } = self.two_parts(token, before)?;
                hit(own.get(&token).or_else(|| other.as_ref().unwrap_or(&own).get(&before))?)
            }
        }
    }
}

struct TwoParts<'a> {
    own: MutexGuard<'a, Part>,
    /// That of the other token, when it is another.
    other: Option<MutexGuard<'a, Part>>,
}

fn number_of(token: Token) -> usize {
    (token.0 >> 64) as usize % PARTS
}

impl NetworkList {
    pub(crate) fn add(&self, network: IpNet, entry: ListEntry) {
        let mut prefixes = locked(&self.current);
        let lengths = if network.addr().is_ipv4() { &mut prefixes.v4 } else { &mut prefixes.v6 };
        lengths.entry(network.prefix_len()).or_insert_with(networks).insert(network.network(), entry);
        self.stale.store(true, Ordering::Release);
    }

    pub(crate) fn remove(&self, network: IpNet) -> bool {
        let mut prefixes = locked(&self.current);
        let lengths = if network.addr().is_ipv4() { &mut prefixes.v4 } else { &mut prefixes.v6 };
        let Some(entries) = lengths.get_mut(&network.prefix_len()) else { return false };
        let removed = entries.remove(&network.network()).is_some();
        if entries.is_empty() {
            lengths.remove(&network.prefix_len());
        }
        self.stale.store(true, Ordering::Release);
        removed
    }

    /// The highest severity among the networks that hold the address and count at `time`.
    pub(crate) fn find(&self, address: IpAddr, time: i64) -> Option<Hit> {
        if self.stale.load(Ordering::Acquire) {
            let prefixes = locked(&self.current);
            self.read.store(Arc::new(prefixes.clone()));
            self.stale.store(false, Ordering::Release);
        }
        let prefixes = self.read.load();
        let lengths = if address.is_ipv4() { &prefixes.v4 } else { &prefixes.v6 };
        let holding = lengths.iter().filter_map(|(length, entries)| {
            let network = IpNet::new(address, *length).ok()?.network();
            entries.get(&network).filter(|entry| entry.counts_at(time))
        });
        holding.map(|entry| entry.severity).max().map(|severity| Hit { severity })
    }
}
