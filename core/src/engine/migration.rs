//! How histories of one policy come into the shape of another.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::layout::Layout;
use crate::event::{Event, Field, LABELS, OUTCOMES, Symbol};
use crate::feature::{CellSource, Presence, Row, TablePlan, Working};
use crate::policy::{Compiled, Facts, Reading, SlotSource, Truth, literal_word};
use crate::state::{History, Remembered, Reshape, Shape};

/// Where everything of one shape was in an earlier one.
#[derive(Debug)]
pub(super) struct Migration {
    before: Shape,
    columns: Vec<Cell>,
    predicates: Vec<Origin>,
    /// What is read of an entry, by all conditions that are worked out.
    inputs: BTreeMap<u16, Input>,
    /// The predicates that were kept.
    kept: Vec<Option<usize>>,
    series: Vec<Option<usize>>,
}

/// Where the words of a column come from.
#[derive(Debug)]
enum Cell {
    /// They were kept.
    Kept(usize),
    /// From what is remembered: the columns of the fields that it reads, but for the time.
    Worked { working: Working, inputs: Vec<(Field, usize)> },
    /// From nowhere: they are absent.
    Unknown,
}

/// Where the bits of a condition come from.
#[derive(Debug)]
enum Origin {
    /// They were kept.
    Kept(usize),
    /// From what is remembered: the number of the condition in the plan, and what it reads.
    Computed { number: usize, inputs: Vec<(u16, Input)> },
    /// From nowhere: they count as false.
    Unknown,
}

/// What a place of the row is filled with, for an entry of a history.
#[derive(Clone, Copy, Debug)]
enum Input {
    Word(usize),
    /// The word of a literal that equals the remembered text.
    Literal(usize),
    Present(usize),
    /// The entity whose history it is.
    Own,
    Time,
    Outcome,
    OutcomePresent,
    Label,
    LabelPresent,
}

impl Migration {
    /// From an earlier layout to that of one table of a policy.
    pub(super) fn new(before: &Layout, after: &Layout, policy: &Compiled, table: usize) -> Migration {
        let find = |wanted: &String, among: &[String]| among.iter().position(|known| known == wanted);
        let numbers = after.shape.predicates().iter().map(|number| usize::from(*number));
        let kept: Vec<Option<usize>> =
            after.predicates.iter().map(|text| find(text, &before.predicates)).collect();
        let predicates: Vec<Origin> = kept
            .iter()
            .zip(numbers)
            .map(|(kept, number)| {
                if let Some(kept) = kept {
                    return Origin::Kept(*kept);
                }
                match inputs(before, policy, table, number) {
                    Some(inputs) => Origin::Computed { number, inputs },
                    None => Origin::Unknown,
                }
            })
            .collect();
        let read = predicates.iter().flat_map(|origin| match origin {
            Origin::Computed { inputs, .. } => &inputs[..],
            Origin::Kept(_) | Origin::Unknown => &[],
        });
        let inputs = read.copied().collect();
        let cells = policy.plan.tables.get(table).map_or(&[][..], |plan| &plan.columns);
        let columns = after.columns.iter().zip(cells).map(|(name, cell)| {
            let kept = find(name, &before.columns).map(Cell::Kept);
            kept.or_else(|| worked(before, policy, *cell)).unwrap_or(Cell::Unknown)
        });
        Migration {
            before: before.shape.clone(),
            columns: columns.collect(),
            inputs,
            predicates,
            series: after.series.iter().map(|name| find(name, &before.series)).collect(),
            kept,
        }
    }

    /// Whether a column was remembered before, or is worked out from what was.
    pub(super) fn has_column(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|cell| !matches!(cell, Cell::Unknown))
    }

    /// The earlier columns that a new one is worked out from.
    pub(super) fn inputs_of(&self, column: usize) -> impl Iterator<Item = usize> + '_ {
        let inputs = self.columns.get(column).map_or(&[][..], |cell| match cell {
            Cell::Worked { inputs, .. } => inputs,
            Cell::Kept(_) | Cell::Unknown => &[],
        });
        inputs.iter().map(|(_, column)| *column)
    }

    /// The earlier columns that a new condition is worked out from; `None` when it is not.
    pub(super) fn inputs_of_predicate(&self, predicate: usize) -> Option<impl Iterator<Item = usize> + '_> {
        let Some(Origin::Computed { inputs, .. }) = self.predicates.get(predicate) else { return None };
        Some(inputs.iter().filter_map(|(_, input)| match input {
            Input::Word(column) | Input::Literal(column) | Input::Present(column) => Some(*column),
            _ => None,
        }))
    }

    /// Whether it is known which entries a condition held for.
    pub(super) fn has_predicate(&self, predicate: usize) -> bool {
        self.predicates.get(predicate).is_some_and(|origin| !matches!(origin, Origin::Unknown))
    }

    /// The history in the shape of a table of `policy`.
    pub(super) fn apply(&self, policy: &Compiled, history: &History, table: &TablePlan) -> History {
        let (mut row, mut facts, mut stack) = (Row::default(), Facts::default(), Vec::new());
        let event = Event::with_schema(policy.schema.clone());
        let conditions = &policy.plan.conditions;
        let works_out = self.predicates.iter().any(|origin| matches!(origin, Origin::Computed { .. }));
        let judge = |entry: &Remembered<'_>, held: &mut Vec<bool>| {
            // What they read is read once for all of them.
            if works_out {
                row.reset(policy.places.len());
                for (place, input) in &self.inputs {
                    row.set(*place, self.input(policy, *input, entry), Presence::Exact);
                }
                conditions.classify(&row, &mut facts);
            }
            let evaluation = policy.evaluation(&row, &event);
            held.clear();
            held.extend(self.predicates.iter().map(|origin| match origin {
                Origin::Kept(before) => entry.held(*before),
                Origin::Computed { number, .. } => {
                    conditions.truth(*number, &facts, &evaluation, &mut stack) == Truth::True
                }
                Origin::Unknown => false,
            }));
        };
        let change = Reshape {
            before: &self.before,
            after: &table.shape,
            predicates: &self.kept,
            budget: &table.budget,
            series: &self.series,
        };
        let cell =
            |column: usize, time: i64, kept: &dyn Fn(usize) -> Option<u64>| match self.columns.get(column)? {
                Cell::Kept(before) => kept(*before),
                Cell::Worked { working, inputs } => working.word(&policy.calendar, |field| {
                    if field == Field::TIME {
                        return Some(time as u64);
                    }
                    inputs.iter().find(|(known, _)| *known == field).and_then(|(_, column)| kept(*column))
                }),
                Cell::Unknown => None,
            };
        history.reshaped(&change, judge, cell)
    }

    fn input(&self, policy: &Compiled, input: Input, entry: &Remembered<'_>) -> Option<u64> {
        let cell = |column: usize| entry.cell(&self.before, column);
        let literal = |text: &str| literal_word(text.as_bytes(), || policy.literals.number(text));
        let name = |number: u8, names: &[Cow<'static, str>]| {
            usize::from(number).checked_sub(1).and_then(|number| names.get(number)).map(|name| literal(name))
        };
        match input {
            Input::Word(column) => cell(column),
            Input::Literal(column) => cell(column).map(|word| {
                if Symbol(word).is_whole() {
                    return word;
                }
                let longer = policy.literals.texts().iter().find(|text| Symbol::of(text).0 == word);
                longer.map_or(u64::MAX, |text| literal(text))
            }),
            Input::Present(column) => Some(u64::from(cell(column).is_some())),
            Input::Own => Some(1),
            Input::Time => Some(entry.time() as u64),
            Input::Outcome => name(entry.outcome(), &OUTCOMES),
            Input::OutcomePresent => Some(u64::from(entry.outcome() > 0)),
            Input::Label => name(entry.label(), &LABELS),
            Input::LabelPresent => Some(u64::from(entry.label() > 0)),
        }
    }
}

/// How a cell is worked out, if all that it reads is remembered.
fn worked(before: &Layout, policy: &Compiled, cell: usize) -> Option<Cell> {
    let CellSource::Worked(working) = *policy.plan.cells.get(cell)? else { return None };
    let inputs = working.inputs().iter().filter(|field| **field != Field::TIME).map(|field| {
        let column = [CellSource::Word(*field), CellSource::Number(*field)].into_iter().find_map(|cell| {
            let name = policy.plan.source_name(&policy.schema, cell)?;
            before.columns.iter().position(|known| *known == name)
        });
        Some((*field, column?))
    });
    Some(Cell::Worked { working, inputs: inputs.collect::<Option<_>>()? })
}

/// What a condition reads, if all of it is remembered.
fn inputs(before: &Layout, policy: &Compiled, table: usize, number: usize) -> Option<Vec<(u16, Input)>> {
    let places = &policy.plan.predicates.get(number)?.places;
    let column = |cell: CellSource| {
        let name = policy.plan.source_name(&policy.schema, cell)?;
        before.columns.iter().position(|known| *known == name)
    };
    let any_column = |field: Field| {
        [CellSource::Symbol(field), CellSource::Word(field), CellSource::Number(field)]
            .into_iter()
            .find_map(column)
    };
    let own = policy.plan.tables.get(table)?.key;
    let input = |place: &u16| {
        let SlotSource::Event(field, _) = *policy.places.get(usize::from(*place))? else { return None };
        let key = policy.event_places.iter().find(|known| known.place == *place)?;
        let token = || column(CellSource::Key(key.key));
        let input = match (key.reading, field) {
            (Reading::Value, Field::TIME) => Input::Time,
            (Reading::Literal, Field::OUTCOME) => Input::Outcome,
            (Reading::Present, Field::OUTCOME) => Input::OutcomePresent,
            (Reading::Literal, Field::LABEL) => Input::Label,
            (Reading::Present, Field::LABEL) => Input::LabelPresent,
            (Reading::Value, _) => {
                let number = [CellSource::Word(field), CellSource::Number(field)];
                Input::Word(number.into_iter().find_map(column)?)
            }
            (Reading::Literal, _) => Input::Literal(column(CellSource::Symbol(field))?),
            (Reading::Symbol, _) => Input::Word(column(CellSource::Symbol(field))?),
            (Reading::Token, _) => Input::Word(token()?),
            (Reading::TokenPresent, _) if key.key == own => Input::Own,
            (Reading::TokenPresent, _) => Input::Present(token()?),
            (Reading::Present, _) => Input::Present(any_column(field)?),
            // Nobody remembers how an identifier was written.
            (Reading::WellFormed | Reading::SameName(_) | Reading::AddressLevel(_), _) => return None,
        };
        Some((*place, input))
    };
    places.iter().map(input).collect()
}
