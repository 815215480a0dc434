//! Devices: whether an event's device is one that its account is known by, and whether it contradicts itself.
//!
//! What can be seen of a device is said by the device, and copied by whoever wants to pass for it. So it is evidence
//! of likeness, never proof: only a key that was installed on a device, or a certificate, makes it known.

mod attributes;
mod inconsistencies;
mod likeness;
pub mod version;

#[cfg(test)]
mod tests;

pub use attributes::{ATTRIBUTES, Attribute, Outcome, Pattern, TABLE};
pub use inconsistencies::{INCONSISTENCIES, Inconsistency, inconsistencies, is_handheld};
pub use likeness::{Contradiction, Frequencies, Likeness, Sighting, State, frequency, likeness};
