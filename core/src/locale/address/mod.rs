//! Postal addresses: levels, one form, and how far two agree.

mod number;
mod part;
mod region;

use super::text::{
    fold_most, is_hiragana, is_kana, is_kanji, is_kanji_numeral, is_long_vowel, kanji_digit,
    number as numeral, starts_with,
};
use crate::wiped::{Characters, Wiped};
use number::Numbers;

/// Characters that are read; no address has as many.
const LONGEST: usize = 400;

/// A level of an address, from the widest to the narrowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 都道府県
    Prefecture = 1,
    /// 市区町村, with the ward of a large city.
    City = 2,
    /// 町名, 大字
    Town = 3,
    /// 丁目, 番, 号 or 番地, 枝番.
    Number = 4,
    /// The building's name.
    Building = 5,
    /// Wing, floor and room.
    Room = 6,
}

impl Level {
    /// The level in lower case, such as `prefecture`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Prefecture => "prefecture",
            Level::City => "city",
            Level::Town => "town",
            Level::Number => "number",
            Level::Building => "building",
            Level::Room => "room",
        }
    }
}

/// What follows the deepest level on which two addresses agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rest {
    /// Nothing, in both: they are spellings of one address.
    Same,
    /// One of them says no more.
    Absent,
    /// They contradict each other.
    Different,
}

impl Rest {
    /// In lower case: `same`, `absent` or `different`.
    pub fn name(self) -> &'static str {
        match self {
            Rest::Same => "same",
            Rest::Absent => "absent",
            Rest::Different => "different",
        }
    }
}

/// How far two addresses agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressMatch {
    /// The deepest level on which they agree, and on all above it that both have; `None` when on none.
    pub level: Option<Level>,
    /// What follows.
    pub rest: Rest,
}

/// A postal address in Japan, by its levels.
///
/// ```
/// use sekisho::locale::{Address, Level, Rest, match_addresses};
///
/// let address = Address::parse("〒163-8001 東京都新宿区西新宿二丁目８番１号 サンハイツ４０５号室");
/// assert_eq!(address.city(), Some("新宿区"));
/// assert_eq!(address.number(), Some("2-8-1".to_owned()));
/// assert_eq!((address.building(), address.room()), (Some("サンハイツ"), Some("405".to_owned())));
///
/// let found = match_addresses("新宿区西新宿2-8-1-405", "東京都新宿区西新宿２ー８ー１ サンハイツ 406");
/// assert_eq!((found.level, found.rest), (Some(Level::Number), Rest::Different));
/// ```
#[derive(Clone)]
pub struct Address {
    postcode: Option<Wiped>,
    prefecture: Option<&'static str>,
    city: Option<Wiped>,
    town: Option<Wiped>,
    house: Vec<Wiped>,
    building: Option<Wiped>,
    part: Vec<Wiped>,
}

impl Address {
    /// Reads an address. Any text is taken: a level that is not found is absent, and what has neither a prefecture nor
    /// a city nor a street's numbers is a building. Of longer text the first 400 characters are read.
    pub fn parse(text: &str) -> Address {
        let prepared = prepare(&fold_most(text, LONGEST));
        let mut rest: &[char] = skip_country(&prepared);
        let mut postcode = None;
        if let Some((code, length)) = postcode_at(rest) {
            postcode = Some(code);
            rest = rest.get(length..).unwrap_or_default();
        }
        rest = skip_spaces(rest);
        let prefecture = region::prefecture(rest);
        if let Some((_, length)) = prefecture {
            rest = skip_spaces(rest.get(length..).unwrap_or_default());
        }
        let city = region::city(rest, prefecture.is_some());
        if let Some((name, length)) = &city {
            rest = skip_spaces(rest.get(*length..).unwrap_or_default());
            if name.starts_with("京都市") {
                rest = behind_streets(rest);
            }
        }
        let (town, length) = number::town(rest);
        let (numbers, taken) = number::numbers(rest.get(length..).unwrap_or_default());
        let found = prefecture.is_some() || city.is_some() || postcode.is_some();
        let (town, numbers, tail) = if numbers.house.is_empty() && found {
            // Without numbers the town ends at the first space.
            let end = rest.iter().position(|c| *c == ' ').unwrap_or(rest.len());
            (number::town(rest.get(..end).unwrap_or_default()).0, Numbers::default(), rest.get(end..))
        } else if !found && !numbers.counted && numbers.house.len() < 2 {
            (Wiped::default(), Numbers::default(), Some(rest))
        } else {
            (town, numbers, rest.get(length + taken..))
        };
        let (building, part) = part::building(tail.unwrap_or_default(), numbers.part);
        Address {
            postcode,
            prefecture: prefecture.map(|(name, _)| name),
            city: city.map(|(name, _)| name),
            town: Some(town).filter(|town| !town.is_empty()),
            house: numbers.house,
            building,
            part,
        }
    }

    /// Seven digits.
    pub fn postcode(&self) -> Option<&str> {
        self.postcode.as_ref().map(|code| code.as_str())
    }

    /// The prefecture with its last character.
    pub fn prefecture(&self) -> Option<&str> {
        self.prefecture
    }

    /// The city, town or village without its county; a large city with its ward.
    pub fn city(&self) -> Option<&str> {
        self.city.as_ref().map(|city| city.as_str())
    }

    /// The town: numerals in kanji, ケ for ヶ and が, without 大字 and 字 and, in Kyoto, without the streets.
    pub fn town(&self) -> Option<&str> {
        self.town.as_ref().map(|town| town.as_str())
    }

    /// The numbers on the street, with hyphens: `2-8-1`.
    pub fn number(&self) -> Option<String> {
        (!self.house.is_empty()).then(|| self.house.join("-"))
    }

    /// The building's name without long vowels and with large kana.
    pub fn building(&self) -> Option<&str> {
        self.building.as_ref().map(|building| building.as_str())
    }

    /// Wing, floor and room, with hyphens: `A-405`, `3F`.
    pub fn room(&self) -> Option<String> {
        (!self.part.is_empty()).then(|| self.part.join("-"))
    }

    /// The numbers on the street, the largest first.
    pub(crate) fn house(&self) -> &[Wiped] {
        &self.house
    }

    /// Wing, floor and room.
    pub(crate) fn part(&self) -> &[Wiped] {
        &self.part
    }

    /// The form in which histories and lists know the address: city, town, numbers and room; neither the prefecture
    /// nor the building, since people leave both out. `None` without a city or numbers: too many places are so called.
    pub(super) fn canonical(&self) -> Option<Wiped> {
        let city = self.city.as_ref().filter(|_| !self.house.is_empty())?;
        let mut canonical = Wiped::with_capacity(64);
        canonical.push_str(city);
        canonical.push('|');
        canonical.push_str(self.town().unwrap_or_default());
        for (at, unit) in self.house.iter().chain(&self.part).enumerate() {
            canonical.push(if at == 0 { '|' } else { '-' });
            canonical.push_str(unit);
        }
        Some(canonical)
    }

    /// How far the two agree. A level that one of them leaves out is passed over where a deeper one agrees; a city or
    /// town only if both have one postcode.
    pub fn compare(&self, other: &Address) -> AddressMatch {
        let one_place = self.postcode.is_some() && self.postcode() == other.postcode();
        let upper = [
            (Level::Prefecture, self.prefecture, other.prefecture, true),
            (Level::City, self.city(), other.city(), one_place),
            (Level::Town, self.town(), other.town(), one_place),
        ];
        let (mut level, mut left_out) = (None, None);
        for (this, a, b, passes) in upper {
            match (a, b) {
                (Some(a), Some(b)) if a == b => level = Some(this),
                (Some(_), Some(_)) => return AddressMatch { level, rest: Rest::Different },
                (None, None) => {}
                _ if passes => left_out = Some(this),
                _ => return AddressMatch { level, rest: Rest::Absent },
            }
        }
        // Two cities have one name; their postcodes say which.
        if left_out == Some(Level::Prefecture) && self.is_elsewhere(other) {
            return AddressMatch { level: None, rest: Rest::Different };
        }
        let mut found = self.compare_inside(other, level);
        if found.rest == Rest::Same && left_out > found.level {
            found.rest = Rest::Absent;
        }
        found
    }

    /// Numbers, building and room, where everything above agrees.
    fn compare_inside(&self, other: &Address, mut level: Option<Level>) -> AddressMatch {
        let ((house, part), (other_house, other_part)) = aligned(self, other);
        if house == other_house {
            level = if house.is_empty() { level } else { Some(Level::Number) };
        } else {
            let absent = house.starts_with(other_house) || other_house.starts_with(house);
            return AddressMatch { level, rest: if absent { Rest::Absent } else { Rest::Different } };
        }
        let mut rest = Rest::Same;
        match (self.building(), other.building()) {
            (Some(a), Some(b)) if a == b => level = Some(Level::Building),
            (Some(_), Some(_)) => return AddressMatch { level, rest: Rest::Different },
            (None, None) => {}
            // A building's name is often left out: the room decides.
            _ => rest = Rest::Absent,
        }
        match (part.is_empty(), other_part.is_empty()) {
            (true, true) => AddressMatch { level, rest },
            (false, false) if part == other_part => {
                AddressMatch { level: Some(Level::Room), rest: Rest::Same }
            }
            (false, false) => AddressMatch { level, rest: Rest::Different },
            _ => AddressMatch { level, rest: Rest::Absent },
        }
    }

    /// Postcodes that start differently lie in different regions.
    fn is_elsewhere(&self, other: &Address) -> bool {
        let (this, other) = (self.postcode().unwrap_or_default(), other.postcode().unwrap_or_default());
        this.get(..2).zip(other.get(..2)).is_some_and(|(a, b)| a != b)
    }
}

/// How far two addresses agree.
pub fn match_addresses(a: &str, b: &str) -> AddressMatch {
    Address::parse(a).compare(&Address::parse(b))
}

type Units<'a> = (&'a [Wiped], &'a [Wiped]);

/// Numbers and parts, where one address writes as a number of the street what the other has as a room: 1-2-405 and
/// 1番2号 405号室.
fn aligned<'a>(a: &'a Address, b: &'a Address) -> (Units<'a>, Units<'a>) {
    let (a, b): (Units<'_>, Units<'_>) = ((&a.house, &a.part), (&b.house, &b.part));
    match (moved(a, b), moved(b, a)) {
        (Some(a), _) => (a, b),
        (_, Some(b)) => (a, b),
        _ => (a, b),
    }
}

/// The first address with its last number as its room, where the second has a room and one number less.
fn moved<'a>((house, part): Units<'a>, (other, room): Units<'a>) -> Option<Units<'a>> {
    let fits =
        part.is_empty() && !room.is_empty() && other.len() + 1 == house.len() && house.starts_with(other);
    fits.then(|| house.split_at(other.len()))
}

/// Kyoto's streets are left out, and a section of the street with them.
fn behind_streets(rest: &[char]) -> &[char] {
    let behind = rest.get(region::behind_streets(rest)..).unwrap_or_default();
    if behind.len() < rest.len()
        && let Some((_, length)) = numeral(behind)
        && let Some(section) = behind.get(length..)
        && starts_with(section, "丁目")
        && section.get(2).is_some_and(|c| is_kanji(*c) && !is_kanji_numeral(*c))
    {
        return section.get(2..).unwrap_or_default();
    }
    behind
}

fn skip_spaces(chars: &[char]) -> &[char] {
    let spaces = chars.iter().take_while(|c| **c == ' ').count();
    chars.get(spaces..).unwrap_or_default()
}

/// Behind the country, where something else shows that it is one: 日本橋 is a town.
fn skip_country(chars: &[char]) -> &[char] {
    let chars = skip_spaces(chars);
    for country in ["日本国", "日本", "JAPAN"] {
        let rest = chars.get(country.chars().count()..).unwrap_or_default();
        if starts_with(chars, country) && matches!(rest.first(), Some(' ' | '〒' | '0'..='9')) {
            return skip_spaces(rest);
        }
    }
    chars
}

/// The postcode at the start, and its length with what marks it.
fn postcode_at(chars: &[char]) -> Option<(Wiped, usize)> {
    let mark = usize::from(chars.first() == Some(&'〒'));
    let mark = mark + chars.get(mark..)?.iter().take_while(|c| **c == ' ').count();
    let mut code = Wiped::with_capacity(7);
    let mut at = mark;
    while let Some(c) = chars.get(at) {
        match c {
            '0'..='9' if code.len() < 7 => code.push(*c),
            '-' if code.len() == 3 => {}
            _ => break,
        }
        at += 1;
    }
    // More digits or a hyphen behind it: numbers of something else.
    let fine = code.len() == 7 && !matches!(chars.get(at), Some('0'..='9' | '-'));
    fine.then_some((code, at))
}

/// Resolves what depends on its neighbours: long vowels for hyphens, ヶ for が, marks of repetition.
fn prepare(folded: &[char]) -> Characters {
    let mut prepared = Characters::with_capacity(folded.len());
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let numeral = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit() || is_kanji_numeral(c));
    let kanji = |c: Option<char>| c.is_some_and(is_kanji);
    let mut before: Option<char> = None;
    for (at, c) in folded.iter().copied().enumerate() {
        let next = folded.get(at + 1).copied();
        let c = match c {
            c if is_long_vowel(c) && (numeral(before) || !before.is_some_and(is_kana) && numeral(next)) => {
                '-'
            }
            // Between digits it is a line that was mistaken.
            '一' if digit(before) && digit(next) => '-',
            'ヶ' => 'ケ',
            'ヵ' if kanji(next) => 'ケ',
            'が' if kanji(next) && before.is_some_and(|c| is_kanji(c) || is_kana(c)) => 'ケ',
            'ガ' if kanji(next) && before.is_some_and(|c| is_kanji(c) || is_hiragana(c)) => 'ケ',
            'ノ' | '之' if kanji(before) && kanji(next) => 'の',
            'ッ' | 'つ' | 'っ' if before.is_some_and(|c| kanji_digit(c).is_some()) && kanji(next) => 'ツ',
            '々' => before.filter(|c| is_kanji(*c)).unwrap_or(c),
            ',' | '、' => ' ',
            c => c,
        };
        prepared.push(c);
        before = Some(c);
    }
    prepared
}
