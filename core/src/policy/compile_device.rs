//! Features of devices: how like a known one, and whether the event contradicts itself.

use super::compile_features::{Compiler, Part, WindowRequest};
use super::document::{Aggregate, FeatureItem};
use super::expression::Type;
use super::source::At;
use crate::event::nearest;
use crate::feature::device::{DeviceMatch, INCONSISTENCIES, PLACES, RESULTS, TABLE};
use crate::feature::{CellSource, Derivation, DerivedFeature, Working};

/// What a device match can be asked for; what changed is told in words.
const ASKED: [&str; 4] = [RESULTS[0], RESULTS[1], RESULTS[2], RESULTS[3]];

/// Whether a word is what `of` says of a feature of devices.
pub(super) fn is_asked_of_devices(of: &str) -> bool {
    ASKED.contains(&of) || INCONSISTENCIES.iter().any(|(_, name, _)| *name == of)
}

impl Compiler<'_, '_> {
    pub(super) fn device_match(&mut self, place: u16, item: &FeatureItem) -> Option<Type> {
        self.refuse(item, "a device_match", &[]);
        let (predicate, window) = (self.predicate(item), self.span(item));
        let asked = item.of.as_ref().map_or("percent", |at| &at.value);
        let number = ASKED.iter().position(|known| *known == asked);
        if number.is_none() {
            let span = item.of.as_ref().map_or(&item.aggregate.span, |at| &at.span);
            self.source.fault(span, format!("a device_match is `of` one of {}", ASKED.join(", ")));
        }
        let Some([user]) = item.by.as_ref().map(|by| by.value.as_slice()) else {
            let span = item.by.as_ref().map_or(&item.aggregate.span, |by| &by.span);
            let message = "a device_match wants `by`, the one whose devices are known, such as [\"account\"]";
            return self.wants(item, "by", span, message);
        };
        let spec = self.scope.schema.find(&user.value).and_then(|field| self.scope.schema.spec(field));
        let is_attribute = |field| TABLE.iter().any(|attribute| attribute.field == field);
        if spec.is_none_or(|spec| spec.entity().is_none() || is_attribute(spec.field())) {
            return self
                .fault(&user.span, format!("`{}` is no identifier of somebody who has devices", user.value));
        }
        let part = Part {
            aggregate: Aggregate::Sightings,
            of: None,
            by: user.value.clone(),
            same: Vec::new(),
            predicate: predicate?,
            window: window?,
        };
        let known = self.devices.iter().find(|(known, _)| *known == part).map(|(_, results)| *results);
        let results = match known {
            Some(results) => results,
            None => self.devices_of(&item.name, part)?,
        };
        let from = results + number? as u16;
        let (derivation, value_type) = match asked {
            "bits" | "percent" => (Derivation::Place(from), Type::Number),
            "state" => (Derivation::Place(from), Type::Integer),
            _ => (Derivation::Flags(from), Type::Integer),
        };
        self.plan.derived.push(DerivedFeature { place, reads: vec![results, from], derivation });
        Some(value_type)
    }

    /// What device matches of one history have in common; returns the first place of what they find.
    fn devices_of(&mut self, owner: &At<String>, sightings: Part) -> Option<u16> {
        let key = self.table_key(&sightings.by)?;
        let table = self.table_of(&sightings.by, key);
        let mut further = Vec::new();
        for attribute in &TABLE {
            let at = At { value: attribute.field.name().to_owned(), span: owner.span.clone() };
            let cell = match attribute.ordered {
                true => CellSource::Worked(Working::Version(attribute.field)),
                false => self.cell(&at, "by")?.0,
            };
            further.push(self.column(table, cell, &at)?);
        }
        let (predicate, window) = (sightings.predicate, sightings.window);
        let place = self.hidden(PLACES);
        self.add(WindowRequest {
            place,
            aggregate: Aggregate::Sightings,
            table,
            same: Vec::new(),
            operand: None,
            further,
            predicate,
            window,
            include_current: false,
            per: 0,
            behaviour: None,
            marker: None,
            steps: Vec::new(),
            list: None,
        })?;
        let mut count = |by: &str| {
            let by = by.to_owned();
            self.part(
                owner,
                Part { aggregate: Aggregate::Count, of: None, by, same: Vec::new(), predicate, window },
            )
        };
        let all = count("population")?;
        let mut counts = [None; TABLE.len()];
        for (place, attribute) in
            counts.iter_mut().zip(&TABLE).filter(|(_, attribute)| attribute.is_counted())
        {
            *place = Some(count(attribute.field.name())?);
        }
        let results = self.hidden(RESULTS.len() as u16);
        let devices = DeviceMatch { sightings: place, counts, all, results };
        self.plan.derived.push(DerivedFeature {
            place: results,
            reads: devices.reads(),
            derivation: Derivation::DeviceMatch(Box::new(devices)),
        });
        self.devices.push((sightings, results));
        Some(results)
    }

    pub(super) fn inconsistencies(&mut self, place: u16, item: &FeatureItem) -> Option<Type> {
        let of_history = [
            (item.by.as_ref().map(|at| &at.span), "by"),
            (item.over.as_ref().map(|at| &at.span), "over"),
            (item.delay.as_ref().map(|at| &at.span), "delay"),
            (item.condition.as_ref().map(|at| &at.span), "where"),
        ];
        self.refuse(item, "a count of inconsistencies", &of_history);
        let one = match &item.of {
            None => None,
            Some(at) => {
                let Some((one, ..)) = INCONSISTENCIES.iter().find(|(_, name, _)| *name == at.value) else {
                    let hint = nearest(&at.value, INCONSISTENCIES.iter().map(|(_, name, _)| *name));
                    let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
                    return self.fault(&at.span, format!("there is no inconsistency `{}`{hint}", at.value));
                };
                Some(*one as u32)
            }
        };
        let derivation = Derivation::Inconsistencies(one);
        self.plan.derived.push(DerivedFeature { place, reads: Vec::new(), derivation });
        Some(Type::Integer)
    }

    /// Faults for keys that mean nothing for what is no plain window.
    pub(super) fn refuse(
        &self,
        item: &FeatureItem,
        what: &str,
        more: &[(Option<&std::ops::Range<usize>>, &str)],
    ) {
        let always = [
            (item.include_current.as_ref().map(|at| &at.span), "include_current"),
            (item.per.as_ref().map(|at| &at.span), "per"),
            (item.after.as_ref().map(|at| &at.span), "after"),
            (item.after_same.as_ref().map(|at| &at.span), "after_same"),
            (item.reset.as_ref().map(|at| &at.span), "reset"),
            (item.steps.as_ref().map(|at| &at.span), "steps"),
            (item.numerator.as_ref().map(|at| &at.span), "numerator"),
            (item.denominator.as_ref().map(|at| &at.span), "denominator"),
            (item.expression.as_ref().map(|at| &at.span), "expression"),
        ];
        for (present, key) in always.iter().chain(more) {
            if let Some(span) = present {
                self.source.fault(span, format!("{what} has no `{key}`"));
            }
        }
    }
}
