//! Postal addresses of one list, to find those that agree with an event's, and how far.
//!
//! Of an address are kept 60 bits of the token of its city and town, and of every other level 32 bits of a keyed hash,
//! which is the town's own: whatever two towns have in common cannot be counted. Those of a town stand side by side, in
//! the order of their first number. As among identifiers, a part never changes: another takes its place in a copy.
//!
//! Who leaves out the building's name may mean a room of any building with these numbers. So members with a room in a
//! building stand once more in an order in which the best of a room is found without looking at the others.

use std::cmp::Reverse;
use std::fmt::Write;

use super::exact::{Mark, Terms};
use super::runs::Runs;
use super::shared::Shared;
use crate::event::token::Tokenizer;
use crate::locale::{Address, Level};
use crate::state::{Reader, Writer};
use crate::wiped::Wiped;

/// An address, known by hashes. A level that it leaves out is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Home {
    /// City and town.
    town: Mark,
    /// The first of the numbers on the street.
    first: u32,
    /// All of them.
    house: u32,
    /// All but the last, where that may be a room's: where no room follows.
    front: u32,
    /// Wing, floor and room; the last number where there is a `front`.
    part: u32,
    building: u32,
    prefecture: u32,
}

/// An address that a list is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) home: Home,
    /// All numbers of who writes its room as the last of them; 0 where it names none.
    joined: u32,
    /// All numbers but the last, and the last: what is `front` and `part` of a member with the same numbers and no room.
    split: (u32, u32),
}

/// The town of an address in text, and what hashes a level of it.
struct Hashing<'a> {
    text: Wiped,
    town: usize,
    tokenizer: &'a Tokenizer,
}

impl<'a> Hashing<'a> {
    fn of(address: &Address, tokenizer: &'a Tokenizer) -> Option<Hashing<'a>> {
        let mut text = Wiped::default();
        // Writing to text does not fail.
        let _ = write!(text, "{}|{}", address.city()?, address.town().unwrap_or_default());
        let town = text.len();
        Some(Hashing { text, town, tokenizer })
    }

    /// 0 of nothing.
    fn hash<'u>(&mut self, level: char, units: impl IntoIterator<Item = &'u str>) -> u32 {
        self.text.truncate(self.town);
        for (at, unit) in units.into_iter().enumerate() {
            self.text.push(if at == 0 { level } else { '-' });
            self.text.push_str(unit);
        }
        if self.text.len() == self.town {
            return 0;
        }
        (self.tokenizer.token(self.text.as_bytes()).low() as u32).max(1)
    }
}

impl Asked {
    /// `None` when it has no city.
    pub(crate) fn of(address: &Address, tokenizer: &Tokenizer) -> Option<Asked> {
        let home = Home::of(address, tokenizer)?;
        let mut hashing = Hashing::of(address, tokenizer)?;
        let joined = match address.part() {
            [room] => hashing.hash('h', address.house().iter().chain([room]).map(Wiped::as_str)),
            _ => 0,
        };
        let split = match address.house().split_last() {
            Some((last, front)) if !address.part().is_empty() && !front.is_empty() => {
                (hashing.hash('h', front.iter().map(Wiped::as_str)), hashing.hash('r', [last.as_str()]))
            }
            _ => (home.front, home.part),
        };
        Some(Asked { home, joined, split })
    }
}

impl Home {
    /// `None` when it has no city.
    pub(crate) fn of(address: &Address, tokenizer: &Tokenizer) -> Option<Home> {
        let mut hashing = Hashing::of(address, tokenizer)?;
        let town = Mark::of(tokenizer.token(hashing.text.as_bytes()));
        let house: Vec<&str> = address.house().iter().map(Wiped::as_str).collect();
        let part: Vec<&str> = address.part().iter().map(Wiped::as_str).collect();
        let (last, front) = match house.split_last() {
            Some((last, front)) if part.is_empty() && !front.is_empty() => (Some(*last), front),
            _ => (None, [].as_slice()),
        };
        let mut hash = |level: char, units: &[&str]| hashing.hash(level, units.iter().copied());
        Some(Home {
            town,
            first: hash('h', house.get(..1).unwrap_or_default()),
            house: hash('h', &house),
            front: hash('h', front),
            part: hash('r', last.as_ref().map_or(part.as_slice(), std::slice::from_ref)),
            building: hash('b', address.building().as_slice()),
            prefecture: hash('p', address.prefecture().as_slice()),
        })
    }

    /// The part of a building, where it is said to be one.
    fn room(&self) -> u32 {
        if self.front == 0 { self.part } else { 0 }
    }

    /// The level down to which a member agrees with an event's address of the same town, and whether it says no more:
    /// as [`Address::compare`] has it without postcodes.
    fn agreement(&self, event: &Home) -> Option<(Level, bool)> {
        let differ = |a: u32, b: u32| a != 0 && b != 0 && a != b;
        if differ(self.prefecture, event.prefecture) {
            return None;
        }
        // One writes as a number of the street what the other has as a room.
        let moved = |a: &Home, b: &Home| a.front != 0 && a.front == b.house && b.room() != 0;
        let (part, other) = if self.house == event.house {
            (self.room(), event.room())
        } else if moved(self, event) || moved(event, self) {
            (self.part, event.part)
        } else {
            return Some((Level::Town, false));
        };
        if differ(self.building, event.building) {
            return Some((Level::Number, false));
        }
        let named = self.building != 0 && event.building != 0;
        let level = if named { Level::Building } else { Level::Number };
        Some(match (part, other) {
            (0, _) => (level, named || self.building == 0),
            (a, b) if a == b => (Level::Room, true),
            _ => (level, false),
        })
    }

    pub(crate) fn write(&self, to: &mut Writer<'_>) {
        let Home { town, first, house, front, part, building, prefecture } = *self;
        to.word(town.word());
        [first, house, front, part, building, prefecture].into_iter().for_each(|hash| to.number(hash));
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Home> {
        Some(Home {
            town: Mark::of_word(from.word()?)?,
            first: from.number()?,
            house: from.number()?,
            front: from.number()?,
            part: from.number()?,
            building: from.number()?,
            prefecture: from.number()?,
        })
    }
}

/// Where a room is, whatever the building is called: all numbers, all but the last where that may be the room, and the
/// room.
type Room = [u32; 3];

/// A member with a room in a building that has a name. Those of a room stand side by side, then those of a prefecture
/// and a class, of these the one first that lasts longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tenant {
    town: Mark,
    room: Room,
    prefecture: u32,
    class: u16,
    expires: Reverse<i64>,
    building: u32,
}

impl Tenant {
    fn of(home: &Home, terms: Terms) -> Option<Tenant> {
        let Home { town, house, front, part, building, prefecture, .. } = *home;
        let expires = Reverse(terms.expires().unwrap_or(i64::MAX));
        let room = [house, front, part];
        let tenant = Tenant { town, room, prefecture, class: terms.class, expires, building };
        (part != 0 && building != 0).then_some(tenant)
    }

    fn terms(&self) -> Terms {
        Terms::new(self.class, Some(self.expires.0).filter(|expires| *expires != i64::MAX))
    }
}

/// Members whose towns' marks begin alike.
#[derive(Clone, Debug, Default)]
struct Part {
    members: Runs<Home, Terms>,
    tenants: Runs<Tenant, ()>,
}

impl Part {
    /// Calls `each` with the terms of the members in a room that may lie in the prefecture, of each class with those
    /// of the longest.
    fn each_in(&self, (town, room): (Mark, Room), prefecture: u32, mut each: impl FnMut(Terms)) {
        let place = |tenant: &Tenant| (tenant.town, tenant.room);
        let mut next = self.tenants.from(|tenant| place(tenant) < (town, room)).next();
        while let Some((found, ())) = next.filter(|(found, ())| place(found) == (town, room)) {
            if prefecture == 0 || found.prefecture == 0 || found.prefecture == prefecture {
                each(found.terms());
            }
            let class = |tenant: &Tenant| (place(tenant), tenant.prefecture, tenant.class);
            next = self.tenants.from(|tenant| class(tenant) <= class(found)).next();
        }
    }

    /// The part after changes that are in order, of which the last one to a member counts, and how many of these were
    /// there.
    fn changed(&self, changes: &[(Home, Option<Terms>)]) -> (Part, usize) {
        let mut tenants = Vec::new();
        for (home, terms) in changes.chunk_by(|(a, _), (b, _)| a == b).filter_map(<[_]>::last) {
            let before = self.members.get(home).and_then(|terms| Tenant::of(home, terms));
            tenants.extend(before.map(|before| (before, None)));
            let after = terms.and_then(|terms| Tenant::of(home, terms));
            tenants.extend(after.map(|after| (after, Some(()))));
        }
        tenants.sort_by_key(|(tenant, _)| *tenant);
        let (members, known) = self.members.changed(changes);
        (Part { members, tenants: self.tenants.changed(&tenants).0 }, known)
    }

    fn bytes(&self) -> usize {
        self.members.bytes() + self.tenants.bytes()
    }
}

/// Of so many members it is looked whether they have expired when another comes: where each lasts as long, hardly more
/// than one in so many has.
const TIDIED: usize = 16;

/// Addresses in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Homes {
    /// By how the marks of towns begin; none before the first.
    parts: Option<Shared<Part>>,
    count: usize,
}

impl Homes {
    /// Of several that are the same the last counts.
    pub(crate) fn new(homes: Vec<(Home, Terms)>) -> Homes {
        let mut own = Homes::default();
        own.change(homes.into_iter().map(|(home, terms)| (home, Some(terms))).collect());
        own
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Calls `each` with the level and the terms of every member that agrees with the address: with all that it says,
    /// or down to `coarsest`. The latter costs as much as there are members that share the first number, or the town;
    /// the former are looked up, and of those in one room but in different buildings the longest of each class.
    pub(crate) fn find(&self, asked: &Asked, coarsest: Option<Level>, mut each: impl FnMut(Level, Terms)) {
        let home = &asked.home;
        let Some(part) = self.parts.as_ref().and_then(|parts| parts.get(home.town.part())) else { return };
        let mut visit = |from: [u32; 5], same: usize| {
            let key = |member: &Home| {
                let Home { town, first, house, front, part, building, .. } = *member;
                (town, [first, house, front, part, building])
            };
            let is_near = |member: &Home| {
                let (town, levels) = key(member);
                town == home.town && levels.iter().take(same).eq(from.iter().take(same))
            };
            let near = part.members.from(|member| key(member) < (home.town, from));
            for (member, terms) in near.take_while(|(member, _)| is_near(member)) {
                if let Some((level, whole)) = member.agreement(home)
                    && (whole || coarsest.is_some_and(|coarsest| level >= coarsest))
                {
                    each(level, *terms);
                }
            }
        };
        let Home { first, house, front, part: own, building, .. } = *home;
        match coarsest {
            Some(Level::Room) | None => {
                let rooms = [(house, 0, home.room()), (front, 0, own), (asked.joined, house, own)];
                let rooms = rooms.into_iter().filter(|(house, _, room)| *house != 0 && *room != 0);
                // Whoever names no room may mean it by the last number.
                let houses = [(house, 0, 0), (house, asked.split.0, asked.split.1)];
                let houses = houses.into_iter().take(1 + usize::from(asked.split.0 != 0));
                for (house, front, room) in houses.chain(rooms.clone()) {
                    visit([first, house, front, room, 0], 5);
                    if building != 0 {
                        visit([first, house, front, room, building], 5);
                    }
                }
                for (house, front, room) in rooms.filter(|_| building == 0) {
                    let place = (home.town, [house, front, room]);
                    part.each_in(place, home.prefecture, |terms| each(Level::Room, terms));
                }
            }
            Some(coarsest) if coarsest <= Level::Town => visit([0; 5], 0),
            Some(_) => visit([first, 0, 0, 0, 0], 1),
        }
    }

    /// The terms of a member that says the same.
    pub(crate) fn get(&self, home: &Home) -> Option<Terms> {
        self.parts.as_ref()?.get(home.town.part())?.members.get(home)
    }

    /// Changes members, each to its new terms or away; of several changes to one the last counts. Says how
    /// many of them were there before.
    pub(crate) fn change(&mut self, mut changes: Vec<(Home, Option<Terms>)>) -> usize {
        if self.parts.is_none() && changes.iter().all(|(_, terms)| terms.is_none()) {
            return 0;
        }
        let parts = self.parts.get_or_insert_with(|| Shared::new(Part::default));
        changes.sort_by_key(|(home, _)| *home);
        let mut known = 0;
        for group in changes.chunk_by(|(a, _), (b, _)| a.town.part() == b.town.part()) {
            let Some((number, before)) = group.first().and_then(|(home, _)| {
                let number = home.town.part();
                Some((number, parts.get(number)?))
            }) else {
                continue;
            };
            let (after, same) = before.changed(group);
            self.count = self.count + after.members.len() - before.members.len();
            known += same;
            parts.set(number, after);
        }
        known
    }

    /// Takes off those that had expired by a time, of the few that come behind one, and behind the last the first. As
    /// others come to any place, all are met in the end.
    pub(crate) fn tidy(&mut self, near: &Home, until: i64) {
        let Some(part) = self.parts.as_ref().and_then(|parts| parts.get(near.town.part())) else { return };
        let behind = part.members.from(|member| member < near).chain(part.members.iter()).take(TIDIED);
        let expired = behind.filter(|(_, terms)| !terms.counts_at(until));
        let expired: Vec<_> = expired.map(|(home, _)| (*home, None)).collect();
        if !expired.is_empty() {
            self.change(expired);
        }
    }

    /// Calls `each` with all members in their order.
    pub(crate) fn each(&self, mut each: impl FnMut(Home, Terms)) {
        for part in self.parts.iter().flat_map(Shared::iter) {
            part.members.iter().for_each(|(home, terms)| each(*home, *terms));
        }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        self.parts.as_ref().map_or(0, |parts| parts.bytes(Part::bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// One of few, in few towns, whose marks lie in two parts. Numbers that are alike begin alike, and rooms stand behind
    /// numbers that others write without one.
    fn home() -> impl Strategy<Value = Home> {
        let mark = prop_oneof![Just(1u64), Just(2), Just(7 << 48)];
        let part = prop::sample::select(vec![(0, 0), (0, 5), (5, 0), (6, 0), (5, 6)]);
        (mark, 1..3u32, 1..3u32, part, 0..4u32, 0..3u32).prop_filter_map(
            "a mark",
            |(mark, first, last, (third, room), building, prefecture)| {
                let street = first * 100 + last;
                let house = if third == 0 { street } else { joined(street, third) };
                let (front, part) = if room == 0 { split(house) } else { (0, room) };
                let town = Mark::of_word(mark)?;
                Some(Home { town, first, house, front, part, building, prefecture })
            },
        )
    }

    /// The numbers with a room behind them.
    fn joined(house: u32, room: u32) -> u32 {
        house * 10 + room
    }

    /// All numbers but the last where there are three, and the last.
    fn split(house: u32) -> (u32, u32) {
        if house > 1_000 { (house / 10, house % 10) } else { (0, 0) }
    }

    /// Terms by level and class: those that last longest.
    fn longest(found: &[(Level, Terms)]) -> BTreeMap<(Level, u16), i64> {
        let mut longest = BTreeMap::new();
        for (level, terms) in found {
            let longest = longest.entry((*level, terms.class)).or_insert(0);
            *longest = terms.expires().unwrap_or(i64::MAX).max(*longest);
        }
        longest
    }

    fn changes() -> impl Strategy<Value = Vec<(Home, Option<Terms>)>> {
        let terms = (0..3u16, proptest::option::of(0..5i64));
        let terms = terms.prop_map(|(class, expires)| Terms::new(class, expires));
        proptest::collection::vec((home(), proptest::option::weighted(0.8, terms)), 0..24)
    }

    fn all(homes: &Homes) -> Vec<(Home, Terms)> {
        let mut all = Vec::new();
        homes.each(|home, terms| all.push((home, terms)));
        all
    }

    proptest! {
        #[test]
        fn members_are_those_of_a_map(
            rounds in proptest::collection::vec(changes(), 0..8),
            tidied in proptest::collection::vec((home(), 0..5i64), 0..3),
            asked in proptest::collection::vec(home(), 0..8),
        ) {
            let (mut homes, mut expected) = (Homes::default(), BTreeMap::new());
            for changes in rounds {
                let before: Vec<_> = expected.clone().into_iter().collect();
                let touched: std::collections::BTreeSet<_> = changes.iter().map(|(home, _)| *home).collect();
                let known = touched.iter().filter(|home| expected.contains_key(*home)).count();
                for (home, terms) in &changes {
                    match terms {
                        Some(terms) => drop(expected.insert(*home, *terms)),
                        None => drop(expected.remove(home)),
                    }
                }
                let copy = homes.clone();
                prop_assert_eq!(homes.change(changes), known);
                prop_assert_eq!((copy.len(), all(&copy)), (before.len(), before));
                prop_assert_eq!(homes.len(), expected.len());
            }
            for (near, until) in tidied {
                homes.tidy(&near, until);
                let part = |home: &&Home| home.town.part() == near.town.part();
                let behind = expected.range(near..).map(|(home, _)| home).filter(part);
                let behind = behind.chain(expected.keys().filter(part)).take(TIDIED);
                let behind: std::collections::BTreeSet<_> = behind.copied().collect();
                expected.retain(|home, terms: &mut Terms| !behind.contains(home) || terms.counts_at(until));
            }
            prop_assert_eq!(homes.len(), expected.len());
            for home in asked {
                prop_assert_eq!(homes.get(&home), expected.get(&home).copied());
                let joined = if home.room() == 0 { 0 } else { joined(home.house, home.room()) };
                let asked = Asked { home, joined, split: split(home.house) };
                for coarsest in [None, Some(Level::Room), Some(Level::Number), Some(Level::Town)] {
                    let mut found = Vec::new();
                    homes.find(&asked, coarsest, |level, terms| found.push((level, terms)));
                    let slowly = expected.iter().filter(|(member, _)| member.town == home.town);
                    let slowly = slowly.filter_map(|(member, terms)| {
                        let (level, whole) = member.agreement(&home)?;
                        (whole || coarsest.is_some_and(|coarsest| level >= coarsest)).then_some((level, *terms))
                    });
                    let slowly: Vec<_> = slowly.collect();
                    prop_assert!(found.iter().all(|found| slowly.contains(found)));
                    prop_assert_eq!(longest(&found), longest(&slowly));
                }
            }
            prop_assert_eq!(all(&homes), expected.clone().into_iter().collect::<Vec<_>>());
            let mut bytes = Vec::new();
            expected.keys().for_each(|home| home.write(&mut Writer(&mut bytes)));
            let mut from = Reader(&bytes);
            for home in expected.keys() {
                prop_assert_eq!(Home::read(&mut from), Some(*home));
            }
        }
    }

    #[test]
    fn an_address_takes_48_bytes() {
        assert_eq!(size_of::<(Home, Terms)>(), 48);
        assert_eq!(size_of::<(Tenant, ())>(), 40);
    }
}
