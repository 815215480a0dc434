//! What stands behind the numbers: the building, and the part of it.

use super::super::text::{is_kanji_numeral, number, prefix};
use crate::wiped::{Characters, Wiped};

/// Spellings of what buildings are called, and the one that stands for them.
const BUILDINGS: [(&str, &str); 12] = [
    ("ビルデイング", "ビル"),
    ("ビルヂング", "ビル"),
    ("BUILDING", "ビル"),
    ("BLDG", "ビル"),
    ("MANSION", "マンシヨン"),
    ("HEIGHTS", "ハイツ"),
    ("APARTMENT", "アパト"),
    ("アパトメント", "アパト"),
    ("TOWER", "タワ"),
    ("RESIDENCE", "レジデンス"),
    ("HOUSE", "ハウス"),
    ("CORPO", "コポ"),
];

/// Part of a building's text.
#[derive(Debug, PartialEq)]
enum Piece {
    Number(Wiped),
    /// A single Latin letter, or the side of a wing.
    Letter(char),
    Floor(Wiped),
    Word(Characters),
    /// A mark or a separator.
    Mark,
}

/// The building's name and the part of it: wing, floor, room, each a unit.
pub(super) fn building(tail: &[char], mut part: Vec<Wiped>) -> (Option<Wiped>, Vec<Wiped>) {
    let mut pieces = pieces(tail);
    // 田中様方 says with whom, not where.
    if let Some(Piece::Word(word)) = pieces.last()
        && pieces.len() > 1
        && matches!(word.last(), Some('方' | '様' | '宛'))
    {
        pieces.pop();
    }
    let words = pieces.iter().rposition(|piece| matches!(piece, Piece::Word(_))).map_or(0, |last| last + 1);
    let room = pieces.split_off(words);
    let numbered = |piece: &Piece| matches!(piece, Piece::Number(number) if number.len() > 1);
    let named = room.iter().rposition(numbered);
    for (at, piece) in room.into_iter().enumerate() {
        match piece {
            Piece::Number(number) => part.push(number),
            Piece::Letter(letter) => part.push([letter].into_iter().collect()),
            // The number of a room says the floor.
            Piece::Floor(floor) if named.is_none_or(|named| named < at) => part.push(floor),
            Piece::Floor(_) | Piece::Mark | Piece::Word(_) => {}
        }
    }
    let mut name = Wiped::default();
    for piece in pieces {
        match piece {
            Piece::Number(number) | Piece::Floor(number) => name.push_str(&number),
            Piece::Letter(letter) => name.push(letter),
            Piece::Word(word) => name.extend(word.iter().copied()),
            Piece::Mark => {}
        }
    }
    (Some(spelt(&name)).filter(|name| !name.is_empty()), part)
}

/// A building's name as its spellings have it in common.
fn spelt(name: &str) -> Wiped {
    let mut spelt = Wiped::with_capacity(name.len());
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let follows = chars.peek().copied();
        match c {
            'ー' | '〜' | '~' | '・' | '\'' | '’' | '.' | '-' | ' ' | '=' | '&' | '"' => {}
            'ヴ' => match follows {
                Some('ァ') => push_instead(&mut spelt, &mut chars, 'バ'),
                Some('ィ') => push_instead(&mut spelt, &mut chars, 'ビ'),
                Some('ェ') => push_instead(&mut spelt, &mut chars, 'ベ'),
                Some('ォ') => push_instead(&mut spelt, &mut chars, 'ボ'),
                _ => spelt.push('ブ'),
            },
            'ァ' | 'ィ' | 'ゥ' | 'ェ' | 'ォ' | 'ッ' | 'ャ' | 'ュ' | 'ョ' | 'ヮ' => {
                spelt.push(char::from_u32(u32::from(c) + 1).unwrap_or(c));
            }
            c => spelt.push(c),
        }
    }
    for (written, one) in BUILDINGS {
        if spelt.contains(written) {
            let mut replaced = Wiped::with_capacity(spelt.len());
            for (at, between) in spelt.split(written).enumerate() {
                replaced.push_str(if at == 0 { "" } else { one });
                replaced.push_str(between);
            }
            spelt = replaced;
        }
    }
    spelt
}

fn push_instead(spelt: &mut Wiped, chars: &mut std::iter::Peekable<std::str::Chars<'_>>, c: char) {
    chars.next();
    spelt.push(c);
}

/// Cuts the text into pieces.
fn pieces(tail: &[char]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = 0;
    while let Some(c) = tail.get(at) {
        let here = tail.get(at..).unwrap_or_default();
        let numeral = c.is_ascii_digit() || is_kanji_numeral(*c);
        if numeral && let Some((piece, length)) = numbered(here) {
            // B1F and 地下1階 are the same floor.
            let below = matches!(&piece, Piece::Floor(_)) && take_below(&mut pieces);
            pieces.push(match piece {
                Piece::Floor(floor) if below => Piece::Floor(Wiped::of(format_args!("B{}", floor.as_str()))),
                piece => piece,
            });
            at += length;
            continue;
        }
        if numeral {
            // A numeral that is part of a name, or too long for a number: the whole run.
            let run = here.iter().take_while(|c| c.is_ascii_digit() || is_kanji_numeral(**c)).count();
            push_word(&mut pieces, here.get(..run).unwrap_or_default());
            at += run;
            continue;
        }
        let before = at.checked_sub(1).and_then(|before| tail.get(before));
        let alone = |c: Option<&char>| !c.is_some_and(char::is_ascii_alphabetic);
        match c {
            ' ' | '-' | '#' | '/' | '(' | ')' | '_' | ':' | '・' => {
                pieces.push(Piece::Mark);
                at += 1;
            }
            c if c.is_ascii_alphabetic() && alone(before) && alone(here.get(1)) => {
                pieces.push(Piece::Letter(*c));
                at += 1;
            }
            _ => {
                let wing = prefix(here, &["号室", "号棟", "号館", "番館", "棟", "館", "号", "室"]);
                let marked = matches!(pieces.last(), Some(Piece::Number(_) | Piece::Letter(_)));
                if let Some(length) = wing.filter(|_| marked) {
                    pieces.push(Piece::Mark);
                    at += length;
                } else if let Some(length) = prefix(here, &["NO.", "NO", "ROOM", "RM"])
                    .filter(|length| here.get(*length).is_some_and(|c| c.is_ascii_digit() || *c == ' '))
                {
                    pieces.push(Piece::Mark);
                    at += length;
                } else if matches!(c, '棟' | '館')
                    && let Some(side) = side(&mut pieces)
                {
                    pieces.push(Piece::Letter(side));
                    at += 1;
                } else {
                    push_word(&mut pieces, std::slice::from_ref(c));
                    at += 1;
                }
            }
        }
    }
    pieces
}

/// Takes the word or letter that says below the ground.
fn take_below(pieces: &mut Vec<Piece>) -> bool {
    match pieces.last_mut() {
        Some(Piece::Letter('B')) => pieces.pop().is_some(),
        Some(Piece::Word(word)) if word.ends_with(&['地', '下']) => {
            word.truncate(word.len() - 2);
            drop_empty(pieces);
            true
        }
        _ => false,
    }
}

fn drop_empty(pieces: &mut Vec<Piece>) {
    pieces.pop_if(|piece| matches!(piece, Piece::Word(word) if word.is_empty()));
}

/// Takes the side that a wing is named after from the word before.
fn side(pieces: &mut Vec<Piece>) -> Option<char> {
    let Some(Piece::Word(word)) = pieces.last_mut() else { return None };
    let side = *word.last().filter(|c| matches!(c, '東' | '西' | '南' | '北' | '本' | '新' | '別'))?;
    word.pop();
    drop_empty(pieces);
    Some(side)
}

fn push_word(pieces: &mut Vec<Piece>, text: &[char]) {
    match pieces.last_mut() {
        Some(Piece::Word(word)) => word.extend_from_slice(text),
        _ => pieces.push(Piece::Word(text.into())),
    }
}

/// A number or a floor; a numeral in kanji is one only with its mark behind it.
fn numbered(here: &[char]) -> Option<(Piece, usize)> {
    let (value, length) = number(here)?;
    let behind = here.get(length..)?;
    let alone = !behind.get(1).is_some_and(char::is_ascii_alphanumeric);
    if behind.first() == Some(&'階') {
        // 3階部分 stays a word's affair.
        return Some((Piece::Floor(Wiped::of(format_args!("{}F", value.as_str()))), length + 1));
    }
    if behind.first() == Some(&'F') && alone {
        return Some((Piece::Floor(Wiped::of(format_args!("{}F", value.as_str()))), length + 1));
    }
    let in_digits = here.first().is_some_and(char::is_ascii_digit);
    let marked = prefix(behind, &["号", "室", "棟", "番館"]).is_some();
    (in_digits || marked).then_some((Piece::Number(value), length))
}
