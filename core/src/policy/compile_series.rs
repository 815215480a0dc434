//! What histories keep of the events for which they have no room: one series for all features that sum up alike.

use super::document::Aggregate;
use super::expression::Scope;
use crate::event::time::{CalendarUnit, DAY};
use crate::feature::{Plan, TablePlan, Window, WindowFeature, WindowSpan};
use crate::state::{Kind, SeriesPlan};

/// Panes in a window: the edge of a window is off by less than one of them.
const PANES: i64 = 64;
/// A day with an hour for a change of clocks.
const LONGEST_DAY: i64 = DAY + 3_600_000;
const SHORTEST_MONTH: i64 = 28 * DAY;
const LONGEST_MONTH: i64 = 31 * DAY + 3_600_000;

/// Gives every feature of a table its series.
pub(super) fn add_series(plan: &Plan, scope: &Scope<'_>, table: &mut TablePlan, lateness: i64) {
    let TablePlan { features, windows, selectors, columns, budget, .. } = table;
    let column_name = |column: &usize| {
        let cell = columns.get(*column).copied()?;
        plan.cell_name(scope.schema, cell)
    };
    for feature in features {
        let (Some(window), Some(selector)) = (windows.get(feature.window), selectors.get(feature.selector))
        else {
            continue;
        };
        let (width, reach) = panes(window, lateness);
        let (kind, column) = kind(feature);
        let predicate =
            selector.predicate.and_then(|predicate| plan.predicates.get(usize::from(predicate.number)));
        let same: Vec<Option<String>> = selector.same.iter().map(column_name).collect();
        let signature = format!(
            "{kind:?} of {:?} where {:?} has {:?} same {same:?} over {window:?} in {width} to {reach:?}",
            column.as_ref().and_then(column_name),
            predicate.map(|predicate| &predicate.text),
            selector.present.as_ref().and_then(column_name),
        );
        let known = budget.series.iter().position(|known| known.signature == signature);
        feature.series = known.unwrap_or_else(|| {
            budget.series.push(SeriesPlan {
                kind,
                column,
                number: feature.number,
                predicate: selector.predicate.map(|predicate| predicate.place),
                present: selector.present,
                same: selector.same.clone(),
                width,
                reach,
                delayed: window.delay > 0,
                signature,
            });
            budget.series.len() - 1
        });
    }
}

fn kind(feature: &WindowFeature) -> (Kind, Option<usize>) {
    let column = Some(feature.column);
    match feature.aggregate {
        Aggregate::Count | Aggregate::Rate => (Kind::Count, None),
        Aggregate::Since => (Kind::Newest, None),
        Aggregate::Sum | Aggregate::Mean => (Kind::Sum, column),
        Aggregate::Stddev => (Kind::Moments, column),
        Aggregate::Min => (Kind::Least, column),
        Aggregate::Max => (Kind::Greatest, column),
        Aggregate::First => (Kind::Oldest, column),
        Aggregate::Last => (Kind::Newest, column),
        Aggregate::Distinct => (Kind::Distinct, column),
        // These are derived and read no history.
        Aggregate::Ratio | Aggregate::Expression | Aggregate::LoginScore => (Kind::Count, None),
    }
}

/// The width of a window's panes, and how long they are kept: so that events that are late by a quarter of the window
/// still find all of them.
fn panes(window: &Window, lateness: i64) -> (i64, Option<i64>) {
    let (shortest, longest) = match window.span {
        WindowSpan::Sliding(length) => (length, length),
        WindowSpan::Calendar(CalendarUnit::Day) => (DAY, LONGEST_DAY),
        WindowSpan::Calendar(CalendarUnit::Month) => (SHORTEST_MONTH, LONGEST_MONTH),
        WindowSpan::Unbounded => return (i64::MAX, None),
    };
    let late = lateness.min(shortest / 4);
    ((shortest / PANES).max(1), Some(longest.saturating_add(window.delay).saturating_add(late)))
}
