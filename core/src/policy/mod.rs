//! What the bank writes: the document, its expressions, and the immutable [`Policy`] that they compile to.

mod action;
mod catalogue;
mod compile;
mod compile_behaviour;
mod compile_derived;
mod compile_device;
mod compile_faulty;
mod compile_features;
mod compile_limits;
mod compile_listed;
mod compile_lists;
mod compile_sequence;
mod compile_series;
mod compile_tables;
mod definition;
mod document;
mod expression;
mod hints;
mod read;
mod source;

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

pub use action::{Action, Obligations};
pub use catalogue::{AGGREGATES, AggregateInfo};
pub(crate) use compile::MOST_POINTS;
pub(crate) use compile_lists::parse_network;
pub(crate) use document::{Aggregate, Cause, ListKind, OnMissing};
pub(crate) use expression::{
    Conditions, Evaluation, Facts, ListAsk, Literals, Program, Reading, Reference, SlotSource, Span,
    TextWord, Truth, Type, bits_of, literal_word,
};
use source::Format;

use crate::error::Result;
use crate::event::time::Calendar;
use crate::event::{Event, Field, Schema};
use crate::feature::{Plan, Reads, Row};
use crate::locale::Level;
use crate::state::ListEntry;

/// A compiled policy: features, lists, rules and bands. Immutable, and cheap to clone.
///
/// ```
/// let policy = sekisho::Policy::from_toml(r#"
///     [policy]
///     name = "example"
///     version = "1"
///     currency = "JPY"
///
///     [[feature]]
///     name = "failed_logins_10m"
///     aggregate = "count"
///     by = ["account"]
///     over = "10m"
///     where = 'type == "login" && outcome == "failed"'
///
///     [[rule]]
///     id = "guessing"
///     when = 'failed_logins_10m >= 5'
///     points = 700
///     reason = "PASSWORD_GUESSING"
///
///     [decision]
///     bands = [{ from = 0, action = "allow" }, { from = 600, action = "challenge" }]
/// "#)?;
/// assert_eq!(policy.name(), "example");
/// # Ok::<(), sekisho::Error>(())
/// ```
#[derive(Clone)]
pub struct Policy(pub(crate) Arc<Compiled>);

/// What [`Policy`] holds.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) fingerprint: String,
    pub(crate) schema: Arc<Schema>,
    pub(crate) currency: String,
    pub(crate) calendar: Calendar,
    pub(crate) required: Vec<Field>,
    pub(crate) lists: Vec<ListPlan>,
    pub(crate) features: Vec<FeaturePlan>,
    pub(crate) plan: Plan,
    /// What each place of the row holds; the features come first.
    pub(crate) places: Vec<SlotSource>,
    pub(crate) event_places: Vec<EventPlace>,
    /// The same by how they are read.
    pub(crate) reads: Reads,
    pub(crate) list_places: Vec<ListPlace>,
    pub(crate) literals: Literals,
    /// The time zones that expressions name.
    pub(crate) zones: Vec<Calendar>,
    /// The conditions of the rules and of the limits, in their order.
    pub(crate) conditions: Conditions,
    pub(crate) rules: Vec<Rule>,
    /// Their conditions follow those of the rules.
    pub(crate) limits: Vec<LimitPlan>,
    pub(crate) bands: Vec<Band>,
    /// How much negative points can lower a score.
    pub(crate) most_relief: i64,
    pub(crate) feedback: Vec<Feedback>,
}

impl Compiled {
    /// What programs of the policy read.
    pub(crate) fn evaluation<'a>(&'a self, row: &'a Row, event: &'a Event) -> Evaluation<'a> {
        Evaluation { row, event, literals: self.literals.texts(), zones: &self.zones }
    }
}

/// A place of the row that is read from the event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventPlace {
    pub(crate) place: u16,
    pub(crate) field: Field,
    pub(crate) reading: Reading,
    /// The key whose token is read, for [`Reading::Token`].
    pub(crate) key: usize,
}

/// A place of the row that a list answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListPlace {
    pub(crate) place: u16,
    pub(crate) list: usize,
    pub(crate) field: Field,
    pub(crate) asked_by: AskedBy,
    /// Another function asks the list the same just before.
    pub(crate) again: bool,
    pub(crate) ask: ListAsk,
}

/// What a list is asked by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AskedBy {
    /// The identifier's token, made by the key of this number.
    Token(usize),
    /// The address itself.
    Address,
    /// What is hashed for this list only.
    Own,
}

/// A list that the policy names.
#[derive(Clone, Debug)]
pub(crate) struct ListPlan {
    pub(crate) name: String,
    /// The kind of identifier on it.
    pub(crate) entity: String,
    pub(crate) kind: ListKind,
    /// The name of the key that hashes it, where it is not the engine's.
    pub(crate) key: Option<String>,
    /// Of addresses: the level down to which it is enough to agree with a member that says more.
    pub(crate) level: Option<Level>,
    /// Networks that the document itself carries.
    pub(crate) entries: Vec<(IpNet, ListEntry)>,
    /// Features ask it about what histories remember.
    pub(crate) asked_later: bool,
}

impl ListPlan {
    /// Where a list does not hold the identifiers' own tokens: a name for what it holds, by which that has tokens of
    /// its own.
    pub(crate) fn hashed(&self) -> Option<String> {
        match self.kind {
            ListKind::Exact => self.key.as_ref().map(|_| self.entity.clone()),
            ListKind::Cidr => None,
            kind => Some(format!("{} {}", kind.name(), self.entity)),
        }
    }

    /// The era of its members under a key of the engine of this era; another key has none.
    pub(crate) fn era(&self, era: u8) -> u8 {
        if self.key.is_some() { 0 } else { era }
    }

    /// Whether it goes on with what another list held.
    pub(crate) fn is_like(&self, other: &ListPlan) -> bool {
        (&self.name, &self.entity, self.kind, &self.key)
            == (&other.name, &other.entity, other.kind, &other.key)
    }
}

/// What puts an identifier of an event on a list.
#[derive(Debug)]
pub(crate) struct Feedback {
    pub(crate) list: usize,
    /// The field with the identifier, and what makes its token, of lists that want it.
    pub(crate) field: Field,
    pub(crate) key: usize,
    pub(crate) cause: Cause,
    /// How long it stays there.
    pub(crate) lasts: i64,
    /// What the list says of it, but for its expiry.
    pub(crate) entry: ListEntry,
}

/// A feature as its users see it.
#[derive(Clone, Debug)]
pub(crate) struct FeaturePlan {
    pub(crate) name: String,
    pub(crate) value_type: Type,
    pub(crate) definition: String,
    pub(crate) description: String,
}

/// A rule, compiled.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) references: Vec<(Span, Reference)>,
    pub(crate) points: Points,
    pub(crate) action: Option<Action>,
    pub(crate) strength: u8,
    pub(crate) obligations: Obligations,
    pub(crate) reason: String,
    /// The first rule with the same reason: reasons are reported once.
    pub(crate) reason_number: u16,
    pub(crate) live: bool,
    /// It stops what is beyond a limit.
    pub(crate) is_limit: bool,
    pub(crate) on_missing: OnMissing,
    pub(crate) description: String,
}

impl Rule {
    /// Whether a hit does more than add points.
    pub(crate) fn acts(&self) -> bool {
        self.action.is_some_and(|action| action > Action::Allow) || !self.obligations.is_empty()
    }
}

/// What a decision says of a limit: numbers and places to look at when an event is one that it is about.
#[derive(Debug)]
pub(crate) struct LimitPlan {
    pub(crate) name: String,
    /// The number of the rule that stops what is beyond it.
    pub(crate) rule: u16,
    pub(crate) ceiling: u16,
    pub(crate) used: u16,
    pub(crate) remaining: u16,
    /// The place of what the event asks for; none where that is to be one event more.
    pub(crate) amount: Option<u16>,
}

/// What a hit adds to the score.
#[derive(Debug)]
pub(crate) enum Points {
    Constant(i32),
    Integer(Program),
    Number(Program),
}

/// From which score on an action applies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Band {
    pub(crate) from: u16,
    pub(crate) action: Action,
    pub(crate) strength: u8,
}

/// Builds a policy from its parts.
#[derive(Clone, Debug, Default)]
pub struct PolicyBuilder {
    document: String,
    file: Option<String>,
}

impl PolicyBuilder {
    /// The document's text, TOML or JSON: JSON when it starts with `{`.
    #[must_use]
    pub fn document(mut self, text: impl Into<String>) -> PolicyBuilder {
        self.document = text.into();
        self
    }

    /// The file's name for messages; nothing is read from it.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>) -> PolicyBuilder {
        self.file = Some(name.into());
        self
    }

    /// Compiles the policy.
    ///
    /// # Errors
    /// [`ErrorKind::Policy`](crate::ErrorKind::Policy) with every fault of the document at its line and column.
    pub fn build(self) -> Result<Policy> {
        let format = if self.document.trim_start().starts_with('{') { Format::Json } else { Format::Toml };
        compile::compile(self.file.as_deref().unwrap_or("policy"), &self.document, format)
    }
}

impl Policy {
    /// Compiles a policy written in TOML.
    ///
    /// # Errors
    /// As [`PolicyBuilder::build`].
    pub fn from_toml(text: &str) -> Result<Policy> {
        compile::compile("policy", text, Format::Toml)
    }

    /// Compiles a policy written in JSON, of the same shape.
    ///
    /// # Errors
    /// As [`PolicyBuilder::build`].
    pub fn from_json(text: &str) -> Result<Policy> {
        compile::compile("policy", text, Format::Json)
    }

    /// A policy from its parts, with a file name for messages.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder::default()
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The policy's version, as its author wrote it.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// SHA-256 over what the document says, in hexadecimal: the same for TOML and JSON, blank lines and comments.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The ISO 4217 code that amounts count in.
    pub fn currency(&self) -> &str {
        &self.0.currency
    }

    /// The fields that events of this policy may carry.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.0.schema
    }

    /// An empty event with this policy's fields.
    pub fn event(&self) -> Event {
        Event::with_schema(Arc::clone(&self.0.schema))
    }

    /// The features in the order of the document; behind them those of limits, as `daily_charge.remaining`.
    pub fn features(&self) -> impl ExactSizeIterator<Item = FeatureInfo<'_>> {
        self.0.features.iter().map(FeatureInfo)
    }

    /// The rules in the order of the document; behind them those of limits, by the limits' names.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = RuleInfo<'_>> {
        self.0.rules.iter().map(RuleInfo)
    }

    /// The names of the lists in the order of the document, each with the kind of identifier on it.
    pub fn lists(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.lists.iter().map(|list| (list.name.as_str(), list.entity.as_str()))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Compiled { name, version, features, rules, .. } = &*self.0;
        write!(f, "Policy({name} {version}: {} features, {} rules)", features.len(), rules.len())
    }
}

/// The type of a feature's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeatureType {
    /// True or false.
    Boolean = 1,
    /// A 64-bit integer.
    Integer = 2,
    /// A double.
    Number = 3,
    /// Milliseconds.
    Duration = 4,
    /// Milliseconds since 1970.
    Time = 5,
    /// Text.
    Text = 6,
}

/// What a policy says of one feature.
#[derive(Clone, Copy, Debug)]
pub struct FeatureInfo<'a>(&'a FeaturePlan);

impl<'a> FeatureInfo<'a> {
    /// The name.
    pub fn name(&self) -> &'a str {
        &self.0.name
    }

    /// The type of its values.
    pub fn value_type(&self) -> FeatureType {
        match self.0.value_type {
            Type::Boolean => FeatureType::Boolean,
            Type::Integer => FeatureType::Integer,
            Type::Number => FeatureType::Number,
            Type::Duration => FeatureType::Duration,
            Type::Time => FeatureType::Time,
            Type::Text | Type::Symbol | Type::Entity => FeatureType::Text,
        }
    }

    /// What it computes, in one line: `distinct of account by ip over 10m where ...`.
    pub fn definition(&self) -> &'a str {
        &self.0.definition
    }

    /// The description that the policy gives it; empty without one.
    pub fn description(&self) -> &'a str {
        &self.0.description
    }
}

/// What a policy says of one rule.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo<'a>(&'a Rule);

impl<'a> RuleInfo<'a> {
    /// The rule's id.
    pub fn id(&self) -> &'a str {
        &self.0.id
    }

    /// The condition as written.
    pub fn condition(&self) -> &'a str {
        &self.0.text
    }

    /// The reason code of a hit.
    pub fn reason(&self) -> &'a str {
        &self.0.reason
    }

    /// Whether a hit counts; a shadow rule's hits are only reported.
    pub fn is_live(&self) -> bool {
        self.0.live
    }

    /// The description that the policy gives it; empty without one.
    pub fn description(&self) -> &'a str {
        &self.0.description
    }
}
