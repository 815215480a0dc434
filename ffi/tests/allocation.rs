//! Filling an event and scoring it through the C ABI allocates nothing once the memory is warm.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho_ffi::*;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller states.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller states.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller states.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn made<T>(make: impl FnOnce(Option<&mut MaybeUninit<Box<T>>>) -> sekisho_status) -> Box<T> {
    let mut place = MaybeUninit::uninit();
    assert_eq!(make(Some(&mut place)), sekisho_status::Ok);
    // SAFETY: success writes the handle.
    unsafe { place.assume_init() }
}

fn set(event: &mut sekisho_event, field: sekisho_field, text: &str) {
    // SAFETY: the pair names the text's own bytes.
    let status = unsafe {
        sekisho_event_set_text(Some(event), field as u16, text.as_ptr().cast::<c_char>(), text.len())
    };
    assert_eq!(status, sekisho_status::Ok);
}

fn parsed(text: &str) -> Box<sekisho_policy> {
    made(|place| {
        // SAFETY: the pairs name the text's own bytes, and nothing.
        unsafe {
            let pointer = text.as_ptr().cast();
            sekisho_policy_parse(pointer, text.len(), std::ptr::null(), 0, place, None)
        }
    })
}

#[test]
fn the_hot_path_allocates_nothing() {
    let text = include_str!("../../examples/policies/wallet.toml");
    let policy = parsed(text);
    let key = [7u8; 32];
    // SAFETY: the pair names the key's own bytes.
    let engine = made(|place| unsafe { sekisho_engine_new(Some(&policy), 1, key.as_ptr(), 32, place, None) });
    let mut event = made(|place| sekisho_event_new(Some(&policy), place));
    let mut decision = made(|place| sekisho_decision_new(place));

    let ids: Vec<String> = (0..200).map(|n| format!("e-{n:03}")).collect();
    let fill = |event: &mut sekisho_event, n: usize| {
        sekisho_event_clear(Some(event));
        set(event, sekisho_field::Id, &ids[n]);
        set(event, sekisho_field::Type, "transfer");
        let time = 1_793_581_200_000 + 60_000 * n as i64;
        sekisho_event_set_integer(Some(event), sekisho_field::Time as u16, time);
        set(event, sekisho_field::Account, "a-1");
        set(event, sekisho_field::Device, "d-1");
        set(event, sekisho_field::Ip, "203.0.113.7");
        set(event, sekisho_field::Payee, "p-1");
        set(event, sekisho_field::Currency, "JPY");
        sekisho_event_set_integer(Some(event), sekisho_field::AmountMinor as u16, 5_000);
    };
    let mut count = |tried: bool| {
        let mut before = 0;
        for n in 0..200 {
            if n == 100 {
                before = COUNT.get();
            }
            fill(&mut event, n);
            let (engine, event, decision) = (Some(&*engine), Some(&mut *event), Some(&mut *decision));
            let status = match n {
                0..100 => sekisho_engine_assess(engine, event, decision),
                _ => sekisho_engine_score(engine, event, decision),
            };
            assert_eq!(status, sekisho_status::Ok);
        }
        let decision = Some(&*decision);
        assert_ne!(sekisho_decision_action(decision), sekisho_action::None);
        let challenger = sekisho_decision_challenger(decision);
        assert_eq!(challenger.is_some(), tried);
        assert_eq!(sekisho_decision_score(challenger) >= 0, tried);
        COUNT.get() - before
    };
    let alone = count(false);
    let challenger = parsed(&text.replace("over = \"1h\"", "over = \"2h\""));
    let status = sekisho_engine_challenge_with(Some(&engine), Some(&challenger), None, None);
    assert_eq!(status, sekisho_status::Ok);
    let beside_another = count(true);

    sekisho_decision_free(Some(decision));
    sekisho_event_free(Some(event));
    sekisho_engine_free(Some(engine));
    sekisho_policy_free(Some(challenger));
    sekisho_policy_free(Some(policy));
    assert_eq!((alone, beside_another), (0, 0), "allocations while 100 events were scored");
}
