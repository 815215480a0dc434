//! Features that cannot be compiled: what is wrong with the rest of them is said all the same.

use std::ops::Range;

use super::compile::read_duration;
use super::compile_device::is_asked_of_devices;
use super::compile_features::Compiler;
use super::document::FeatureItem;
use super::expression::Type;

impl Compiler<'_, '_> {
    /// A fault for a key that is not there, unless it only cannot be read.
    pub(super) fn wants<T>(
        &self,
        item: &FeatureItem,
        key: &str,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> Option<T> {
        if item.is_faulty(key) { None } else { self.fault(span, message) }
    }

    /// Notes the faults of a feature of which nobody knows what it computes.
    pub(super) fn without_aggregate(&mut self, item: &FeatureItem) -> Option<Type> {
        self.predicate(item);
        self.span(item);
        for at in [&item.half_life, &item.per].into_iter().flatten() {
            read_duration(self.source, at);
        }
        for (at, key) in [(&item.after, "after"), (&item.reset, "reset")] {
            at.as_ref().and_then(|at| self.condition(at, key));
        }
        for step in item.steps.iter().flat_map(|at| &at.value) {
            self.condition(step, "steps");
        }
        if let Some(by) = &item.by {
            self.table(by);
            by.value.iter().skip(1).for_each(|at| _ = self.cell(at, "by"));
        }
        // What is asked of devices is no field.
        let of = item.of.as_ref().filter(|at| !is_asked_of_devices(&at.value));
        of.and_then(|at| self.cell(at, "of"));
        None
    }
}
