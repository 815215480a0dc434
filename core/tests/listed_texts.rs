//! Lists of postal addresses and of names as their users see them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use sekisho::locale::{Address, Level};
use sekisho::{
    Decision, DecisionRecord, Engine, EngineBuilder, ErrorKind, Event, HashKey, Label, ListEntry, Policy,
};

const NOW: i64 = 1_767_225_600_000;

const LISTS: &str = r#"
[[list]]
name = "homes"
of = "address"
kind = "address"
[[list]]
name = "towers"
of = "shipping_address"
kind = "address"
level = "number"
[[list]]
name = "people"
of = "holder_name"
kind = "name"
[[list]]
name = "shared_homes"
of = "address"
kind = "address"
key = "consortium"
[[list]]
name = "phones"
of = "phone"
kind = "prefix"
[[feedback]]
list = "homes"
of = "shipping_address"
on = "fraud"
for = "90d"
severity = 60
reason = "chargeback"
[[feedback]]
list = "people"
of = "holder_name"
on = "deny"
for = "1h"
severity = 40
[[rule]]
id = "home"
when = 'in_list("homes", shipping_address)'
points = 'list_severity("homes", shipping_address)'
[[rule]]
id = "tower"
when = 'list_level("towers", shipping_address) > 0'
points = 'list_level("towers", shipping_address) * 100'
[[rule]]
id = "person"
when = 'in_list("people", holder_name)'
points = 'list_severity("people", holder_name)'
[[rule]]
id = "nobody_asked"
when = '!in_list("people", holder_name)'
on_missing = "match"
points = 0
mode = "shadow"
[[rule]]
id = "shared"
when = 'in_list("shared_homes", shipping_address)'
points = 'list_severity("shared_homes", shipping_address)'
[[rule]]
id = "phone"
when = 'in_list("phones", phone)'
points = 1
[[rule]]
id = "large"
when = 'amount_minor > 1000'
points = 900
[[feature]]
name = "parcels"
aggregate = "count"
by = ["shipping_address"]
[decision]
bands = [{ from = 0, action = "allow" }, { from = 900, action = "deny" }]
"#;

const TOWER: &str = "東京都新宿区西新宿2-8-1 サンハイツ";
const ROOM: &str = "東京都新宿区西新宿２丁目８番１号 サンハイツ４０５号室";
const WITHOUT_NAME: &str = "新宿区西新宿2-8-1-405";
const NEXT_DOOR: &str = "新宿区西新宿2-8-1 サンハイツ406";

fn key(id: u32) -> HashKey {
    HashKey::new(id, [id as u8; 32])
}

fn policy_of(locale: &str, body: &str) -> sekisho::Result<Policy> {
    let head = "[policy]\nname = \"l\"\nversion = \"1\"\ncurrency = \"JPY\"\n";
    let tail = "[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
    let tail = if body.contains("[decision]") { "" } else { tail };
    Policy::from_toml(&[head, locale, body, tail].concat())
}

fn builder(own: u32) -> EngineBuilder {
    let policy = policy_of("locale = \"ja\"\n", LISTS).unwrap_or_else(|error| panic!("{error}"));
    Engine::builder(policy, key(own)).shared_key("consortium", HashKey::new(70, [9; 32]))
}

fn event(fields: &[(&str, &str)]) -> Event {
    let event = Event::of("payment", NOW).unwrap();
    fields.iter().fold(event, |event, (name, value)| event.with(name, *value).unwrap())
}

fn score(engine: &Engine, name: &str, value: &str) -> u16 {
    engine.score(&event(&[(name, value)])).unwrap().score()
}

fn homes(engine: &Engine) -> [u16; 4] {
    [ROOM, WITHOUT_NAME, NEXT_DOOR, "新宿区西新宿2-8-1"].map(|home| score(engine, "shipping_address", home))
}

fn entry(severity: u8) -> ListEntry {
    ListEntry::new().severity(severity)
}

fn snapshot(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    let append = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), std::convert::Infallible>(())
    };
    engine.snapshot(append).unwrap();
    bytes
}

#[test]
fn a_hit_says_how_far_it_agrees() {
    let engine = builder(1).build().unwrap();
    engine.list_add("homes", TOWER, entry(50).reason("drop").source("carrier")).unwrap();
    // The building lists all its rooms, where its name is written.
    assert_eq!(homes(&engine), [50, 0, 50, 0]);
    engine.list_add("homes", WITHOUT_NAME, entry(20)).unwrap();
    // A room is finer than its building, whatever the severities.
    assert_eq!(homes(&engine), [20, 20, 50, 0]);
    engine.list_add("towers", ROOM, entry(80).reason("mule")).unwrap();
    assert_eq!(homes(&engine), [620, 620, 550, 400]);

    let mut decision = Decision::detailed();
    let next_door = event(&[("shipping_address", NEXT_DOOR)]);
    engine.score_into(&next_door, &mut decision).unwrap();
    let listed: Vec<_> = decision.listed().map(|hit| (hit.list(), hit.level(), hit.reason())).collect();
    let building = Some(Level::Building);
    assert_eq!(listed, [("homes", building, "drop"), ("towers", building, "mule")]);
    let explained = decision.explain(&next_door).to_string();
    let said = "shipping_address is on homes, severity 50, down to the building: drop (carrier)";
    assert!(explained.contains(said), "{explained}");
    assert!(explained.contains("with 5 > 0"), "{explained}");
    let record = decision.record(&next_door).unwrap();
    let again = DecisionRecord::from_json(&record.to_json()).unwrap().replay(&engine.policy()).unwrap();
    assert_eq!(again.score(), 550);

    // It is taken off as it was put on, in any spelling that says as much.
    assert!(!engine.list_remove("homes", "新宿区西新宿2-8-1 サンハイツ").unwrap());
    assert!(engine.list_remove("homes", "東京都 新宿区 西新宿 二丁目8-1 ｻﾝﾊｲﾂ").unwrap());
    assert!(engine.list_remove("homes", WITHOUT_NAME).unwrap());
    assert_eq!((engine.list_len("homes").unwrap(), homes(&engine)), (0, [600, 600, 500, 400]));
    assert!(engine.list_bytes("towers").unwrap() > 0);
}

/// One of few addresses of a town, some of which have as a number what others have as a room.
fn address() -> impl Strategy<Value = String> {
    let unit = prop_oneof![Just(1), Just(2), Just(101)];
    let numbers = proptest::collection::vec(unit, 1..4);
    let building = proptest::option::of(prop_oneof![Just("サンハイツ"), Just("コーポみどり")]);
    let room = proptest::option::of(prop_oneof![Just(1), Just(2), Just(101)]);
    (numbers, building, room).prop_map(|(numbers, building, room)| {
        let numbers: Vec<String> = numbers.iter().map(i32::to_string).collect();
        let room = room.map(|room| format!("{room}号室")).unwrap_or_default();
        format!("新宿区西新宿{} {} {room}", numbers.join("-"), building.unwrap_or_default())
    })
}

/// Whether an address agrees with all that a member says.
fn says_no_more(member: &Address, event: &Address) -> bool {
    let (own, other) = (member.number().unwrap(), event.number().unwrap());
    // A room that is written as the last number.
    let further = own.strip_prefix(&*other).and_then(|rest| rest.strip_prefix('-'));
    let is_moved = event.room().is_some() && further.is_some_and(|rest| !rest.contains('-'));
    match member.compare(event).level {
        Some(Level::Room) => true,
        Some(Level::Building) => member.room().is_none() && !is_moved,
        Some(Level::Number) => member.room().is_none() && !is_moved && member.building().is_none(),
        _ => false,
    }
}

proptest! {
    /// What is looked up by hashes is what comparing all members finds.
    #[test]
    fn a_lookup_compares_with_all_members(
        members in proptest::collection::vec(address(), 1..6),
        asked in proptest::collection::vec(address(), 1..6),
    ) {
        let engine = builder(1).build().unwrap();
        members.iter().for_each(|member| engine.list_add("homes", member, entry(50)).unwrap());
        let members: Vec<Address> = members.iter().map(|member| Address::parse(member)).collect();
        for asked in asked {
            let address = Address::parse(&asked);
            let expected = members.iter().any(|member| says_no_more(member, &address));
            let found = score(&engine, "shipping_address", &asked) == 50;
            prop_assert_eq!(found, expected, "{}", asked);
        }
    }
}

#[test]
fn names_that_can_be_compared() {
    let engine = builder(1).build().unwrap();
    let shadow = |name: &str| {
        let decision = engine.score(&event(&[("holder_name", name)])).unwrap();
        (decision.score(), decision.missing_rules().any(|id| id == "nobody_asked"))
    };
    // On an empty list is nobody.
    assert_eq!(shadow("ヤマダ タロウ"), (0, false));
    engine.list_add("people", "カブシキガイシヤ ジンジシヨウゴ", entry(30)).unwrap();
    for name in ["株式会社ジンジショウゴ", "ｶ)ｼﾞﾝｼﾞ ｼﾖｳｺﾞ", "㈱じんじしょうご"]
    {
        assert_eq!(shadow(name), (30, false), "{name}");
    }
    assert_eq!(shadow("ヤマダ タロウ"), (0, false));
    // Kana say nothing about kanji, nor does what is no name.
    for name in ["山田太郎", "Taro Yamada", "゛゜", "-"] {
        assert_eq!(shadow(name), (0, true), "{name}");
    }
    engine.list_add("people", "山田太郎", entry(50)).unwrap();
    assert_eq!(["山田太郎 様", "髙田太郎"].map(shadow), [(50, false), (0, false)]);

    // What a transfer leaves of a name meets it, in kana and in Latin letters.
    let cut = "カ)ニホンコクサイシヨウジホウルデイングスシステムズ";
    let long = &format!("{cut}ケンキユウジヨ");
    assert_eq!(sekisho::locale::match_names(long, cut), sekisho::locale::NameMatch::Match);
    engine.list_add("people", long, entry(60)).unwrap();
    assert_eq!(shadow(cut), (60, false));
    engine.list_add("people", "WOLFESCHLEGELSTEINHAUSENBERGERDORFF", entry(70)).unwrap();
    assert_eq!(shadow("Wolfeschlegelsteinhausenberger"), (70, false));
    assert_eq!(shadow("Wolfeschlegelsteinhausen"), (0, false));
}

#[test]
fn what_such_lists_cannot_hold() {
    let engine = builder(1).build().unwrap();
    let mut members = engine.list_prepare("homes").unwrap();
    for (list, member, kind, what) in [
        (
            "homes",
            "サンハイツ405",
            ErrorKind::OutOfRange,
            "found an address without a city or without numbers",
        ),
        ("homes", "東京都新宿区西新宿", ErrorKind::OutOfRange, "expected at least both"),
        ("homes", "", ErrorKind::Empty, "found an empty identifier"),
        ("people", "", ErrorKind::Empty, "found an empty identifier"),
        ("people", "゛゛", ErrorKind::OutOfRange, "found a name without a letter"),
        ("people", " -．", ErrorKind::OutOfRange, "found a name without a letter"),
    ] {
        let error = engine.list_add(list, member, entry(1)).unwrap_err();
        assert_eq!(error.kind(), kind, "{list} {member}");
        assert!(error.to_string().contains(what) && !error.to_string().contains("ハイツ"), "{error}");
        if list == "homes" {
            assert_eq!(members.add(member, &entry(1)).unwrap_err().kind(), kind);
        }
    }
    // Marks that voice nothing are left out.
    engine.list_add("people", "゛ヤマダ", entry(9)).unwrap();
    assert_eq!(score(&engine, "holder_name", "ヤマタ゛"), 9);
    // An event that says less than a list can hold is on none.
    engine.list_add("towers", ROOM, entry(1)).unwrap();
    for address in ["サンハイツ405", "東京都新宿区西新宿", "東京都"] {
        assert_eq!(score(&engine, "shipping_address", address), 0, "{address}");
    }
}

#[test]
fn policies_that_are_refused() {
    let of = |lines: &str| format!("[[list]]\nname = \"x\"\n{lines}\n");
    let japanese = "locale = \"ja\"\n";
    for (locale, lines, what) in [
        (
            "",
            "of = \"address\"\nkind = \"address\"",
            "a list of kind \"address\" reads what people write: add `locale = \"ja\"` to [policy]",
        ),
        ("", "of = \"holder_name\"\nkind = \"name\"", "a list of kind \"name\" reads what people write"),
        (japanese, "of = \"device\"\nkind = \"address\"", "a list of kind \"address\" is of \"address\""),
        (japanese, "of = \"address\"\nkind = \"name\"", "a list of kind \"name\" is of \"holder_name\""),
        (japanese, "of = \"address\"\nlevel = \"room\"", "only a list of kind \"address\" has a `level`"),
        (japanese, "of = \"address\"\nkind = \"address\"\nlevel = \"city\"", "there is no `city`"),
        (
            japanese,
            "of = \"address\"\n[[feature]]\nname = \"f\"\nexpression = 'list_level(\"x\", billing_address)'",
            "list_level() is for lists of kind \"address\"",
        ),
    ] {
        let error = policy_of(locale, &of(lines)).unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
    }
}

#[test]
fn a_journal_and_a_snapshot_bring_them_back() {
    let journal = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&journal);
    let engine =
        builder(1).journal(move |frame| sink.lock().unwrap().extend_from_slice(frame)).build().unwrap();
    engine.list_add("homes", TOWER, entry(50)).unwrap();
    engine.list_add("homes", "千葉市美浜区ひび野1-1", entry(50)).unwrap();
    engine.list_remove("homes", "千葉市美浜区ひび野1-1").unwrap();
    let mut members = engine.list_prepare("towers").unwrap();
    members.extend((1..3_000).map(|n| (format!("新宿区西新宿2-{n}-1"), entry(9)))).unwrap();
    members.add(ROOM, &entry(9)).unwrap();
    members.add(ROOM, &entry(8)).unwrap();
    assert_eq!((members.len(), engine.list_load(members).unwrap()), (3_001, 3_000));
    let mut members = engine.list_prepare("people").unwrap();
    members.add("ヤマダ タロウ", &entry(70)).unwrap();
    engine.list_swap(members, "people 1").unwrap();
    // The key is replaced; what an event says as the list has it comes over, and so do beginnings of numbers.
    engine.list_add("phones", "050", entry(1)).unwrap();
    engine.rotate(key(2)).unwrap();
    let answers = |engine: &Engine| {
        let names = ["ﾔﾏﾀﾞﾀﾛｳ", "ヤマダ ジロウ"].map(|name| score(engine, "holder_name", name));
        (homes(engine), names, score(engine, "phone", "05011112222"))
    };
    let expected = ([650, 600, 550, 400], [70, 0], 1);
    // A snapshot from before anything was asked, one from behind, and the journal.
    let before = snapshot(&engine);
    assert_eq!(answers(&engine), expected);
    let restore = |bytes: &[u8]| builder(2).previous_key(key(1)).restore(bytes).unwrap();
    let recovered = builder(2).previous_key(key(1)).build().unwrap();
    assert!(recovered.recover(&*journal.lock().unwrap().clone()).unwrap().is_complete());
    for again in [restore(&before), restore(&snapshot(&engine)), recovered] {
        for list in ["homes", "towers", "people", "phones"] {
            assert_eq!(again.list_version(list).unwrap(), engine.list_version(list).unwrap());
            assert_eq!(again.list_len(list).unwrap(), engine.list_len(list).unwrap(), "{list}");
        }
        assert_eq!(answers(&again), expected);
    }

    for bytes in [snapshot(&engine), journal.lock().unwrap().clone()] {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(["西新宿", "ハイツ", "ヤマダ", "405"].iter().all(|raw| !text.contains(raw)));
    }

    // The tower was only met in its rooms: it goes with the key, and so do the others in the town.
    assert_eq!(engine.retire_key(), 1 + 2_998);
    assert_eq!(answers(&engine), ([600, 600, 500, 400], [70, 0], 1));
    let recovered = builder(2).previous_key(key(1)).build().unwrap();
    assert!(recovered.recover(&*journal.lock().unwrap().clone()).unwrap().is_complete());
    assert_eq!(answers(&recovered), answers(&engine));
    assert_eq!(recovered.list_len("towers").unwrap(), engine.list_len("towers").unwrap());
}

#[test]
fn bundles_of_addresses() {
    let (first, second) = (builder(1).build().unwrap(), builder(2).build().unwrap());
    let sealed = |engine: &Engine, severity: u8, source: &str| {
        let mut members = engine.list_prepare("shared_homes").unwrap();
        members.add(ROOM, &entry(severity).source(source)).unwrap();
        members.add("新宿区西新宿2-8-2", &entry(5)).unwrap();
        engine.list_seal(&members).unwrap()
    };
    let bundles = [sealed(&first, 30, "first"), sealed(&second, 40, "second")];
    let readable = String::from_utf8_lossy(&bundles[0]).into_owned();
    assert!(!readable.contains("新宿") && !readable.contains("405") && readable.contains("first"));
    for order in [[0, 1], [1, 0]] {
        let mut all = first.list_prepare("shared_homes").unwrap();
        for bundle in order {
            all.merge(first.list_open("shared_homes", &bundles[bundle]).unwrap()).unwrap();
        }
        assert_eq!(first.list_swap(all, "merged").unwrap(), 2);
        assert_eq!(homes(&first), [40, 40, 0, 0]);
    }
    let error = first.list_open("homes", &bundles[0]).unwrap_err().to_string();
    assert!(error.contains("sealed with key 70"), "{error}");
    first.rotate(key(3)).unwrap();
    assert_eq!(homes(&first), [40, 40, 0, 0]);
    first.retire_key();
    assert_eq!(homes(&first), [40, 40, 0, 0]);
}

#[test]
fn labels_and_denials_put_them_on_lists_and_forgetting_takes_them_off() {
    let engine = builder(1).build().unwrap();
    let bad = event(&[("shipping_address", ROOM), ("holder_name", "ヤマダ タロウ"), ("id", "e-1")])
        .with("amount_minor", 5_000)
        .unwrap();
    assert_eq!(engine.assess(&bad).unwrap().action(), sekisho::Action::Deny);
    assert_eq!(score(&engine, "holder_name", "やまだ　たろう"), 40);
    assert!(engine.label(&bad, Label::Fraud, NOW).unwrap());
    assert_eq!(homes(&engine), [60, 60, 0, 0]);
    // Of the host's own word, the more severe stays.
    engine.list_add("homes", ROOM, entry(90)).unwrap();
    assert!(engine.label(&bad, Label::Fraud, NOW + 1).unwrap());
    assert_eq!((homes(&engine)[0], engine.list_version("homes").unwrap().number), (90, 2));
    // What cannot be on such a list is not put there.
    for (id, address) in [("e-2", "サンハイツ405"), ("e-3", "東京都新宿区西新宿")] {
        let vague =
            event(&[("shipping_address", address), ("holder_name", "-"), ("id", id), ("label", "fraud")]);
        assert!(engine.record(&vague).unwrap());
    }
    assert_eq!((engine.list_len("homes").unwrap(), engine.list_len("people").unwrap()), (1, 1));
    // An event under the key that replaces the present one brings them over.
    engine.rotate(key(2)).unwrap();
    engine.assess(&event(&[("shipping_address", ROOM), ("holder_name", "ﾔﾏﾀﾞﾀﾛｳ")])).unwrap();
    engine.retire_key();
    assert_eq!((homes(&engine), score(&engine, "holder_name", "ヤマダ タロウ")), ([90, 90, 0, 0], 40));

    engine.list_add("shared_homes", ROOM, entry(7)).unwrap();
    assert!(
        engine.forget("address", ROOM).unwrap() && engine.forget("holder_name", "ヤマダ タロウ").unwrap()
    );
    assert_eq!((homes(&engine), score(&engine, "holder_name", "ヤマダ タロウ")), ([0; 4], 0));
    assert!(!engine.forget("address", "サンハイツ405").unwrap());
}
