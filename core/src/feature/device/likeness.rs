//! How like an event's device is to those that an account is known by, after Fellegi and Sunter.
//!
//! An attribute that agrees is worth log2(m / u) bits: how much likelier it agrees on one device than between two
//! devices of the population. One that differs costs log2((1 - m) / (1 - u)). `u` is how frequent the event's value
//! is; `m` falls from what it is at once to `u` as time passes, so that neither says anything after many years, and
//! agreement never costs nor difference gains. Within a group the best agreement counts, and the worst difference.

use std::fmt;

use super::attributes::{
    APP_VERSION, ATTRIBUTES, Attribute, BROWSER_NAME, BROWSER_PLATFORM, BROWSER_VERSION, CANVAS, CERTIFICATE,
    DEVICE_KEY, DEVICE_PLATFORM, GPU, GROUPS, Group, MODEL, OS_VERSION, Outcome, Pattern, TABLE, TLS,
    USER_AGENT, WEBGL,
};
use crate::event::time::DAY;

/// What fewer than one in a million have is worth 20 bits: no single value is trusted further than that.
const RAREST: f64 = 1.0 / 1_048_576.0;

/// A version that went down: one in 256 on the same device (a roll-back, a backup that is restored), one in four
/// between two that are not updated at the same time.
const DOWN: f64 = -6.0;

/// Bits to be wholly alike without a key. Fewer fit too many devices.
const FULL: f64 = 28.0;

/// The share of the attainable bits from which a device is like a known one. Of [`FULL`] it is one in 100,000.
const LIKE: f64 = 0.6;

/// What likeness without a key that agrees counts: whatever a browser says can be copied.
const SEEN: f64 = 0.95;

/// The same of a phone or tablet, for whoever has the same model shows the same; and of any device where something
/// speaks against it that does not happen on one.
const DOUBTED: f64 = 0.5;

/// How frequent a value of an attribute is in the population, of which `count` of `all` events have it.
///
/// Before any was seen a value counts as that of every second, so that nothing is rare while little is known; a key
/// as that of one in a million, which is what keys are for.
pub(super) fn frequency(attribute: &Attribute, count: u64, all: u64) -> f64 {
    let others = if attribute.group == Group::Key { 1.0 / RAREST } else { 2.0 };
    let counted = || (count as f64 + 1.0) / (all as f64 + others);
    attribute.usual.unwrap_or_else(counted).clamp(RAREST, 1.0 - RAREST)
}

/// How frequent the event's value of each attribute is; `None` where it has none.
pub(crate) type Frequencies = [Option<f64>; ATTRIBUTES];

/// A known device as the event compares with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sighting {
    /// Milliseconds since it was last seen so; before 0 is 0.
    pub(crate) age: i64,
    /// How each attribute compares.
    pub(crate) pattern: Pattern,
}

/// What is said of the event's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Like none that is known.
    New = 0,
    /// Like a known one by what can be seen of it, which others may have copied.
    Like = 1,
    /// Known by its key; something about it changed.
    Updated = 2,
    /// Known by its key.
    Known = 3,
}

/// What does not happen on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contradiction {
    /// The browser's version went down.
    BrowserVersion = 0,
    /// The version of the operating system went down.
    OsVersion = 1,
    /// The app's version went down.
    AppVersion = 2,
    /// The same is drawn by other graphics or another system.
    Rendering = 3,
    /// The same build of the browser speaks TLS differently.
    Tls = 4,
    /// The key came up on another model or system.
    Key = 5,
}

const CONTRADICTIONS: [(Contradiction, &str); 6] = [
    (Contradiction::BrowserVersion, "the browser's version went down"),
    (Contradiction::OsVersion, "the version of the operating system went down"),
    (Contradiction::AppVersion, "the app's version went down"),
    (Contradiction::Rendering, "other graphics draw the same"),
    (Contradiction::Tls, "the same browser speaks TLS differently"),
    (Contradiction::Key, "the key of another device"),
];

/// How like an event's device is to the known one that it is most like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Likeness {
    /// The score: below 0 it speaks against the same device.
    pub(crate) bits: f64,
    /// The part of the bits that the event could attain at best, 0 to 100: it rises with the score, and a change costs
    /// what the changed attribute was worth. (A probability would nearly always be 0 or 1.) Without a key it is at
    /// most 95, and 50 where it is in doubt.
    pub(crate) percent: f64,
    /// Known, updated, only like a known one, or new.
    pub(crate) state: State,
    /// The attributes that changed, a bit for each place of the table.
    pub(crate) changed: u32,
    /// A bit for each [`Contradiction`].
    pub(crate) contradictions: u32,
}

/// Compares the event's device with the known ones. `None` when either has nothing to compare.
///
/// `handheld` says that the event comes from a phone or tablet. Of sightings that are equally like, the latest
/// counts, and then the first.
pub(crate) fn likeness(
    sightings: &[Sighting],
    frequencies: &Frequencies,
    handheld: bool,
) -> Option<Likeness> {
    // What everything is worth together that agrees with what was seen just now, but for keys.
    let (mut attainable, mut keys) = (Groups::default(), 0.0);
    for (_, attribute, frequency) in known(frequencies) {
        match attribute.group {
            Group::Key => keys = f64::max(keys, worth(attribute, frequency)),
            _ => attainable.add(attribute, handheld, worth(attribute, frequency)),
        }
    }
    let attainable = attainable.bits();
    if attainable + keys <= 0.0 {
        return None;
    }
    let judged = sightings
        .iter()
        .map(|sighting| Compared::new(sighting, frequencies).judge(frequencies, handheld, attainable));
    let best = judged.clone().reduce(|best, other| if other.is_before(&best) { other } else { best })?;
    // Browsers differ in what they say from place to place, but a version that was seen since does not come back.
    let since = judged.filter(|other| other.age <= best.age).fold(0, |flags, other| flags | other.downs);
    let contradictions = best.contradictions | since;
    let state = if best.share < LIKE || contradictions != 0 {
        State::New
    } else if !best.key_agrees {
        State::Like
    } else if best.changed != 0 {
        State::Updated
    } else {
        State::Known
    };
    let Judged { bits, changed, .. } = best;
    Some(Likeness { bits, percent: 100.0 * best.share, state, changed, contradictions })
}

/// The attributes that the event has, by their places, and how frequent its values are.
fn known(frequencies: &Frequencies) -> impl Iterator<Item = (usize, &'static Attribute, f64)> {
    let all = TABLE.iter().zip(frequencies).enumerate();
    all.filter_map(|(at, (attribute, frequency))| {
        Some((at, attribute, (*frequency)?.clamp(RAREST, 1.0 - RAREST)))
    })
}

/// The probability that an attribute is after some days what it was: what sets it apart from the population fades.
fn steadiness(attribute: &Attribute, frequency: f64, days: f64, updated: bool) -> f64 {
    let at_once = attribute.agreement * if updated { attribute.kept } else { 1.0 };
    frequency + (at_once - frequency).max(0.0) * libm::exp2(-days / attribute.half_life)
}

/// The bits of a value that agrees with what was seen just now.
fn worth(attribute: &Attribute, frequency: f64) -> f64 {
    libm::log2(steadiness(attribute, frequency, 0.0, false) / frequency)
}

/// What agrees and what differs, of each group the most.
#[derive(Default)]
struct Groups([(f64, f64); GROUPS]);

impl Groups {
    fn add(&mut self, attribute: &Attribute, handheld: bool, bits: f64) {
        if let Some((agreement, difference)) = self.0.get_mut(attribute.group.slot(handheld)) {
            *agreement = agreement.max(bits);
            *difference = difference.min(bits);
        }
    }

    fn bits(&self) -> f64 {
        self.0.iter().map(|(agreement, difference)| agreement + difference).sum()
    }
}

/// A sighting without what the event lacks.
struct Compared {
    age: i64,
    pattern: Pattern,
    /// The software was updated in between: what else changed with it is no wonder.
    updated: bool,
    /// What is drawn agrees, but hardly can.
    void_rendering: bool,
    /// A key that agrees is not its own.
    void_key: bool,
    key_agrees: bool,
}

const KEYS: [usize; 2] = [DEVICE_KEY, CERTIFICATE];
const VERSIONS: [usize; 3] = [BROWSER_VERSION, OS_VERSION, APP_VERSION];

impl Compared {
    fn new(sighting: &Sighting, frequencies: &Frequencies) -> Compared {
        let mut pattern = sighting.pattern;
        for (at, frequency) in frequencies.iter().enumerate() {
            if frequency.is_none() {
                pattern.set(at, Outcome::Missing);
            }
        }
        let void_key = pattern.any(&[MODEL, DEVICE_PLATFORM], Outcome::Differs);
        Compared {
            age: sighting.age.max(0),
            pattern,
            updated: pattern.any(&VERSIONS, Outcome::Up),
            void_rendering: pattern.any(&[GPU, DEVICE_PLATFORM], Outcome::Differs),
            void_key,
            key_agrees: pattern.any(&KEYS, Outcome::Agrees) && !void_key,
        }
    }

    /// Agreement to which other attributes give the lie.
    fn is_void(&self, at: usize) -> bool {
        self.pattern.is(at, Outcome::Agrees)
            && match at {
                CANVAS | WEBGL => self.void_rendering,
                DEVICE_KEY | CERTIFICATE => self.void_key,
                _ => false,
            }
    }

    /// It speaks TLS differently, and no update explains it. Scripts report what they are told to, the network code
    /// does not; but whoever has the key may have come through something that speaks TLS in their stead.
    fn is_other_client(&self) -> bool {
        self.pattern.is(TLS, Outcome::Differs) && !self.updated && !self.key_agrees
    }

    fn judge(&self, frequencies: &Frequencies, handheld: bool, attainable: f64) -> Judged {
        let days = self.age as f64 / DAY as f64;
        let is_down = self.pattern.any(&VERSIONS, Outcome::Down);
        // What counts, and what would if it did not contradict itself.
        let (mut groups, mut said) = (Groups::default(), Groups::default());
        let (mut key, mut changed) = (0.0, 0);
        for (at, attribute, frequency) in known(frequencies) {
            let steadiness = steadiness(attribute, frequency, days, self.updated);
            let bits = match self.pattern.outcome(at) {
                Outcome::Missing => continue,
                Outcome::Agrees => libm::log2(steadiness / frequency),
                Outcome::Differs => libm::log2((1.0 - steadiness) / (1.0 - frequency)),
                // Everybody's version goes up.
                Outcome::Up => 0.0,
                Outcome::Down => DOWN,
            };
            if !(is_down && (at == USER_AGENT || attribute.ordered)) {
                said.add(attribute, handheld, bits);
            }
            if !self.is_void(at) {
                groups.add(attribute, handheld, bits);
            }
            if self.pattern.is(at, Outcome::Agrees) {
                if attribute.group == Group::Key {
                    key = f64::max(key, bits);
                }
            } else if !(at == USER_AGENT && self.updated) {
                // (That the user agent names another version is no change beside the version's.)
                changed |= 1 << at;
            }
        }
        // A key that agrees is no doubt that few bits would leave; it counts in full. One that does not is not missed,
        // for storage is cleared.
        let scale = if self.key_agrees { attainable + key } else { attainable.max(FULL) };
        let counts = match self.key_agrees {
            _ if is_down || self.is_other_client() => DOUBTED,
            true => 1.0,
            false if handheld => DOUBTED,
            false => SEEN,
        };
        let bits = groups.bits();
        let share = if bits > 0.0 { counts * bits / scale } else { 0.0 };
        let Compared { age, key_agrees, .. } = *self;
        // Another device does not contradict itself. Only one does that passes for the known one otherwise.
        let passes = said.bits() >= LIKE * scale && !self.pattern.any(&KEYS, Outcome::Differs);
        let (contradictions, downs) =
            if passes || self.pattern.any(&KEYS, Outcome::Agrees) { self.contradictions() } else { (0, 0) };
        Judged { age, bits, share, key_agrees, changed, contradictions, downs }
    }

    /// What does not happen on one device; and what of it speaks against other sightings too.
    fn contradictions(&self) -> (u32, u32) {
        let any = |places: &[usize], outcome| self.pattern.any(places, outcome);
        let same = |places: &[usize]| !any(places, Outcome::Differs);
        let down = |version| self.pattern.is(version, Outcome::Down);
        let flag = |contradiction: Contradiction, holds| u32::from(holds) << contradiction as u32;
        let downs = flag(Contradiction::BrowserVersion, down(BROWSER_VERSION) && same(&[BROWSER_NAME]))
            | flag(Contradiction::OsVersion, down(OS_VERSION) && same(&[BROWSER_PLATFORM, DEVICE_PLATFORM]))
            | flag(Contradiction::AppVersion, down(APP_VERSION));
        let same_build = any(&[USER_AGENT, BROWSER_VERSION], Outcome::Agrees) && same(&[BROWSER_NAME]);
        let others =
            flag(Contradiction::Rendering, any(&[CANVAS, WEBGL], Outcome::Agrees) && self.void_rendering)
                | flag(Contradiction::Tls, self.is_other_client() && same_build)
                | flag(Contradiction::Key, any(&KEYS, Outcome::Agrees) && self.void_key);
        (downs | others, downs)
    }
}

/// One sighting judged.
#[derive(Clone, Copy)]
struct Judged {
    age: i64,
    bits: f64,
    /// The part of the attainable bits, as far as it counts.
    share: f64,
    key_agrees: bool,
    changed: u32,
    contradictions: u32,
    /// Those that also count when another sighting is more like.
    downs: u32,
}

impl Judged {
    fn is_before(&self, other: &Judged) -> bool {
        let order = self.share.total_cmp(&other.share).then(self.bits.total_cmp(&other.bits));
        order.then(other.age.cmp(&self.age)).is_gt()
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded down: what is nearly alike is not alike.
        let percent = self.percent as u32;
        match self.state {
            State::Known => f.write_str("a known device")?,
            State::Updated => write!(f, "a known device, {percent} % alike")?,
            State::Like => write!(f, "{percent} % like a known device")?,
            State::New => write!(f, "a new device, {percent} % like a known one")?,
        }
        if self.state == State::New && self.contradictions == 0 {
            return Ok(());
        }
        let changed = TABLE.iter().enumerate().filter(|(at, _)| self.changed >> at & 1 == 1);
        list(f, "changed", changed.map(|(_, attribute)| attribute.name))?;
        let flagged = CONTRADICTIONS.iter().filter(|(flag, _)| self.contradictions >> *flag as u32 & 1 == 1);
        list(f, "contradicted", flagged.map(|(_, text)| *text))
    }
}

fn list(f: &mut fmt::Formatter<'_>, what: &str, names: impl Iterator<Item = &'static str>) -> fmt::Result {
    for (number, name) in names.enumerate() {
        match number {
            0 => write!(f, "; {what}: {name}")?,
            _ => write!(f, ", {name}")?,
        }
    }
    Ok(())
}
