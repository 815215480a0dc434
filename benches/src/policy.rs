//! The policy of the workload, as data: from here come the TOML document and what the peers are given.

use std::fmt::Write;

/// The four windows: how policies write them, and their milliseconds.
pub const WINDOWS: [(&str, i64); 4] =
    [("10m", 600_000), ("1h", 3_600_000), ("1d", 86_400_000), ("7d", 604_800_000)];

/// Lists, each with the field whose values are on it; the last one holds networks.
pub const LISTS: [(&str, &str); 4] = [
    ("blocked_devices", "device"),
    ("blocked_cards", "card"),
    ("watched_merchants", "merchant"),
    ("office_networks", "ip"),
];

/// Which recorded events a feature counts, in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// As a policy writes it.
    pub policy: &'static str,
    /// As SQL.
    pub sql: &'static str,
}

const fn condition(policy: &'static str, sql: &'static str) -> Option<Condition> {
    Some(Condition { policy, sql })
}

const ALL: Option<Condition> = None;
const PAYMENT: Option<Condition> = condition(r#"type == "payment""#, "type = 'payment'");
const DECLINED: Option<Condition> = condition(r#"outcome == "declined""#, "outcome = 'declined'");
const REFUSED_PAYMENT: Option<Condition> =
    condition(r#"type == "payment" && outcome == "declined""#, "type = 'payment' AND outcome = 'declined'");
const FAILED_LOGIN: Option<Condition> = condition(r#"auth.result == "failed""#, "auth_result = 'failed'");
const WEB: Option<Condition> = condition(r#"channel == "web""#, "channel = 'web'");
const LARGE: Option<Condition> = condition("amount_minor >= 50000", "amount >= 50000");
const ABROAD: Option<Condition> = condition(r#"country != "JP""#, "country <> 'JP'");
const MOVED: Option<Condition> =
    condition(r#"type in ["transfer", "withdrawal"]"#, "type IN ('transfer', 'withdrawal')");

/// One window feature.
#[derive(Clone, Copy, Debug)]
pub struct FeatureLine {
    /// The feature's name.
    pub name: &'static str,
    /// What it computes.
    pub aggregate: &'static str,
    /// Of which field; empty for those that count events.
    pub of: &'static str,
    /// The entity.
    pub by: &'static str,
    /// The window, as a place in [`WINDOWS`].
    pub window: usize,
    /// Which events it looks at.
    pub condition: Option<Condition>,
}

const fn line(
    name: &'static str,
    aggregate: &'static str,
    of: &'static str,
    by: &'static str,
    window: usize,
    condition: Option<Condition>,
) -> FeatureLine {
    FeatureLine { name, aggregate, of, by, window, condition }
}

/// The 30 features. Every entity has one over 7 days, so that all histories reach equally far back.
pub const FEATURES: [FeatureLine; 30] = [
    line("account_count_10m", "count", "", "account", 0, ALL),
    line("account_count_1h", "count", "", "account", 1, ALL),
    line("account_moved_1d", "sum", "amount_minor", "account", 2, MOVED),
    line("account_sum_1d", "sum", "amount_minor", "account", 2, ALL),
    line("account_mean_7d", "mean", "amount_minor", "account", 3, ALL),
    line("account_stddev_7d", "stddev", "amount_minor", "account", 3, ALL),
    line("account_max_7d", "max", "amount_minor", "account", 3, PAYMENT),
    line("account_devices_7d", "distinct", "device", "account", 3, ALL),
    line("account_failed_1h", "count", "", "account", 1, FAILED_LOGIN),
    line("account_since_declined", "since", "", "account", 3, DECLINED),
    line("device_count_10m", "count", "", "device", 0, ALL),
    line("device_accounts_1d", "distinct", "account", "device", 2, ALL),
    line("device_accounts_7d", "distinct", "account", "device", 3, ALL),
    line("device_cards_1h", "distinct", "card", "device", 1, ALL),
    line("device_refused_1d", "count", "", "device", 2, REFUSED_PAYMENT),
    line("device_paid_1h", "sum", "amount_minor", "device", 1, PAYMENT),
    line("ip_accounts_10m", "distinct", "account", "ip", 0, ALL),
    line("ip_accounts_1h", "distinct", "account", "ip", 1, ALL),
    line("ip_failed_10m", "count", "", "ip", 0, FAILED_LOGIN),
    line("ip_declined_1h", "count", "", "ip", 1, DECLINED),
    line("ip_web_1d", "count", "", "ip", 2, WEB),
    line("ip_since_abroad", "since", "", "ip", 3, ABROAD),
    line("card_count_10m", "count", "", "card", 0, ALL),
    line("card_paid_1d", "sum", "amount_minor", "card", 2, PAYMENT),
    line("card_merchants_1h", "distinct", "merchant", "card", 1, ALL),
    line("card_refused_1d", "count", "", "card", 2, REFUSED_PAYMENT),
    line("card_min_7d", "min", "amount_minor", "card", 3, PAYMENT),
    line("merchant_large_1h", "count", "", "merchant", 1, LARGE),
    line("merchant_cards_1h", "distinct", "card", "merchant", 1, ALL),
    line("merchant_mean_7d", "mean", "amount_minor", "merchant", 3, PAYMENT),
];

/// One rule: its condition, and the points and reason of a hit.
#[derive(Clone, Copy, Debug)]
pub struct RuleLine {
    /// The condition, as a policy writes it.
    pub when: &'static str,
    /// What a hit adds to the score.
    pub points: i32,
    /// The reason that a hit gives.
    pub reason: &'static str,
}

const fn rule(points: i32, reason: &'static str, when: &'static str) -> RuleLine {
    RuleLine { when, points, reason }
}

/// The 50 rules.
pub const RULES: [RuleLine; 50] = [
    rule(300, "CARD_TESTING", r#"card_count_10m >= 3 && amount_minor < 2000 && type == "payment""#),
    rule(250, "CARD_TESTING", r#"card_refused_1d >= 2 && channel in ["web", "api"]"#),
    rule(200, "CARD_TESTING", r#"card_merchants_1h >= 5 && card_min_7d < 1000"#),
    rule(350, "CARD_TESTING", r#"merchant_cards_1h >= 5 && amount_minor < 1500 && auth.cvv_result == "N""#),
    rule(150, "CARD_VELOCITY", r#"card_paid_1d > 100000 && country == "JP""#),
    rule(220, "CARD_VELOCITY", r#"card_paid_1d + amount_minor > 150000 && auth.strength < 2"#),
    rule(500, "LISTED", r#"in_list("blocked_cards", card) && type != "token_use""#),
    rule(500, "LISTED", r#"in_list("blocked_devices", device) && type != "login""#),
    rule(120, "LISTED", r#"in_list("watched_merchants", merchant) && amount_minor >= 30000"#),
    rule(
        -100,
        "OFFICE",
        r#"in_list("office_networks", ip) && device.platform == "windows" && !device.rooted"#,
    ),
    rule(280, "STUFFING", r#"ip_accounts_10m >= 2 && ip_failed_10m >= 1"#),
    rule(240, "STUFFING", r#"ip_failed_10m >= 1 && auth.method == "password" && auth.result == "failed""#),
    rule(180, "STUFFING", r#"ip_accounts_1h >= 3 && !in_list("office_networks", ip) && channel == "web""#),
    rule(160, "GUESSING", r#"account_failed_1h >= 3 && auth.method in ["password", "otp"]"#),
    rule(260, "GUESSING", r#"account_failed_1h >= 2 && auth.strength < 2 && amount_minor > 20000"#),
    rule(140, "SHARED_DEVICE", r#"device_accounts_1d >= 3 && type in ["transfer", "withdrawal"]"#),
    rule(200, "SHARED_DEVICE", r#"device_accounts_7d >= 4 && amount_minor >= 10000"#),
    rule(190, "SHARED_DEVICE", r#"device_cards_1h >= 3 && auth.cvv_result in ["N", "P"]"#),
    rule(110, "MANY_DEVICES", r#"account_devices_7d >= 4 && account_count_1h >= 4"#),
    rule(
        210,
        "MANY_DEVICES",
        r#"account_devices_7d > 2 && device.integrity != "strong" && channel == "app""#,
    ),
    rule(320, "TAMPERED", r#"device.rooted && device.integrity == "failed""#),
    rule(170, "TAMPERED", r#"device.rooted && type in ["transfer", "withdrawal"] && amount_minor > 10000"#),
    rule(
        130,
        "TAMPERED",
        r#"device.integrity in ["failed", "unknown"] && device.platform == "android" && channel == "app""#,
    ),
    rule(
        150,
        "UNUSUAL_AMOUNT",
        r#"double(amount_minor) > account_mean_7d + 3.0 * account_stddev_7d && amount_minor > 5000"#,
    ),
    rule(130, "UNUSUAL_AMOUNT", r#"amount_minor > account_max_7d && amount_minor >= 50000"#),
    rule(
        100,
        "UNUSUAL_AMOUNT",
        r#"double(amount_minor) > 4.0 * merchant_mean_7d && mcc in ["5732", "5944", "4829"]"#,
    ),
    rule(160, "DRAINING", r#"account_moved_1d > 100000 && type in ["transfer", "withdrawal"]"#),
    rule(230, "DRAINING", r#"account_sum_1d + amount_minor > 200000 && auth.strength <= 1"#),
    rule(
        290,
        "TAKEOVER",
        r#"has(account.password_changed_at) && time - account.password_changed_at < duration("24h") && amount_minor >= 10000"#,
    ),
    rule(
        310,
        "TAKEOVER",
        r#"time - account.password_changed_at < duration("72h") && account_devices_7d >= 2 && type == "transfer""#,
    ),
    rule(120, "NEW_ACCOUNT", r#"time - account.created_at < duration("720h") && amount_minor >= 100000"#),
    rule(140, "NEW_ACCOUNT", r#"time - account.created_at < duration("168h") && device_accounts_7d >= 2"#),
    rule(90, "ABROAD", r#"country != "JP" && ip_since_abroad < duration("1h") && ip_web_1d >= 3"#),
    rule(150, "ABROAD", r#"has(ship_to.country) && ship_to.country != country && amount_minor >= 20000"#),
    rule(130, "ABROAD", r#"country in ["NG", "RU", "VN", "PH"] && auth.strength < 2 && type != "token_use""#),
    rule(
        80,
        "RETRY",
        r#"account_since_declined < duration("10m") && type == "payment" && response_code == "51""#,
    ),
    rule(110, "RETRY", r#"account_since_declined < duration("1h") && device_refused_1d >= 2"#),
    rule(100, "RETRY", r#"ip_declined_1h >= 3 && response_code in ["05", "14", "51", "54"]"#),
    rule(120, "VELOCITY", r#"account_count_10m >= 3 && auth.method != "biometric""#),
    rule(100, "VELOCITY", r#"device_count_10m >= 4 || card_count_10m >= 4"#),
    rule(140, "VELOCITY", r#"(account_count_1h >= 7 || device_paid_1h > 300000) && channel != "branch""#),
    rule(180, "LARGE", r#"amount_minor >= 100000 && auth.result != "passed""#),
    rule(90, "LARGE", r#"merchant_large_1h >= 2 && amount_minor >= 20000 && pos_entry_mode in ["01", "81"]"#),
    rule(
        70,
        "NIGHT_CASH",
        r#"mcc == "6011" && type == "withdrawal" && amount_minor >= 10000 && channel in ["terminal", "web"]"#,
    ),
    rule(160, "FALLBACK", r#"pos_entry_mode == "80" && amount_minor > 10000 && country != "JP""#),
    rule(
        60,
        "WEAK",
        r#"auth.strength == 0 && amount_minor >= 20000 && !(channel in ["branch", "terminal"])"#,
    ),
    rule(
        200,
        "NO_CODE",
        r#"!has(auth.cvv_result) && pos_entry_mode == "81" && amount_minor > 15000 && channel == "web""#,
    ),
    rule(
        -60,
        "TRUSTED",
        r#"auth.method == "biometric" && auth.strength >= 2 && device.integrity == "strong" && account_devices_7d <= 1"#,
    ),
    rule(
        -40,
        "TRUSTED",
        r#"time - account.created_at > duration("8760h") && account_failed_1h == 0 && device_accounts_7d <= 1"#,
    ),
    rule(
        100,
        "PATTERN",
        r#"response_code.startsWith("9") && channel in ["api", "web"] && ip_accounts_1h > 1"#,
    ),
];

/// The policy document, as TOML.
pub fn document() -> String {
    let mut text = String::from(HEADER);
    write_lists(&mut text);
    write_features(&mut text);
    for (number, rule) in RULES.iter().enumerate() {
        write_rule(&mut text, number, rule.when, rule);
    }
    text + BANDS
}

/// The features alone.
pub fn document_of_features() -> String {
    let mut text = String::from(HEADER);
    write_features(&mut text);
    text + BANDS
}

/// The rules alone: events bring the values of the features as attributes.
pub fn document_of_rules() -> String {
    let mut text = String::from(HEADER);
    write_lists(&mut text);
    for feature in FEATURES {
        let kind = if matches!(feature.aggregate, "mean" | "stddev") { "number" } else { "integer" };
        let _ = write!(text, "\n[[attribute]]\nname = \"{}\"\ntype = \"{kind}\"\n", feature.name);
    }
    for (number, rule) in RULES.iter().enumerate() {
        // No attribute is a duration: those features come in milliseconds.
        let mut when = rule.when.to_owned();
        for feature in FEATURES.iter().filter(|feature| feature.aggregate == "since") {
            for (window, length) in WINDOWS {
                let name = feature.name;
                when =
                    when.replace(&format!("{name} < duration(\"{window}\")"), &format!("{name} < {length}"));
            }
        }
        write_rule(&mut text, number, &when, rule);
    }
    text + BANDS
}

const HEADER: &str = r#"[policy]
name = "workload"
version = "1"
currency = "JPY"
required_fields = ["id"]
"#;

const BANDS: &str = r#"
[decision]
bands = [
    { from = 0, action = "allow" },
    { from = 400, action = "challenge", strength = 2 },
    { from = 600, action = "review" },
    { from = 800, action = "deny" },
]
"#;

fn write_lists(text: &mut String) {
    for (name, of) in LISTS {
        let networks = if of == "ip" {
            "kind = \"cidr\"\nentries = [{ value = \"198.51.100.0/24\" }, { value = \"203.0.113.0/26\" }]\n"
        } else {
            ""
        };
        let _ = write!(text, "\n[[list]]\nname = \"{name}\"\nof = \"{of}\"\n{networks}");
    }
}

fn write_features(text: &mut String) {
    for FeatureLine { name, aggregate, of, by, window, condition } in FEATURES {
        let over = WINDOWS[window].0;
        let _ = write!(text, "\n[[feature]]\nname = \"{name}\"\naggregate = \"{aggregate}\"\n");
        if !of.is_empty() {
            let _ = writeln!(text, "of = \"{of}\"");
        }
        let _ = writeln!(text, "by = [\"{by}\"]\nover = \"{over}\"");
        if let Some(condition) = condition {
            let _ = writeln!(text, "where = '{}'", condition.policy);
        }
    }
}

fn write_rule(text: &mut String, number: usize, when: &str, rule: &RuleLine) {
    let RuleLine { points, reason, .. } = rule;
    let _ = write!(
        text,
        "\n[[rule]]\nid = \"{number}\"\nwhen = '{when}'\npoints = {points}\nreason = \"{reason}\"\n"
    );
}
