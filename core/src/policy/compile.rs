//! From the document to the policy: names, types, bounds; every fault noted, none hiding another.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::compile_features::{Memory, compile_features};
use super::compile_limits::WrittenLimit;
use super::document::{
    ActionItem, AttributeType, Document, LimitItem, Mode, ObligationItem, Quantity, RuleItem,
};
use super::expression::{
    Checked, Conditions, NamedFeature, Node, Program, Reading, Scope, SlotSource, Slots, Type, Use,
};
use super::hints::{no_duration, no_zone};
use super::read::read;
use super::source::{At, Format, Source};
use super::{
    Action, AskedBy, Band, Compiled, EventPlace, ListKind, ListPlace, ListPlan, Literals, Obligations,
    Points, Policy, Rule,
};
use crate::error::{Error, Result};
use crate::event::time::{Calendar, DAY, parse_duration};
use crate::event::{Declared, Field, FieldKind, FieldSpec, Schema, is_currency};
use crate::feature::{KeyPlan, KeySource, Plan, Reads};

/// Rules that one policy can hold: decisions carry a bit for each.
pub(crate) const MOST_RULES: usize = 4_096;
/// Attributes and entities that one policy can declare.
const MOST_DECLARED: usize = 128;
/// Events that a history holds exactly, unless the policy says otherwise.
const EVENTS: usize = 256;
/// What it can say: more would make visits slow.
const MOST_EVENTS: i64 = 4_096;
/// Points of one rule lie within plus and minus this.
pub(crate) const MOST_POINTS: i64 = 100_000;

pub(crate) fn compile(file: &str, text: &str, format: Format) -> Result<Policy> {
    let source = Source::new(file, text);
    let compiled =
        read(&source, format).map(|document| Compiler { source: &source, document: &document }.compile());
    match compiled {
        Some(compiled) if !source.has_faults() => Ok(Policy(Arc::new(compiled))),
        _ => Err(Error::of_policy(source.into_faults())),
    }
}

pub(super) struct Compiler<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) document: &'a Document,
}

impl Compiler<'_> {
    /// The policy, of use only if no fault was noted.
    fn compile(&self) -> Compiled {
        let schema = self.schema();
        let header = &self.document.policy;
        if !is_currency(&header.currency.value) && header.currency.span.end > 0 {
            self.source.fault(&header.currency.span, "expected an ISO 4217 code such as \"JPY\"");
        }
        let calendar = self.calendar();
        let required = self.required_fields(&schema);
        let duration = |at: &Option<At<String>>| at.as_ref().and_then(|at| self.duration(at));
        let memory = Memory {
            lateness: duration(&header.lateness).unwrap_or(DAY),
            kept: duration(&header.remember_for).unwrap_or(0),
            events: self.events(),
            events_of: header
                .events_of
                .iter()
                .map(|(name, events)| (name, self.most_events(events)))
                .collect(),
        };

        let (mut lists, named_lists) = self.lists(&schema);
        let mut slots = Slots::default();
        let zone = header.time_zone.as_ref().map_or("UTC", |at| at.value.as_str());
        let japanese = header.locale.is_some();
        let mut plan = Plan::in_zone(zone, japanese);
        // `where` cannot read features; it knows their names to say so.
        let placeholder = NamedFeature { place: 0, value_type: Type::Integer };
        let names = self.document.features.iter().map(|item| item.name.value.clone());
        let names = names.chain(self.document.limits.iter().flat_map(LimitItem::features));
        let names: BTreeMap<String, NamedFeature> = names.map(|name| (name, placeholder.clone())).collect();
        let unreadable = &self.document.unreadable;
        let mut scope = Scope {
            schema: &schema,
            features: &names,
            lists: &named_lists,
            faulty: unreadable,
            japanese,
            purpose: Use::Where,
        };
        let (limits, faulty) = self.write_limits(&scope);
        let mut faulty = [unreadable.as_slice(), &faulty].concat();
        scope.faulty = &faulty;
        let (features, named_features) =
            compile_features(self.source, self.document, &limits, &scope, &memory, &mut slots, &mut plan);
        let asked = plan.tables.iter().flat_map(|table| &table.features).filter_map(|feature| feature.list);
        asked.for_each(|list| lists.iter_mut().skip(list).take(1).for_each(|list| list.asked_later = true));
        faulty.extend(names.keys().filter(|name| !named_features.contains_key(*name)).cloned());

        let scope = Scope {
            schema: &schema,
            features: &named_features,
            lists: &named_lists,
            faulty: &faulty,
            japanese,
            purpose: Use::Rule,
        };
        let mut conditions = Vec::new();
        let rules = self.rules(&limits, &scope, &mut slots, &mut conditions);
        let limits = self.limit_plans(&limits, &rules, &scope, &mut slots, &mut conditions);
        let bands = self.bands();

        let feedback = self.feedback(&schema, &lists, &mut plan);
        let (event_places, list_places) = places(&slots, &schema, &lists, &mut plan);
        if slots.sources().len() > usize::from(u16::MAX) {
            self.source.fault(&(0..0), "the policy reads more than 65,535 different values");
        }
        Compiled {
            name: header.name.value.clone(),
            version: header.version.value.clone(),
            fingerprint: fingerprint(self.document),
            reads: Reads::of(&event_places, &schema),
            schema: Arc::new(schema),
            currency: header.currency.value.clone(),
            calendar,
            required,
            lists,
            features,
            plan,
            places: slots.sources().to_vec(),
            event_places,
            list_places,
            literals: Literals::new(slots.literals()),
            zones: slots.zones(),
            conditions: Conditions::compile(&conditions),
            rules,
            limits,
            bands,
            most_relief: self.most_relief(),
            feedback,
        }
    }

    fn schema(&self) -> Schema {
        let built_in = Schema::built_in();
        let mut declared: Vec<Declared> = Vec::new();
        let mut declare =
            |name: &At<String>, kind, values: Option<Vec<String>>, meaning: Option<&At<String>>| {
                self.check_name(name, "this name", true);
                if built_in.find(&name.value).is_some() {
                    self.source.fault(&name.span, format!("`{}` is a built-in field already", name.value));
                } else if declared.iter().any(|known| known.name == name.value) {
                    self.source.fault(&name.span, format!("`{}` is declared twice", name.value));
                } else if declared.len() >= MOST_DECLARED {
                    self.source.fault(
                        &name.span,
                        format!("at most {MOST_DECLARED} attributes and entities can be declared"),
                    );
                } else {
                    let meaning = meaning.map(|at| at.value.clone()).unwrap_or_default();
                    declared.push(Declared { name: name.value.clone(), kind, values, meaning });
                }
            };
        for item in &self.document.attributes {
            // Of a faulty one nobody knows what it is.
            if !item.faulty.is_empty() {
                if !item.faulty.contains(&"name") {
                    self.check_name(&item.name, "this name", true);
                }
                continue;
            }
            let kind = match item.value_type.value {
                AttributeType::Text => FieldKind::Text,
                AttributeType::Integer => FieldKind::Integer,
                AttributeType::Number => FieldKind::Number,
                AttributeType::Boolean => FieldKind::Boolean,
                AttributeType::Time => FieldKind::Time,
            };
            if let Some(values) = &item.values
                && kind != FieldKind::Text
            {
                self.source.fault(&values.span, "only text has a closed set of `values`");
            }
            let values = item.values.as_ref().map(|at| at.value.iter().map(|v| v.value.clone()).collect());
            declare(&item.name, kind, values, item.description.as_ref());
        }
        for item in &self.document.entities {
            declare(&item.name, FieldKind::Entity, None, item.description.as_ref());
        }
        let types: Vec<String> = self.document.policy.event_types.iter().map(|at| at.value.clone()).collect();
        for name in &self.document.policy.event_types {
            self.check_name(name, "an event type", false);
        }
        Schema::new(declared, &types)
    }

    /// Whether a name can be one.
    pub(super) fn check_name(&self, name: &At<String>, what: &str, dots: bool) -> bool {
        let part_is_fine = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase())
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let fine = if dots { name.value.split('.').all(part_is_fine) } else { part_is_fine(&name.value) };
        let fine = fine && name.value != "in" && name.value.len() <= 64;
        if !fine {
            let message = format!("{what} must be lower-case letters, digits and _, at most 64");
            self.source.fault(&name.span, message);
        }
        fine
    }

    fn calendar(&self) -> Calendar {
        let zone = self.document.policy.time_zone.as_ref();
        let found = Calendar::of_zone(zone.map_or("UTC", |at| at.value.as_str()));
        if let (None, Some(at)) = (&found, zone) {
            self.source.fault(&at.span, no_zone(&at.value));
        }
        found.unwrap_or_default()
    }

    fn required_fields(&self, schema: &Schema) -> Vec<Field> {
        let find = |at: &At<String>| match schema.field(&at.value) {
            Ok(field) => Some(field),
            Err(_) if self.document.unreadable.contains(&at.value) => None,
            Err(error) => {
                self.source.fault(&at.span, error.message());
                None
            }
        };
        self.document.policy.required_fields.iter().filter_map(find).collect()
    }

    /// Events that a history holds exactly.
    fn events(&self) -> usize {
        self.document.policy.events.as_ref().map_or(EVENTS, |at| self.most_events(at))
    }

    fn most_events(&self, at: &At<i64>) -> usize {
        if !(1..=MOST_EVENTS).contains(&at.value) {
            self.source.fault(&at.span, "a history holds 1 to 4,096 events exactly");
        }
        at.value.clamp(1, MOST_EVENTS) as usize
    }

    pub(super) fn duration(&self, at: &At<String>) -> Option<i64> {
        read_duration(self.source, at)
    }

    /// How much negative points can lower a score.
    fn most_relief(&self) -> i64 {
        let Some(at) = &self.document.most_relief else { return i64::MAX };
        if !(0..=999).contains(&at.value) {
            self.source.fault(&at.span, "`most_relief` is 0 to 999 points");
        }
        at.value
    }

    fn rules(
        &self,
        limits: &[WrittenLimit<'_>],
        scope: &Scope<'_>,
        slots: &mut Slots,
        conditions: &mut Vec<Node>,
    ) -> Vec<Rule> {
        if let Some(rule) = self.document.rules.get(MOST_RULES) {
            self.source.fault(&rule.id.span, format!("a policy holds at most {MOST_RULES} rules"));
        }
        let mut rules: Vec<Rule> = Vec::new();
        let mut ids: BTreeMap<&str, ()> = BTreeMap::new();
        let mut reasons: BTreeMap<String, u16> = BTreeMap::new();
        let of_limits = limits.iter().filter_map(|limit| Some((limit.rule.as_ref()?, true)));
        let items = self.document.rules.iter().map(|item| (item, false)).chain(of_limits);
        for (number, (item, is_limit)) in (0u16..).zip(items) {
            let is_faulty = |key| item.faulty.contains(&key);
            if ids.insert(&item.id.value, ()).is_some() && !is_faulty("id") {
                self.source.fault(&item.id.span, format!("the rule \"{}\" is declared twice", item.id.value));
            }
            if item.id.value.is_empty() && !is_faulty("id") {
                self.source.fault(&item.id.span, "a rule's id is empty");
            }
            let condition = match is_faulty("when") {
                true => None,
                false => self.expression(&item.when, scope, slots, |value_type| {
                    (value_type != Type::Boolean)
                        .then(|| format!("`when` wants a condition, this is {value_type}"))
                }),
            };
            let points = self.points(item, scope, slots);
            let mode = item.mode.as_ref().map(|at| at.value).unwrap_or_default();
            if mode == Mode::Live && !item.acts {
                let message = "this rule does nothing: give it `points`, an `action` or `obligations`";
                self.source.fault(&item.id.span, message);
            }
            let reason = match &item.reason {
                Some(at) if at.value.is_empty() => {
                    self.source.fault(&at.span, "a reason code is empty");
                    String::new()
                }
                Some(at) => at.value.clone(),
                None => item.id.value.to_uppercase(),
            };
            let strength = self.strength(item.strength.as_ref());
            let Some(condition) = condition else { continue };
            conditions.push(condition.node);
            rules.push(Rule {
                id: item.id.value.clone(),
                text: item.when.value.clone(),
                references: condition.references,
                points,
                action: item.action.as_ref().map(|at| action(at.value)),
                strength,
                obligations: item.obligations.iter().map(|at| obligation(at.value)).collect(),
                reason_number: *reasons.entry(reason.clone()).or_insert(number),
                reason,
                live: mode == Mode::Live,
                is_limit,
                on_missing: item.on_missing.as_ref().map(|at| at.value).unwrap_or_default(),
                description: item.description.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
            });
        }
        rules
    }

    fn points(&self, item: &RuleItem, scope: &Scope<'_>, slots: &mut Slots) -> Points {
        let Some(at) = &item.points else { return Points::Constant(0) };
        match &at.value {
            Quantity::Constant(points) => {
                if points.abs() > MOST_POINTS {
                    self.source.fault(&at.span, format!("points lie within ±{MOST_POINTS}"));
                }
                Points::Constant((*points).clamp(-MOST_POINTS, MOST_POINTS) as i32)
            }
            Quantity::Expression(text) => {
                let text = At { value: text.clone(), span: at.span.clone() };
                let checked = self.expression(&text, scope, slots, |value_type| {
                    let fine = matches!(value_type, Type::Integer | Type::Number);
                    (!fine).then(|| format!("`points` wants a number, this is {value_type}"))
                });
                match checked {
                    Some(checked) if checked.value_type == Type::Number => {
                        Points::Number(Program::compile(&checked.node))
                    }
                    Some(checked) => Points::Integer(Program::compile(&checked.node)),
                    None => Points::Constant(0),
                }
            }
        }
    }

    pub(super) fn expression(
        &self,
        at: &At<String>,
        scope: &Scope<'_>,
        slots: &mut Slots,
        complaint: impl Fn(Type) -> Option<String>,
    ) -> Option<Checked> {
        compile_expression(self.source, at, scope, slots, complaint)
    }

    fn strength(&self, at: Option<&At<u8>>) -> u8 {
        let Some(at) = at else { return 0 };
        if !(1..=4).contains(&at.value) {
            self.source
                .fault(&at.span, "`strength` is the assurance level that a challenge must reach, 1 to 4");
        }
        at.value
    }

    fn bands(&self) -> Vec<Band> {
        let mut bands: Vec<Band> = Vec::new();
        for item in &self.document.bands {
            let from = item.from.value;
            match bands.last() {
                None if from != 0 => self.source.fault(&item.from.span, "the first band is from = 0"),
                Some(before) if from <= i64::from(before.from) => {
                    self.source.fault(&item.from.span, "bands stand in rising order");
                }
                _ if !(0..=999).contains(&from) => self.source.fault(&item.from.span, "scores are 0 to 999"),
                _ => {}
            }
            let strength = self.strength(item.strength.as_ref());
            let action = action(item.action.value);
            if let Some(before) = bands.last().filter(|before| action < before.action) {
                let message = format!(
                    "`action`: a higher score is not let off: {action} is weaker than {} before it",
                    before.action
                );
                self.source.fault(&item.action.span, message);
            }
            bands.push(Band { from: from.clamp(0, 999) as u16, action, strength });
        }
        bands
    }
}

/// Compiles an expression that stands in the document; mistakes become faults with their place.
pub(super) fn compile_expression(
    source: &Source<'_>,
    at: &At<String>,
    scope: &Scope<'_>,
    slots: &mut Slots,
    complaint: impl Fn(Type) -> Option<String>,
) -> Option<Checked> {
    match super::expression::compile(&at.value, scope, slots) {
        Ok(checked) => match complaint(checked.value_type) {
            None => Some(checked),
            Some(message) => {
                source.fault_inside(at, &(0..at.value.len()), message);
                None
            }
        },
        Err(mistakes) => {
            for mistake in mistakes {
                source.fault_inside(at, &mistake.span, mistake.message);
            }
            None
        }
    }
}

pub(super) fn read_duration(source: &Source<'_>, at: &At<String>) -> Option<i64> {
    match parse_duration(&at.value) {
        Some(duration) if (0..=36_525 * DAY).contains(&duration) => Some(duration),
        Some(_) => {
            source.fault(&at.span, "a duration here is between 0 and 100 years");
            None
        }
        None => {
            source.fault(&at.span, no_duration(&at.value, false));
            None
        }
    }
}

/// As [`read_duration`], of a window, which may also be one of the calendar.
pub(super) fn read_window(source: &Source<'_>, at: &At<String>) -> Option<i64> {
    if parse_duration(&at.value).is_none() {
        source.fault(&at.span, no_duration(&at.value, true));
        return None;
    }
    read_duration(source, at)
}

/// The number of a key in the plan, added when it is new.
pub(super) fn key_number(plan: &mut Plan, source: KeySource, kind: &str) -> usize {
    let form = plan.form(kind).filter(|_| matches!(source, KeySource::Field(_)));
    let key = KeyPlan { source, kind: kind.to_owned(), form, shared: None };
    plan.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
        plan.keys.push(key);
        plan.keys.len() - 1
    })
}

/// How the identifier of a field is found.
pub(super) fn field_key(plan: &mut Plan, spec: &FieldSpec) -> usize {
    let source = if spec.field() == Field::BIN { KeySource::Issuer } else { KeySource::Field(spec.field()) };
    key_number(plan, source, spec.entity().unwrap_or("id"))
}

fn places(
    slots: &Slots,
    schema: &Schema,
    lists: &[ListPlan],
    plan: &mut Plan,
) -> (Vec<EventPlace>, Vec<ListPlace>) {
    let (mut events, mut asked) = (Vec::new(), Vec::new());
    for (place, source) in (0u16..).zip(slots.sources()) {
        match *source {
            SlotSource::Feature(_) | SlotSource::Part(_) => {}
            SlotSource::Event(field, reading) => {
                let spec = schema.spec(field);
                let entity = spec.filter(|spec| spec.entity().is_some());
                let key = match (reading, entity) {
                    (Reading::Token | Reading::Present, Some(spec)) => field_key(plan, spec),
                    _ => 0,
                };
                let reading = match (reading, entity) {
                    // An identifier is there when its token is: a bin may come from the card number.
                    (Reading::Present, Some(_)) => Reading::TokenPresent,
                    (reading, _) => reading,
                };
                events.push(EventPlace { place, field, reading, key });
            }
            SlotSource::List { list, field, ask } => {
                let list = usize::from(list);
                let known = lists.get(list);
                // Text is read to be compared: its token would be made for nothing.
                let reads = known.is_some_and(|list| list.kind.reads_text());
                let spec = schema.spec(field).filter(|_| !reads);
                let key = spec.map_or(0, |spec| field_key(plan, spec));
                let asked_by = match known.map(|list| (list.kind, &list.key)) {
                    Some((ListKind::Exact, None)) => AskedBy::Token(key),
                    Some((ListKind::Cidr, _)) => AskedBy::Address,
                    _ => AskedBy::Own,
                };
                let before = asked.last().map(|before: &ListPlace| (before.list, before.field));
                asked.push(ListPlace {
                    place,
                    list,
                    field,
                    asked_by,
                    again: before == Some((list, field)),
                    ask,
                });
            }
        }
    }
    (events, asked)
}

/// SHA-256 over the document as JSON without positions.
fn fingerprint(document: &Document) -> String {
    let said = serde_json::to_vec(document).unwrap_or_default();
    Sha256::digest(said).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn action(item: ActionItem) -> Action {
    match item {
        ActionItem::Allow => Action::Allow,
        ActionItem::Challenge => Action::Challenge,
        ActionItem::Review => Action::Review,
        ActionItem::Deny => Action::Deny,
    }
}

fn obligation(item: ObligationItem) -> Obligations {
    match item {
        ObligationItem::Notify => Obligations::NOTIFY,
        ObligationItem::Hold => Obligations::HOLD,
        ObligationItem::Lock => Obligations::LOCK,
        ObligationItem::Limit => Obligations::LIMIT,
    }
}

/// Features by name, for expressions.
pub(super) type NamedFeatures = BTreeMap<String, NamedFeature>;
