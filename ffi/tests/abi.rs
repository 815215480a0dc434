//! What C can get wrong: NULL, bytes that are no text, other types, numbers that nothing has. Each is a
//! status with a message that names the field, nothing is recorded, and nothing crashes.

mod common;

use std::mem::MaybeUninit;
use std::ptr::null;

use common::*;
use sekisho_ffi::{sekisho_status as status, *};

#[test]
fn a_stream_is_decided_and_read() {
    let mut world = World::new();
    for n in 0..4 {
        world.login(n, "failed");
        assert_eq!(world.assess(), status::Ok, "{}", message(&world.event));
    }
    let decision = Some(&*world.decision);
    assert_eq!(sekisho_decision_action(decision), sekisho_action::Deny);
    assert_eq!(sekisho_decision_score(decision), 950);
    assert_eq!(sekisho_decision_strength(decision), 0);
    assert_eq!(sekisho_decision_obligations(decision), 0);
    assert!(!sekisho_decision_is_repeated(decision));
    assert_eq!(sekisho_decision_reason_count(decision), 2);
    let mut points = MaybeUninit::uninit();
    let code = lent(|text, length| sekisho_decision_reason(decision, 0, text, length, Some(&mut points)));
    // SAFETY: success writes the points.
    assert_eq!((code.as_str(), unsafe { points.assume_init() }), ("CREDENTIAL_STUFFING", 900));
    assert_eq!(sekisho_decision_hit_count(decision), 2);
    let mut live = MaybeUninit::uninit();
    let id = lent(|text, length| sekisho_decision_hit(decision, 1, text, length, None, Some(&mut live)));
    // SAFETY: success writes the flag.
    assert_eq!((id.as_str(), unsafe { live.assume_init() }), ("new_device", true));
    assert_eq!(sekisho_decision_missing_count(decision), 0);

    let place = world.feature("ip_failed_accounts_10m");
    assert_eq!(world.integer("ip_failed_accounts_10m"), Ok(3));
    let name = lent(|text, length| sekisho_decision_feature_name(decision, place, text, length));
    assert_eq!(name, "ip_failed_accounts_10m");
    assert_eq!(written(|bits| sekisho_decision_feature_bits(decision, place, bits)), Ok(3));
    assert_eq!(
        written(|value| sekisho_decision_feature_number(decision, place, value)),
        Err(status::WrongType)
    );
    assert_eq!(sekisho_decision_feature_presence(decision, place), sekisho_presence::Exact);

    // SAFETY: the buffer is `capacity` bytes, as `filled` makes it.
    let told = filled(|buffer, capacity, length| unsafe {
        sekisho_decision_explain(decision, Some(&world.event), buffer, capacity, length)
    });
    assert!(told.starts_with("score 950, deny\n") && !told.contains("secret"), "{told}");
    // SAFETY: as above.
    let record = filled(|buffer, capacity, length| unsafe {
        sekisho_decision_record(decision, Some(&world.event), buffer, capacity, length, None)
    });
    assert!(record.starts_with('{') && !record.contains("secret"), "{record}");

    let mut replayed = made(|place| sekisho_decision_new(place));
    // SAFETY: the pair names the record's bytes.
    let replay = |decision: &mut sekisho_decision, json: &str| unsafe {
        sekisho_decision_replay(Some(&world.policy), pointer(json), json.len(), Some(decision), None)
    };
    assert_eq!(replay(&mut replayed, &record), status::Ok);
    assert_eq!(sekisho_decision_score(Some(&replayed)), 950);
    assert_eq!(written(|bits| sekisho_decision_feature_bits(Some(&replayed), place, bits)), Ok(3));
    // SAFETY: the pair names the record's bytes.
    let event = made(|place| unsafe {
        sekisho_event_from_record(Some(&world.policy), pointer(&record), record.len(), place, None)
    });
    // SAFETY: the buffer is `capacity` bytes, as `filled` makes it.
    let again = filled(|buffer, capacity, length| unsafe {
        sekisho_decision_explain(Some(&replayed), Some(&event), buffer, capacity, length)
    });
    assert_eq!(again, told);
    assert_eq!(replay(&mut replayed, "{}"), status::Record);
    assert_eq!(sekisho_decision_action(Some(&replayed)), sekisho_action::None);
}

#[test]
fn a_decision_says_which_policy_made_it() {
    let mut world = World::new();
    let mut place = MaybeUninit::uninit();
    assert_eq!(sekisho_decision_policy(Some(&world.decision), Some(&mut place)), status::NotFound);
    let fingerprint =
        |policy: &sekisho_policy| lent(|text, length| sekisho_policy_fingerprint(Some(policy), text, length));
    let stricter = include_str!("../../examples/policies/logins_stricter.toml");
    let next = made(|place| parse(stricter, place, None));
    for n in 0..2 {
        let expected = if n == 0 { &world.policy } else { &next };
        let expected = fingerprint(expected);
        world.login(n, "failed");
        assert_eq!(world.assess(), status::Ok);
        // Another thread may put the next one in force before this one looks.
        if n == 0 {
            assert_eq!(sekisho_engine_swap(Some(&world.engine), Some(&next), None, None), status::Ok);
        }
        let decided = made(|place| sekisho_decision_policy(Some(&world.decision), place));
        assert_eq!(fingerprint(&decided), expected);
        sekisho_policy_free(Some(decided));
    }
    let beyond = sekisho_policy_feature_count(Some(&next));
    let (mut text, mut length) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let found =
        sekisho_decision_feature_name(Some(&world.decision), beyond, Some(&mut text), Some(&mut length));
    assert_eq!(found, status::NotFound);
    sekisho_policy_free(Some(next));
}

#[test]
fn values_that_are_refused_name_the_field_and_change_nothing() {
    let mut world = World::new();
    world.login(1, "failed");
    let event = &mut *world.event;
    let number = |name: sekisho_field| name as u16;

    for (name, bytes, expected, told) in [
        (
            sekisho_field::Account,
            &b"a\xffb"[..],
            status::Utf8,
            "`account`: found bytes that are not UTF-8 at offset 1",
        ),
        (
            sekisho_field::DeviceModel,
            b"\xc3",
            status::Utf8,
            "`device.model`: found bytes that are not UTF-8 at offset 0",
        ),
        (sekisho_field::Account, b"", status::Empty, "`account`: found an empty identifier"),
        (
            sekisho_field::Account,
            &[b'x'; 600],
            status::TooLong,
            "`account`: found an identifier of 600 bytes",
        ),
        (sekisho_field::Ip, b"secret-host", status::OutOfRange, "`ip`: found text that is no IP address"),
        (sekisho_field::Currency, b"XYZ", status::UnknownCurrency, "`currency`: found \"XYZ\""),
        (
            sekisho_field::AmountMinor,
            b"12",
            status::WrongType,
            "`amount_minor`: found text, expected an integer",
        ),
        (
            sekisho_field::Channel,
            b"4111 1111 1111 1111",
            status::CardNumber,
            "`channel`: found what looks like a card",
        ),
    ] {
        assert_eq!(set(event, number(name), bytes), expected, "{told}");
        assert!(message(event).starts_with(told), "expected {told}, found {}", message(event));
        assert!(!message(event).contains("secret"));
    }
    for (found, expected, told) in [
        (
            sekisho_event_set_number(Some(event), number(sekisho_field::Latitude), f64::NAN),
            status::NotFinite,
            "`latitude`",
        ),
        (
            sekisho_event_set_boolean(Some(event), number(sekisho_field::Account), true),
            status::WrongType,
            "`account`: found a boolean",
        ),
        (
            sekisho_event_set_integer(Some(event), number(sekisho_field::AmountMinor), i64::MAX),
            status::Overflow,
            "`amount_minor`",
        ),
        (
            sekisho_event_set_integer(Some(event), number(sekisho_field::Time), -1),
            status::Time,
            "`time`: found -1",
        ),
        (
            sekisho_event_set_integer(Some(event), 0, 1),
            status::UnknownName,
            "no event field has the number 0",
        ),
        (
            sekisho_event_set_integer(Some(event), 999, 1),
            status::UnknownName,
            "no event field has the number 999",
        ),
        (
            sekisho_event_unset(Some(event), u16::MAX),
            status::UnknownName,
            "no event field has the number 65535",
        ),
    ] {
        assert_eq!(found, expected, "{told}");
    }
    // SAFETY: NULL is refused before anything is read.
    let found = unsafe { sekisho_event_set_text(Some(event), number(sekisho_field::Ip), null(), 5) };
    assert_eq!(found, status::NullHandle);
    assert_eq!(message(event), "`ip`: found NULL with a length of 5");
    // SAFETY: no bytes are named.
    let found = unsafe { sekisho_event_set_parsed(Some(event), number(sekisho_field::Ip), null(), 0) };
    assert_eq!(found, status::Empty);

    // The event still is what it was, and a success takes the message away.
    assert_eq!(world.assess(), status::Ok);
    assert_eq!(message(&world.event), "");
    assert_eq!(world.integer("account_failures_1h"), Ok(0));
}

#[test]
fn a_refused_event_is_not_recorded_and_leaves_no_decision() {
    let mut world = World::new();
    world.login(1, "failed");
    assert_eq!(world.assess(), status::Ok);
    assert_eq!(sekisho_decision_action(Some(&world.decision)), sekisho_action::Allow);

    world.login(2, "failed");
    sekisho_event_unset(Some(&mut world.event), sekisho_field::Type as u16);
    assert_eq!(world.assess(), status::Absent);
    assert_eq!(message(&world.event), "`type`: this field is absent, every event has one");
    let decision = Some(&*world.decision);
    assert_eq!(sekisho_decision_action(decision), sekisho_action::None);
    assert_eq!(sekisho_decision_score(decision), -1);
    assert_eq!(sekisho_decision_hit_count(decision), 0);
    assert_eq!(written(|bits| sekisho_decision_feature_bits(decision, 0, bits)), Err(status::NotFound));

    let late = NOON + 2 * 86_400_000;
    world.login(3, "failed");
    sekisho_event_set_integer(Some(&mut world.event), sekisho_field::Time as u16, late);
    let mut recorded = MaybeUninit::new(true);
    let found = sekisho_engine_record(Some(&world.engine), Some(&mut world.event), Some(&mut recorded));
    assert_eq!(found, status::Time);
    assert_eq!(sekisho_engine_advance(Some(&world.engine), late, None), status::Ok);
    for expected in [true, false] {
        let call = |place: Option<&mut MaybeUninit<bool>>| {
            sekisho_engine_record(Some(&world.engine), Some(&mut world.event), place)
        };
        assert_eq!(written(call), Ok(expected));
    }
    assert_eq!(world.assess(), status::Ok);
    assert!(sekisho_decision_is_repeated(Some(&world.decision)));
    assert_eq!(refused(|error| sekisho_engine_advance(Some(&world.engine), -1, error)).0, status::Time);
    // Nobody is needed any more a century later.
    assert_eq!(sekisho_engine_advance(Some(&world.engine), late + 100 * 365 * 86_400_000, None), status::Ok);
    let mut gone = MaybeUninit::new(0);
    assert_eq!(sekisho_engine_expire(Some(&world.engine), Some(&mut gone), None), status::Ok);
    assert!(unsafe { gone.assume_init() } > 0);
    assert_eq!(sekisho_engine_expire(Some(&world.engine), None, None), status::Ok);
}

#[test]
fn outcomes_and_labels_are_learnt() {
    let mut world = World::new();
    world.login(1, "pending");
    assert_eq!(world.assess(), status::Ok);
    let engine = Some(&*world.engine);
    let mut event = Some(&mut *world.event);
    for (outcome, expected) in [(0, status::OutOfRange), (9, status::OutOfRange), (5, status::Ok)] {
        assert_eq!(sekisho_engine_resolve(engine, event.as_deref_mut(), outcome, None), expected);
    }
    for (label, at, expected) in [
        (0, NOON + 1, status::OutOfRange),
        (3, NOON + 1, status::OutOfRange),
        (1, NOON, status::Time),
        (2, NOON + 1, status::Ok),
    ] {
        assert_eq!(sekisho_engine_label(engine, event.as_deref_mut(), label, at, None), expected);
    }
    world.login(2, "failed");
    let World { engine, event, .. } = &mut world;
    let known =
        |place: Option<&mut MaybeUninit<bool>>| sekisho_engine_resolve(Some(engine), Some(event), 5, place);
    assert_eq!(written(known), Ok(false));
    assert_eq!(world.assess(), status::Ok);
    assert_eq!(world.integer("ip_failed_accounts_10m"), Ok(1), "the first was resolved as failed");
}

#[test]
fn policies_report_every_fault_with_its_place() {
    let faulty = POLICY.replace("device_known == 0", "device_unknown == 0").replace("\"deny\"", "\"denny\"");
    let line_of = |text| faulty.lines().position(|line| line.contains(text)).expect("it was put there") + 1;
    let lines = [line_of("device_unknown"), line_of("denny")];
    let mut policy = MaybeUninit::uninit();
    let (found, error) = refused(|error| parse(&faulty, Some(&mut policy), error));
    assert_eq!((found, sekisho_error_status(Some(&error))), (status::Policy, status::Policy));
    assert_eq!(
        lent(|text, length| sekisho_error_message(Some(&error), text, length)),
        "the policy has 2 faults"
    );
    assert_eq!(sekisho_error_fault_count(Some(&error)), 2);
    let all = lent(|text, length| sekisho_error_text(Some(&error), text, length));
    for (index, expected) in lines.into_iter().enumerate() {
        let file = lent(|text, length| sekisho_error_fault_file(Some(&error), index, text, length));
        let message = lent(|text, length| sekisho_error_fault_message(Some(&error), index, text, length));
        let rendered = lent(|text, length| sekisho_error_fault_text(Some(&error), index, text, length));
        let (mut line, mut column) = (MaybeUninit::<usize>::uninit(), MaybeUninit::<usize>::uninit());
        let found = sekisho_error_fault_position(Some(&error), index, Some(&mut line), Some(&mut column));
        assert_eq!(found, status::Ok);
        // SAFETY: success writes both.
        let (line, column) = unsafe { (line.assume_init(), column.assume_init()) };
        assert!(rendered.starts_with(&format!("{file}:{line}:{column}: {message}\n")), "{rendered}");
        assert!(all.contains(&rendered) && rendered.contains('^'), "{all}");
        assert_eq!((file.as_str(), line), ("p.toml", expected), "{rendered}");
    }
    let (mut text, mut length) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let found = sekisho_error_fault_text(Some(&error), 2, Some(&mut text), Some(&mut length));
    assert_eq!(found, status::NotFound);

    // SAFETY: the pair names two bytes.
    let (found, error) = refused(|error| unsafe {
        sekisho_policy_parse(b"\xc3\x28".as_ptr().cast(), 2, null(), 0, Some(&mut policy), error)
    });
    assert_eq!(found, status::Utf8);
    assert_eq!(sekisho_error_fault_count(Some(&error)), 0);
    let told = lent(|text, length| sekisho_error_text(Some(&error), text, length));
    assert_eq!(told, "`text`: found bytes that are not UTF-8 at offset 0");
}

#[test]
fn policies_describe_themselves() {
    let world = World::new();
    let policy = Some(&*world.policy);
    assert_eq!(lent(|text, length| sekisho_policy_name(policy, text, length)), "logins");
    assert_eq!(lent(|text, length| sekisho_policy_version(policy, text, length)), "1");
    assert_eq!(lent(|text, length| sekisho_policy_currency(policy, text, length)), "JPY");
    assert_eq!(lent(|text, length| sekisho_policy_fingerprint(policy, text, length)).len(), 64);
    assert_eq!(sekisho_policy_feature_count(policy), 3);
    assert_eq!(lent(|text, length| sekisho_policy_feature_name(policy, 2, text, length)), "device_known");
    let definition = lent(|text, length| sekisho_policy_feature_definition(policy, 0, text, length));
    assert!(definition.starts_with("distinct of account by ip over 10m"), "{definition}");
    let kind = written(|place| sekisho_policy_feature_type(policy, 0, place));
    assert_eq!(kind, Ok(sekisho_feature_type::Integer));
    assert_eq!(written(|place| sekisho_policy_feature_type(policy, 3, place)), Err(status::NotFound));
    assert_eq!(sekisho_policy_rule_count(policy), 3);
    assert_eq!(lent(|text, length| sekisho_policy_rule_id(policy, 1, text, length)), "guessing");
    let kind = |field| written(|place| sekisho_policy_field_kind(policy, field, place));
    assert_eq!(kind(sekisho_field::Id as u16), Ok(sekisho_field_kind::Identifier));
    assert_eq!(kind(sekisho_field::Latitude as u16), Ok(sekisho_field_kind::Number));
    assert_eq!(kind(1000), Err(status::UnknownName));

    // SAFETY: the pair names the text's bytes.
    let field = |name: &str, error: Place<'_, sekisho_error>| unsafe {
        let mut place = MaybeUninit::uninit();
        let found = sekisho_policy_field(policy, pointer(name), name.len(), Some(&mut place), error);
        if found == status::Ok {
            assert_eq!(place.assume_init(), sekisho_field::DeviceModel as u16)
        }
        found
    };
    assert_eq!(field("device.model", None), status::Ok);
    let (found, error) = refused(|error| field("device.modle", error));
    assert_eq!(found, status::UnknownName);
    let told = lent(|text, length| sekisho_error_message(Some(&error), text, length));
    assert_eq!(told, "`device.modle`: no such event field; did you mean `device.model`?");
}

#[test]
fn lists_and_policies_change_under_a_running_engine() {
    let mut world = World::new();
    // SAFETY: the pairs name the texts' bytes.
    let add = |list: &str, member: &str, severity, error: Place<'_, sekisho_error>| unsafe {
        let (list, list_length) = (pointer(list), list.len());
        let (member, member_length) = (pointer(member), member.len());
        sekisho_engine_list_add(
            Some(&world.engine),
            list,
            list_length,
            member,
            member_length,
            severity,
            null(),
            0,
            0,
            error,
        )
    };
    let told = |error: &sekisho_error| lent(|text, length| sekisho_error_message(Some(error), text, length));
    assert_eq!(add("office_networks", "203.0.113.0/24", 10, None), status::Ok);
    let (found, error) = refused(|error| add("office_network", "203.0.113.0/24", 10, error));
    assert_eq!(found, status::UnknownName);
    assert!(told(&error).contains("did you mean `office_networks`?"), "{}", told(&error));
    let (found, error) = refused(|error| add("office_networks", "secret", 10, error));
    assert_eq!(found, status::OutOfRange);
    assert!(!told(&error).contains("secret"), "{}", told(&error));
    let (found, error) = refused(|error| add("office_networks", "203.0.113.0/24", 101, error));
    assert_eq!(
        (found, told(&error).as_str()),
        (status::OutOfRange, "`severity`: found 101, expected 0 to 100")
    );

    for n in 0..4 {
        world.login(n, "failed");
        assert_eq!(world.assess(), status::Ok);
    }
    assert_eq!(sekisho_decision_score(Some(&world.decision)), 50, "the network is on the list");
    let members = |engine| {
        // SAFETY: the pair names the text's bytes.
        written(|place| unsafe {
            sekisho_engine_list_length(engine, pointer("office_networks"), 15, place, None)
        })
    };
    assert_eq!(members(Some(&world.engine)), Ok(2));
    for expected in [true, false] {
        let (list, member) = ("office_networks", "203.0.113.0/24");
        // SAFETY: the pairs name the texts' bytes.
        let removed = written(|place| unsafe {
            let engine = Some(&*world.engine);
            sekisho_engine_list_remove(
                engine,
                pointer(list),
                list.len(),
                pointer(member),
                member.len(),
                place,
                None,
            )
        });
        assert_eq!(removed, Ok(expected));
    }

    let changed =
        POLICY.replace("version = \"1\"", "version = \"2\"").replace("account_failures_1h", "failures_1h");
    let changed = changed.replace(
        "[decision]",
        "[[feature]]\nname = \"new\"\naggregate = \"count\"\nby = [\"merchant\"]\n\n[decision]",
    );
    let second = made(|place| parse(&changed, place, None));
    let report = made(|place| sekisho_engine_swap(Some(&world.engine), Some(&second), place, None));
    assert_eq!(sekisho_swap_report_cold_count(Some(&report)), 1);
    assert_eq!(lent(|text, length| sekisho_swap_report_cold(Some(&report), 0, text, length)), "new");
    let policy = made(|place| sekisho_engine_policy(Some(&world.engine), place));
    assert_eq!(lent(|text, length| sekisho_policy_version(Some(&policy), text, length)), "2");
    sekisho_swap_report_free(Some(report));

    // An event with the old policy's fields still fits: neither declares any.
    world.login(5, "failed");
    assert_eq!(world.assess(), status::Ok);
    assert_eq!(sekisho_decision_action(Some(&world.decision)), sekisho_action::Deny);
    let other = POLICY.replace("[[list]]", "[[attribute]]\nname = \"tier\"\ntype = \"text\"\n\n[[list]]");
    let third = made(|place| parse(&other, place, None));
    let report = made(|place| sekisho_engine_swap(Some(&world.engine), Some(&third), place, None));
    assert_eq!(sekisho_swap_report_dropped_count(Some(&report)), 1);
    let dropped = lent(|text, length| sekisho_swap_report_dropped(Some(&report), 0, text, length));
    assert_eq!(dropped, "histories of merchant");
    sekisho_swap_report_free(Some(report));
    assert_eq!(world.assess(), status::Schema);
}

#[test]
fn keys_have_32_bytes() {
    let world = World::new();
    let mut place = MaybeUninit::uninit();
    // SAFETY: the pair names the key's bytes.
    let (found, error) = refused(|error| unsafe {
        sekisho_engine_new(Some(&world.policy), 1, [1u8; 31].as_ptr(), 31, Some(&mut place), error)
    });
    assert_eq!(found, status::Key);
    let told = lent(|text, length| sekisho_error_message(Some(&error), text, length));
    assert_eq!(told, "`key`: found 31 bytes, a key has exactly 32");
    sekisho_error_free(Some(error));
}

/// An engine within bounds, or why there is none.
fn bounded(
    world: &World,
    memory: usize,
    tables: &[(&str, usize)],
    engine: Place<'_, sekisho_engine>,
    error: Place<'_, sekisho_error>,
) -> status {
    let mut options = made(|place| sekisho_engine_options_new(place));
    assert_eq!(sekisho_engine_options_memory(Some(&mut options), memory), status::Ok);
    let key = [7u8; 32];
    // SAFETY: the pairs name the texts' and the key's bytes.
    let found = unsafe {
        for (entity, bytes) in tables {
            let options = Some(&mut *options);
            let name = pointer(entity);
            assert_eq!(
                sekisho_engine_options_table_memory(options, name, entity.len(), *bytes, None),
                status::Ok
            );
        }
        sekisho_engine_new_with(Some(&world.policy), Some(&options), 1, key.as_ptr(), 32, engine, error)
    };
    sekisho_engine_options_free(Some(options));
    found
}

#[test]
fn memory_is_bounded_and_counted() {
    let mut world = World::new();
    let told = |error: &sekisho_error| lent(|text, length| sekisho_error_message(Some(error), text, length));
    let (found, error) = refused(|error| bounded(&world, 1 << 24, &[("acount", 1 << 22)], None, error));
    assert_eq!((found, told(&error).as_str()), (status::NullHandle, "`engine`: found NULL"));
    let mut place = MaybeUninit::uninit();
    let (found, error) =
        refused(|error| bounded(&world, 1 << 24, &[("acount", 1 << 22)], Some(&mut place), error));
    assert_eq!(found, status::UnknownName);
    assert!(told(&error).contains("did you mean \"account\"?"), "{}", told(&error));
    let (found, error) =
        refused(|error| bounded(&world, 1 << 24, &[("account", 9)], Some(&mut place), error));
    assert_eq!(found, status::OutOfRange);
    assert!(told(&error).starts_with("`account`: found a budget of 9 bytes"), "{}", told(&error));

    world.engine = made(|place| bounded(&world, 1 << 24, &[("account", 1 << 22)], place, None));
    for n in 0..3 {
        world.login(n, "failed");
        assert_eq!(world.assess(), status::Ok);
    }
    let statistics = made(|place| sekisho_engine_statistics(Some(&world.engine), place));
    let names: Vec<String> = (0..sekisho_statistics_table_count(Some(&statistics)))
        .map(|n| lent(|text, length| sekisho_statistics_table_name(Some(&statistics), n, text, length)))
        .collect();
    let account = names.iter().position(|name| name == "account").expect("the policy counts by account");
    let mut table =
        sekisho_table_statistics { size: size_of::<sekisho_table_statistics>(), ..Default::default() };
    let read = |index, table: &mut sekisho_table_statistics| {
        // SAFETY: the structure is as large as it says, or says less.
        unsafe { sekisho_statistics_table(Some(&statistics), index, table) }
    };
    assert_eq!(read(account, &mut table), status::Ok);
    assert_eq!((table.entities, table.events, table.budget), (3, 3, 1 << 22));
    assert_eq!((table.evicted, table.expired, table.approximate), (0, 0, 0));
    assert!((1..4096).contains(&table.bytes), "{table:?}");
    assert_eq!(read(names.len(), &mut table), status::NotFound);
    table.size = 8;
    assert_eq!(read(account, &mut table), status::OutOfRange);
    // A program that knows of more is told how much there is.
    let mut larger = [table; 2];
    larger[0].size = size_of_val(&larger);
    assert_eq!(read(account, &mut larger[0]), status::Ok);
    assert_eq!((larger[0].size, larger[0].entities), (size_of::<sekisho_table_statistics>(), 3));
    sekisho_statistics_free(Some(statistics));

    let forget = |entity: &str,
                  id: &str,
                  known: Option<&mut MaybeUninit<bool>>,
                  error: Place<'_, sekisho_error>| {
        let engine = Some(&*world.engine);
        // SAFETY: the pairs name the texts' bytes.
        unsafe {
            sekisho_engine_forget(engine, pointer(entity), entity.len(), pointer(id), id.len(), known, error)
        }
    };
    assert_eq!(written(|known| forget("account", "a-1", known, None)), Ok(true));
    assert_eq!(written(|known| forget("account", "a-1", known, None)), Ok(false));
    assert_eq!(forget("account", "a-2", None, None), status::Ok);
    let (found, error) = refused(|error| forget("acount", "secret", None, error));
    assert_eq!(found, status::UnknownName);
    assert_eq!(told(&error), "`acount`: there is no such entity; did you mean \"account\"?");
    let statistics = made(|place| sekisho_engine_statistics(Some(&world.engine), place));
    table.size = size_of::<sekisho_table_statistics>();
    // SAFETY: the structure is as large as it says.
    assert_eq!(unsafe { sekisho_statistics_table(Some(&statistics), account, &mut table) }, status::Ok);
    assert_eq!(table.entities, 1);

    let longer = POLICY.replace("over = \"10m\"", "over = \"90d\"");
    let longer = made(|place| parse(&longer, place, None));
    let report = made(|place| sekisho_engine_swap(Some(&world.engine), Some(&longer), place, None));
    assert_eq!(sekisho_swap_report_partly_warm_count(Some(&report)), 1);
    let mut since = MaybeUninit::uninit();
    let name = lent(|text, length| {
        sekisho_swap_report_partly_warm(Some(&report), 0, text, length, Some(&mut since))
    });
    // SAFETY: success writes the time.
    assert_eq!((name.as_str(), unsafe { since.assume_init() } < NOON), ("ip_failed_accounts_10m", true));

    // An entity that the new policy counts by finds no memory left.
    let tables = [("account", 1 << 20), ("ip", 1 << 20)];
    world.engine = made(|place| bounded(&world, 2 << 20, &tables, place, None));
    let hungry = "[[feature]]\nname = \"new\"\naggregate = \"count\"\nby = [\"merchant\"]\n\n[decision]";
    let hungry = POLICY.replace("[decision]", hungry);
    let hungry = made(|place| parse(&hungry, place, None));
    let (found, error) =
        refused(|error| sekisho_engine_swap(Some(&world.engine), Some(&hungry), None, error));
    assert_eq!(found, status::OutOfRange);
    assert!(told(&error).starts_with("`merchant`: found a budget of 0 bytes"), "{}", told(&error));
}

#[test]
fn one_engine_serves_many_threads() {
    let world = World::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (policy, engine) = (&*world.policy, &*world.engine);
            scope.spawn(move || {
                let mut event = made(|place| sekisho_event_new(Some(policy), place));
                let mut decision = made(|place| sekisho_decision_new(place));
                for n in 0..200 {
                    sekisho_event_clear(Some(&mut event));
                    set(&mut event, sekisho_field::Id as u16, format!("e-{thread}-{n}").as_bytes());
                    set(&mut event, sekisho_field::Type as u16, b"login");
                    set(&mut event, sekisho_field::Account as u16, format!("a-{thread}").as_bytes());
                    set(&mut event, sekisho_field::Outcome as u16, b"failed");
                    sekisho_event_set_integer(Some(&mut event), sekisho_field::Time as u16, NOON + n);
                    let found = sekisho_engine_assess(Some(engine), Some(&mut event), Some(&mut decision));
                    assert_eq!(found, status::Ok);
                    let expected = if n < 2 { 0 } else { 999.min(150 * n) };
                    assert_eq!(i64::from(sekisho_decision_score(Some(&decision))), expected);
                }
            });
        }
    });
}
