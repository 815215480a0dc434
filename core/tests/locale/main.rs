//! Japanese identities: a corpus of hard cases, any text at all, and addresses in many spellings.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod any_text;
mod door;
mod listed;
mod spellings;

use sekisho::locale::{
    Address, BankAccount, Email, Kind, Name, Phone, canonical, match_addresses, match_names,
};

/// Text of the corpus, in which `\u{...}` is a character by its number.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').expect("a closing brace");
        let number = u32::from_str_radix(number, 16).expect("a hexadecimal number");
        plain.push(char::from_u32(number).expect("a character"));
        plain.push_str(rest);
    }
    plain
}

fn answer(kind: &str, input: &str, other: &str) -> String {
    let refused = || "refused".to_owned();
    match kind {
        "account" => BankAccount::parse(input).map_or_else(|_| refused(), |a| a.canonical().to_owned()),
        "phone" => Phone::parse(input)
            .map_or_else(|_| refused(), |phone| format!("{} {}", phone.canonical(), phone.class().name())),
        "email" => Email::parse(input).map_or_else(|_| refused(), |email| email.canonical().to_owned()),
        "name_key" => Name::parse(input).map_or_else(|| "none".to_owned(), |name| name.key()),
        "name" => match_names(input, other).name().to_owned(),
        "address" => {
            let address = Address::parse(input);
            let (number, room) = (address.number().unwrap_or_default(), address.room().unwrap_or_default());
            let levels = [
                address.prefecture().unwrap_or_default(),
                address.city().unwrap_or_default(),
                address.town().unwrap_or_default(),
                &number,
                address.building().unwrap_or_default(),
                &room,
            ];
            levels.join("/")
        }
        "address_match" => {
            let found = match_addresses(input, other);
            format!("{} {}", found.level.map_or("none", |level| level.name()), found.rest.name())
        }
        entity => {
            let kind = entity.strip_prefix("entity:").and_then(Kind::named).expect("a kind of case");
            match (canonical(kind, input), canonical(kind, other)) {
                (Some(a), Some(b)) if a == b => "same",
                (Some(_), Some(_)) => "different",
                _ => "none",
            }
            .to_owned()
        }
    }
}

#[test]
fn hard_cases() {
    let (mut cases, mut faults) = (0, Vec::new());
    for line in include_str!("cases.tsv").lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [kind, input, other, expected, reason] = cells[..] else { panic!("five columns: {line}") };
        assert!(!reason.is_empty(), "a case has a reason: {line}");
        cases += 1;
        let (input, other) = (unescaped(input), unescaped(other));
        for (a, b) in
            [(&input, &other), (&other, &input)].into_iter().take(if other.is_empty() { 1 } else { 2 })
        {
            let found = answer(kind, a, b);
            if found != expected {
                faults.push(format!("{kind} \"{a}\" \"{b}\": expected {expected}, found {found} ({reason})"));
            }
        }
    }
    assert!(faults.is_empty(), "{} of {cases}:\n{}", faults.len(), faults.join("\n"));
    assert!(cases >= 300, "{cases} cases");
}
