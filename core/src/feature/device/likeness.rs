//! How like an event's device is to those that an account is known by, after Fellegi and Sunter.
//!
//! An attribute that agrees is worth log2(m / u) bits: how much likelier it agrees on one device than between two
//! devices of the population. One that differs costs log2((1 - m) / (1 - u)). `u` is how frequent the event's value
//! is; `m` falls from what it is at once to `u` as time passes, so that neither says anything after many years, and
//! agreement never costs nor difference gains. Within a group the best agreement counts, and the worst difference.

use std::fmt;

use smallvec::SmallVec;

use super::attributes::{
    APP_VERSION, ATTRIBUTES, Attribute, BROWSER_NAME, BROWSER_PLATFORM, BROWSER_VERSION, CANVAS,
    DEVICE_PLATFORM, GPU, GROUPS, Group, HALF_LIVES, KEYS, MODEL, OS_VERSION, Pattern, SLOTS, TABLE, TLS,
    USER_AGENT, VERSIONS, WEBGL, places, set_of,
};
use super::sightings::MOST;
use crate::event::time::DAY;

/// What fewer than one in a million have is worth 20 bits: no single value is trusted further than that.
pub(super) const RAREST: f64 = 1.0 / 1_048_576.0;

/// A version that went down: one in 256 on the same device (a roll-back, a backup that is restored), one in four
/// between two that are not updated at the same time.
pub(super) const DOWN: f64 = -6.0;

/// Bits to be wholly alike without a key. Fewer fit too many devices.
pub(super) const FULL: f64 = 28.0;

/// The share of the attainable bits from which a device is like a known one. Of [`FULL`] it is one in 100,000.
pub(super) const LIKE: f64 = 0.6;

/// What likeness without a key that agrees counts: whatever a browser says can be copied.
pub(super) const SEEN: f64 = 0.95;

/// The same of a phone or tablet, for whoever has the same model shows the same; and of any device where something
/// speaks against it that does not happen on one.
pub(super) const DOUBTED: f64 = 0.5;

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
    let evidence = Evidence::new(frequencies, handheld);
    // What everything is worth together that agrees with what was seen just now, but for keys.
    let just_now = Fading { left: [1.0; HALF_LIVES.len()], updated: false };
    let attainable = evidence.bits(Seen { agrees: evidence.present & !KEYS, ..Seen::default() }, &just_now);
    if attainable + evidence.agreement(evidence.present & KEYS, &just_now) <= 0.0 {
        return None;
    }
    let mut best: Option<Judged> = None;
    let mut downs: SmallVec<[(i64, u32); MOST]> = SmallVec::new();
    for sighting in sightings {
        let judged = Compared::new(sighting, &evidence).judge(&evidence, handheld, attainable);
        if judged.downs != 0 {
            downs.push((judged.age, judged.downs));
        }
        best = best.filter(|best| !judged.is_before(best)).or(Some(judged));
    }
    let Judged { age, bits, share, key_agrees, changed, contradictions, .. } = best?;
    // Browsers differ in what they say from place to place, but a version that was seen since does not come back.
    let since = downs.iter().filter(|(other, _)| *other <= age).fold(0, |flags, (_, downs)| flags | downs);
    let contradictions = contradictions | since;
    let state = if share < LIKE || contradictions != 0 {
        State::New
    } else if !key_agrees {
        State::Like
    } else if changed != 0 {
        State::Updated
    } else {
        State::Known
    };
    Some(Likeness { bits, percent: 100.0 * share, state, changed, contradictions })
}

/// What the event's attributes say before anything is compared.
struct Evidence {
    /// Those that it has.
    present: u32,
    attributes: [Known; ATTRIBUTES],
    /// Those that count together.
    slots: &'static [u32; GROUPS],
}

/// What is known of an attribute of the event.
#[derive(Clone, Copy, Default)]
struct Known {
    /// How frequent its value is.
    frequency: f64,
    /// By how much likelier it is, a moment later, what it was on its device than on another one,
    apart: f64,
    /// and the same after an update.
    apart_updated: f64,
    half_life: usize,
}

/// Attributes that count, as sets.
#[derive(Clone, Copy, Default)]
struct Seen {
    agrees: u32,
    differs: u32,
    down: u32,
}

/// What time left of what sets attributes apart from the population.
struct Fading {
    /// A part for each of [`HALF_LIVES`].
    left: [f64; HALF_LIVES.len()],
    /// The software was updated meanwhile.
    updated: bool,
}

impl Known {
    /// The probability that the attribute is what it was.
    #[inline(always)]
    fn steadiness(&self, fading: &Fading) -> f64 {
        let left = fading.left.get(self.half_life).copied().unwrap_or(0.0);
        let apart = if fading.updated { self.apart_updated } else { self.apart };
        self.frequency + apart * left
    }
}

impl Evidence {
    fn new(frequencies: &Frequencies, handheld: bool) -> Evidence {
        let [desktop, held] = &SLOTS;
        let slots = if handheld { held } else { desktop };
        let mut evidence = Evidence { present: 0, attributes: [Known::default(); ATTRIBUTES], slots };
        let places = evidence.attributes.iter_mut().zip(&TABLE).zip(frequencies);
        for (at, ((known, attribute), frequency)) in places.enumerate() {
            let Some(frequency) = *frequency else { continue };
            let frequency = frequency.clamp(RAREST, 1.0 - RAREST);
            let Attribute { agreement, kept, half_life, .. } = *attribute;
            *known = Known {
                frequency,
                apart: (agreement - frequency).max(0.0),
                apart_updated: (agreement * kept - frequency).max(0.0),
                half_life,
            };
            evidence.present |= 1 << at;
        }
        evidence
    }

    fn known(&self, set: u32) -> impl Iterator<Item = &Known> + Clone {
        places(set).filter_map(|at| self.attributes.get(at))
    }

    /// The bits of the one that agrees best.
    fn agreement(&self, agrees: u32, fading: &Fading) -> f64 {
        let odds = |known: &Known| known.steadiness(fading) / known.frequency;
        most(self.known(agrees).map(odds), |one, other| one > other)
    }

    /// The bits of the one that differs worst.
    fn difference(&self, differs: u32, fading: &Fading) -> f64 {
        let odds = |known: &Known| (1.0 - known.steadiness(fading)) / (1.0 - known.frequency);
        most(self.known(differs).map(odds), |one, other| one < other)
    }

    /// All bits: of each group the best agreement and the worst difference.
    fn bits(&self, seen: Seen, fading: &Fading) -> f64 {
        let bits = self.slots.iter().map(|slot| {
            let [agrees, differs] = [seen.agrees & slot, seen.differs & slot];
            let agreement = if agrees == 0 { 0.0 } else { self.agreement(agrees, fading) };
            let difference = if differs == 0 { 0.0 } else { self.difference(differs, fading) };
            agreement + if seen.down & slot == 0 { difference } else { difference.min(DOWN) }
        });
        bits.sum()
    }
}

/// Ratios that are nearer to each other than this may have logarithms in any order: these are off by a unit in their
/// last place at most, which of no more than 20 bits is 2⁻⁴⁸.
const NEAR: f64 = 1.0 / 1_099_511_627_776.0;

/// The logarithm that beats all others and 0, as if that of each ratio were taken.
#[inline(always)]
fn most(ratios: impl Iterator<Item = f64> + Clone, beats: impl Fn(f64, f64) -> bool) -> f64 {
    let is_near = |ratio: f64, best: f64| (ratio - best).abs() <= NEAR * best && ratio != best;
    let (mut best, mut contested) = (1.0, false);
    for ratio in ratios.clone() {
        let near = is_near(ratio, best);
        if beats(ratio, best) {
            (best, contested) = (ratio, near);
        } else {
            contested |= near;
        }
    }
    if best == 1.0 {
        return 0.0;
    }
    let bits = libm::log2(best);
    if !contested {
        return bits;
    }
    let near = ratios.filter(|ratio| is_near(*ratio, best)).map(libm::log2);
    near.fold(bits, |best, other| if beats(other, best) { other } else { best })
}

/// A sighting without what the event lacks.
struct Compared {
    age: i64,
    agrees: u32,
    differs: u32,
    up: u32,
    down: u32,
    /// Agreement to which other attributes give the lie.
    void: u32,
    key_agrees: bool,
}

/// Where these differ, others draw the same.
const DRAWERS: u32 = set_of(&[GPU, DEVICE_PLATFORM]);
const DRAWN: u32 = set_of(&[CANVAS, WEBGL]);

/// Where these differ, a key is on another device.
const HOLDERS: u32 = set_of(&[MODEL, DEVICE_PLATFORM]);

impl Compared {
    fn new(sighting: &Sighting, evidence: &Evidence) -> Compared {
        let pattern = sighting.pattern.of(evidence.present);
        let (agrees, differs) = (pattern.agrees(), pattern.differs());
        let drawn = if differs & DRAWERS == 0 { 0 } else { DRAWN };
        let keys = if differs & HOLDERS == 0 { 0 } else { KEYS };
        Compared {
            age: sighting.age.max(0),
            agrees,
            differs,
            up: pattern.up(),
            down: pattern.down(),
            void: agrees & (drawn | keys),
            key_agrees: agrees & KEYS & !keys != 0,
        }
    }

    /// The software was updated in between: what else changed with it is no wonder.
    fn is_updated(&self) -> bool {
        self.up != 0
    }

    /// It speaks TLS differently, and no update explains it. Scripts report what they are told to, the network code
    /// does not; but whoever has the key may have come through something that speaks TLS in their stead.
    fn is_other_client(&self) -> bool {
        self.differs & set_of(&[TLS]) != 0 && !self.is_updated() && !self.key_agrees
    }

    fn judge(&self, evidence: &Evidence, handheld: bool, attainable: f64) -> Judged {
        let days = self.age as f64 / DAY as f64;
        let left = HALF_LIVES.map(|half_life| libm::exp2(-days / half_life));
        let fading = Fading { left, updated: self.is_updated() };
        let Compared { age, agrees, differs, up, down, void, key_agrees } = *self;
        let bits = evidence.bits(Seen { agrees: agrees & !void, differs, down }, &fading);
        // A key that agrees is no doubt that few bits would leave; it counts in full. One that does not is not missed,
        // for storage is cleared.
        let scale = match key_agrees {
            true => attainable + evidence.agreement(agrees & KEYS, &fading),
            false => attainable.max(FULL),
        };
        let counts = match key_agrees {
            _ if down != 0 || self.is_other_client() => DOUBTED,
            true => 1.0,
            false if handheld => DOUBTED,
            false => SEEN,
        };
        let share = if bits > 0.0 { counts * bits / scale } else { 0.0 };
        // That the user agent names another version is no change beside the version's.
        let changed = (differs & !if self.is_updated() { set_of(&[USER_AGENT]) } else { 0 }) | up | down;
        let (mut contradictions, mut downs) = self.contradictions();
        // Another device does not contradict itself. Only one does that passes for the known one otherwise, in what
        // it would say if it did not.
        if contradictions != 0 && agrees & KEYS == 0 {
            let besides = if down == 0 { u32::MAX } else { !(VERSIONS | set_of(&[USER_AGENT])) };
            let said = Seen { agrees: agrees & besides, differs: differs & besides, down: 0 };
            if differs & KEYS != 0 || evidence.bits(said, &fading) < LIKE * scale {
                (contradictions, downs) = (0, 0);
            }
        }
        Judged { age, bits, share, key_agrees, changed, contradictions, downs }
    }

    /// What does not happen on one device; and what of it speaks against other sightings too.
    fn contradictions(&self) -> (u32, u32) {
        let any = |set: u32, places: &[usize]| set & set_of(places) != 0;
        let same = |places: &[usize]| !any(self.differs, places);
        let down = |version| any(self.down, &[version]);
        let flag = |contradiction: Contradiction, holds| u32::from(holds) << contradiction as u32;
        let downs = flag(Contradiction::BrowserVersion, down(BROWSER_VERSION) && same(&[BROWSER_NAME]))
            | flag(Contradiction::OsVersion, down(OS_VERSION) && same(&[BROWSER_PLATFORM, DEVICE_PLATFORM]))
            | flag(Contradiction::AppVersion, down(APP_VERSION));
        let same_build = any(self.agrees, &[USER_AGENT, BROWSER_VERSION]) && same(&[BROWSER_NAME]);
        let others = flag(Contradiction::Rendering, self.void & DRAWN != 0)
            | flag(Contradiction::Tls, self.is_other_client() && same_build)
            | flag(Contradiction::Key, self.void & KEYS != 0);
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
