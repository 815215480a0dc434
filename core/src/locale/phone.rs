//! Phone numbers: one form, and a class by prefix.

use super::text::{fold, is_long_vowel, prefix};
use crate::error::{Error, ErrorKind, Result};
use crate::wiped::Wiped;

/// What kind of line a number belongs to, as far as its prefix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PhoneClass {
    /// 070, 080, 090, and 060, which is opened next.
    Mobile,
    /// 050: a line over the internet, bound to no place.
    Voip,
    /// 0120 and 0800: the one who is called pays.
    Free,
    /// A line at a place.
    Fixed,
    /// 020 and 0200: machines and pagers.
    Machine,
    /// 0570, 0180, 0990: services with a tariff of their own.
    Service,
    /// Of another country.
    Foreign,
}

impl PhoneClass {
    /// The class in lower case, such as `mobile`.
    pub fn name(self) -> &'static str {
        match self {
            PhoneClass::Mobile => "mobile",
            PhoneClass::Voip => "voip",
            PhoneClass::Free => "free",
            PhoneClass::Fixed => "fixed",
            PhoneClass::Machine => "machine",
            PhoneClass::Service => "service",
            PhoneClass::Foreign => "foreign",
        }
    }
}

/// Prefixes with the digits of a whole number and its class, longer prefixes first.
///
/// Source: the telephone numbering plan of the Ministry of Internal Affairs and Communications.
const PREFIXES: [(&str, usize, PhoneClass); 13] = [
    ("0120", 10, PhoneClass::Free),
    ("0180", 10, PhoneClass::Service),
    ("0200", 14, PhoneClass::Machine),
    ("0570", 10, PhoneClass::Service),
    ("0800", 11, PhoneClass::Free),
    ("0990", 10, PhoneClass::Service),
    ("020", 11, PhoneClass::Machine),
    ("050", 11, PhoneClass::Voip),
    ("060", 11, PhoneClass::Mobile),
    ("070", 11, PhoneClass::Mobile),
    ("080", 11, PhoneClass::Mobile),
    ("090", 11, PhoneClass::Mobile),
    ("0", 10, PhoneClass::Fixed),
];

/// Digits that a number can have with its country (ITU-T E.164), and a few for an international prefix.
const MOST_DIGITS: usize = 15 + 4;

/// A phone number.
///
/// ```
/// use sekisho::locale::{Phone, PhoneClass};
///
/// let phone = Phone::parse("０９０（１２３４）５６７８")?;
/// assert_eq!(phone.canonical(), "+819012345678");
/// assert_eq!(phone.class(), PhoneClass::Mobile);
/// assert_eq!(phone, Phone::parse("+81 (0)90-1234-5678")?);
/// # Ok::<(), sekisho::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Phone {
    canonical: Wiped,
    class: PhoneClass,
}

impl Phone {
    /// Reads a number as people in Japan write it: with or without `+81`, hyphens, brackets, in any width.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] when it is no number: other characters, or digits that no prefix has.
    pub fn parse(text: &str) -> Result<Phone> {
        let (digits, international) = digits_of(text).ok_or_else(refused)?;
        if international {
            return Phone::abroad(&digits);
        }
        // International prefixes as they are dialled; no number in Japan starts so.
        if let Some(abroad) = digits.strip_prefix("010").or_else(|| digits.strip_prefix("00")) {
            return Phone::abroad(abroad);
        }
        match digits.len() {
            // Spreadsheets take the first zero away.
            10 if matches!(digits.get(..2), Some("50" | "60" | "70" | "80" | "90")) => {
                Phone::at_home(&digits)
            }
            11 | 12 if digits.starts_with("81") => Phone::abroad(&digits),
            _ => Phone::at_home(digits.strip_prefix('0').ok_or_else(refused)?),
        }
    }

    /// With the country's code in front.
    fn abroad(digits: &str) -> Result<Phone> {
        match digits.strip_prefix("81") {
            Some(rest) => Phone::at_home(rest.strip_prefix('0').unwrap_or(rest)),
            None if (8..=15).contains(&digits.len()) && !digits.starts_with('0') => {
                Ok(Phone { canonical: Wiped::of(format_args!("+{digits}")), class: PhoneClass::Foreign })
            }
            None => Err(refused()),
        }
    }

    /// Without the zero that dials within the country.
    fn at_home(rest: &str) -> Result<Phone> {
        // An area's code starts with one of these, too.
        if rest.starts_with('0') {
            return Err(refused());
        }
        let known =
            PREFIXES.iter().find(|(prefix, ..)| rest.starts_with(prefix.get(1..).unwrap_or_default()));
        let Some((prefix, _, class)) = known.filter(|(_, length, _)| rest.len() + 1 == *length) else {
            return Err(refused());
        };
        // 010, 030 and 040 are no areas.
        if *prefix == "0" && rest.get(1..2) == Some("0") {
            return Err(refused());
        }
        Ok(Phone { canonical: Wiped::of(format_args!("+81{rest}")), class: *class })
    }

    /// The number as ITU-T E.164 writes it: `+`, the country, the rest.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The number as it is dialled in Japan, or as [`canonical`](Phone::canonical) when it is foreign.
    pub fn national(&self) -> String {
        match self.canonical.strip_prefix("+81") {
            Some(rest) => format!("0{rest}"),
            None => self.canonical().to_owned(),
        }
    }

    /// What kind of line it is.
    pub fn class(&self) -> PhoneClass {
        self.class
    }
}

fn refused() -> Error {
    Error::new(ErrorKind::OutOfRange, "found no phone number, expected digits such as 090-1234-5678")
}

/// The digits, and whether a plus stands in front.
fn digits_of(text: &str) -> Option<(Wiped, bool)> {
    let folded = fold(text);
    let mut rest: &[char] = &folded;
    while let Some(' ') = rest.first() {
        rest = rest.get(1..)?;
    }
    if let Some(length) = prefix(rest, &["電話番号", "電話", "携帯電話", "携帯", "TEL"]) {
        rest = rest.get(length..)?;
        while let Some(' ' | ':' | '.') = rest.first() {
            rest = rest.get(1..)?;
        }
    }
    let international = rest.first() == Some(&'+');
    let mut digits = Wiped::with_capacity(MOST_DIGITS);
    for c in rest.iter().skip(usize::from(international)) {
        match c {
            '0'..='9' if digits.len() == MOST_DIGITS => return None,
            '0'..='9' => digits.push(*c),
            '-' | ' ' | '(' | ')' | '.' | '/' | '・' | '〔' | '〕' | '[' | ']' => {}
            c if is_long_vowel(*c) => {}
            _ => return None,
        }
    }
    Some((digits, international))
}
