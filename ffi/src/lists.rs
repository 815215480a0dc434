//! Members of a list, many at once.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use sekisho::{ListEntry, PreparedList};

use crate::engine::{out_of_range, sekisho_engine};
use crate::error::sekisho_error;
use crate::host::{Sink, sekisho_write};
use crate::raw::{self, Failure, free, reported, required};
use crate::status::sekisho_status;

/// Members that are gathered for a list, while the engine goes on scoring.
///
/// Owned by the caller, freed with sekisho_members_free. One thread may use it at a time.
#[derive(Debug)]
pub struct sekisho_members {
    /// None once they are loaded.
    members: Option<PreparedList>,
}

impl sekisho_members {
    fn of(members: PreparedList) -> Box<sekisho_members> {
        Box::new(sekisho_members { members: Some(members) })
    }
}

/// What was not loaded yet.
fn there<T>(members: Option<T>) -> Result<T, Failure> {
    members.ok_or_else(|| Failure::new(sekisho_status::NotFound, "`members`: they were loaded already"))
}

/// Takes members to load them, unless they would be refused.
fn taken(engine: &sekisho_engine, members: &mut sekisho_members) -> Result<PreparedList, Failure> {
    engine.engine.list_accepts(there(members.members.as_ref())?)?;
    there(members.members.take())
}

/// What a list says of a member.
pub(crate) fn entry(severity: u8, reason: &str, source: &str, expires: i64) -> Result<ListEntry, Failure> {
    if expires < 0 {
        return Err(out_of_range("expires", expires, "milliseconds since 1970, or 0 for never"));
    }
    let entry = ListEntry::new().severity(severity).reason(reason).source(source);
    Ok(if expires > 0 { entry.expires(expires) } else { entry })
}

/// Puts an identifier (or, on a cidr list, a network or address) on a list, or changes its entry, and says why.
///
/// As sekisho_engine_list_add; `reason` says why it is listed, and may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_add_with_reason(
    engine: Option<&sekisho_engine>,
    list: *const c_char,
    list_length: usize,
    member: *const c_char,
    member_length: usize,
    severity: u8,
    reason: *const c_char,
    reason_length: usize,
    source: *const c_char,
    source_length: usize,
    expires: i64,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let engine = required(engine, "engine")?;
        // SAFETY: the caller states that all four pairs name readable bytes.
        let (list, member, reason, source) = unsafe {
            (
                raw::text(list, list_length, "list")?,
                raw::text(member, member_length, "member")?,
                raw::text(reason, reason_length, "reason")?,
                raw::text(source, source_length, "source")?,
            )
        };
        Ok(engine.engine.list_add(list, member, entry(severity, reason, source, expires)?)?)
    })
}

/// Begins to gather members for a list. They are written to `members` and belong to the caller.
///
/// SEKISHO_STATUS_UNKNOWN_NAME for a list that the policy does not name. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_prepare(
    engine: Option<&sekisho_engine>,
    list: *const c_char,
    list_length: usize,
    members: Option<&mut MaybeUninit<Box<sekisho_members>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (engine, place) = (required(engine, "engine")?, required(members, "members")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let list = unsafe { raw::text(list, list_length, "list")? };
        place.write(sekisho_members::of(engine.engine.list_prepare(list)?));
        Ok(())
    })
}

/// Frees members. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_members_free(members: Option<Box<sekisho_members>>) {
    free(members);
}

/// Adds an identifier or, for a cidr list, a network or address. Of several that are the same the last counts.
///
/// `severity`, `source` and `expires` as in sekisho_engine_list_add; `reason` says why it is listed, and may be NULL.
/// SEKISHO_STATUS_NOT_FOUND when the members were loaded already, and the statuses of sekisho_engine_list_add. `error`
/// may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_members_add(
    members: Option<&mut sekisho_members>,
    member: *const c_char,
    member_length: usize,
    severity: u8,
    reason: *const c_char,
    reason_length: usize,
    source: *const c_char,
    source_length: usize,
    expires: i64,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let members = there(required(members, "members")?.members.as_mut())?;
        // SAFETY: the caller states that all three pairs name readable bytes.
        let (member, reason, source) = unsafe {
            (
                raw::text(member, member_length, "member")?,
                raw::text(reason, reason_length, "reason")?,
                raw::text(source, source_length, "source")?,
            )
        };
        Ok(members.add(member, &entry(severity, reason, source, expires)?)?)
    })
}

/// Takes in what somebody else gathered for the same list. Of a member that both have, the more severe entry stays, of
/// two that are as severe the one that lasts longer. `other` is empty from then on; when both are the same, nothing
/// changes.
///
/// SEKISHO_STATUS_KEY when they are for another list or were hashed with another key: then `other` stays as it is.
/// `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_members_merge(
    members: *mut sekisho_members,
    other: *mut sekisho_members,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        // SAFETY: the caller states that both are members which nobody else uses.
        let (members, other) = unsafe { raw::both((members, "members"), (other, "other"))? };
        let members = there(members.members.as_mut())?;
        // Who has them already has them all.
        let Some(other) = other else { return Ok(()) };
        members.merge(there(other.members.as_ref())?)?;
        other.members = None;
        Ok(())
    })
}

/// Adds the members to their list, some ten thousand at a time. `more` says how many the list has more than before; it
/// may be NULL, as may `error`. The members are empty from then on.
///
/// SEKISHO_STATUS_UNKNOWN_NAME when another policy is in force that does not name the list, SEKISHO_STATUS_KEY when
/// they were hashed with another key or it was replaced since: then the members stay as they are, unless that happens
/// while they are loaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_load(
    engine: Option<&sekisho_engine>,
    members: Option<&mut sekisho_members>,
    more: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let engine = required(engine, "engine")?;
        let loaded = engine.engine.list_load(taken(engine, required(members, "members")?)?)?;
        more.into_iter().for_each(|place| _ = place.write(loaded));
        Ok(())
    })
}

/// Puts the members in the place of all that their list has, at once: whoever scores meanwhile sees the ones or the
/// others, and waits for nothing. `name` is what the host calls them. `count` says how many the list has now; it may be
/// NULL, as may `error`. The members are empty from then on. The statuses are those of sekisho_engine_list_load.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_swap(
    engine: Option<&sekisho_engine>,
    members: Option<&mut sekisho_members>,
    name: *const c_char,
    name_length: usize,
    count: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (engine, members) = (required(engine, "engine")?, required(members, "members")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let name = unsafe { raw::text(name, name_length, "name")? };
        let swapped = engine.engine.list_swap(taken(engine, members)?, name)?;
        count.into_iter().for_each(|place| _ = place.write(swapped));
        Ok(())
    })
}

/// Which version a list has: what it was called when it was last swapped, as by sekisho_decision_explain, and how often
/// it changed. `number` and `error` may be NULL.
///
/// SEKISHO_STATUS_UNKNOWN_NAME for a list that the policy does not name, SEKISHO_STATUS_BUFFER_TOO_SMALL when `name`
/// holds fewer bytes than are written to `length`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_version(
    engine: Option<&sekisho_engine>,
    list: *const c_char,
    list_length: usize,
    name: *mut c_char,
    capacity: usize,
    length: Option<&mut MaybeUninit<usize>>,
    number: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let engine = required(engine, "engine")?;
        // SAFETY: the caller states that the pair names readable bytes.
        let version = engine.engine.list_version(unsafe { raw::text(list, list_length, "list")? })?;
        // SAFETY: the caller states that the buffer holds so many bytes.
        unsafe { raw::fill(&version.name, name, capacity, length)? };
        number.into_iter().for_each(|place| _ = place.write(version.number));
        Ok(())
    })
}

/// Writes what was gathered as bytes that others who have the list's key can open with sekisho_engine_list_open. No
/// identifier can be read from them; whoever has the key can try whether a certain one is among them.
///
/// SEKISHO_STATUS_OUT_OF_RANGE for a cidr list, whose networks could be read, SEKISHO_STATUS_HOST when `write` fails.
/// `context` is handed to `write`. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_seal(
    engine: Option<&sekisho_engine>,
    members: Option<&sekisho_members>,
    write: sekisho_write,
    context: *mut c_void,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (engine, write) = (required(engine, "engine")?, required(write, "write")?);
        let members = there(required(members, "members")?.members.as_ref())?;
        let bytes = engine.engine.list_seal(members)?;
        Sink { write, context }.write(&bytes).map_err(|failed| Failure::new(sekisho_status::Host, failed))
    })
}

/// Opens what was sealed for a list. The members are written to `members` and belong to the caller.
///
/// SEKISHO_STATUS_DAMAGED for bytes that are no bundle, are cut off or changed, were sealed with another key or for
/// another kind of list. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_open(
    engine: Option<&sekisho_engine>,
    list: *const c_char,
    list_length: usize,
    bytes: *const u8,
    bytes_length: usize,
    members: Option<&mut MaybeUninit<Box<sekisho_members>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (engine, place) = (required(engine, "engine")?, required(members, "members")?);
        // SAFETY: the caller states that both pairs name readable bytes.
        let (list, bytes) =
            unsafe { (raw::text(list, list_length, "list")?, raw::bytes(bytes, bytes_length, "bytes")?) };
        place.write(sekisho_members::of(engine.engine.list_open(list, bytes)?));
        Ok(())
    })
}
