//! Lists of addresses and of names, held against what the comparison of two says.

use sekisho::locale::{Address, Level, NameMatch, Rest, match_addresses, match_names};
use sekisho::{Decision, Engine, Event, HashKey, ListEntry, Policy, Value};

use super::spellings::Dice;

const NOW: i64 = 1_767_225_600_000;

const LEVELS: [(&str, Option<Level>); 5] = [
    ("", None),
    ("room", Some(Level::Room)),
    ("building", Some(Level::Building)),
    ("number", Some(Level::Number)),
    ("town", Some(Level::Town)),
];

fn engine() -> Engine {
    let mut text =
        "[policy]\nname = \"l\"\nversion = \"1\"\ncurrency = \"JPY\"\nlocale = \"ja\"\n".to_owned();
    for (name, _) in LEVELS {
        let level = if name.is_empty() { String::new() } else { format!("level = \"{name}\"\n") };
        text += &format!("[[list]]\nname = \"by_{name}\"\nof = \"address\"\nkind = \"address\"\n{level}");
        for function in ["list_level", "list_severity"] {
            text += &format!(
                "[[feature]]\nname = \"{function}_{name}\"\nexpression = '{function}(\"by_{name}\", shipping_address)'\n"
            );
        }
    }
    text += "[[list]]\nname = \"names\"\nof = \"holder_name\"\nkind = \"name\"\n\
             [[feature]]\nname = \"named\"\nexpression = 'in_list(\"names\", holder_name)'\n\
             [decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
    let policy = Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    Engine::new(policy, HashKey::new(1, [1; 32]))
}

fn value(engine: &Engine, field: &str, text: &str, feature: &str) -> Value {
    let event = Event::of("payment", NOW).expect("an event").with(field, text).expect("a field");
    let mut decision = Decision::detailed();
    engine.score_into(&event, &mut decision).expect("a decision");
    let found = decision.features().find(|known| known.name() == feature).expect("a feature");
    found.value().clone()
}

/// An address among few, so that many agree on some levels and differ on others.
fn address(dice: &mut Dice) -> String {
    let mut text = String::new();
    let (prefecture, city) = dice.of(&[
        ("東京都", "府中市"),
        ("東京都", "府中市"),
        ("広島県", "府中市"),
        ("東京都", "西多摩郡瑞穂町"),
    ]);
    if dice.percent(60) {
        text += prefecture;
    }
    text += city;
    text += dice.of(&["府中町", "府中町", "府中町", ""]);
    let number = |dice: &mut Dice| ["1", "101"][dice.roll(2)].to_owned();
    let count = 1 + dice.roll(3);
    text += &(0..count).map(|_| number(dice)).collect::<Vec<_>>().join("-");
    text += dice.of(&["", "", " 山田ビル", " 桜荘"]);
    text += dice.of(&["", "", " 101号室", " 102号室", " 2号室", " A棟101号室"]);
    text
}

/// Whether the address agrees with all that the member says.
fn agrees_wholly(member: &str, level: Option<Level>, rest: Rest) -> bool {
    let said = Address::parse(member);
    let finest = match (said.building(), said.room()) {
        (_, Some(_)) => Level::Room,
        (Some(_), None) => Level::Building,
        (None, None) => Level::Number,
    };
    level == Some(Level::Room) || level >= Some(finest) && rest != Rest::Different
}

#[test]
fn a_list_answers_with_the_member_that_agrees_furthest() {
    let mut dice = Dice(5);
    let mut hits = [0; 7];
    for _ in 0..60 {
        let engine = engine();
        let mut members: Vec<(String, u8, Option<i64>)> = Vec::new();
        while members.len() < 8 {
            let member = address(&mut dice);
            if members.iter().any(|(known, ..)| {
                let found = match_addresses(known, &member);
                found.level >= Some(Level::Number) && found.rest == Rest::Same
            }) {
                continue;
            }
            let expires = dice.percent(30).then(|| NOW + dice.roll(3) as i64 - 1);
            members.push((member, 1 + dice.roll(99) as u8, expires));
        }
        for (name, _) in LEVELS {
            for (member, severity, expires) in &members {
                let mut entry = ListEntry::new().severity(*severity);
                entry = expires.map_or(entry.clone(), |expires| entry.expires(expires));
                engine.list_add(&format!("by_{name}"), member, entry).expect("an address");
            }
        }
        for _ in 0..30 {
            let asked = address(&mut dice);
            for (name, coarsest) in LEVELS {
                let counting =
                    members.iter().filter(|(.., expires)| expires.is_none_or(|expires| NOW < expires));
                let expected = counting
                    .filter_map(|(member, severity, _)| {
                        let found = match_addresses(member, &asked);
                        let counts = agrees_wholly(member, found.level, found.rest)
                            || coarsest.is_some() && found.level >= coarsest;
                        counts.then_some((found.level.map_or(0, |level| level as i64), i64::from(*severity)))
                    })
                    .max()
                    .unwrap_or_default();
                let found = ["list_level", "list_severity"].map(|function| {
                    value(&engine, "shipping_address", &asked, &format!("{function}_{name}"))
                });
                let told = [Value::Integer(expected.0), Value::Integer(expected.1)];
                assert_eq!(found, told, "{asked} on {name} of {members:?}");
                hits[expected.0 as usize] += 1;
            }
        }
    }
    assert!(hits[0] > 500 && hits[3..].iter().all(|count| *count > 100), "{hits:?}");
}

/// One of few letters, so that some are cut off alike; in several scripts and with spaces.
fn name(dice: &mut Dice) -> String {
    let letters: &[char] = match dice.roll(4) {
        0 => &['山', '田', '髙', '高'],
        1 => &['ヤ', 'ﾀ', 'や', 'ャ'],
        2 => {
            let words: Vec<_> = (0..1 + dice.roll(3)).map(|_| dice.of(&["Acb", "DEF", "ghi"])).collect();
            return words.join(" ")
                + dice.of(&["", "", "ABCABCABCABCABCABCABCABCABCABC", "ABCABCABCABCABCABCABCABCABC"]);
        }
        _ => &['゛', ' ', '-', '.'],
    };
    let length = dice.of(&[1, 2, 3, 28, 29, 30, 33]);
    let mut name: String = (0..length).map(|_| dice.of(letters)).collect();
    if letters.contains(&'ヤ') && dice.percent(30) {
        name.insert(name.char_indices().nth(1).map_or(name.len(), |(at, _)| at), ' ');
    }
    name
}

#[test]
fn a_list_of_names_says_what_the_comparison_says() {
    let mut dice = Dice(7);
    let mut said = [0; 3];
    for _ in 0..300 {
        let engine = engine();
        let mut members = Vec::new();
        for _ in 0..1 + dice.roll(4) {
            let member = name(&mut dice);
            match engine.list_add("names", &member, ListEntry::new()) {
                Ok(()) => members.push(member),
                Err(error) => {
                    assert_eq!(match_names(&member, "ヤマダ"), NameMatch::NotComparable, "{member}: {error}");
                    assert!(error.to_string().contains("found a name without a letter"), "{error}");
                }
            }
        }
        for _ in 0..20 {
            // Often one of them as somebody else writes it.
            let asked = match dice.roll(3) {
                0 if !members.is_empty() => dice.of(&members.iter().collect::<Vec<_>>()).replace('ャ', "ヤ"),
                _ => name(&mut dice),
            };
            let answers: Vec<_> = members.iter().map(|member| match_names(member, &asked)).collect();
            let is_name = match_names(&asked, &asked) == NameMatch::Match;
            let found = value(&engine, "holder_name", &asked, "named");
            if answers.contains(&NameMatch::Match) {
                assert_eq!(found, Value::Boolean(true), "{asked} among {members:?}");
                said[0] += 1;
            } else if !is_name
                || !members.is_empty() && answers.iter().all(|a| *a == NameMatch::NotComparable)
            {
                assert_eq!(found, Value::Missing, "{asked} among {members:?}");
                said[1] += 1;
            } else if found != Value::Boolean(false) {
                // Of long names no more counts than a transfer brings for sure.
                let long = |name: &str| name.chars().count() >= 28;
                assert!(
                    long(&asked) && members.iter().any(|member| long(member)),
                    "{asked} among {members:?}"
                );
            } else {
                said[2] += 1;
            }
        }
    }
    assert!(said.iter().all(|count| *count > 500), "{said:?}");
}
