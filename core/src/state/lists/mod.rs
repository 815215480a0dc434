//! Lists of identifiers, of addresses and of networks, changed while scoring goes on.
//!
//! Whoever asks takes no lock: what a list holds stands in pieces that never change, and a change puts another piece
//! in one's place. Changes come one at a time; the engine sees to that.

mod classes;
mod exact;
mod homes;
mod networks;
mod parts;
mod prepared;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::codec::{Reader, Writer};
use crate::event::token::Token;
use crate::locale::Level;
pub(crate) use classes::Class;
use classes::Classes;
use exact::{Mark, Members, Terms};
pub(crate) use homes::Home;
use homes::Homes;
use networks::{Network, Networks};
pub(crate) use parts::{domain_with_size, find_beginning, find_domain, size_of_beginning};
pub(crate) use prepared::Prepared;

/// What histories remember of a token to ask lists about it later.
pub(crate) fn list_mark(token: Token) -> u64 {
    Mark::of(token).word()
}

/// Bytes of a reason or a source, so that whatever a list holds can be written.
pub(crate) const LONGEST_REASON: usize = 1_024;

/// What a list says about one of its members.
///
/// ```
/// let entry = sekisho::ListEntry::new()
///     .severity(90)
///     .reason("mule")
///     .source("police")
///     .expires(1_798_761_600_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    pub(crate) severity: u8,
    pub(crate) reason: String,
    pub(crate) source: String,
    pub(crate) expires: Option<i64>,
}

impl Default for ListEntry {
    fn default() -> Self {
        ListEntry { severity: 100, reason: String::new(), source: String::new(), expires: None }
    }
}

impl ListEntry {
    /// An entry of severity 100, without a reason or a source, that never expires.
    pub fn new() -> ListEntry {
        ListEntry::default()
    }

    /// How bad a hit is, 0 to 100; larger numbers are refused when the entry is added.
    #[must_use]
    pub fn severity(mut self, severity: u8) -> ListEntry {
        self.severity = severity;
        self
    }

    /// Why it is listed.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> ListEntry {
        self.reason = reason.into();
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

    /// As [`read`](ListEntry::read) takes it, but for the reason.
    fn write_without_reason(&self, to: &mut Writer<'_>) {
        to.byte(self.severity);
        to.text(&self.source);
        to.optional(&[self.expires], Writer::time);
    }

    pub(crate) fn write(&self, to: &mut Writer<'_>) {
        self.write_without_reason(to);
        to.text(&self.reason);
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<ListEntry> {
        let entry = ListEntry::read_without_reason(from)?;
        // Entries had no reason once, and ended here.
        if from.0.is_empty() {
            return Some(entry);
        }
        Some(ListEntry { reason: from.text()?.to_owned(), ..entry })
    }

    pub(crate) fn read_without_reason(from: &mut Reader<'_>) -> Option<ListEntry> {
        let (severity, source) = (from.byte()?, from.text()?.to_owned());
        let expires = from.optional(Reader::time)?.first().copied().flatten();
        Some(ListEntry { severity: severity.min(100), reason: String::new(), source, expires })
    }
}

/// A member found on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) severity: u8,
    /// Reason and source as conditions compare them.
    pub(crate) words: [u64; 2],
    /// The first millisecond at which it no longer counts.
    pub(crate) expires: Option<i64>,
    /// How far a postal address agrees with the member.
    pub(crate) level: Option<Level>,
    class: u16,
}

impl Hit {
    /// Of several members that agree, that with the highest answers.
    fn rank(&self) -> impl Ord + use<> {
        (self.level, self.severity, self.expires.unwrap_or(i64::MAX), self.words)
    }
}

/// What a list says of several identifiers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many are members.
    pub(crate) members: u64,
    /// The highest severity of these, 0 without any.
    pub(crate) severity: u8,
}

/// Which content a list has: what the host called it when it was loaded as a whole, and how often it changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListVersion {
    /// What the host called it; empty when it was never loaded as a whole.
    pub name: Arc<str>,
    /// How many changes there were: members added and taken off, and loads.
    pub number: u64,
}

/// One list of a policy, read and changed by many threads.
#[derive(Debug)]
pub(crate) struct List {
    content: ArcSwap<Content>,
    /// The last journal frame that the snapshot contained from which the list was restored.
    restored: AtomicU64,
}

/// Everything that a list holds. A load as a whole puts another in its place.
#[derive(Debug)]
pub(crate) struct Content {
    name: Arc<str>,
    number: AtomicU64,
    classes: Arc<Classes>,
    members: Kind,
}

#[derive(Debug)]
enum Kind {
    Hashed(Hashed),
    /// By the era of the key, as identifiers.
    Homes([Homes; 2]),
    Networks {
        v4: Networks<u32>,
        v6: Networks<u128>,
    },
}

/// The place of members' other marks, behind those of both eras.
const OTHER_MARKS: u8 = 2;

/// Members by token, apart by the era of the key that their tokens were made with.
#[derive(Debug, Default)]
struct Hashed {
    /// Those of both eras; behind them members once more, by the marks that they have under the previous key while it
    /// is replaced: histories may remember them so.
    eras: [Members; 3],
    /// How long the parts of identifiers are that were ever added, or in which script names are, as bits; none where
    /// whole identifiers are listed.
    sizes: AtomicU64,
}

impl Hashed {
    fn era(&self, era: u8) -> &Members {
        let [even, odd, others] = &self.eras;
        match era {
            0 => even,
            1 => odd,
            _ => others,
        }
    }

    /// How many members there are.
    fn len(&self) -> usize {
        self.era(0).len() + self.era(1).len()
    }

    /// The mark that a member of `era` had under the previous key is no member by itself any more.
    fn supersede(&self, before: Mark, terms: Terms, era: u8) {
        // Whoever looks for members first and then for their other marks finds it.
        self.era(OTHER_MARKS).change(&mut [(before, Some(terms))]);
        self.era(era ^ 1).change(&mut [(before, None)]);
    }
}

/// What belongs to a key's era.
fn of_era<T>([even, odd]: &[T; 2], era: u8) -> &T {
    if era == 0 { even } else { odd }
}

/// What a list is of.
#[derive(Clone, Copy, Debug)]
enum Holding {
    Tokens,
    Homes,
    Networks,
}

/// A network or an address as the numbers of its family.
enum Family {
    V4(Network<u32>),
    V6(Network<u128>),
}

fn family(network: IpNet) -> Family {
    match network {
        IpNet::V4(network) => {
            Family::V4(Network { first: network.network().to_bits(), length: network.prefix_len() })
        }
        IpNet::V6(network) => {
            Family::V6(Network { first: network.network().to_bits(), length: network.prefix_len() })
        }
    }
}

impl List {
    pub(crate) fn hashed() -> List {
        List::new(Kind::Hashed(Hashed::default()))
    }

    pub(crate) fn homes() -> List {
        List::new(Kind::Homes(Default::default()))
    }

    pub(crate) fn networks() -> List {
        List::new(Kind::Networks { v4: Networks::default(), v6: Networks::default() })
    }

    fn new(members: Kind) -> List {
        let content =
            Content { name: Arc::default(), number: AtomicU64::new(0), classes: Arc::default(), members };
        List { content: ArcSwap::from_pointee(content), restored: AtomicU64::new(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.content.load().len()
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        match &self.content.load().members {
            Kind::Hashed(hashed) => hashed.eras.iter().map(Members::bytes).sum(),
            Kind::Homes(eras) => eras.iter().map(Homes::bytes).sum(),
            Kind::Networks { v4, v6 } => v4.bytes() + v6.bytes(),
        }
    }

    pub(crate) fn version(&self) -> ListVersion {
        let content = self.content.load();
        ListVersion { name: Arc::clone(&content.name), number: content.number.load(Ordering::Relaxed) }
    }

    /// There was another change.
    pub(crate) fn changed(&self) {
        self.content.load().number.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether an entry can be added: severities, reasons and sources are few.
    pub(crate) fn has_room_for(&self, entry: &ListEntry) -> bool {
        self.content.load().classes.number(entry).is_some()
    }

    /// How long the parts are that it may hold, or the scripts of its names, as bits.
    pub(crate) fn sizes(&self) -> u64 {
        match &self.content.load().members {
            Kind::Hashed(hashed) => hashed.sizes.load(Ordering::Relaxed),
            Kind::Homes(_) | Kind::Networks { .. } => 0,
        }
    }

    /// Adds a token of a key's era, or changes its entry. `size` is that of a part as a bit, 0 of a whole identifier.
    pub(crate) fn add(&self, token: Token, size: u64, entry: &ListEntry, era: u8) {
        let content = self.content.load();
        if let (Kind::Hashed(hashed), Some(class)) = (&content.members, content.classes.number(entry)) {
            hashed.sizes.fetch_or(size, Ordering::Relaxed);
            let terms = Terms::new(class, entry.expires);
            hashed.era(era).change(&mut [(Mark::of(token), Some(terms))]);
        }
    }

    /// A member that was added had another token under the previous key. It is no member by that one any more, but
    /// [`standing`](List::standing) finds it.
    pub(crate) fn supersede(&self, before: Token, entry: &ListEntry, era: u8) {
        let content = self.content.load();
        if let (Kind::Hashed(hashed), Some(class)) = (&content.members, content.classes.number(entry)) {
            hashed.supersede(Mark::of(before), Terms::new(class, entry.expires), era);
        }
    }

    pub(crate) fn remove(&self, token: Token) -> bool {
        match &self.content.load().members {
            Kind::Hashed(hashed) => hashed
                .eras
                .iter()
                .fold(false, |known, era| known | (era.change(&mut [(Mark::of(token), None)]) > 0)),
            Kind::Homes(_) | Kind::Networks { .. } => false,
        }
    }

    /// Whether there is such a member, expired or not.
    pub(crate) fn holds(&self, token: Token) -> bool {
        match &self.content.load().members {
            Kind::Hashed(hashed) => {
                [0, 1].into_iter().any(|era| hashed.era(era).find(Mark::of(token)).is_some())
            }
            Kind::Homes(_) | Kind::Networks { .. } => false,
        }
    }

    /// A member has another token from now on; one that is there under it already stays.
    pub(crate) fn rename(&self, before: Token, token: Token, era: u8) -> bool {
        let content = self.content.load();
        let Kind::Hashed(hashed) = &content.members else { return false };
        let (before, mark) = (Mark::of(before), Mark::of(token));
        let (own, other) = (hashed.era(era), hashed.era(era ^ 1));
        let Some(terms) = other.find(before) else { return false };
        // Whoever looks for the one before first and then for the other finds one of them.
        let known = own.find(mark);
        if known.is_none() {
            own.change(&mut [(mark, Some(terms))]);
        }
        hashed.supersede(before, known.unwrap_or(terms), era);
        true
    }

    /// Takes off all members whose token was made with a key of another era; says how many there were.
    pub(crate) fn retire(&self, era: u8) -> u64 {
        match &self.content.load().members {
            Kind::Hashed(hashed) => {
                hashed.era(OTHER_MARKS).clear();
                hashed.era(era ^ 1).clear() as u64
            }
            Kind::Homes(eras) => of_era(eras, era ^ 1).clear() as u64,
            Kind::Networks { .. } => 0,
        }
    }

    /// The entry of an identifier, if it counts at `time`; `other` is its token under the previous key, and `era` that
    /// of the present one.
    pub(crate) fn find(&self, token: Token, other: Option<Token>, era: u8, time: i64) -> Option<Hit> {
        let content = self.content.load();
        let Kind::Hashed(hashed) = &content.members else { return None };
        let before = other.and_then(|other| hashed.era(era ^ 1).find(Mark::of(other)));
        // What was renamed meanwhile is under the present token by now.
        let terms = hashed.era(era).find(Mark::of(token)).or(before)?;
        content.hit(terms, time)
    }

    /// What the list says at `time` of several identifiers together, of which histories remember the marks.
    pub(crate) fn standing(&self, remembered: &[u64], time: i64) -> Standing {
        let content = self.content.load();
        let Kind::Hashed(hashed) = &content.members else { return Standing::default() };
        let mut standing = Standing::default();
        for mark in remembered.iter().filter_map(|word| Mark::of_word(*word)) {
            // In this order a member is found that comes to the present key meanwhile.
            let terms = hashed.eras.iter().find_map(|members| members.find(mark));
            if let Some(hit) = terms.and_then(|terms| content.hit(terms, time)) {
                standing.members += 1;
                standing.severity = standing.severity.max(hit.severity);
            }
        }
        standing
    }

    /// Adds an address that a key's era made hashes of, or changes its entry.
    pub(crate) fn add_home(&self, home: Home, entry: &ListEntry, era: u8) {
        let content = self.content.load();
        if let (Kind::Homes(eras), Some(class)) = (&content.members, content.classes.number(entry)) {
            of_era(eras, era).change(vec![(home, Some(Terms::new(class, entry.expires)))]);
        }
    }

    pub(crate) fn remove_home(&self, home: Home) -> bool {
        match &self.content.load().members {
            Kind::Homes(eras) => {
                eras.iter().fold(false, |known, era| known | (era.change(vec![(home, None)]) > 0))
            }
            _ => false,
        }
    }

    /// The entry of the address that agrees furthest with this one and counts at `time`: with all that it says, or down
    /// to `coarsest`. `before` is the same under the previous key.
    pub(crate) fn find_home(
        &self,
        (home, before): (Home, Option<Home>),
        coarsest: Option<Level>,
        era: u8,
        time: i64,
    ) -> Option<Hit> {
        let content = self.content.load();
        let Kind::Homes(eras) = &content.members else { return None };
        let mut best: Option<Hit> = None;
        // What is renamed meanwhile is under the present key by the time that is asked.
        for (home, era) in before.map(|before| (before, era ^ 1)).into_iter().chain([(home, era)]) {
            of_era(eras, era).find(&home, coarsest, |level, terms| {
                let hit = content.hit(terms, time).map(|hit| Hit { level: Some(level), ..hit });
                best = best.into_iter().chain(hit).max_by_key(Hit::rank);
            });
        }
        best
    }

    /// As [`holds`](List::holds), of an address.
    pub(crate) fn holds_home(&self, home: Home) -> bool {
        match &self.content.load().members {
            Kind::Homes(eras) => eras.iter().any(|era| era.get(&home).is_some()),
            _ => false,
        }
    }

    /// As [`rename`](List::rename), of an address.
    pub(crate) fn rename_home(&self, before: Home, home: Home, era: u8) -> bool {
        let content = self.content.load();
        let Kind::Homes(eras) = &content.members else { return false };
        let (own, other) = (of_era(eras, era), of_era(eras, era ^ 1));
        let Some(terms) = other.get(&before) else { return false };
        if own.get(&home).is_none() {
            own.change(vec![(home, Some(terms))]);
        }
        other.change(vec![(before, None)]);
        true
    }

    /// The entry of the very address, if it counts at `time`.
    pub(crate) fn find_same_home(
        &self,
        (home, before): (Home, Option<Home>),
        era: u8,
        time: i64,
    ) -> Option<Hit> {
        let content = self.content.load();
        let Kind::Homes(eras) = &content.members else { return None };
        let before = before.and_then(|before| of_era(eras, era ^ 1).get(&before));
        content.hit(of_era(eras, era).get(&home).or(before)?, time)
    }

    pub(crate) fn add_network(&self, network: IpNet, entry: &ListEntry) {
        let content = self.content.load();
        let Some(class) = content.classes.number(entry) else { return };
        content.change_network(network, Some(Terms::new(class, entry.expires)));
    }

    pub(crate) fn remove_network(&self, network: IpNet) -> bool {
        self.content.load().change_network(network, None)
    }

    /// The entry of the narrowest network that holds the address and counts at `time`.
    pub(crate) fn find_address(&self, address: IpAddr, time: i64) -> Option<Hit> {
        let content = self.content.load();
        let Kind::Networks { v4, v6 } = &content.members else { return None };
        let terms = match address {
            IpAddr::V4(address) => v4.find(address.to_bits(), time)?,
            IpAddr::V6(address) => v6.find(address.to_bits(), time)?,
        };
        content.hit(terms, time)
    }

    /// Severity, reason and source of a hit; `None` when the list was swapped since.
    pub(crate) fn class(&self, hit: Hit) -> Option<Arc<Class>> {
        let class = self.content.load().classes.read(hit.class, Arc::clone)?;
        Some(class).filter(|class| class.severity == hit.severity && class.words == hit.words)
    }

    /// What the list would hold with what was prepared in the place of all members. It takes a second for ten million.
    pub(crate) fn build(&self, prepared: Prepared, name: &str) -> Content {
        let holding = match self.content.load().members {
            Kind::Hashed(_) => Holding::Tokens,
            Kind::Homes(_) => Holding::Homes,
            Kind::Networks { .. } => Holding::Networks,
        };
        prepared.finish(holding, name)
    }

    /// Puts another content in the place of the present one.
    pub(crate) fn replace(&self, content: Content, number: u64) {
        content.number.store(number, Ordering::Relaxed);
        let before = self.content.swap(Arc::new(content));
        // Whoever still reads it would have to take it apart; they read for less than a microsecond.
        let mut patience = 1_000_000;
        while Arc::strong_count(&before) > 1 && patience > 0 {
            patience -= 1;
            std::hint::spin_loop();
        }
    }

    /// Whether all that was prepared can be added: severities, reasons and sources are few.
    pub(crate) fn has_classes_of(&self, prepared: &Prepared) -> bool {
        prepared.fits(&self.content.load().classes)
    }

    /// Adds what was prepared to the members; says how many are new. `None` when there are too many different
    /// severities, reasons and sources; then nothing is added.
    pub(crate) fn take_in(&self, prepared: &Prepared) -> Option<usize> {
        self.content.load().take_in(prepared)
    }

    /// What it held when it was restored, up to this journal frame.
    pub(crate) fn restored_until(&self) -> u64 {
        self.restored.load(Ordering::Relaxed)
    }

    pub(crate) fn set_restored(&self, sequence: u64) {
        self.restored.store(sequence, Ordering::Relaxed);
    }

    /// What it holds now, to be written piece by piece while it changes.
    pub(crate) fn content(&self) -> Arc<Content> {
        self.content.load_full()
    }
}

impl Content {
    fn hit(&self, terms: Terms, time: i64) -> Option<Hit> {
        if !terms.counts_at(time) {
            return None;
        }
        self.classes.read(terms.class, |class| Hit {
            severity: class.severity,
            words: class.words,
            expires: terms.expires(),
            level: None,
            class: terms.class,
        })
    }

    fn change_network(&self, network: IpNet, terms: Option<Terms>) -> bool {
        match (&self.members, family(network)) {
            (Kind::Networks { v4, .. }, Family::V4(network)) => v4.change(&[(network, terms)]) > 0,
            (Kind::Networks { v6, .. }, Family::V6(network)) => v6.change(&[(network, terms)]) > 0,
            _ => false,
        }
    }
}
