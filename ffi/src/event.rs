//! Events: filled by field number, cleared and reused.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho::{DecisionRecord, Event, Field, FieldValue};

use crate::error::sekisho_error;
use crate::policy::sekisho_policy;
use crate::raw::{self, Failure, bare, free, lend, on_event, reported, required};
use crate::status::sekisho_status;

/// One thing that happened or is being authorized.
///
/// Owned by the caller, freed with sekisho_event_free, which wipes its identifiers. For one thread at a time.
/// Clear it and use it again: after a few rounds setting its fields allocates nothing.
///
/// Every call that takes an event and may change it leaves a message in it when it fails: see
/// sekisho_event_error.
#[derive(Debug)]
pub struct sekisho_event {
    pub(crate) event: Event,
    pub(crate) failure: Option<Failure>,
}

/// Sets a field by its number; on failure it keeps the value it had.
fn set(event: Option<&mut sekisho_event>, field: u16, value: FieldValue<'_>) -> sekisho_status {
    on_event(event, |event| {
        let field = event.event.schema().field_of_number(field)?;
        Ok(event.event.set(field, value)?)
    })
}

/// Sets a field from text that is yet to be checked.
///
/// # Safety
/// As [`raw::text`].
unsafe fn set_from(
    event: Option<&mut sekisho_event>,
    field: u16,
    text: *const c_char,
    length: usize,
    set: fn(&mut Event, Field, &str) -> sekisho::Result<()>,
) -> sekisho_status {
    on_event(event, |event| {
        let field = event.event.schema().field_of_number(field)?;
        // SAFETY: the caller's promise is the same.
        let text = unsafe { raw::text(text, length, event.event.schema().name(field))? };
        Ok(set(&mut event.event, field, text)?)
    })
}

/// Makes an empty event with the fields of a policy. It is written to `event` and belongs to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_event_new(
    policy: Option<&sekisho_policy>,
    event: Option<&mut MaybeUninit<Box<sekisho_event>>>,
) -> sekisho_status {
    bare(|| {
        let (policy, place) = (required(policy, "policy")?, required(event, "event")?);
        place.write(Box::new(sekisho_event { event: policy.policy.event(), failure: None }));
        Ok(())
    })
}

/// Makes the event that sekisho_decision_explain wants for a replayed decision: all that the record holds of
/// it, which is everything but its identifiers. It is written to `event` and belongs to the caller.
///
/// SEKISHO_STATUS_RECORD when the record is damaged or does not fit the policy. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_event_from_record(
    policy: Option<&sekisho_policy>,
    json: *const c_char,
    length: usize,
    event: Option<&mut MaybeUninit<Box<sekisho_event>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (policy, place) = (required(policy, "policy")?, required(event, "event")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let json = unsafe { raw::text(json, length, "json")? };
        let event = DecisionRecord::from_json(json)?.event(&policy.policy)?;
        place.write(Box::new(sekisho_event { event, failure: None }));
        Ok(())
    })
}

/// Frees an event and wipes its identifiers. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_event_free(event: Option<Box<sekisho_event>>) {
    free(event);
}

/// Sets a text field, or an identifier. The bytes are copied.
///
/// Refused with a status, and the field keeps its value: another type, invalid UTF-8, empty, too long, a
/// value that the field does not allow, text that holds a card number. A card number in `card` may hold
/// blanks or hyphens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_event_set_text(
    event: Option<&mut sekisho_event>,
    field: u16,
    text: *const c_char,
    length: usize,
) -> sekisho_status {
    // SAFETY: the caller states that the pair names readable bytes.
    unsafe { set_from(event, field, text, length, |event, field, text| event.set(field, text)) }
}

/// Sets an integer field, a time in milliseconds since 1970, a number field, or an identifier that is a
/// number.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_event_set_integer(
    event: Option<&mut sekisho_event>,
    field: u16,
    value: i64,
) -> sekisho_status {
    set(event, field, FieldValue::Integer(value))
}

/// Sets a number field. NaN and infinities are refused.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_event_set_number(
    event: Option<&mut sekisho_event>,
    field: u16,
    value: f64,
) -> sekisho_status {
    set(event, field, FieldValue::Number(value))
}

/// Sets a boolean field.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_event_set_boolean(
    event: Option<&mut sekisho_event>,
    field: u16,
    value: bool,
) -> sekisho_status {
    set(event, field, FieldValue::Boolean(value))
}

/// Sets a field of any kind from text in the form of its kind: for hosts that read files and command lines.
///
/// Integers and numbers in decimal, booleans as `true` or `false`, times as milliseconds or RFC 3339.
/// SEKISHO_STATUS_WRONG_TYPE for text that does not read as the field's kind, and all that
/// sekisho_event_set_text refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_event_set_parsed(
    event: Option<&mut sekisho_event>,
    field: u16,
    text: *const c_char,
    length: usize,
) -> sekisho_status {
    // SAFETY: the caller states that the pair names readable bytes.
    unsafe { set_from(event, field, text, length, Event::set_parsed) }
}

/// Makes a field absent.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_event_unset(event: Option<&mut sekisho_event>, field: u16) -> sekisho_status {
    on_event(event, |event| {
        let field = event.event.schema().field_of_number(field)?;
        event.event.unset(field);
        Ok(())
    })
}

/// Makes every field absent, wipes the identifiers, and keeps the memory for the next event.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_event_clear(event: Option<&mut sekisho_event>) -> sekisho_status {
    on_event(event, |event| {
        event.event.clear();
        Ok(())
    })
}

/// Why the last call with this event failed, in one line: the field, what was found and what is expected,
/// never the value of an identifier. Empty when the last call succeeded.
///
/// The text lives until the next call that takes the event to change it.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_event_error(
    event: Option<&sekisho_event>,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let failure = required(event, "event")?.failure.as_ref();
        lend(failure.map_or("", Failure::message), text, length)
    })
}
