//! The table of event fields in the documents is the one in the code.

#![allow(clippy::disallowed_methods, reason = "tests read files and the environment")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::fmt::Write;

use sekisho::{FIELDS, FieldKind};

/// `SEKISHO_REWRITE=1` writes the document anew.
#[test]
fn fields_are_documented() {
    let mut text = String::from(
        "# Event fields\n\n\
         Generated from `core/src/event/field.rs`. The number is what C programs use; it is never reused.\n\
         An entity is an identifier that history can be kept about (`by`); it is hashed when the event reaches the\n\
         engine. Attributes are kept as they are and refuse anything that looks like a card number.\n\n\
         | no. | name | kind | meaning | counterpart |\n|---|---|---|---|---|\n",
    );
    for spec in FIELDS {
        let kind = match spec.kind() {
            FieldKind::Entity if spec.entity() != Some(spec.name()) => {
                format!("entity ({})", spec.entity().unwrap_or_default())
            }
            kind => kind.name().to_owned(),
        };
        let choices = spec.choices().map(|all| all.collect::<Vec<_>>().join(", "));
        let choices = choices.map(|all| format!(": {all}")).unwrap_or_default();
        let number = spec.field().number();
        let (name, meaning, counterpart) = (spec.name(), spec.meaning(), spec.counterpart());
        let _ = writeln!(text, "| {number} | `{name}` | {kind} | {meaning}{choices} | {counterpart} |");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fields.md");
    if std::env::var_os("SEKISHO_REWRITE").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    assert!(std::fs::read_to_string(file).unwrap_or_default() == text, "docs/fields.md is stale");
}
