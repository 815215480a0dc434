//! NULL in every place where something has to be: a status, never a crash.

mod common;

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use common::*;
use sekisho_ffi::{sekisho_status as status, *};

unsafe extern "C" fn refuse(_: *mut c_void, _: *const u8, _: usize) -> c_int {
    1
}

unsafe extern "C" fn end(_: *mut c_void, _: *mut u8, _: usize) -> isize {
    0
}

unsafe extern "C" fn ignore(_: *mut c_void, _: *const u8, _: usize) {}

#[test]
fn null_is_a_status() {
    let null_handle = status::NullHandle;
    let mut world = World::new();
    world.login(1, "failed");
    let World { policy, engine, event, decision } = &mut world;
    let (policy, engine) = (Some(&**policy), Some(&**engine));

    for free in [
        || sekisho_policy_free(None),
        || sekisho_engine_free(None),
        || sekisho_event_free(None),
        || sekisho_decision_free(None),
        || sekisho_error_free(None),
        || sekisho_swap_report_free(None),
        || sekisho_engine_options_free(None),
        || sekisho_statistics_free(None),
        || sekisho_recovered_free(None),
        || sekisho_challenger_report_free(None),
        || sekisho_tenants_free(None),
        || sekisho_tenant_statistics_free(None),
    ] {
        free();
    }
    assert_eq!(parse(POLICY, None, None), null_handle);
    // SAFETY: NULL is refused before anything is read; the other pairs name their own bytes.
    unsafe {
        let mut place = MaybeUninit::uninit();
        assert_eq!(sekisho_policy_parse(null(), 9, null(), 0, Some(&mut place), None), null_handle);
        let mut place = MaybeUninit::uninit();
        assert_eq!(sekisho_engine_new(None, 1, [7u8; 32].as_ptr(), 32, Some(&mut place), None), null_handle);
        assert_eq!(sekisho_engine_new(policy, 1, null(), 32, Some(&mut place), None), null_handle);
        assert_eq!(sekisho_engine_new(policy, 1, [7u8; 32].as_ptr(), 32, None, None), null_handle);
        let mut place = MaybeUninit::uninit();
        assert_eq!(
            sekisho_engine_new_with(None, None, 1, [7u8; 32].as_ptr(), 32, Some(&mut place), None),
            null_handle
        );
        assert_eq!(sekisho_engine_new_with(policy, None, 1, [7u8; 32].as_ptr(), 32, None, None), null_handle);
        let table_memory = sekisho_engine_options_table_memory(None, pointer("ip"), 2, 1 << 20, None);
        assert_eq!(table_memory, null_handle);
        let forget = |engine, entity, length| {
            sekisho_engine_forget(engine, entity, length, pointer("a"), 1, None, None)
        };
        assert_eq!(forget(None, pointer("account"), 7), null_handle);
        assert_eq!(forget(engine, null(), 7), null_handle);
        assert_eq!(sekisho_statistics_table(None, 0, &mut sekisho_table_statistics::default()), null_handle);
        let statistics = made(|place| sekisho_engine_statistics(engine, place));
        assert_eq!(sekisho_statistics_table(Some(&statistics), 0, null_mut()), null_handle);
        let (write, read, context) = (Some(refuse as _), Some(end as _), null_mut());
        assert_eq!(sekisho_engine_snapshot(None, write, context, null_mut(), None), null_handle);
        assert_eq!(sekisho_engine_snapshot(engine, None, context, null_mut(), None), null_handle);
        let restore = |policy, key, read, place: Place<'_, sekisho_engine>| {
            sekisho_engine_restore(policy, None, 1, key, 32, read, context, place, None)
        };
        let (key, mut place) = ([7u8; 32], MaybeUninit::uninit());
        assert_eq!(restore(None, key.as_ptr(), read, Some(&mut place)), null_handle);
        assert_eq!(restore(policy, null(), read, Some(&mut place)), null_handle);
        assert_eq!(restore(policy, key.as_ptr(), None, Some(&mut place)), null_handle);
        assert_eq!(restore(policy, key.as_ptr(), read, None), null_handle);
        assert_eq!(sekisho_engine_recover(None, read, context, None, None), null_handle);
        assert_eq!(sekisho_engine_recover(engine, None, context, None, None), null_handle);
        assert_eq!(sekisho_engine_recover(engine, read, context, None, None), status::Ok, "nothing to do");
        let mut options = made(|place| sekisho_engine_options_new(place));
        assert_eq!(sekisho_engine_options_journal(Some(&mut options), None, context), null_handle);
        assert_eq!(sekisho_engine_options_journal(None, Some(ignore), context), null_handle);
        assert_eq!(sekisho_event_set_text(None, 2, pointer("login"), 5), null_handle);
        assert_eq!(sekisho_event_set_parsed(None, 2, pointer("login"), 5), null_handle);
        assert_eq!(sekisho_policy_field(policy, pointer("ip"), 2, None, None), null_handle);
        assert_eq!(
            sekisho_policy_field(None, pointer("ip"), 2, Some(&mut MaybeUninit::uninit()), None),
            null_handle
        );
        assert_eq!(
            sekisho_policy_feature(None, pointer("ip"), 2, Some(&mut MaybeUninit::uninit()), None),
            null_handle
        );
        assert_eq!(sekisho_decision_replay(policy, pointer("{}"), 2, None, None), null_handle);
        assert_eq!(sekisho_decision_replay(None, pointer("{}"), 2, Some(&mut *decision), None), null_handle);
        assert_eq!(sekisho_event_from_record(policy, pointer("{}"), 2, None, None), null_handle);
        assert_eq!(sekisho_decision_explain(None, Some(&*event), null_mut(), 0, None), null_handle);
        assert_eq!(sekisho_decision_record(None, Some(&*event), null_mut(), 0, None, None), null_handle);
        assert_eq!(sekisho_decision_feature_text(None, 0, null_mut(), 0, None), null_handle);
        assert_eq!(sekisho_decision_feature_name(None, 0, None, None), null_handle);
        assert_eq!(sekisho_decision_policy(None, None), null_handle);
        assert_eq!(sekisho_engine_list_remove(None, null(), 0, null(), 0, None, None), null_handle);
        let reasoned =
            sekisho_engine_list_add_with_reason(None, null(), 0, null(), 0, 0, null(), 0, null(), 0, 0, None);
        assert_eq!(reasoned, null_handle);
        assert_eq!(sekisho_engine_list_length(engine, null(), 0, None, None), null_handle);
        assert_eq!(sekisho_engine_list_prepare(engine, null(), 0, None, None), null_handle);
        assert_eq!(sekisho_members_add(None, null(), 0, 0, null(), 0, null(), 0, 0, None), null_handle);
        assert_eq!(sekisho_members_merge(null_mut(), null_mut(), None), null_handle);
        assert_eq!(sekisho_engine_list_load(engine, None, None, None), null_handle);
        assert_eq!(sekisho_engine_list_swap(engine, None, null(), 0, None, None), null_handle);
        assert_eq!(sekisho_engine_list_seal(engine, None, None, null_mut(), None), null_handle);
        assert_eq!(sekisho_engine_list_open(engine, null(), 0, null(), 0, None, None), null_handle);
        assert_eq!(
            sekisho_engine_list_version(None, null(), 0, null_mut(), 0, None, None, None),
            null_handle
        );
        assert_eq!(sekisho_engine_options_shared_key(None, null(), 0, 1, null(), 0, None), null_handle);
        sekisho_members_free(None);
        let (found, error) =
            refused(|error| sekisho_engine_list_add(engine, null(), 1, null(), 0, 0, null(), 0, 0, error));
        assert_eq!(found, null_handle);
        let told = lent(|text, length| sekisho_error_message(Some(&error), text, length));
        assert_eq!(told, "`list`: found NULL with a length of 1");
    }
    assert_eq!(sekisho_event_new(None, Some(&mut MaybeUninit::uninit())), null_handle);
    assert_eq!(sekisho_event_new(policy, None), null_handle);
    assert_eq!(sekisho_event_set_integer(None, 3, 1), null_handle);
    assert_eq!(sekisho_event_set_number(None, 29, 1.0), null_handle);
    assert_eq!(sekisho_event_set_boolean(None, 39, true), null_handle);
    assert_eq!(sekisho_event_unset(None, 3), null_handle);
    assert_eq!(sekisho_event_clear(None), null_handle);
    assert_eq!(sekisho_decision_new(None), null_handle);
    assert_eq!(sekisho_decision_new_detailed(None), null_handle);
    assert_eq!(sekisho_engine_policy(None, None), null_handle);
    assert_eq!(sekisho_engine_swap(engine, None, None, None), null_handle);
    assert_eq!(sekisho_engine_swap(None, policy, None, None), null_handle);
    assert_eq!(sekisho_engine_advance(None, 1, None), null_handle);
    assert_eq!(sekisho_engine_expire(None, None, None), null_handle);
    assert_eq!(sekisho_engine_options_new(None), null_handle);
    assert_eq!(sekisho_engine_options_memory(None, 1 << 30), null_handle);
    assert_eq!(sekisho_engine_statistics(engine, None), null_handle);
    assert_eq!(sekisho_engine_statistics(None, Some(&mut MaybeUninit::uninit())), null_handle);

    let mut event = Some(&mut **event);
    assert_eq!(sekisho_engine_assess(engine, event.as_deref_mut(), Some(decision)), status::Ok);
    assert_eq!(sekisho_engine_assess(engine, None, Some(decision)), null_handle);
    assert_eq!(sekisho_decision_action(Some(decision)), sekisho_action::None, "no older decision is left");
    assert_eq!(sekisho_engine_assess(None, event.as_deref_mut(), Some(decision)), null_handle);
    assert_eq!(sekisho_engine_score(engine, event.as_deref_mut(), None), null_handle);
    assert_eq!(message(event.as_deref().expect("it is there")), "`decision`: found NULL");
    assert_eq!(sekisho_engine_record(None, event.as_deref_mut(), None), null_handle);
    assert_eq!(sekisho_engine_resolve(None, event.as_deref_mut(), 1, None), null_handle);
    assert_eq!(sekisho_engine_label(None, event, 1, 1, None), null_handle);

    assert_eq!(sekisho_decision_action(None), sekisho_action::None);
    assert_eq!(sekisho_decision_score(None), -1);
    assert_eq!(sekisho_decision_strength(None), 0);
    assert_eq!(sekisho_decision_obligations(None), 0);
    assert!(!sekisho_decision_is_repeated(None));
    assert_eq!(sekisho_decision_feature_presence(None, 0), sekisho_presence::None);
    assert_eq!(sekisho_error_status(None), null_handle);
    assert!(!sekisho_recovered_is_complete(None));
    assert!(!sekisho_swap_report_challenger_ended(None));
    assert!(sekisho_decision_challenger(None).is_none());
    let recovered =
        [sekisho_recovered_frames(None), sekisho_recovered_bytes(None), sekisho_recovered_torn(None)];
    assert_eq!(recovered, [0; 3]);
    let counts = [
        sekisho_policy_feature_count(None),
        sekisho_policy_rule_count(None),
        sekisho_decision_reason_count(None),
        sekisho_decision_hit_count(None),
        sekisho_decision_missing_count(None),
        sekisho_decision_limit_count(None),
        sekisho_error_fault_count(None),
        sekisho_swap_report_cold_count(None),
        sekisho_swap_report_dropped_count(None),
        sekisho_swap_report_partly_warm_count(None),
        sekisho_statistics_table_count(None),
        sekisho_challenger_report_shared_count(None),
        sekisho_challenger_report_own_count(None),
        sekisho_tenants_count(None),
        sekisho_tenants_memory_left(None),
        sekisho_tenant_statistics_count(None),
    ];
    assert_eq!(counts, [0; 16]);

    let (mut text, mut length) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let (text, length) = (&mut text, &mut length);
    for found in [
        sekisho_policy_name(None, Some(text), Some(length)),
        sekisho_policy_name(policy, None, Some(length)),
        sekisho_policy_name(policy, Some(text), None),
        sekisho_policy_version(None, Some(text), Some(length)),
        sekisho_policy_fingerprint(None, Some(text), Some(length)),
        sekisho_policy_currency(None, Some(text), Some(length)),
        sekisho_policy_feature_name(None, 0, Some(text), Some(length)),
        sekisho_policy_feature_definition(None, 0, Some(text), Some(length)),
        sekisho_policy_rule_id(None, 0, Some(text), Some(length)),
        sekisho_event_error(None, Some(text), Some(length)),
        sekisho_error_message(None, Some(text), Some(length)),
        sekisho_error_text(None, Some(text), Some(length)),
        sekisho_error_fault_text(None, 0, Some(text), Some(length)),
        sekisho_decision_reason(None, 0, Some(text), Some(length), None),
        sekisho_decision_hit(None, 0, Some(text), Some(length), None, None),
        sekisho_decision_missing(None, 0, Some(text), Some(length)),
        sekisho_decision_limit(None, 0, Some(text), Some(length), None, None, None),
        sekisho_decision_limit_amounts(None, 0, None, None, None, None),
        sekisho_swap_report_cold(None, 0, Some(text), Some(length)),
        sekisho_swap_report_dropped(None, 0, Some(text), Some(length)),
        sekisho_swap_report_partly_warm(None, 0, Some(text), Some(length), None),
        sekisho_statistics_table_name(None, 0, Some(text), Some(length)),
        sekisho_recovered_policy(None, Some(text), Some(length)),
        sekisho_challenger_report_shared(None, 0, Some(text), Some(length)),
        sekisho_challenger_report_own(None, 0, Some(text), Some(length)),
        sekisho_tenant_statistics_tenant(None, 0, Some(text), Some(length), None, None),
    ] {
        assert_eq!(found, null_handle);
    }
}
