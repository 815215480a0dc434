//! The fields that events of one policy may carry.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use ahash::RandomState;

use super::Symbol;
use super::field::{Domain, EVENT_TYPES, FIELDS, FIRST_DECLARED, Field, FieldKind, FieldSpec};
use crate::error::{Error, ErrorKind, Result};

/// The built-in fields and those that a policy declares.
#[derive(Debug, PartialEq)]
pub struct Schema {
    fields: Vec<FieldSpec>,
    /// Nothing depends on the order.
    by_name: HashMap<String, Field, RandomState>,
    /// Fields that hold IP addresses.
    addresses: Vec<Field>,
    /// Equal for schemas with the same fields, so that events are checked without comparing them.
    identity: u64,
}

/// A field that a policy adds.
pub(crate) struct Declared {
    pub(crate) name: String,
    pub(crate) kind: FieldKind,
    pub(crate) values: Option<Vec<String>>,
    pub(crate) meaning: String,
}

static BUILT_IN: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::new(Vec::new(), &[])));

impl Schema {
    /// The schema without anything declared.
    pub(crate) fn built_in() -> Arc<Schema> {
        Arc::clone(&BUILT_IN)
    }

    pub(crate) fn new(declared: Vec<Declared>, event_types: &[String]) -> Schema {
        let mut fields = FIELDS.to_vec();
        if !event_types.is_empty()
            && let Some(spec) = fields.get_mut(Field::TYPE.index())
        {
            let all = EVENT_TYPES.iter().cloned().chain(event_types.iter().cloned().map(Cow::Owned));
            spec.domain = Domain::Choice(Cow::Owned(all.collect()));
        }
        for (number, declared) in (FIRST_DECLARED..).zip(declared) {
            let entity =
                if declared.kind == FieldKind::Entity { declared.name.clone() } else { String::new() };
            fields.push(FieldSpec {
                field: Field(number),
                name: Cow::Owned(declared.name),
                kind: declared.kind,
                entity: Cow::Owned(entity),
                domain: match declared.values {
                    Some(values) => Domain::Choice(values.into_iter().map(Cow::Owned).collect()),
                    None => Domain::Any,
                },
                meaning: Cow::Owned(declared.meaning),
                counterpart: "",
            });
        }
        let mut by_name = HashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4));
        by_name.extend(fields.iter().map(|spec| (spec.name.to_string(), spec.field)));
        let identity = Symbol::of(&format!("{fields:?}")).0;
        let addresses = fields.iter().filter(|spec| matches!(spec.domain, Domain::Address));
        let addresses = addresses.map(|spec| spec.field).collect();
        Schema { fields, by_name, addresses, identity }
    }

    /// Whether events of one schema fit the other.
    pub(crate) fn fits(&self, other: &Schema) -> bool {
        self.identity == other.identity
    }

    /// Every field, built-in ones first, each in the order of its number.
    pub fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }

    /// The field of a name.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`], with the nearest known name.
    pub fn field(&self, name: &str) -> Result<Field> {
        self.find(name).ok_or_else(|| {
            let hint = nearest(name, self.fields.iter().map(FieldSpec::name))
                .map(|known| format!("; did you mean `{known}`?"))
                .unwrap_or_default();
            let shown: String = name.chars().take(64).collect();
            Error::of_field(ErrorKind::UnknownName, &shown, format!("no such event field{hint}"))
        })
    }

    /// The field of a number, as C programs use it.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] when no field has the number.
    pub fn field_of_number(&self, number: u16) -> Result<Field> {
        match self.spec(Field(number)) {
            Some(spec) if spec.field.0 == number => Ok(spec.field),
            _ => Err(Error::new(ErrorKind::UnknownName, format!("no event field has the number {number}"))),
        }
    }

    /// The fields that hold IP addresses.
    pub(super) fn addresses(&self) -> &[Field] {
        &self.addresses
    }

    pub(crate) fn find(&self, name: &str) -> Option<Field> {
        self.by_name.get(name).copied()
    }

    /// What the table says of a field; `None` for a field of another schema.
    pub fn spec(&self, field: Field) -> Option<&FieldSpec> {
        self.fields.get(field.index())
    }

    /// The field's name; every field of this schema has one.
    pub fn name(&self, field: Field) -> &str {
        self.spec(field).map_or("", FieldSpec::name)
    }
}

/// What is written elsewhere for what is called otherwise here.
const SYNONYMS: [(&str, &str); 41] = [
    // Fields and entities.
    ("amount", "amount_minor"),
    ("user", "account"),
    ("user_id", "account"),
    ("account_id", "account"),
    ("customer_id", "account"),
    ("card_number", "card"),
    ("device_id", "device"),
    ("ip_address", "ip"),
    ("merchant_id", "merchant"),
    ("session_id", "session"),
    ("event_type", "type"),
    ("timestamp", "time"),
    // Keys.
    ("window", "over"),
    ("group_by", "by"),
    ("entity", "by"),
    ("field", "of"),
    ("filter", "where"),
    ("condition", "when"),
    ("condition", "where"),
    ("score", "points"),
    ("weight", "points"),
    // Aggregates and functions.
    ("avg", "mean"),
    ("average", "mean"),
    ("nunique", "distinct"),
    ("unique", "distinct"),
    ("count_distinct", "distinct"),
    ("std", "stddev"),
    ("stdev", "stddev"),
    ("max", "greatest"),
    ("min", "least"),
    ("len", "size"),
    ("lower", "lowerAscii"),
    ("upper", "upperAscii"),
    // Expressions.
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
    ("is", "=="),
    ("none", "has(field)"),
    ("null", "has(field)"),
    // Time zones.
    ("JST", "Asia/Tokyo"),
    ("Tokyo", "Asia/Tokyo"),
];

/// Whether a name is only another one for what is known, or differs in case alone.
pub(crate) fn is_meant(name: &str, known: &str) -> bool {
    let written = |(synonym, meant): &(&str, &str)| *meant == known && synonym.eq_ignore_ascii_case(name);
    name.eq_ignore_ascii_case(known) || SYNONYMS.iter().any(written)
}

/// The known name that a misspelt one most likely meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 64 {
        return None;
    }
    let distance = |candidate: &str| match is_meant(name, candidate) {
        true => 0,
        false => strsim::damerau_levenshtein(name, candidate),
    };
    known
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(3) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}
