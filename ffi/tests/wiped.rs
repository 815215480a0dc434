//! No memory that is let go of holds an identifier: what hashing and comparing them needs is wiped, and so is an event.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use sekisho::locale::{match_addresses, match_names};
use sekisho::{Decision, Engine, Event, HashKey, Label, ListEntry, Outcome, Policy};

/// Fields and what they hold, the second time so long that an event's memory has to become larger. Where a text has a
/// form of its own, what is looked for is a part of both.
const EVENTS: [&[(&str, &str)]; 2] = [
    &[
        ("id", "e-sorrow-1"),
        ("account", "hanako-sorrow"),
        ("device", "device-sorrow"),
        ("ip", "203.113.97.51"),
        ("card", "4111 1111 1111 1111"),
        ("email", "hanako.sorrow@example.jp"),
        ("phone", "090-8765-4321"),
        ("bank_account", "14030-76543211"),
        ("holder_name", "スズキ　ハナコ"),
        ("account.holder_name", "すずき 花子"),
        ("shipping_address", "東京都新宿区西新宿二丁目８番１号 さくら荘405号室"),
        ("billing_address", "新宿区西新宿2-8-1 さくら荘405"),
    ],
    &[
        ("id", "e-sorrow-2-and-much-longer-than-the-first-one-was"),
        ("account", "hanako-sorrow-and-much-longer-than-the-first-one-was-so-that-there-is-no-room"),
        ("device", "device-sorrow-and-much-longer-than-the-first-one-was-so-that-there-is-no-room"),
        ("ip", "2001:db8:1234:5678:9abc:def0:1357:2468"),
        ("card", "5555-5555-5555-4444"),
        ("email", "hanako.sorrow+and.much.longer.than.the.first.one.was@mail.example.jp"),
        ("phone", "+81 90 8765 4321"),
        ("bank_account", "ゆうちょ銀行 記号14030 番号76543211"),
        ("holder_name", "ｽｽﾞｷ ﾊﾅｺ"),
        ("account.holder_name", "鈴木花子"),
        ("shipping_address", "〒163-8001 東京都新宿区西新宿２－８－１　サンハイツさくら第二号館 405号室"),
        ("billing_address", "東京都新宿区西新宿2-8-1サンハイツさくら第2号館405号室"),
    ],
];

/// What is looked for, in the case that it is stored and compared in: as text, and as characters of four bytes.
const SOUGHT: [&str; 13] = [
    "sorrow",
    "SORROW",
    "4111111111111111",
    "5555555555554444",
    "87654321",
    "7654321",
    "スズキ",
    "すずき",
    "ｽｽﾞｷ",
    "花子",
    "西新宿",
    "さくら",
    "サクラ",
];
/// The same as bytes: addresses, and the middle of each key.
const OCTETS: [&[u8]; 3] = [
    &[203, 113, 97, 51],
    &[0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0],
    b"that nobody may find",
];

/// How often each was found, the bytes last.
static FOUND: [AtomicU32; SOUGHT.len() + OCTETS.len()] =
    [const { AtomicU32::new(0) }; SOUGHT.len() + OCTETS.len()];
static SEARCHED: AtomicU64 = AtomicU64::new(0);

fn holds(memory: &[u8], text: &str) -> bool {
    let wide = |at: usize| {
        let mut characters = text.chars().enumerate();
        characters.all(|(number, c)| {
            memory.get(at + 4 * number..at + 4 * number + 4) == Some(&u32::from(c).to_le_bytes())
        })
    };
    memory.windows(text.len()).any(|window| window == text.as_bytes())
        || (0..memory.len()).step_by(4).any(wide)
}

struct Searching;

/// Bytes that are searched at a time, and how far the next piece goes back.
const PIECE: usize = 1 << 14;
const OVERLAP: usize = 256;

/// Searches memory that is about to be let go of.
unsafe fn search(pointer: *mut u8, length: usize) {
    SEARCHED.fetch_add(1, Ordering::Relaxed);
    let mut copy = [0u8; PIECE];
    for start in (0..length).step_by(PIECE - OVERLAP) {
        let memory = &mut copy[..(length - start).min(PIECE)];
        for (at, byte) in memory.iter_mut().enumerate() {
            // SAFETY: the block has that many bytes, and all of them were zero at first.
            *byte = unsafe { pointer.add(start + at).read_volatile() };
        }
        let texts = SOUGHT.iter().map(|text| holds(memory, text));
        let bytes = OCTETS.iter().map(|octets| memory.windows(octets.len()).any(|window| window == *octets));
        for (found, count) in texts.chain(bytes).zip(&FOUND) {
            count.fetch_add(found.into(), Ordering::Relaxed);
        }
    }
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller states. What was there before is somebody else's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller states.
        unsafe {
            search(pointer, layout.size());
            System.dealloc(pointer, layout);
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller states; it always moves, as it may.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(pointer, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            new
        }
    }
}

#[global_allocator]
static ALLOCATOR: Searching = Searching;

/// What was found since the last time: its number, and how often. (Its name would be found again.)
fn found() -> Vec<(usize, u32)> {
    let counts = FOUND.iter().map(|count| count.swap(0, Ordering::Relaxed));
    counts.enumerate().filter(|(_, count)| *count > 0).collect()
}

fn key(number: u8) -> HashKey {
    let mut secret = *b"a secret that nobody may find ..";
    secret[31] = number;
    HashKey::new(number.into(), secret)
}

fn set(event: &mut Event, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        let field = event.schema().field(name).unwrap();
        event.set(field, *value).unwrap();
    }
}

fn event(engine: &Engine, fields: &[(&str, &str)], time: i64) -> Event {
    let mut event = engine.event();
    event.set(sekisho::Field::TYPE, "account_link").unwrap();
    event.set(sekisho::Field::TIME, time).unwrap();
    set(&mut event, fields);
    event
}

#[test]
fn nothing_is_left_of_identifiers() {
    const NOW: i64 = 1_793_581_200_000;
    let policy = Policy::from_toml(include_str!("../../examples/policies/identities.toml")).unwrap();
    let engine = Engine::builder(policy, key(1)).build().unwrap();
    let mut left = Vec::new();
    let mut step = |name: &str, work: &mut dyn FnMut()| {
        work();
        left.extend(found().into_iter().map(|(sought, count)| (name.to_owned(), sought, count)));
    };

    step("a policy", &mut || _ = found());
    step("the search itself", &mut || {
        drop(black_box(String::from("hanako-sorrow")));
        let characters: Vec<char> = "すずき 花子".chars().collect();
        drop(black_box(characters));
        OCTETS.iter().for_each(|octets| drop(black_box(octets.to_vec())));
        let found: Vec<usize> = found().into_iter().map(|(sought, _)| sought).collect();
        assert_eq!(found, [0, 7, 9, 13, 14, 15], "the search finds what is there");
    });
    step("an event", &mut || {
        EVENTS.iter().for_each(|fields| drop(event(&engine, fields, NOW)));
    });
    step("an event that is copied", &mut || {
        drop(event(&engine, EVENTS[0], NOW).clone());
    });
    step("an event that is reused", &mut || {
        let mut event = event(&engine, EVENTS[0], NOW);
        event.clear();
        set(&mut event, EVENTS[1]);
        set(&mut event, EVENTS[0]);
        event.unset(sekisho::Field::IP);
    });
    step("an event that is overwritten for ever", &mut || {
        let mut event = event(&engine, EVENTS[0], NOW);
        (0..3_000).for_each(|round| set(&mut event, EVENTS[round % 2]));
    });
    step("calls", &mut || {
        let mut decision = Decision::detailed();
        for (turn, fields) in (0..).zip(EVENTS) {
            let event = event(&engine, fields, NOW + turn);
            engine.assess_into(&event, &mut decision).unwrap();
            drop(decision.record(&event).unwrap());
            drop(decision.explain(&event));
            engine.score(&event).unwrap();
            engine.resolve(&event, Outcome::Failed).unwrap();
            engine.label(&event, Label::Fraud, NOW + 10).unwrap();
        }
    });
    step("lists", &mut || {
        let lists = [("drop_addresses", "shipping_address"), ("fraudster_names", "holder_name")];
        for (list, field) in lists {
            let mut prepared = engine.list_prepare(list).unwrap();
            for fields in EVENTS {
                let (_, member) = fields.iter().find(|(name, _)| *name == field).unwrap();
                engine.list_add(list, member, ListEntry::new()).unwrap();
                prepared.add(member, &ListEntry::new()).unwrap();
                engine.list_remove(list, member).unwrap();
            }
            engine.list_load(prepared).unwrap();
        }
        EVENTS.iter().for_each(|fields| drop(engine.score(&event(&engine, fields, NOW + 20)).unwrap()));
    });
    step("lists of other kinds", &mut || {
        let mut text = String::from(
            "[policy]\nname = \"lists\"\nversion = \"1\"\ncurrency = \"JPY\"\nlocale = \"ja\"\n",
        );
        let lists = [
            ("exact", "email", "email", "hanako.sorrow@example.jp"),
            ("exact", "card", "card", "4111111111111111"),
            ("exact", "bank_account", "bank_account", "14030-76543211"),
            ("prefix", "phone", "phone", "0908765"),
            ("prefix", "account", "account", "hanako-sorrow"),
            ("domain", "email", "email", "sorrow.example.jp"),
            ("cidr", "ip", "ip", "203.113.97.0/24"),
        ];
        for (number, (kind, of, field, _)) in lists.iter().enumerate() {
            text += &format!(
                "[[list]]\nname = \"l{number}\"\nof = \"{of}\"\nkind = \"{kind}\"\n[[rule]]\nid = \"r{number}\"\n\
                 when = 'in_list(\"l{number}\", {field})'\npoints = 1\n"
            );
        }
        text += "[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
        let policy = Policy::from_toml(&text).unwrap();
        let engine = Engine::builder(policy, key(1)).build().unwrap();
        let mut hits = 0;
        for is_rotated in [false, true] {
            if is_rotated {
                engine.rotate(key(2)).unwrap();
            }
            for (number, (.., member)) in lists.iter().enumerate() {
                engine.list_add(&format!("l{number}"), member, ListEntry::new()).unwrap();
            }
            for fields in EVENTS {
                let event = event(&engine, fields, NOW);
                hits += engine.assess(&event).unwrap().score();
                drop(engine.forget("email", "hanako.sorrow@example.jp"));
            }
        }
        assert!(hits > 5, "{hits}");
    });
    step("keys", &mut || {
        let policy = Policy::from_toml(include_str!("../../examples/policies/identities.toml")).unwrap();
        let builder = || {
            let builder = Engine::builder(policy.clone(), key(1));
            (1..20).fold(builder, |builder, number| builder.shared_key(&format!("key {number}"), key(number)))
        };
        let engine = builder().build().unwrap();
        engine.assess(&event(&engine, EVENTS[0], NOW)).unwrap();
        for number in 2..6 {
            engine.rotate(key(number)).unwrap();
            engine.swap(policy.clone()).unwrap();
            engine.retire_key();
        }
        let mut bytes = Vec::new();
        engine
            .snapshot(|piece| {
                bytes.extend_from_slice(piece);
                Ok::<(), Infallible>(())
            })
            .unwrap();
        drop(engine);
        drop(Engine::builder(policy.clone(), key(5)).previous_key(key(4)).restore(&*bytes).unwrap());
        drop(Engine::builder(policy.clone(), key(3)).restore(&*bytes));
        drop(builder());
    });
    step("comparisons", &mut || {
        for (one, other) in EVENTS[0].iter().zip(EVENTS[1]) {
            let _ = black_box(match_names(one.1, other.1));
            let _ = black_box(match_addresses(one.1, other.1));
        }
    });
    step("refused", &mut || {
        let mut event = engine.event();
        for (name, value) in EVENTS.iter().copied().flatten() {
            let field = event.schema().field(name).unwrap();
            let long: &'static str = value.repeat(40).leak();
            drop(event.set_parsed(field, long));
        }
    });
    step("forgetting", &mut || {
        for (name, id) in EVENTS.iter().copied().flatten() {
            drop(engine.forget(name, id));
        }
    });
    assert!(left.is_empty(), "let go of: {left:#?}");
    assert!(SEARCHED.load(Ordering::Relaxed) > 1_000);
}
