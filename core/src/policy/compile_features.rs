//! From the document's features to tables, columns, windows and selectors.

use std::collections::BTreeMap;

use super::FeaturePlan;
use super::compile::{NamedFeatures, compile_expression, field_key, key_number, read_duration};
use super::compile_behaviour::{behaviour, check_keys, say as say_behaviour, scaled, workings};
use super::compile_sequence::{MarkerRequest, say as say_order};
use super::compile_series::add_series;
use super::document::{Aggregate, Document, FeatureItem};
use super::expression::{Conditions, NamedFeature, Node, Scope, SlotSource, Slots, Type};
use super::source::{At, Source};
use crate::event::time::{CalendarUnit, DAY, format_duration};
use crate::event::{Field, FieldKind, FieldSpec, nearest};
use crate::feature::{
    Behaviour, CellSource, KeySource, Marker, Plan, Predicate, SelectedPredicate, Selector, Step, TablePlan,
    Window, WindowFeature, WindowSpan,
};
use crate::state::{Budget, Column, MOST_COLUMNS, Shape};

/// Features that one policy can hold.
const MOST_FEATURES: usize = 4096;
const HOUR: i64 = 3_600_000;
/// Digests of it are ephemeral.
const CREDENTIAL: &str = "credential";

/// One aggregate over one window, which a policy names or which is a part of what it names.
pub(super) struct WindowRequest {
    pub(super) place: u16,
    pub(super) aggregate: Aggregate,
    /// The number of the table in the plan.
    pub(super) table: usize,
    /// Columns that equal the current event's.
    pub(super) same: Vec<usize>,
    /// The column that it works on.
    pub(super) operand: Option<(usize, Type)>,
    /// More columns that it reads.
    pub(super) further: Vec<usize>,
    /// The number of the condition in the plan.
    pub(super) predicate: Option<u16>,
    pub(super) window: Window,
    pub(super) include_current: bool,
    pub(super) per: i64,
    pub(super) behaviour: Option<Behaviour>,
    /// What has to come before.
    pub(super) marker: Option<MarkerRequest>,
    /// The numbers of the conditions of steps.
    pub(super) steps: Vec<u16>,
}

/// What a feature asks of the history of one entity that it is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) aggregate: Aggregate,
    pub(super) of: Option<String>,
    /// Whose history.
    pub(super) by: String,
    /// Of its entries, those that equal the event in these fields.
    pub(super) same: Vec<String>,
    /// The number of the condition in the plan.
    pub(super) predicate: Option<u16>,
    pub(super) window: Window,
}

/// How much histories remember.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    /// How late an event may arrive, in milliseconds.
    pub(super) lateness: i64,
    /// How long events are kept at least, in milliseconds.
    pub(super) kept: i64,
    /// Events that a history holds exactly.
    pub(super) events: usize,
}

/// Compiles every feature into the plan; returns them in order, and by name.
pub(super) fn compile_features(
    source: &Source<'_>,
    document: &Document,
    scope: &Scope<'_>,
    memory: Memory,
    slots: &mut Slots,
    plan: &mut Plan,
) -> (Vec<FeaturePlan>, NamedFeatures) {
    let derived = document.features.iter().filter(|item| is_derived(item));
    let derived = derived.map(|item| item.name.value.clone()).collect();
    let mut compiler = Compiler {
        source,
        scope,
        slots,
        plan,
        named: BTreeMap::new(),
        conditions: Vec::new(),
        derived,
        failed: Vec::new(),
        parts: Vec::new(),
    };
    // Features take the first places of the row, in the order of the document.
    let mut features: Vec<FeaturePlan> = Vec::new();
    for (number, item) in (0u16..).zip(&document.features) {
        compiler.check_name(item, usize::from(number));
        check_keys(source, item);
        compiler.slots.place(SlotSource::Feature(number));
        features.push(FeaturePlan {
            name: item.name.value.clone(),
            value_type: Type::Integer,
            definition: definition(item),
            description: item.description.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        });
    }
    // What is derived reads what is computed before it, so it comes last.
    for derived in [false, true] {
        for (place, item) in (0u16..).zip(&document.features).filter(|(_, item)| is_derived(item) == derived)
        {
            let value_type =
                if derived { compiler.derived(place, item) } else { compiler.window(place, item) };
            let Some(value_type) = value_type else {
                compiler.failed.push(item.name.value.clone());
                continue;
            };
            if let Some(feature) = features.get_mut(usize::from(place)) {
                feature.value_type = value_type;
            }
            if compiler.named.insert(item.name.value.clone(), NamedFeature { place, value_type }).is_some() {
                let message = format!("the feature `{}` is declared twice", item.name.value);
                source.fault(&item.name.span, message);
            }
        }
    }
    compiler.remember(&document.policy.remember);
    compiler.plan.conditions = Conditions::compile(&compiler.conditions);
    let mut tables = std::mem::take(&mut compiler.plan.tables);
    for table in &mut tables {
        table.retention = retention(table, memory.kept).map(|needed| needed + memory.lateness);
        if table.name == CREDENTIAL {
            table.retention = Some(retention(table, 0).unwrap_or(DAY).min(DAY));
        }
        table.budget.events = memory.events;
        add_series(compiler.plan, scope, table, memory.lateness);
        for (column, cell) in table.columns.iter().enumerate() {
            let coded = is_coded(scope, table, column, compiler.plan.cells.get(*cell));
            table.shape.add_column(coded);
        }
        for feature in &mut table.features {
            feature.kept = table.shape.column(feature.column).unwrap_or(feature.kept);
            for (column, kept) in &mut feature.further {
                *kept = table.shape.column(*column).unwrap_or(*kept);
            }
        }
    }
    compiler.plan.tables = tables;
    (features, compiler.named)
}

/// Whether a feature is computed from others and from the event, not from a history.
fn is_derived(item: &FeatureItem) -> bool {
    matches!(item.aggregate.value, Aggregate::Ratio | Aggregate::Expression | Aggregate::LoginScore)
}

pub(super) struct Compiler<'a, 'p> {
    pub(super) source: &'a Source<'a>,
    pub(super) scope: &'a Scope<'a>,
    pub(super) slots: &'p mut Slots,
    pub(super) plan: &'p mut Plan,
    pub(super) named: NamedFeatures,
    /// Those of the predicates.
    conditions: Vec<Node>,
    /// The names of all derived features.
    pub(super) derived: Vec<String>,
    /// The names of features with faults: what reads them is not at fault.
    pub(super) failed: Vec<String>,
    /// What features are made of, with its places.
    parts: Vec<(Part, u16)>,
}

impl Compiler<'_, '_> {
    pub(super) fn fault<T>(&self, span: &std::ops::Range<usize>, message: impl Into<String>) -> Option<T> {
        self.source.fault(span, message);
        None
    }

    fn check_name(&self, item: &FeatureItem, number: usize) {
        let name = &item.name.value;
        let fine = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.len() <= 64
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !fine || name == "in" {
            let message = "the name of a feature must be lower-case letters, digits and _, at most 64";
            self.source.fault(&item.name.span, message);
        } else if self.scope.schema.find(name).is_some() {
            self.source.fault(&item.name.span, format!("`{name}` is an event field already"));
        }
        if number >= MOST_FEATURES {
            self.source.fault(&item.name.span, format!("a policy holds at most {MOST_FEATURES} features"));
        }
    }

    fn window(&mut self, place: u16, item: &FeatureItem) -> Option<Type> {
        for (at, key) in [(&item.numerator, "numerator"), (&item.denominator, "denominator")] {
            if let Some(at) = at {
                self.source.fault(&at.span, format!("only a ratio has a `{key}`"));
            }
        }
        if let Some(at) = &item.expression {
            self.source.fault(&at.span, "a feature has an `aggregate` or an `expression`, not both");
        }
        let predicate = self.predicate(item);
        let steps = self.steps(item);
        let window = self.span(item);
        let per = self.per(item);
        let Some(by) = item.by.as_ref().filter(|by| !by.value.is_empty()) else {
            let span = item.by.as_ref().map_or(&item.aggregate.span, |by| &by.span);
            return self.fault(
                span,
                "a feature wants `by`, the entity whose history is read, such as [\"account\"]",
            );
        };
        let table = self.table(by)?;
        let mut same = Vec::new();
        for at in by.value.iter().skip(1) {
            same.push(self.cell(at, "by").and_then(|(cell, _)| self.column(table, cell, at)));
        }
        let operand = self.aggregated(item, table);
        let mut further = Vec::new();
        for working in workings(item.aggregate.value).map_or(&[][..], |(_, further)| further) {
            further.push(self.column(table, CellSource::Worked(*working), &item.name)?);
        }
        let behaviour = behaviour(self.source, item);
        let marker = self.marker(item, table);
        let (predicate, window, per, behaviour) = (predicate?, window?, per?, behaviour?);
        let (operand, marker, steps) = (operand?, marker?, steps?);
        self.check_credential(item, by, window)?;
        let include_current = item.include_current.as_ref().is_some_and(|at| at.value);
        if include_current && window.delay > 0 {
            let span = item.include_current.as_ref().map_or(&item.name.span, |at| &at.span);
            return self.fault(span, "with a `delay` the current event is outside the window");
        }
        self.add(WindowRequest {
            place,
            aggregate: item.aggregate.value,
            table,
            same: same.into_iter().collect::<Option<_>>()?,
            operand,
            further,
            predicate,
            window,
            include_current,
            per,
            behaviour,
            marker,
            steps,
        })
    }

    /// Digests of credentials are kept for at most a day.
    fn check_credential(&self, item: &FeatureItem, by: &At<Vec<At<String>>>, window: Window) -> Option<()> {
        if by.value.first()?.value != CREDENTIAL {
            return Some(());
        }
        let reach = window.reach().filter(|reach| *reach <= DAY);
        if reach.is_none() {
            let span = item.over.as_ref().map_or(&by.span, |over| &over.span);
            return self.fault(
                span,
                "digests of credentials are kept for a day: `over` and `delay` together go up to \"24h\"",
            );
        }
        if let Some(at) = &item.after {
            let message =
                "digests of credentials are kept for a day, and `after` looks back further; `reset` does not";
            return self.fault(&at.span, message);
        }
        Some(())
    }

    /// A feature of the plan; returns the type of its values.
    fn add(&mut self, request: WindowRequest) -> Option<Type> {
        let WindowRequest { place, aggregate, operand, predicate, window, behaviour, .. } = request;
        let table = self.plan.tables.get_mut(request.table)?;
        let value_type = match (aggregate, &operand) {
            _ if behaviour.is_some() => Type::Number,
            (Aggregate::Count | Aggregate::Distinct, _) => Type::Integer,
            (Aggregate::Sequence | Aggregate::Occurred, _) => Type::Integer,
            (Aggregate::Mean | Aggregate::Stddev | Aggregate::Rate, _) => Type::Number,
            (Aggregate::Since | Aggregate::Age, _) => Type::Duration,
            (_, Some((_, value_type))) => *value_type,
            (_, None) => Type::Integer,
        };
        let window = number_of(&mut table.windows, window);
        let mut select = |predicate: Option<u16>, present: Option<usize>, same: &[usize]| {
            let shape = &mut table.shape;
            let predicate =
                predicate.map(|number| SelectedPredicate { number, place: shape.predicate(number) });
            let selector = Selector { predicate, present, same: same.to_vec(), windows: Vec::new() };
            selector_number(&mut table.selectors, selector, window)
        };
        let selector = select(predicate, operand.as_ref().map(|(column, _)| *column), &request.same);
        let marker = request.marker.map(|MarkerRequest { predicate, required, mut same }| {
            same.extend(&request.same);
            Marker { selector: select(Some(predicate), None, &same), required, newest: 0, oldest: 0 }
        });
        let steps = request.steps.into_iter();
        let steps = steps.map(|step| Step { selector: select(Some(step), None, &[]), oldest: 0, newest: 0 });
        let steps = steps.collect();
        table.features.push(WindowFeature {
            place,
            aggregate,
            window,
            selector,
            column: operand.as_ref().map_or(0, |(column, _)| *column),
            kept: Column::Plain(0),
            number: operand.is_some_and(|(_, value_type)| value_type == Type::Number),
            include_current: request.include_current,
            per: request.per,
            behaviour,
            further: request.further.into_iter().map(|column| (column, Column::Plain(0))).collect(),
            series: Vec::new(),
            marker,
            steps,
        });
        Some(value_type)
    }

    pub(super) fn predicate(&mut self, item: &FeatureItem) -> Option<Option<u16>> {
        match &item.condition {
            Some(at) => self.condition(at, "where").map(Some),
            None => Some(None),
        }
    }

    /// The number of a condition over the fields of an entry.
    pub(super) fn condition(&mut self, at: &At<String>, key: &str) -> Option<u16> {
        let checked = compile_expression(self.source, at, self.scope, self.slots, |value_type| {
            (value_type != Type::Boolean).then(|| format!("`{key}` wants a condition, this is {value_type}"))
        })?;
        let text = at.value.trim();
        if let Some(known) = self.plan.predicate(text) {
            return Some(known);
        }
        self.conditions.push(checked.node.clone());
        let fields = checked.fields_read(self.slots);
        let revisable = fields.contains(&Field::LABEL) || fields.contains(&Field::OUTCOME);
        Some(self.plan.add_predicate(Predicate {
            text: text.to_owned(),
            places: checked.places_read(),
            revisable,
        }))
    }

    pub(super) fn span(&self, item: &FeatureItem) -> Option<Window> {
        let delay = match &item.delay {
            Some(at) => read_duration(self.source, at)?,
            None => 0,
        };
        let span = match item.over.as_ref().map(|at| (at, at.value.as_str())) {
            None => WindowSpan::Unbounded,
            Some((_, "day")) => WindowSpan::Calendar(CalendarUnit::Day),
            Some((_, "month")) => WindowSpan::Calendar(CalendarUnit::Month),
            Some((at, _)) => match read_duration(self.source, at)? {
                0 => return self.fault(&at.span, "a window is longer than nothing"),
                length => WindowSpan::Sliding(length),
            },
        };
        Some(Window { span, delay })
    }

    fn per(&self, item: &FeatureItem) -> Option<i64> {
        match (&item.per, item.aggregate.value) {
            (None, Aggregate::Rate) if item.over.is_none() && item.half_life.is_none() => {
                self.fault(&item.aggregate.span, "a rate wants `over`, the time that matches are divided by")
            }
            (None, _) => Some(HOUR),
            (Some(at), Aggregate::Rate) => match read_duration(self.source, at)? {
                0 => self.fault(&at.span, "the unit of a rate is longer than nothing"),
                per => Some(per),
            },
            (Some(at), _) => self.fault(&at.span, "only a rate has `per`"),
        }
    }

    /// The table of the first entity in `by`.
    fn table(&mut self, by: &At<Vec<At<String>>>) -> Option<usize> {
        let at = by.value.first()?;
        let Some(key) = self.table_key(&at.value) else {
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

    fn table_of(&mut self, name: &str, key: usize) -> usize {
        let tables = &mut self.plan.tables;
        tables.iter().position(|table| table.name == name).unwrap_or_else(|| {
            tables.push(TablePlan {
                name: name.to_owned(),
                key,
                columns: Vec::new(),
                windows: Vec::new(),
                selectors: Vec::new(),
                features: Vec::new(),
                retention: None,
                shape: Shape::default(),
                budget: Budget::default(),
            });
            tables.len() - 1
        })
    }

    /// The place of a window feature that no policy names but `owner` is made of. Those that are alike are computed
    /// once.
    pub(super) fn part(&mut self, owner: &At<String>, part: Part) -> Option<u16> {
        if let Some((_, place)) = self.parts.iter().find(|(known, _)| *known == part) {
            return Some(*place);
        }
        let place = self.slots.place(SlotSource::Part(self.parts.len() as u16));
        self.parts.push((part.clone(), place));
        let key = self.table_key(&part.by)?;
        let table = self.table_of(&part.by, key);
        let same = part.same.iter().map(|name| {
            let at = At { value: name.clone(), span: owner.span.clone() };
            let (cell, _) = self.cell(&at, "by")?;
            self.column(table, cell, &at)
        });
        let same = same.collect::<Option<_>>()?;
        let operand = match &part.of {
            None => None,
            Some(name) => {
                let at = At { value: name.clone(), span: owner.span.clone() };
                let (cell, value_type) = self.cell(&at, "of")?;
                Some((self.column(table, cell, &at)?, value_type))
            }
        };
        let Part { aggregate, predicate, window, .. } = part;
        let (include_current, per) = (false, HOUR);
        self.add(WindowRequest {
            place,
            aggregate,
            table,
            same,
            operand,
            further: Vec::new(),
            predicate,
            window,
            include_current,
            per,
            behaviour: None,
            marker: None,
            steps: Vec::new(),
        })?;
        Some(place)
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
    fn table_key(&mut self, name: &str) -> Option<usize> {
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
    fn remember(&mut self, fields: &[At<String>]) {
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

    /// The column that the aggregate works on, for those that take `of`.
    fn aggregated(&mut self, item: &FeatureItem, table: usize) -> Option<Option<(usize, Type)>> {
        let aggregate = item.aggregate.value;
        let workings = workings(aggregate);
        let wants_none = workings.is_some()
            || matches!(
                aggregate,
                Aggregate::Count
                    | Aggregate::Since
                    | Aggregate::Rate
                    | Aggregate::Age
                    | Aggregate::Sequence
                    | Aggregate::Occurred
            );
        if let (Some((working, _)), None) = (workings, &item.of) {
            let cell = CellSource::Worked(working);
            return Some(Some((self.column(table, cell, &item.name)?, Type::Number)));
        }
        let of = match (&item.of, wants_none) {
            (None, true) => return Some(None),
            (Some(at), true) => {
                return self.fault(&at.span, "this aggregate has no `of`; say which events count in `where`");
            }
            (None, false) => {
                return self
                    .fault(&item.aggregate.span, "this aggregate wants `of`, the field that it works on");
            }
            (Some(at), false) => at,
        };
        let (cell, value_type) = self.cell(of, "of")?;
        let fine = match aggregate {
            Aggregate::Distinct | Aggregate::Novelty | Aggregate::Entropy => true,
            Aggregate::First | Aggregate::Last => value_type != Type::Entity,
            Aggregate::Min | Aggregate::Max => {
                matches!(value_type, Type::Integer | Type::Number | Type::Time)
            }
            _ => matches!(value_type, Type::Integer | Type::Number),
        };
        if !fine {
            let found = if value_type == Type::Symbol { Type::Text } else { value_type };
            let message = format!("`of`: `{}` is {found}, which this aggregate cannot take", of.value);
            return self.fault(&of.span, message);
        }
        let value_type = match scaled(item, cell) {
            other if other == cell => value_type,
            _ => Type::Number,
        };
        Some(Some((self.column(table, scaled(item, cell), of)?, value_type)))
    }
}

/// The number of an item, added when it is new.
fn number_of<T: PartialEq>(items: &mut Vec<T>, item: T) -> usize {
    items.iter().position(|known| *known == item).unwrap_or_else(|| {
        items.push(item);
        items.len() - 1
    })
}

fn selector_number(selectors: &mut Vec<Selector>, selector: Selector, window: usize) -> usize {
    let alike = |known: &Selector| {
        known.predicate == selector.predicate
            && known.present == selector.present
            && known.same == selector.same
    };
    let number = selectors.iter().position(alike).unwrap_or_else(|| {
        selectors.push(selector);
        selectors.len() - 1
    });
    if let Some(selector) = selectors.get_mut(number) {
        number_of(&mut selector.windows, window);
    }
    number
}

/// Whether a column is better kept in a dictionary: its values come again, or different ones are counted.
fn is_coded(scope: &Scope<'_>, table: &TablePlan, column: usize, cell: Option<&CellSource>) -> bool {
    let compared = table.selectors.iter().any(|selector| selector.same.contains(&column));
    let counts = [Aggregate::Distinct, Aggregate::Novelty, Aggregate::Entropy];
    let counted = |feature: &WindowFeature| counts.contains(&feature.aggregate) && feature.column == column;
    compared
        || table.features.iter().any(counted)
        || match cell {
            Some(CellSource::Word(field)) => {
                scope.schema.spec(*field).is_some_and(|spec| spec.kind() == FieldKind::Boolean)
            }
            Some(CellSource::Number(_) | CellSource::Worked(_)) => false,
            Some(CellSource::Key(_) | CellSource::Symbol(_)) | None => true,
        }
}

fn retention(table: &TablePlan, least: i64) -> Option<i64> {
    let longest: Option<Vec<i64>> =
        table.features.iter().map(|feature| feature.reach(&table.windows)).collect();
    longest.map(|needs| needs.into_iter().max().unwrap_or(0).max(least))
}

/// One line that says what a feature computes.
fn definition(item: &FeatureItem) -> String {
    let mut text = serde_json::to_string(&item.aggregate).unwrap_or_default().replace('"', "");
    let mut say = |word: &str, value: &str| {
        // Conditions may be written over several lines.
        let line = value.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        text.push_str(if word.is_empty() { ":" } else { " " });
        text.push_str(word);
        text.push(' ');
        text.push_str(&line);
    };
    if let Some(expression) = &item.expression {
        say("", &expression.value);
    }
    if let (Some(numerator), Some(denominator)) = (&item.numerator, &item.denominator) {
        say("of", &format!("{} to {}", numerator.value, denominator.value));
    }
    if let Some(of) = &item.of {
        say("of", &of.value);
    }
    if let Some(by) = &item.by {
        let names: Vec<&str> = by.value.iter().map(|at| at.value.as_str()).collect();
        say("by", &names.join(" x "));
    }
    match &item.over {
        Some(over) => say("over", &over.value),
        None if item.by.is_some() => say("over", "all that is remembered"),
        None => {}
    }
    if let Some(delay) = &item.delay {
        say("delayed by", &delay.value);
    }
    if item.aggregate.value == Aggregate::Rate {
        say("per", item.per.as_ref().map_or(&format_duration(HOUR), |at| &at.value));
    }
    say_behaviour(item, &mut say);
    if let Some(condition) = &item.condition {
        say("where", &condition.value);
    }
    say_order(item, &mut say);
    if item.include_current.as_ref().is_some_and(|at| at.value) {
        text.push_str(", the current event included");
    }
    text
}
