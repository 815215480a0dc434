//! One form of text: width, composition, dashes, variant kanji; and the parts that the readers share.

use unicode_normalization::UnicodeNormalization;

use super::variants;
use crate::wiped::{Characters, Wiped};

/// NFKC, with usual kanji, one hyphen, capital letters and plain spaces.
///
/// The long vowel `ー` stays: whether it stands for a hyphen depends on what it stands next to.
pub(super) fn fold(text: &str) -> Characters {
    fold_most(text, usize::MAX)
}

/// The first characters of the same: so many of them, however many one of the text becomes.
pub(super) fn fold_most(text: &str, most: usize) -> Characters {
    let mut folded = Characters::with_capacity(text.len().min(most));
    if text.is_ascii() {
        let plain = |c: char| if c.is_ascii_control() { ' ' } else { c.to_ascii_uppercase() };
        folded.extend(text.chars().take(most).map(plain));
    } else if text.chars().all(|c| alone(c).is_some()) {
        folded.extend(text.chars().take(most).filter_map(alone).map(after));
    } else {
        folded.extend(text.chars().filter_map(before).nfkc().take(most).map(after));
    }
    folded
}

/// What NFKC makes of the characters that most addresses and names are written with: of each the same whichever of the
/// others it stands beside.
fn alone(c: char) -> Option<char> {
    match c {
        '\0'..='\x7f'
        | '々'..='〇'
        | '〒'
        | '〜'
        | '\u{2010}'
        | '\u{2212}'
        | '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='ー'
        | '\u{4e00}'..='\u{9fff}' => Some(c),
        '\u{3000}' => Some(' '),
        // Letters, digits and signs of full width, in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        _ => None,
    }
}

/// What NFKC would take apart in another way, or leave in.
pub(super) fn before(c: char) -> Option<char> {
    Some(match c {
        // Voicing marks that stand alone: NFKC sets a space before them.
        '\u{309b}' => '\u{3099}',
        '\u{309c}' => '\u{309a}',
        // It separates like a hyphen where it is shown.
        '\u{ad}' => '-',
        // Numbers in the shape of letters.
        '\u{2160}'..='\u{2168}' => char::from_digit(u32::from(c) - 0x215f, 10)?,
        '\u{2170}'..='\u{2178}' => char::from_digit(u32::from(c) - 0x216f, 10)?,
        // Choices of a glyph, and marks of width zero.
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => return None,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
            return None;
        }
        c => c,
    })
}

fn after(c: char) -> char {
    match c {
        c if c.is_ascii_control() => ' ',
        c if c.is_ascii() => c.to_ascii_uppercase(),
        c if is_dash(c) => '-',
        c if c.is_whitespace() || c.is_control() => ' ',
        c if is_kanji(c) => variants::usual(c),
        c => c,
    }
}

/// Dashes that NFKC keeps apart: hyphens, dashes, the minus sign, and lines of box drawings used in their stead.
pub(super) fn is_dash(c: char) -> bool {
    matches!(
        c,
        '-' | '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{2500}' | '\u{2501}' | '\u{2796}'
    )
}

/// The long vowel, and the waves that take its place or a dash's.
pub(super) fn is_long_vowel(c: char) -> bool {
    matches!(c, 'ー' | '〜' | '~')
}

/// A Chinese character, the mark that repeats one, or the zero that is written among them.
pub(super) fn is_kanji(c: char) -> bool {
    matches!(
        c,
        '々' | '〆' | '〇' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
    )
}

pub(super) fn is_hiragana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}')
}

pub(super) fn is_katakana(c: char) -> bool {
    matches!(c, '\u{30a1}'..='\u{30fa}' | 'ー')
}

pub(super) fn is_kana(c: char) -> bool {
    is_hiragana(c) || is_katakana(c)
}

/// The digit that a kanji stands for.
pub(super) fn kanji_digit(c: char) -> Option<u32> {
    Some(match c {
        '〇' | '零' => 0,
        '一' => 1,
        '二' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        _ => return None,
    })
}

fn kanji_unit(c: char) -> Option<u32> {
    Some(match c {
        '十' => 10,
        '百' => 100,
        '千' => 1000,
        _ => return None,
    })
}

pub(super) fn is_kanji_numeral(c: char) -> bool {
    kanji_digit(c).is_some() || kanji_unit(c).is_some()
}

/// Digits that a number of an address or a room has at most.
const LONGEST_NUMBER: usize = 9;

/// The number at the start in decimal digits without leading zeros, and how many characters it takes: Arabic digits,
/// or kanji read by place (`一二〇`) or by unit (`百二十`).
pub(super) fn number(chars: &[char]) -> Option<(Wiped, usize)> {
    let digits = chars.iter().take_while(|c| c.is_ascii_digit()).count();
    if digits > 0 {
        let written = chars.iter().take(digits).skip_while(|c| **c == '0');
        let written: Wiped = written.copied().collect();
        let written = if written.is_empty() { "0".into() } else { written };
        return (written.len() <= LONGEST_NUMBER).then_some((written, digits));
    }
    let length = chars.iter().take_while(|c| is_kanji_numeral(**c)).count();
    let numeral = chars.get(..length)?;
    if length == 0 || length > LONGEST_NUMBER {
        return None;
    }
    if numeral.iter().all(|c| kanji_digit(*c).is_some()) {
        let value = numeral.iter().fold(0, |value, c| value * 10 + kanji_digit(*c).unwrap_or(0));
        return Some((Wiped::of(format_args!("{value}")), length));
    }
    let (mut value, mut digit) = (0, None);
    for c in numeral {
        match kanji_unit(*c) {
            Some(unit) => value += digit.take().unwrap_or(1) * unit,
            // Two digits in a row among units say nothing.
            None if digit.is_some() => return None,
            None => digit = kanji_digit(*c),
        }
    }
    Some((Wiped::of(format_args!("{}", value + digit.unwrap_or(0))), length))
}

/// A number up to 9,999 in kanji, as place names have it.
pub(super) fn in_kanji(number: &str) -> Option<Wiped> {
    let mut value: u32 = number.parse().ok().filter(|value| (1..=9_999).contains(value))?;
    let mut written = Wiped::default();
    for (unit, name) in [(1000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = value / unit;
        value %= unit;
        if digit == 0 {
            continue;
        }
        if digit > 1 || unit == 1 {
            written.push("一二三四五六七八九".chars().nth(digit as usize - 1)?);
        }
        written.push_str(name);
    }
    Some(written)
}

/// Whether the characters start with the text.
pub(super) fn starts_with(chars: &[char], text: &str) -> bool {
    let mut chars = chars.iter();
    text.chars().all(|c| chars.next() == Some(&c))
}

/// The first of the texts with which the characters start, by its length in characters.
pub(super) fn prefix(chars: &[char], texts: &[&str]) -> Option<usize> {
    texts.iter().find(|text| starts_with(chars, text)).map(|text| text.chars().count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> String {
        fold(text).iter().collect()
    }

    #[test]
    fn what_compatibility_normalisation_does_and_what_it_leaves() {
        for (text, expected) in [
            ("ｶﾞ", "ガ"),
            ("カ゛", "ガ"),
            ("カ\u{3099}", "ガ"),
            ("㈱", "(株)"),
            ("㍿", "株式会社"),
            ("\u{fa10}", "塚"),
            ("髙", "高"),
            ("\u{fa11}", "崎"),
            ("邊邉", "辺辺"),
            ("齋斎", "斎斎"),
            ("𠮷野家", "吉野家"),
            ("葛\u{e0100}城", "葛城"),
            ("\u{2212}\u{2010}\u{2015}\u{2013}\u{2014}\u{ff0d}\u{2011}", "-------"),
            ("ーｰ", "ーー"),
            ("〜～", "〜~"),
            ("Ⅱ", "2"),
            ("ａｂｃ　１", "ABC 1"),
            ("", ""),
        ] {
            assert_eq!(folded(text), expected, "{text}");
        }
    }

    proptest! {
        /// In any order, NFKC makes of them what it makes of each.
        #[test]
        fn what_stands_alone_is_nfkc(text in "[\\x00-\\x7f々-〇〒〜\u{2010}\u{2212}ぁ-ゖァ-ー一-\u{9fff}\u{3000}！-～]{0,30}") {
            prop_assert!(text.chars().all(|c| alone(c).is_some()));
            let expected: String = text.chars().filter_map(before).nfkc().collect();
            prop_assert_eq!(text.chars().filter_map(alone).collect::<String>(), expected);
        }
    }

    #[test]
    fn each_that_stands_alone_is_nfkc() {
        let all = ('\0'..=char::MAX).filter_map(|c| Some((c, alone(c)?)));
        assert_eq!(all.clone().count(), 128 + 7 + 86 + 92 + 20_992 + 1 + 94);
        for (c, alone) in all {
            assert!(before(c).into_iter().nfkc().eq([alone]), "{c}");
        }
    }

    #[test]
    fn numbers_in_kanji() {
        let read = |text: &str| number(&text.chars().collect::<Vec<_>>());
        for (text, expected) in [
            ("十", "10"),
            ("二十四条", "24"),
            ("二四条", "24"),
            ("千二百三十四番地", "1234"),
            ("一二〇", "120"),
            ("三百五", "305"),
            ("007", "7"),
            ("00", "0"),
        ] {
            assert_eq!(read(text).map(|(value, _)| value).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(read("二三十"), None);
        assert_eq!(read("9999999999"), None);
        assert_eq!(read("丁目"), None);
        for value in 1..=9_999 {
            let (value, written) = (value.to_string(), in_kanji(&value.to_string()).expect("in range"));
            let expected = Some((value.as_str().into(), written.chars().count()));
            assert_eq!(read(&written), expected, "{value}");
        }
    }
}
