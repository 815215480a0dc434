//! What depends on the order of events: markers and steps.

use std::ops::RangeInclusive;

use super::compile_features::Compiler;
use super::document::{Aggregate, FeatureItem};
use super::source::At;

/// Steps of one sequence.
const STEPS: RangeInclusive<usize> = 2..=8;

/// Only what came after the newest entry like this counts.
pub(super) struct MarkerRequest {
    /// The number of its condition in the plan.
    pub(super) predicate: u16,
    /// Nothing counts without one.
    pub(super) required: bool,
    /// Columns that equal the current event's, beside those of the feature.
    pub(super) same: Vec<usize>,
}

impl Compiler<'_, '_> {
    /// What `after` or `reset` say.
    pub(super) fn marker(&mut self, item: &FeatureItem, table: usize) -> Option<Option<MarkerRequest>> {
        let (at, required) = match (&item.after, &item.reset) {
            (Some(_), Some(at)) => return self.fault(&at.span, "a feature has `after` or `reset`, not both"),
            (Some(at), None) => (Some(at), true),
            (None, at) => (at.as_ref(), false),
        };
        let mut same = Vec::new();
        if let Some(fields) = &item.after_same {
            if !required {
                let message = "`after_same` wants `after`, the condition of what is alike";
                return self.wants(item, "after", &fields.span, message);
            }
            if fields.value.is_empty() {
                return self.fault(&fields.span, "`after_same` wants a field, such as [\"code\"]");
            }
            for at in &fields.value {
                same.push(self.cell(at, "after_same").and_then(|(cell, _)| self.column(table, cell, at)));
            }
        }
        let Some(at) = at else { return Some(None) };
        let predicate = self.condition(at, if required { "after" } else { "reset" });
        let (predicate, same) = (predicate?, same.into_iter().collect::<Option<_>>()?);
        Some(Some(MarkerRequest { predicate, required, same }))
    }

    /// The conditions of a sequence's steps; none of other aggregates.
    pub(super) fn steps(&mut self, item: &FeatureItem) -> Option<Vec<u16>> {
        let wanted = matches!(item.aggregate.value, Aggregate::Sequence | Aggregate::Occurred);
        let at = match (&item.steps, wanted) {
            (None, false) => return Some(Vec::new()),
            (Some(at), false) => {
                return self.fault(&at.span, "only `sequence` and `occurred` have `steps`");
            }
            (None, true) => {
                let message = "this aggregate wants `steps`, the conditions that it looks for";
                return self.wants(item, "steps", &item.aggregate.span, message);
            }
            (Some(at), true) => at,
        };
        let steps: Vec<Option<u16>> = at.value.iter().map(|step| self.condition(step, "steps")).collect();
        if !STEPS.contains(&steps.len()) && !item.is_faulty("steps") {
            let (least, most) = (STEPS.start(), STEPS.end());
            let message = format!("`steps` wants {least} to {most} conditions, found {}", steps.len());
            return self.fault(&at.span, message);
        }
        steps.into_iter().collect()
    }
}

/// What the keys say, for the feature's definition.
pub(super) fn say(item: &FeatureItem, mut say: impl FnMut(&str, &str)) {
    let list = |at: &At<Vec<At<String>>>, between: &str| {
        at.value.iter().map(|at| at.value.as_str()).collect::<Vec<_>>().join(between)
    };
    if let Some(steps) = &item.steps {
        say("steps", &list(steps, "; "));
    }
    if let Some(after) = &item.after {
        say("after", &after.value);
    }
    if let Some(same) = &item.after_same {
        say("of the same", &list(same, " x "));
    }
    if let Some(reset) = &item.reset {
        say("reset by", &reset.value);
    }
}
