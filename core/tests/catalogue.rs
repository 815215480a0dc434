//! The tables of event fields and of aggregates in the documents are those in the code.

#![allow(clippy::disallowed_methods, reason = "tests read files and the environment")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::fmt::Write;

use sekisho::{AGGREGATES, FIELDS, FieldKind, Policy};

/// `SEKISHO_REWRITE=1` writes the document anew.
#[test]
fn fields_are_documented() {
    let mut text = String::from(
        "# Event fields\n\n\
         Generated from `core/src/event/field.rs`. The number is what C programs use; it is never reused.\n\
         An entity is an identifier that history can be kept about (`by`); it is hashed when the event reaches the\n\
         engine. Attributes are kept as they are and refuse anything that looks like a card number.\n\n\
         A `bin` that is absent comes from the `card`, if that is a card number whose check digit is right, not a token.\n\
         A `label` beside an event counts for those after it: from the event on or, given an `id`, from `labelled_at`\n\
         on. One that is [learnt later](policy.md#what-is-learnt-later) wants an `id`.\n\n\
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
    written("fields.md", &text);
}

/// The same of what features compute.
#[test]
fn aggregates_are_documented() {
    let mut text = String::from(
        "# What features compute\n\n\
         Generated from `core/src/policy/catalogue.rs`. Each row is an `aggregate` of a [feature](policy.md#feature);\n\
         `expression` is a key of its own. n is the number of events that the feature selects, v one of their values,\n\
         x the event that is scored. Every feature is missing when x lacks the entity in `by`. The program\n\
         `families` of the [benches](../benches/README.md) measures the cost of each in nanoseconds.\n",
    );
    let mut family = "";
    for info in AGGREGATES {
        if info.family != family {
            family = info.family;
            let mut title = family.to_owned();
            title[..1].make_ascii_uppercase();
            let _ = write!(
                text,
                "\n## {title}\n\n| aggregate | of | keys of its own | value | unit and range | missing | cost | source |\n\
                 |---|---|---|---|---|---|---|---|\n"
            );
        }
        let keys: Vec<String> =
            info.keys.split(", ").filter(|key| !key.is_empty()).map(|key| format!("`{key}`")).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} | {} | {} |",
            info.name,
            info.of,
            keys.join(", "),
            info.formula.replace('|', "\\|"),
            info.range,
            info.missing,
            info.cost,
            info.source
        );
    }
    written("features.md", &text);
}

/// The first policy that a reader of the documents sees is a whole one.
#[test]
fn the_policy_of_the_documents_compiles() {
    let file = format!("{}/../docs/policy.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let (_, block) = text.split_once("```toml\n").unwrap();
    let (policy, _) = block.split_once("```").unwrap();
    Policy::from_toml(policy).unwrap_or_else(|error| panic!("{error}"));
}

fn written(name: &str, text: &str) {
    let file = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("SEKISHO_REWRITE").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    assert!(std::fs::read_to_string(&file).unwrap_or_default() == text, "docs/{name} is stale");
}
