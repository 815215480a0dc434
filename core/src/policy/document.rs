//! What a policy document says.

use serde::{Deserialize, Serialize};

use super::source::{At, Faulty};

#[derive(Debug, Default, Serialize)]
pub(crate) struct Document {
    pub(crate) policy: Header,
    pub(crate) attributes: Vec<AttributeItem>,
    pub(crate) entities: Vec<EntityItem>,
    pub(crate) lists: Vec<ListItem>,
    pub(crate) features: Vec<FeatureItem>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) limits: Vec<LimitItem>,
    pub(crate) rules: Vec<RuleItem>,
    pub(crate) bands: Vec<BandItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) most_relief: Option<At<i64>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) feedback: Vec<FeedbackItem>,
    /// Names of attributes and lists whose faults keep them from being read: what refers to them is not at fault.
    #[serde(skip)]
    pub(crate) unreadable: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Header {
    pub(crate) name: At<String>,
    pub(crate) version: At<String>,
    pub(crate) time_zone: Option<At<String>>,
    pub(crate) currency: At<String>,
    pub(crate) required_fields: Vec<At<String>>,
    pub(crate) event_types: Vec<At<String>>,
    pub(crate) lateness: Option<At<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) remember: Vec<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remember_for: Option<At<String>>,
    /// Left out of the fingerprint when absent, so that those of older policies stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) events: Option<At<i64>>,
    /// By whose histories they are, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) events_of: Vec<(At<String>, At<i64>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) locale: Option<At<Locale>>,
}

/// Where identifiers are written as people do there, and hashed in their one form.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Locale {
    Ja,
}

#[derive(Debug, Serialize)]
pub(crate) struct AttributeItem {
    pub(crate) name: At<String>,
    pub(crate) value_type: At<AttributeType>,
    pub(crate) values: Option<At<Vec<At<String>>>>,
    pub(crate) description: Option<At<String>>,
    #[serde(skip)]
    pub(crate) faulty: Faulty,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AttributeType {
    #[default]
    Text,
    Integer,
    Number,
    Boolean,
    Time,
}

#[derive(Debug, Serialize)]
pub(crate) struct EntityItem {
    pub(crate) name: At<String>,
    pub(crate) description: Option<At<String>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ListItem {
    pub(crate) name: At<String>,
    pub(crate) of: At<String>,
    pub(crate) kind: ListKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<At<ListLevel>>,
    pub(crate) entries: Vec<EntryItem>,
    pub(crate) description: Option<At<String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ListKind {
    #[default]
    Exact,
    Cidr,
    /// Identifiers by how they begin.
    Prefix,
    /// Addresses of mail and names of hosts by the domains that they are in.
    Domain,
    /// Postal addresses, as far as they agree.
    Address,
    /// Names of people and companies, as far as they can be compared.
    Name,
}

impl ListKind {
    /// Whether it compares what people write, rather than looking identifiers up.
    pub(crate) fn reads_text(self) -> bool {
        matches!(self, ListKind::Address | ListKind::Name)
    }

    /// As policies and bundles call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ListKind::Exact => "exact",
            ListKind::Cidr => "cidr",
            ListKind::Prefix => "prefix",
            ListKind::Domain => "domain",
            ListKind::Address => "address",
            ListKind::Name => "name",
        }
    }
}

/// The levels of a postal address down to which two of one town may agree.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ListLevel {
    Town,
    Number,
    Building,
    Room,
}

#[derive(Debug, Serialize)]
pub(crate) struct EntryItem {
    pub(crate) value: At<String>,
    pub(crate) severity: Option<At<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<At<String>>,
    pub(crate) source: Option<At<String>>,
    pub(crate) expires: Option<At<i64>>,
}

/// What puts an identifier of an event on a list.
#[derive(Debug, Serialize)]
pub(crate) struct FeedbackItem {
    pub(crate) list: At<String>,
    pub(crate) of: At<String>,
    pub(crate) on: At<Cause>,
    pub(crate) lasts: At<String>,
    pub(crate) severity: Option<At<u8>>,
    pub(crate) reason: Option<At<String>>,
    pub(crate) source: Option<At<String>>,
    #[serde(skip)]
    pub(crate) faulty: Faulty,
}

/// When it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// The event was denied.
    #[default]
    Deny,
    /// Its label is fraud.
    Fraud,
    /// Its label is genuine.
    Genuine,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct FeatureItem {
    pub(crate) name: At<String>,
    pub(crate) aggregate: At<Aggregate>,
    pub(crate) of: Option<At<String>>,
    pub(crate) by: Option<At<Vec<At<String>>>>,
    pub(crate) over: Option<At<String>>,
    pub(crate) delay: Option<At<String>>,
    pub(crate) condition: Option<At<String>>,
    pub(crate) include_current: Option<At<bool>>,
    pub(crate) per: Option<At<String>>,
    pub(crate) numerator: Option<At<String>>,
    pub(crate) denominator: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expression: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prior: Option<At<Vec<At<f64>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) half_life: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scale: Option<At<Scale>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at_least: Option<At<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smoothing: Option<At<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) categories: Option<At<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after_same: Option<At<Vec<At<String>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reset: Option<At<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<At<Vec<At<String>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) list: Option<At<String>>,
    pub(crate) description: Option<At<String>>,
    #[serde(skip)]
    pub(crate) faulty: Faulty,
}

impl FeatureItem {
    /// Whether a key has a fault of its own.
    pub(super) fn is_faulty(&self, key: &str) -> bool {
        self.faulty.contains(&key)
    }

    /// Whether enough can be read to say what the feature is.
    pub(super) fn is_readable(&self) -> bool {
        !["name", "aggregate", "by", "steps", "after_same"].into_iter().any(|key| self.is_faulty(key))
    }
}

/// What a feature computes over its window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aggregate {
    #[default]
    Count,
    Sum,
    Mean,
    Min,
    Max,
    Stddev,
    Distinct,
    First,
    Last,
    Since,
    Rate,
    Ratio,
    Zscore,
    TimeOfDay,
    Novelty,
    Entropy,
    Speed,
    Distance,
    LoginScore,
    DeviceMatch,
    Inconsistencies,
    /// How the devices of an entity's history compare with the event's: a part of a device match.
    #[serde(skip_deserializing)]
    Sightings,
    /// What `expression` says, of the event and of other features.
    #[serde(skip_deserializing)]
    Expression,
    /// Time since the first match.
    Age,
    /// Steps in their order.
    Sequence,
    /// Steps in any order.
    Occurred,
    /// Different values that are on a list now.
    Listed,
    /// The highest severity of these.
    ListedSeverity,
}

/// What values are compared as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scale {
    #[default]
    Log,
    Linear,
}

/// How much may be done within a window.
#[derive(Debug, Serialize)]
pub(crate) struct LimitItem {
    pub(crate) name: At<String>,
    pub(crate) by: At<Vec<At<String>>>,
    pub(crate) over: At<String>,
    pub(crate) condition: At<String>,
    pub(crate) amount: Option<At<Quantity>>,
    pub(crate) count: Option<At<Quantity>>,
    pub(crate) near: Option<At<f64>>,
    pub(crate) near_over: Option<At<String>>,
    pub(crate) action: Option<At<ActionItem>>,
    pub(crate) strength: Option<At<u8>>,
    pub(crate) obligations: Vec<At<ObligationItem>>,
    pub(crate) reason: Option<At<String>>,
    pub(crate) mode: Option<At<Mode>>,
    pub(crate) on_missing: Option<At<OnMissing>>,
    pub(crate) description: Option<At<String>>,
    #[serde(skip)]
    pub(crate) faulty: Faulty,
}

impl LimitItem {
    /// Whether a key has a fault of its own.
    pub(super) fn is_faulty(&self, key: &str) -> bool {
        self.faulty.contains(&key)
    }

    /// The names of all features that a limit can have.
    fn parts(limit: &str) -> [String; 5] {
        ["used", "ceiling", "remaining", "share", "near"].map(|part| format!("{limit}.{part}"))
    }

    /// The names of those that it has.
    pub(super) fn features(&self) -> impl Iterator<Item = String> {
        LimitItem::parts(&self.name.value)
            .into_iter()
            .take(4 + usize::from(self.near.is_some() || self.is_faulty("near")))
    }
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct RuleItem {
    pub(crate) id: At<String>,
    pub(crate) when: At<String>,
    pub(crate) points: Option<At<Quantity>>,
    pub(crate) action: Option<At<ActionItem>>,
    pub(crate) strength: Option<At<u8>>,
    pub(crate) obligations: Vec<At<ObligationItem>>,
    pub(crate) reason: Option<At<String>>,
    pub(crate) mode: Option<At<Mode>>,
    pub(crate) on_missing: Option<At<OnMissing>>,
    pub(crate) description: Option<At<String>>,
    /// It says what a hit does, rightly or not.
    #[serde(skip)]
    pub(crate) acts: bool,
    #[serde(skip)]
    pub(crate) faulty: Faulty,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected an integer or an expression in quotes")]
pub(crate) enum Quantity {
    Constant(i64),
    Expression(String),
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActionItem {
    Allow,
    Challenge,
    Review,
    Deny,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ObligationItem {
    Notify,
    Hold,
    Lock,
    Limit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    #[default]
    Live,
    Shadow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnMissing {
    #[default]
    Skip,
    Match,
    Fail,
}

#[derive(Debug, Serialize)]
pub(crate) struct BandItem {
    pub(crate) from: At<i64>,
    pub(crate) action: At<ActionItem>,
    pub(crate) strength: Option<At<u8>>,
}
