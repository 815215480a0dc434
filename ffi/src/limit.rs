//! The limits that a decided event is about.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho::LimitStanding;

use crate::decision::{made, sekisho_decision};
use crate::raw::{Failure, answer, bare, lend, not_found};
use crate::status::sekisho_status;

/// How many limits the event is about, those in shadow among them; 0 when nothing was decided.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_limit_count(decision: Option<&sekisho_decision>) -> usize {
    answer(0, || Some(decision?.made()?.limits().len()))
}

/// A limit that the event is about, in the order of the policy: its name, whether the event exceeds it, whether part
/// of what was used has been forgotten or summed up, and whether the limit counts or is in shadow. An event that
/// cannot be compared with its limit exceeds it if the limit's `on_missing` says so.
///
/// `exceeded`, `approximate` and `live` may be NULL. The text lives until the decision is filled again or freed.
/// SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_limit(
    decision: Option<&sekisho_decision>,
    index: usize,
    name: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
    exceeded: Option<&mut MaybeUninit<bool>>,
    approximate: Option<&mut MaybeUninit<bool>>,
    live: Option<&mut MaybeUninit<bool>>,
) -> sekisho_status {
    bare(|| {
        let limit = limit(decision, index)?;
        lend(limit.name(), name, length)?;
        let flags = [limit.is_exceeded(), limit.is_approximate(), limit.is_live()];
        for (place, flag) in [exceeded, approximate, live].into_iter().zip(flags) {
            if let Some(place) = place {
                place.write(flag);
            }
        }
        Ok(())
    })
}

/// How the event stands to a limit, in minor units of the policy's currency or in events: how much is allowed, how
/// much of it was used before the event, how much remained, and how much the event asks for.
///
/// Each of the four may be NULL. SEKISHO_STATUS_MISSING when one that is asked for is not known, and none is written
/// then; SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_decision_limit_amounts(
    decision: Option<&sekisho_decision>,
    index: usize,
    ceiling: Option<&mut MaybeUninit<i64>>,
    used: Option<&mut MaybeUninit<i64>>,
    remaining: Option<&mut MaybeUninit<i64>>,
    asked: Option<&mut MaybeUninit<i64>>,
) -> sekisho_status {
    bare(|| {
        let limit = limit(decision, index)?;
        let amounts = [limit.ceiling(), limit.used(), limit.remaining(), limit.asked()];
        let places = [ceiling, used, remaining, asked];
        if places.iter().zip(&amounts).any(|(place, amount)| place.is_some() && amount.is_none()) {
            return Err(Failure::new(sekisho_status::Missing, "the limit's amount is not known"));
        }
        for (place, amount) in places.into_iter().zip(amounts) {
            if let (Some(place), Some(amount)) = (place, amount) {
                place.write(amount);
            }
        }
        Ok(())
    })
}

fn limit(decision: Option<&sekisho_decision>, index: usize) -> Result<LimitStanding<'_>, Failure> {
    made(decision)?.limits().nth(index).ok_or_else(|| not_found("limit", index))
}
