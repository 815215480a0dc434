//! Decisions in words: the rules that held, with the values that made them hold.

use std::fmt;

use super::{Decision, Listed};
use crate::event::{Event, Field, FieldKind};
use crate::feature::device::{inconsistencies, say_inconsistencies};
use crate::feature::{Derivation, Value};
use crate::locale::Level;
use crate::policy::{Action, Obligations, Reference, Rule, Type};

/// A decision explained. `Display` prints it for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// 0 to 999.
    pub score: u16,
    /// What to do.
    pub action: Action,
    /// What to do beside it.
    pub obligations: Obligations,
    /// The rules that held, in the order of the policy.
    pub rules: Vec<ExplainedRule>,
    /// What the rules' features say in words: how the device compares, what of it changed.
    pub notes: Vec<String>,
    /// The limits that the event is about, and how it stands to each.
    pub limits: Vec<String>,
    /// The ids of rules that read an absent value.
    pub missing: Vec<String>,
    /// What the lists say of the event.
    pub listed: Vec<ExplainedListing>,
}

/// One rule that held.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedRule {
    /// The rule's id.
    pub id: String,
    /// Its reason code.
    pub reason: String,
    /// Its points.
    pub points: i32,
    /// Whether it counted.
    pub live: bool,
    /// The condition as written.
    pub condition: String,
    /// The condition with values in place of names. Identifiers stay names.
    pub substituted: String,
    /// The policy's description of the rule; empty without one.
    pub description: String,
}

/// An identifier of the event that is on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedListing {
    /// The list.
    pub list: String,
    /// The field with the identifier.
    pub field: String,
    /// 0 to 100.
    pub severity: u8,
    /// Why it is listed; empty when nobody said.
    pub reason: String,
    /// Who says so; empty when nobody said.
    pub source: String,
    /// The level down to which a postal address agrees, `None` of lists of other kinds.
    pub level: Option<Level>,
}

impl ExplainedListing {
    fn of(listed: Listed<'_>) -> ExplainedListing {
        let [list, field, reason, source] =
            [listed.list(), listed.field(), listed.reason(), listed.source()].map(str::to_owned);
        ExplainedListing { list, field, severity: listed.severity(), reason, source, level: listed.level() }
    }
}

impl Decision {
    /// Says which rules held and with which values. `event` is the one that was decided on.
    ///
    /// Works on [detailed](Decision::detailed) decisions; others know their rules, not the values.
    pub fn explain(&self, event: &Event) -> Explanation {
        let rules = self.hits.iter().filter_map(|hit| {
            let rule = self.rule(hit.rule)?;
            Some(ExplainedRule {
                id: rule.id.clone(),
                reason: rule.reason.clone(),
                points: hit.points,
                live: rule.live,
                condition: rule.text.clone(),
                substituted: self.substitute(rule, event),
                description: rule.description.clone(),
            })
        });
        Explanation {
            score: self.score,
            action: self.action,
            obligations: self.obligations,
            rules: rules.collect(),
            notes: self.notes(event),
            limits: self.limits().map(|limit| limit.to_string()).collect(),
            missing: self.missing_rules().map(str::to_owned).collect(),
            listed: self.listed().map(ExplainedListing::of).collect(),
        }
    }

    /// What the features that the rules read, themselves or through others, say in words.
    fn notes(&self, event: &Event) -> Vec<String> {
        let Some(policy) = self.policy.as_ref().filter(|_| self.detailed) else { return Vec::new() };
        let rules = self.hits.iter().filter_map(|hit| self.rule(hit.rule));
        let mut read: Vec<u16> = rules
            .flat_map(|rule| &rule.references)
            .filter_map(|(_, reference)| match reference {
                Reference::Place(place, _) | Reference::Presence(place) => Some(*place),
                Reference::Field(_) => None,
            })
            .collect();
        let mut notes = Vec::new();
        // What is derived comes after what it reads.
        for feature in policy.0.plan.derived.iter().rev() {
            if !read.contains(&feature.place) {
                continue;
            }
            read.extend(&feature.reads);
            notes.extend(match &feature.derivation {
                Derivation::DeviceMatch(devices) => {
                    devices.found(&self.row).map(|found| format!("device: {found}"))
                }
                Derivation::Inconsistencies(_) => inconsistencies(event)
                    .filter(|flags| *flags != 0)
                    .map(|flags| format!("inconsistent: {}", say_inconsistencies(flags))),
                _ => None,
            });
        }
        notes.reverse();
        notes.dedup();
        notes
    }

    fn substitute(&self, rule: &Rule, event: &Event) -> String {
        let mut text = String::new();
        let mut done = 0;
        for (span, reference) in &rule.references {
            text.push_str(rule.text.get(done..span.start).unwrap_or_default());
            let name = rule.text.get(span.clone()).unwrap_or_default();
            text.push_str(&self.rendered(reference, name, event));
            done = span.end;
        }
        text.push_str(rule.text.get(done..).unwrap_or_default());
        text
    }

    fn rendered(&self, reference: &Reference, name: &str, event: &Event) -> String {
        match reference {
            Reference::Place(_, Type::Entity) => name.to_owned(),
            Reference::Place(..) | Reference::Presence(_) if !self.detailed => name.to_owned(),
            Reference::Presence(place) => Value::Boolean(self.row.get(*place).is_some()).to_string(),
            Reference::Place(place, value_type) => {
                Value::of_word(self.row.get(*place), *value_type).to_string()
            }
            Reference::Field(field) => rendered_field(*field, name, event),
        }
    }
}

fn rendered_field(field: Field, name: &str, event: &Event) -> String {
    let Some(spec) = event.schema().spec(field) else { return name.to_owned() };
    let value = match spec.kind() {
        FieldKind::Identifier | FieldKind::Entity => return name.to_owned(),
        FieldKind::Text => event.text(field).map(|text| Value::Text(text.to_owned())),
        FieldKind::Integer => event.integer(field).map(Value::Integer),
        FieldKind::Time => event.integer(field).map(Value::Time),
        FieldKind::Number => event.number(field).map(Value::Number),
        FieldKind::Boolean => event.boolean(field).map(Value::Boolean),
    };
    value.unwrap_or(Value::Missing).to_string()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "score {}, {}", self.score, self.action)?;
        for name in self.obligations.names() {
            write!(f, ", {name}")?;
        }
        for rule in &self.rules {
            let shadow = if rule.live { "" } else { " (shadow)" };
            write!(f, "\n{:>+6} {} [{}]{shadow}", rule.points, rule.reason, rule.id)?;
            write!(f, "\n       when {}", rule.condition)?;
            if rule.substituted != rule.condition {
                write!(f, "\n       with {}", rule.substituted)?;
            }
        }
        for note in self.notes.iter().chain(&self.limits) {
            write!(f, "\n{note}")?;
        }
        for ExplainedListing { list, field, severity, reason, source, level } in &self.listed {
            write!(f, "\n{field} is on {list}, severity {severity}")?;
            if let Some(level) = level {
                write!(f, ", down to the {}", level.name())?;
            }
            if !reason.is_empty() {
                write!(f, ": {reason}")?;
            }
            if !source.is_empty() {
                write!(f, " ({source})")?;
            }
        }
        if !self.missing.is_empty() {
            write!(f, "\nmissing values in {}", self.missing.join(", "))?;
        }
        Ok(())
    }
}
