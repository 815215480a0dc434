//! Tenants through the C ABI: handles that outlive them, a budget for all, files that nobody else can open.

mod common;

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use common::*;
use sekisho_ffi::{sekisho_status as status, *};

const MEBIBYTE: usize = 1 << 20;

fn options(mebibytes: usize) -> Box<sekisho_engine_options> {
    let mut options = made(|place| sekisho_engine_options_new(place));
    assert_eq!(sekisho_engine_options_memory(Some(&mut options), mebibytes * MEBIBYTE), status::Ok);
    options
}

/// Adds a tenant whose key is so many times the same byte.
fn add(
    tenants: &sekisho_tenants,
    name: &str,
    (secret, mebibytes): (u8, usize),
    engine: Place<'_, sekisho_engine>,
    error: Place<'_, sekisho_error>,
) -> status {
    let (policy, options, key) = (made(|place| parse(POLICY, place, None)), options(mebibytes), [secret; 32]);
    let (tenants, policy, options) = (Some(tenants), Some(&*policy), Some(&*options));
    // SAFETY: the pairs name the name's and the key's bytes.
    unsafe {
        sekisho_tenants_add(
            tenants,
            pointer(name),
            name.len(),
            policy,
            options,
            1,
            key.as_ptr(),
            32,
            engine,
            error,
        )
    }
}

fn get(tenants: &sekisho_tenants, name: &str, engine: Place<'_, sekisho_engine>) -> status {
    // SAFETY: the pair names the name's bytes.
    unsafe { sekisho_tenants_get(Some(tenants), pointer(name), name.len(), engine) }
}

fn remove(tenants: &sekisho_tenants, name: &str) -> Result<bool, status> {
    // SAFETY: the pair names the name's bytes.
    written(|removed| unsafe { sekisho_tenants_remove(Some(tenants), pointer(name), name.len(), removed) })
}

fn told(error: &sekisho_error) -> String {
    lent(|text, length| sekisho_error_message(Some(error), text, length))
}

/// A world with the engine of a tenant.
fn world(tenants: &sekisho_tenants, name: &str) -> World {
    World { engine: made(|place| get(tenants, name, place)), ..World::new() }
}

#[test]
fn tenants_share_a_budget_and_nothing_else() {
    let tenants = made(|place| sekisho_tenants_new(64 * MEBIBYTE, place));
    let acme = made(|place| add(&tenants, "acme", (1, 40), place, None));
    let (found, error) = refused(|error| add(&tenants, "acme", (2, 8), None, error));
    assert_eq!((found, sekisho_error_status(Some(&error))), (status::Taken, status::Taken));
    assert_eq!(told(&error), "`acme`: a tenant has this name already; remove it first, or take another name");
    let (found, error) = refused(|error| add(&tenants, "zenith", (2, 32), None, error));
    assert_eq!(found, status::OutOfRange);
    assert!(told(&error).contains("25165824 of 67108864 are left"), "{}", told(&error));
    assert_eq!(add(&tenants, "zenith", (2, 24), None, None), status::Ok, "without a handle");
    assert_eq!(add(&tenants, "", (2, 24), None, None), status::Empty);
    assert_eq!((sekisho_tenants_count(Some(&tenants)), sekisho_tenants_memory_left(Some(&tenants))), (2, 0));

    let (mut at_acme, mut at_zenith) = (world(&tenants, "acme"), world(&tenants, "zenith"));
    for n in 0..4 {
        at_acme.login(n, "failed");
        assert_eq!(at_acme.assess(), status::Ok);
    }
    at_zenith.login(4, "failed");
    assert_eq!(at_zenith.assess(), status::Ok);
    assert_eq!(at_acme.integer("ip_failed_accounts_10m"), Ok(3));
    assert_eq!(at_zenith.integer("ip_failed_accounts_10m"), Ok(0));

    let statistics = made(|place| sekisho_tenants_statistics(Some(&tenants), place));
    let tenant = |index| {
        let (mut memory, mut bytes) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let name = lent(|text, length| {
            let places = (Some(&mut memory), Some(&mut bytes));
            sekisho_tenant_statistics_tenant(Some(&statistics), index, text, length, places.0, places.1)
        });
        // SAFETY: success writes both.
        unsafe { (name, memory.assume_init() / MEBIBYTE, bytes.assume_init() > 0) }
    };
    assert_eq!(sekisho_tenant_statistics_count(Some(&statistics)), 2);
    assert_eq!((tenant(0), tenant(1)), (("acme".to_owned(), 40, true), ("zenith".to_owned(), 24, true)));
    let (mut text, mut length) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let beyond = sekisho_tenant_statistics_tenant(
        Some(&statistics),
        2,
        Some(&mut text),
        Some(&mut length),
        None,
        None,
    );
    assert_eq!(beyond, status::NotFound);
    sekisho_tenant_statistics_free(Some(statistics));

    // Handles outlive the tenant and the registry.
    assert_eq!((remove(&tenants, "acme"), remove(&tenants, "acme")), (Ok(true), Ok(false)));
    assert_eq!(get(&tenants, "acme", Some(&mut MaybeUninit::uninit())), status::NotFound);
    at_acme.login(7, "failed");
    assert_eq!(at_acme.assess(), status::Ok);
    assert_eq!(at_acme.integer("ip_failed_accounts_10m"), Ok(4));
    sekisho_engine_free(Some(acme));
    assert_eq!(sekisho_tenants_memory_left(Some(&tenants)), 0, "one handle is left");
    drop(at_acme);
    assert_eq!(sekisho_tenants_memory_left(Some(&tenants)), 40 * MEBIBYTE);
    sekisho_tenants_free(Some(tenants));
    at_zenith.login(8, "failed");
    assert_eq!(at_zenith.assess(), status::Ok);
}

unsafe extern "C" fn append(context: *mut c_void, bytes: *const u8, length: usize) -> c_int {
    // SAFETY: the test gives a vector, and the library readable bytes.
    unsafe { (*context.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(bytes, length)) };
    0
}

unsafe extern "C" fn take(context: *mut c_void, bytes: *mut u8, length: usize) -> isize {
    // SAFETY: the test gives a slice, and the library writable bytes.
    let (from, to) =
        unsafe { (&mut *context.cast::<&[u8]>(), std::slice::from_raw_parts_mut(bytes, length)) };
    let (taken, left) = from.split_at(length.min(from.len()));
    to[..taken.len()].copy_from_slice(taken);
    *from = left;
    taken.len() as isize
}

#[test]
fn a_tenant_is_restored_with_its_own_key_alone() {
    let tenants = made(|place| sekisho_tenants_new(64 * MEBIBYTE, place));
    assert_eq!(add(&tenants, "acme", (1, 16), None, None), status::Ok);
    let mut at_acme = world(&tenants, "acme");
    for n in 0..3 {
        at_acme.login(n, "failed");
        assert_eq!(at_acme.assess(), status::Ok);
    }
    let mut bytes: Vec<u8> = Vec::new();
    let context = (&raw mut bytes).cast();
    // SAFETY: the callback takes a vector.
    let found =
        unsafe { sekisho_engine_snapshot(Some(&at_acme.engine), Some(append), context, null_mut(), None) };
    assert_eq!(found, status::Ok);
    let (policy, options) = (made(|place| parse(POLICY, place, None)), options(16));
    let restore =
        |name: &str, secret: u8, engine: Place<'_, sekisho_engine>, error: Place<'_, sekisho_error>| {
            let (key, mut from) = ([secret; 32], &bytes[..]);
            let context = (&raw mut from).cast();
            let (tenants, policy, options) = (Some(&*tenants), Some(&*policy), Some(&*options));
            let (name, length) = (pointer(name), name.len());
            // SAFETY: the pairs name the name's and the key's bytes, and the callback takes a slice.
            unsafe {
                let (key, read) = (key.as_ptr(), Some(take as _));
                sekisho_tenants_restore(
                    tenants, name, length, policy, options, 1, key, 32, read, context, engine, error,
                )
            }
        };
    assert_eq!(restore("acme", 1, None, None), status::Taken);
    let (found, error) = refused(|error| restore("zenith", 2, None, error));
    assert_eq!(found, status::Damaged);
    assert_eq!(told(&error), "the snapshot is damaged, or its key has the same number but another secret");
    assert_eq!(sekisho_tenants_memory_left(Some(&tenants)), 48 * MEBIBYTE);
    let engine = made(|place| restore("copy", 1, place, None));
    let mut copy = World { engine, ..World::new() };
    copy.login(9, "failed");
    assert_eq!(copy.assess(), status::Ok);
    assert_eq!(copy.integer("ip_failed_accounts_10m"), Ok(3));
}

#[test]
fn null_is_a_status() {
    let null_handle = status::NullHandle;
    let tenants = made(|place| sekisho_tenants_new(64 * MEBIBYTE, place));
    let policy = made(|place| parse(POLICY, place, None));
    let (some, policy, name, key) = (Some(&*tenants), Some(&*policy), pointer("acme"), [1u8; 32]);
    let key = key.as_ptr();
    let mut place = MaybeUninit::uninit();
    assert_eq!(sekisho_tenants_new(1, None), null_handle);
    assert_eq!(sekisho_tenants_statistics(None, Some(&mut MaybeUninit::uninit())), null_handle);
    assert_eq!(sekisho_tenants_statistics(some, None), null_handle);
    // SAFETY: NULL is refused before anything is read; the other pairs name their own bytes.
    unsafe {
        let add = |tenants, name, policy, key| {
            sekisho_tenants_add(tenants, name, 4, policy, None, 1, key, 32, None, None)
        };
        assert_eq!(add(None, name, policy, key), null_handle);
        assert_eq!(add(some, null(), policy, key), null_handle);
        assert_eq!(add(some, name, None, key), null_handle);
        assert_eq!(add(some, name, policy, null()), null_handle);
        assert_eq!(add(some, name, policy, key), status::OutOfRange, "a gibibyte without options");
        let restore = |tenants, read| {
            let context = null_mut();
            sekisho_tenants_restore(tenants, name, 4, policy, None, 1, key, 32, read, context, None, None)
        };
        assert_eq!(restore(None, Some(take as _)), null_handle);
        assert_eq!(restore(some, None), null_handle);
        assert_eq!(sekisho_tenants_get(None, name, 4, Some(&mut place)), null_handle);
        assert_eq!(sekisho_tenants_get(some, null(), 4, Some(&mut place)), null_handle);
        assert_eq!(sekisho_tenants_get(some, name, 4, None), null_handle);
        assert_eq!(sekisho_tenants_get(some, name, 4, Some(&mut place)), status::NotFound);
        assert_eq!(sekisho_tenants_get(some, c"\xff".as_ptr(), 1, Some(&mut place)), status::Utf8);
        assert_eq!(sekisho_tenants_remove(None, name, 4, None), null_handle);
        assert_eq!(sekisho_tenants_remove(some, null(), 4, None), null_handle);
        assert_eq!(sekisho_tenants_remove(some, name, 4, None), status::Ok, "there was none");
    }
}
