//! The families, each with a feature that stands for it.

/// A family of features.
pub(super) struct Family {
    pub(super) name: &'static str,
    /// Whose histories it reads.
    by: &'static [&'static str],
    /// In TOML.
    pub(super) features: &'static str,
}

impl Family {
    /// Features that count by the same entities: finding them is not what the family costs.
    pub(super) fn counts(&self) -> String {
        let count = |by: &&str| {
            let name = by.replace(['.', '/'], "_");
            format!(
                "[[feature]]\nname = \"n_{name}\"\naggregate = \"count\"\nby = [\"{by}\"]\nover = \"400d\"\n"
            )
        };
        self.by.iter().map(count).collect()
    }
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "count",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "count"
by = ["account"]
over = "30d"
where = 'outcome == "failed"'
"#,
    },
    Family {
        name: "sum",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "sum"
of = "amount_minor"
by = ["account"]
over = "30d"
"#,
    },
    Family {
        name: "stddev",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "stddev"
of = "amount_minor"
by = ["account"]
over = "30d"
"#,
    },
    Family {
        name: "distinct",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "distinct"
of = "device"
by = ["account"]
over = "30d"
"#,
    },
    Family {
        name: "zscore",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "zscore"
of = "amount_minor"
by = ["account"]
over = "90d"
"#,
    },
    Family {
        name: "time_of_day",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "time_of_day"
by = ["account"]
over = "90d"
"#,
    },
    Family {
        name: "novelty",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "novelty"
of = "device"
by = ["account"]
over = "90d"
"#,
    },
    Family {
        name: "entropy",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "entropy"
of = "device"
by = ["account"]
over = "90d"
"#,
    },
    Family {
        name: "half_life",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "rate"
half_life = "6h"
by = ["account"]
over = "90d"
"#,
    },
    Family {
        name: "composite",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "count"
by = ["account", "payee"]
over = "30d"
"#,
    },
    Family {
        name: "speed",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "speed"
by = ["account"]
over = "30d"
"#,
    },
    Family {
        name: "distance",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "distance"
by = ["account"]
over = "30d"
half_life = "10d"
"#,
    },
    Family {
        name: "disagreements",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
expression = "disagreements(country, card.country, bill_to.country, ship_to.country)"
"#,
    },
    Family {
        name: "after a marker",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "count"
by = ["account"]
over = "30d"
where = 'outcome == "failed"'
reset = 'outcome == "succeeded"'
"#,
    },
    Family {
        name: "superseded code",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "count"
by = ["account"]
over = "30d"
where = 'type == "login"'
after = 'type == "login"'
after_same = ["code"]
"#,
    },
    Family {
        name: "age",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "age"
by = ["account"]
over = "30d"
where = 'outcome == "failed"'
"#,
    },
    Family {
        name: "sequence of four",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "sequence"
by = ["account"]
over = "30d"
steps = ['type == "login"', 'type == "payment"', 'type == "profile_change"', 'type == "transfer"']
include_current = true
"#,
    },
    Family {
        name: "occurred of four",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "occurred"
by = ["account"]
over = "30d"
steps = ['type == "login"', 'type == "payment"', 'type == "profile_change"', 'type == "transfer"']
include_current = true
"#,
    },
    Family {
        name: "expression",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
expression = "double(n_account) / 30.0 > 1.5"
"#,
    },
    Family {
        name: "limit",
        by: &["account"],
        features: r#"
[[limit]]
name = "f"
by = ["account"]
over = "30d"
where = 'type == "login"'
amount = 10000000
"#,
    },
    Family {
        name: "inconsistencies",
        by: &["account"],
        features: r#"
[[feature]]
name = "f"
aggregate = "inconsistencies"
"#,
    },
    Family {
        name: "device_match",
        by: &[
            "account",
            "population",
            "browser.canvas",
            "browser.webgl",
            "browser.gpu",
            "browser.screen_width",
            "browser.time_zone",
            "browser.time_zone_offset_minutes",
            "browser.language",
            "browser.fonts",
            "browser.hardware_concurrency",
            "device.time_zone",
            "device.language",
            "device.model",
            "tls_fingerprint",
            "device",
            "client_certificate",
        ],
        features: r#"
[[feature]]
name = "f"
aggregate = "device_match"
by = ["account"]
over = "400d"
where = 'type == "login" && outcome == "succeeded"'
"#,
    },
    Family {
        name: "login_score",
        by: &[
            "account",
            "ip",
            "asn",
            "country",
            "browser.user_agent",
            "browser.name",
            "device.platform",
            "device.type",
            "population",
        ],
        features: r#"
[[feature]]
name = "f"
aggregate = "login_score"
by = ["account"]
where = 'type == "login" && outcome == "succeeded"'
"#,
    },
];
