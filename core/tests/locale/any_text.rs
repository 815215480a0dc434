//! Any text at all is taken, and what is found holds together.

use proptest::prelude::*;
use sekisho::locale::{
    Address, BankAccount, Email, Kind, Name, NameMatch, Phone, Rest, canonical, match_addresses, match_names,
};

/// Text that comes close to what is looked for.
fn text() -> impl Strategy<Value = String> {
    let pieces = [
        "東京都",
        "京都市",
        "新宿区",
        "西多摩郡",
        "瑞穂町",
        "大字",
        "字",
        "六本木",
        "二番町",
        "ケ",
        "が",
        "の",
        "丁目",
        "番",
        "地",
        "号",
        "室",
        "棟",
        "階",
        "F",
        "B",
        "-",
        "ー",
        "〜",
        " ",
        "　",
        "1",
        "12",
        "405",
        "一",
        "十",
        "〇",
        "九千",
        "々",
        "〒",
        "100-0013",
        "日本",
        "ビル",
        "ハイツ",
        "ヴィ",
        "(",
        ")",
        "株式会社",
        "カ)",
        "(カ",
        "シヤ",
        "ﾞ",
        "゛",
        "\u{3099}",
        "\u{309a}",
        "\u{fe00}",
        "\u{e0100}",
        "\u{301}",
        "ヽ",
        "ヾ",
        "+81",
        "090",
        "@",
        ".",
        "+",
        "\"",
        "gmail.com",
        "14030",
        "12345671",
        "9900",
        "408",
        "普通",
        "記号",
        "上る",
        "東入",
        "条",
        "様",
        "方",
        "地下",
        "\0",
        "\u{200b}",
        "𠮷",
        "ﷺ",
    ];
    let piece = prop_oneof![
        4 => prop::sample::select(pieces.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop_oneof![any::<String>(), prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn nothing_panics_and_forms_are_their_own(text in text(), other in text()) {
        for kind in [Kind::BankAccount, Kind::Email, Kind::HolderName, Kind::Phone] {
            if let Some(form) = canonical(kind, &text) {
                prop_assert_eq!(canonical(kind, &form), Some(form.clone()), "{:?} of {:?}", kind, text);
            }
        }
        let address = Address::parse(&text);
        let (a, b) = (match_addresses(&text, &other), match_addresses(&other, &text));
        prop_assert_eq!(a, b, "the order says nothing");
        let own = address.compare(&address);
        prop_assert_eq!(own.rest, Rest::Same, "{:?} is itself", text);
        if canonical(Kind::Address, &text).is_some() {
            prop_assert!(address.city().is_some() && address.number().is_some());
        }
        prop_assert_eq!(match_names(&text, &other), match_names(&other, &text));
        let expected = if Name::parse(&text).is_some() { NameMatch::Match } else { NameMatch::NotComparable };
        prop_assert_eq!(match_names(&text, &text), expected);
        if let Some(name) = Name::parse(&text) {
            let key = name.key();
            prop_assert_eq!(Name::parse(&key).map(|name| name.key()), Some(key), "{:?}", text);
        }
        for shown in [format!("{address:?}"), format!("{:?}", Phone::parse(&text)), format!("{:?}", Email::parse(&text))] {
            prop_assert!(!shown.contains("405") && !shown.contains("gmail"), "{}", shown);
        }
        let _ = BankAccount::parse(&text).map(|account| (account.bank().len(), account.branch().len()));
    }
}

/// What takes long to read if anything does: a hundred kilobytes of one thing.
#[test]
fn long_texts_take_no_longer_than_they_are() {
    let pieces = [
        "1",
        "一",
        "十",
        "〇",
        "-",
        " ",
        "ー",
        "の",
        "大字",
        "字",
        "郡",
        "市",
        "町",
        "東京都",
        "丁目",
        "番",
        "番地",
        "1番",
        "号",
        "棟",
        "A",
        "A ",
        "1F",
        "地下",
        "ハイツ",
        "ビルディング",
        "株式会社",
        "(",
        "(株",
        "(カ",
        "カ)",
        "シヤ",
        "ﾞ",
        "\u{3099}",
        "\u{301}\u{316}",
        "ヽ",
        "々",
        "様",
        "方",
        "@",
        ".",
        "a.",
        "+",
        "ﷺ",
        "\u{e0100}",
        "上る",
        "東入",
        "一の",
        "1-",
        "10-",
        "三ー",
    ];
    for piece in pieces {
        for head in ["", "東京都新宿区", "京都市中京区", "東京都新宿区西新宿2-8-1 "] {
            let text = head.to_owned() + &piece.repeat(100_000 / piece.len());
            for kind in [Kind::Address, Kind::BankAccount, Kind::Email, Kind::HolderName, Kind::Phone] {
                let _ = canonical(kind, &text);
            }
            assert_eq!(match_addresses(&text, &text).rest, Rest::Same, "{piece}");
        }
    }
}

/// What is left of a name that is longer than a transfer has room for is read as it stands.
#[test]
fn forms_of_long_names_are_their_own() {
    for text in ["+81\u{fdfa}100-0013株式会社ビル", "14030\u{fdfa}ビル\u{40000}F株式会社ヽ"] {
        let form = canonical(Kind::HolderName, text);
        assert!(form.is_some(), "{text}");
        assert_eq!(form.as_deref().and_then(|form| canonical(Kind::HolderName, form)), form, "{text}");
    }
}

/// A mark that repeats a kanji, and the kanji that it repeats, count alike, whoever knows the kanji; a vowel that is a
/// mark does not count, as it is left out.
#[test]
fn forms_of_rare_marks_are_their_own() {
    let vowel = "東京都様\u{11f34}";
    for text in ["東京都様\u{3347a}々", "様\u{3347a}様", "\u{3347a}々(株", "株式会社\u{2fffe}々", vowel]
    {
        let form = canonical(Kind::HolderName, text);
        assert!(form.is_some(), "{text}");
        assert_eq!(form.as_deref().and_then(|form| canonical(Kind::HolderName, form)), form, "{text}");
    }
}

/// Of text that no name is as long as the beginning is read, however it is cut.
#[test]
fn forms_of_text_that_no_name_is_are_their_own() {
    let pieces = [
        "(",
        "山",
        "様",
        "ガ",
        "ﾞ",
        "A ",
        "\u{fdfa}",
        "株式会社",
        "(株)",
        "(シユウ",
        "\u{3347a}々",
        "e\u{301}",
    ];
    for head in ["", "宗)", "(宗)", "山(宗)", "A(財)", "㈱"] {
        for piece in pieces {
            for tail in ["", "様", "様様", "(宗", "(財)", "株式会社", "山"] {
                for length in 180..206 {
                    let middle: String = piece.chars().cycle().take(length).collect();
                    let text = [head, &middle, tail].concat();
                    let form = canonical(Kind::HolderName, &text);
                    let again = form.as_deref().map(|form| canonical(Kind::HolderName, form));
                    assert_eq!(again, form.clone().map(Some), "{text}");
                    let key = Name::parse(&text).map(|name| name.key());
                    let again = key.as_deref().and_then(Name::parse).map(|name| name.key());
                    assert_eq!(again, key, "{text}");
                }
            }
        }
    }
}
