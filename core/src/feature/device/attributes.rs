//! What a device is known by: its attributes, in groups that change together.

use crate::event::Field;

/// How many attributes there are.
pub(crate) const ATTRIBUTES: usize = 30;

/// Attributes that one cause sets together. A group counts once, whatever agrees in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// The browser, the app and the operating system.
    Software,
    /// What graphics hardware and its driver draw.
    Rendering,
    Screen,
    /// Where its owner lives.
    Locale,
    Fonts,
    Hardware,
    /// How it speaks TLS: said by its network code, not by a script that reports what it likes.
    Network,
    /// What was installed on it to know it by: nobody else has it unless it was stolen.
    Key,
}

/// How many groups there are.
pub(super) const GROUPS: usize = 8;

impl Group {
    /// The group's place among the sums. What the model of a phone or tablet settles is one group there: whoever
    /// buys the same model agrees in all of it.
    pub(super) const fn slot(self, handheld: bool) -> usize {
        match self {
            Group::Screen | Group::Fonts | Group::Hardware if handheld => Group::Rendering as usize,
            group => group as usize,
        }
    }
}

/// One attribute: where it is read, and how steady it is on one and the same device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute {
    /// The event's field.
    pub(crate) field: Field,
    /// What explanations call it.
    pub(crate) name: &'static str,
    pub(super) group: Group,
    /// It is a version: it goes up on a device, and never down.
    pub(crate) ordered: bool,
    /// The probability that it is what it was, a moment after the device was seen.
    pub(super) agreement: f64,
    /// After how long half of what sets it apart from the population is gone: a place of [`HALF_LIVES`].
    pub(super) half_life: usize,
    /// The part of that probability that is left when the software was updated in between.
    pub(super) kept: f64,
    /// How frequent its values are taken to be. Those of others are counted, value by value.
    pub(super) usual: Option<f64>,
}

impl Attribute {
    /// Whether it is counted how many events have the same value.
    pub(crate) fn is_counted(&self) -> bool {
        self.usual.is_none()
    }

    /// What is the same on many devices, or goes with something that is counted, is not worth a history.
    const fn usually(self, frequency: f64) -> Attribute {
        Attribute { usual: Some(frequency), ..self }
    }
}

/// A field, its name, its group; the probability of agreement, its half-life in days, what an update leaves.
const fn attribute(
    field: Field,
    name: &'static str,
    group: Group,
    (agreement, half_life, kept): (f64, f64, f64),
) -> Attribute {
    let (mut place, mut others) = (0, HALF_LIVES.as_slice());
    while let [first, rest @ ..] = others
        && *first != half_life
    {
        (place, others) = (place + 1, rest);
    }
    Attribute { field, name, group, ordered: false, agreement, half_life: place, kept, usual: None }
}

const fn version(field: Field, name: &'static str, (agreement, half_life): (f64, f64)) -> Attribute {
    let version = attribute(field, name, Group::Software, (agreement, half_life, 1.0));
    Attribute { ordered: true, ..version }.usually(0.3)
}

const YEAR: f64 = 365.0;

/// All half-lives, in days: what fades equally is worked out once.
pub(super) const HALF_LIVES: [f64; 8] = [30.0, 45.0, 120.0, 200.0, YEAR, 3.0 * YEAR, 5.0 * YEAR, 10.0 * YEAR];

/// Half-lives follow from what changes an attribute: browsers come out every four weeks, systems every few months,
/// people move and buy a screen every few years, and a machine's own parts stay for its life. What is below one at
/// once is what changes to and fro: a laptop is docked, a page zoomed, its owner travels, storage is cleared.
pub(crate) static TABLE: [Attribute; ATTRIBUTES] = [
    // An update nearly always shows in the user agent, unless it is one of those that are frozen. Whoever updates
    // first has a rare one, which says nothing of the device, so it is not counted.
    attribute(Field::BROWSER_USER_AGENT, "user agent", Group::Software, (0.98, 30.0, 0.3)).usually(0.05),
    attribute(Field::BROWSER_NAME, "browser", Group::Software, (0.98, 3.0 * YEAR, 1.0)).usually(0.5),
    version(Field::BROWSER_VERSION, "browser version", (0.98, 30.0)),
    // A page may be asked for as on a desktop, and then the browser says so.
    attribute(Field::BROWSER_PLATFORM, "browser platform", Group::Software, (0.995, 10.0 * YEAR, 1.0))
        .usually(0.5),
    attribute(Field::BROWSER_ACCEPT_HEADER, "accept header", Group::Software, (0.95, YEAR, 0.9)).usually(0.5),
    attribute(Field::DEVICE_PLATFORM, "operating system", Group::Software, (0.999, 10.0 * YEAR, 1.0))
        .usually(0.5),
    version(Field::DEVICE_OS_VERSION, "version of the operating system", (0.99, 120.0)),
    version(Field::DEVICE_APP_VERSION, "app version", (0.98, 45.0)),
    attribute(Field::BROWSER_CANVAS, "canvas", Group::Rendering, (0.97, YEAR, 0.85)),
    attribute(Field::BROWSER_WEBGL, "WebGL", Group::Rendering, (0.97, YEAR, 0.9)),
    // A laptop may have two.
    attribute(Field::BROWSER_GPU, "graphics", Group::Rendering, (0.98, 5.0 * YEAR, 0.98)),
    attribute(Field::BROWSER_SCREEN_WIDTH, "screen width", Group::Screen, (0.85, 3.0 * YEAR, 1.0)),
    attribute(Field::BROWSER_SCREEN_HEIGHT, "screen height", Group::Screen, (0.85, 3.0 * YEAR, 1.0))
        .usually(0.3),
    attribute(Field::BROWSER_PIXEL_RATIO, "pixel ratio", Group::Screen, (0.85, 3.0 * YEAR, 1.0)).usually(0.5),
    attribute(Field::BROWSER_COLOR_DEPTH, "colour depth", Group::Screen, (0.95, 5.0 * YEAR, 1.0))
        .usually(0.8),
    attribute(Field::DEVICE_SCREEN_WIDTH, "device screen width", Group::Screen, (0.98, 10.0 * YEAR, 1.0))
        .usually(0.3),
    attribute(Field::DEVICE_SCREEN_HEIGHT, "device screen height", Group::Screen, (0.98, 10.0 * YEAR, 1.0))
        .usually(0.3),
    attribute(Field::BROWSER_TIME_ZONE, "time zone", Group::Locale, (0.97, 3.0 * YEAR, 1.0)),
    // It follows summer time, too.
    attribute(Field::BROWSER_TIME_ZONE_OFFSET_MINUTES, "offset from UTC", Group::Locale, (0.95, YEAR, 1.0)),
    attribute(Field::BROWSER_LANGUAGE, "browser language", Group::Locale, (0.98, 3.0 * YEAR, 1.0)),
    attribute(Field::DEVICE_TIME_ZONE, "device time zone", Group::Locale, (0.97, 3.0 * YEAR, 1.0)),
    attribute(Field::DEVICE_LANGUAGE, "device language", Group::Locale, (0.98, 3.0 * YEAR, 1.0)),
    attribute(Field::BROWSER_FONTS, "fonts", Group::Fonts, (0.96, 200.0, 0.9)),
    attribute(Field::BROWSER_HARDWARE_CONCURRENCY, "processors", Group::Hardware, (0.99, 10.0 * YEAR, 0.98)),
    attribute(Field::BROWSER_DEVICE_MEMORY, "memory", Group::Hardware, (0.99, 10.0 * YEAR, 0.98))
        .usually(0.5),
    attribute(Field::BROWSER_TOUCH_POINTS, "touch points", Group::Hardware, (0.98, 10.0 * YEAR, 0.98))
        .usually(0.5),
    attribute(Field::DEVICE_MODEL, "model", Group::Hardware, (0.999, 10.0 * YEAR, 1.0)),
    attribute(Field::TLS_FINGERPRINT, "TLS fingerprint", Group::Network, (0.985, YEAR, 0.7)),
    attribute(Field::DEVICE, "device identifier", Group::Key, (0.97, YEAR, 1.0)),
    attribute(Field::CLIENT_CERTIFICATE, "client certificate", Group::Key, (0.99, YEAR, 1.0)),
];

// Places of the table that rules of their own name.
pub(super) const USER_AGENT: usize = 0;
pub(super) const BROWSER_NAME: usize = 1;
pub(super) const BROWSER_VERSION: usize = 2;
pub(super) const BROWSER_PLATFORM: usize = 3;
pub(super) const DEVICE_PLATFORM: usize = 5;
pub(super) const OS_VERSION: usize = 6;
pub(super) const APP_VERSION: usize = 7;
pub(super) const CANVAS: usize = 8;
pub(super) const WEBGL: usize = 9;
pub(super) const GPU: usize = 10;
pub(super) const MODEL: usize = 26;
pub(super) const TLS: usize = 27;
pub(super) const DEVICE_KEY: usize = 28;
pub(super) const CERTIFICATE: usize = 29;

/// Attributes as bits, by their places in the table.
pub(super) const fn set_of(mut places: &[usize]) -> u32 {
    let mut set = 0;
    while let [first, rest @ ..] = places {
        (set, places) = (set | 1 << *first, rest);
    }
    set
}

/// The places of a set, lowest first.
pub(super) fn places(mut set: u32) -> impl Iterator<Item = usize> + Clone {
    std::iter::from_fn(move || {
        let at = (set != 0).then_some(set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(at)
    })
}

pub(super) const VERSIONS: u32 = set_of(&[BROWSER_VERSION, OS_VERSION, APP_VERSION]);
pub(super) const KEYS: u32 = set_of(&[DEVICE_KEY, CERTIFICATE]);

/// The attributes that count together, as sets: of a desktop and of what is held in the hand.
pub(super) static SLOTS: [[u32; GROUPS]; 2] = [slots(false), slots(true)];

const fn slots(handheld: bool) -> [u32; GROUPS] {
    const fn slot(number: usize, handheld: bool) -> u32 {
        let (mut set, mut at, mut others) = (0, 0, TABLE.as_slice());
        while let [first, rest @ ..] = others {
            if first.group.slot(handheld) == number {
                set |= 1 << at;
            }
            (at, others) = (at + 1, rest);
        }
        set
    }
    [
        slot(0, handheld),
        slot(1, handheld),
        slot(2, handheld),
        slot(3, handheld),
        slot(4, handheld),
        slot(5, handheld),
        slot(6, handheld),
        slot(7, handheld),
    ]
}

/// The outcomes of all attributes in one word: two sightings of a device that compare alike are one.
///
/// Each has a bit of the low half, which is set where it agrees or went down, and one of the high half, which is set
/// where it does not agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pattern(pub(crate) u64);

impl Pattern {
    /// The attributes that agree.
    pub(super) fn agrees(self) -> u32 {
        self.low() & !self.high()
    }

    /// Those that differ and are no versions.
    pub(super) fn differs(self) -> u32 {
        self.high() & !VERSIONS
    }

    /// Versions that went up,
    pub(super) fn up(self) -> u32 {
        self.high() & !self.low() & VERSIONS
    }

    /// and down.
    pub(super) fn down(self) -> u32 {
        self.high() & self.low() & VERSIONS
    }

    /// The same with what is not among these attributes missing.
    pub(super) fn of(self, attributes: u32) -> Pattern {
        Pattern(self.0 & (u64::from(attributes) << 32 | u64::from(attributes)))
    }

    fn low(self) -> u32 {
        self.0 as u32
    }

    fn high(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// How much it agrees: in a key before all, and then in how many attributes.
    pub(super) fn agreement(self) -> u32 {
        let agrees = self.agrees();
        agrees.count_ones() + if agrees & KEYS != 0 { ATTRIBUTES as u32 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::Outcome;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_in_order() {
        for (at, field) in [
            (USER_AGENT, Field::BROWSER_USER_AGENT),
            (BROWSER_NAME, Field::BROWSER_NAME),
            (BROWSER_VERSION, Field::BROWSER_VERSION),
            (BROWSER_PLATFORM, Field::BROWSER_PLATFORM),
            (DEVICE_PLATFORM, Field::DEVICE_PLATFORM),
            (OS_VERSION, Field::DEVICE_OS_VERSION),
            (APP_VERSION, Field::DEVICE_APP_VERSION),
            (CANVAS, Field::BROWSER_CANVAS),
            (WEBGL, Field::BROWSER_WEBGL),
            (GPU, Field::BROWSER_GPU),
            (MODEL, Field::DEVICE_MODEL),
            (TLS, Field::TLS_FINGERPRINT),
            (DEVICE_KEY, Field::DEVICE),
            (CERTIFICATE, Field::CLIENT_CERTIFICATE),
        ] {
            assert_eq!(TABLE[at].field, field);
        }
        for attribute in &TABLE {
            let Attribute { agreement, half_life, kept, .. } = *attribute;
            assert!(agreement > 0.5 && agreement < 1.0, "{}", attribute.name);
            assert!(half_life < HALF_LIVES.len() && kept > 0.0 && kept <= 1.0, "{}", attribute.name);
        }
        let ordered = (0..ATTRIBUTES).filter(|at| TABLE[*at].ordered);
        assert!(places(VERSIONS).eq(ordered));
        let keys = (0..ATTRIBUTES).filter(|at| TABLE[*at].group == Group::Key);
        assert!(places(KEYS).eq(keys));
        for (slots, handheld) in SLOTS.iter().zip([false, true]) {
            for (at, attribute) in TABLE.iter().enumerate() {
                let own: Vec<usize> = (0..GROUPS).filter(|slot| slots[*slot] >> at & 1 == 1).collect();
                assert_eq!(own, [attribute.group.slot(handheld)], "{}", attribute.name);
            }
        }
    }

    proptest! {
        #[test]
        fn a_pattern_keeps_every_outcome(kinds in proptest::collection::vec(0usize..4, ATTRIBUTES)) {
            let outcome = |at: usize| match (kinds[at], TABLE[at].ordered) {
                (0, _) => Outcome::Missing,
                (1, _) => Outcome::Agrees,
                (2, true) => Outcome::Up,
                (3, true) => Outcome::Down,
                _ => Outcome::Differs,
            };
            let pattern = Pattern::new(|at, _| outcome(at));
            for at in 0..ATTRIBUTES {
                prop_assert_eq!(pattern.outcome(at), outcome(at));
                let sets = [pattern.agrees(), pattern.differs(), pattern.up(), pattern.down()];
                let is = [Outcome::Agrees, Outcome::Differs, Outcome::Up, Outcome::Down];
                prop_assert_eq!(sets.map(|set| set >> at & 1 == 1), is.map(|is| is == outcome(at)));
            }
            let agreeing = (0..ATTRIBUTES).filter(|at| pattern.is(*at, Outcome::Agrees)).count();
            let key = pattern.any(&[DEVICE_KEY, CERTIFICATE], Outcome::Agrees);
            prop_assert_eq!(pattern.agreement() as usize, agreeing + if key { ATTRIBUTES } else { 0 });
        }
    }
}
