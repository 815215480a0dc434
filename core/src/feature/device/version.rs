//! Versions in one word each, which still tells which of two is later.
//!
//! The parts of a version follow each other from the highest bits down: four bits with one more than the number of
//! its nibbles, then these. A part that finds no room is left off, and so is all behind it; the rest is zeros.

use std::cmp::Ordering;

/// The word of a version such as `124.0.6367.91` or `10_15_7`: numbers with dots or underscores between, read up to
/// anything else. `None` when it does not begin with a number.
pub(crate) fn word(text: &str) -> Option<u64> {
    let (mut word, mut room) = (0, u64::BITS);
    let mut rest = text.as_bytes();
    loop {
        let (mut number, mut digits) = (0u64, 0);
        while let Some(digit) =
            rest.get(digits).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10)
        {
            // What is as long as this has no room in any case.
            number = number.saturating_mul(10).saturating_add(u64::from(digit));
            digits += 1;
        }
        let nibbles = (u64::BITS - number.leading_zeros()).div_ceil(4);
        match room.checked_sub(4 * (nibbles + 1)) {
            Some(left) if digits > 0 && nibbles < 15 => room = left,
            _ => break,
        }
        word |= (u64::from(nibbles + 1) << (4 * nibbles) | number) << room;
        match rest.get(digits) {
            Some(b'.' | b'_') => rest = rest.get(digits + 1..).unwrap_or(&[]),
            _ => break,
        }
    }
    (word != 0).then_some(word)
}

/// Which of two versions is later, as far as both are given: `124` and `124.0.6367` are equal.
pub(crate) fn compare(mut one: u64, mut other: u64) -> Ordering {
    if one == other {
        return Ordering::Equal;
    }
    // Where the words part, so do their versions, unless one of them has ended.
    loop {
        let ((first, next), (second, following)) = (part(one), part(other));
        let (Some(first), Some(second)) = (first, second) else { return Ordering::Equal };
        match first.cmp(&second) {
            Ordering::Equal => (one, other) = (next, following),
            order => return order,
        }
    }
}

/// The first part of a word, and the others.
fn part(word: u64) -> (Option<u64>, u64) {
    let Some(nibbles) = (word >> 60).checked_sub(1) else { return (None, 0) };
    let rest = word << 4;
    if nibbles == 0 {
        return (Some(0), rest);
    }
    let bits = 4 * nibbles as u32;
    (Some(rest >> (u64::BITS - bits)), rest.checked_shl(bits).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order(one: &str, other: &str) -> Ordering {
        compare(word(one).unwrap(), word(other).unwrap())
    }

    #[test]
    fn versions_are_ordered() {
        assert_eq!(order("9.2", "10.1"), Ordering::Less);
        assert_eq!(order("124.0.6367.91", "124.0.6367.118"), Ordering::Less);
        assert_eq!(order("17.5.1", "17.5"), Ordering::Equal);
        assert_eq!(order("10_15_7", "10.15.7"), Ordering::Equal);
        assert_eq!(order("20240115", "20231231"), Ordering::Greater);
        assert_eq!(order("10.0.22631.2428", "10.0.22631.2429"), Ordering::Less);
        assert_eq!(order("13 (beta)", "13"), Ordering::Equal);
        assert_eq!(order("0", "0.1"), Ordering::Equal);
        assert_eq!(order("0", "1"), Ordering::Less);
        for nonsense in ["", "beta", ".1", "-1", "v2", "\u{ff11}.0", "99999999999999999999999"] {
            assert_eq!(word(nonsense), None, "{nonsense}");
        }
        // A part without room is left off: what is before it still counts.
        assert_eq!(order("1.99999999999999999999", "1.2"), Ordering::Equal);
        assert_eq!(order(&"7.".repeat(100_000), "7.7.8"), Ordering::Less);
    }

    /// The same, part by part.
    fn obvious(text: &str) -> Option<u64> {
        let mut word = 0;
        let mut room = u64::BITS;
        for part in text.split(['.', '_']) {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            let Ok(number) = part[..digits].parse::<u64>() else { break };
            let nibbles = (u64::BITS - number.leading_zeros()).div_ceil(4);
            let Some(left) = room.checked_sub(4 * (nibbles + 1)).filter(|_| nibbles < 15) else { break };
            room = left;
            word |= (u64::from(nibbles + 1) << (4 * nibbles) | number) << room;
            if digits < part.len() {
                break;
            }
        }
        (word != 0).then_some(word)
    }

    proptest! {
        #[test]
        fn a_word_is_that_of_the_parts(text in "[0-9]{0,22}([._]{1,2}[0-9]{0,7}){0,6}[ -~\u{ff10}]{0,3}") {
            prop_assert_eq!(word(&text), obvious(&text));
        }

        #[test]
        fn the_order_is_that_of_the_parts(
            one in proptest::collection::vec(0u64..65_536, 1..4),
            other in proptest::collection::vec(0u64..65_536, 1..4),
        ) {
            let text = |parts: &[u64]| parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
            // Three parts of up to 16 bits always have room.
            let both = one.len().min(other.len());
            prop_assert_eq!(order(&text(&one), &text(&other)), one[..both].cmp(&other[..both]));
            prop_assert_eq!(word(&text(&one)) == word(&text(&other)), one == other);
        }
    }
}
