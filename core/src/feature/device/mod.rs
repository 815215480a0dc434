//! Devices: whether an event's device is one that its account is known by, and whether it contradicts itself.
//!
//! What can be seen of a device is said by the device, and copied by whoever wants to pass for it. So it is evidence
//! of likeness, never proof: only a key that was installed on a device, or a certificate, makes it known.

mod attributes;
mod inconsistencies;
mod likeness;
mod matching;
mod sightings;
mod version;

#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub(crate) use attributes::TABLE;
pub(crate) use inconsistencies::{INCONSISTENCIES, inconsistencies, say_inconsistencies};
pub(crate) use matching::{DeviceMatch, RESULTS};
pub(crate) use sightings::PLACES;
pub(super) use version::word as version_word;
