//! What is asked of a population, as data: from here come the policy and what Redis is given.

use std::fmt::Write;

use sekisho::Policy;

use super::population::{DAY, HOUR};

/// Aggregate, field, window and condition.
pub(crate) type Line = (&'static str, &'static str, &'static str, &'static str);

/// Windows, and how many milliseconds they are.
pub(crate) const WINDOWS: [(&str, u64); 4] = [("10m", 600_000), ("1h", HOUR), ("1d", DAY), ("30d", 30 * DAY)];
pub(crate) const DECLINED: &str = r#"outcome == "declined""#;
pub(crate) const LARGE: &str = "amount_minor >= 50000";
pub(crate) const WEB: &str = r#"channel == "web""#;

/// The fifty features. Accounts, devices and merchants are looked back on for a month; for what is shared by many or
/// changes often, a day is enough.
pub(crate) const FEATURES: [(&str, &[Line]); 7] = [
    (
        "account",
        &[
            ("count", "", "10m", ""),
            ("count", "", "1h", ""),
            ("count", "", "1d", DECLINED),
            ("sum", "amount_minor", "1h", ""),
            ("sum", "amount_minor", "1d", ""),
            ("mean", "amount_minor", "30d", ""),
            ("stddev", "amount_minor", "30d", ""),
            ("max", "amount_minor", "30d", ""),
            ("distinct", "device", "30d", ""),
            ("distinct", "payee", "1d", ""),
            ("distinct", "country", "30d", ""),
            ("since", "", "30d", DECLINED),
        ],
    ),
    (
        "device",
        &[
            ("count", "", "10m", ""),
            ("count", "", "1h", DECLINED),
            ("sum", "amount_minor", "1d", ""),
            ("distinct", "account", "1h", ""),
            ("distinct", "account", "1d", ""),
            ("distinct", "account", "30d", ""),
            ("distinct", "card", "1d", ""),
            ("since", "", "30d", ""),
        ],
    ),
    (
        "ip",
        &[
            ("count", "", "10m", ""),
            ("count", "", "1h", DECLINED),
            ("count", "", "1d", WEB),
            ("distinct", "account", "10m", ""),
            ("distinct", "account", "1d", ""),
            ("distinct", "device", "1d", ""),
            ("sum", "amount_minor", "1h", ""),
            ("count", "", "1d", LARGE),
        ],
    ),
    (
        "card",
        &[
            ("count", "", "10m", ""),
            ("count", "", "1d", DECLINED),
            ("sum", "amount_minor", "1d", ""),
            ("distinct", "merchant", "1h", ""),
            ("distinct", "merchant", "1d", ""),
            ("min", "amount_minor", "1d", ""),
            ("since", "", "1d", ""),
        ],
    ),
    (
        "merchant",
        &[
            ("count", "", "1h", ""),
            ("count", "", "1d", DECLINED),
            ("count", "", "1h", LARGE),
            ("distinct", "card", "1h", ""),
            ("mean", "amount_minor", "30d", ""),
        ],
    ),
    (
        "email",
        &[
            ("count", "", "10m", ""),
            ("count", "", "1d", ""),
            ("distinct", "account", "1d", ""),
            ("distinct", "device", "1d", ""),
            ("sum", "amount_minor", "1d", ""),
        ],
    ),
    (
        "payee",
        &[
            ("count", "", "1h", ""),
            ("count", "", "1d", LARGE),
            ("distinct", "account", "1d", ""),
            ("sum", "amount_minor", "1d", ""),
            ("since", "", "1d", ""),
        ],
    ),
];

/// The policy that has them, and a rule for every count.
pub(crate) fn policy() -> sekisho::Result<Policy> {
    let mut text = String::from("[policy]\nname = \"resident\"\nversion = \"1\"\ncurrency = \"JPY\"\n");
    // Every history is kept for so much longer than its longest window.
    text += "lateness = \"1h\"\n";
    // Of a merchant with thousands of events, whatever lies far back may be summed up.
    text += "events_of = { merchant = 64 }\n";
    let mut names = Vec::new();
    for (entity, lines) in FEATURES {
        for (number, (aggregate, of, over, condition)) in lines.iter().enumerate() {
            assert!(WINDOWS.iter().any(|(name, _)| name == over), "four windows in all");
            let name = format!("{entity}_{number}_{aggregate}_{over}");
            let _ = write!(text, "\n[[feature]]\nname = \"{name}\"\naggregate = \"{aggregate}\"\n");
            let _ = write!(text, "by = [\"{entity}\"]\nover = \"{over}\"\n");
            if !of.is_empty() {
                let _ = writeln!(text, "of = \"{of}\"");
            }
            if !condition.is_empty() {
                let _ = writeln!(text, "where = '{condition}'");
            }
            names.push((name, *aggregate));
        }
    }
    assert_eq!(names.len(), 50);
    for (name, _) in names.iter().filter(|(_, aggregate)| ["count", "distinct"].contains(aggregate)) {
        let _ = write!(
            text,
            "\n[[rule]]\nid = \"{name}\"\nwhen = '{name} > 30'\npoints = 50\nreason = \"MANY\"\n"
        );
    }
    text += "\n[decision]\nbands = [{ from = 0, action = \"allow\" }, { from = 500, action = \"review\" }]\n";
    Policy::from_toml(&text)
}
