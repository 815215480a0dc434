//! The C ABI as its tests call it.
// Not every test uses all of it.
#![allow(dead_code, unreachable_pub)]

use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho_ffi::{sekisho_status as status, *};

pub const POLICY: &str = include_str!("../../../examples/policies/logins.toml");
pub const NOON: i64 = 1_793_581_200_000;

/// Where a call writes a new handle.
pub type Place<'a, T> = Option<&'a mut MaybeUninit<Box<T>>>;

pub fn made<T>(make: impl FnOnce(Place<'_, T>) -> status) -> Box<T> {
    let mut place = MaybeUninit::uninit();
    assert_eq!(make(Some(&mut place)), status::Ok);
    // SAFETY: success writes the handle.
    unsafe { place.assume_init() }
}

/// The status of a call that must fail, and its error object.
pub fn refused(call: impl FnOnce(Place<'_, sekisho_error>) -> status) -> (status, Box<sekisho_error>) {
    let mut place = MaybeUninit::uninit();
    let found = call(Some(&mut place));
    assert_ne!(found, status::Ok);
    // SAFETY: failure writes the error.
    (found, unsafe { place.assume_init() })
}

/// Text that a call lends.
pub fn lent(
    call: impl FnOnce(Option<&mut MaybeUninit<*const c_char>>, Option<&mut MaybeUninit<usize>>) -> status,
) -> String {
    let (mut pointer, mut length) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    assert_eq!(call(Some(&mut pointer), Some(&mut length)), status::Ok);
    // SAFETY: success writes both, and they name bytes that live as long as the handle.
    let bytes =
        unsafe { std::slice::from_raw_parts(pointer.assume_init().cast::<u8>(), length.assume_init()) };
    String::from_utf8(bytes.to_vec()).expect("the library lends UTF-8")
}

/// Text that a call copies into a buffer, asked for its length first.
pub fn filled(call: impl Fn(*mut c_char, usize, Option<&mut MaybeUninit<usize>>) -> status) -> String {
    let mut length = MaybeUninit::uninit();
    assert_eq!(call(std::ptr::null_mut(), 0, Some(&mut length)), status::BufferTooSmall);
    // SAFETY: this status writes the length.
    let needed = unsafe { length.assume_init() };
    let mut buffer = vec![0u8; needed];
    assert_eq!(call(buffer.as_mut_ptr().cast(), needed - 1, Some(&mut length)), status::BufferTooSmall);
    assert!(buffer.iter().all(|byte| *byte == 0), "nothing is written to a buffer that is too small");
    assert_eq!(call(buffer.as_mut_ptr().cast(), needed, Some(&mut length)), status::Ok);
    assert_eq!(call(buffer.as_mut_ptr().cast(), needed, None), status::NullHandle);
    String::from_utf8(buffer).expect("the library writes UTF-8")
}

pub fn written<T: Copy>(call: impl FnOnce(Option<&mut MaybeUninit<T>>) -> status) -> Result<T, status> {
    let mut place = MaybeUninit::uninit();
    match call(Some(&mut place)) {
        // SAFETY: success writes the place.
        status::Ok => Ok(unsafe { place.assume_init() }),
        failed => Err(failed),
    }
}

pub fn pointer(text: &str) -> *const c_char {
    text.as_ptr().cast()
}

pub fn parse(text: &str, place: Place<'_, sekisho_policy>, error: Place<'_, sekisho_error>) -> status {
    // SAFETY: the pairs name the texts' own bytes.
    unsafe { sekisho_policy_parse(pointer(text), text.len(), pointer("p.toml"), 6, place, error) }
}

pub fn set(event: &mut sekisho_event, field: u16, bytes: &[u8]) -> status {
    // SAFETY: the pair names the bytes.
    unsafe { sekisho_event_set_text(Some(event), field, bytes.as_ptr().cast(), bytes.len()) }
}

pub fn message(event: &sekisho_event) -> String {
    lent(|text, length| sekisho_event_error(Some(event), text, length))
}

pub struct World {
    pub policy: Box<sekisho_policy>,
    pub engine: Box<sekisho_engine>,
    pub event: Box<sekisho_event>,
    pub decision: Box<sekisho_decision>,
}

impl World {
    pub fn new() -> World {
        World::of(POLICY)
    }

    pub fn of(document: &str) -> World {
        let policy = made(|place| parse(document, place, None));
        let key = [7u8; 32];
        // SAFETY: the pair names the key's bytes.
        let engine =
            made(|place| unsafe { sekisho_engine_new(Some(&policy), 1, key.as_ptr(), 32, place, None) });
        let event = made(|place| sekisho_event_new(Some(&policy), place));
        let decision = made(|place| sekisho_decision_new_detailed(place));
        World { policy, engine, event, decision }
    }

    pub fn login(&mut self, n: i64, outcome: &str) {
        let event = &mut *self.event;
        assert_eq!(sekisho_event_clear(Some(event)), status::Ok);
        assert_eq!(set(event, sekisho_field::Id as u16, format!("e-{n}").as_bytes()), status::Ok);
        assert_eq!(set(event, sekisho_field::Type as u16, b"login"), status::Ok);
        assert_eq!(sekisho_event_set_integer(Some(event), sekisho_field::Time as u16, NOON + n), status::Ok);
        assert_eq!(set(event, sekisho_field::Account as u16, format!("a-{n}").as_bytes()), status::Ok);
        assert_eq!(set(event, sekisho_field::Ip as u16, b"203.0.113.7"), status::Ok);
        assert_eq!(set(event, sekisho_field::Device as u16, b"secret-device"), status::Ok);
        assert_eq!(set(event, sekisho_field::Outcome as u16, outcome.as_bytes()), status::Ok);
    }

    pub fn assess(&mut self) -> status {
        sekisho_engine_assess(Some(&self.engine), Some(&mut self.event), Some(&mut self.decision))
    }

    pub fn feature(&self, name: &str) -> usize {
        // SAFETY: the pair names the text's bytes.
        let call = |place: Option<&mut MaybeUninit<usize>>| unsafe {
            sekisho_policy_feature(Some(&self.policy), pointer(name), name.len(), place, None)
        };
        written(call).expect("the policy has it")
    }

    pub fn integer(&self, name: &str) -> Result<i64, status> {
        written(|value| sekisho_decision_feature_integer(Some(&self.decision), self.feature(name), value))
    }
}
