//! A policy on trial beside the one in force.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho::ChallengerReport;

use crate::engine::{sekisho_engine, state};
use crate::error::sekisho_error;
use crate::policy::sekisho_policy;
use crate::raw::{Failure, answer, bare, free, lend, not_found, reported, required};
use crate::status::sekisho_status;

/// What a policy on trial shares with the one in force.
///
/// Owned by the caller, freed with sekisho_challenger_report_free. It never changes: any number of threads may read
/// it.
#[derive(Debug)]
pub struct sekisho_challenger_report {
    report: ChallengerReport,
}

/// Puts a policy on trial while others go on scoring: from now on it decides on every event beside the policy in
/// force, from the same memory, and changes nothing; sekisho_decision_challenger tells what. It takes the place of an
/// earlier one. Features that both policies have are computed once.
///
/// `report` says which these are; it may be NULL, else it is written and belongs to the caller. The policy stays the
/// caller's.
///
/// SEKISHO_STATUS_UNKNOWN_NAME when it needs what the policy in force does not remember: the error names what, and
/// what to add to that policy; SEKISHO_STATUS_SCHEMA when it declares other attributes. What was on trial before
/// stays then. `error` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_challenge_with(
    engine: Option<&sekisho_engine>,
    policy: Option<&sekisho_policy>,
    report: Option<&mut MaybeUninit<Box<sekisho_challenger_report>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (engine, policy) = (required(engine, "engine")?, required(policy, "policy")?);
        let shared = engine.engine.challenge_with(policy.policy.clone())?;
        if let Some(place) = report {
            place.write(Box::new(sekisho_challenger_report { report: shared }));
        }
        Ok(())
    })
}

/// Ends the trial. `ended` is false when no policy was on trial; it may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_end_challenge(
    engine: Option<&sekisho_engine>,
    ended: Option<&mut MaybeUninit<bool>>,
) -> sekisho_status {
    bare(|| {
        state(ended, required(engine, "engine")?.engine.end_challenge().is_some());
        Ok(())
    })
}

/// The policy on trial, as a new handle that belongs to the caller. SEKISHO_STATUS_NOT_FOUND when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_challenger(
    engine: Option<&sekisho_engine>,
    policy: Option<&mut MaybeUninit<Box<sekisho_policy>>>,
) -> sekisho_status {
    bare(|| {
        let (engine, place) = (required(engine, "engine")?, required(policy, "policy")?);
        let policy = engine.engine.challenger();
        let none = || Failure::new(sekisho_status::NotFound, "no policy is on trial");
        place.write(Box::new(sekisho_policy { policy: policy.ok_or_else(none)? }));
        Ok(())
    })
}

/// Frees a report. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_challenger_report_free(report: Option<Box<sekisho_challenger_report>>) {
    free(report);
}

/// How many features are computed once for both policies; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_challenger_report_shared_count(
    report: Option<&sekisho_challenger_report>,
) -> usize {
    answer(0, || Some(report?.report.shared.len()))
}

/// The name of a feature that is computed once for both policies. The text lives as long as the report.
/// SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_challenger_report_shared(
    report: Option<&sekisho_challenger_report>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let names = &required(report, "report")?.report.shared;
        lend(names.get(index).ok_or_else(|| not_found("shared feature", index))?, text, length)
    })
}

/// How many features only the policy on trial has; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_challenger_report_own_count(report: Option<&sekisho_challenger_report>) -> usize {
    answer(0, || Some(report?.report.own.len()))
}

/// The name of a feature that only the policy on trial has; it is computed from what the policy in force remembers.
/// The text lives as long as the report. SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_challenger_report_own(
    report: Option<&sekisho_challenger_report>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let names = &required(report, "report")?.report.own;
        lend(names.get(index).ok_or_else(|| not_found("own feature", index))?, text, length)
    })
}
