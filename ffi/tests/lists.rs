//! Lists through the C ABI: gathered, loaded, swapped, shared.

mod common;

use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};

use common::*;
use sekisho_ffi::{sekisho_status as status, *};

const SHARED: &str = "[policy]\nname = \"s\"\nversion = \"1\"\ncurrency = \"JPY\"\n[[list]]\nname = \"shared\"\nof = \"device\"\n\
     key = \"consortium\"\n[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";

unsafe extern "C" fn append(context: *mut c_void, bytes: *const u8, length: usize) -> c_int {
    // SAFETY: the tests give a vector, and the library readable bytes.
    unsafe { (*context.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(bytes, length)) };
    0
}

unsafe extern "C" fn fail(_: *mut c_void, _: *const u8, _: usize) -> c_int {
    3
}

fn prepare(engine: &sekisho_engine, list: &str) -> Box<sekisho_members> {
    // SAFETY: the pair names the text's bytes.
    made(|place| unsafe { sekisho_engine_list_prepare(Some(engine), pointer(list), list.len(), place, None) })
}

fn add(members: &mut sekisho_members, member: &str, severity: u8, error: Place<'_, sekisho_error>) -> status {
    let (reason, source) = ("mule", "police");
    // SAFETY: the pairs name the texts' bytes.
    unsafe {
        sekisho_members_add(
            Some(members),
            pointer(member),
            member.len(),
            severity,
            pointer(reason),
            reason.len(),
            pointer(source),
            source.len(),
            0,
            error,
        )
    }
}

fn length(engine: &sekisho_engine, list: &str) -> usize {
    // SAFETY: the pair names the text's bytes.
    let found = written(|place| unsafe {
        sekisho_engine_list_length(Some(engine), pointer(list), list.len(), place, None)
    });
    found.unwrap()
}

#[test]
fn members_are_gathered_loaded_and_swapped() {
    let world = World::new();
    let list = "office_networks";
    let before = length(&world.engine, list);
    let mut members = prepare(&world.engine, list);
    assert_eq!(add(&mut members, "198.18.0.0/15", 10, None), status::Ok);
    assert_eq!(add(&mut members, "2001:db8::/48", 10, None), status::Ok);
    let (found, error) = refused(|error| add(&mut members, "198.51.100.0/24", 101, error));
    assert_eq!(found, status::OutOfRange);
    let told = lent(|text, length| sekisho_error_message(Some(&error), text, length));
    assert!(told.contains("found a severity of 101"), "{told}");
    // SAFETY: nothing is pointed to.
    let more = written(|place| unsafe {
        sekisho_engine_list_load(Some(&world.engine), Some(&mut members), place, None)
    });
    assert_eq!((more, length(&world.engine, list)), (Ok(2), before + 2));
    // They are empty now.
    assert_eq!(refused(|error| add(&mut members, "198.51.100.0/24", 10, error)).0, status::NotFound);
    sekisho_members_free(Some(members));

    let mut members = prepare(&world.engine, list);
    assert_eq!(add(&mut members, "192.0.2.0/24", 10, None), status::Ok);
    // SAFETY: the pair names the text's bytes.
    let count = written(|place| unsafe {
        let (engine, members) = (Some(&*world.engine), Some(&mut *members));
        sekisho_engine_list_swap(engine, members, pointer("november"), 8, place, None)
    });
    assert_eq!((count, length(&world.engine, list)), (Ok(1), 1));
    sekisho_members_free(Some(members));
    let mut number = std::mem::MaybeUninit::uninit();
    // SAFETY: the pairs name the texts' bytes, and the buffer what `filled` gives.
    let name = filled(|buffer, capacity, length| unsafe {
        let (engine, place) = (Some(&*world.engine), None);
        sekisho_engine_list_version(engine, pointer(list), list.len(), buffer, capacity, length, place, None)
    });
    assert_eq!(name, "november");
    let mut room = [0; 8];
    let mut written = std::mem::MaybeUninit::uninit();
    // SAFETY: as above.
    unsafe {
        let (engine, place) = (Some(&*world.engine), Some(&mut number));
        let (buffer, length) = (room.as_mut_ptr(), Some(&mut written));
        let found =
            sekisho_engine_list_version(engine, pointer(list), list.len(), buffer, 8, length, place, None);
        assert_eq!((found, number.assume_init()), (status::Ok, 2));
    }
}

#[test]
fn bundles_are_sealed_opened_and_merged() {
    let policy = made(|place| parse(SHARED, place, None));
    let mut options = made(|place| sekisho_engine_options_new(place));
    // SAFETY: the pairs name the bytes of the texts and keys.
    let engine = unsafe {
        let without = refused(|error| {
            let mut place = std::mem::MaybeUninit::uninit();
            let options = Some(&*options);
            sekisho_engine_new_with(Some(&policy), options, 1, [7; 32].as_ptr(), 32, Some(&mut place), error)
        });
        assert_eq!(without.0, status::Key);
        let key = [9; 32];
        let found = sekisho_engine_options_shared_key(
            Some(&mut options),
            pointer("consortium"),
            10,
            70,
            key.as_ptr(),
            32,
            None,
        );
        assert_eq!(found, status::Ok);
        made(|place| {
            sekisho_engine_new_with(Some(&policy), Some(&options), 1, [7; 32].as_ptr(), 32, place, None)
        })
    };
    let sealed = |devices: [&str; 2]| {
        let mut members = prepare(&engine, "shared");
        for device in devices {
            assert_eq!(add(&mut members, device, 10, None), status::Ok);
        }
        let mut bytes: Vec<u8> = Vec::new();
        let to = (&raw mut bytes).cast();
        // SAFETY: the context is the vector that the function takes.
        unsafe {
            let (engine, known) = (Some(&*engine), Some(&*members));
            assert_eq!(sekisho_engine_list_seal(engine, known, Some(append), to, None), status::Ok);
            assert_eq!(sekisho_engine_list_seal(engine, known, Some(fail), null_mut(), None), status::Host);
        }
        sekisho_members_free(Some(members));
        bytes
    };
    let [first, mut second] = [["d-1", "d-2"], ["d-2", "d-3"]].map(sealed);
    // SAFETY: the pairs name the text's and the bundle's bytes.
    let open = |bytes: &[u8], place: Place<'_, sekisho_members>, error: Place<'_, sekisho_error>| unsafe {
        let (list, engine) = (pointer("shared"), Some(&*engine));
        sekisho_engine_list_open(engine, list, 6, bytes.as_ptr(), bytes.len(), place, error)
    };
    let mut merged = made(|place| open(&first, place, None));
    let mut other = made(|place| open(&second, place, None));
    // SAFETY: nothing is pointed to.
    unsafe {
        assert_eq!(sekisho_members_merge(&mut *merged, &mut *merged, None), status::Ok);
        assert_eq!(sekisho_members_merge(&mut *merged, &mut *other, None), status::Ok);
        let (one, two) = (&raw mut *merged, &raw mut *other);
        assert_eq!(refused(|error| sekisho_members_merge(one, two, error)).0, status::NotFound);
        assert_eq!(refused(|error| sekisho_members_merge(two, two, error)).0, status::NotFound);
        let (engine, name) = (Some(&*engine), null());
        assert_eq!(sekisho_engine_list_swap(engine, Some(&mut merged), name, 0, None, None), status::Ok);
    }
    assert_eq!(length(&engine, "shared"), 3);
    if let Some(byte) = second.last_mut() {
        *byte ^= 1;
    }
    let mut place = std::mem::MaybeUninit::uninit();
    let (found, error) = refused(|error| open(&second, Some(&mut place), error));
    assert_eq!(found, status::Damaged);
    let told = lent(|text, length| sekisho_error_message(Some(&error), text, length));
    assert!(told.contains("damaged or cut off"), "{told}");
    sekisho_members_free(Some(merged));
    sekisho_members_free(Some(other));
    sekisho_engine_free(Some(engine));
    sekisho_engine_options_free(Some(options));
    sekisho_policy_free(Some(policy));
}

#[test]
fn members_of_another_key_are_refused_and_stay() {
    let world = World::new();
    // SAFETY: the pair names the key's bytes.
    let stranger = made(|place| unsafe {
        sekisho_engine_new(Some(&world.policy), 1, [8; 32].as_ptr(), 32, place, None)
    });
    let list = "office_networks";
    let (mut own, mut members) = (prepare(&world.engine, list), prepare(&stranger, list));
    assert_eq!(add(&mut members, "192.0.2.0/24", 10, None), status::Ok);
    let (engine, name) = (Some(&*world.engine), pointer("theirs"));
    // SAFETY: the pair names the text's bytes.
    unsafe {
        let (one, two) = (&raw mut *own, &raw mut *members);
        assert_eq!(refused(|error| sekisho_members_merge(one, two, error)).0, status::Key);
        let load = |error: Place<'_, sekisho_error>| {
            sekisho_engine_list_load(engine, Some(&mut members), None, error)
        };
        assert_eq!(refused(load).0, status::Key);
        let swap = |error: Place<'_, sekisho_error>| {
            sekisho_engine_list_swap(engine, Some(&mut members), name, 6, None, error)
        };
        assert_eq!(refused(swap).0, status::Key);
        let (engine, members) = (Some(&*stranger), Some(&mut *members));
        assert_eq!(sekisho_engine_list_swap(engine, members, name, 6, None, None), status::Ok);
    }
    assert_eq!(length(&stranger, list), 1);
    for members in [own, members] {
        sekisho_members_free(Some(members));
    }
    sekisho_engine_free(Some(stranger));
}

const IDENTITIES: &str = "[policy]\nname = \"i\"\nversion = \"1\"\ncurrency = \"JPY\"\nlocale = \"ja\"\n\
     [[list]]\nname = \"homes\"\nof = \"address\"\nkind = \"address\"\nlevel = \"number\"\n\
     [[list]]\nname = \"people\"\nof = \"holder_name\"\nkind = \"name\"\n\
     [[rule]]\nid = \"home\"\nwhen = 'list_reason(\"homes\", shipping_address) == \"drop\"'\n\
     points = 'list_level(\"homes\", shipping_address) * 10'\n\
     [[rule]]\nid = \"person\"\nwhen = 'in_list(\"people\", holder_name)'\npoints = 100\n\
     [decision]\nbands = [{ from = 0, action = \"allow\" }]\n";

#[test]
fn addresses_and_names_are_listed_with_a_reason() {
    let mut world = World::of(IDENTITIES);
    let engine = &world.engine;
    let add = |list: &str, member: &str, error: Place<'_, sekisho_error>| {
        let (reason, source) = ("drop", "carrier");
        // SAFETY: the pairs name the texts' bytes.
        unsafe {
            sekisho_engine_list_add_with_reason(
                Some(engine),
                pointer(list),
                list.len(),
                pointer(member),
                member.len(),
                50,
                pointer(reason),
                reason.len(),
                pointer(source),
                source.len(),
                0,
                error,
            )
        }
    };
    assert_eq!(add("homes", "東京都新宿区西新宿2-8-1 サンハイツ405", None), status::Ok);
    assert_eq!(add("people", "ヤマダ タロウ", None), status::Ok);
    let (found, error) = refused(|error| add("homes", "サンハイツ405", error));
    assert_eq!(found, status::OutOfRange);
    let told = lent(|text, length| sekisho_error_message(Some(&error), text, length));
    assert!(told.contains("found an address without a city or without numbers"), "{told}");
    assert_eq!(refused(|error| add("people", "゛", error)).0, status::OutOfRange);
    for (address, name, expected) in [
        ("新宿区西新宿二丁目8番1号 405号室", "ﾔﾏﾀﾞﾀﾛｳ", 160),
        ("新宿区西新宿2-8-1 サンハイツ406", "山田太郎", 50),
        ("新宿区西新宿2-8-2", "ヤマダ ジロウ", 0),
    ] {
        world.login(1, "failed");
        assert_eq!(
            set(&mut world.event, sekisho_field::ShippingAddress as u16, address.as_bytes()),
            status::Ok
        );
        assert_eq!(set(&mut world.event, sekisho_field::HolderName as u16, name.as_bytes()), status::Ok);
        assert_eq!(world.assess(), status::Ok);
        assert_eq!(sekisho_decision_score(Some(&world.decision)), expected, "{address}");
    }
}
