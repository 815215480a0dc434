//! The policy document as serde reads it, key by key, so that every fault is found in one pass.

use serde::{Deserialize, Serialize};

use super::source::{At, Format, Source, Table};

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
    /// Names of features, limits and lists whose faults keep them from being read: what refers to them is not at
    /// fault.
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
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AttributeType {
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
}

/// When it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// The event was denied.
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

/// Reads the document. Faults go to the source; what could be read is returned, so that checks go on.
pub(crate) fn read<'a>(source: &'a Source<'a>, format: Format) -> Option<Document> {
    let parsed = source.parse(format)?;
    let mut root = Table::new(source, parsed, "the policy document");
    let mut document = Document::default();

    match root.table("policy") {
        Some(table) => read_header(Table::new(source, table, "[policy]"), &mut document.policy),
        None => source.fault(&(0..0), "there is no [policy] table with `name`, `version` and `currency`"),
    }
    for table in root.tables("attribute") {
        let mut item = Table::new(source, table, "an attribute");
        let (name, value_type) = (item.required("name"), item.required("type"));
        let (values, description) = (item.array("values"), item.optional("description"));
        item.finish();
        if let (Some(name), Some(value_type)) = (name, value_type) {
            document.attributes.push(AttributeItem { name, value_type, values, description });
        }
    }
    for table in root.tables("entity") {
        let mut item = Table::new(source, table, "an entity");
        let (name, description) = (item.required("name"), item.optional("description"));
        item.finish();
        document.entities.extend(name.map(|name| EntityItem { name, description }));
    }
    for table in root.tables("list") {
        let (name, item) = read_list(source, Table::new(source, table, "a list"));
        match item {
            Some(item) => document.lists.push(item),
            None => document.unreadable.extend(name),
        }
    }
    for table in root.tables("feedback") {
        let mut item = Table::new(source, table, "a feedback");
        let (list, of, on) = (item.required("list"), item.required("of"), item.required("on"));
        let (lasts, severity) = (item.required("for"), item.optional("severity"));
        let (reason, origin) = (item.optional("reason"), item.optional("source"));
        item.finish();
        if let (Some(list), Some(of), Some(on), Some(lasts)) = (list, of, on, lasts) {
            document.feedback.push(FeedbackItem { list, of, on, lasts, severity, reason, source: origin });
        }
    }
    for table in root.tables("feature") {
        let (name, item) = read_feature(Table::new(source, table, "a feature"));
        match item {
            Some(item) => document.features.push(item),
            None => document.unreadable.extend(name),
        }
    }
    for table in root.tables("limit") {
        let (name, item) = read_limit(Table::new(source, table, "a limit"));
        match (item, name) {
            (Some(item), _) => document.limits.push(item),
            (None, Some(name)) => document.unreadable.extend(LimitItem::parts(&name)),
            (None, None) => {}
        }
    }
    for table in root.tables("rule") {
        document.rules.extend(read_rule(Table::new(source, table, "a rule")));
    }
    match root.table("decision") {
        Some(table) => {
            let mut decision = Table::new(source, table, "[decision]");
            for band in decision.tables("bands") {
                let mut item = Table::new(source, band, "a band");
                let (from, action, strength) =
                    (item.required("from"), item.required("action"), item.optional("strength"));
                item.finish();
                if let (Some(from), Some(action)) = (from, action) {
                    document.bands.push(BandItem { from, action, strength });
                }
            }
            if document.bands.is_empty() && !source.has_faults() {
                let span = decision.span();
                source.fault(&span, "[decision] has no `bands`, such as [{ from = 0, action = \"allow\" }]");
            }
            document.most_relief = decision.optional("most_relief");
            decision.finish();
        }
        None => source.fault(&(0..0), "there is no [decision] table with `bands`"),
    }
    root.finish();
    Some(document)
}

fn read_header(mut table: Table<'_, '_>, header: &mut Header) {
    header.name = table.required("name").unwrap_or_default();
    header.version = table.required("version").unwrap_or_default();
    header.time_zone = table.optional("time_zone");
    header.currency = table.required("currency").unwrap_or_default();
    header.required_fields = table.array("required_fields").map(|list| list.value).unwrap_or_default();
    header.event_types = table.array("event_types").map(|list| list.value).unwrap_or_default();
    header.lateness = table.optional("lateness");
    header.remember = table.array("remember").map(|list| list.value).unwrap_or_default();
    header.remember_for = table.optional("remember_for");
    header.events = table.optional("events");
    header.events_of = table.named("events_of");
    header.locale = table.optional("locale");
    table.finish();
}

fn read_list<'a>(source: &Source<'a>, mut table: Table<'a, '_>) -> (Option<String>, Option<ListItem>) {
    let (name, of, kind): (Option<At<String>>, _, _) =
        (table.required("name"), table.required("of"), table.optional("kind"));
    let (key, level, description) =
        (table.optional("key"), table.optional("level"), table.optional("description"));
    let mut entries = Vec::new();
    for entry in table.tables("entries") {
        let mut item = Table::new(source, entry, "an entry");
        let value = item.required("value");
        let (severity, origin, expires) =
            (item.optional("severity"), item.optional("source"), item.optional("expires"));
        let reason = item.optional("reason");
        item.finish();
        entries.extend(value.map(|value| EntryItem { value, severity, reason, source: origin, expires }));
    }
    table.finish();
    let known = name.as_ref().map(|name| name.value.clone());
    let item = name.zip(of).map(|(name, of)| ListItem {
        name,
        of,
        kind: kind.map(|kind: At<ListKind>| kind.value).unwrap_or_default(),
        key,
        level,
        entries,
        description,
    });
    (known, item)
}

fn read_feature(mut table: Table<'_, '_>) -> (Option<String>, Option<FeatureItem>) {
    let name: Option<At<String>> = table.required("name");
    let expression: Option<At<String>> = table.optional("expression");
    // An expression says itself what is computed.
    let aggregate = match &expression {
        Some(at) if !table.has("aggregate") => {
            Some(At { value: Aggregate::Expression, span: at.span.clone() })
        }
        _ => table.required("aggregate"),
    };
    let of = table.optional("of");
    // A list that cannot be read is a fault already.
    let lists = ["by", "steps", "after_same"].into_iter().filter(|key| table.has(key)).count();
    let (by, steps, after_same) = (table.array("by"), table.array("steps"), table.array("after_same"));
    let (over, delay) = (table.optional("over"), table.optional("delay"));
    let condition = table.optional("where");
    let include_current = table.optional("include_current");
    let per = table.optional("per");
    let (numerator, denominator) = (table.optional("numerator"), table.optional("denominator"));
    let prior = table.array("prior");
    let half_life = table.optional("half_life");
    let (scale, at_least) = (table.optional("scale"), table.optional("at_least"));
    let (smoothing, categories) = (table.optional("smoothing"), table.optional("categories"));
    let (after, reset) = (table.optional("after"), table.optional("reset"));
    let list = table.optional("list");
    let description = table.optional("description");
    table.finish();
    let known = name.as_ref().map(|name| name.value.clone());
    let readable = [&by, &steps, &after_same].into_iter().flatten().count() == lists;
    let item = name.zip(aggregate).filter(|_| readable).map(|(name, aggregate)| FeatureItem {
        name,
        aggregate,
        of,
        by,
        over,
        delay,
        condition,
        include_current,
        per,
        numerator,
        denominator,
        expression,
        prior,
        half_life,
        scale,
        at_least,
        smoothing,
        categories,
        after,
        after_same,
        reset,
        steps,
        list,
        description,
    });
    (known, item)
}

fn read_limit(mut table: Table<'_, '_>) -> (Option<String>, Option<LimitItem>) {
    let name: Option<At<String>> = table.required("name");
    let (by, over, condition) = (table.required_array("by"), table.required("over"), table.required("where"));
    let (amount, count) = (table.optional("amount"), table.optional("count"));
    let (near, near_over) = (table.optional("near"), table.optional("near_over"));
    let (action, strength) = (table.optional("action"), table.optional("strength"));
    let obligations = table.array("obligations").map(|list| list.value).unwrap_or_default();
    let (reason, mode) = (table.optional("reason"), table.optional("mode"));
    let (on_missing, description) = (table.optional("on_missing"), table.optional("description"));
    table.finish();
    let known = name.as_ref().map(|name| name.value.clone());
    let item = name.zip(by).zip(over.zip(condition)).map(|((name, by), (over, condition))| LimitItem {
        name,
        by,
        over,
        condition,
        amount,
        count,
        near,
        near_over,
        action,
        strength,
        obligations,
        reason,
        mode,
        on_missing,
        description,
    });
    (known, item)
}

impl LimitItem {
    /// The names of all features that a limit can have.
    fn parts(limit: &str) -> [String; 5] {
        ["used", "ceiling", "remaining", "share", "near"].map(|part| format!("{limit}.{part}"))
    }

    /// The names of those that it has.
    pub(super) fn features(&self) -> impl Iterator<Item = String> {
        LimitItem::parts(&self.name.value).into_iter().take(4 + usize::from(self.near.is_some()))
    }
}

fn read_rule(mut table: Table<'_, '_>) -> Option<RuleItem> {
    let acts = ["points", "action", "obligations"].into_iter().any(|key| table.has(key));
    let (id, when) = (table.required("id"), table.required("when"));
    let points = table.optional("points");
    let (action, strength) = (table.optional("action"), table.optional("strength"));
    let obligations = table.array("obligations").map(|list| list.value).unwrap_or_default();
    let (reason, mode) = (table.optional("reason"), table.optional("mode"));
    let (on_missing, description) = (table.optional("on_missing"), table.optional("description"));
    table.finish();
    Some(RuleItem {
        id: id?,
        when: when?,
        points,
        action,
        strength,
        obligations,
        reason,
        mode,
        on_missing,
        description,
        acts,
    })
}
