//! Lists of identifiers, of addresses and of networks, changed while scoring goes on.
//!
//! Whoever asks takes no lock: a list is a value that never changes while others see it. A change is made in a copy, which
//! shares all pieces but those that differ, and the engine puts the copy in its place.

mod classes;
mod exact;
mod homes;
mod networks;
mod parts;
mod prepared;
mod runs;
mod shared;

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::codec::{Reader, Writer};
use crate::event::token::Token;
use crate::locale::Level;
pub(crate) use classes::Class;
use classes::Classes;
use exact::{Mark, Members, Terms};
use homes::Homes;
pub(crate) use homes::{Asked, Home};
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
        let expires = from.one(Reader::time)?;
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

/// One list of a policy, as it is at a time.
#[derive(Clone, Debug)]
pub(crate) struct List {
    name: Arc<str>,
    number: u64,
    /// The last journal frame that the snapshot contained from which the list was restored.
    restored: u64,
    classes: Arc<Classes>,
    members: Kind,
}

#[derive(Clone, Debug)]
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
#[derive(Clone, Debug, Default)]
struct Hashed {
    /// Those of both eras; behind them members once more, by the marks that they have under the previous key while it
    /// is replaced: histories may remember them so.
    eras: [Members; 3],
    /// How long the parts of identifiers are that were ever added, or in which script names are, as bits; none where
    /// whole identifiers are listed.
    sizes: u64,
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

    fn era_mut(&mut self, era: u8) -> &mut Members {
        let [even, odd, others] = &mut self.eras;
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
    fn supersede(&mut self, before: Mark, terms: Terms, era: u8) {
        self.era_mut(OTHER_MARKS).change(&mut [(before, Some(terms))]);
        self.era_mut(era ^ 1).change(&mut [(before, None)]);
    }
}

/// What belongs to a key's era.
fn of_era<T>([even, odd]: &[T; 2], era: u8) -> &T {
    if era == 0 { even } else { odd }
}

fn of_era_mut<T>([even, odd]: &mut [T; 2], era: u8) -> &mut T {
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
        List { name: Arc::default(), number: 0, restored: 0, classes: Arc::default(), members }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        match &self.members {
            Kind::Hashed(hashed) => hashed.eras.iter().map(Members::bytes).sum(),
            Kind::Homes(eras) => eras.iter().map(Homes::bytes).sum(),
            Kind::Networks { v4, v6 } => v4.bytes() + v6.bytes(),
        }
    }

    pub(crate) fn version(&self) -> ListVersion {
        ListVersion { name: Arc::clone(&self.name), number: self.number }
    }

    /// There was another change.
    pub(crate) fn changed(&mut self) {
        self.number += 1;
    }

    /// Whether an entry can be added: severities, reasons and sources are few.
    pub(crate) fn has_room_for(&self, entry: &ListEntry) -> bool {
        self.classes.number(entry).is_some()
    }

    /// How long the parts are that it may hold, or the scripts of its names, as bits.
    pub(crate) fn sizes(&self) -> u64 {
        match &self.members {
            Kind::Hashed(hashed) => hashed.sizes,
            Kind::Homes(_) | Kind::Networks { .. } => 0,
        }
    }

    /// Adds a token of a key's era, or changes its entry. `size` is that of a part as a bit, 0 of a whole identifier.
    pub(crate) fn add(&mut self, token: Token, size: u64, entry: &ListEntry, era: u8) {
        if let (Kind::Hashed(hashed), Some(class)) = (&mut self.members, self.classes.number(entry)) {
            hashed.sizes |= size;
            let terms = Terms::new(class, entry.expires);
            hashed.era_mut(era).change(&mut [(Mark::of(token), Some(terms))]);
        }
    }

    /// A member that was added had another token under the previous key. It is no member by that one any more, but
    /// [`standing`](List::standing) finds it.
    pub(crate) fn supersede(&mut self, before: Token, entry: &ListEntry, era: u8) {
        if let (Kind::Hashed(hashed), Some(class)) = (&mut self.members, self.classes.number(entry)) {
            hashed.supersede(Mark::of(before), Terms::new(class, entry.expires), era);
        }
    }

    /// Takes off members beside this one that had expired by a time: which ones depends on nothing but the members.
    pub(crate) fn tidy(&mut self, near: Token, until: i64) {
        if let Kind::Hashed(hashed) = &mut self.members {
            hashed.eras.iter_mut().for_each(|members| members.tidy(Mark::of(near), until));
        }
    }

    pub(crate) fn remove(&mut self, token: Token) -> bool {
        match &mut self.members {
            Kind::Hashed(hashed) => {
                let mut take =
                    |known, era: &mut Members| known | (era.change(&mut [(Mark::of(token), None)]) > 0);
                hashed.eras.iter_mut().fold(false, &mut take)
            }
            Kind::Homes(_) | Kind::Networks { .. } => false,
        }
    }

    /// Whether there is such a member, expired or not.
    pub(crate) fn holds(&self, token: Token) -> bool {
        match &self.members {
            Kind::Hashed(hashed) => {
                [0, 1].into_iter().any(|era| hashed.era(era).find(Mark::of(token)).is_some())
            }
            Kind::Homes(_) | Kind::Networks { .. } => false,
        }
    }

    /// A member has another token from now on; one that is there under it already stays.
    pub(crate) fn rename(&mut self, before: Token, token: Token, era: u8) -> bool {
        let Kind::Hashed(hashed) = &mut self.members else { return false };
        let (before, mark) = (Mark::of(before), Mark::of(token));
        let Some(terms) = hashed.era(era ^ 1).find(before) else { return false };
        let known = hashed.era(era).find(mark);
        if known.is_none() {
            hashed.era_mut(era).change(&mut [(mark, Some(terms))]);
        }
        hashed.supersede(before, known.unwrap_or(terms), era);
        true
    }

    /// Takes off all members whose token was made with a key of another era; says how many there were.
    pub(crate) fn retire(&mut self, era: u8) -> u64 {
        match &mut self.members {
            Kind::Hashed(hashed) => {
                *hashed.era_mut(OTHER_MARKS) = Members::default();
                std::mem::take(hashed.era_mut(era ^ 1)).len() as u64
            }
            Kind::Homes(eras) => std::mem::take(of_era_mut(eras, era ^ 1)).len() as u64,
            Kind::Networks { .. } => 0,
        }
    }

    /// The entry of an identifier, if it counts at `time`; `other` is its token under the previous key, and `era` that
    /// of the present one.
    #[inline]
    pub(crate) fn find(&self, token: Token, other: Option<Token>, era: u8, time: i64) -> Option<Hit> {
        let Kind::Hashed(hashed) = &self.members else { return None };
        let before = || hashed.era(era ^ 1).find(Mark::of(other?));
        let terms = hashed.era(era).find(Mark::of(token)).or_else(before)?;
        self.hit(terms, time)
    }

    /// What the list says at `time` of several identifiers together, of which histories remember the marks.
    pub(crate) fn standing(&self, remembered: &[u64], time: i64) -> Standing {
        let Kind::Hashed(hashed) = &self.members else { return Standing::default() };
        let mut standing = Standing::default();
        for mark in remembered.iter().filter_map(|word| Mark::of_word(*word)) {
            let terms = hashed.eras.iter().find_map(|members| members.find(mark));
            if let Some(hit) = terms.and_then(|terms| self.hit(terms, time)) {
                standing.members += 1;
                standing.severity = standing.severity.max(hit.severity);
            }
        }
        standing
    }

    /// Adds an address that a key's era made hashes of, or changes its entry.
    pub(crate) fn add_home(&mut self, home: Home, entry: &ListEntry, era: u8) {
        if let (Kind::Homes(eras), Some(class)) = (&mut self.members, self.classes.number(entry)) {
            of_era_mut(eras, era).change(vec![(home, Some(Terms::new(class, entry.expires)))]);
        }
    }

    /// As [`tidy`](List::tidy), of an address.
    pub(crate) fn tidy_homes(&mut self, near: Home, until: i64) {
        if let Kind::Homes(eras) = &mut self.members {
            eras.iter_mut().for_each(|homes| homes.tidy(&near, until));
        }
    }

    pub(crate) fn remove_home(&mut self, home: Home) -> bool {
        match &mut self.members {
            Kind::Homes(eras) => {
                eras.iter_mut().fold(false, |known, era| known | (era.change(vec![(home, None)]) > 0))
            }
            _ => false,
        }
    }

    /// The entry of the address that agrees furthest with this one and counts at `time`: with all that it says, or down
    /// to `coarsest`. `before` is the same under the previous key.
    pub(crate) fn find_home(
        &self,
        (asked, before): (Asked, Option<Asked>),
        coarsest: Option<Level>,
        era: u8,
        time: i64,
    ) -> Option<Hit> {
        let Kind::Homes(eras) = &self.members else { return None };
        let mut best: Option<Hit> = None;
        for (asked, era) in before.map(|before| (before, era ^ 1)).into_iter().chain([(asked, era)]) {
            of_era(eras, era).find(&asked, coarsest, |level, terms| {
                let hit = self.hit(terms, time).map(|hit| Hit { level: Some(level), ..hit });
                best = best.into_iter().chain(hit).max_by_key(Hit::rank);
            });
        }
        best
    }

    /// As [`holds`](List::holds), of an address.
    pub(crate) fn holds_home(&self, home: Home) -> bool {
        match &self.members {
            Kind::Homes(eras) => eras.iter().any(|era| era.get(&home).is_some()),
            _ => false,
        }
    }

    /// As [`rename`](List::rename), of an address.
    pub(crate) fn rename_home(&mut self, before: Home, home: Home, era: u8) -> bool {
        let Kind::Homes(eras) = &mut self.members else { return false };
        let Some(terms) = of_era(eras, era ^ 1).get(&before) else { return false };
        let own = of_era_mut(eras, era);
        if own.get(&home).is_none() {
            own.change(vec![(home, Some(terms))]);
        }
        of_era_mut(eras, era ^ 1).change(vec![(before, None)]);
        true
    }

    /// The entry of the very address, if it counts at `time`.
    pub(crate) fn find_same_home(
        &self,
        (home, before): (Home, Option<Home>),
        era: u8,
        time: i64,
    ) -> Option<Hit> {
        let Kind::Homes(eras) = &self.members else { return None };
        let before = before.and_then(|before| of_era(eras, era ^ 1).get(&before));
        self.hit(of_era(eras, era).get(&home).or(before)?, time)
    }

    pub(crate) fn add_network(&mut self, network: IpNet, entry: &ListEntry) {
        let Some(class) = self.classes.number(entry) else { return };
        self.change_network(network, Some(Terms::new(class, entry.expires)));
    }

    pub(crate) fn remove_network(&mut self, network: IpNet) -> bool {
        self.change_network(network, None)
    }

    fn change_network(&mut self, network: IpNet, terms: Option<Terms>) -> bool {
        match (&mut self.members, family(network)) {
            (Kind::Networks { v4, .. }, Family::V4(network)) => v4.change(&[(network, terms)]) > 0,
            (Kind::Networks { v6, .. }, Family::V6(network)) => v6.change(&[(network, terms)]) > 0,
            _ => false,
        }
    }

    /// The entry of the narrowest network that holds the address and counts at `time`.
    #[inline]
    pub(crate) fn find_address(&self, address: IpAddr, time: i64) -> Option<Hit> {
        let Kind::Networks { v4, v6 } = &self.members else { return None };
        let terms = match address {
            IpAddr::V4(address) => v4.find(address.to_bits(), time)?,
            IpAddr::V6(address) => v6.find(address.to_bits(), time)?,
        };
        self.hit(terms, time)
    }

    fn hit(&self, terms: Terms, time: i64) -> Option<Hit> {
        if !terms.counts_at(time) {
            return None;
        }
        let Class { severity, words, .. } = **self.classes.get(terms.class)?;
        Some(Hit { severity, words, expires: terms.expires(), level: None, class: terms.class })
    }

    /// Severity, reason and source of a hit.
    pub(crate) fn class(&self, hit: Hit) -> Option<Arc<Class>> {
        self.classes.get(hit.class).cloned()
    }

    /// The list with what was prepared in the place of all members. It takes a second for ten million.
    pub(crate) fn build(&self, prepared: Prepared, name: &str) -> List {
        let holding = match self.members {
            Kind::Hashed(_) => Holding::Tokens,
            Kind::Homes(_) => Holding::Homes,
            Kind::Networks { .. } => Holding::Networks,
        };
        prepared.finish(holding, name)
    }

    /// Whether all that was prepared can be added: severities, reasons and sources are few.
    pub(crate) fn has_classes_of(&self, prepared: &Prepared) -> bool {
        prepared.fits(&self.classes)
    }

    /// Puts what was [built](List::build) in the place of all members.
    pub(crate) fn replace(&mut self, built: List, number: u64) {
        *self = List { number, restored: self.restored, ..built };
    }

    /// What it held when it was restored, up to this journal frame.
    pub(crate) fn restored_until(&self) -> u64 {
        self.restored
    }

    pub(crate) fn set_restored(&mut self, sequence: u64) {
        self.restored = sequence;
    }
}
