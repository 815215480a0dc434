//! The visit of a short history, which is nearly every one: each set of its entries is one word.
//!
//! What its features ask is resolved when the policy is compiled, as far as it can be. Those that are more than an
//! aggregate of recorded events are computed as over histories of any length.

use std::slice::from_ref;

use super::behaviour::Past;
use super::bounds::{AsOf, Bounds};
use super::matches::{One, Ones};
use super::plan::{Selector, TablePlan, Window, WindowFeature, WindowSpan};
use super::row::{Presence, Row};
use super::velocity::{Gathered, Workspace, distinct, pick_same, reduce};
use crate::event::time::Calendar;
use crate::policy::Aggregate;
use crate::state::{Column, View, ones};

/// How many windows, selectors and columns of bits a table has at most for its histories to be visited so: a byte
/// numbers them.
const MOST: usize = 256;

/// What a table's features ask of short histories.
#[derive(Clone, Debug)]
pub(crate) struct ShortPlan {
    /// The lengths of windows.
    lengths: Vec<i64>,
    /// The numbers of those that are more than a length.
    irregular: Vec<usize>,
    /// The columns of bits that selectors look at.
    columns: Vec<usize>,
    selectors: Vec<Flags>,
    /// The numbers of those that look at what equals the current event's, too.
    composites: Vec<usize>,
    /// Features of other selectors. Alike ones follow each other, so that what comes next is nearly always foreseen.
    bare: Vec<Bare>,
    /// Those of composites.
    composed: Vec<Bare>,
    /// The numbers of features that are not bare.
    others: Vec<usize>,
}

/// The columns of bits that a selector looks at, numbered from 1 on: 0 is none.
#[derive(Clone, Copy, Debug)]
struct Flags(u8, u8);

/// An aggregate of recorded events and of nothing else.
#[derive(Clone, Copy, Debug)]
struct Bare {
    place: u16,
    window: u8,
    selector: u8,
    flags: Flags,
    operation: Operation,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Count,
    /// Of a coded column.
    Distinct(usize),
    Since,
    Age,
    Rate {
        per: f64,
        length: f64,
    },
    /// Of a plain column.
    Reduce(usize, Reduce),
}

/// Aggregates the words of a window, of which those are picked that have a bit, or all of them.
type Reduce = fn(words: &[u64], picked: u64, whole: bool) -> Option<u64>;

impl ShortPlan {
    /// `None` for a table with more windows, selectors or columns than that.
    pub(crate) fn of(table: &TablePlan) -> Option<ShortPlan> {
        if table.windows.len() > MOST || table.selectors.len() > MOST {
            return None;
        }
        let is_composite =
            |selector: usize| !table.selectors.get(selector).is_none_or(|known| known.same.is_empty());
        let mut columns = Vec::new();
        let length = |window: &Window| match window {
            Window { span: WindowSpan::Sliding(length), delay: 0 } => Some(*length),
            _ => None,
        };
        let lengths: Vec<Option<i64>> = table.windows.iter().map(length).collect();
        let mut plan = ShortPlan {
            irregular: (0..).zip(&lengths).filter(|(_, length)| length.is_none()).map(|(at, _)| at).collect(),
            lengths: lengths.into_iter().map(Option::unwrap_or_default).collect(),
            selectors: table
                .selectors
                .iter()
                .map(|known| Flags::of(table, known, &mut columns))
                .collect::<Option<_>>()?,
            columns,
            composites: (0..table.selectors.len()).filter(|number| is_composite(*number)).collect(),
            bare: Vec::new(),
            composed: Vec::new(),
            others: Vec::new(),
        };
        let mut features: Vec<(usize, &WindowFeature)> = table.features.iter().enumerate().collect();
        features.sort_by_key(|(_, feature)| (feature.aggregate as u8, feature.number));
        for (number, feature) in features {
            match Bare::of(table, feature, &plan.selectors) {
                Some(bare) if is_composite(feature.selector) => plan.composed.push(bare),
                Some(bare) => plan.bare.push(bare),
                None => plan.others.push(number),
            }
        }
        Some(plan)
    }
}

impl Flags {
    /// Adds the columns that are new.
    fn of(table: &TablePlan, selector: &Selector, columns: &mut Vec<usize>) -> Option<Flags> {
        let mut number = |column: Option<usize>| {
            let Some(column) = column else { return Some(0) };
            let known = columns.iter().position(|known| *known == column).unwrap_or_else(|| {
                columns.push(column);
                columns.len() - 1
            });
            u8::try_from(known + 1).ok()
        };
        let predicate = selector.predicate.map(|predicate| predicate.place);
        let present = selector.present.map(|column| table.shape.predicates().len() + column);
        Some(Flags(number(predicate)?, number(present)?))
    }

    /// The entries that it picks.
    #[inline(always)]
    fn pick(self, columns: &[u64; MOST]) -> u64 {
        let word = |number: u8| columns.get(usize::from(number)).copied().unwrap_or(0);
        word(self.0) & word(self.1)
    }
}

impl Bare {
    fn of(table: &TablePlan, feature: &WindowFeature, selectors: &[Flags]) -> Option<Bare> {
        let WindowFeature { place, aggregate, number, kept, .. } = *feature;
        if !feature.is_plain || feature.include_current {
            return None;
        }
        let operation = match (aggregate, kept) {
            (Aggregate::Count, _) => Operation::Count,
            (Aggregate::Since, _) => Operation::Since,
            (Aggregate::Age, _) => Operation::Age,
            (Aggregate::Rate, _) => match table.windows.get(feature.window)?.span {
                WindowSpan::Sliding(length) => {
                    Operation::Rate { per: feature.per as f64, length: length as f64 }
                }
                _ => return None,
            },
            (Aggregate::Distinct, Column::Coded(column)) => Operation::Distinct(column),
            (aggregate, Column::Plain(column)) => Operation::Reduce(column, reduce_of(aggregate, number)?),
            _ => return None,
        };
        let (window, selector) = (u8::try_from(feature.window).ok()?, u8::try_from(feature.selector).ok()?);
        let flags = *selectors.get(feature.selector)?;
        Some(Bare { place, window, selector, flags, operation })
    }
}

/// Memory that visits of short histories reuse.
#[derive(Debug)]
pub(super) struct ShortWork {
    windows: [Edge; MOST],
    /// The columns of bits that selectors look at, from the second on; the first word stands for none. Behind the last
    /// entry they are anything.
    columns: [u64; MOST],
    /// What each selector picks.
    picked: [u64; MOST],
}

impl Default for ShortWork {
    fn default() -> ShortWork {
        let windows = [Edge { word: 0, presence: Presence::Exact }; MOST];
        ShortWork { windows, columns: [u64::MAX; MOST], picked: [0; MOST] }
    }
}

/// A window of a short history.
#[derive(Clone, Copy, Debug)]
struct Edge {
    word: u64,
    presence: Presence,
}

impl Edge {
    /// The window after `start` with the entries `below` its end.
    #[inline(always)]
    fn after(start: i64, below: u64, view: &View<'_>, as_of: &AsOf) -> Edge {
        Edge { word: below & view.after(start), presence: as_of.presence(start) }
    }
}

/// Computes all features into the row.
#[inline(always)]
pub(super) fn visit_short(
    short: &ShortPlan,
    past: Past<'_>,
    view: View<'_>,
    (time, horizon): (i64, usize),
    calendar: &Calendar,
    workspace: &mut Workspace,
    row: &mut Row,
) {
    let plan = past.plan;
    let Workspace { short: ShortWork { windows, columns, .. }, seen, calendar: cache, .. } = workspace;
    let as_of = AsOf::new(time, horizon, &view, None);
    let below = |delay| ones(as_of.high(&view, delay));
    let now = below(0);
    for (known, length) in windows.iter_mut().zip(&short.lengths) {
        *known = Edge::after(time - length, now, &view, &as_of);
    }
    for number in &short.irregular {
        if let (Some(known), Some(window)) = (windows.get_mut(*number), plan.windows.get(*number)) {
            let start = window.start(time - window.delay, calendar, cache);
            *known = Edge::after(start, below(window.delay), &view, &as_of);
        }
    }
    let [_, words @ ..] = &mut *columns;
    for (word, column) in words.iter_mut().zip(&short.columns) {
        *word = view.bits(*column, 0);
    }
    for feature in &short.bare {
        feature.compute(windows, feature.flags.pick(columns), &view, time, seen, row);
    }
    if !short.composites.is_empty() || !short.others.is_empty() {
        visit_further(short, past, (time, horizon), calendar, workspace, row);
    }
}

/// Computes what is left: features of composites, and those that are not bare.
#[inline(never)]
fn visit_further(
    short: &ShortPlan,
    past: Past<'_>,
    (time, horizon): (i64, usize),
    calendar: &Calendar,
    workspace: &mut Workspace,
    row: &mut Row,
) {
    let Past { plan, history, moment } = past;
    let view = history.view(&plan.shape);
    let ShortWork { columns, picked, .. } = &mut workspace.short;
    for (word, flags) in picked.iter_mut().zip(&short.selectors) {
        *word = flags.pick(columns);
    }
    for number in &short.composites {
        if let (Some(word), Some(selector)) = (picked.get_mut(*number), plan.selectors.get(*number)) {
            *word &= pick_same(selector, plan, view, moment, 0);
        }
    }
    visit_composed(short, past, view, time, workspace, row);
    visit_others(short, past, view, (time, horizon), calendar, workspace, row);
}

impl Bare {
    #[inline(always)]
    fn compute(
        &self,
        windows: &[Edge; MOST],
        picked: u64,
        view: &View<'_>,
        time: i64,
        seen: &mut Vec<u64>,
        row: &mut Row,
    ) {
        let Some(window) = windows.get(usize::from(self.window)) else { return };
        if let Some(word) = self.operation.of(window.word & picked, window.word, view, time, seen) {
            row.put(self.place, word, window.presence);
        }
    }
}

impl Operation {
    #[inline(always)]
    fn of(self, picked: u64, window: u64, view: &View<'_>, time: i64, seen: &mut Vec<u64>) -> Option<u64> {
        let since = |at: u32| view.time_at(at as usize).map(|then| (time - then) as u64);
        match self {
            Operation::Count => Some(u64::from(picked.count_ones())),
            Operation::Distinct(column) => Some(match view.seen(column, picked) {
                Some(codes) => u64::from(codes.count_ones()),
                None => many_distinct(picked, *view, column, seen),
            }),
            Operation::Since => since(picked.checked_ilog2()?),
            Operation::Age if picked == 0 => None,
            Operation::Age => since(picked.trailing_zeros()),
            Operation::Rate { per, length } => {
                Some((f64::from(picked.count_ones()) * per / length).to_bits())
            }
            Operation::Reduce(column, reduce) => {
                // The entries of a window follow each other.
                let (from, to) = (window.trailing_zeros(), 64 - window.leading_zeros());
                let words = match picked {
                    0 => &[][..],
                    _ => view.plain_between(column, from as usize, to as usize)?,
                };
                reduce(words, picked >> (from % 64), picked == window)
            }
        }
    }
}

fn reduce_of(aggregate: Aggregate, number: bool) -> Option<Reduce> {
    /// A function of its own for each.
    macro_rules! of {
        ($aggregate:expr) => {
            match number {
                true => |words, picked, whole| reduce_picked($aggregate, true, words, picked, whole),
                false => |words, picked, whole| reduce_picked($aggregate, false, words, picked, whole),
            }
        };
    }
    Some(match aggregate {
        Aggregate::Sum => of!(Aggregate::Sum),
        Aggregate::Mean => of!(Aggregate::Mean),
        Aggregate::Stddev => of!(Aggregate::Stddev),
        Aggregate::Min => of!(Aggregate::Min),
        Aggregate::Max => of!(Aggregate::Max),
        Aggregate::First => of!(Aggregate::First),
        Aggregate::Last => of!(Aggregate::Last),
        _ => return None,
    })
}

#[inline(always)]
fn reduce_picked(aggregate: Aggregate, number: bool, words: &[u64], picked: u64, whole: bool) -> Option<u64> {
    // The sum of so few integers never leaves 64 bits.
    if whole {
        reduce(aggregate, number, words.iter().copied()).flatten()
    } else {
        let words = Ones(picked).map(|at| words.get(at).copied().unwrap_or(0));
        reduce(aggregate, number, words).flatten()
    }
}

#[inline(never)]
fn many_distinct(picked: u64, view: View<'_>, column: usize, seen: &mut Vec<u64>) -> u64 {
    distinct(&One(picked), view.coded(column), None, seen)
}

/// Computes the features of composites.
fn visit_composed(
    short: &ShortPlan,
    Past { plan, moment, .. }: Past<'_>,
    view: View<'_>,
    time: i64,
    workspace: &mut Workspace,
    row: &mut Row,
) {
    let Workspace { short: ShortWork { windows, picked, .. }, seen, .. } = workspace;
    for feature in &short.composed {
        let number = usize::from(feature.selector);
        let (Some(selector), Some(picked)) = (plan.selectors.get(number), picked.get(number)) else {
            continue;
        };
        if !selector.is_absent(plan, moment) {
            feature.compute(windows, *picked, &view, time, seen, row);
        }
    }
}

/// Computes the features that are not bare.
fn visit_others(
    short: &ShortPlan,
    past: Past<'_>,
    view: View<'_>,
    (time, horizon): (i64, usize),
    calendar: &Calendar,
    workspace: &mut Workspace,
    row: &mut Row,
) {
    let Past { plan, moment, .. } = past;
    let Workspace { short: ShortWork { windows, picked, .. }, values, seen, calendar: cache, .. } = workspace;
    let as_of = AsOf::new(time, horizon, &view, None);
    let picks = |selector: usize| picked.get(selector).map_or(&[][..], from_ref);
    let lacks = |selector: usize| {
        plan.selectors.get(selector).is_none_or(|selector| selector.is_absent(plan, moment))
    };
    for feature in short.others.iter().filter_map(|number| plan.features.get(*number)) {
        let (Some(edge), Some(window)) = (windows.get(feature.window), plan.windows.get(feature.window))
        else {
            continue;
        };
        if lacks(feature.selector) {
            continue;
        }
        let start = window.start(time - window.delay, calendar, cache);
        let high = as_of.high(&view, window.delay);
        let low = if edge.word == 0 { high } else { edge.word.trailing_zeros() as usize };
        let mut window = Bounds::new(&as_of, window.delay, start, (low, high));
        let mut current = feature.current(&past);
        if let Some(marker) = &feature.marker {
            if lacks(marker.selector) {
                continue;
            }
            let counts;
            (window, counts) = past.behind(feature, marker, &window, picks(marker.selector));
            current = current.filter(|_| counts);
        }
        let bits = picks(feature.selector).first().map_or(0, |word| word & window.word);
        let whole = bits == window.word;
        let gathered = Gathered { matches: One(bits), whole, window: &window, view, current, time };
        // No sum of so few words leaves 64 bits.
        _ = gathered.compute(&past, feature, picks, (values, seen), row);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::Policy;
    use crate::feature::{CellSource, Moment, Plan, visit};
    use crate::state::{Entry, History};

    const HOUR: i64 = 3_600_000;

    /// Every bare aggregate over every kind of window and selector.
    fn policy() -> Policy {
        let aggregates = [
            ("count", ""),
            ("distinct", "device"),
            ("distinct", "country"),
            ("since", ""),
            ("age", ""),
            ("rate", ""),
            ("sum", "amount_minor"),
            ("sum", "radius_km"),
            ("mean", "amount_minor"),
            ("mean", "radius_km"),
            ("stddev", "amount_minor"),
            ("stddev", "radius_km"),
            ("min", "amount_minor"),
            ("min", "radius_km"),
            ("max", "amount_minor"),
            ("max", "radius_km"),
            ("first", "country"),
            ("last", "amount_minor"),
        ];
        let windows =
            ["over = \"2h\"", "over = \"1d\"", "over = \"9h\"\ndelay = \"3h\"", "over = \"day\"", ""];
        let further = [
            "",
            "where = 'amount_minor > 500'",
            "include_current = true",
            "reset = 'amount_minor > 900'",
            "where = 'type == \"login\"'",
        ];
        let mut text = String::from(
            "[policy]\nname = \"short\"\nversion = \"1\"\ntime_zone = \"Asia/Tokyo\"\ncurrency = \"JPY\"\n",
        );
        let mut number = 0;
        for (n, (aggregate, of)) in aggregates.into_iter().enumerate() {
            for (m, window) in windows.into_iter().enumerate() {
                for (k, further) in further.into_iter().enumerate() {
                    let endless = aggregate == "rate" && window.is_empty();
                    if endless || further.starts_with("include") && window.contains("delay") {
                        continue;
                    }
                    let by =
                        if (n + m + k) % 3 == 0 { r#"["account", "country"]"# } else { r#"["account"]"# };
                    let of = if of.is_empty() { String::new() } else { format!("of = \"{of}\"\n") };
                    let _ = write!(
                        text,
                        "\n[[feature]]\nname = \"f{number}\"\naggregate = \"{aggregate}\"\nby = {by}\n{of}{window}\n{further}\n"
                    );
                    number += 1;
                }
            }
        }
        let text = text + "\n[decision]\nbands = [{ from = 0, action = \"allow\" }]\n";
        Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// An event's words, of which some may be missing.
    fn cells(plan: &Plan, values: &[Option<u8>]) -> Vec<Option<u64>> {
        let word = |(source, value): (&CellSource, Option<u8>)| {
            let value = value?;
            Some(match source {
                CellSource::Number(_) => (f64::from(value) / 7.0).to_bits(),
                _ => u64::from(value),
            })
        };
        plan.cells.iter().zip(values.iter().copied().cycle()).map(word).collect()
    }

    proptest! {
        /// Against the visit of any history.
        #[test]
        fn short_histories_are_no_exception(
            entries in proptest::collection::vec(
                (0i64..40, any::<u64>(), proptest::collection::vec(proptest::option::weighted(0.9, any::<u8>()), 7)),
                0..80,
            ),
            few in prop_oneof![Just(3u8), Just(63), Just(255)],
            (now, masks, own) in
                (0i64..45, any::<u64>(), proptest::collection::vec(proptest::option::of(any::<u8>()), 7)),
            dropped in proptest::option::of(0i64..40),
            again in proptest::option::of(0u64..80),
        ) {
            let policy = policy();
            let compiled = &*policy.0;
            let limit = |values: &[Option<u8>]| -> Vec<Option<u8>> {
                values.iter().map(|value| value.map(|value| value % few)).collect()
            };
            let mut workspace = Workspace::default();
            for plan in &compiled.plan.tables {
                prop_assert!(plan.short.is_some());
                let mut history = History::default();
                for (id, (hours, masks, values)) in (1..).zip(&entries) {
                    let all = cells(&compiled.plan, &limit(values));
                    let entry = Entry { time: hours * HOUR, id, masks: &[*masks], outcome: 0, label: 0 };
                    history.insert((&plan.shape, &plan.budget), &entry, plan.cells(&all), &mut Default::default());
                }
                if let Some(hours) = dropped {
                    history.forget_until(&plan.shape, hours * HOUR);
                }
                let moment = Moment {
                    time: now * HOUR,
                    id: again.unwrap_or(0),
                    repeated: again.is_some(),
                    masks: &[masks],
                    cells: &cells(&compiled.plan, &limit(&own)),
                    lists: &[],
                };
                let row = || {
                    let mut row = Row::default();
                    row.reset(compiled.places.len());
                    row
                };
                let (mut short, mut any) = (row(), row());
                visit(plan, &history, &moment, &compiled.calendar, &mut workspace, &mut short).unwrap();
                let plan = TablePlan { short: None, ..plan.clone() };
                visit(&plan, &history, &moment, &compiled.calendar, &mut workspace, &mut any).unwrap();
                for (place, feature) in (0u16..).zip(&compiled.features) {
                    let value = |row: &Row| (row.get(place), row.presence(place));
                    prop_assert_eq!(value(&short), value(&any), "{} {:?}", feature.name, feature.definition);
                }
            }
        }
    }
}
