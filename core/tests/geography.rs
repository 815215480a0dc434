//! Where events happen: speed and home at their boundaries, over panes, across swaps and snapshots; countries and
//! clocks that disagree; addresses that are new.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use std::convert::Infallible;

mod common;
#[path = "windows/geography.rs"]
mod naive;

use common::{BANDS, DAY, HEAD, HOUR, MINUTE, NOW, key, payment, policy, scored, value};
use naive::{PLACES, Place, Visit, from_home, speed};
use proptest::prelude::*;
use sekisho::{Engine, Event, Policy, Value};

const TRAVEL: &str = r#"
[[feature]]
name = "speed"
aggregate = "speed"
by = ["account"]

[[feature]]
name = "speed_2h"
aggregate = "speed"
by = ["account"]
over = "2h"
where = '!has(ip.class) || ip.class != "mobile"'

[[feature]]
name = "from_home"
aggregate = "distance"
by = ["account"]
half_life = "10d"
at_least = 3

[[feature]]
name = "from_any"
aggregate = "distance"
by = ["account"]
"#;

const TOKYO: Place = (35.681236, 139.767125);
const OSAKA: Place = (34.702485, 135.495951);
const LONDON: Place = (51.507351, -0.127758);

fn at(time: i64, place: Place) -> Event {
    payment(time, "a").with("latitude", place.0).unwrap().with("longitude", place.1).unwrap()
}

fn number(engine: &Engine, event: &Event, name: &str) -> Option<f64> {
    match value(engine, event, name) {
        Value::Number(number) => Some(number),
        Value::Missing => None,
        other => panic!("{other:?}"),
    }
}

fn travel(events: &[Event]) -> Engine {
    let engine = Engine::new(policy(TRAVEL), key());
    for event in events {
        engine.record(event).unwrap();
    }
    engine
}

#[test]
fn a_millisecond_decides_whether_travel_is_possible() {
    let engine = travel(&[at(NOW, TOKYO)]);
    // 9,562.3 km at 900 km/h.
    let visit = |time, place| Visit { time, place, radius: 0.0 };
    let apart = speed(visit(0, TOKYO), visit(HOUR, LONDON));
    let needed = (apart / 900.0 * HOUR as f64).floor() as i64;
    let found = |time| number(&engine, &at(NOW + time, LONDON), "speed").unwrap();
    assert!(found(needed) > 900.0 && found(needed + 1) <= 900.0, "{} {}", found(needed), found(needed + 1));
    // At once, and a millisecond later, which is taken to be the least.
    assert_eq!(found(0), found(1));
    assert!(found(1) > found(2) && found(0).is_finite());
    // Both radii come off, and one that is not given is 0.
    let wide = |radius: f64| at(NOW + HOUR, LONDON).with("radius_km", radius).unwrap();
    let of = |event: &Event| number(&engine, event, "speed").unwrap();
    assert_eq!(of(&wide(0.0)), of(&at(NOW + HOUR, LONDON)));
    assert!((of(&wide(500.0)) - (of(&wide(0.0)) - 500.0)).abs() < 1e-9);
    assert_eq!(of(&wide(20_038.0)), 0.0);
    engine.record(&at(NOW + MINUTE, TOKYO).with("radius_km", 300.0).unwrap()).unwrap();
    let both = at(NOW + MINUTE + HOUR, LONDON).with("radius_km", 200.0).unwrap();
    assert!((of(&both) - (apart - 500.0)).abs() < 1e-9);
}

#[test]
fn the_window_and_the_condition_say_which_entries_count() {
    let mobile = at(NOW + MINUTE, OSAKA).with("ip.class", "mobile").unwrap();
    let engine = travel(&[at(NOW, TOKYO), mobile, payment(NOW + 2 * MINUTE, "a")]);
    let found = |time: i64, name: &str| number(&engine, &at(time, OSAKA), name);
    assert_eq!(found(NOW + HOUR, "speed"), Some(0.0));
    assert!(found(NOW + HOUR, "speed_2h").unwrap() > 400.0);
    // (t - 2 h, t]
    assert!(found(NOW + 2 * HOUR - 1, "speed_2h").is_some());
    assert_eq!(found(NOW + 2 * HOUR, "speed_2h"), None);
}

#[test]
fn nothing_is_said_without_a_position_on_either_side() {
    let engine = travel(&[payment(NOW, "a").with("latitude", 35.0).unwrap()]);
    for name in ["speed", "from_any"] {
        assert_eq!(number(&engine, &at(NOW + HOUR, TOKYO), name), None, "{name}");
    }
    engine.record(&at(NOW, TOKYO)).unwrap();
    for event in [
        payment(NOW + HOUR, "a"),
        payment(NOW + HOUR, "a").with("latitude", 35.0).unwrap(),
        payment(NOW + HOUR, "a").with("longitude", 139.0).unwrap().with("radius_km", 1.0).unwrap(),
    ] {
        for name in ["speed", "from_any"] {
            assert_eq!(number(&engine, &event, name), None, "{name}");
        }
    }
    for (field, wrong) in [("latitude", 90.001), ("longitude", -180.001), ("radius_km", -0.001)] {
        assert!(payment(NOW, "a").with(field, wrong).is_err(), "{field}");
    }
}

#[test]
fn a_clock_that_runs_backwards_finds_what_was_before_it() {
    let engine = travel(&[at(NOW, TOKYO), at(NOW + HOUR, LONDON), at(NOW + 30 * MINUTE, TOKYO)]);
    // Half an hour after Tokyo, and before London.
    let between = at(NOW + 45 * MINUTE, TOKYO);
    assert_eq!(number(&engine, &between, "speed"), Some(0.0));
    assert_eq!(number(&engine, &at(NOW - 1, LONDON), "speed"), None);
    assert!(number(&engine, &at(NOW + HOUR, TOKYO), "speed").unwrap() > 1e9);
}

#[test]
fn poles_and_the_date_line_are_places_like_others() {
    for (a, b) in [((90.0, 10.0), (90.0, -170.0)), ((12.0, 180.0), (12.0, -180.0))] {
        let engine = travel(&[at(NOW, a)]);
        assert_eq!(number(&engine, &at(NOW, b), "speed"), Some(0.0), "{a:?}");
        assert_eq!(number(&engine, &at(NOW, b), "from_any"), Some(0.0), "{a:?}");
    }
    // Home lies between both sides, not on the other half of the Earth.
    let engine = travel(&[at(NOW, (0.0, 179.0)), at(NOW, (0.0, -179.0))]);
    assert!(number(&engine, &at(NOW, (0.0, 180.0)), "from_any").unwrap() < 1e-9);
    let engine = travel(&[at(NOW, (0.0, 90.0)), at(NOW, (0.0, -90.0))]);
    assert_eq!(number(&engine, &at(NOW, (0.0, 0.0)), "from_any"), None);
}

#[test]
fn home_follows_slowly_and_wants_enough_positions() {
    let days = |days: i64| NOW + days * DAY;
    let engine = travel(&[at(days(0), OSAKA), at(days(1), OSAKA)]);
    assert_eq!(number(&engine, &at(days(2), OSAKA), "from_home"), None);
    engine.record(&at(days(2), OSAKA)).unwrap();
    assert!(number(&engine, &at(days(2), OSAKA), "from_home").unwrap() < 1e-9);
    let away = number(&engine, &at(days(2), TOKYO), "from_home").unwrap();
    assert!((away - 403.058_083_69).abs() < 1e-6, "{away}");
    // The event's own radius comes off.
    let vague = at(days(2), TOKYO).with("radius_km", 400.0).unwrap();
    assert!((number(&engine, &vague, "from_home").unwrap() - (away - 400.0)).abs() < 1e-9);
    engine.advance(days(30)).unwrap();
    for day in 30..34 {
        engine.record(&at(days(day), TOKYO)).unwrap();
    }
    // Three half-lives later hardly anything of Osaka is left; without one it is three of seven.
    let now = at(days(34), TOKYO);
    let (fading, equal) = (number(&engine, &now, "from_home"), number(&engine, &now, "from_any"));
    assert!(fading.unwrap() < 40.0 && equal.unwrap() > 170.0, "{fading:?} {equal:?}");
    // Centuries later it is where it was.
    engine.advance(days(36_500)).unwrap();
    let late = number(&engine, &at(days(36_500), TOKYO), "from_home");
    assert!((late.unwrap() - fading.unwrap()).abs() < 1e-9, "{late:?}");
}

fn heavy() -> impl Strategy<Value = Vec<(i64, Place, Option<f64>, u8)>> {
    let radius = proptest::option::of(0.0..500.0f64);
    let event = (0i64..3 * DAY, proptest::sample::select(PLACES.to_vec()), radius, 0u8..2);
    proptest::collection::vec(event, 20..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What has been summed up knows the last position and the mean of all, since without `over` there is no edge.
    #[test]
    fn panes_know_where_home_is(stream in heavy(), events in proptest::sample::select(vec![1usize, 4])) {
        let lines = [
            ("speed", "by = [\"account\"]"),
            ("speed", "by = [\"account\", \"ip/24\"]"),
            ("distance", "by = [\"account\"]"),
            ("distance", "by = [\"account\"]\nhalf_life = \"1d\""),
            ("distance", "by = [\"account\", \"ip/24\"]\nhalf_life = \"1d\""),
        ];
        let mut text = format!("{HEAD}events = {events}\n");
        for (n, (aggregate, keys)) in lines.iter().enumerate() {
            text.push_str(&format!("[[feature]]\nname = \"f{n}\"\naggregate = \"{aggregate}\"\n{keys}\n"));
        }
        let engine = Engine::new(Policy::from_toml(&format!("{text}{BANDS}")).unwrap(), key());
        let mut stream = stream;
        stream.sort_by_key(|event| event.0);
        let mut past: Vec<(Visit, u8)> = Vec::new();
        for (n, (time, place, radius, net)) in stream.into_iter().enumerate() {
            let address = format!("192.0.{net}.{n}");
            let mut event = at(NOW + time, place).with("ip", address.as_str()).unwrap();
            if let Some(radius) = radius {
                event = event.with("radius_km", radius).unwrap();
            }
            let now = Visit { time: NOW + time, place, radius: radius.unwrap_or(0.0) };
            let decision = scored(&engine, &event);
            for ((aggregate, keys), feature) in lines.iter().zip(decision.features()) {
                let alike = past.iter().filter(|(_, other)| !keys.contains("ip/24") || *other == net);
                let visits: Vec<Visit> = alike.map(|(visit, _)| *visit).collect();
                let half_life = keys.contains("half_life").then_some(DAY);
                let expected = match *aggregate {
                    "speed" => visits.last().map(|last| speed(*last, now)),
                    _ => from_home(&visits, half_life, 1, now),
                };
                match (feature.value(), expected) {
                    (Value::Missing, None) => {}
                    (Value::Number(found), Some(expected)) => {
                        let close = (found - expected).abs() <= 1e-9 * (1.0 + expected.abs());
                        prop_assert!(close, "{aggregate} {keys} at {n}: {found}, expected {expected}");
                        prop_assert_eq!(feature.is_approximate(), past.len() > events);
                    }
                    (found, expected) => {
                        prop_assert!(false, "{aggregate} {keys} at {n}: {found:?}, expected {expected:?}")
                    }
                }
            }
            engine.record(&event).unwrap();
            past.push((now, net));
        }
    }
}

#[test]
fn an_event_that_is_later_than_all_that_is_exact_has_a_defined_speed() {
    let text = format!("{HEAD}events = 2\n{TRAVEL}{BANDS}");
    let engine = Engine::new(Policy::from_toml(&text).unwrap(), key());
    for hour in 0..10 {
        engine.record(&at(NOW + hour * HOUR, TOKYO)).unwrap();
    }
    // The pane holds what is newer than the event: an hour either way is the same.
    let decision = scored(&engine, &at(NOW + 6 * HOUR, LONDON));
    let feature = decision.features().find(|feature| feature.name() == "speed").unwrap();
    let Value::Number(found) = feature.value() else { panic!("{:?}", feature.value()) };
    assert!(feature.is_approximate() && (found - 9_562.311_518).abs() < 1e-6, "{found}");
}

#[test]
fn positions_that_are_remembered_are_enough() {
    let remember = |fields: &str| {
        let head = HEAD.to_owned() + &format!("remember = {fields}\nremember_for = \"400d\"\n");
        let body = common::count("payments", "account", "400d");
        Policy::from_toml(&format!("{head}{body}{BANDS}")).unwrap()
    };
    let story = [
        at(NOW, TOKYO).with("radius_km", 30.0).unwrap(),
        at(NOW + DAY, OSAKA),
        payment(NOW + DAY + HOUR, "a"),
        at(NOW + 2 * DAY, TOKYO),
    ];
    let bounded = TRAVEL.replace("by = [\"account\"]\n\n", "by = [\"account\"]\nover = \"300d\"\n\n");
    let wanted = || policy(&bounded.replace("at_least = 3", "at_least = 3\nover = \"300d\""));
    let direct = Engine::new(wanted(), key());
    let engine = Engine::new(remember("[\"latitude\", \"longitude\", \"radius_km\"]"), key());
    let vague = Engine::new(remember("[\"latitude\", \"longitude\"]"), key());
    for event in &story {
        for engine in [&direct, &engine, &vague] {
            engine.record(event).unwrap();
        }
    }
    let report = engine.swap(wanted()).unwrap();
    for name in ["speed", "from_home"] {
        assert!(report.warm.contains(&name.to_owned()), "{report:?}");
    }
    // Whether a radius was given is not known.
    let report = vague.swap(wanted()).unwrap();
    assert!(report.cold.contains(&"speed".to_owned()), "{report:?}");
    let mut bytes = Vec::new();
    let mut sink = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<(), Infallible>(())
    };
    engine.snapshot(&mut sink).unwrap();
    let restored = Engine::restore(wanted(), key(), &*bytes).unwrap();
    let event = at(NOW + 2 * DAY + HOUR, LONDON);
    for name in ["speed", "from_home", "from_any"] {
        let expected = number(&direct, &event, name).map(f64::to_bits);
        assert!(expected.is_some());
        assert_eq!(number(&engine, &event, name).map(f64::to_bits), expected, "{name}");
        assert_eq!(number(&restored, &event, name).map(f64::to_bits), expected, "{name}");
        assert_eq!(number(&vague, &event, name), None, "{name}");
    }
}

const NETWORK: &str = r#"
[[feature]]
name = "countries"
expression = 'disagreements(country, card.country, bill_to.country, ship_to.country)'

[[feature]]
name = "clock_gap"
expression = 'math.abs(-browser.time_zone_offset_minutes - ip.time_zone_offset_minutes)'

[[feature]]
name = "last_country"
aggregate = "last"
of = "country"
by = ["account"]

[[feature]]
name = "moved"
expression = 'disagreements(country, last_country) > 0'

[[feature]]
name = "of_address"
aggregate = "count"
by = ["account", "ip"]
over = "180d"

[[feature]]
name = "of_network"
aggregate = "count"
by = ["account", "ip/24"]
over = "180d"

[[feature]]
name = "of_system"
aggregate = "count"
by = ["account", "asn"]
over = "180d"

[[feature]]
name = "of_bin"
aggregate = "count"
by = ["account", "bin"]
over = "180d"
"#;

#[test]
fn countries_and_clocks_disagree() {
    let engine = Engine::new(policy(NETWORK), key());
    let event = |pairs: &[(&str, &str)]| {
        pairs.iter().fold(payment(NOW, "a"), |event, (field, text)| event.with(field, *text).unwrap())
    };
    for (pairs, expected) in [
        (&[][..], Value::Missing),
        (&[("card.country", "JP")], Value::Integer(0)),
        (&[("country", "JP"), ("card.country", "JP"), ("ship_to.country", "JP")], Value::Integer(0)),
        (&[("country", "NG"), ("card.country", "JP"), ("bill_to.country", "JP")], Value::Integer(1)),
        (
            &[
                ("country", "NG"),
                ("card.country", "JP"),
                ("bill_to.country", "US"),
                ("ship_to.country", "JP"),
            ],
            Value::Integer(2),
        ),
    ] {
        assert_eq!(value(&engine, &event(pairs), "countries"), expected, "{pairs:?}");
    }
    // Browsers count from local time to UTC: -540 in Japan.
    let clock = |browser: i64, address: i64| {
        let event = payment(NOW, "a").with("browser.time_zone_offset_minutes", browser).unwrap();
        event.with("ip.time_zone_offset_minutes", address).unwrap()
    };
    assert_eq!(value(&engine, &clock(-540, 540), "clock_gap"), Value::Integer(0));
    assert_eq!(value(&engine, &clock(300, 540), "clock_gap"), Value::Integer(840));
    assert_eq!(value(&engine, &payment(NOW, "a"), "clock_gap"), Value::Missing);
    engine.record(&event(&[("country", "JP")])).unwrap();
    assert_eq!(value(&engine, &event(&[("country", "JP")]), "moved"), Value::Boolean(false));
    assert_eq!(value(&engine, &event(&[("country", "TH")]), "moved"), Value::Boolean(true));
}

#[test]
fn an_address_is_new_by_itself_by_its_network_or_by_its_system() {
    let engine = Engine::new(policy(NETWORK), key());
    let event = |ip: &str, asn: &str| {
        payment(NOW, "a").with("ip", ip).unwrap().with("asn", asn).unwrap().with("bin", "45710100").unwrap()
    };
    engine.record(&event("203.0.113.7", "AS64500")).unwrap();
    for (ip, asn, expected) in [
        ("203.0.113.7", "64500", [1, 1, 1]),
        ("203.0.113.9", "64500", [0, 1, 1]),
        ("198.51.100.7", "64500", [0, 0, 1]),
        ("198.51.100.7", "64501", [0, 0, 0]),
    ] {
        for (name, expected) in ["of_address", "of_network", "of_system"].into_iter().zip(expected) {
            assert_eq!(value(&engine, &event(ip, asn), name), Value::Integer(expected), "{name} {ip} {asn}");
        }
    }
    // Of an address of version 6 there is no network of this kind.
    assert_eq!(value(&engine, &event("2001:db8::1", "64500"), "of_network"), Value::Missing);
    // A derived entity, whether it is given or comes from the card's number.
    let card = payment(NOW, "a").with("card", "4571010000000000").unwrap();
    assert_eq!(value(&engine, &card, "of_bin"), Value::Integer(1));
}
