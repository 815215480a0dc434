//! What histories keep of the events for which they have no room: one series for all features that sum up alike.

use super::document::Aggregate;
use super::expression::Scope;
use crate::event::time::{CalendarUnit, DAY};
use smallvec::{SmallVec, smallvec};

use crate::feature::{
    Behaviour, Plan, SelectedPredicate, Selector, TablePlan, Window, WindowFeature, WindowSpan,
};
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
    let mut compiler = Compiler { plan, scope, selectors, columns, series: &mut budget.series, lateness };
    for feature in features {
        let Some(window) = windows.get(feature.window) else { continue };
        let parts = parts(feature);
        // Parts have to know the same events, so one that is older than the others is not theirs.
        let purpose = if parts.len() > 1 { format!(" for {:?}", feature.aggregate) } else { String::new() };
        let own = Picked { selector: feature.selector, step: None };
        let add = |part: &Part| compiler.series(part, own, feature.number, window, &purpose);
        feature.series = parts.iter().map(add).collect();
        let [oldest, newest] =
            [Kind::Oldest, Kind::Newest].map(|kind| Part { kind, column: None, alike: None });
        for step in &mut feature.steps {
            let picked = Picked { step: Some(step.selector), ..own };
            step.oldest = compiler.series(&oldest, picked, false, window, "");
            step.newest = compiler.series(&newest, picked, false, window, "");
        }
        if let Some(marker) = &mut feature.marker {
            let picked = Picked { selector: marker.selector, step: None };
            let ever = Window { span: WindowSpan::Unbounded, delay: 0 };
            marker.newest = compiler.series(&newest, picked, false, window, "");
            marker.oldest = match marker.required {
                true => compiler.series(&oldest, picked, false, &ever, ""),
                false => usize::MAX,
            };
        }
    }
}

/// What a selector picks, and that of a step with it.
#[derive(Clone, Copy)]
struct Picked {
    selector: usize,
    step: Option<usize>,
}

struct Compiler<'a> {
    plan: &'a Plan,
    scope: &'a Scope<'a>,
    selectors: &'a [Selector],
    columns: &'a [usize],
    series: &'a mut Vec<SeriesPlan>,
    lateness: i64,
}

impl Compiler<'_> {
    /// The number of a series, added when it is new.
    fn series(&mut self, part: &Part, picked: Picked, number: bool, window: &Window, purpose: &str) -> usize {
        let Part { kind, column, alike } = *part;
        let Some(selector) = self.selectors.get(picked.selector) else { return usize::MAX };
        let step = picked.step.and_then(|step| self.selectors.get(step)?.predicate);
        let (width, reach) = panes(window, self.lateness);
        let same: Vec<usize> = selector.same.iter().copied().chain(alike).collect();
        let column_name = |column: &usize| {
            let cell = self.columns.get(*column).copied()?;
            self.plan.cell_name(self.scope.schema, cell)
        };
        let text = |predicate: Option<SelectedPredicate>| {
            let predicate = self.plan.predicates.get(usize::from(predicate?.number))?;
            Some(&predicate.text)
        };
        // How long panes are kept makes no difference to what they hold.
        let mut signature = format!(
            "{kind:?} of {:?} where {:?} has {:?} same {:?} over {window:?} in {width}",
            column.as_ref().and_then(column_name),
            text(selector.predicate),
            selector.present.as_ref().and_then(column_name),
            same.iter().map(column_name).collect::<Vec<_>>(),
        );
        if let Some(step) = text(step) {
            signature.push_str(&format!(" step {step:?}"));
        }
        signature.push_str(purpose);
        let known = self.series.iter().position(|known| known.signature == signature);
        known.unwrap_or_else(|| {
            self.series.push(SeriesPlan {
                kind,
                column,
                number,
                predicate: selector.predicate.map(|predicate| predicate.place),
                step: step.map(|predicate| predicate.place),
                present: selector.present,
                same,
                width,
                reach,
                delayed: window.delay > 0,
                signature,
            });
            self.series.len() - 1
        })
    }
}

/// One series of a feature.
#[derive(Clone, Copy)]
struct Part {
    kind: Kind,
    column: Option<usize>,
    /// Each word of this column is summed up by itself.
    alike: Option<usize>,
}

fn parts(feature: &WindowFeature) -> SmallVec<[Part; 3]> {
    let own = Some(feature.column);
    let part = |kind, column| Part { kind, column, alike: None };
    if let Some(Behaviour::Fading { half_life }) = feature.behaviour {
        let kind = Kind::Fading { half_life };
        return match feature.aggregate {
            Aggregate::Sum => smallvec![part(kind, own)],
            Aggregate::Mean => smallvec![part(kind, own), part(kind, None)],
            _ => smallvec![part(kind, None)],
        };
    }
    smallvec![match feature.aggregate {
        Aggregate::Count | Aggregate::Rate => part(Kind::Count, None),
        Aggregate::Since => part(Kind::Newest, None),
        Aggregate::Age => part(Kind::Oldest, None),
        Aggregate::Sum | Aggregate::Mean => part(Kind::Sum, own),
        Aggregate::Stddev | Aggregate::Zscore => part(Kind::Moments, own),
        Aggregate::Min => part(Kind::Least, own),
        Aggregate::Max => part(Kind::Greatest, own),
        Aggregate::First => part(Kind::Oldest, own),
        Aggregate::Last => part(Kind::Newest, own),
        Aggregate::Distinct | Aggregate::Listed | Aggregate::ListedSeverity => part(Kind::Distinct, own),
        Aggregate::TimeOfDay => {
            let further = feature.further.iter().map(|(column, _)| part(Kind::Sum, Some(*column)));
            return std::iter::once(part(Kind::Sum, own)).chain(further).collect();
        }
        Aggregate::Speed => {
            let further = feature.further.iter().map(|(column, _)| part(Kind::Newest, Some(*column)));
            return std::iter::once(part(Kind::Newest, own)).chain(further).collect();
        }
        Aggregate::Distance => {
            let [sum, count] = match feature.behaviour {
                Some(Behaviour::Distance { half_life: Some(half_life), .. }) => {
                    [Kind::Fading { half_life }; 2]
                }
                _ => [Kind::Sum, Kind::Count],
            };
            let sums = feature.further.iter().map(|(column, _)| part(sum, Some(*column)));
            return sums.chain([part(count, None)]).collect();
        }
        Aggregate::Novelty => {
            let alike = Part { alike: own, ..part(Kind::Count, None) };
            let mut parts = smallvec![part(Kind::Count, None), alike];
            if matches!(feature.behaviour, Some(Behaviour::Novelty { categories: None, .. })) {
                parts.push(part(Kind::Distinct, own));
            }
            return parts;
        }
        // Steps have series of their own.
        Aggregate::Sequence | Aggregate::Occurred => return SmallVec::new(),
        // What has been summed up tells neither how often each value came nor which came together.
        Aggregate::Entropy | Aggregate::Sightings => return SmallVec::new(),
        // What is derived reads no history.
        Aggregate::Ratio
        | Aggregate::Expression
        | Aggregate::LoginScore
        | Aggregate::DeviceMatch
        | Aggregate::Inconsistencies => return SmallVec::new(),
    }]
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
