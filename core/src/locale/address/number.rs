//! The town, and the numbers behind it: which numerals belong to a name, and which say where on the street.

use super::super::text::{in_kanji, is_kanji, is_kanji_numeral, number, prefix, starts_with};
use crate::wiped::Wiped;

/// Names that end in what looks like a number with its unit.
const NAMES: [&str; 3] = ["麻布十番", "元町十番", "西五番"];
/// Marks of a part of a building, so that the number before belongs there.
const PARTS: [&str; 9] = ["号室", "号棟", "号館", "番館", "番街", "室", "階", "棟", "館"];
/// Numbers that are read one behind the other.
const MOST_NUMBERS: usize = 8;
/// Characters that a town's name has at most.
const LONGEST_TOWN: usize = 48;

/// What a number is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// 丁目, and 丁 in Sakai.
    Section,
    /// 番地 and 番.
    Lot,
    /// 号
    House,
    None,
}

/// The town's name and the characters that it takes; numerals in it are written in kanji.
pub(super) fn town(rest: &[char]) -> (Wiped, usize) {
    let mut town = Wiped::default();
    let mut at = 0;
    let mut length = 0;
    while let Some(c) = rest.get(at) {
        let here = rest.get(at..).unwrap_or_default();
        if starts_number(here, &town) || length >= LONGEST_TOWN {
            break;
        }
        length += 1;
        if c.is_ascii_digit() || is_kanji_numeral(*c) {
            let run = here.iter().take_while(|c| c.is_ascii_digit() || is_kanji_numeral(**c)).count();
            at += run;
            // North 24 is North twenty-four; other kanji may be a name.
            let counted = matches!(rest.get(at), Some('条' | '線'));
            let written = number(here).filter(|(_, taken)| *taken == run && (counted || c.is_ascii_digit()));
            match written.and_then(|(value, _)| in_kanji(&value)) {
                Some(kanji) => town.push_str(&kanji),
                None => town.extend(here.iter().take(run).copied()),
            }
            continue;
        }
        at += match c {
            ' ' | '-' | '.' => 1,
            '大' if starts_with(here, "大字") => 2,
            '字' if !town.is_empty() && !town.ends_with('文') => 1,
            c => {
                town.push(*c);
                1
            }
        };
    }
    (town, at)
}

/// Whether numbers of the address start here, and not a numeral of a name.
fn starts_number(here: &[char], town: &str) -> bool {
    let Some((_, length)) = number(here) else { return false };
    let behind = here.get(length..).unwrap_or_default();
    let next = behind.first();
    if prefix(behind, &["条", "線", "軒", "番町", "番丁", "地割", "号線", "丁町"]).is_some() {
        return false;
    }
    // 三の丸
    if starts_with(behind, "の") && behind.get(1).is_some_and(|c| is_kanji(*c) && !is_kanji_numeral(*c)) {
        return false;
    }
    if here.first().is_some_and(char::is_ascii_digit) {
        return true;
    }
    let numeral = |at: usize| behind.get(at).is_some_and(|c| c.is_ascii_digit() || is_kanji_numeral(*c));
    match next {
        None => true,
        Some('-') => numeral(1),
        Some('の') => numeral(1),
        Some('丁') => behind.get(1) == Some(&'目') || numeral(1),
        Some('番') => {
            let named = NAMES.iter().any(|name| ends_like(town, here, length, name));
            let counts = behind.get(1) == Some(&'地') || numeral(1);
            !named && (counts || matches!(behind.get(1), None | Some(' ' | '-' | 'の')))
        }
        Some('号') => matches!(behind.get(1), None | Some(' ' | '-')),
        _ => false,
    }
}

/// Whether the town with this numeral and the character behind it ends in the name.
fn ends_like(town: &str, here: &[char], length: usize, name: &str) -> bool {
    let whole: Wiped = town.chars().chain(here.iter().take(length + 1).copied()).collect();
    whole.ends_with(name)
}

/// Numbers from the largest to the smallest, and what they say beyond the house.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Numbers {
    pub(super) house: Vec<Wiped>,
    /// A part of the building that follows as one more number.
    pub(super) part: Vec<Wiped>,
    /// They carry a unit, so that they are numbers of an address for sure.
    pub(super) counted: bool,
}

/// The numbers at the start, and the characters that they take.
pub(super) fn numbers(rest: &[char]) -> (Numbers, usize) {
    let mut found: Vec<Wiped> = Vec::new();
    let (mut first, mut counted) = (Unit::None, false);
    let (mut at, mut end) = (0, 0);
    while let Some(here) = rest.get(at..)
        && found.len() < MOST_NUMBERS
        && let Some((value, unit, length)) = one(here, !found.is_empty())
    {
        if found.is_empty() {
            first = unit;
        }
        counted |= unit != Unit::None;
        found.push(value);
        end = at + length;
        at = end;
        if unit == Unit::House {
            break;
        }
        match joint(rest.get(at..).unwrap_or_default(), unit) {
            Some(length) => at += length,
            None => break,
        }
    }
    let house = if first == Unit::Lot { 2 } else { 3 };
    let part = found.split_off(house.min(found.len()));
    (Numbers { house: found, part, counted }, end)
}

/// One number with its unit, and its length.
fn one(here: &[char], inside: bool) -> Option<(Wiped, Unit, usize)> {
    let (value, length) = number(here)?;
    let behind = here.get(length..)?;
    let is_part = prefix(behind, &PARTS).is_some()
        || behind.first() == Some(&'F') && !behind.get(1).is_some_and(char::is_ascii_alphanumeric);
    if is_part {
        return None;
    }
    let (unit, taken) = match behind {
        ['丁', '目', ..] => (Unit::Section, 2),
        ['丁', ..] => (Unit::Section, 1),
        ['番', '地', ..] => (Unit::Lot, 2),
        ['番', ..] => (Unit::Lot, 1),
        ['号', ..] => (Unit::House, 1),
        _ => (Unit::None, 0),
    };
    // 2番三田ビル: the building's name starts with the numeral.
    let named = inside
        && unit == Unit::None
        && here.first().is_some_and(|c| is_kanji_numeral(*c))
        && match behind {
            ['の', next, ..] => !next.is_ascii_digit() && !is_kanji_numeral(*next),
            ['ツ' | 'の', ..] => true,
            [next, ..] => is_kanji(*next) && length < 3,
            [] => false,
        };
    (!named).then_some((value, unit, length + taken))
}

/// What joins the number before to one behind: its length.
fn joint(behind: &[char], unit: Unit) -> Option<usize> {
    let spaces = behind.iter().take_while(|c| **c == ' ').count();
    let rest = behind.get(spaces..)?;
    let is_numeral = |at: usize| rest.get(at).is_some_and(|c| c.is_ascii_digit() || is_kanji_numeral(*c));
    match rest.first()? {
        '-' | 'の' | 'ノ' => {
            let more = rest.get(1..)?.iter().take_while(|c| **c == ' ').count();
            is_numeral(1 + more).then_some(spaces + 1 + more)
        }
        _ if unit != Unit::None && is_numeral(0) => Some(spaces),
        _ => None,
    }
}
