//! Whose histories a policy keeps, and what of each event they remember.

use super::compile::{field_key, key_number};
use super::compile_features::{CREDENTIAL, Compiler, Memory, number_of};
use super::expression::Type;
use super::source::At;
use crate::event::{Field, FieldKind, FieldSpec, nearest};
use crate::feature::{CellSource, KeySource, TablePlan};
use crate::state::{Budget, MOST_COLUMNS, Shape};

impl Compiler<'_, '_> {
    /// The table of the first entity in `by`.
    pub(super) fn table(&mut self, by: &At<Vec<At<String>>>) -> Option<usize> {
        let at = by.value.first()?;
        let Some(key) = self.table_key(&at.value) else {
            if self.scope.faulty.contains(&at.value) {
                return None;
            }
            let schema = self.scope.schema;
            if schema.find(&at.value).is_some() {
                let message = format!(
                    "history is kept by entities and by attributes with few values, not by `{}`",
                    at.value
                );
                return self.fault(&at.span, message);
            }
            let entities = schema.fields().iter().filter(|spec| spec.entity().is_some()).map(FieldSpec::name);
            let hint = nearest(&at.value, entities.chain(["ip/24", "ip/56", "population"]));
            let hint = hint.map(|known| format!("; did you mean \"{known}\"?")).unwrap_or_default();
            return self.fault(&at.span, format!("there is no entity \"{}\"{hint}", at.value));
        };
        Some(self.table_of(&at.value, key))
    }

    /// Says of which histories the policy speaks without keeping them. Where a feature has a fault of its own, its
    /// histories may be meant.
    pub(super) fn check_events_of(&self, memory: &Memory<'_>) {
        let tables = || self.plan.tables.iter().map(|table| table.name.as_str());
        for (at, _) in &memory.events_of {
            if self.failed.is_empty() && !tables().any(|table| table == at.value) {
                let hint = match nearest(&at.value, tables()) {
                    Some(known) => format!("; did you mean \"{known}\"?"),
                    None => "; give it a feature `by` it, or take it out".to_owned(),
                };
                self.source.fault(&at.span, format!("no history is kept of \"{}\"{hint}", at.value));
            }
        }
    }

    pub(super) fn table_of(&mut self, name: &str, key: usize) -> usize {
        let tables = &mut self.plan.tables;
        tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            tables.push(TablePlan {
                name: name.to_owned(),
                key,
                columns: Vec::new(),
                windows: Vec::new(),
                selectors: Vec::new(),
                features: Vec::new(),
                short: None,
                retention: None,
                shape: Shape::default(),
                budget: Budget::default(),
            });
            tables.len() - 1
        })
    }

    /// The key of an entity field or of a derived entity.
    fn key(&mut self, name: &str) -> Option<usize> {
        match name {
            "ip/24" => Some(key_number(self.plan, KeySource::Network4(24), name)),
            "ip/56" => Some(key_number(self.plan, KeySource::Network6(56), name)),
            _ => {
                let spec = self.scope.schema.find(name).and_then(|field| self.scope.schema.spec(field))?;
                spec.entity().is_some().then(|| field_key(self.plan, spec))
            }
        }
    }

    /// The key of whatever history is kept by: entities, values of attributes, all events together.
    pub(super) fn table_key(&mut self, name: &str) -> Option<usize> {
        if name == "population" {
            return Some(key_number(self.plan, KeySource::Population, name));
        }
        self.key(name).or_else(|| {
            let spec = self.scope.schema.find(name).and_then(|field| self.scope.schema.spec(field))?;
            let of_event = [Field::ID, Field::OUTCOME, Field::LABEL].contains(&spec.field());
            let counts = matches!(spec.kind(), FieldKind::Text | FieldKind::Integer | FieldKind::Boolean);
            (counts && !of_event).then(|| {
                let kind = format!("value {name}");
                key_number(self.plan, KeySource::Value(spec.field()), &kind)
            })
        })
    }

    /// The remembered word for a name in `of` or `by`.
    pub(super) fn cell(&mut self, at: &At<String>, place: &str) -> Option<(CellSource, Type)> {
        if at.value == CREDENTIAL {
            let message = format!(
                "`{place}`: digests of credentials are remembered nowhere but in their own history; put `credential` first in `by`"
            );
            return self.fault(&at.span, message);
        }
        if let Some(key) = self.key(&at.value) {
            return Some((CellSource::Key(key), Type::Entity));
        }
        let schema = self.scope.schema;
        let Some(spec) = schema.find(&at.value).and_then(|field| schema.spec(field)) else {
            if self.scope.faulty.contains(&at.value) {
                return None;
            }
            let hint = nearest(&at.value, schema.fields().iter().map(FieldSpec::name));
            let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            return self.fault(&at.span, format!("`{place}`: there is no event field `{}`{hint}", at.value));
        };
        let field = spec.field();
        match (field, spec.kind()) {
            (Field::ID | Field::LABEL | Field::LABELLED_AT | Field::OUTCOME, _) => {
                let message = format!("`{place}`: `{}` cannot be aggregated; test it in `where`", at.value);
                self.fault(&at.span, message)
            }
            (_, FieldKind::Text) => Some((CellSource::Symbol(field), Type::Symbol)),
            (_, FieldKind::Integer) => Some((CellSource::Word(field), Type::Integer)),
            (_, FieldKind::Time) => Some((CellSource::Word(field), Type::Time)),
            (_, FieldKind::Boolean) => Some((CellSource::Word(field), Type::Boolean)),
            (_, FieldKind::Number) => Some((CellSource::Number(field), Type::Number)),
            (_, FieldKind::Identifier | FieldKind::Entity) => None,
        }
    }

    pub(super) fn column(&mut self, table: usize, cell: CellSource, at: &At<String>) -> Option<usize> {
        let cell = number_of(&mut self.plan.cells, cell);
        let columns = &mut self.plan.tables.get_mut(table)?.columns;
        let column = number_of(columns, cell);
        if column >= MOST_COLUMNS {
            columns.pop();
            let message =
                format!("the features of one entity remember at most {MOST_COLUMNS} different fields");
            return self.fault(&at.span, message);
        }
        Some(column)
    }

    /// Gives each table a column for each field that is remembered though no feature needs it.
    pub(super) fn remember(&mut self, fields: &[At<String>]) {
        for at in fields {
            // These are known of every entry.
            if ["id", "time", "outcome", "label"].contains(&at.value.as_str()) {
                continue;
            }
            if let Some((cell, _)) = self.cell(at, "remember") {
                for table in 0..self.plan.tables.len() {
                    self.column(table, cell, at);
                }
            }
        }
    }
}
