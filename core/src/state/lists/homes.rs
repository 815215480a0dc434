//! Postal addresses of one list, to find those that agree with an event's, and how far.
//!
//! Of an address are kept 60 bits of the token of its city and town, and of every other level 32 bits of a keyed hash,
//! which is the town's own: whatever two towns have in common cannot be counted. Those of a town stand side by side, in
//! the order of their first number. As among identifiers, a part never changes: another takes its place in a copy.

use std::fmt::Write;
use std::sync::Arc;

use super::exact::{Mark, Terms};
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
        let joined = match address.part() {
            [room] => {
                let numbers = address.house().iter().chain([room]).map(Wiped::as_str);
                Hashing::of(address, tokenizer)?.hash('h', numbers)
            }
            _ => 0,
        };
        Some(Asked { home, joined })
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

/// Members in their order, in runs that copies share: of a town with many of them a change copies one run.
type Part = Arc<[Run]>;
type Run = Arc<[(Home, Terms)]>;

/// Members of a run; few in tests, so that there are many runs.
const MOST_OF_RUN: usize = if cfg!(test) { 4 } else { 256 };

/// The members of a part from the first one on that is not before what is looked for.
fn members_from(part: &[Run], is_before: impl Fn(&Home) -> bool) -> impl Iterator<Item = &(Home, Terms)> {
    let first = part.partition_point(|run| run.last().is_some_and(|(last, _)| is_before(last)));
    let within = part.get(first).map_or(0, |run| run.partition_point(|(member, _)| is_before(member)));
    part.iter().skip(first).flat_map(|run| run.iter()).skip(within)
}

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
    /// or down to `coarsest`. The latter costs as much as there are members that share the first number, or the town:
    /// of the former there are few, and each is looked up.
    pub(crate) fn find(&self, asked: &Asked, coarsest: Option<Level>, mut each: impl FnMut(Level, Terms)) {
        let home = &asked.home;
        let Some(part) = self.parts.as_ref().and_then(|parts| parts.get(home.town.part())) else { return };
        let mut visit = |from: [u32; 4], same: usize| {
            let key = |member: &Home| {
                let Home { town, first, house, front, part, .. } = *member;
                (town, [first, house, front, part])
            };
            let is_near = |member: &Home| {
                let (town, levels) = key(member);
                town == home.town && levels.iter().take(same).eq(from.iter().take(same))
            };
            let near = members_from(part, |member| key(member) < (home.town, from));
            for (member, terms) in near.take_while(|(member, _)| is_near(member)) {
                if let Some((level, whole)) = member.agreement(home)
                    && (whole || coarsest.is_some_and(|coarsest| level >= coarsest))
                {
                    each(level, *terms);
                }
            }
        };
        let Home { first, house, front, part: own, .. } = *home;
        match coarsest {
            Some(Level::Room) | None => {
                // Where there is no room, and where there is this one.
                visit([first, house, 0, 0], 4);
                if home.room() != 0 {
                    visit([first, house, 0, home.room()], 4);
                }
                // Whoever names no room may mean it by the last number.
                visit([first, house, 1, 0], 2);
                if front != 0 {
                    visit([first, front, 0, own], 4);
                }
                if asked.joined != 0 {
                    visit([first, asked.joined, house, own], 4);
                }
            }
            Some(coarsest) if coarsest <= Level::Town => visit([0; 4], 0),
            Some(_) => visit([first, 0, 0, 0], 1),
        }
    }

    /// The terms of a member that says the same.
    pub(crate) fn get(&self, home: &Home) -> Option<Terms> {
        let part = self.parts.as_ref()?.get(home.town.part())?;
        let (_, terms) = members_from(part, |member| member < home).next().filter(|(own, _)| own == home)?;
        Some(*terms)
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
            let (after, same) = changed(before, group);
            let count = |part: &[Run]| part.iter().map(|run| run.len()).sum::<usize>();
            self.count = self.count + count(&after) - count(before);
            known += same;
            parts.set(number, after.into());
        }
        known
    }

    /// Calls `each` with all members in their order.
    pub(crate) fn each(&self, mut each: impl FnMut(Home, Terms)) {
        for part in self.parts.iter().flat_map(Shared::iter) {
            part.iter().flat_map(|run| run.iter()).for_each(|(home, terms)| each(*home, *terms));
        }
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        let run = |run: &Run| size_of_val(&**run) + 16;
        let part = |part: &Part| size_of_val(&**part) + 16 + part.iter().map(run).sum::<usize>();
        self.parts.as_ref().map_or(0, |parts| parts.bytes(part))
    }
}

/// A part with changes that are in order, of which the last one to a member counts, and how many of these were there.
fn changed(before: &[Run], mut changes: &[(Home, Option<Terms>)]) -> (Vec<Run>, usize) {
    let (mut after, mut known) = (Vec::with_capacity(before.len() + 1), 0);
    let empty = Run::default();
    let runs = if before.is_empty() { std::slice::from_ref(&empty) } else { before };
    for (at, run) in runs.iter().enumerate() {
        let next = runs.get(at + 1).and_then(|next| next.first());
        let own = changes.partition_point(|(home, _)| next.is_none_or(|(next, _)| home < next));
        let (own, others) = changes.split_at(own);
        changes = others;
        if own.is_empty() {
            after.push(Arc::clone(run));
            continue;
        }
        let mut members = Vec::with_capacity(run.len() + own.len());
        let mut rest = run.iter().copied().peekable();
        for same in own.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((home, terms)) = same.last() else { continue };
            while let Some(member) = rest.next_if(|(member, _)| member < home) {
                members.push(member);
            }
            known += usize::from(rest.next_if(|(member, _)| member == home).is_some());
            members.extend(terms.map(|terms| (*home, terms)));
        }
        members.extend(rest);
        // Runs of about the same length, with room for more.
        let length = members.len().div_ceil(members.len().div_ceil(MOST_OF_RUN).max(1)).max(1);
        after.extend(members.chunks(length).map(Run::from));
    }
    (after, known)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// One of few, in few towns, whose marks lie in two parts. Numbers that are alike begin alike.
    fn home() -> impl Strategy<Value = Home> {
        let mark = prop_oneof![Just(1u64), Just(2), Just(7 << 48)];
        let part = prop_oneof![Just((false, 0)), Just((false, 5)), Just((true, 5)), Just((true, 6))];
        (mark, 1..3u32, 1..3u32, part, 0..2u32, 0..3u32).prop_filter_map(
            "a mark",
            |(mark, first, last, (moved, part), building, prefecture)| {
                let front = if moved { first * 100 + last } else { 0 };
                let house = if moved { joined(front, part) } else { first * 100 + last };
                let town = Mark::of_word(mark)?;
                Some(Home { town, first, house, front, part, building, prefecture })
            },
        )
    }

    /// The numbers with a room behind them.
    fn joined(house: u32, room: u32) -> u32 {
        house * 10 + room
    }

    fn changes() -> impl Strategy<Value = Vec<(Home, Option<Terms>)>> {
        let terms = any::<u16>().prop_map(|class| Terms::new(class, None));
        proptest::collection::vec((home(), proptest::option::of(terms)), 0..12)
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
            for home in asked {
                prop_assert_eq!(homes.get(&home), expected.get(&home).copied());
                let joined = if home.room() == 0 { 0 } else { joined(home.house, home.room()) };
                let asked = Asked { home, joined };
                for coarsest in [None, Some(Level::Room), Some(Level::Number), Some(Level::Town)] {
                    let mut found = Vec::new();
                    homes.find(&asked, coarsest, |level, terms| found.push((level, terms)));
                    let slowly = expected.iter().filter(|(member, _)| member.town == home.town);
                    let slowly = slowly.filter_map(|(member, terms)| {
                        let (level, whole) = member.agreement(&home)?;
                        (whole || coarsest.is_some_and(|coarsest| level >= coarsest)).then_some((level, *terms))
                    });
                    let mut slowly: Vec<_> = slowly.collect();
                    let order = |(level, terms): &(Level, Terms)| (*level, terms.class);
                    found.sort_by_key(order);
                    slowly.sort_by_key(order);
                    prop_assert_eq!(found, slowly);
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
    }
}
