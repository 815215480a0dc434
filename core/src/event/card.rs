//! Card numbers: recognised so that they are hashed as cards and refused everywhere else.

/// The longest card number (ISO/IEC 7812-1).
const LONGEST: usize = 19;
/// The shortest card number in use.
const SHORTEST: usize = 13;

/// Digits of a card number, without its separators.
#[derive(Clone, Copy)]
pub(crate) struct CardNumber {
    digits: [u8; LONGEST],
    length: usize,
}

impl CardNumber {
    /// Reads a whole text as a card number: digits, single spaces or hyphens between them, a known issuer's
    /// prefix and length, and the Luhn digit.
    pub(crate) fn parse(text: &str) -> Option<CardNumber> {
        let mut number = CardNumber { digits: [0; LONGEST], length: 0 };
        let mut separated = true;
        for byte in text.bytes() {
            if byte.is_ascii_digit() {
                *number.digits.get_mut(number.length)? = byte;
                number.length += 1;
                separated = false;
            } else if matches!(byte, b' ' | b'-') && !separated {
                separated = true;
            } else {
                return None;
            }
        }
        (!separated && number.is_valid()).then_some(number)
    }

    pub(crate) fn digits(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or(&[])
    }

    /// The issuer identification number: the first 8 digits since ISO/IEC 7812-1:2017.
    pub(crate) fn issuer(&self) -> &[u8] {
        self.digits.get(..8).unwrap_or(&[])
    }

    fn is_valid(&self) -> bool {
        let digits = self.digits();
        is_issued(digits) && has_luhn_digit(digits)
    }
}

fn has_luhn_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0');
            match (place % 2, value) {
                (0, value) => value,
                (_, value) if value > 4 => 2 * value - 9,
                (_, value) => 2 * value,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether an issuer's prefix and the length go together (public ranges of the networks).
fn is_issued(digits: &[u8]) -> bool {
    let prefix =
        |n: usize| digits.iter().take(n).fold(0u32, |number, digit| number * 10 + u32::from(digit - b'0'));
    let (two, three, four) = (prefix(2), prefix(3), prefix(4));
    match digits.len() {
        13 => (40..=49).contains(&two),
        14 => (300..=305).contains(&three) || matches!(two, 36 | 38 | 39),
        15 => matches!(two, 34 | 37) || four == 1800 || four == 2131,
        16 => {
            (40..=49).contains(&two)
                || (51..=55).contains(&two)
                || (2221..=2720).contains(&four)
                || (3528..=3589).contains(&four)
                || matches!(two, 36 | 38 | 39 | 62 | 65 | 81)
                || (300..=305).contains(&three)
                || four == 6011
                || (644..=649).contains(&three)
        }
        17 | 18 => matches!(two, 62 | 81),
        19 => (40..=49).contains(&two) || matches!(two, 62 | 65 | 81) || (3528..=3589).contains(&four),
        _ => false,
    }
}

/// Whether a card number stands anywhere in a text.
///
/// A number counts when no digit touches it on either side, or when a separator does; runs longer than a
/// card number are no card numbers (they are order ids and the like).
pub(crate) fn holds_card_number(text: &str) -> bool {
    if text.len() < SHORTEST {
        return false;
    }
    if text.contains(|c| ('０'..='９').contains(&c)) {
        let narrow: String = text.chars().map(narrowed).collect();
        return holds_card_number(&narrow);
    }
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(start) = bytes.iter().skip(from).position(u8::is_ascii_digit).map(|p| from + p) {
        let mut number = CardNumber { digits: [0; LONGEST], length: 0 };
        let mut previous_separates = false;
        // Digits with single separators between them, followed as long as they go; every prefix that ends
        // before a separator or the end of the run is a candidate.
        for (offset, byte) in bytes.iter().skip(start).enumerate() {
            let next = bytes.get(start + offset + 1);
            match byte {
                digit if digit.is_ascii_digit() => {
                    let Some(place) = number.digits.get_mut(number.length) else { break };
                    *place = *digit;
                    number.length += 1;
                    previous_separates = false;
                    let ends = next.is_none_or(|b| !b.is_ascii_digit());
                    if ends && number.length >= SHORTEST && number.is_valid() {
                        return true;
                    }
                }
                b' ' | b'-' if !previous_separates => previous_separates = true,
                _ => break,
            }
        }
        // On to the next group of digits.
        let digits = bytes.iter().skip(start).take_while(|b| b.is_ascii_digit()).count();
        from = start + digits;
    }
    false
}

/// Full-width digits and the separators that are typed beside them, as ASCII.
fn narrowed(c: char) -> char {
    match c {
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
        '\u{3000}' => ' ',
        '－' | '‐' | '−' | 'ー' => '-',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_card_numbers_in_text() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "card 4111-1111-1111-1111 please",
            "3569990010095841",
            "378282246310005",
            "ref 12 4111111111111111",
            "カード4111111111111111です",
            "４１１１　１１１１　１１１１　１１１１",
            "番号は４１１１－１１１１－１１１１－１１１１",
        ] {
            assert!(holds_card_number(text), "{text}");
        }
        for text in [
            "4111111111111112",
            "1234567890123",
            "41111111111111110000000",
            "2026-11-22 10:00:00",
            "+81 90 1234 5678",
            "",
            "9900-018-1234567",
        ] {
            assert!(!holds_card_number(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_amid_letters_is_found(prefix in "[a-z ]{0,20}", suffix in "[a-z .]{0,20}") {
            let text = format!("{prefix}4111111111111111{suffix}");
            prop_assert!(holds_card_number(&text));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = holds_card_number(&text);
            let _ = CardNumber::parse(&text);
        }
    }
}
