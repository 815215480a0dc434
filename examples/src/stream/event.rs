//! What the generator emits: plain events, independent of the library.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A text that is either a literal or shared between many events.
#[derive(Clone)]
pub enum Text {
    /// A literal, such as an event type.
    Static(&'static str),
    /// An identifier that many events carry.
    Shared(Arc<str>),
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::Static("")
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// The value of one field. Times are integers: milliseconds since the epoch, UTC.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text, or an identifier that the library hashes.
    Text(Text),
    /// A count, an amount in minor units, or a time.
    Integer(i64),
    /// A coordinate or a distance.
    Number(f64),
    /// A flag.
    Boolean(bool),
}

/// The hidden attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flow {
    /// A new account links a stolen bank account, charges and spends.
    LinkFraud,
    /// Many accounts, one try each; the few that succeed are emptied.
    ListAttack,
    /// A login elsewhere, an e-mail change, guesses of the card's digits, a transfer to a mule.
    Takeover,
    /// A card from a false application, used before it is delivered.
    CardBeforeArrival,
}

/// What an event really was. The library never sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// The account's owner did it.
    Genuine,
    /// An attacker did it.
    Attack {
        /// The kind of attack.
        flow: Flow,
        /// The case, numbered from 0 over all flows.
        case: u32,
        /// The place of the event in its case, from 0.
        step: u16,
    },
}

/// One event: named fields, and the hidden truth.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamEvent {
    /// The fields, each name once; `id`, `type` and `time` come first.
    pub fields: Vec<(&'static str, Value)>,
    /// Who did it.
    pub truth: Truth,
}

impl StreamEvent {
    /// The value of a field, if the event carries it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find_map(|(field, value)| (*field == name).then_some(value))
    }

    /// The value of a text field.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The value of an integer field.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The event's type, such as `login`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text("type").unwrap_or_default()
    }

    /// The event's time in milliseconds since the epoch, UTC.
    #[must_use]
    pub fn time(&self) -> i64 {
        self.integer("time").unwrap_or_default()
    }

    /// The amount in yen, for events that have one.
    #[must_use]
    pub fn amount(&self) -> Option<i64> {
        self.integer("amount_minor")
    }

    /// Whether money left the wallet: an approved payment, transfer or withdrawal.
    #[must_use]
    pub fn moves_money(&self) -> bool {
        matches!(self.kind(), "payment" | "transfer" | "withdrawal")
            && self.text("outcome") == Some("approved")
    }

    /// Whether an attacker did it.
    #[must_use]
    pub fn is_attack(&self) -> bool {
        matches!(self.truth, Truth::Attack { .. })
    }
}

/// An event being written.
pub(super) struct Draft {
    fields: Vec<(&'static str, Value)>,
}

impl Draft {
    /// Begins an event; its id is given once the whole stream is in order.
    pub(super) fn new(kind: &'static str, time: i64) -> Self {
        let mut fields = Vec::with_capacity(26);
        fields.push(("id", Value::Text(Text::default())));
        fields.push(("type", Value::Text(kind.into())));
        fields.push(("time", Value::Integer(time)));
        Self { fields }
    }

    pub(super) fn text(mut self, name: &'static str, value: impl Into<Text>) -> Self {
        self.fields.push((name, Value::Text(value.into())));
        self
    }

    pub(super) fn integer(mut self, name: &'static str, value: i64) -> Self {
        self.fields.push((name, Value::Integer(value)));
        self
    }

    /// An integer that may be absent.
    pub(super) fn perhaps(self, name: &'static str, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.integer(name, value),
            None => self,
        }
    }

    pub(super) fn number(mut self, name: &'static str, value: f64) -> Self {
        self.fields.push((name, Value::Number(value)));
        self
    }

    pub(super) fn flag(mut self, name: &'static str, value: bool) -> Self {
        self.fields.push((name, Value::Boolean(value)));
        self
    }

    /// The amount in yen.
    pub(super) fn yen(self, amount: i64) -> Self {
        self.integer("amount_minor", amount).text("currency", "JPY")
    }

    /// How the actor proved himself, and how strong such a proof is (1 to 4).
    pub(super) fn proof(self, method: &'static str, passed: bool, strength: i64) -> Self {
        self.text("auth.method", method)
            .text("auth.result", if passed { "passed" } else { "failed" })
            .integer("auth.strength", strength)
    }

    pub(super) fn finish(self, truth: Truth) -> StreamEvent {
        StreamEvent { fields: self.fields, truth }
    }
}
