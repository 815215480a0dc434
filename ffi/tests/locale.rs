//! Japanese identities through the C ABI: the corpus of the core's tests, and what C can get wrong.

mod common;

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use common::*;
use sekisho_ffi::{sekisho_status as status, *};

const CASES: &str = include_str!("../../core/tests/locale/cases.tsv");

/// Text of the corpus, in which `\u{...}` is a character by its number.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').expect("a closing brace");
        plain.extend(u32::from_str_radix(number, 16).ok().and_then(char::from_u32));
        plain.push_str(rest);
    }
    plain
}

/// Text that a call fills, or the status with which it refuses.
fn told(
    call: impl Fn(*mut c_char, usize, Option<&mut MaybeUninit<usize>>) -> status,
) -> Result<String, status> {
    let mut length = MaybeUninit::uninit();
    match call(null_mut(), 0, Some(&mut length)) {
        status::BufferTooSmall => Ok(filled(call)),
        refused => Err(refused),
    }
}

fn canonical(kind: sekisho_locale_kind, text: &str) -> Result<String, status> {
    // SAFETY: the pairs name their own bytes.
    told(|buffer, capacity, length| unsafe {
        sekisho_locale_canonical(kind as i32, pointer(text), text.len(), buffer, capacity, length)
    })
}

fn level(text: &str, level: i32) -> String {
    // SAFETY: the pairs name their own bytes.
    let found = told(|buffer, capacity, length| unsafe {
        sekisho_locale_address_level(pointer(text), text.len(), level, buffer, capacity, length)
    });
    found.unwrap_or_else(|refused| {
        assert_eq!(refused, status::NotFound);
        String::new()
    })
}

fn answer(kind: &str, a: &str, b: &str) -> String {
    let refused = |found: Result<String, status>| {
        found.unwrap_or_else(|refused| {
            assert_eq!(refused, status::OutOfRange);
            "refused".to_owned()
        })
    };
    match kind {
        "account" => refused(canonical(sekisho_locale_kind::BankAccount, a)),
        "email" => refused(canonical(sekisho_locale_kind::Email, a)),
        "phone" => {
            // SAFETY: the pair names the text's bytes.
            let class = written(|class| unsafe { sekisho_locale_phone_class(pointer(a), a.len(), class) });
            match (class, canonical(sekisho_locale_kind::Phone, a)) {
                (Ok(class), Ok(phone)) => format!("{phone} {}", format!("{class:?}").to_lowercase()),
                (Err(status::OutOfRange), Err(status::OutOfRange)) => "refused".to_owned(),
                other => panic!("{other:?}"),
            }
        }
        "name_key" => {
            // SAFETY: the pairs name their own bytes.
            let key = told(|buffer, capacity, length| unsafe {
                sekisho_locale_name_key(pointer(a), a.len(), buffer, capacity, length)
            });
            key.unwrap_or_else(|refused| {
                assert_eq!(refused, status::Empty);
                "none".to_owned()
            })
        }
        "name" => {
            // SAFETY: the pairs name their own bytes.
            let found = written(|found| unsafe {
                sekisho_locale_match_names(pointer(a), a.len(), pointer(b), b.len(), found)
            });
            match found.expect("any text is taken") {
                sekisho_name_match::Match => "match",
                sekisho_name_match::Mismatch => "mismatch",
                sekisho_name_match::NotComparable => "not_comparable",
            }
            .to_owned()
        }
        "address" => (1..=6).map(|number| level(a, number)).collect::<Vec<_>>().join("/"),
        "address_match" => {
            let mut rest = MaybeUninit::uninit();
            // SAFETY: the pairs name their own bytes.
            let level = written(|level| unsafe {
                let (a, b) = ((pointer(a), a.len()), (pointer(b), b.len()));
                sekisho_locale_match_addresses(a.0, a.1, b.0, b.1, level, Some(&mut rest))
            });
            // SAFETY: success writes it.
            let rest = unsafe { rest.assume_init() };
            format!("{:?} {rest:?}", level.expect("any text is taken")).to_lowercase()
        }
        entity => {
            let kind = match entity {
                "entity:address" => sekisho_locale_kind::Address,
                "entity:bank_account" => sekisho_locale_kind::BankAccount,
                "entity:email" => sekisho_locale_kind::Email,
                "entity:holder_name" => sekisho_locale_kind::HolderName,
                "entity:phone" => sekisho_locale_kind::Phone,
                other => panic!("{other}"),
            };
            match (canonical(kind, a), canonical(kind, b)) {
                (Ok(a), Ok(b)) if a == b => "same",
                (Ok(_), Ok(_)) => "different",
                _ => "none",
            }
            .to_owned()
        }
    }
}

#[test]
fn hard_cases() {
    let mut cases = 0;
    for line in CASES.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [kind, a, b, expected, reason] = cells[..] else { panic!("{line}") };
        assert_eq!(answer(kind, &unescaped(a), &unescaped(b)), expected, "{kind} {a} {b}: {reason}");
        cases += 1;
    }
    assert!(cases >= 300);
    assert_eq!(level("〒163-8001 東京都新宿区", 7), "1638001");
}

#[test]
fn what_is_no_text_or_not_there_is_a_status() {
    let text = "090-1234-5678";
    let bytes = [0xff_u8; 4];
    let mut class = MaybeUninit::uninit();
    let mut found = MaybeUninit::uninit();
    let (mut level, mut rest) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let mut length = MaybeUninit::uninit();
    // SAFETY: NULL is refused before anything is read, the other pairs name their own bytes.
    unsafe {
        let p = pointer(text);
        assert_eq!(sekisho_locale_phone_class(null(), 3, Some(&mut class)), status::NullHandle);
        assert_eq!(sekisho_locale_phone_class(p, text.len(), None), status::NullHandle);
        assert_eq!(sekisho_locale_phone_class(bytes.as_ptr().cast(), 4, Some(&mut class)), status::Utf8);
        assert_eq!(sekisho_locale_match_names(p, 3, null(), 3, Some(&mut found)), status::NullHandle);
        assert_eq!(sekisho_locale_match_names(p, 3, p, 3, None), status::NullHandle);
        assert_eq!(sekisho_locale_match_addresses(p, 3, p, 3, None, Some(&mut rest)), status::NullHandle);
        assert_eq!(sekisho_locale_match_addresses(p, 3, p, 3, Some(&mut level), None), status::NullHandle);
        assert_eq!(sekisho_locale_canonical(5, p, text.len(), null_mut(), 0, None), status::NullHandle);
        assert_eq!(
            sekisho_locale_canonical(5, null(), 3, null_mut(), 0, Some(&mut length)),
            status::NullHandle
        );
        for kind in [0, 6, -1, i32::MAX] {
            assert_eq!(
                sekisho_locale_canonical(kind, p, text.len(), null_mut(), 0, Some(&mut length)),
                status::OutOfRange
            );
        }
        for level in [0, 8, -1] {
            assert_eq!(
                sekisho_locale_address_level(p, text.len(), level, null_mut(), 0, Some(&mut length)),
                status::NotFound
            );
        }
        assert_eq!(sekisho_locale_name_key(p, 0, null_mut(), 0, Some(&mut length)), status::Empty);
    }
}
