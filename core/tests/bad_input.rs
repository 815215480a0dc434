//! What is refused, how the message reads, and that a refused event changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use proptest::prelude::*;
use sekisho::{
    Engine, ErrorKind, Event, FIELDS, Field, FieldKind, HashKey, Label, ListEntry, Outcome, Policy,
};

const NOW: i64 = 1_767_225_600_000;
const DAY: i64 = 86_400_000;

const POLICY: &str = r#"
[policy]
name = "bad input"
version = "1"
currency = "JPY"
required_fields = ["channel"]

[[attribute]]
name = "card_status"
type = "text"
values = ["ordered", "delivered"]

[[list]]
name = "devices"
of = "device"

[[list]]
name = "offices"
of = "ip"
kind = "cidr"

[[feature]]
name = "payments"
aggregate = "count"
by = ["account"]
over = "1d"

[[rule]]
id = "strict"
when = 'amount_minor > 100'
points = 1
on_missing = "fail"

[decision]
bands = [{ from = 0, action = "allow" }]
"#;

fn engine() -> Engine {
    Engine::new(Policy::from_toml(POLICY).unwrap(), HashKey::new(1, [9; 32]))
}

fn event(engine: &Engine) -> Event {
    let mut event = engine.event();
    for (field, text) in
        [(Field::TYPE, "payment"), (Field::CHANNEL, "app"), (Field::ID, "e-1"), (Field::ACCOUNT, "a-1")]
    {
        event.set(field, text).unwrap();
    }
    event.set(Field::TIME, NOW).unwrap();
    event.set(Field::AMOUNT_MINOR, 500).unwrap();
    event
}

#[test]
fn setters_refuse_with_the_fields_name_and_kind() {
    let engine = engine();
    let mut event = event(&engine);
    let before = format!("{event:?}");
    let long_identifier = "x".repeat(513);
    let long_text = "x".repeat(4097);
    let cases: Vec<(&str, sekisho::FieldValue<'_>, ErrorKind, &str)> = vec![
        ("account", "".into(), ErrorKind::Empty, "empty identifier"),
        ("account", (&long_identifier).into(), ErrorKind::TooLong, "513 bytes"),
        ("account", 1.5.into(), ErrorKind::WrongType, "found a number, expected an identifier"),
        ("account", true.into(), ErrorKind::WrongType, "found a boolean"),
        ("channel", "".into(), ErrorKind::Empty, "empty text"),
        ("channel", (&long_text).into(), ErrorKind::TooLong, "4097 bytes"),
        ("channel", 5.into(), ErrorKind::WrongType, "found an integer, expected text"),
        ("channel", "my card 4111 1111 1111 1111".into(), ErrorKind::CardNumber, "card number"),
        ("amount_minor", "500".into(), ErrorKind::WrongType, "found text, expected an integer"),
        ("amount_minor", i64::MAX.into(), ErrorKind::Overflow, "±2^53"),
        ("amount_minor", ((1i64 << 53) + 1).into(), ErrorKind::Overflow, "±2^53"),
        ("amount_minor", 1.0.into(), ErrorKind::WrongType, "found a number, expected an integer"),
        ("currency", "YEN".into(), ErrorKind::UnknownCurrency, "\"YEN\""),
        ("currency", "jpy".into(), ErrorKind::UnknownCurrency, "ISO 4217"),
        ("latitude", f64::NAN.into(), ErrorKind::NotFinite, "NaN"),
        ("longitude", f64::INFINITY.into(), ErrorKind::NotFinite, "inf"),
        ("latitude", 91.0.into(), ErrorKind::OutOfRange, "-90 to 90"),
        ("radius_km", (-1.0).into(), ErrorKind::OutOfRange, "0 to"),
        ("time", (-1).into(), ErrorKind::Time, "since 1970"),
        ("time", (NOW * 1000).into(), ErrorKind::Time, "after the year 9999"),
        ("time", "yesterday".into(), ErrorKind::WrongType, "found text, expected a time"),
        ("ip", "203.0.113".into(), ErrorKind::OutOfRange, "no IP address"),
        ("country", "jp".into(), ErrorKind::OutOfRange, "capital letters"),
        ("mcc", "54".into(), ErrorKind::OutOfRange, "four digits"),
        ("bin", "41".into(), ErrorKind::OutOfRange, "4 to 8 digits"),
        ("asn", "ASX".into(), ErrorKind::OutOfRange, "autonomous system"),
        ("type", "loign".into(), ErrorKind::OutOfRange, "expected one of login"),
        ("outcome", "ok".into(), ErrorKind::OutOfRange, "approved"),
        ("card_status", "lost".into(), ErrorKind::OutOfRange, "ordered, delivered"),
        ("device.rooted", "true".into(), ErrorKind::WrongType, "found text, expected a boolean"),
    ];
    for (name, value, kind, part) in cases {
        let field = event.schema().field(name).unwrap();
        let error = event.set(field, value).expect_err(name);
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.field(), Some(name));
        assert!(error.message().starts_with(&format!("`{name}`: ")), "{error}");
        assert!(error.message().contains(part), "{error}");
        assert!(!error.message().contains('\n'));
    }
    assert_eq!(format!("{event:?}"), before, "a refused value changes nothing");
    let error = event.schema().field("acount").unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::UnknownName, Some("acount")));
    assert!(error.message().contains("did you mean `account`?"), "{error}");
}

#[test]
fn a_refused_event_changes_nothing() {
    let engine = engine();
    engine.assess(&event(&engine)).unwrap();
    let remembered = engine.statistics();
    let refused = |change: &dyn Fn(&mut Event), kind: ErrorKind, field: &str| {
        let mut event = event(&engine);
        event.set(Field::ID, "e-2").unwrap();
        change(&mut event);
        let error = engine.assess(&event).expect_err(field);
        assert_eq!((error.kind(), error.field()), (kind, Some(field)), "{error}");
        assert_eq!(engine.statistics(), remembered);
        error.to_string()
    };
    refused(&|event| event.unset(Field::TYPE), ErrorKind::Absent, "type");
    refused(&|event| event.unset(Field::TIME), ErrorKind::Absent, "time");
    refused(&|event| event.unset(Field::CHANNEL), ErrorKind::Absent, "channel");
    refused(&|event| event.unset(Field::AMOUNT_MINOR), ErrorKind::Missing, "strict");
    let ahead = refused(&|event| event.set(Field::TIME, NOW + DAY + 1).unwrap(), ErrorKind::Time, "time");
    assert!(ahead.contains("1d1ms ahead"), "{ahead}");
    let seconds = refused(&|event| event.set(Field::TIME, NOW / 1_000).unwrap(), ErrorKind::Time, "time");
    assert!(seconds.contains("seconds"), "{seconds}");

    let mut foreign = Event::of("payment", NOW).unwrap();
    foreign.set(Field::CHANNEL, "app").unwrap();
    assert_eq!(engine.assess(&foreign).unwrap_err().kind(), ErrorKind::Schema);

    // A day ahead exactly is taken, and so is more once the host states the time.
    let mut later = event(&engine);
    later.set(Field::ID, "e-3").unwrap();
    later.set(Field::TIME, NOW + DAY).unwrap();
    engine.assess(&later).unwrap();
    later.set(Field::ID, "e-4").unwrap();
    later.set(Field::TIME, NOW + 9 * DAY).unwrap();
    assert!(engine.assess(&later).is_err());
    engine.advance(NOW + 9 * DAY).unwrap();
    engine.assess(&later).unwrap();
    assert!(engine.advance(-1).is_err() && engine.advance(NOW / 1_000).is_err());
}

/// Single amounts fit; more than a thousand of the largest do not, and the error names the feature.
#[test]
fn a_sum_beyond_64_bits_is_an_error_and_no_wrap() {
    let policy = Policy::from_toml(
        "[policy]\nname = \"sums\"\nversion = \"1\"\ncurrency = \"JPY\"\n[[feature]]\nname = \"total\"\n\
         aggregate = \"sum\"\nof = \"amount_minor\"\nby = [\"account\"]\nover = \"1d\"\n\
         [decision]\nbands = [{ from = 0, action = \"allow\" }]\n",
    )
    .unwrap();
    let engine = Engine::new(policy, HashKey::new(1, [9; 32]));
    let event = |n: i64| {
        let event = Event::of("payment", NOW + n).unwrap().with("account", "a").unwrap();
        event.with("amount_minor", 1i64 << 53).unwrap()
    };
    let mut decision = sekisho::Decision::detailed();
    for n in 0..1024 {
        engine.assess_into(&event(n), &mut decision).unwrap();
    }
    assert_eq!(decision.features().next().unwrap().value(), &sekisho::Value::Integer(1023 << 53));
    let remembered = engine.statistics();
    let error = engine.assess_into(&event(1024), &mut decision).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Overflow, Some("total")));
    assert_eq!(engine.statistics(), remembered);
    assert!(decision.policy().is_none() && decision.features().next().is_none(), "no stale answer");
}

#[test]
fn what_is_learnt_later_wants_an_id_and_a_sane_time() {
    let engine = engine();
    let mut nameless = event(&engine);
    nameless.unset(Field::ID);
    engine.assess(&nameless).unwrap();
    for error in [
        engine.resolve(&nameless, Outcome::Approved).unwrap_err(),
        engine.label(&nameless, Label::Fraud, NOW).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.field()), (ErrorKind::Absent, Some("id")));
    }
    let known = event(&engine);
    assert!(!engine.label(&known, Label::Fraud, NOW).unwrap(), "never recorded");
    engine.assess(&known).unwrap();
    assert_eq!(engine.label(&known, Label::Fraud, NOW - 1).unwrap_err().field(), Some("labelled_at"));
    assert!(engine.label(&known, Label::Fraud, NOW).unwrap());
}

#[test]
fn lists_refuse_what_they_cannot_hold() {
    let engine = engine();
    assert_eq!(engine.list_add("device", "d", ListEntry::new()).unwrap_err().kind(), ErrorKind::UnknownName);
    assert_eq!(engine.list_add("devices", "", ListEntry::new()).unwrap_err().kind(), ErrorKind::Empty);
    assert_eq!(
        engine.list_add("offices", "10.0.0.0/99", ListEntry::new()).unwrap_err().kind(),
        ErrorKind::OutOfRange
    );
    assert!(!engine.list_remove("devices", "nobody").unwrap());
    assert_eq!(engine.list_len("devices").unwrap(), 0);
}

#[test]
fn keys_have_32_bytes() {
    let error = HashKey::from_bytes(1, b"short").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
    assert!(error.to_string().contains("found 5 bytes"));
}

/// Nothing that the library prints, serialises or refuses with shows an identifier.
#[test]
fn identifiers_are_never_shown() {
    const SECRET: &str = "7777777";
    let engine = engine();
    let mut event = event(&engine);
    for spec in FIELDS.iter().filter(|spec| matches!(spec.kind(), FieldKind::Entity | FieldKind::Identifier))
    {
        let value = match spec.name() {
            "ip" => "10.77.77.77".to_owned(),
            "bin" => SECRET.to_owned(),
            "asn" => SECRET.to_owned(),
            "card" => format!("411111{SECRET}"),
            _ => format!("who-{SECRET}"),
        };
        event.set(spec.field(), &value).unwrap();
    }
    let mut decision = sekisho::Decision::detailed();
    engine.assess_into(&event, &mut decision).unwrap();
    let record = decision.record(&event).unwrap();
    let mut shown = vec![
        format!("{event:?}"),
        format!("{decision:?}"),
        format!("{engine:?}"),
        decision.explain(&event).to_string(),
        record.to_json(),
        format!("{record:?}"),
    ];
    let long = SECRET.repeat(100);
    for spec in FIELDS.iter().filter(|spec| spec.kind() == FieldKind::Entity) {
        if let Err(error) = event.set(spec.field(), &long) {
            shown.push(error.to_string());
        }
        let broken = format!("{SECRET}?");
        if let Err(error) = event.set(spec.field(), &broken) {
            shown.push(error.to_string());
        }
    }
    if let Err(error) = engine.list_add("offices", &long, ListEntry::new()) {
        shown.push(error.to_string());
    }
    for text in shown {
        assert!(!text.contains(SECRET) && !text.contains("77.77"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_value_panics(
        number in 0u16..1100,
        text in ".{0,40}",
        integer in any::<i64>(),
        float in any::<f64>(),
        flag in any::<bool>(),
    ) {
        let engine = engine();
        let mut event = event(&engine);
        if let Ok(field) = event.schema().field_of_number(number) {
            let _ = event.set(field, &text);
            let _ = event.set(field, integer);
            let _ = event.set(field, float);
            let _ = event.set(field, flag);
            let _ = event.set_parsed(field, &text);
            let _ = event.set_parsed(field, &integer.to_string());
            let _ = engine.assess(&event);
            let _ = engine.resolve(&event, Outcome::Declined);
        }
    }

    #[test]
    fn no_policy_panics(text in ".{0,200}", line in 0usize..60, cut in 0usize..2_000) {
        let _ = Policy::from_toml(&text);
        let _ = Policy::from_json(&text);
        let _ = Policy::from_json(&format!("{{{text}}}"));
        // A good policy with one line replaced, and one that ends too early.
        let lines: Vec<&str> = POLICY.lines().collect();
        let mut spoilt: Vec<&str> = lines.clone();
        if let Some(place) = spoilt.get_mut(line) {
            *place = &text;
        }
        let _ = Policy::from_toml(&spoilt.join("\n"));
        let _ = Policy::from_toml(POLICY.get(..cut).unwrap_or(POLICY));
    }

    #[test]
    fn no_record_panics(text in ".{0,200}", at in 0usize..3_000, byte in any::<u8>()) {
        let _ = sekisho::DecisionRecord::from_json(&text);
        let engine = engine();
        let event = event(&engine);
        let mut decision = sekisho::Decision::detailed();
        engine.assess_into(&event, &mut decision).unwrap();
        let mut bytes = decision.record(&event).unwrap().to_json().into_bytes();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(record) = sekisho::DecisionRecord::from_json(&text)
        {
            let _ = record.replay(&engine.policy());
        }
    }
}
