//! Decision records: what a bank keeps, and replays years later to the same bits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ConclusionWork, Decision, LimitStanding, conclude};
use crate::error::{Error, ErrorKind, Result};
use crate::event::token::Token;
use crate::event::{Event, Field, FieldKind, Symbol};
use crate::feature::{Presence, Row, Value};
use crate::policy::{Compiled, Policy, Reading, SlotSource, Type};
use crate::state::ListVersion;

/// The version of the record's form.
const FORMAT: u32 = 1;

/// A decision with all that it was made from, without any raw identifier.
///
/// It serialises with serde. In JSON, read doubles back exactly (serde_json's feature `float_roundtrip`, which
/// this library switches on).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionRecord {
    /// The version of this form, 1.
    pub format: u32,
    /// The policy's name.
    pub policy: String,
    /// The policy's version.
    pub policy_version: String,
    /// The policy's fingerprint.
    pub policy_fingerprint: String,
    /// The number of the key that made the tokens.
    pub key: u32,
    /// The token of the event's id, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The identifiers that the policy looks at, as tokens in hexadecimal, by the field's name.
    pub entities: BTreeMap<String, String>,
    /// The event's other fields, by name.
    pub attributes: BTreeMap<String, RecordedValue>,
    /// What the lists said, by `in_list(name, field)` or `list_severity(name, field)`; reasons and sources as the words
    /// under which conditions compare them.
    pub lists: BTreeMap<String, i64>,
    /// What the spelling of identifiers said, by `well_formed(field)`, `same_name(field, other)` or
    /// `address_level(field, other)`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spellings: BTreeMap<String, i64>,
    /// Which version each list had, by its name; empty lists that never changed are absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub list_versions: BTreeMap<String, RecordedListVersion>,
    /// The features, by name; missing ones are absent.
    pub features: BTreeMap<String, RecordedValue>,
    /// The names of features of which part had been forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approximate: Vec<String>,
    /// The limits that the event is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<RecordedLimit>,
    /// 0 to 999.
    pub score: u16,
    /// `allow`, `challenge`, `review` or `deny`.
    pub action: String,
    /// The assurance level that a challenge must reach.
    pub strength: u8,
    /// The names of the obligations.
    pub obligations: Vec<String>,
    /// The reasons, most points first.
    pub reasons: Vec<RecordedReason>,
    /// The ids of the rules that held, shadow rules among them.
    pub hits: Vec<String>,
    /// The ids of rules that read an absent value.
    pub missing: Vec<String>,
}

/// The version of a list in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedListVersion {
    /// What the host called it when it was loaded as a whole; empty when it never was.
    pub name: String,
    /// How often it had changed.
    pub number: u64,
}

/// A limit in a record, and how the event stood to it; what is missing is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedLimit {
    /// The limit's name.
    pub name: String,
    /// How much is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<i64>,
    /// How much was used before the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<i64>,
    /// How much remained before the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<i64>,
    /// How much the event asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<i64>,
    /// Whether that is more, or has to count as more.
    pub exceeded: bool,
}

/// A reason in a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedReason {
    /// The reason code.
    pub code: String,
    /// Its points.
    pub points: i32,
}

/// A value in a record: the kind is part of it, so that nothing is guessed when it is read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedValue {
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A double.
    Number(f64),
    /// Milliseconds.
    Duration(i64),
    /// Milliseconds since 1970.
    Time(i64),
    /// Text of the event.
    Text(String),
    /// The word under which history remembers text.
    Symbol(u64),
}

impl Decision {
    /// The record of a [detailed](Decision::detailed) decision. `event` is the one that was decided on.
    ///
    /// # Errors
    /// [`ErrorKind::Record`] when the decision kept no features, or was never filled.
    pub fn record(&self, event: &Event) -> Result<DecisionRecord> {
        let Some(policy) = self.policy.as_ref().filter(|_| self.detailed) else {
            return Err(record_error("only a detailed decision that was filled can be recorded"));
        };
        let compiled = &*policy.0;
        let mut lists = BTreeMap::new();
        for place in &compiled.list_places {
            if let Some(word) = self.row.get(place.place) {
                lists.insert(list_name(compiled, place.place), word as i64);
            }
        }
        let spellings = compiled.event_places.iter().filter_map(|place| {
            let name = spelling_name(compiled, place.field, place.reading)?;
            Some((name, self.row.get(place.place)? as i64))
        });
        let spellings = spellings.collect();
        let versions = self.list_versions().filter(|(_, version)| version.number > 0);
        let versions = versions.map(|(list, ListVersion { name, number })| {
            (list.to_owned(), RecordedListVersion { name: name.to_string(), number: *number })
        });
        let features = (0u16..).zip(&compiled.features).filter_map(|(place, plan)| {
            let word = self.row.get(place)?;
            Some((plan.name.clone(), recorded(word, plan.value_type)))
        });
        let approximate = (0u16..)
            .zip(&compiled.features)
            .filter(|(place, _)| self.row.presence(*place) == Presence::Approximate)
            .map(|(_, plan)| plan.name.clone());
        let tokens = compiled.plan.keys.iter().zip(&self.tokens).filter(|(key, _)| key.identifies());
        Ok(DecisionRecord {
            format: FORMAT,
            policy: compiled.name.clone(),
            policy_version: compiled.version.clone(),
            policy_fingerprint: compiled.fingerprint.clone(),
            key: self.key_id,
            event: self.event_id.map(hexadecimal),
            entities: tokens
                .filter_map(|(key, token)| Some((key.name(&compiled.schema), hexadecimal((*token)?))))
                .collect(),
            attributes: attributes(event),
            lists,
            spellings,
            list_versions: versions.collect(),
            features: features.collect(),
            approximate: approximate.collect(),
            limits: self.limits().map(RecordedLimit::of).collect(),
            score: self.score,
            action: self.action.to_string(),
            strength: self.strength,
            obligations: self.obligations.names().map(str::to_owned).collect(),
            reasons: self
                .reasons()
                .map(|reason| RecordedReason { code: reason.code().to_owned(), points: reason.points() })
                .collect(),
            hits: self.hits().map(|hit| hit.id().to_owned()).collect(),
            missing: self.missing_rules().map(str::to_owned).collect(),
        })
    }
}

impl RecordedLimit {
    fn of(limit: LimitStanding<'_>) -> RecordedLimit {
        RecordedLimit {
            name: limit.name().to_owned(),
            ceiling: limit.ceiling(),
            used: limit.used(),
            remaining: limit.remaining(),
            asked: limit.asked(),
            exceeded: limit.is_exceeded(),
        }
    }
}

impl DecisionRecord {
    /// Reads a record from JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Record`] for anything but a record of a form that this release knows.
    pub fn from_json(text: &str) -> Result<DecisionRecord> {
        let record: DecisionRecord =
            serde_json::from_str(text).map_err(|error| record_error(&error.to_string()))?;
        if record.format != FORMAT {
            let what = format!("found format {}, this release reads {FORMAT}", record.format);
            return Err(record_error(&what));
        }
        Ok(record)
    }

    /// The record as one line of JSON.
    pub fn to_json(&self) -> String {
        // Serialising maps with text keys and plain values cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Decides again from what was recorded, with the policy that decided then; no engine is needed.
    ///
    /// # Errors
    /// [`ErrorKind::Record`] when the policy is another one, or the record was altered so that a value does
    /// not fit its field.
    pub fn replay(&self, policy: &Policy) -> Result<Decision> {
        let compiled = &*policy.0;
        if self.policy_fingerprint != compiled.fingerprint {
            let what = format!(
                "made by policy {} {} with another fingerprint than {} {}",
                self.policy, self.policy_version, compiled.name, compiled.version
            );
            return Err(record_error(&what));
        }
        let event = self.event(policy)?;
        let row = self.row(compiled, &event)?;
        let mut decision = Decision::detailed();
        conclude(policy, &event, &row, &mut ConclusionWork::default(), &mut decision)?;
        decision.tokens = compiled
            .plan
            .keys
            .iter()
            .map(|key| {
                let known = key.identifies().then(|| self.entities.get(&key.name(&compiled.schema)))?;
                token(known?)
            })
            .collect();
        decision.event_id = self.event.as_deref().and_then(token);
        decision.key_id = self.key;
        let version = |name: &str| self.list_versions.get(name).cloned();
        let versions = compiled.lists.iter().map(|list| match version(&list.name) {
            Some(RecordedListVersion { name, number }) => ListVersion { name: name.into(), number },
            None => ListVersion::default(),
        });
        decision.list_versions = versions.collect();
        decision.row = row;
        Ok(decision)
    }

    /// The event that [`explain`](Decision::explain) wants for a replayed decision: all but its identifiers.
    ///
    /// # Errors
    /// [`ErrorKind::Record`] when a value does not fit its field.
    pub fn event(&self, policy: &Policy) -> Result<Event> {
        let mut event = policy.event();
        for (name, value) in &self.attributes {
            let field = event.schema().field(name).map_err(|error| record_error(error.message()))?;
            let set = match value {
                RecordedValue::Boolean(flag) => event.set(field, *flag),
                RecordedValue::Integer(number) | RecordedValue::Time(number) => event.set(field, *number),
                RecordedValue::Number(number) => event.set(field, *number),
                RecordedValue::Text(text) => event.set(field, text),
                RecordedValue::Duration(_) | RecordedValue::Symbol(_) => {
                    return Err(record_error(&format!("`{name}` has a value of an impossible kind")));
                }
            };
            set.map_err(|error| record_error(error.message()))?;
        }
        Ok(event)
    }

    fn row(&self, policy: &Compiled, event: &Event) -> Result<Row> {
        let mut row = Row::default();
        row.reset(policy.places.len());
        for (place, source) in (0u16..).zip(&policy.places) {
            let (word, presence) = match *source {
                SlotSource::Feature(number) => {
                    let Some(plan) = policy.features.get(usize::from(number)) else { continue };
                    let word = match self.features.get(&plan.name) {
                        Some(value) => Some(word(value, plan.value_type).ok_or_else(|| {
                            record_error(&format!("the feature `{}` has a value of another type", plan.name))
                        })?),
                        None => None,
                    };
                    let approximate = self.approximate.contains(&plan.name);
                    (word, if approximate { Presence::Approximate } else { Presence::Exact })
                }
                SlotSource::Part(_) => (None, Presence::Exact),
                SlotSource::List { .. } => {
                    (self.lists.get(&list_name(policy, place)).map(|word| *word as u64), Presence::Exact)
                }
                SlotSource::Event(field, reading) => {
                    (self.event_word(policy, event, place, field, reading), Presence::Exact)
                }
            };
            row.set(place, word, presence);
        }
        Ok(row)
    }

    fn event_word(
        &self,
        policy: &Compiled,
        event: &Event,
        place: u16,
        field: Field,
        reading: Reading,
    ) -> Option<u64> {
        let key = policy.event_places.iter().find(|known| known.place == place)?;
        let entity = || {
            let name = policy.plan.keys.get(key.key)?.name(&policy.schema);
            token(self.entities.get(&name)?)
        };
        match key.reading {
            Reading::Token => entity().map(Token::low),
            Reading::TokenPresent => Some(u64::from(entity().is_some())),
            Reading::WellFormed | Reading::SameName(_) | Reading::AddressLevel(_) => {
                let name = spelling_name(policy, field, key.reading)?;
                self.spellings.get(&name).map(|word| *word as u64)
            }
            Reading::Present if policy.schema.spec(field)?.kind() == FieldKind::Identifier => {
                Some(u64::from(self.event.is_some()))
            }
            _ => crate::feature::event_word(policy, event, field, reading),
        }
    }
}

fn record_error(what: &str) -> Error {
    Error::of_field(ErrorKind::Record, "record", what)
}

fn hexadecimal(token: Token) -> String {
    format!("{token:?}")
}

fn token(text: &str) -> Option<Token> {
    u128::from_str_radix(text, 16).ok().map(Token)
}

/// Everything that the event says and that is no identifier.
fn attributes(event: &Event) -> BTreeMap<String, RecordedValue> {
    let specs = event.schema().fields().iter();
    specs
        .filter_map(|spec| {
            let field = spec.field();
            let value = match spec.kind() {
                FieldKind::Identifier | FieldKind::Entity => return None,
                FieldKind::Text => RecordedValue::Text(event.text(field)?.to_owned()),
                FieldKind::Integer => RecordedValue::Integer(event.integer(field)?),
                FieldKind::Time => RecordedValue::Time(event.integer(field)?),
                FieldKind::Number => RecordedValue::Number(event.number(field)?),
                FieldKind::Boolean => RecordedValue::Boolean(event.boolean(field)?),
            };
            Some((spec.name().to_owned(), value))
        })
        .collect()
}

fn list_name(policy: &Compiled, place: u16) -> String {
    let Some(list) = policy.list_places.iter().find(|known| known.place == place) else {
        return String::new();
    };
    let function = list.ask.function();
    let name = policy.lists.get(list.list).map_or("", |plan| plan.name.as_str());
    format!("{function}({name}, {})", policy.schema.name(list.field))
}

fn spelling_name(policy: &Compiled, field: Field, reading: Reading) -> Option<String> {
    let name = |field| policy.schema.name(field);
    Some(match reading {
        Reading::WellFormed => format!("well_formed({})", name(field)),
        Reading::SameName(other) => format!("same_name({}, {})", name(field), name(other)),
        Reading::AddressLevel(other) => format!("address_level({}, {})", name(field), name(other)),
        _ => return None,
    })
}

fn recorded(word: u64, value_type: Type) -> RecordedValue {
    match Value::of_word(Some(word), value_type) {
        Value::Boolean(flag) => RecordedValue::Boolean(flag),
        Value::Integer(number) => RecordedValue::Integer(number),
        Value::Number(number) => RecordedValue::Number(number),
        Value::Duration(duration) => RecordedValue::Duration(duration),
        Value::Time(time) => RecordedValue::Time(time),
        Value::Text(_) | Value::Missing => RecordedValue::Symbol(word),
    }
}

fn word(value: &RecordedValue, value_type: Type) -> Option<u64> {
    match (value, value_type) {
        (RecordedValue::Boolean(flag), Type::Boolean) => Some(u64::from(*flag)),
        (RecordedValue::Integer(number), Type::Integer)
        | (RecordedValue::Duration(number), Type::Duration)
        | (RecordedValue::Time(number), Type::Time) => Some(*number as u64),
        (RecordedValue::Number(number), Type::Number) => Some(number.to_bits()),
        (RecordedValue::Symbol(word), Type::Symbol) => Some(*word),
        (RecordedValue::Text(text), Type::Symbol) => Some(Symbol::of(text).0),
        _ => None,
    }
}
