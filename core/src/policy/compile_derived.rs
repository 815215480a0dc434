//! Features that join others: ratios and expressions.

use super::compile::compile_expression;
use super::compile_behaviour::prior;
use super::compile_features::{Compiler, Part};
use super::document::{Aggregate, FeatureItem};
use super::expression::{NamedFeature, Program, Scope, Type, Use};
use super::source::At;
use crate::event::nearest;
use crate::feature::{Derivation, DerivedFeature, FACETS, Facet, Level, LoginScore};

impl Compiler<'_, '_> {
    /// Adds a feature that is computed from others; returns the type of its values.
    pub(super) fn derived(&mut self, place: u16, item: &FeatureItem) -> Option<Type> {
        match item.aggregate.value {
            Aggregate::LoginScore => return self.login_score(place, item),
            Aggregate::DeviceMatch => return self.device_match(place, item),
            Aggregate::Inconsistencies => return self.inconsistencies(place, item),
            _ => {}
        }
        let what = if item.expression.is_some() { "an expression" } else { "a ratio" };
        for (present, key) in [
            (item.of.as_ref().map(|at| &at.span), "of"),
            (item.by.as_ref().map(|at| &at.span), "by"),
            (item.over.as_ref().map(|at| &at.span), "over"),
            (item.delay.as_ref().map(|at| &at.span), "delay"),
            (item.condition.as_ref().map(|at| &at.span), "where"),
            (item.include_current.as_ref().map(|at| &at.span), "include_current"),
            (item.per.as_ref().map(|at| &at.span), "per"),
            (item.after.as_ref().map(|at| &at.span), "after"),
            (item.after_same.as_ref().map(|at| &at.span), "after_same"),
            (item.reset.as_ref().map(|at| &at.span), "reset"),
            (item.steps.as_ref().map(|at| &at.span), "steps"),
        ] {
            if let Some(span) = present {
                self.source.fault(span, format!("{what} has no `{key}`; the features that it reads do"));
            }
        }
        match (&item.expression, item.aggregate.value) {
            (Some(at), Aggregate::Expression) => {
                for (operand, key) in [(&item.numerator, "numerator"), (&item.denominator, "denominator")] {
                    if let Some(at) = operand {
                        self.source.fault(&at.span, format!("only a ratio has a `{key}`"));
                    }
                }
                self.expression(place, at)
            }
            (Some(at), _) => {
                self.fault(&at.span, "a feature has an `aggregate` or an `expression`, not both")
            }
            (None, _) => self.ratio(place, item),
        }
    }

    fn login_score(&mut self, place: u16, item: &FeatureItem) -> Option<Type> {
        self.refuse(item, "a login_score", &[(item.of.as_ref().map(|at| &at.span), "of")]);
        let (predicate, window) = (self.predicate(item), self.span(item));
        let Some([user]) = item.by.as_ref().map(|by| by.value.as_slice()) else {
            let span = item.by.as_ref().map_or(&item.aggregate.span, |by| &by.span);
            let message = "a login_score wants `by`, the one who logs in, such as [\"account\"]";
            return self.wants(item, "by", span, message);
        };
        let user_spec = self.scope.schema.find(&user.value).and_then(|field| self.scope.schema.spec(field));
        if user_spec.is_none_or(|spec| spec.entity().is_none()) {
            return self
                .fault(&user.span, format!("`{}` is no identifier of somebody who logs in", user.value));
        }
        let (predicate, window) = (predicate?, window?);
        let all = "population";
        let mut part = |aggregate, of: Option<&str>, by: &str, same: Option<&str>| {
            self.part(
                &item.name,
                Part {
                    aggregate,
                    of: of.map(str::to_owned),
                    by: by.to_owned(),
                    same: same.map(str::to_owned).into_iter().collect(),
                    predicate,
                    window,
                },
            )
        };
        let mut facets = Vec::new();
        for fields in FACETS {
            let mut levels = Vec::new();
            for (field, weight) in fields {
                let name = field.name();
                levels.push(Level {
                    weight: *weight,
                    of_user: part(Aggregate::Count, None, &user.value, Some(name))?,
                    of_all: part(Aggregate::Count, None, name, None)?,
                });
            }
            let (highest, lower) = fields.split_first()?;
            let mut distinct = |by: &str| {
                let parts =
                    lower.iter().map(|(field, _)| part(Aggregate::Distinct, Some(field.name()), by, None));
                parts.collect::<Option<Vec<u16>>>()
            };
            let (known_below, seen_below) = (distinct(all)?, distinct(highest.0.name())?);
            facets.push(Facet { levels, known_below, seen_below });
        }
        let login = LoginScore {
            facets,
            logins_of_user: part(Aggregate::Count, None, &user.value, None)?,
            logins: part(Aggregate::Count, None, all, None)?,
            users: part(Aggregate::Distinct, Some(&user.value), all, None)?,
        };
        let (reads, derivation) = (login.reads(), Derivation::LoginScore(login));
        self.plan.derived.push(DerivedFeature { place, reads, derivation });
        Some(Type::Number)
    }

    fn ratio(&mut self, place: u16, item: &FeatureItem) -> Option<Type> {
        let numerator = self.operand(item, &item.numerator, "numerator");
        let denominator = self.operand(item, &item.denominator, "denominator");
        let prior = prior(self.source, item);
        let (numerator, denominator, prior) = (numerator?, denominator?, prior?);
        self.plan.derived.push(DerivedFeature {
            place,
            reads: vec![numerator.0, denominator.0],
            derivation: Derivation::Ratio { numerator, denominator, prior },
        });
        Some(Type::Number)
    }

    fn operand(&self, item: &FeatureItem, at: &Option<At<String>>, key: &str) -> Option<(u16, bool)> {
        let Some(at) = at else {
            let message = format!("a ratio wants `{key}`, the name of a feature");
            return self.wants(item, key, &item.aggregate.span, message);
        };
        match self.named.get(&at.value) {
            Some(NamedFeature { place, value_type: Type::Number }) => Some((*place, true)),
            Some(NamedFeature { place, value_type: Type::Integer | Type::Duration }) => Some((*place, false)),
            Some(other) => {
                self.fault(&at.span, format!("`{}` is {}, not a number", at.value, other.value_type))
            }
            None if self.scope.faulty.contains(&at.value) || self.failed.contains(&at.value) => None,
            None if self.derived.contains(&at.value) => {
                self.fault(&at.span, "a ratio divides features other than itself and those derived later")
            }
            None => {
                let hint = nearest(&at.value, self.named.keys().map(String::as_str));
                let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
                self.fault(&at.span, format!("there is no feature `{}` before this one{hint}", at.value))
            }
        }
    }

    fn expression(&mut self, place: u16, at: &At<String>) -> Option<Type> {
        let faulty: Vec<String> = self.scope.faulty.iter().chain(&self.failed).cloned().collect();
        let scope = Scope {
            schema: self.scope.schema,
            features: &self.named,
            lists: self.scope.lists,
            faulty: &faulty,
            japanese: self.scope.japanese,
            purpose: Use::Feature,
        };
        let checked = compile_expression(self.source, at, &scope, self.slots, |value_type| {
            let kept = matches!(value_type, Type::Text | Type::Symbol | Type::Entity);
            kept.then(|| {
                format!("a feature is a number, a duration, a time or a boolean, this is {value_type}")
            })
        })?;
        self.plan.derived.push(DerivedFeature {
            place,
            reads: checked.places_read(),
            derivation: Derivation::Expression(Program::compile(&checked.node), checked.value_type),
        });
        Some(checked.value_type)
    }
}
