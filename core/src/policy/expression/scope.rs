//! The names that an expression may use, and the places where their values stand.

use std::collections::BTreeMap;

use super::Type;
use crate::event::time::Calendar;
use crate::event::{Field, FieldKind, FieldSpec, Schema, Symbol, nearest};
use crate::policy::ListKind;
use crate::state::Hit;

/// How an event field is read into the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reading {
    /// The number, time or boolean itself; for text, a reference to the event's bytes.
    Value,
    /// Text as a word that equals the word of the policy's literal exactly when the texts are equal, so that
    /// comparing text compares integers: short text itself, the number of a longer literal.
    Literal,
    /// The text as history remembers it.
    Symbol,
    /// Whether the field is there.
    Present,
    /// The low half of the identifier's token.
    Token,
    /// Whether the identifier is there, given or derived.
    TokenPresent,
    /// Whether the identifier can be brought into its one form.
    WellFormed,
    /// Whether the name is that of another field; absent when they cannot be compared.
    SameName(Field),
    /// The level down to which the address agrees with that of another field.
    AddressLevel(Field),
}

/// What a place in the row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SlotSource {
    Feature(u16),
    /// One of the values that features are made of.
    Part(u16),
    Event(Field, Reading),
    /// What a list says of the field's identifier.
    List {
        list: u16,
        field: Field,
        ask: ListAsk,
    },
}

/// What is asked of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ListAsk {
    /// Whether it holds the identifier.
    Hit,
    /// The severity of the hit, 0 when it does not.
    Severity,
    /// Why it does; missing when it does not.
    Reason,
    /// Who says so; missing when it does not.
    Source,
    /// The level down to which a postal address agrees, 0 when it does not.
    Level,
}

impl ListAsk {
    const ALL: [(&'static str, ListAsk); 5] = [
        ("in_list", ListAsk::Hit),
        ("list_severity", ListAsk::Severity),
        ("list_reason", ListAsk::Reason),
        ("list_source", ListAsk::Source),
        ("list_level", ListAsk::Level),
    ];

    pub(crate) fn named(function: &str) -> Option<ListAsk> {
        ListAsk::ALL.into_iter().find(|(name, _)| *name == function).map(|(_, ask)| ask)
    }

    /// The function that asks it.
    pub(crate) fn function(self) -> &'static str {
        ListAsk::ALL.into_iter().find(|(_, ask)| *ask == self).map_or("", |(name, _)| name)
    }

    pub(crate) fn value_type(self) -> Type {
        match self {
            ListAsk::Hit => Type::Boolean,
            ListAsk::Severity | ListAsk::Level => Type::Integer,
            ListAsk::Reason | ListAsk::Source => Type::Symbol,
        }
    }

    /// The answer for somebody who is asked about.
    pub(crate) fn word(self, hit: Option<Hit>) -> Option<u64> {
        let [reason, source] = hit.map(|hit| hit.words.map(Some)).unwrap_or_default();
        match self {
            ListAsk::Hit => Some(u64::from(hit.is_some())),
            ListAsk::Severity => Some(hit.map_or(0, |hit| u64::from(hit.severity))),
            ListAsk::Reason => reason,
            ListAsk::Source => source,
            ListAsk::Level => Some(hit.and_then(|hit| hit.level).map_or(0, |level| level as u64)),
        }
    }
}

/// The row's places and the literals, collected while expressions are checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    sources: Vec<SlotSource>,
    places: BTreeMap<SlotSource, u16>,
    literals: Vec<String>,
    literal_numbers: BTreeMap<String, u32>,
    zones: Vec<(String, Calendar)>,
}

impl Slots {
    pub(crate) fn place(&mut self, source: SlotSource) -> u16 {
        if let Some(place) = self.places.get(&source) {
            return *place;
        }
        let place = u16::try_from(self.sources.len()).unwrap_or(u16::MAX);
        self.sources.push(source);
        self.places.insert(source, place);
        place
    }

    pub(crate) fn literal(&mut self, text: &str) -> u32 {
        if let Some(number) = self.literal_numbers.get(text) {
            return *number;
        }
        let number = self.literals.len() as u32;
        self.literals.push(text.to_owned());
        self.literal_numbers.insert(text.to_owned(), number);
        number
    }

    /// What [`Reading::Literal`] reads of a text that equals this literal.
    pub(crate) fn literal_word(&mut self, text: &str) -> u64 {
        literal_word(text.as_bytes(), || Some(self.literal(text)))
    }

    /// The number of a time zone; `None` when there is none of this name.
    pub(crate) fn zone(&mut self, name: &str) -> Option<u16> {
        let known = self.zones.iter().position(|(known, _)| known == name);
        let number = match known {
            Some(number) => number,
            None => {
                self.zones.push((name.to_owned(), Calendar::of_zone(name)?));
                self.zones.len() - 1
            }
        };
        u16::try_from(number).ok()
    }

    pub(crate) fn zones(&self) -> Vec<Calendar> {
        self.zones.iter().map(|(_, calendar)| calendar.clone()).collect()
    }

    pub(crate) fn sources(&self) -> &[SlotSource] {
        &self.sources
    }

    pub(crate) fn literals(&self) -> &[String] {
        &self.literals
    }
}

/// What [`Reading::Literal`] makes of a text: itself where it is short, else the number of the literal that equals
/// it, which the highest bit tells from short text; all bits when none does.
pub(crate) fn literal_word(text: &[u8], number: impl FnOnce() -> Option<u32>) -> u64 {
    let numbered = || number().map_or(u64::MAX, |number| 1 << 63 | u64::from(number));
    Symbol::whole(text).map_or_else(numbered, |symbol| symbol.0)
}

/// A feature that expressions can name.
#[derive(Clone, Debug)]
pub(crate) struct NamedFeature {
    pub(crate) place: u16,
    pub(crate) value_type: Type,
}

/// A list that expressions can name.
#[derive(Clone, Debug)]
pub(crate) struct NamedList {
    pub(crate) number: u16,
    pub(crate) entity: String,
    pub(crate) kind: ListKind,
    /// The name of the key that hashes it, where it is not the engine's.
    pub(crate) key: Option<String>,
}

/// What kind of expression is checked: it decides which names are visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// A condition or points: everything but the label, which is learnt later.
    Rule,
    /// A feature: the same as a rule, of the features before it.
    Feature,
    /// Which recorded events a feature counts: the event's own fields, the label among them.
    Where,
    /// Which events a limit is about, or its ceiling: what the host says of the event itself. So nothing that the
    /// engine was told or has learnt moves a limit.
    Limit,
}

/// The names visible to an expression.
pub(crate) struct Scope<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) features: &'a BTreeMap<String, NamedFeature>,
    pub(crate) lists: &'a BTreeMap<String, NamedList>,
    /// Features and lists with faults of their own: naming them is no mistake, nor can it be checked.
    pub(crate) faulty: &'a [String],
    /// Identifiers are in the forms of Japan.
    pub(crate) japanese: bool,
    pub(crate) purpose: Use,
}

/// What a name means.
pub(crate) enum Named<'a> {
    Field(&'a FieldSpec),
    Feature(&'a NamedFeature),
}

impl<'a> Scope<'a> {
    /// What a name means, or why it means nothing; an empty message is no mistake of the expression.
    pub(crate) fn find(&self, name: &str) -> Result<Named<'a>, String> {
        if let Some(spec) = self.schema.find(name).and_then(|field| self.schema.spec(field)) {
            return match (spec.field(), self.purpose) {
                (Field::LABEL | Field::LABELLED_AT, Use::Rule | Use::Feature | Use::Limit) => Err(format!(
                    "`{name}` is learnt after the event; a rule cannot read it, the `where` of a feature can"
                )),
                (Field::OUTCOME, Use::Limit) => Err(format!(
                    "`{name}` is how an event ended; a limit counts what has none yet, is pending, approved or succeeded"
                )),
                (Field::ID, _) => Err("`id` names the event and says nothing about it".to_owned()),
                (Field::LABELLED_AT, Use::Where) => {
                    Err("`labelled_at` only says from when on `label` counts; test `label`".to_owned())
                }
                _ => Ok(Named::Field(spec)),
            };
        }
        if let Some(feature) = self.features.get(name) {
            return match self.purpose {
                Use::Rule | Use::Feature => Ok(Named::Feature(feature)),
                Use::Where => {
                    Err(format!("`{name}` is a feature; which events count is said by their own fields only"))
                }
                Use::Limit => {
                    Err(format!("`{name}` is a feature; a limit reads the event's own fields only"))
                }
            };
        }
        if self.faulty.iter().any(|faulty| faulty == name) {
            return Err(String::new());
        }
        let known = self.schema.fields().iter().map(FieldSpec::name);
        let features = self.features.keys().map(String::as_str);
        let hint = match nearest(name, known.chain(features)) {
            Some(known) => format!("; did you mean `{known}`?"),
            None if self.purpose == Use::Rule => " among the event's fields and the features".to_owned(),
            None if self.purpose == Use::Feature => {
                " among the event's fields and the features before this one".to_owned()
            }
            None => " among the event's fields".to_owned(),
        };
        Err(format!("there is no `{name}`{hint}"))
    }

    pub(crate) fn list(&self, name: &str) -> Result<&'a NamedList, String> {
        match self.purpose {
            Use::Where => {
                return Err("`where` cannot read lists: they change after the event was recorded".to_owned());
            }
            Use::Limit => {
                return Err("a limit cannot read lists: whoever is trusted keeps to it too".to_owned());
            }
            Use::Rule | Use::Feature => {}
        }
        if self.faulty.iter().any(|faulty| faulty == name) {
            return Err(String::new());
        }
        self.lists.get(name).ok_or_else(|| {
            let hint = nearest(name, self.lists.keys().map(String::as_str));
            let hint = hint.map(|known| format!("; did you mean \"{known}\"?")).unwrap_or_default();
            format!("there is no list \"{name}\"{hint}")
        })
    }
}

/// The type of a field's value in expressions.
pub(crate) fn field_type(spec: &FieldSpec) -> Type {
    match spec.kind() {
        FieldKind::Identifier | FieldKind::Entity => Type::Entity,
        FieldKind::Text => Type::Text,
        FieldKind::Integer => Type::Integer,
        FieldKind::Number => Type::Number,
        FieldKind::Boolean => Type::Boolean,
        FieldKind::Time => Type::Time,
    }
}
