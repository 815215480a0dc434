//! Features of devices in an engine: what is known, what is said of it, and what survives.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod common;

use common::{DAY, HOUR, NOW, features, key, policy, scored, value};
use sekisho::{Decision, Engine, Event, Field, HashKey, Policy, Value};

const DEVICES: &str = r#"
[[feature]]
name = "device_percent"
aggregate = "device_match"
by = ["account"]
over = "180d"
where = 'type == "login" && outcome == "succeeded"'

[[feature]]
name = "device_bits"
aggregate = "device_match"
of = "bits"
by = ["account"]
over = "180d"
where = 'type == "login" && outcome == "succeeded"'

[[feature]]
name = "device_state"
aggregate = "device_match"
of = "state"
by = ["account"]
over = "180d"
where = 'type == "login" && outcome == "succeeded"'

[[feature]]
name = "device_contradictions"
aggregate = "device_match"
of = "contradictions"
by = ["account"]
over = "180d"
where = 'type == "login" && outcome == "succeeded"'

[[feature]]
name = "strange"
expression = 'device_state < 2 && device_percent < 90.0'

[[feature]]
name = "lies"
aggregate = "inconsistencies"

[[feature]]
name = "lies_of_touch"
aggregate = "inconsistencies"
of = "touch"

[[rule]]
id = "strange_device"
when = 'strange'
points = 300
reason = "DEVICE"

[[rule]]
id = "lying_device"
when = 'lies > 0'
points = 300
reason = "DEVICE_LIES"
"#;

fn devices() -> Policy {
    policy(DEVICES)
}

/// A desktop that nobody else has; `version` of its browser.
fn desktop(number: usize, time: i64, account: &str, version: u32) -> Event {
    let mut event = Event::of("login", time).unwrap().with("account", account).unwrap();
    for (name, value) in [
        ("outcome", "succeeded".to_owned()),
        ("browser.user_agent", format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{version}.0.0.0")),
        ("browser.name", "Chrome".to_owned()),
        ("browser.version", format!("{version}.0.6000.{}", version % 7)),
        ("browser.platform", "Windows".to_owned()),
        ("browser.canvas", format!("canvas {number}")),
        ("browser.webgl", format!("webgl {}", number / 2)),
        ("browser.gpu", format!("graphics {}", number / 8)),
        ("browser.fonts", format!("fonts {number}")),
        ("browser.time_zone", "Asia/Tokyo".to_owned()),
        ("browser.language", "ja".to_owned()),
        ("browser.screen_width", format!("{}", 1_000 + number % 10)),
        ("browser.screen_height", "1080".to_owned()),
        ("tls_fingerprint", format!("tls {}", version / 4)),
    ] {
        let field = event.schema().field(name).unwrap();
        event.set_parsed(field, &value).unwrap();
    }
    event
}

/// Two thousand accounts with a desktop each, so that it is known what is rare.
fn populated(policy: Policy) -> Engine {
    let engine = Engine::builder(policy, key()).memory(256 << 20).build().unwrap();
    for number in 0..2_000 {
        engine.record(&desktop(number, NOW + number as i64, &format!("a-{number}"), 122)).unwrap();
    }
    engine
}

fn number(engine: &Engine, event: &Event, name: &str) -> f64 {
    match value(engine, event, name) {
        Value::Number(number) => number,
        Value::Integer(number) => number as f64,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_update_is_explained() {
    let engine = populated(devices());
    let updated = desktop(7, NOW + 20 * HOUR, "a-7", 123);
    assert_eq!(value(&engine, &updated, "device_state"), Value::Integer(1));
    let percent = number(&engine, &updated, "device_percent");
    assert!((75.0..90.0).contains(&percent), "{percent}");
    let text = scored(&engine, &updated).explain(&updated).to_string();
    let expected = format!("\ndevice: {} % like a known device; changed: browser version", percent as u32);
    assert!(text.ends_with(&expected), "{text}");
    // The same machine as it was is more like, and one that says that it is older is not the same.
    let same = desktop(7, NOW + 20 * HOUR, "a-7", 122);
    assert!(number(&engine, &same, "device_percent") > percent);
    let older = desktop(7, NOW + 20 * HOUR, "a-7", 121);
    assert_eq!(value(&engine, &older, "device_contradictions"), Value::Integer(1));
    assert_eq!(value(&engine, &older, "device_state"), Value::Integer(0));
    // Whoever logs in from a machine of somebody else's is a stranger.
    let stranger = desktop(8, NOW + 20 * HOUR, "a-7", 122);
    assert_eq!(number(&engine, &stranger, "device_percent"), 0.0);
    assert!(number(&engine, &stranger, "device_bits") < 0.0);
}

#[test]
fn nothing_known_and_nothing_to_know() {
    let engine = populated(devices());
    let first = desktop(9_000, NOW + HOUR, "a-new", 120);
    assert_eq!(value(&engine, &first, "device_percent"), Value::Missing);
    assert_eq!(value(&engine, &first, "device_bits"), Value::Missing);
    assert_eq!(value(&engine, &first, "device_state"), Value::Integer(0));
    assert_eq!(value(&engine, &first, "device_contradictions"), Value::Integer(0));
    let bare = Event::of("login", NOW + HOUR).unwrap().with("account", "a-7").unwrap();
    let mut nobody = desktop(7, NOW + HOUR, "a-7", 120);
    nobody.unset(Field::ACCOUNT);
    for event in [bare, nobody] {
        for name in ["device_percent", "device_bits", "device_state", "device_contradictions"] {
            assert_eq!(value(&engine, &event, name), Value::Missing, "{name}");
        }
    }
    // What was recorded without a device is no sighting of one.
    let engine = Engine::new(devices(), key());
    engine
        .record(
            &Event::of("login", NOW)
                .unwrap()
                .with("account", "a-1")
                .unwrap()
                .with("outcome", "succeeded")
                .unwrap(),
        )
        .unwrap();
    assert_eq!(value(&engine, &desktop(1, NOW + HOUR, "a-1", 120), "device_percent"), Value::Missing);
}

#[test]
fn a_hundred_devices_on_one_account() {
    let engine = populated(devices());
    for number in 3_000..3_100 {
        engine
            .record(&desktop(
                number,
                NOW + (number as i64 - 2_999) * 1_000,
                "a-many",
                110 + number as u32 % 20,
            ))
            .unwrap();
    }
    // Each of them is still known, those that were seen before all others too.
    for number in 3_000..3_100 {
        let event = desktop(number, NOW + HOUR, "a-many", 110 + number as u32 % 20);
        let decision = scored(&engine, &event);
        let found = features(&decision);
        let percent = found.iter().find(|(name, ..)| name == "device_percent").unwrap();
        assert!(matches!(percent.1, Value::Number(percent) if percent > 80.0), "{number}: {percent:?}");
    }
    // A history that has no room for all says so.
    let small = policy(DEVICES).fingerprint().to_owned();
    let text = format!("{}events = 4\n{DEVICES}{}", common::HEAD, common::BANDS);
    let engine = Engine::new(Policy::from_toml(&text).unwrap(), key());
    assert_ne!(small, engine.policy().fingerprint());
    for number in 0..9 {
        engine.record(&desktop(number, NOW + number as i64, "a-1", 120)).unwrap();
    }
    let decision = scored(&engine, &desktop(1, NOW + HOUR, "a-1", 120));
    for (name, found, approximate) in features(&decision).into_iter().take(4) {
        assert!(approximate && found != Value::Missing, "{name} {found:?}");
    }
}

#[test]
fn clocks_that_run_backwards() {
    let engine = populated(devices());
    engine.record(&desktop(7, NOW + 10 * HOUR, "a-7", 124)).unwrap();
    // What comes later in time is not known yet, so nothing went down.
    let late = desktop(7, NOW + 5 * HOUR, "a-7", 123);
    assert_eq!(value(&engine, &late, "device_contradictions"), Value::Integer(0));
    let before_all = desktop(7, NOW - HOUR, "a-7", 123);
    assert_eq!(value(&engine, &before_all, "device_percent"), Value::Missing);
    engine.record(&late).unwrap();
    let now = desktop(7, NOW + 11 * HOUR, "a-7", 123);
    assert_eq!(value(&engine, &now, "device_contradictions"), Value::Integer(1));
}

#[test]
fn events_that_contradict_themselves() {
    let engine = Engine::new(devices(), key());
    let phone = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36";
    let lying = Event::of("login", NOW)
        .and_then(|event| event.with("browser.user_agent", phone))
        .and_then(|event| event.with("browser.platform", "Windows"))
        .and_then(|event| event.with("browser.touch_points", 0))
        .unwrap();
    assert_eq!(value(&engine, &lying, "lies"), Value::Integer(2));
    assert_eq!(value(&engine, &lying, "lies_of_touch"), Value::Integer(1));
    let text = scored(&engine, &lying).explain(&lying).to_string();
    assert!(text.contains("\ninconsistent: user agent against client hints, phone without touch"), "{text}");
    let silent = Event::of("login", NOW).unwrap();
    assert_eq!(value(&engine, &silent, "lies"), Value::Missing);
    // A user agent of 100 kB is refused, and the event is as it was.
    let mut event = lying.clone();
    let long = "Mozilla/5.0 (".repeat(8_000);
    assert!(event.set(Field::BROWSER_USER_AGENT, long.as_str()).is_err());
    assert_eq!(event.text(Field::BROWSER_USER_AGENT), Some(phone));
}

#[test]
fn what_is_known_survives_snapshots_keys_and_swaps() {
    let engine = populated(devices());
    let event = desktop(7, NOW + 20 * HOUR, "a-7", 123);
    let before = features(&scored(&engine, &event));
    let mut bytes = Vec::new();
    engine
        .snapshot(|piece| {
            bytes.extend_from_slice(piece);
            Ok::<(), std::convert::Infallible>(())
        })
        .unwrap();
    let restored = Engine::builder(devices(), key()).memory(256 << 20).restore(&*bytes).unwrap();
    assert_eq!(features(&scored(&restored, &event)), before);

    // Each value is counted under the new key from its next event on, each device compared under it.
    engine.rotate(HashKey::new(2, [6; 32])).unwrap();
    assert_eq!(features(&scored(&engine, &event)), before);

    // What device matches read starts cold, and one more of them is as warm as the others.
    let others = DEVICES.replace("name = \"device_bits\"", "name = \"device_weight\"");
    let report = restored.swap(policy(&others)).unwrap();
    assert!(report.warm.contains(&"device_weight".to_owned()), "{report:?}");
    assert_eq!(value(&restored, &event, "device_weight"), before[1].1);
    let engine = Engine::new(policy(&common::count("logins", "account", "180d")), key());
    engine.record(&desktop(7, NOW, "a-7", 120)).unwrap();
    let report = engine.swap(devices()).unwrap();
    for name in ["device_percent", "device_bits", "device_state", "strange"] {
        assert!(report.cold.contains(&name.to_owned()), "{name}: {report:?}");
    }
}

/// Over what a policy with a device match has counted and compared, another one is warm; over fields that were only
/// remembered it is not, for neither are their values counted nor can a version be read from the hash of a text.
#[test]
fn a_device_match_is_warm_after_another_one() {
    let remembering = |features: &str| {
        let fields = "remember = [\"type\", \"browser.version\", \"browser.canvas\"]\n";
        Policy::from_toml(&format!("{}{fields}{features}{}", common::HEAD, common::BANDS)).unwrap()
    };
    let other = DEVICES.replace(r#"outcome == "succeeded""#, r#"outcome != "failed""#);
    let filled = |policy: Policy| {
        let engine = Engine::builder(policy, key()).memory(256 << 20).build().unwrap();
        for number in 0..240 {
            let mut event = desktop(number % 60, NOW + number as i64, &format!("a-{}", number % 40), 122);
            if number % 3 == 0 {
                event.set(Field::OUTCOME, "failed").unwrap();
            }
            engine.record(&event).unwrap();
        }
        engine
    };
    let (swapped, whole) = (filled(remembering(DEVICES)), filled(remembering(&other)));
    let report = swapped.swap(remembering(&other)).unwrap();
    assert_eq!((report.cold.len(), report.partly_warm.len()), (0, 0), "{report:?}");
    for number in 0..60 {
        let event = desktop(number, NOW + 20 * HOUR, &format!("a-{}", number % 40), 123);
        assert_eq!(features(&scored(&swapped, &event)), features(&scored(&whole, &event)));
    }
    // Whether it is there or not, what counts values and tells versions begins with the policy that needs it.
    let counted = common::count("logins", "account", "180d");
    let report = filled(remembering(&counted)).swap(remembering(DEVICES)).unwrap();
    assert!(report.cold.contains(&"device_percent".to_owned()), "{report:?}");
}

#[test]
fn challengers_and_records_know_devices() {
    let engine = populated(devices());
    let event = desktop(7, NOW + 20 * HOUR, "a-7", 123);
    let stricter = devices_with("device_percent < 90.0", "device_percent < 95.0");
    engine.challenge_with(stricter).unwrap();
    let decision = scored(&engine, &event);
    let challenger = decision.challenger().unwrap();
    assert_eq!(features(challenger), features(&decision));
    let record = decision.record(&event).unwrap();
    let again = record.replay(&engine.policy()).unwrap();
    assert_eq!(features(&again), features(&decision));
    assert_eq!(again.score(), decision.score());
    // A policy that has no device match does not keep what one needs.
    let plain = Engine::new(policy(&common::count("logins", "account", "180d")), key());
    let error = plain.challenge_with(devices()).unwrap_err().to_string();
    assert!(error.contains("does not keep"), "{error}");
}

fn devices_with(from: &str, to: &str) -> Policy {
    policy(&DEVICES.replace(from, to))
}

/// Time zones and names of browsers are looked up without making anything.
#[test]
fn what_contradicts_itself_is_found_without_allocating() {
    let lies = "[[feature]]\nname = \"lies\"\naggregate = \"inconsistencies\"\n";
    let engine = Engine::new(policy(lies), key());
    let mut event = desktop(7, NOW, "a-7", 123);
    event.set(Field::DEVICE_TIME_ZONE, "Europe/Berlin").unwrap();
    event.set(Field::BROWSER_TIME_ZONE_OFFSET_MINUTES, -540).unwrap();
    let mut decision = Decision::detailed();
    let mut score = || engine.score_into(&event, &mut decision).unwrap();
    score();
    assert_eq!(allocation_counter::measure(&mut score).count_total, 0);
    assert_eq!(value(&engine, &event, "lies"), Value::Integer(1));
}

#[test]
fn comparing_devices_allocates_nothing() {
    let engine = populated(devices());
    for number in 0..250 {
        engine.record(&desktop(number, NOW + HOUR + number as i64, "a-many", 122)).unwrap();
    }
    let mut decision = Decision::detailed();
    for account in ["a-7", "a-many"] {
        let event = desktop(7, NOW + 20 * HOUR, account, 123);
        let mut score = || engine.score_into(&event, &mut decision).unwrap();
        score();
        assert_eq!(allocation_counter::measure(&mut score).count_total, 0, "{account}");
        assert!(number(&engine, &event, "device_percent") > 75.0);
    }
}

#[test]
fn old_sightings_leave_the_window() {
    let engine = populated(devices());
    let at = |time| desktop(7, time, "a-7", 120);
    engine.advance(NOW + 200 * DAY).unwrap();
    // The window is (t - 180d, t], to the millisecond.
    let last = NOW + 7 + 180 * DAY - 1;
    assert!(matches!(value(&engine, &at(last), "device_percent"), Value::Number(percent) if percent > 0.0));
    assert_eq!(value(&engine, &at(last + 1), "device_percent"), Value::Missing);
}
