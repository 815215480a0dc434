//! A policy on trial through the C ABI: it is heard, it changes nothing, and it ends.

mod common;

use std::mem::MaybeUninit;

use common::*;
use sekisho_ffi::{sekisho_status as status, *};

const STRICTER: &str = include_str!("../../examples/policies/logins_stricter.toml");

fn challenge(world: &World, policy: &sekisho_policy) -> Box<sekisho_challenger_report> {
    made(|place| sekisho_engine_challenge_with(Some(&world.engine), Some(policy), place, None))
}

fn said(decision: Option<&sekisho_decision>) -> (sekisho_action, i32, Vec<Option<u64>>) {
    let bits = |place| written(|bits| sekisho_decision_feature_bits(decision, place, bits)).ok();
    (sekisho_decision_action(decision), sekisho_decision_score(decision), (0..3).map(bits).collect())
}

#[test]
fn a_challenger_is_heard_and_changes_nothing() {
    let (mut alone, mut tried, mut itself) = (World::new(), World::new(), World::new());
    let stricter = made(|place| parse(STRICTER, place, None));
    assert_eq!(sekisho_engine_swap(Some(&itself.engine), Some(&stricter), None, None), status::Ok);
    let report = challenge(&tried, &stricter);
    assert_eq!(sekisho_challenger_report_shared_count(Some(&report)), 1);
    assert_eq!(sekisho_challenger_report_own_count(Some(&report)), 1);
    let shared = lent(|text, length| sekisho_challenger_report_shared(Some(&report), 0, text, length));
    let own = lent(|text, length| sekisho_challenger_report_own(Some(&report), 0, text, length));
    assert_eq!((shared.as_str(), own.as_str()), ("ip_failed_accounts_10m", "ip_failures_1m"));
    let (mut text, mut length) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let beyond = sekisho_challenger_report_own(Some(&report), 1, Some(&mut text), Some(&mut length));
    assert_eq!(beyond, status::NotFound);
    sekisho_challenger_report_free(Some(report));
    let policy = made(|place| sekisho_engine_challenger(Some(&tried.engine), place));
    assert_eq!(lent(|text, length| sekisho_policy_version(Some(&policy), text, length)), "2");

    let new = made(|place| sekisho_decision_new(place));
    assert!(sekisho_decision_challenger(Some(&new)).is_none());
    for n in 0..6 {
        for world in [&mut alone, &mut tried, &mut itself] {
            world.login(n, "failed");
            assert_eq!(world.assess(), status::Ok, "{}", message(&world.event));
        }
        assert_eq!(said(Some(&alone.decision)), said(Some(&tried.decision)));
        assert!(sekisho_decision_challenger(Some(&alone.decision)).is_none());
        let challenger = sekisho_decision_challenger(Some(&tried.decision)).expect("it is on trial");
        assert_eq!(said(Some(challenger)), said(Some(&itself.decision)));
        assert!(sekisho_decision_challenger(Some(challenger)).is_none(), "nobody challenges the challenger");
    }

    // All that reads a decision reads it: reasons, hits, explanations, records.
    let challenger = sekisho_decision_challenger(Some(&tried.decision));
    let mut points = MaybeUninit::uninit();
    let code = lent(|text, length| sekisho_decision_reason(challenger, 0, text, length, Some(&mut points)));
    // SAFETY: success writes the points.
    assert_eq!((code.as_str(), unsafe { points.assume_init() }), ("CREDENTIAL_STUFFING", 1_000));
    // SAFETY: the buffer is `capacity` bytes, as `filled` makes it.
    let told = filled(|buffer, capacity, length| unsafe {
        sekisho_decision_explain(challenger, Some(&tried.event), buffer, capacity, length)
    });
    assert!(told.starts_with("score 999, deny\n") && told.contains("5 >= 2"), "{told}");
    // SAFETY: as above.
    let record = filled(|buffer, capacity, length| unsafe {
        sekisho_decision_record(challenger, Some(&tried.event), buffer, capacity, length, None)
    });
    let mut replayed = made(|place| sekisho_decision_new(place));
    // SAFETY: the pair names the record's bytes.
    let found = unsafe {
        let replayed = Some(&mut *replayed);
        sekisho_decision_replay(Some(&stricter), pointer(&record), record.len(), replayed, None)
    };
    assert_eq!((found, sekisho_decision_score(Some(&replayed))), (status::Ok, 999));

    // A call that fails leaves nothing of it.
    assert_eq!(sekisho_event_clear(Some(&mut tried.event)), status::Ok);
    assert_eq!(tried.assess(), status::Absent);
    assert!(sekisho_decision_challenger(Some(&tried.decision)).is_none());
}

#[test]
fn a_challenger_that_does_not_fit_is_refused_or_ends() {
    let mut world = World::new();
    let engine = |world: &World| sekisho_engine_challenge_with(Some(&world.engine), None, None, None);
    assert_eq!(engine(&world), status::NullHandle);
    let stricter = made(|place| parse(STRICTER, place, None));
    assert_eq!(sekisho_engine_challenge_with(None, Some(&stricter), None, None), status::NullHandle);
    assert_eq!(sekisho_engine_end_challenge(None, None), status::NullHandle);
    let mut place = MaybeUninit::uninit();
    assert_eq!(sekisho_engine_challenger(None, Some(&mut place)), status::NullHandle);
    assert_eq!(sekisho_engine_challenger(Some(&world.engine), Some(&mut place)), status::NotFound);
    assert_eq!(sekisho_engine_challenger(Some(&world.engine), None), status::NullHandle);
    assert_eq!(written(|ended| sekisho_engine_end_challenge(Some(&world.engine), ended)), Ok(false));

    sekisho_challenger_report_free(Some(challenge(&world, &stricter)));
    let merchants = STRICTER.replace("by = [\"ip\"]", "by = [\"merchant\"]");
    let merchants = made(|place| parse(&merchants, place, None));
    let (found, error) =
        refused(|error| sekisho_engine_challenge_with(Some(&world.engine), Some(&merchants), None, error));
    assert_eq!(found, status::UnknownName);
    assert_eq!(
        lent(|text, length| sekisho_error_message(Some(&error), text, length)),
        "the challenger needs histories of `merchant`, which the policy in force does not keep; give that policy a feature by it first"
    );
    world.login(1, "failed");
    assert_eq!(world.assess(), status::Ok);
    assert!(sekisho_decision_challenger(Some(&world.decision)).is_some(), "the one before goes on");

    let same = made(|place| parse(POLICY, place, None));
    let report = made(|place| sekisho_engine_swap(Some(&world.engine), Some(&same), place, None));
    assert!(!sekisho_swap_report_challenger_ended(Some(&report)));
    let report = made(|place| sekisho_engine_swap(Some(&world.engine), Some(&merchants), place, None));
    assert!(sekisho_swap_report_challenger_ended(Some(&report)));
    assert_eq!(world.assess(), status::Ok);
    assert!(sekisho_decision_challenger(Some(&world.decision)).is_none());

    sekisho_challenger_report_free(Some(challenge(&world, &merchants)));
    assert_eq!(written(|ended| sekisho_engine_end_challenge(Some(&world.engine), ended)), Ok(true));
    assert_eq!(world.assess(), status::Ok);
    assert!(sekisho_decision_challenger(Some(&world.decision)).is_none());
}
