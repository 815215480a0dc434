//! From the document's features to tables, columns, windows and selectors.

use std::collections::BTreeMap;

use super::FeaturePlan;
use super::compile::{NamedFeatures, compile_expression, read_duration, read_window};
use super::compile_behaviour::{behaviour, check_keys, scaled, workings};
use super::compile_limits::WrittenLimit;
use super::compile_sequence::MarkerRequest;
use super::compile_series::add_series;
use super::definition::definition;
use super::document::{Aggregate, Document, FeatureItem};
use super::expression::{Conditions, NamedFeature, Node, Scope, SlotSource, Slots, Type};
use super::source::{At, Source};
use crate::event::time::{CalendarUnit, DAY};
use crate::event::{Field, FieldKind};
use crate::feature::{
    Behaviour, CellSource, Marker, Plan, Predicate, SelectedPredicate, Selector, ShortPlan, Step, TablePlan,
    Window, WindowFeature, WindowSpan,
};
use crate::state::Column;

/// Features that one policy can hold.
const MOST_FEATURES: usize = 4096;
pub(super) const HOUR: i64 = 3_600_000;
/// Digests of it are ephemeral.
pub(super) const CREDENTIAL: &str = "credential";

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
    /// The number of the list that is asked.
    pub(super) list: Option<usize>,
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
pub(super) struct Memory<'a> {
    /// How late an event may arrive, in milliseconds.
    pub(super) lateness: i64,
    /// How long events are kept at least, in milliseconds.
    pub(super) kept: i64,
    /// Events that a history holds exactly.
    pub(super) events: usize,
    /// The same of some tables, by their names.
    pub(super) events_of: Vec<(&'a At<String>, usize)>,
}

impl Memory<'_> {
    fn events_of(&self, table: &str) -> usize {
        let own = self.events_of.iter().find(|(name, _)| name.value == table);
        own.map_or(self.events, |(_, events)| *events)
    }
}

/// Compiles every feature into the plan; returns them in order, and by name.
pub(super) fn compile_features(
    source: &Source<'_>,
    document: &Document,
    limits: &[WrittenLimit<'_>],
    scope: &Scope<'_>,
    memory: &Memory<'_>,
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
        hidden: 0,
        devices: Vec::new(),
    };
    // Features take the first places of the row, in the order of the document.
    let mut features: Vec<FeaturePlan> = Vec::new();
    for (number, item) in (0usize..).zip(&document.features).filter(|(_, item)| !item.is_faulty("name")) {
        compiler.check_name(item, number);
    }
    let of_limits = limits.iter().flat_map(|limit| &limit.features);
    let mut items: Vec<(u16, &FeatureItem)> =
        (0u16..).zip(document.features.iter().chain(of_limits)).collect();
    for (number, item) in items.iter().copied() {
        if !item.is_faulty("aggregate") {
            check_keys(source, item);
        }
        compiler.slots.place(SlotSource::Feature(number));
        features.push(FeaturePlan {
            name: item.name.value.clone(),
            value_type: Type::Integer,
            definition: definition(item),
            description: item.description.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        });
    }
    // What is derived reads what is computed before it, so it comes last, and behind limits, which read no other.
    items.rotate_left(document.features.len());
    for derived in [false, true] {
        for (place, item) in items.iter().copied().filter(|(_, item)| is_derived(item) == derived) {
            let value_type = match derived {
                _ if item.is_faulty("aggregate") => compiler.without_aggregate(item),
                true => compiler.derived(place, item),
                false => compiler.window(place, item),
            };
            let Some(value_type) = value_type.filter(|_| item.is_readable()) else {
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
        table.budget.events = memory.events_of(&table.name);
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
        table.short = ShortPlan::of(table);
    }
    compiler.plan.tables = tables;
    compiler.check_events_of(memory);
    (features, compiler.named)
}

/// Whether a feature is computed from others and from the event, not from a history.
fn is_derived(item: &FeatureItem) -> bool {
    matches!(
        item.aggregate.value,
        Aggregate::Ratio
            | Aggregate::Expression
            | Aggregate::LoginScore
            | Aggregate::DeviceMatch
            | Aggregate::Inconsistencies
    )
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
    /// How many places no feature is named after.
    hidden: u16,
    /// What device matches read, with the first place of what they find.
    pub(super) devices: Vec<(Part, u16)>,
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
        let by = item.by.as_ref().filter(|by| !by.value.is_empty());
        let known = match by {
            Some(by) => self.table(by),
            None => {
                let span = item.by.as_ref().map_or(&item.aggregate.span, |by| &by.span);
                let message = "a feature wants `by`, the entity whose history is read, such as [\"account\"]";
                self.wants(item, "by", span, message)
            }
        };
        // What else is wrong is found in a table of its own, whose name no other has.
        let table = known.unwrap_or_else(|| self.table_of(&format!("{place}"), 0));
        let mut same = Vec::new();
        for at in by.iter().flat_map(|by| by.value.iter().skip(1)) {
            same.push(self.cell(at, "by").and_then(|(cell, _)| self.column(table, cell, at)));
        }
        let list = self.asked(item);
        let operand = match &list {
            Some(Some(asked)) => self.mark(item, table, asked).map(Some),
            Some(None) => self.aggregated(item, table),
            None => None,
        };
        let mut further = Vec::new();
        for working in workings(item.aggregate.value).map_or(&[][..], |(_, further)| further) {
            further.push(self.column(table, CellSource::Worked(*working), &item.name)?);
        }
        let behaviour = behaviour(self.source, item);
        let marker = self.marker(item, table);
        let by = by.zip(known).map(|(by, _)| by);
        let short = by.zip(window).map(|(by, window)| self.check_credential(item, by, window));
        let (predicate, window, per, behaviour) = (predicate?, window?, per?, behaviour?);
        let (operand, marker, steps, list) = (operand?, marker?, steps?, list?);
        short??;
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
            list: list.map(|asked| usize::from(asked.number)),
        })
    }

    /// Digests of credentials are kept for at most a day.
    fn check_credential(&self, item: &FeatureItem, by: &At<Vec<At<String>>>, window: Window) -> Option<()> {
        if by.value.first()?.value != CREDENTIAL {
            return Some(());
        }
        let reach = window.reach().filter(|reach| *reach <= DAY);
        if reach.is_none() && !item.is_faulty("over") {
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
    pub(super) fn add(&mut self, request: WindowRequest) -> Option<Type> {
        let WindowRequest { place, aggregate, operand, predicate, window, behaviour, .. } = request;
        let table = self.plan.tables.get_mut(request.table)?;
        let value_type = match (aggregate, &operand) {
            _ if behaviour.is_some() => Type::Number,
            (Aggregate::Count | Aggregate::Distinct, _) => Type::Integer,
            (Aggregate::Listed | Aggregate::ListedSeverity, _) => Type::Integer,
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
        let steps: Vec<Step> = steps.collect();
        let is_special = aggregate == Aggregate::Sightings || !steps.is_empty() || request.list.is_some();
        let is_plain = behaviour.is_none() && marker.is_none() && !is_special;
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
            list: request.list,
            behaviour,
            further: request.further.into_iter().map(|column| (column, Column::Plain(0))).collect(),
            series: Vec::new(),
            marker,
            steps,
            is_plain,
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
            Some((at, _)) => match read_window(self.source, at)? {
                0 => return self.fault(&at.span, "a window is longer than nothing"),
                length => WindowSpan::Sliding(length),
            },
        };
        Some(Window { span, delay })
    }

    fn per(&self, item: &FeatureItem) -> Option<i64> {
        match (&item.per, item.aggregate.value) {
            (None, Aggregate::Rate) if item.over.is_none() && item.half_life.is_none() => {
                let message = "a rate wants `over`, the time that matches are divided by";
                self.wants(item, "over", &item.aggregate.span, message)
            }
            (None, _) => Some(HOUR),
            (Some(at), Aggregate::Rate) => match read_duration(self.source, at)? {
                0 => self.fault(&at.span, "the unit of a rate is longer than nothing"),
                per => Some(per),
            },
            (Some(at), _) => self.fault(&at.span, "only a rate has `per`"),
        }
    }

    /// The place of a window feature that no policy names but `owner` is made of. Those that are alike are computed
    /// once.
    pub(super) fn part(&mut self, owner: &At<String>, part: Part) -> Option<u16> {
        if let Some((_, place)) = self.parts.iter().find(|(known, _)| *known == part) {
            return Some(*place);
        }
        let place = self.hidden(1);
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
            list: None,
        })?;
        Some(place)
    }

    /// The first of some places of the row that follow one another and that no feature is named after.
    pub(super) fn hidden(&mut self, many: u16) -> u16 {
        let first = self.slots.place(SlotSource::Part(self.hidden));
        (1..many).for_each(|next| _ = self.slots.place(SlotSource::Part(self.hidden + next)));
        self.hidden += many;
        first
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
                let message = "this aggregate wants `of`, the field that it works on";
                return self.wants(item, "of", &item.aggregate.span, message);
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
pub(super) fn number_of<T: PartialEq>(items: &mut Vec<T>, item: T) -> usize {
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
    let counted = |feature: &WindowFeature| match feature.aggregate {
        Aggregate::Sightings => feature.further.iter().any(|(further, _)| *further == column),
        Aggregate::Listed | Aggregate::ListedSeverity => feature.column == column,
        aggregate => counts.contains(&aggregate) && feature.column == column,
    };
    compared
        || table.features.iter().any(counted)
        || match cell {
            Some(CellSource::Word(field)) => {
                scope.schema.spec(*field).is_some_and(|spec| spec.kind() == FieldKind::Boolean)
            }
            Some(CellSource::Number(_) | CellSource::Worked(_)) => false,
            Some(CellSource::Key(_) | CellSource::Mark(_) | CellSource::Symbol(_)) | None => true,
        }
}

fn retention(table: &TablePlan, least: i64) -> Option<i64> {
    let longest: Option<Vec<i64>> =
        table.features.iter().map(|feature| feature.reach(&table.windows)).collect();
    longest.map(|needs| needs.into_iter().max().unwrap_or(0).max(least))
}
