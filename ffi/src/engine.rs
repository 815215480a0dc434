//! The engine: a policy and what is remembered.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::Arc;

use sekisho::{Engine, EngineBuilder, HashKey, Label, Outcome, SwapReport};

use crate::decision::{emptied_unless, sekisho_decision};
use crate::error::sekisho_error;
use crate::event::sekisho_event;
use crate::lists::entry;
use crate::options::sekisho_engine_options;
use crate::policy::sekisho_policy;
use crate::raw::{self, Failure, answer, bare, free, lend, not_found, on_event, reported, required};
use crate::status::sekisho_status;

/// Scores events against a policy and what it remembers.
///
/// Owned by the caller, freed with sekisho_engine_free. All threads may share one engine: calls
/// on different entities do not wait for one another. Only freeing it has to wait until no other call on the handle
/// is under way.
#[derive(Debug)]
pub struct sekisho_engine {
    /// Tenants hold it too.
    pub(crate) engine: Arc<Engine>,
}

impl sekisho_engine {
    pub(crate) fn of(engine: impl Into<Arc<Engine>>) -> Box<sekisho_engine> {
        Box::new(sekisho_engine { engine: engine.into() })
    }
}

/// What a change of the policy left without history, or without all of it, and whether it ended a trial.
///
/// Owned by the caller, freed with sekisho_swap_report_free. It never changes: any number of threads may read
/// it.
#[derive(Debug)]
pub struct sekisho_swap_report {
    report: SwapReport,
}

/// Makes an engine that remembers nothing yet, within a gibibyte of memory.
///
/// `key` is the host's secret for hashing identifiers, exactly 32 bytes; it is copied, and wiped with the
/// engine. `key_id` names it in decision records. The engine is written to `engine` and belongs to the
/// caller; the policy stays the caller's and may be freed.
///
/// SEKISHO_STATUS_KEY for a key of another length. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_new(
    policy: Option<&sekisho_policy>,
    key_id: u32,
    key: *const u8,
    key_length: usize,
    engine: Option<&mut MaybeUninit<Box<sekisho_engine>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (policy, place) = (required(policy, "policy")?, required(engine, "engine")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let key = HashKey::from_bytes(key_id, unsafe { raw::bytes(key, key_length, "key")? })?;
        place.write(sekisho_engine::of(Engine::new(policy.policy.clone(), key)));
        Ok(())
    })
}

/// Makes an engine with bounds of its own, or one that keeps a journal. Otherwise as sekisho_engine_new.
///
/// The options stay the caller's and may be freed; NULL for none. SEKISHO_STATUS_UNKNOWN_NAME for a table that
/// the policy does not have, SEKISHO_STATUS_OUT_OF_RANGE for a budget that one entity alone can exceed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_new_with(
    policy: Option<&sekisho_policy>,
    options: Option<&sekisho_engine_options>,
    key_id: u32,
    key: *const u8,
    key_length: usize,
    engine: Option<&mut MaybeUninit<Box<sekisho_engine>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (policy, place) = (required(policy, "policy")?, required(engine, "engine")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let key = unsafe { raw::bytes(key, key_length, "key")? };
        place.write(sekisho_engine::of(builder(policy, options, key_id, key)?.build()?));
        Ok(())
    })
}

/// An engine as the options say, before it starts.
pub(crate) fn builder(
    policy: &sekisho_policy,
    options: Option<&sekisho_engine_options>,
    key_id: u32,
    key: &[u8],
) -> Result<EngineBuilder, Failure> {
    let mut builder = Engine::builder(policy.policy.clone(), HashKey::from_bytes(key_id, key)?);
    let Some(options) = options else { return Ok(builder) };
    if let Some(bytes) = options.memory {
        builder = builder.memory(bytes);
    }
    for (entity, bytes) in &options.tables {
        builder = builder.table_memory(entity, *bytes);
    }
    if let Some(key) = &options.previous_key {
        builder = builder.previous_key(key.clone());
    }
    for (name, key) in &options.shared_keys {
        builder = builder.shared_key(name, key.clone());
    }
    if let Some(journal) = options.journal {
        builder = builder.journal(move |frame| journal.write(frame));
    }
    Ok(builder)
}

/// Frees an engine and wipes its key. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_free(engine: Option<Box<sekisho_engine>>) {
    free(engine);
}

/// The policy in force, as a new handle that belongs to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_policy(
    engine: Option<&sekisho_engine>,
    policy: Option<&mut MaybeUninit<Box<sekisho_policy>>>,
) -> sekisho_status {
    bare(|| {
        let (engine, place) = (required(engine, "engine")?, required(policy, "policy")?);
        place.write(Box::new(sekisho_policy { policy: engine.engine.policy() }));
        Ok(())
    })
}

/// Decides on an event and remembers it.
///
/// The event is not changed, but for its message when this fails. A decision may be used again and again;
/// then nothing is allocated for it. When the event's id was recorded before, it is decided anew but not
/// recorded, and sekisho_decision_is_repeated says so.
///
/// An event that is refused changes nothing, and leaves the decision empty (SEKISHO_ACTION_NONE), so that the
/// decision on the event before is never taken for this one: no `type` or `time` or a field that the policy
/// requires (SEKISHO_STATUS_ABSENT), a time before 1970 or more than a day ahead of the latest seen
/// (SEKISHO_STATUS_TIME), an event of another policy's fields (SEKISHO_STATUS_SCHEMA), a rule with
/// on_missing = "fail" that reads an absent value (SEKISHO_STATUS_MISSING), an exact sum beyond 64 bits
/// (SEKISHO_STATUS_OVERFLOW).
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_assess(
    engine: Option<&sekisho_engine>,
    event: Option<&mut sekisho_event>,
    decision: Option<&mut sekisho_decision>,
) -> sekisho_status {
    decide(engine, event, decision, true)
}

/// Decides on an event and remembers nothing. Otherwise as sekisho_engine_assess.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_score(
    engine: Option<&sekisho_engine>,
    event: Option<&mut sekisho_event>,
    decision: Option<&mut sekisho_decision>,
) -> sekisho_status {
    decide(engine, event, decision, false)
}

fn decide(
    engine: Option<&sekisho_engine>,
    event: Option<&mut sekisho_event>,
    mut decision: Option<&mut sekisho_decision>,
    remember: bool,
) -> sekisho_status {
    let status = on_event(event, |event| {
        let (engine, decision) =
            (required(engine, "engine")?, required(decision.as_deref_mut(), "decision")?);
        if remember {
            engine.engine.assess_into(&event.event, &mut decision.0)?;
        } else {
            engine.engine.score_into(&event.event, &mut decision.0)?;
        }
        Ok(())
    });
    emptied_unless(status, decision)
}

/// Remembers an event without deciding.
///
/// `recorded` is false when its id was recorded before; it may be NULL. Refuses as sekisho_engine_assess, but
/// for rules and sums.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_record(
    engine: Option<&sekisho_engine>,
    event: Option<&mut sekisho_event>,
    recorded: Option<&mut MaybeUninit<bool>>,
) -> sekisho_status {
    on_event(event, |event| {
        let new = required(engine, "engine")?.engine.record(&event.event)?;
        state(recorded, new);
        Ok(())
    })
}

/// States how an event ended: `outcome` is a number of sekisho_outcome. Windows that test the outcome count
/// the event anew.
///
/// The event is the one that was assessed or recorded, with its id. `known` is false when nothing remembers
/// it; it may be NULL. SEKISHO_STATUS_ABSENT without an id, SEKISHO_STATUS_OUT_OF_RANGE for another number.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_resolve(
    engine: Option<&sekisho_engine>,
    event: Option<&mut sekisho_event>,
    outcome: i32,
    known: Option<&mut MaybeUninit<bool>>,
) -> sekisho_status {
    on_event(event, |event| {
        let engine = required(engine, "engine")?;
        let outcome = match outcome {
            1 => Outcome::Pending,
            2 => Outcome::Approved,
            3 => Outcome::Declined,
            4 => Outcome::Succeeded,
            5 => Outcome::Failed,
            6 => Outcome::Challenged,
            7 => Outcome::Abandoned,
            8 => Outcome::Reversed,
            _ => return Err(out_of_range("outcome", outcome, "1 to 8")),
        };
        state(known, engine.engine.resolve(&event.event, outcome)?);
        Ok(())
    })
}

/// States what was learnt about an event: `label` is a number of sekisho_label, `at` the time of learning in
/// milliseconds since 1970; questions about earlier times do not see it.
///
/// The event is the one that was assessed or recorded, with its id. `known` is false when nothing remembers
/// it; it may be NULL. SEKISHO_STATUS_ABSENT without an id, SEKISHO_STATUS_TIME when `at` is before the
/// event, SEKISHO_STATUS_OUT_OF_RANGE for another label.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_label(
    engine: Option<&sekisho_engine>,
    event: Option<&mut sekisho_event>,
    label: i32,
    at: i64,
    known: Option<&mut MaybeUninit<bool>>,
) -> sekisho_status {
    on_event(event, |event| {
        let engine = required(engine, "engine")?;
        let label = match label {
            1 => Label::Fraud,
            2 => Label::Genuine,
            _ => return Err(out_of_range("label", label, "1 or 2")),
        };
        state(known, engine.engine.label(&event.event, label, at)?);
        Ok(())
    })
}

/// States that the clock has reached `time` (milliseconds since 1970), so that events up to a day later are
/// taken: after a pause, or when the past is replayed. Never goes back.
///
/// SEKISHO_STATUS_TIME outside the years 1970 to 9999. `error` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_advance(
    engine: Option<&sekisho_engine>,
    time: i64,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || Ok(required(engine, "engine")?.engine.advance(time)?))
}

/// Drops what no feature needs any more, as of the latest time seen, and the entities of which nothing is left.
/// `gone` receives how many those were; it may be NULL.
///
/// Calls do the same bit by bit for themselves. It is for what has to be gone by a time, such as the digests of
/// credentials after a day; call sekisho_engine_advance before. `error` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_expire(
    engine: Option<&sekisho_engine>,
    gone: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let expired = required(engine, "engine")?.engine.expire();
        if let Some(gone) = gone {
            gone.write(expired);
        }
        Ok(())
    })
}

/// Installs another policy while others go on scoring. Features that exist in both keep their history, as do
/// lists.
///
/// `report` says which features start without history or without all of it; it may be NULL, else it is written
/// and belongs to the caller. Events that were made for other declared attributes are refused from now on
/// (SEKISHO_STATUS_SCHEMA) and have to be made anew. A challenger goes on beside the new policy if it can. The policy
/// stays the caller's.
///
/// SEKISHO_STATUS_OUT_OF_RANGE when one entity alone could exceed the memory of its table. `error` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_swap(
    engine: Option<&sekisho_engine>,
    policy: Option<&sekisho_policy>,
    report: Option<&mut MaybeUninit<Box<sekisho_swap_report>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (engine, policy) = (required(engine, "engine")?, required(policy, "policy")?);
        let swapped = engine.engine.swap(policy.policy.clone())?;
        if let Some(place) = report {
            place.write(Box::new(sekisho_swap_report { report: swapped }));
        }
        Ok(())
    })
}

/// Frees a report. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_swap_report_free(report: Option<Box<sekisho_swap_report>>) {
    free(report);
}

/// Whether there was a challenger that needs what the new policy does not remember, so that its trial ended. False
/// for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_swap_report_challenger_ended(report: Option<&sekisho_swap_report>) -> bool {
    answer(false, || Some(report?.report.challenger_ended))
}

/// How many features count only what is recorded from now on; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_swap_report_cold_count(report: Option<&sekisho_swap_report>) -> usize {
    answer(0, || Some(report?.report.cold.len()))
}

/// The name of a feature that counts only what is recorded from now on. The text lives as long as the report.
/// SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_swap_report_cold(
    report: Option<&sekisho_swap_report>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let names = &required(report, "report")?.report.cold;
        lend(names.get(index).ok_or_else(|| not_found("cold feature", index))?, text, length)
    })
}

/// How many lists and kinds of histories the new policy has no more; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_swap_report_dropped_count(report: Option<&sekisho_swap_report>) -> usize {
    answer(0, || Some(report?.report.dropped.len()))
}

/// What the new policy has no more, with all that it held: `list blocked (2 members)`, `histories of merchant`. The text
/// lives as long as the report. SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_swap_report_dropped(
    report: Option<&sekisho_swap_report>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let dropped = &required(report, "report")?.report.dropped;
        lend(dropped.get(index).ok_or_else(|| not_found("part that was dropped", index))?, text, length)
    })
}

/// How many features look farther back than anything did before, or at what was not remembered from the start; 0 for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_swap_report_partly_warm_count(report: Option<&sekisho_swap_report>) -> usize {
    answer(0, || Some(report?.report.partly_warm.len()))
}

/// The name of a feature that looks farther back than anything did before.
///
/// `since` is the time in milliseconds since 1970 from which on all is remembered; it may be NULL. The text
/// lives as long as the report. SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_swap_report_partly_warm(
    report: Option<&sekisho_swap_report>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
    since: Option<&mut MaybeUninit<i64>>,
) -> sekisho_status {
    bare(|| {
        let partly_warm = &required(report, "report")?.report.partly_warm;
        let (name, from) = partly_warm.get(index).ok_or_else(|| not_found("partly warm feature", index))?;
        lend(name, text, length)?;
        if let Some(since) = since {
            since.write(*from);
        }
        Ok(())
    })
}

/// Forgets an entity, named as in `by`: its history, its entries on lists, and its hash wherever others remember
/// it, as an account does of its devices; counts stay what they were. It looks through every table that remembers
/// entities of this kind.
///
/// `known` is false when nothing was known of it; it may be NULL, as may `error`. SEKISHO_STATUS_UNKNOWN_NAME
/// for an entity that neither the policy nor the fields have, and the statuses of sekisho_event_set_text for
/// the identifier.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_forget(
    engine: Option<&sekisho_engine>,
    entity: *const c_char,
    entity_length: usize,
    id: *const c_char,
    id_length: usize,
    known: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let engine = required(engine, "engine")?;
        // SAFETY: the caller states that both pairs name readable bytes.
        let (entity, id) =
            unsafe { (raw::text(entity, entity_length, "entity")?, raw::text(id, id_length, "id")?) };
        state(known, engine.engine.forget(entity, id)?);
        Ok(())
    })
}

/// Puts another key in force, 32 secret bytes with a number of its own; the one so far is kept as the previous key.
/// Nothing is lost and nothing waits: what an event touches comes to the new key, so decisions stay the same.
///
/// `unrotated` of sekisho_table_statistics tells how many entities are left under the previous key;
/// sekisho_engine_retire_key ends the rotation. A restart meanwhile takes both keys: see
/// sekisho_engine_options_previous_key. With a journal, frames come of sekisho_engine_score as well until then.
///
/// SEKISHO_STATUS_KEY for another length than 32, the number of the present or the previous key, the present one's
/// secret, and while an earlier rotation goes on. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_rotate(
    engine: Option<&sekisho_engine>,
    key_id: u32,
    key: *const u8,
    key_length: usize,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let engine = required(engine, "engine")?;
        // SAFETY: the caller states that the pair names readable bytes.
        let key = unsafe { raw::bytes(key, key_length, "key")? };
        Ok(engine.engine.rotate(HashKey::from_bytes(key_id, key)?)?)
    })
}

/// Ends a rotation: the previous key is gone, and with it every entity and every member of a list that was not
/// touched since. `dropped` says how many these were, 0 when there is no previous key; it may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_retire_key(
    engine: Option<&sekisho_engine>,
    dropped: Option<&mut MaybeUninit<u64>>,
) -> sekisho_status {
    bare(|| {
        let count = required(engine, "engine")?.engine.retire_key();
        if let Some(dropped) = dropped {
            dropped.write(count);
        }
        Ok(())
    })
}

/// Puts an identifier (or, on a cidr list, a network or address) on a list, or changes its entry.
///
/// `severity` says how bad a hit is, 0 to 100. `source` says who says so; it may be NULL. `expires` is the
/// first millisecond since 1970 at which the entry no longer counts, by the events' time; 0 for never.
/// Everything is copied. sekisho_engine_list_add_with_reason says why, too.
///
/// SEKISHO_STATUS_UNKNOWN_NAME for a list that the policy does not name, and the statuses of
/// sekisho_event_set_text for the member. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_add(
    engine: Option<&sekisho_engine>,
    list: *const c_char,
    list_length: usize,
    member: *const c_char,
    member_length: usize,
    severity: u8,
    source: *const c_char,
    source_length: usize,
    expires: i64,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let engine = required(engine, "engine")?;
        // SAFETY: the caller states that all three pairs name readable bytes.
        let (list, member, source) = unsafe {
            (
                raw::text(list, list_length, "list")?,
                raw::text(member, member_length, "member")?,
                raw::text(source, source_length, "source")?,
            )
        };
        if severity > 100 {
            return Err(out_of_range("severity", severity, "0 to 100"));
        }
        Ok(engine.engine.list_add(list, member, entry(severity, "", source, expires)?)?)
    })
}

/// Takes an identifier or network off a list. `removed` is false when it was not on it; it may be NULL, as
/// may `error`. The statuses are those of sekisho_engine_list_add.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_remove(
    engine: Option<&sekisho_engine>,
    list: *const c_char,
    list_length: usize,
    member: *const c_char,
    member_length: usize,
    removed: Option<&mut MaybeUninit<bool>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let engine = required(engine, "engine")?;
        // SAFETY: the caller states that both pairs name readable bytes.
        let (list, member) =
            unsafe { (raw::text(list, list_length, "list")?, raw::text(member, member_length, "member")?) };
        state(removed, engine.engine.list_remove(list, member)?);
        Ok(())
    })
}

/// How many members a list has, expired ones among them. SEKISHO_STATUS_UNKNOWN_NAME for a list that the
/// policy does not name. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_list_length(
    engine: Option<&sekisho_engine>,
    list: *const c_char,
    list_length: usize,
    members: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (engine, place) = (required(engine, "engine")?, required(members, "members")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let list = unsafe { raw::text(list, list_length, "list")? };
        place.write(engine.engine.list_len(list)?);
        Ok(())
    })
}

/// Writes an answer for those who want it.
pub(crate) fn state(place: Option<&mut MaybeUninit<bool>>, flag: bool) {
    if let Some(place) = place {
        place.write(flag);
    }
}

pub(crate) fn out_of_range(name: &str, found: impl std::fmt::Display, expected: &str) -> Failure {
    Failure::new(sekisho_status::OutOfRange, format!("`{name}`: found {found}, expected {expected}"))
}
