//! What a policy's features need: keys, columns, windows, and what to compute over them.

use super::behaviour::Behaviour;
use super::derived::DerivedFeature;
use super::short::ShortPlan;
use super::working::Working;
use crate::event::time::CalendarUnit;
use crate::event::token::Token;
use crate::event::{Field, Schema};
use crate::locale::Kind;
use crate::policy::{Aggregate, Conditions};
use crate::state::{Budget, Cells, Column, Shape, list_mark};

/// Everything that route and visit do for one policy.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) keys: Vec<KeyPlan>,
    pub(crate) cells: Vec<CellSource>,
    pub(crate) predicates: Vec<Predicate>,
    /// The conditions of the predicates, in their order.
    pub(crate) conditions: Conditions,
    pub(crate) tables: Vec<TablePlan>,
    /// In the order in which they are computed.
    pub(crate) derived: Vec<DerivedFeature>,
    /// The name of the policy's time zone.
    pub(crate) zone: String,
    /// Identifiers that people in Japan write in many ways are hashed in their one form.
    pub(crate) japanese: bool,
    /// The bits of predicates that test the outcome or the label.
    revisable: Vec<u64>,
}

impl Plan {
    /// An empty plan for a time zone.
    pub(crate) fn in_zone(zone: &str, japanese: bool) -> Plan {
        Plan { zone: zone.to_owned(), japanese, ..Plan::default() }
    }

    /// The form in which identifiers of an entity are hashed, where they have one.
    pub(crate) fn form(&self, entity: &str) -> Option<Kind> {
        if self.japanese { Kind::named(entity) } else { None }
    }

    /// 64-bit words that hold one bit for each predicate.
    pub(crate) fn mask_words(&self) -> usize {
        self.predicates.len().div_ceil(64)
    }

    /// The number of the predicate that is written so.
    pub(crate) fn predicate(&self, text: &str) -> Option<u16> {
        self.predicates.iter().position(|known| known.text == text).map(|number| number as u16)
    }

    pub(crate) fn add_predicate(&mut self, predicate: Predicate) -> u16 {
        self.revisable.resize(self.predicates.len() / 64 + 1, 0);
        if let Some(word) = self.revisable.last_mut() {
            *word |= u64::from(predicate.revisable) << (self.predicates.len() % 64);
        }
        self.predicates.push(predicate);
        (self.predicates.len() - 1) as u16
    }

    pub(crate) fn revisable(&self) -> &[u64] {
        &self.revisable
    }

    /// Of a cell that stands for identifiers, which words it has: the kind of identifier for halves of its tokens.
    pub(crate) fn words_of(&self, source: CellSource) -> Option<String> {
        let KeyPlan { kind, shared, .. } = self.keys.get(source.of_token()?.0)?;
        Some(match (source, shared) {
            (CellSource::Key(_), _) => kind.clone(),
            (_, None) => format!("mark {kind}"),
            (_, Some(shared)) => format!("mark {kind} with {shared}"),
        })
    }

    /// What a remembered cell holds, in words that mean the same in every policy.
    pub(crate) fn cell_name(&self, schema: &Schema, cell: usize) -> Option<String> {
        self.source_name(schema, *self.cells.get(cell)?)
    }

    /// The same for a cell of any plan of the same schema.
    pub(crate) fn source_name(&self, schema: &Schema, source: CellSource) -> Option<String> {
        Some(match source {
            CellSource::Key(key) => {
                let key = self.keys.get(key)?;
                format!("token {} {}", key.kind, key.name(schema))
            }
            CellSource::Mark(key) => {
                let plan = self.keys.get(key)?;
                format!("{} {}", self.words_of(source)?, plan.name(schema))
            }
            CellSource::Symbol(field) => format!("symbol {}", schema.name(field)),
            CellSource::Word(field) => format!("word {}", schema.name(field)),
            CellSource::Number(field) => format!("number {}", schema.name(field)),
            CellSource::Worked(working) => working.name(schema, &self.zone),
        })
    }
}

/// An entity that an event may touch, and how its token is made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyPlan {
    pub(crate) source: KeySource,
    /// The kind of identifier: tokens of different kinds never meet.
    pub(crate) kind: String,
    /// The form in which the identifier is hashed, where it has one.
    pub(crate) form: Option<Kind>,
    /// The name of the key that hashes it, where it is not the engine's.
    pub(crate) shared: Option<String>,
}

impl KeyPlan {
    /// The name under which records show the entity: the field's, or the derived entity's.
    pub(crate) fn name(&self, schema: &Schema) -> String {
        match self.source {
            KeySource::Field(field) | KeySource::Value(field) => schema.name(field).to_owned(),
            KeySource::Network4(_) | KeySource::Network6(_) | KeySource::Issuer | KeySource::Population => {
                self.kind.clone()
            }
        }
    }

    /// The same identifier, hashed with a key that others have as well.
    pub(crate) fn with_shared(&self, name: Option<String>) -> KeyPlan {
        KeyPlan { shared: name, ..self.clone() }
    }

    /// Whether the token stands for somebody's identifier that records may show; digests of credentials do not
    /// live as long as records, and a key that others have as well is not the engine's.
    pub(crate) fn identifies(&self) -> bool {
        let is_other = matches!(
            self.source,
            KeySource::Value(_) | KeySource::Population | KeySource::Field(Field::CREDENTIAL)
        );
        !is_other && self.shared.is_none()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    Field(Field),
    /// The network of an IPv4 address.
    Network4(u8),
    /// The network of an IPv6 address.
    Network6(u8),
    /// The field `bin`, else the start of the card number.
    Issuer,
    /// The value of an attribute: all events that share it are one history.
    Value(Field),
    /// All events.
    Population,
}

/// One remembered word of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellSource {
    /// The low half of the token of a key.
    Key(usize),
    /// What lists keep of that token.
    Mark(usize),
    Symbol(Field),
    /// An integer, time or boolean.
    Word(Field),
    Number(Field),
    /// What is worked out from other words, or from text.
    Worked(Working),
}

/// How a token becomes a word.
pub(crate) type WordOf = fn(Token) -> u64;

impl CellSource {
    /// The key whose token the cell is made of, and how.
    pub(crate) fn of_token(self) -> Option<(usize, WordOf)> {
        match self {
            CellSource::Key(key) => Some((key, Token::low)),
            CellSource::Mark(key) => Some((key, list_mark)),
            _ => None,
        }
    }
}

/// Which recorded events a feature counts: evaluated once when an event arrives, remembered as a bit.
#[derive(Debug)]
pub(crate) struct Predicate {
    pub(crate) text: String,
    /// The places of the row that it reads.
    pub(crate) places: Vec<u16>,
    /// It reads the outcome or the label, so their arrival evaluates it again.
    pub(crate) revisable: bool,
}

/// What is remembered about the entities of one key, and computed from it.
#[derive(Clone, Debug)]
pub(crate) struct TablePlan {
    pub(crate) name: String,
    pub(crate) key: usize,
    /// The remembered cells, as numbers of [`Plan::cells`].
    pub(crate) columns: Vec<usize>,
    pub(crate) windows: Vec<Window>,
    pub(crate) selectors: Vec<Selector>,
    pub(crate) features: Vec<WindowFeature>,
    /// The same for short histories, once all of it is known.
    pub(crate) short: Option<ShortPlan>,
    /// How far back any feature looks, lateness included; `None` for all that is remembered.
    pub(crate) retention: Option<i64>,
    pub(crate) shape: Shape,
    /// How many events a history holds, and what it keeps of the others.
    pub(crate) budget: Budget,
}

impl TablePlan {
    /// The remembered ones of all cells of an event.
    pub(crate) fn cells<'a>(&'a self, all: &'a [Option<u64>]) -> Cells<'a> {
        Cells { places: &self.columns, all }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) span: WindowSpan,
    pub(crate) delay: i64,
}

impl Window {
    /// How far back it lies at most; `None` for all that is remembered.
    pub(crate) fn reach(&self) -> Option<i64> {
        match self.span {
            WindowSpan::Sliding(length) => Some(length + self.delay),
            WindowSpan::Calendar(unit) => Some(unit.longest() + self.delay),
            WindowSpan::Unbounded => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowSpan {
    Sliding(i64),
    Calendar(CalendarUnit),
    Unbounded,
}

/// Which entries of a history a feature looks at. Features that select alike share the work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    pub(crate) predicate: Option<SelectedPredicate>,
    /// This column has a value.
    pub(crate) present: Option<usize>,
    /// These columns equal the current event's.
    pub(crate) same: Vec<usize>,
    /// The windows of the features that select so.
    pub(crate) windows: Vec<usize>,
}

/// A predicate by its number in the policy's plan and its place in the table's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SelectedPredicate {
    pub(crate) number: u16,
    pub(crate) place: usize,
}

/// One feature over one window of one entity.
#[derive(Clone, Debug)]
pub(crate) struct WindowFeature {
    pub(crate) place: u16,
    pub(crate) aggregate: Aggregate,
    pub(crate) window: usize,
    pub(crate) selector: usize,
    /// The column that is summed, counted by value and so on.
    pub(crate) column: usize,
    /// How that column is kept.
    pub(crate) kept: Column,
    /// The column holds doubles.
    pub(crate) number: bool,
    pub(crate) include_current: bool,
    /// The unit of time of a rate.
    pub(crate) per: i64,
    /// The number of the list that is asked.
    pub(crate) list: Option<usize>,
    /// What it does beside its aggregate.
    pub(crate) behaviour: Option<Behaviour>,
    /// More columns that it reads.
    pub(crate) further: Vec<(usize, Column)>,
    /// What it reads of the events that a history has no room for: numbers of [`Budget::series`].
    pub(crate) series: Vec<usize>,
    /// Only what came after it counts.
    pub(crate) marker: Option<Marker>,
    /// What a sequence looks for, in its order.
    pub(crate) steps: Vec<Step>,
    /// It has no behaviour, no marker, no steps, no devices to compare and no list to ask, as nearly every one.
    pub(crate) is_plain: bool,
}

impl WindowFeature {
    /// Every selector whose picks it reads.
    pub(crate) fn selectors(&self) -> impl Iterator<Item = usize> + '_ {
        let marker = self.marker.iter().map(|marker| marker.selector);
        [self.selector].into_iter().chain(marker).chain(self.steps.iter().map(|step| step.selector))
    }

    /// The numbers of all series that it reads.
    pub(crate) fn series_mut(&mut self) -> impl Iterator<Item = &mut usize> + '_ {
        let marker = self.marker.iter_mut().flat_map(|marker| [&mut marker.newest, &mut marker.oldest]);
        let steps = self.steps.iter_mut().flat_map(|step| [&mut step.oldest, &mut step.newest]);
        self.series.iter_mut().chain(marker).chain(steps)
    }

    /// How far back it looks; `None` for all that is remembered.
    pub(crate) fn reach(&self, windows: &[Window]) -> Option<i64> {
        // What has to be there may lie before the window.
        if self.marker.is_some_and(|marker| marker.required) {
            return None;
        }
        windows.get(self.window).and_then(Window::reach)
    }
}

/// The newest entry that a selector picks, of all up to the window's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marker {
    pub(crate) selector: usize,
    /// Nothing counts without one.
    pub(crate) required: bool,
    /// Of the events that a history has no room for: the series of the newest ones in the window,
    pub(crate) newest: usize,
    /// and that of the very oldest, where one is required.
    pub(crate) oldest: usize,
}

/// One step of a sequence: an entry that the feature's selector and this one pick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) selector: usize,
    /// Of the events that a history has no room for: the series of the oldest and the newest ones of each pane.
    pub(crate) oldest: usize,
    pub(crate) newest: usize,
}
