//! Decisions: what the engine answers, and the records that are kept of it.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho::{Decision, DecisionRecord};

use crate::error::sekisho_error;
use crate::event::sekisho_event;
use crate::policy::sekisho_policy;
use crate::raw::{self, Failure, answer, bare, free, lend, not_found, reported, required};
use crate::status::{sekisho_action, sekisho_status};

/// What the engine decided on one event.
///
/// Owned by the caller, freed with sekisho_decision_free. Filled by one thread at a time; between two
/// fillings any number of threads may read it. Fill it again and again: it allocates nothing then.
#[derive(Debug)]
// A challenger's decision lies inside of another and is lent as it is. The header must not see this, it would spell
// out what is inside.
#[cfg_attr(all(), repr(transparent))]
pub struct sekisho_decision(pub(crate) Decision);

impl sekisho_decision {
    /// What was decided; nothing may be read of a decision that was not made.
    pub(crate) fn made(&self) -> Option<&Decision> {
        Some(&self.0).filter(|decision| decision.policy().is_some())
    }
}

/// Leaves nothing of a call that failed in the decision that it should have filled, nor of one before.
pub(crate) fn emptied_unless(
    status: sekisho_status,
    decision: Option<&mut sekisho_decision>,
) -> sekisho_status {
    if let Some(decision) = decision.filter(|_| status != sekisho_status::Ok) {
        decision.0.clear();
    }
    status
}

/// What was decided, or why there is nothing to read.
pub(crate) fn made(decision: Option<&sekisho_decision>) -> Result<&Decision, Failure> {
    required(decision, "decision")?.made().ok_or_else(nothing)
}

fn nothing() -> Failure {
    Failure::new(sekisho_status::NotFound, "`decision`: nothing was decided")
}

fn new(detailed: bool, decision: Option<&mut MaybeUninit<Box<sekisho_decision>>>) -> sekisho_status {
    bare(|| {
        let empty = if detailed { Decision::detailed() } else { Decision::new() };
        required(decision, "decision")?.write(Box::new(sekisho_decision(empty)));
        Ok(())
    })
}

/// Makes an empty decision. It is written to `decision` and belongs to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_new(
    decision: Option<&mut MaybeUninit<Box<sekisho_decision>>>,
) -> sekisho_status {
    new(false, decision)
}

/// Makes an empty decision that keeps the values of features when it is filled: for the
/// sekisho_decision_feature functions, records, and explanations with values. It is written to `decision` and
/// belongs to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_new_detailed(
    decision: Option<&mut MaybeUninit<Box<sekisho_decision>>>,
) -> sekisho_status {
    new(true, decision)
}

/// Frees a decision. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_free(decision: Option<Box<sekisho_decision>>) {
    free(decision);
}

/// The policy that decided, as a new handle that belongs to the caller: the one by which features are numbered, also
/// when another has come into force since. Comparing fingerprints with sekisho_policy_fingerprint tells whether it is
/// the same as before. SEKISHO_STATUS_NOT_FOUND when nothing was decided.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_policy(
    decision: Option<&sekisho_decision>,
    policy: Option<&mut MaybeUninit<Box<sekisho_policy>>>,
) -> sekisho_status {
    bare(|| {
        let (decision, place) = (made(decision)?, required(policy, "policy")?);
        let policy = decision.policy().cloned().ok_or_else(nothing)?;
        place.write(Box::new(sekisho_policy { policy }));
        Ok(())
    })
}

/// What to do. SEKISHO_ACTION_NONE for NULL, for a new decision, and after a call that failed to fill it.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_action(decision: Option<&sekisho_decision>) -> sekisho_action {
    answer(sekisho_action::None, || Some(decision?.made()?.action().into()))
}

/// 0 to 999; -1 when nothing was decided.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_score(decision: Option<&sekisho_decision>) -> i32 {
    answer(-1, || Some(decision?.made()?.score().into()))
}

/// The assurance level that a challenge must reach, 1 to 4; 0 unless the action is a challenge.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_strength(decision: Option<&sekisho_decision>) -> i32 {
    answer(0, || Some(decision?.made()?.strength().into()))
}

/// What has to be done beside the action: the bits of sekisho_obligation.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_obligations(decision: Option<&sekisho_decision>) -> u32 {
    answer(0, || Some(decision?.made()?.obligations().bits().into()))
}

/// Whether the event's id was recorded before; then nothing was recorded now.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_is_repeated(decision: Option<&sekisho_decision>) -> bool {
    answer(false, || Some(decision?.made()?.is_repeated()))
}

/// What the policy on trial would have decided on the same event: see sekisho_engine_challenge_with. It changed
/// nothing. The functions that read a decision read it; the numbers of features are those of its own policy.
///
/// NULL when there is none: nothing was decided, no policy is on trial, or it would have refused the event. It is
/// lent, not handed out: never free it, and let go of it when the decision is filled again or freed.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_challenger(
    decision: Option<&sekisho_decision>,
) -> Option<&sekisho_decision> {
    answer(None, || Some(Some(raw::lend_decision(decision?.made()?.challenger()?))))
}

/// How many reasons there are, at most 8; 0 when nothing was decided.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_reason_count(decision: Option<&sekisho_decision>) -> usize {
    answer(0, || Some(decision?.made()?.reasons().len()))
}

/// A reason: its code, as the policy writes it, and the points that it added. Most points first, each code
/// once.
///
/// `points` may be NULL. The text lives until the decision is filled again or freed. SEKISHO_STATUS_NOT_FOUND
/// from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_reason(
    decision: Option<&sekisho_decision>,
    index: usize,
    code: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
    points: Option<&mut MaybeUninit<i32>>,
) -> sekisho_status {
    bare(|| {
        let reason = made(decision)?.reasons().nth(index).ok_or_else(|| not_found("reason", index))?;
        lend(reason.code(), code, length)?;
        if let Some(points) = points {
            points.write(reason.points());
        }
        Ok(())
    })
}

/// How many rules held, shadow rules among them; 0 when nothing was decided.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_hit_count(decision: Option<&sekisho_decision>) -> usize {
    answer(0, || Some(decision?.made()?.hits().len()))
}

/// A rule that held, in the order of the policy: its id, the points that it added or would have added in
/// shadow, and whether it counted.
///
/// `points` and `live` may be NULL. The text lives until the decision is filled again or freed.
/// SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_hit(
    decision: Option<&sekisho_decision>,
    index: usize,
    id: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
    points: Option<&mut MaybeUninit<i32>>,
    live: Option<&mut MaybeUninit<bool>>,
) -> sekisho_status {
    bare(|| {
        let hit = made(decision)?.hits().nth(index).ok_or_else(|| not_found("hit", index))?;
        lend(hit.id(), id, length)?;
        if let Some(points) = points {
            points.write(hit.points());
        }
        if let Some(live) = live {
            live.write(hit.is_live());
        }
        Ok(())
    })
}

/// How many rules read an absent value that nothing absorbed; 0 when nothing was decided.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_missing_count(decision: Option<&sekisho_decision>) -> usize {
    answer(0, || Some(decision?.made()?.missing_rules().len()))
}

/// The id of a rule that read an absent value. The text lives until the decision is filled again or freed.
/// SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_missing(
    decision: Option<&sekisho_decision>,
    index: usize,
    id: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let rule =
            made(decision)?.missing_rules().nth(index).ok_or_else(|| not_found("missing rule", index))?;
        lend(rule, id, length)
    })
}

/// Explains a decision to people: the rules that held, and with which values. Identifiers are not shown.
///
/// `event` is the one that was decided on; it is only read. The text is copied into `buffer`, without a NUL
/// at its end, and its length is written to `length`. SEKISHO_STATUS_BUFFER_TOO_SMALL when it does not fit:
/// `length` is then what the buffer must have. A NULL buffer of 0 bytes asks for just that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_decision_explain(
    decision: Option<&sekisho_decision>,
    event: Option<&sekisho_event>,
    buffer: *mut c_char,
    capacity: usize,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let (decision, event) = (made(decision)?, required(event, "event")?);
        let text = decision.explain(&event.event).to_string();
        // SAFETY: the caller states that the buffer is writable; nothing else knows the text.
        unsafe { raw::fill(&text, buffer, capacity, length) }
    })
}

/// Writes the record of a detailed decision as one line of JSON: all that it was made from, without any raw
/// identifier. It can be replayed years later to the same bits.
///
/// `event` is the one that was decided on; it is only read. Buffer and length as in sekisho_decision_explain.
/// SEKISHO_STATUS_RECORD when the decision keeps no features. `error` may be NULL, and is not written for
/// SEKISHO_STATUS_BUFFER_TOO_SMALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_decision_record(
    decision: Option<&sekisho_decision>,
    event: Option<&sekisho_event>,
    buffer: *mut c_char,
    capacity: usize,
    length: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (decision, event) = (made(decision)?, required(event, "event")?);
        let json = decision.record(&event.event)?.to_json();
        // SAFETY: the caller states that the buffer is writable; nothing else knows the text.
        unsafe { raw::fill(&json, buffer, capacity, length) }
    })
}

/// Decides again from a record, with the policy that decided then; no engine is needed. The decision becomes
/// a detailed one.
///
/// SEKISHO_STATUS_RECORD when the record is damaged or the policy is another one; the decision is empty then.
/// `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_decision_replay(
    policy: Option<&sekisho_policy>,
    json: *const c_char,
    length: usize,
    mut decision: Option<&mut sekisho_decision>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    let status = reported(error, || {
        let (policy, decision) =
            (required(policy, "policy")?, required(decision.as_deref_mut(), "decision")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let json = unsafe { raw::text(json, length, "json")? };
        decision.0 = DecisionRecord::from_json(json)?.replay(&policy.policy)?;
        Ok(())
    });
    emptied_unless(status, decision)
}
