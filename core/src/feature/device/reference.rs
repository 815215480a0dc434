//! The slow and obvious way to compare devices: one attribute after the other, of every sighting. What a visit and the
//! likeness work out together has to come to the same bits.

use std::cmp::Ordering;

use super::attributes::*;
use super::likeness::*;
use super::version;
use crate::event::time::DAY;

/// How an attribute of an event compares with a known device's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// One of them lacks it.
    Missing,
    /// They are equal; of versions, as far as both are given.
    Agrees,
    /// They differ; no version does, it went up or down.
    Differs,
    /// The event's version is later.
    Up,
    /// The event's version is earlier.
    Down,
}

impl Outcome {
    /// Compares the words that an attribute is remembered by: [versions](version::word) of an ordered one.
    pub(crate) fn of(attribute: &Attribute, known: Option<u64>, now: Option<u64>) -> Outcome {
        let (Some(known), Some(now)) = (known, now) else { return Outcome::Missing };
        if !attribute.ordered {
            return if known == now { Outcome::Agrees } else { Outcome::Differs };
        }
        match version::compare(known, now) {
            Ordering::Equal => Outcome::Agrees,
            Ordering::Less => Outcome::Up,
            Ordering::Greater => Outcome::Down,
        }
    }
}

impl Pattern {
    /// How each attribute of the table compares.
    pub(crate) fn new(mut outcome: impl FnMut(usize, &Attribute) -> Outcome) -> Pattern {
        let mut pattern = Pattern::default();
        for (at, attribute) in TABLE.iter().enumerate() {
            pattern.set(at, outcome(at, attribute));
        }
        pattern
    }

    /// Replaces one outcome.
    pub(crate) fn set(&mut self, at: usize, outcome: Outcome) {
        let (agrees_or_down, other) = match outcome {
            Outcome::Missing => (0, 0),
            Outcome::Agrees => (1, 0),
            Outcome::Differs | Outcome::Up => (0, 1),
            Outcome::Down => (1, 1),
        };
        self.0 = self.0 & !(1 << at | 1 << (32 + at)) | agrees_or_down << at | other << (32 + at);
    }

    /// The outcome of one attribute.
    pub(crate) fn outcome(self, at: usize) -> Outcome {
        match (self.0 >> at & 1, self.0 >> (32 + at) & 1) {
            (0, 0) => Outcome::Missing,
            (1, 0) => Outcome::Agrees,
            _ if !TABLE[at].ordered => Outcome::Differs,
            (0, _) => Outcome::Up,
            _ => Outcome::Down,
        }
    }

    pub(super) fn is(self, at: usize, outcome: Outcome) -> bool {
        self.outcome(at) == outcome
    }

    pub(super) fn any(self, places: &[usize], outcome: Outcome) -> bool {
        places.iter().any(|at| self.is(*at, outcome))
    }
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
    frequency + (at_once - frequency).max(0.0) * libm::exp2(-days / HALF_LIVES[attribute.half_life])
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
        let (agreement, difference) = &mut self.0[attribute.group.slot(handheld)];
        *agreement = agreement.max(bits);
        *difference = difference.min(bits);
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
