//! Many members at once: gathered aside, written and read piece by piece.

use std::sync::Arc;

use ipnet::IpNet;

use super::classes::Classes;
use super::exact::{Gathered, Mark, Terms};
use super::homes::{Home, Homes};
use super::networks::{Network, Networks};
use super::{Family, Hashed, Holding, Kind, List, ListEntry, OTHER_MARKS, family, of_era};
use crate::event::token::Token;
use crate::state::{Reader, Writer};

/// A piece holds so many members.
const PIECE: usize = 1_024;
/// So many are added to a list at a time, while others who change lists wait.
const BATCH: usize = 1 << 16;

const CLASSES: u8 = 0;
const TOKENS: u8 = 1;
const V4: u8 = 2;
const V6: u8 = 3;
const SIZES: u8 = 4;
const HOMES: u8 = 5;

/// Written in place of an expiry where there is none.
const NEVER: i64 = i64::MIN;

/// Members that nobody can find yet.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    classes: Arc<Classes>,
    /// By the era of the key; behind both members' other marks.
    eras: [Gathered; 3],
    /// How long parts of identifiers are, or the scripts of names, as bits.
    sizes: u64,
    /// By the era of the key.
    homes: [Vec<(Home, Terms)>; 2],
    v4: Vec<(Network<u32>, Terms)>,
    v6: Vec<(Network<u128>, Terms)>,
    /// The numbers that classes have here, by those that they have in the pieces that are read.
    numbers: Vec<u16>,
}

impl Prepared {
    fn terms(&self, entry: &ListEntry) -> Option<Terms> {
        Some(Terms::new(self.classes.number(entry)?, entry.expires))
    }

    /// `None` when there are too many different severities, reasons and sources.
    pub(crate) fn add(&mut self, token: Token, size: u64, entry: &ListEntry, era: u8) -> Option<()> {
        let terms = self.terms(entry)?;
        self.sizes |= size;
        self.gathered(era).add(Mark::of(token), terms);
        Some(())
    }

    /// A member that was added has another token under the previous key.
    pub(crate) fn supersede(&mut self, before: Token, entry: &ListEntry) -> Option<()> {
        let terms = self.terms(entry)?;
        self.gathered(OTHER_MARKS).add(Mark::of(before), terms);
        Some(())
    }

    /// As [`add`](Prepared::add).
    pub(crate) fn add_network(&mut self, network: IpNet, entry: &ListEntry) -> Option<()> {
        let terms = self.terms(entry)?;
        match family(network) {
            Family::V4(network) => self.v4.push((network, terms)),
            Family::V6(network) => self.v6.push((network, terms)),
        }
        Some(())
    }

    /// As [`add`](Prepared::add).
    pub(crate) fn add_home(&mut self, home: Home, entry: &ListEntry, era: u8) -> Option<()> {
        let terms = self.terms(entry)?;
        self.homes(era).push((home, terms));
        Some(())
    }

    fn homes(&mut self, era: u8) -> &mut Vec<(Home, Terms)> {
        let [even, odd] = &mut self.homes;
        if era == 0 { even } else { odd }
    }

    fn gathered(&mut self, era: u8) -> &mut Gathered {
        let [even, odd, others] = &mut self.eras;
        match era {
            0 => even,
            1 => odd,
            _ => others,
        }
    }

    /// How many were added, those among them that came twice.
    pub(crate) fn len(&self) -> usize {
        let [even, odd, _] = &self.eras;
        let homes = self.homes.iter().map(Vec::len).sum::<usize>();
        even.len() + odd.len() + homes + self.v4.len() + self.v6.len()
    }

    /// What a list holds from now on.
    pub(super) fn finish(self, holding: Holding, name: &str) -> List {
        let Prepared { classes, eras, sizes, homes, v4, v6, .. } = self;
        let members = match holding {
            Holding::Tokens => Kind::Hashed(Hashed { eras: eras.map(Gathered::finish), sizes }),
            Holding::Homes => Kind::Homes(homes.map(Homes::new)),
            Holding::Networks => Kind::Networks { v4: Networks::new(v4), v6: Networks::new(v6) },
        };
        List { name: Arc::from(name), number: 0, restored: 0, classes, members }
    }

    /// Whether its classes have room beside others.
    pub(super) fn fits(&self, classes: &Classes) -> bool {
        class_numbers(classes, &self.classes).is_some()
    }

    /// Takes in another. Of a member that both have, the more severe entry stays, of two that are as severe the one that
    /// lasts longer, of those the one whose reason and source come later. `None` when there are too many classes.
    pub(crate) fn merge(&mut self, other: &Prepared) -> Option<()> {
        let numbers = class_numbers(&self.classes, &other.classes)?;
        let own = |terms: Terms| renumbered(&numbers, terms);
        self.sizes |= other.sizes;
        let classes = self.classes.all();
        let rank = |terms: Terms| {
            let class = classes.get(usize::from(terms.class));
            let texts = class.map(|class| (class.reason.clone(), class.source.clone()));
            let severity = class.map_or(0, |class| class.severity);
            (severity, terms.expires().unwrap_or(i64::MAX), texts)
        };
        for (gathered, theirs) in self.eras.iter_mut().zip(&other.eras) {
            theirs.each(|mark, terms| gathered.add(mark, own(terms)));
            gathered.sort_by_key(rank);
        }
        for (homes, theirs) in self.homes.iter_mut().zip(&other.homes) {
            homes.extend(theirs.iter().map(|(home, terms)| (*home, own(*terms))));
            // Of equals the last counts.
            homes.sort_by_cached_key(|(home, terms)| (*home, rank(*terms)));
        }
        self.v4.extend(other.v4.iter().map(|(network, terms)| (*network, own(*terms))));
        self.v6.extend(other.v6.iter().map(|(network, terms)| (*network, own(*terms))));
        self.v4.sort_by_cached_key(|(network, terms)| (*network, rank(*terms)));
        self.v6.sort_by_cached_key(|(network, terms)| (*network, rank(*terms)));
        Some(())
    }

    /// The same in batches that are quickly added; addresses and networks are one.
    pub(crate) fn batches(mut self) -> Vec<Prepared> {
        let mut batches = Vec::new();
        for (era, gathered) in (0u8..).zip(std::mem::take(&mut self.eras)) {
            for batch in gathered.batches(BATCH) {
                let mut prepared =
                    Prepared { classes: Arc::clone(&self.classes), sizes: self.sizes, ..Prepared::default() };
                *prepared.gathered(era) = batch;
                batches.push(prepared);
            }
        }
        let homes = self.homes.iter().any(|homes| !homes.is_empty());
        if batches.is_empty() || homes || !self.v4.is_empty() || !self.v6.is_empty() {
            batches.push(self);
        }
        batches
    }

    /// Writes all of it piece by piece; those of `era` count as made with the present key.
    pub(crate) fn write(&self, era: u8, piece: impl FnMut(&[u8])) {
        let mut pieces = Pieces::new(piece);
        pieces.classes(&self.classes);
        pieces.sizes(self.sizes);
        for (number, gathered) in (0u8..).zip(&self.eras) {
            gathered.each(|mark, terms| pieces.token(side(number, era), mark, terms));
        }
        for (number, homes) in (0u8..).zip(&self.homes) {
            homes.iter().for_each(|(home, terms)| pieces.home(number != era, home, *terms));
        }
        self.v4.iter().for_each(|(network, terms)| pieces.v4(*network, *terms));
        self.v6.iter().for_each(|(network, terms)| pieces.v6(*network, *terms));
        pieces.end();
    }

    /// Takes in a piece, with the eras of the key in force when it was written and of the one before; `None` when the
    /// bytes are not as they should be.
    pub(crate) fn read(&mut self, from: &mut Reader<'_>, eras: [u8; 2]) -> Option<()> {
        match from.byte()? {
            CLASSES => {
                for _ in 0..from.count(9)? {
                    let entry = ListEntry::new().severity(from.byte()?.min(100));
                    let entry = entry.reason(from.text()?).source(from.text()?);
                    let number = self.classes.number(&entry)?;
                    self.numbers.push(number);
                }
            }
            TOKENS => {
                for _ in 0..from.count(19)? {
                    let era = match from.byte()? {
                        OTHER_MARKS => OTHER_MARKS,
                        side => *eras.get(usize::from(side))?,
                    };
                    let (mark, terms) = (Mark::of_word(from.word()?)?, self.read_terms(from)?);
                    self.gathered(era).add(mark, terms);
                }
            }
            V4 => {
                for _ in 0..from.count(15)? {
                    let network = Network { first: from.number()?, length: from.byte()? };
                    let terms = self.read_terms(from)?;
                    self.v4.push((network.checked()?, terms));
                }
            }
            V6 => {
                for _ in 0..from.count(27)? {
                    let network = Network { first: from.token()?.0, length: from.byte()? };
                    let terms = self.read_terms(from)?;
                    self.v6.push((network.checked()?, terms));
                }
            }
            SIZES => {
                for _ in 0..from.count(8)? {
                    self.sizes |= from.word()?;
                }
            }
            HOMES => {
                for _ in 0..from.count(43)? {
                    let era = *eras.get(usize::from(from.byte()?))?;
                    let (home, terms) = (Home::read(from)?, self.read_terms(from)?);
                    self.homes(era).push((home, terms));
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Takes in a whole list as the first format of snapshots had it.
    pub(crate) fn read_first_format(&mut self, from: &mut Reader<'_>, eras: [u8; 2]) -> Option<()> {
        match from.byte()? {
            0 => {
                for _ in 0..from.count(23)? {
                    let (token, era) = (from.token()?, *eras.get(usize::from(from.byte()?))?);
                    self.add(token, 0, &ListEntry::read_without_reason(from)?, era)?;
                }
            }
            1 => {
                for _ in 0..from.count(10)? {
                    let network = from.text()?.parse().ok()?;
                    self.add_network(network, &ListEntry::read_without_reason(from)?)?;
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn read_terms(&self, from: &mut Reader<'_>) -> Option<Terms> {
        let class = *self.numbers.get(usize::from(from.short()?))?;
        let expires = Some(from.time()?).filter(|expires| *expires != NEVER);
        Some(Terms::new(class, expires))
    }
}

impl List {
    /// Adds what was prepared to the members; says how many are new. `None` when there are too many different
    /// severities, reasons and sources; then nothing is added.
    pub(crate) fn take_in(&mut self, prepared: &Prepared) -> Option<usize> {
        let numbers = class_numbers(&self.classes, &prepared.classes)?;
        let own = |terms: Terms| renumbered(&numbers, terms);
        let before = self.len();
        match &mut self.members {
            Kind::Hashed(hashed) => {
                hashed.sizes |= prepared.sizes;
                for (number, gathered) in (0u8..).zip(&prepared.eras) {
                    let mut changes = Vec::with_capacity(gathered.len());
                    gathered.each(|mark, terms| changes.push((mark, Some(own(terms)))));
                    hashed.era_mut(number).change(&mut changes);
                }
            }
            Kind::Homes(eras) => {
                for (homes, new) in eras.iter_mut().zip(&prepared.homes) {
                    homes.change(new.iter().map(|(home, terms)| (*home, Some(own(*terms)))).collect());
                }
            }
            Kind::Networks { v4, v6 } => {
                let v4_changes: Vec<_> =
                    prepared.v4.iter().map(|(n, terms)| (*n, Some(own(*terms)))).collect();
                let v6_changes: Vec<_> =
                    prepared.v6.iter().map(|(n, terms)| (*n, Some(own(*terms)))).collect();
                v4.change(&v4_changes);
                v6.change(&v6_changes);
            }
        }
        Some(self.len() - before)
    }

    pub(crate) fn len(&self) -> usize {
        match &self.members {
            Kind::Hashed(hashed) => hashed.len(),
            Kind::Homes(eras) => eras.iter().map(Homes::len).sum(),
            Kind::Networks { v4, v6 } => v4.len() + v6.len(),
        }
    }

    /// Writes all members piece by piece; those of `era` count as made with the present key.
    pub(crate) fn write(&self, era: u8, piece: impl FnMut(&[u8])) {
        let mut pieces = Pieces::new(piece);
        match &self.members {
            Kind::Hashed(hashed) => {
                pieces.sizes(hashed.sizes);
                for number in [era ^ 1, era, OTHER_MARKS] {
                    // Classes are added before members that have them; so those of all members are known afterwards.
                    hashed.era(number).each(|mark, terms| {
                        pieces.known_classes(&self.classes, terms.class);
                        pieces.token(side(number, era), mark, terms);
                    });
                }
            }
            Kind::Homes(eras) => {
                for (is_previous, era) in [(true, era ^ 1), (false, era)] {
                    of_era(eras, era).each(|home, terms| {
                        pieces.known_classes(&self.classes, terms.class);
                        pieces.home(is_previous, &home, terms);
                    });
                }
            }
            Kind::Networks { v4, v6 } => {
                v4.each(|network, terms| {
                    pieces.known_classes(&self.classes, terms.class);
                    pieces.v4(network, terms);
                });
                v6.each(|network, terms| {
                    pieces.known_classes(&self.classes, terms.class);
                    pieces.v6(network, terms);
                });
            }
        }
        pieces.end();
    }
}

/// The numbers that classes have among others, and get there; `None` when there are too many.
pub(super) fn class_numbers(among: &Classes, classes: &Classes) -> Option<Vec<u16>> {
    classes.all().iter().map(|class| among.number(&class.entry(None))).collect()
}

/// Classes have numbers of 16 bits, and all of them are there.
fn renumbered(numbers: &[u16], terms: Terms) -> Terms {
    Terms::new(numbers.get(usize::from(terms.class)).copied().unwrap_or_default(), terms.expires())
}

/// Gathers members to pieces.
struct Pieces<F> {
    kind: u8,
    count: u32,
    body: Vec<u8>,
    whole: Vec<u8>,
    /// Classes that are written.
    classes: usize,
    piece: F,
}

impl<F: FnMut(&[u8])> Pieces<F> {
    fn new(piece: F) -> Pieces<F> {
        Pieces { kind: CLASSES, count: 0, body: Vec::new(), whole: Vec::new(), classes: 0, piece }
    }

    fn end(&mut self) {
        if self.count > 0 {
            self.whole.clear();
            let mut to = Writer(&mut self.whole);
            to.byte(self.kind);
            to.number(self.count);
            to.bytes(&self.body);
            (self.piece)(&self.whole);
        }
        self.body.clear();
        self.count = 0;
    }

    fn next(&mut self, kind: u8) -> Writer<'_> {
        if self.kind != kind || self.count as usize == PIECE {
            self.end();
            self.kind = kind;
        }
        self.count += 1;
        Writer(&mut self.body)
    }

    /// Writes the classes up to this one unless they are written.
    fn known_classes(&mut self, classes: &Classes, number: u16) {
        if usize::from(number) >= self.classes {
            self.classes(classes);
        }
    }

    fn classes(&mut self, classes: &Classes) {
        let all = classes.all();
        for class in all.iter().skip(self.classes) {
            let mut to = self.next(CLASSES);
            to.byte(class.severity);
            to.text(&class.reason);
            to.text(&class.source);
        }
        self.classes = all.len();
    }

    fn sizes(&mut self, sizes: u64) {
        if sizes != 0 {
            self.next(SIZES).word(sizes);
        }
    }

    fn token(&mut self, side: u8, mark: Mark, terms: Terms) {
        let mut to = self.next(TOKENS);
        to.byte(side);
        to.word(mark.word());
        write_terms(&mut to, terms);
    }

    fn home(&mut self, is_previous: bool, home: &Home, terms: Terms) {
        let mut to = self.next(HOMES);
        to.byte(u8::from(is_previous));
        home.write(&mut to);
        write_terms(&mut to, terms);
    }

    fn v4(&mut self, network: Network<u32>, terms: Terms) {
        let mut to = self.next(V4);
        to.number(network.first);
        to.byte(network.length);
        write_terms(&mut to, terms);
    }

    fn v6(&mut self, network: Network<u128>, terms: Terms) {
        let mut to = self.next(V6);
        to.token(Token(network.first));
        to.byte(network.length);
        write_terms(&mut to, terms);
    }
}

/// How the members of an era are written beside the present one: 0 those of the present key, 1 those of the previous
/// one; other marks as they are.
fn side(era: u8, present: u8) -> u8 {
    if era == OTHER_MARKS { OTHER_MARKS } else { u8::from(era != present) }
}

fn write_terms(to: &mut Writer<'_>, terms: Terms) {
    to.short(terms.class);
    to.time(terms.expires().unwrap_or(NEVER));
}
