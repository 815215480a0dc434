//! What lists say of devices, by definition: one with the engine's key, and one with a key that others have as well.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sekisho::{Engine, ListEntry};

/// Aggregates and their keys.
pub(crate) const ASKED: [(&str, Option<&str>, &str); 4] = [
    ("listed", Some("device"), "list = \"bad\""),
    ("listed_severity", Some("device"), "list = \"bad\""),
    ("listed", Some("device"), "list = \"shared\""),
    ("listed_severity", Some("device"), "list = \"shared\""),
];

pub(crate) const LISTS: &str = "\n[[list]]\nname = \"bad\"\nof = \"device\"\n\
                                \n[[list]]\nname = \"shared\"\nof = \"device\"\nkey = \"consortium\"\n";

/// Puts a device on a list, or takes it off.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    shared: bool,
    device: u8,
    /// Severity, and how long it counts from the event on.
    entry: Option<(u8, Option<i64>)>,
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let lasts = proptest::option::of(-3_600_000i64..172_800_000);
    let entry = prop_oneof![3 => (0u8..=100, lasts).prop_map(Some), 1 => Just(None)];
    (any::<bool>(), 0u8..3, entry).prop_map(|(shared, device, entry)| Change { shared, device, entry })
}

/// What is on both lists.
#[derive(Default)]
pub(crate) struct Listed([BTreeMap<String, (u8, Option<i64>)>; 2]);

impl Listed {
    pub(crate) fn change(&mut self, engine: &Engine, change: &Change, time: i64) {
        let (name, device) = (["bad", "shared"][usize::from(change.shared)], change.device.to_string());
        let members = &mut self.0[usize::from(change.shared)];
        match change.entry {
            Some((severity, lasts)) => {
                let expires = lasts.map(|lasts| time + lasts);
                let entry = ListEntry::new().severity(severity);
                let entry = expires.into_iter().fold(entry, ListEntry::expires);
                engine.list_add(name, &device, entry).unwrap();
                members.insert(device, (severity, expires));
            }
            None => {
                let known = engine.list_remove(name, &device).unwrap();
                assert_eq!(known, members.remove(&device).is_some());
            }
        }
    }

    /// The severities of those devices that count.
    pub(crate) fn severities(&self, keys: &str, devices: &[String], time: i64) -> Vec<u8> {
        let members = &self.0[usize::from(keys.contains("shared"))];
        let counting = members.iter().filter(|(device, (_, expires))| {
            devices.contains(device) && expires.is_none_or(|expires| time < expires)
        });
        counting.map(|(_, (severity, _))| *severity).collect()
    }
}
