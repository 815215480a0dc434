//! What must hold of a likeness whatever is compared.

use proptest::prelude::*;

use super::attributes::*;
use super::likeness::*;
use super::reference::{self, Outcome};
use crate::event::time::DAY;

fn outcome(at: usize, kind: usize) -> Outcome {
    match (kind, TABLE[at].ordered) {
        (0, _) => Outcome::Missing,
        (1, _) => Outcome::Agrees,
        (2, true) => Outcome::Up,
        (3, true) => Outcome::Down,
        _ => Outcome::Differs,
    }
}

prop_compose! {
    fn any_pattern()(kinds in proptest::collection::vec(prop_oneof![3 => Just(1usize), 2 => 0usize..4], ATTRIBUTES)) -> Pattern {
        Pattern::new(|at, _| outcome(at, kinds[at]))
    }
}

prop_compose! {
    /// Rare and common values, and some that the event lacks.
    fn any_frequencies()(
        bits in proptest::collection::vec(prop_oneof![8 => (0.01f64..25.0).prop_map(Some), 1 => Just(None)], ATTRIBUTES)
    ) -> Frequencies {
        std::array::from_fn(|at| bits[at].map(|bits| libm::exp2(-bits)))
    }
}

fn any_age() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), -DAY..DAY, 0..4_000 * DAY, Just(i64::MAX), Just(i64::MIN)]
}

fn one(pattern: Pattern, age: i64, frequencies: &Frequencies, handheld: bool) -> Option<Likeness> {
    likeness(&[Sighting { age, pattern }], frequencies, handheld)
}

/// A pattern without what the event itself lacks.
fn seen(pattern: Pattern, frequencies: &Frequencies) -> Pattern {
    Pattern::new(|at, _| if frequencies[at].is_some() { pattern.outcome(at) } else { Outcome::Missing })
}

prop_compose! {
    /// Frequencies of which many are equal, or nearly so, and some are bounds.
    fn alike_frequencies()(
        values in proptest::collection::vec((0usize..6, -4i64..4), ATTRIBUTES)
    ) -> Frequencies {
        std::array::from_fn(|at| {
            let (kind, off) = values[at];
            let near = |value: f64| f64::from_bits((value.to_bits() as i64 + off) as u64);
            [None, Some(near(0.3)), Some(near(0.01)), Some(near(RAREST)), Some(0.0), Some(1.0)][kind]
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// To the bit.
    #[test]
    fn a_likeness_is_that_of_one_attribute_after_the_other(
        patterns in proptest::collection::vec((any_pattern(), any_age()), 0..12),
        frequencies in prop_oneof![any_frequencies(), alike_frequencies()],
        handheld: bool,
    ) {
        let sightings: Vec<Sighting> =
            patterns.iter().map(|(pattern, age)| Sighting { age: *age, pattern: *pattern }).collect();
        let found = likeness(&sightings, &frequencies, handheld);
        let expected = reference::likeness(&sightings, &frequencies, handheld);
        let bits = |likeness: Option<Likeness>| likeness.map(|found| (found.bits.to_bits(), found.percent.to_bits()));
        prop_assert_eq!(bits(found), bits(expected));
        prop_assert_eq!(found, expected);
    }
}

proptest! {
    #[test]
    fn a_device_is_most_like_itself(
        pattern in any_pattern(), frequencies in any_frequencies(), age in any_age(), handheld: bool
    ) {
        let itself = seen(Pattern::new(|_, _| Outcome::Agrees), &frequencies);
        let Some(identity) = one(itself, 0, &frequencies, handheld) else { return Ok(()) };
        let other = one(pattern, age, &frequencies, handheld).unwrap();
        prop_assert!(other.bits <= identity.bits && other.percent <= identity.percent);
        prop_assert!(other.state <= identity.state);
        prop_assert_eq!((identity.changed, identity.contradictions), (0, 0));
        if frequencies[DEVICE_KEY].is_some() || frequencies[CERTIFICATE].is_some() {
            prop_assert_eq!((identity.percent, identity.state), (100.0, State::Known));
        } else {
            prop_assert!(identity.percent <= 95.0 && identity.state <= State::Like);
        }
        prop_assert!((0.0..=100.0).contains(&other.percent) && other.bits.is_finite());
    }

    #[test]
    fn what_is_missing_is_neutral(
        pattern in any_pattern(), frequencies in any_frequencies(), age in any_age(), handheld: bool,
        at in 0..ATTRIBUTES,
    ) {
        let Some(_) = one(pattern, age, &frequencies, handheld) else { return Ok(()) };
        // An event that lacks an attribute, and a device that does, are the same to the sum.
        let (mut lacking, mut without) = (pattern, frequencies);
        lacking.set(at, Outcome::Missing);
        without[at] = None;
        let by_device = one(lacking, age, &frequencies, handheld).unwrap();
        if let Some(by_event) = one(lacking, age, &without, handheld) {
            prop_assert_eq!(by_event.bits.to_bits(), by_device.bits.to_bits());
        }
        // Neither helps where the attribute agreed, nor hurts where it differed.
        let with = |outcome| {
            let mut pattern = pattern;
            pattern.set(at, outcome);
            one(pattern, age, &frequencies, handheld).unwrap().bits
        };
        prop_assert!(with(Outcome::Missing) <= with(Outcome::Agrees));
        if !TABLE[at].ordered {
            prop_assert!(with(Outcome::Differs) <= with(Outcome::Missing));
        }
    }

    #[test]
    fn more_agreement_never_lowers_the_score(
        pattern in any_pattern(), frequencies in any_frequencies(), age in any_age(), handheld: bool,
        at in 0..ATTRIBUTES,
    ) {
        // An update explains what else changed. Without one there may be less to explain.
        let mut pattern = pattern;
        if pattern.is(at, Outcome::Up) {
            pattern.set(at, Outcome::Missing);
        }
        let mut more = pattern;
        more.set(at, Outcome::Agrees);
        if let Some(before) = one(pattern, age, &frequencies, handheld) {
            let after = one(more, age, &frequencies, handheld).unwrap();
            prop_assert!(before.bits <= after.bits, "{} < {}", after.bits, before.bits);
            prop_assert!(before.percent <= after.percent, "{before:?} {after:?}");
        }
    }

    #[test]
    fn what_goes_with_something_else_does_not_count_twice(
        frequencies in any_frequencies(), age in 0..400 * DAY, handheld: bool,
        one_place in 0..ATTRIBUTES, other_place in 0..ATTRIBUTES,
    ) {
        let group = |at: usize| SLOTS[usize::from(handheld)].iter().position(|slot| slot >> at & 1 == 1);
        // The next one of its group, if it is of another.
        let others = (other_place..ATTRIBUTES).chain(0..other_place);
        let other_place = others.into_iter().find(|at| group(*at) == group(one_place)).unwrap();
        let all = |places: &[usize], kind: Outcome| {
            // Beside something of another group that agrees, for what only differs is like nothing.
            let beside = if group(one_place) == group(TLS) { CANVAS } else { TLS };
            let mut only = [None; ATTRIBUTES];
            let mut pattern = Pattern::default();
            for at in places {
                only[*at] = frequencies[*at];
                pattern.set(*at, kind);
            }
            only[beside] = Some(0.01);
            pattern.set(beside, Outcome::Agrees);
            one(pattern, age, &only, handheld).unwrap().bits
        };
        let agree = |places: &[usize]| all(places, Outcome::Agrees);
        let both = [one_place, other_place];
        prop_assert_eq!(agree(&both), agree(&both[..1]).max(agree(&both[1..])));
        // Of graphics that differ, nothing that they draw counts.
        let differ = |places: &[usize]| all(places, Outcome::Differs);
        if both.iter().all(|at| !TABLE[*at].ordered && ![GPU, DEVICE_PLATFORM].contains(at)) {
            prop_assert_eq!(differ(&both), differ(&both[..1]).min(differ(&both[1..])));
        }
    }

    #[test]
    fn a_downgrade_is_penalised(
        pattern in any_pattern(), frequencies in any_frequencies(), age in any_age(), handheld: bool,
        version in prop_oneof![Just(BROWSER_VERSION), Just(OS_VERSION), Just(APP_VERSION)],
    ) {
        let mut frequencies = frequencies;
        frequencies[version].get_or_insert(0.2);
        let with = |outcome| {
            let mut pattern = pattern;
            pattern.set(version, outcome);
            one(pattern, age, &frequencies, handheld).unwrap()
        };
        let down = with(Outcome::Down);
        prop_assert!(down.bits <= with(Outcome::Agrees).bits && down.bits <= with(Outcome::Missing).bits);
        prop_assert!(down.percent <= 50.0 && down.state == State::New);
    }

    #[test]
    fn agreement_fades_with_time(
        pattern in any_pattern(), frequencies in any_frequencies(), handheld: bool,
        (early, late) in (0..2_000 * DAY, 0..2_000 * DAY),
    ) {
        let all_agree = seen(Pattern::new(|_, _| Outcome::Agrees), &frequencies);
        let bits = |pattern, age| one(pattern, age, &frequencies, handheld).map_or(0.0, |likeness| likeness.bits);
        prop_assert!(bits(all_agree, early.max(late)) <= bits(all_agree, early.min(late)));
        let none = Pattern::new(|at, _| if pattern.is(at, Outcome::Down) { Outcome::Missing } else { Outcome::Differs });
        prop_assert!(bits(none, early.max(late)) >= bits(none, early.min(late)));
    }

    #[test]
    fn a_fingerprint_alone_is_never_a_known_device(
        patterns in proptest::collection::vec((any_pattern(), any_age()), 0..10), frequencies in any_frequencies(), handheld: bool,
    ) {
        let sightings: Vec<Sighting> = patterns.iter().map(|(pattern, age)| {
            let mut pattern = *pattern;
            for key in [DEVICE_KEY, CERTIFICATE] {
                if pattern.is(key, Outcome::Agrees) {
                    pattern.set(key, Outcome::Missing);
                }
            }
            Sighting { age: *age, pattern }
        }).collect();
        if let Some(likeness) = likeness(&sightings, &frequencies, handheld) {
            prop_assert!(likeness.state <= State::Like && likeness.percent <= 95.0);
        }
    }

    #[test]
    fn more_known_devices_never_lower_the_score(
        patterns in proptest::collection::vec((any_pattern(), any_age()), 1..100), frequencies in any_frequencies(), handheld: bool,
    ) {
        let sightings: Vec<Sighting> = patterns.iter().map(|(pattern, age)| Sighting { age: *age, pattern: *pattern }).collect();
        let Some(all) = likeness(&sightings, &frequencies, handheld) else { return Ok(()) };
        let each = sightings.iter().filter_map(|sighting| likeness(&[*sighting], &frequencies, handheld));
        prop_assert_eq!(all.percent, each.fold(0.0, |most, one| one.percent.max(most)));
        // The order of sightings that differ in age is nothing.
        let mut ages: Vec<i64> = sightings.iter().map(|sighting| sighting.age.max(0)).collect();
        ages.sort_unstable();
        ages.dedup();
        if ages.len() == sightings.len() {
            let reversed: Vec<Sighting> = sightings.iter().rev().copied().collect();
            prop_assert_eq!(likeness(&reversed, &frequencies, handheld), Some(all));
        }
    }
}

/// Frequencies of a desktop's browser in a large population: name, how many of a million have the value.
const DESKTOP: &[(&str, u64)] = &[
    ("user agent", 60_000),
    ("browser", 600_000),
    ("browser version", 200_000),
    ("browser platform", 500_000),
    ("canvas", 40),
    ("WebGL", 900),
    ("graphics", 9_000),
    ("screen width", 200_000),
    ("screen height", 200_000),
    ("pixel ratio", 500_000),
    ("colour depth", 950_000),
    ("time zone", 930_000),
    ("offset from UTC", 930_000),
    ("browser language", 900_000),
    ("fonts", 300),
    ("processors", 200_000),
    ("memory", 500_000),
    ("touch points", 600_000),
    ("TLS fingerprint", 150_000),
];

/// The same of a telephone that one in 50 has.
const TELEPHONE: &[(&str, u64)] = &[
    ("user agent", 20_000),
    ("browser", 300_000),
    ("browser version", 200_000),
    ("browser platform", 300_000),
    ("canvas", 15_000),
    ("WebGL", 20_000),
    ("graphics", 40_000),
    ("screen width", 30_000),
    ("screen height", 20_000),
    ("pixel ratio", 300_000),
    ("colour depth", 950_000),
    ("time zone", 930_000),
    ("offset from UTC", 930_000),
    ("browser language", 900_000),
    ("fonts", 100_000),
    ("processors", 200_000),
    ("memory", 200_000),
    ("touch points", 400_000),
    ("TLS fingerprint", 100_000),
];

fn place(name: &str) -> usize {
    TABLE.iter().position(|attribute| attribute.name == name).unwrap()
}

/// What an event has, and how it compares: as itself but for what is named.
fn compared(values: &[(&str, u64)], changes: &[(&str, Outcome)], handheld: bool, days: i64) -> Likeness {
    let mut frequencies = [None; ATTRIBUTES];
    let mut pattern = Pattern::default();
    for (name, count) in values {
        let at = place(name);
        frequencies[at] = Some(frequency(&TABLE[at], *count, 1_000_000));
        pattern.set(at, Outcome::Agrees);
    }
    for (name, outcome) in changes {
        let at = place(name);
        frequencies[at].get_or_insert(frequency(&TABLE[at], 10, 1_000_000));
        pattern.set(at, *outcome);
    }
    one(pattern, days * DAY, &frequencies, handheld).unwrap()
}

#[test]
fn an_update_is_no_new_device() {
    use Outcome::*;
    let updated = compared(DESKTOP, &[("browser version", Up), ("user agent", Differs)], false, 20);
    assert_eq!(updated.state, State::Like);
    assert!(updated.percent > 75.0, "{updated}");
    assert_eq!(
        updated.to_string(),
        format!("{} % like a known device; changed: browser version", updated.percent as u32)
    );
    // The same the other way round is one that tells what it was long ago.
    let down = compared(DESKTOP, &[("browser version", Down), ("user agent", Differs)], false, 20);
    assert_eq!((down.state, down.contradictions), (State::New, 1));
    assert!(down.percent < updated.percent);
    assert!(down.to_string().ends_with("contradicted: the browser's version went down"), "{down}");
    // Another browser of a lower version is just another browser.
    let other = compared(
        DESKTOP,
        &[("browser version", Down), ("browser", Differs), ("user agent", Differs)],
        false,
        20,
    );
    assert_eq!((other.state, other.contradictions), (State::New, 0));
}

#[test]
fn a_new_monitor_or_a_journey_is_no_new_device() {
    use Outcome::*;
    let monitor = compared(DESKTOP, &[("screen width", Differs), ("screen height", Differs)], false, 3);
    let journey = compared(DESKTOP, &[("time zone", Differs), ("offset from UTC", Differs)], false, 3);
    for likeness in [monitor, journey] {
        assert_eq!(likeness.state, State::Like, "{likeness}");
        assert!(likeness.percent > 75.0, "{likeness}");
    }
}

#[test]
fn a_copied_canvas_does_not_pass() {
    use Outcome::*;
    // Everything that a script reads is copied; the network code is the copier's own.
    let copied = compared(DESKTOP, &[("TLS fingerprint", Differs)], false, 3);
    assert_eq!(
        (copied.state, copied.contradictions),
        (State::New, 1 << Contradiction::Tls as u32),
        "{copied}"
    );
    assert!(copied.percent <= 50.0, "{copied}");
    // The canvas alone helps little, and nothing where the graphics differ.
    let mut changes: Vec<_> = DESKTOP.iter().map(|(name, _)| (*name, Differs)).collect();
    changes.retain(|(name, _)| !matches!(*name, "canvas" | "browser version"));
    let canvas = compared(DESKTOP, &changes, false, 3);
    assert_eq!((canvas.state, canvas.percent), (State::New, 0.0), "{canvas}");
    let graphics = compared(DESKTOP, &[("graphics", Differs)], false, 3);
    let undrawn = [("graphics", Differs), ("canvas", Missing), ("WebGL", Missing)];
    assert_eq!(graphics.bits, compared(DESKTOP, &undrawn, false, 3).bits);
    assert_eq!((graphics.state, graphics.contradictions), (State::New, 1 << Contradiction::Rendering as u32));
    // An update brings a TLS fingerprint of its own.
    let updated = compared(
        DESKTOP,
        &[("TLS fingerprint", Differs), ("browser version", Up), ("user agent", Differs)],
        false,
        30,
    );
    assert_eq!((updated.state, updated.contradictions), (State::Like, 0), "{updated}");
    let before = compared(DESKTOP, &[("browser version", Up), ("user agent", Differs)], false, 30);
    let same = compared(DESKTOP, &[], false, 30);
    let other = compared(DESKTOP, &[("TLS fingerprint", Differs)], false, 30);
    assert!(before.bits - updated.bits + 1.0 < same.bits - other.bits, "the update explains a part");
    // And with the key it may be a virus scanner that reads along.
    let keyed = [("TLS fingerprint", Differs), ("device identifier", Agrees)];
    let keyed = compared(DESKTOP, &keyed, false, 3);
    assert_eq!((keyed.state, keyed.contradictions), (State::Updated, 0), "{keyed}");
}

#[test]
fn a_telephone_of_the_same_model_does_not_pass_without_a_key() {
    use Outcome::*;
    let twin = compared(TELEPHONE, &[], true, 1);
    assert_eq!((twin.state, twin.contradictions), (State::New, 0), "{twin}");
    assert!(twin.percent < 60.0, "{twin}");
    // The model settles most of it, which counts once. On a desktop as many parts would say more.
    assert!(twin.bits + 8.0 < compared(TELEPHONE, &[], false, 1).bits, "{twin}");
    // Nor does one of a rare model: there are still as many as were sold.
    let rare: Vec<(&str, u64)> = TELEPHONE.iter().map(|(name, count)| (*name, count / 1_000)).collect();
    let rare = compared(&rare, &[], true, 1);
    assert!(rare.state == State::New && rare.percent > 40.0 && rare.percent <= 50.0, "{rare}");
    // With a key that agrees it is known, with another one it is less like than before.
    let own = compared(TELEPHONE, &[("device identifier", Agrees)], true, 1);
    assert_eq!(own.state, State::Known, "{own}");
    assert!(own.percent > 98.0 && own.to_string() == "a known device", "{own}");
    let other = compared(TELEPHONE, &[("device identifier", Differs)], true, 1);
    assert!(other.state == State::New && other.bits < twin.bits, "{other}");
    let updated = compared(
        TELEPHONE,
        &[("device identifier", Agrees), ("browser version", Up), ("user agent", Differs)],
        true,
        1,
    );
    assert_eq!(updated.state, State::Updated, "{updated}");
}

#[test]
fn a_key_on_another_machine_is_a_stolen_one() {
    use Outcome::*;
    let stolen = compared(
        &[("device identifier", 12), ("model", 20_000), ("operating system", 500_000)],
        &[("device identifier", Agrees), ("model", Differs)],
        true,
        1,
    );
    assert_eq!(
        (stolen.state, stolen.contradictions),
        (State::New, 1 << Contradiction::Key as u32),
        "{stolen}"
    );
    assert_eq!(stolen.percent, 0.0);
    // A key that many share, as that of a store's tablet, says less.
    let worth = |count, all| -libm::log2(frequency(&TABLE[DEVICE_KEY], count, all));
    assert!(worth(0, 0) == 20.0 && worth(1, 1_000_000) > 19.0 && worth(500_000, 1_000_000) < 3.0);
    // One that nothing else speaks against is known from the first event of a population.
    let mut frequencies = [None; ATTRIBUTES];
    frequencies[DEVICE_KEY] = Some(frequency(&TABLE[DEVICE_KEY], 1, 1));
    let pattern = Pattern::new(|at, _| if at == DEVICE_KEY { Agrees } else { Missing });
    assert_eq!(one(pattern, DAY, &frequencies, false).unwrap().state, State::Known);
}

#[test]
fn what_was_older_does_not_come_back() {
    use Outcome::*;
    let mut frequencies = [None; ATTRIBUTES];
    for (name, count) in DESKTOP {
        frequencies[place(name)] = Some(frequency(&TABLE[place(name)], *count, 1_000_000));
    }
    let was = seen(Pattern::new(|_, _| Agrees), &frequencies);
    let mut is = was;
    is.set(BROWSER_VERSION, Down);
    is.set(USER_AGENT, Differs);
    // A print of last month, replayed: the device itself was updated since.
    let sightings = [Sighting { age: 2 * DAY, pattern: is }, Sighting { age: 40 * DAY, pattern: was }];
    let replayed = likeness(&sightings, &frequencies, false).unwrap();
    assert_eq!((replayed.state, replayed.contradictions), (State::New, 1), "{replayed}");
    // The other way round, the second machine of the same kind was only updated earlier.
    let sightings = [Sighting { age: 40 * DAY, pattern: is }, Sighting { age: 2 * DAY, pattern: was }];
    assert_eq!(likeness(&sightings, &frequencies, false).unwrap().contradictions, 0);
}

#[test]
fn nothing_is_like_nothing() {
    let nothing = [None; ATTRIBUTES];
    assert_eq!(likeness(&[], &nothing, false), None);
    assert_eq!(one(Pattern(u64::MAX), 0, &nothing, false), None);
    let mut everybody = nothing;
    everybody[place("colour depth")] = Some(0.999_999_9);
    // What everybody has says nothing.
    assert_eq!(one(Pattern(u64::MAX), 0, &everybody, false), None);
    assert_eq!(likeness(&[], &[Some(0.1); ATTRIBUTES], false), None);
}

#[test]
fn a_small_population_knows_nobody_by_sight() {
    let frequencies = std::array::from_fn(|at| {
        let key = [DEVICE_KEY, CERTIFICATE].contains(&at);
        (!key).then(|| frequency(&TABLE[at], 3, 3))
    });
    let likeness = one(Pattern::new(|_, _| Outcome::Agrees), 0, &frequencies, false).unwrap();
    assert!(likeness.state == State::New && likeness.percent < 40.0, "{likeness}");
}
