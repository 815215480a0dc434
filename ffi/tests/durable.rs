//! Snapshots and journals through the C ABI: what comes back decides the same to the bit, what is damaged does not
//! come back, and callbacks that fail are told.

mod common;

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use common::*;
use sekisho_ffi::{sekisho_status as status, *};

const KEY: [u8; 32] = [7; 32];

/// Appends to the `Vec<u8>` behind the context.
unsafe extern "C" fn append(context: *mut c_void, bytes: *const u8, length: usize) -> c_int {
    // SAFETY: the tests give a vector, and the library readable bytes.
    unsafe { (*context.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(bytes, length)) };
    0
}

unsafe extern "C" fn append_frame(context: *mut c_void, bytes: *const u8, length: usize) {
    // SAFETY: as above.
    unsafe { append(context, bytes, length) };
}

/// Takes from the `&[u8]` behind the context, a few bytes at a time.
unsafe extern "C" fn take(context: *mut c_void, bytes: *mut u8, length: usize) -> isize {
    // SAFETY: the tests give a slice, and the library writable bytes.
    let (from, to) =
        unsafe { (&mut *context.cast::<&[u8]>(), std::slice::from_raw_parts_mut(bytes, length)) };
    let count = length.min(from.len()).min(1_000);
    let (taken, left) = from.split_at(count);
    to[..count].copy_from_slice(taken);
    *from = left;
    count as isize
}

/// A world whose engine keeps a journal.
fn journalled(frames: *mut Vec<u8>) -> World {
    let mut world = World::new();
    let mut options = made(|place| sekisho_engine_options_new(place));
    // SAFETY: the vector outlives the engine, and the pair names the key's bytes.
    world.engine = made(|place| unsafe {
        let found = sekisho_engine_options_journal(Some(&mut options), Some(append_frame), frames.cast());
        assert_eq!(found, status::Ok);
        sekisho_engine_new_with(Some(&world.policy), Some(&options), 1, KEY.as_ptr(), 32, place, None)
    });
    sekisho_engine_options_free(Some(options));
    world
}

/// Things of all kinds happen.
fn live(world: &mut World, from: i64, to: i64) {
    for n in from..to {
        world.login(n % 90, if n % 3 == 0 { "failed" } else { "succeeded" });
        assert_eq!(world.assess(), status::Ok, "{}", message(&world.event));
        if n % 7 == 0 {
            let (engine, event) = (Some(&*world.engine), Some(&mut *world.event));
            assert_eq!(sekisho_engine_resolve(engine, event, 5, None), status::Ok);
        }
    }
    let (list, member) = (pointer("office_networks"), pointer("192.0.2.0/24"));
    // SAFETY: the pairs name the texts' bytes.
    let added =
        unsafe { sekisho_engine_list_add(Some(&world.engine), list, 15, member, 12, 40, null(), 0, 0, None) };
    assert_eq!(added, status::Ok);
}

/// What the engine would say next, to the bit.
fn saying(world: &mut World) -> Vec<(i32, Vec<Option<u64>>)> {
    let places = sekisho_policy_feature_count(Some(&world.policy));
    let mut say = |n| {
        world.login(n, "failed");
        assert_eq!(set(&mut world.event, sekisho_field::Id as u16, b"another"), status::Ok);
        let (engine, decision) = (Some(&*world.engine), Some(&mut *world.decision));
        assert_eq!(sekisho_engine_score(engine, Some(&mut world.event), decision), status::Ok);
        let decision = Some(&*world.decision);
        let bits = |place| written(|bits| sekisho_decision_feature_bits(decision, place, bits)).ok();
        (sekisho_decision_score(decision), (0..places).map(bits).collect())
    };
    (0..100).map(&mut say).collect()
}

fn snapshot(world: &World) -> (Vec<u8>, sekisho_snapshot_report) {
    let mut bytes = Vec::new();
    let size = size_of::<sekisho_snapshot_report>();
    let mut report = sekisho_snapshot_report { size, ..sekisho_snapshot_report::default() };
    let context = (&raw mut bytes).cast();
    // SAFETY: the callback takes a vector.
    let found =
        unsafe { sekisho_engine_snapshot(Some(&world.engine), Some(append), context, &mut report, None) };
    assert_eq!(found, status::Ok);
    (bytes, report)
}

fn restore(
    world: &World,
    key: [u8; 32],
    mut bytes: &[u8],
    place: Place<'_, sekisho_engine>,
    error: Place<'_, sekisho_error>,
) -> status {
    let (policy, context) = (Some(&*world.policy), (&raw mut bytes).cast());
    // SAFETY: the callback takes a slice, and the pair names the key's bytes.
    unsafe { sekisho_engine_restore(policy, None, 1, key.as_ptr(), 32, Some(take), context, place, error) }
}

fn recover(
    world: &World,
    mut frames: &[u8],
    report: Place<'_, sekisho_recovered>,
    error: Place<'_, sekisho_error>,
) -> status {
    let context = (&raw mut frames).cast();
    // SAFETY: the callback takes a slice.
    unsafe { sekisho_engine_recover(Some(&world.engine), Some(take), context, report, error) }
}

fn told(error: &sekisho_error) -> String {
    lent(|text, length| sekisho_error_message(Some(error), text, length))
}

#[test]
fn a_snapshot_and_the_frames_behind_it_bring_everything_back() {
    let frames = Box::into_raw(Box::<Vec<u8>>::default());
    let mut world = journalled(frames);
    live(&mut world, 0, 60);
    let (bytes, report) = snapshot(&world);
    assert_eq!((report.bytes, report.size), (bytes.len() as u64, size_of_val(&report)));
    assert!(report.entities > 60 && report.next_frame > 60, "{report:?}");
    live(&mut world, 60, 120);
    let expected = saying(&mut world);
    // SAFETY: the engine writes nothing now.
    let journal = unsafe { (*frames).clone() };

    let mut restored = World::new();
    restored.engine = made(|place| restore(&restored, KEY, &bytes, place, None));
    assert_ne!(saying(&mut restored), expected, "what came behind is not in it");
    let recovered = made(|place| recover(&restored, &journal, place, None));
    assert!(sekisho_recovered_is_complete(Some(&recovered)));
    assert_eq!(sekisho_recovered_bytes(Some(&recovered)), journal.len() as u64);
    assert!(sekisho_recovered_frames(Some(&recovered)) > 90);
    assert_eq!(sekisho_recovered_torn(Some(&recovered)), 0);
    let (mut text, mut length) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let none = sekisho_recovered_policy(Some(&recovered), Some(&mut text), Some(&mut length));
    assert_eq!(none, status::NotFound);
    sekisho_recovered_free(Some(recovered));
    assert_eq!(saying(&mut restored), expected);

    // The journal alone, with a tail that was not written to its end.
    let mut whole = World::new();
    let torn = [&journal[..], &[99, 0, 0, 0, 1]].concat();
    let recovered = made(|place| recover(&whole, &torn, place, None));
    assert!(!sekisho_recovered_is_complete(Some(&recovered)));
    assert_eq!(sekisho_recovered_torn(Some(&recovered)), 5);
    assert_eq!(sekisho_recovered_bytes(Some(&recovered)), journal.len() as u64);
    assert_eq!(saying(&mut whole), expected);
    drop(world);
    // SAFETY: made by a box, and nobody writes to it any more.
    drop(unsafe { Box::from_raw(frames) });
}

#[test]
fn a_policy_that_follows_in_the_journal_is_told() {
    let frames = Box::into_raw(Box::<Vec<u8>>::default());
    let mut world = journalled(frames);
    live(&mut world, 0, 10);
    let second = POLICY.replace("version = \"1\"", "version = \"2\"");
    let second = made(|place| parse(&second, place, None));
    assert_eq!(sekisho_engine_swap(Some(&world.engine), Some(&second), None, None), status::Ok);
    world.event = made(|place| sekisho_event_new(Some(&second), place));
    live(&mut world, 10, 20);
    // SAFETY: the engine writes nothing now.
    let journal = unsafe { (*frames).clone() };

    let restored = World::new();
    let recovered = made(|place| recover(&restored, &journal, place, None));
    assert!(!sekisho_recovered_is_complete(Some(&recovered)));
    assert_eq!(lent(|text, length| sekisho_recovered_policy(Some(&recovered), text, length)), "logins 2");
    assert_eq!(sekisho_engine_swap(Some(&restored.engine), Some(&second), None, None), status::Ok);
    let done = usize::try_from(sekisho_recovered_bytes(Some(&recovered))).expect("it is small");
    let rest = made(|place| recover(&restored, &journal[done..], place, None));
    assert!(sekisho_recovered_is_complete(Some(&rest)));
    drop(world);
    // SAFETY: made by a box, and nobody writes to it any more.
    drop(unsafe { Box::from_raw(frames) });
}

#[test]
fn what_is_damaged_or_another_keys_is_refused() {
    let frames = Box::into_raw(Box::<Vec<u8>>::default());
    let mut world = journalled(frames);
    live(&mut world, 0, 30);
    let (bytes, _) = snapshot(&world);
    let refuse = |key, bytes: &[u8]| {
        let mut place = MaybeUninit::uninit();
        let (found, error) = refused(|error| restore(&world, key, bytes, Some(&mut place), error));
        assert_eq!(found, status::Damaged);
        assert_eq!(sekisho_error_status(Some(&error)), status::Damaged);
        told(&error)
    };
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    assert_eq!(
        refuse(KEY, &changed),
        "the snapshot is damaged: a part of it is changed, moved or another snapshot's"
    );
    assert_eq!(refuse(KEY, &bytes[..bytes.len() - 1]), "the snapshot ends early: its last part is missing");
    assert_eq!(refuse(KEY, &[]), "the snapshot ends early: its last part is missing");
    let another = "the snapshot is damaged, or its key has the same number but another secret";
    assert_eq!(refuse([8; 32], &bytes), another);

    // SAFETY: the engine writes nothing now.
    let mut journal = unsafe { (*frames).clone() };
    journal[20] ^= 1;
    let (found, error) = refused(|error| recover(&World::new(), &journal, None, error));
    assert_eq!(found, status::Damaged);
    assert_eq!(told(&error), "the journal's frame 1 is damaged, or was sealed with another key");
    drop(world);
    // SAFETY: made by a box, and nobody writes to it any more.
    drop(unsafe { Box::from_raw(frames) });
}

/// Counts its calls and fails.
unsafe extern "C" fn full(context: *mut c_void, _: *const u8, _: usize) -> c_int {
    // SAFETY: the test gives a number.
    unsafe { *context.cast::<usize>() += 1 };
    28
}

unsafe extern "C" fn broken(_: *mut c_void, _: *mut u8, _: usize) -> isize {
    -5
}

unsafe extern "C" fn boasting(_: *mut c_void, _: *mut u8, length: usize) -> isize {
    length as isize + 1
}

#[test]
fn callbacks_that_fail_are_told() {
    let mut world = World::new();
    live(&mut world, 0, 3);
    let mut calls = 0usize;
    let engine = Some(&*world.engine);
    // SAFETY: the callback counts in a number.
    let (found, error) = refused(|error| unsafe {
        sekisho_engine_snapshot(engine, Some(full), (&raw mut calls).cast(), null_mut(), error)
    });
    assert_eq!((found, calls), (status::Host, 1));
    assert_eq!(told(&error), "the snapshot could not be written: `write` returned 28");

    // SAFETY: the size is refused before anything is written.
    let (found, error) = refused(|error| unsafe {
        let mut report = sekisho_snapshot_report { size: 8, ..sekisho_snapshot_report::default() };
        sekisho_engine_snapshot(engine, Some(full), (&raw mut calls).cast(), &mut report, error)
    });
    assert_eq!((found, calls), (status::OutOfRange, 1));
    assert_eq!(told(&error), "`report`: found a size of 8, expected at least 32");

    for (read, what) in [
        (broken as unsafe extern "C" fn(_, _, _) -> _, "`read` returned -5"),
        (boasting, "`read` was asked for 65536 bytes and gave 65537"),
    ] {
        let (policy, mut place) = (Some(&*world.policy), MaybeUninit::uninit());
        // SAFETY: the callbacks need no context, and the pair names the key's bytes.
        let (found, error) = refused(|error| unsafe {
            let place = Some(&mut place);
            sekisho_engine_restore(policy, None, 1, KEY.as_ptr(), 32, Some(read), null_mut(), place, error)
        });
        assert_eq!((found, told(&error)), (status::Host, format!("the snapshot could not be read: {what}")));
        // SAFETY: the callbacks need no context.
        let (found, error) =
            refused(|error| unsafe { sekisho_engine_recover(engine, Some(read), null_mut(), None, error) });
        assert_eq!((found, told(&error)), (status::Host, format!("the journal could not be read: {what}")));
    }
}

/// The key is replaced and nothing changes; a restart meanwhile takes both keys.
#[test]
fn a_key_is_replaced_and_retired() {
    const OTHER: [u8; 32] = [8; 32];
    let mut frames = Vec::new();
    let mut world = journalled(&raw mut frames);
    live(&mut world, 0, 60);
    let unrotated = |engine: &sekisho_engine| {
        let statistics = made(|place| sekisho_engine_statistics(Some(engine), place));
        let mut all = 0;
        for index in 0..sekisho_statistics_table_count(Some(&statistics)) {
            let mut table = sekisho_table_statistics {
                size: size_of::<sekisho_table_statistics>(),
                ..sekisho_table_statistics::default()
            };
            // SAFETY: the table is writable and says its size.
            assert_eq!(
                unsafe { sekisho_statistics_table(Some(&statistics), index, &raw mut table) },
                status::Ok
            );
            all += table.unrotated;
        }
        sekisho_statistics_free(Some(statistics));
        all
    };
    assert_eq!(unrotated(&world.engine), 0);
    // SAFETY: the pairs name the keys' bytes.
    let rotate = |engine: &sekisho_engine, id: u32, key: &[u8]| unsafe {
        sekisho_engine_rotate(Some(engine), id, key.as_ptr(), key.len(), None)
    };
    assert_eq!(rotate(&world.engine, 1, &OTHER), status::Key);
    assert_eq!(rotate(&world.engine, 2, &OTHER[..31]), status::Key);
    assert_eq!(rotate(&world.engine, 2, &OTHER), status::Ok);
    let before = unrotated(&world.engine);
    assert!(before > 0);
    live(&mut world, 60, 90);
    assert!(unrotated(&world.engine) < before);

    let mut options = made(|place| sekisho_engine_options_new(place));
    // SAFETY: the pairs name the keys' bytes, and the slice outlives the call.
    let recovered = unsafe {
        let given = |options: &mut sekisho_engine_options, length: usize| {
            sekisho_engine_options_previous_key(Some(options), 1, KEY.as_ptr(), length, None)
        };
        assert_eq!(given(&mut options, 30), status::Key);
        assert_eq!(given(&mut options, 32), status::Ok);
        let engine = made(|place| {
            sekisho_engine_new_with(Some(&world.policy), Some(&options), 2, OTHER.as_ptr(), 32, place, None)
        });
        let mut left = frames.as_slice();
        let context = (&raw mut left).cast();
        assert_eq!(sekisho_engine_recover(Some(&engine), Some(take), context, None, None), status::Ok);
        engine
    };
    sekisho_engine_options_free(Some(options));
    assert_eq!(unrotated(&recovered), unrotated(&world.engine));
    let left = unrotated(&recovered);
    let mut dropped = MaybeUninit::new(0);
    assert_eq!(sekisho_engine_retire_key(Some(&recovered), Some(&mut dropped)), status::Ok);
    // SAFETY: it was written, and a number before.
    assert!(unsafe { dropped.assume_init() } >= left);
    assert_eq!(unrotated(&recovered), 0);
    assert_eq!(sekisho_engine_retire_key(Some(&recovered), None), status::Ok);
    assert_eq!(sekisho_engine_retire_key(None, None), status::NullHandle);
    sekisho_engine_free(Some(recovered));
}
