//! Limits. The compiler writes for each what an author could write by hand: features of its window, and a rule that
//! stops what is beyond it. So a limit is remembered, explained, swapped and tried in shadow as they are.

use super::compile::Compiler;
use super::document::{
    ActionItem, Aggregate, FeatureItem, LimitItem, ObligationItem, OnMissing, Quantity, RuleItem,
};
use super::expression::{Node, Reading, Scope, SlotSource, Slots, Type, Use};
use super::source::At;
use super::{LimitPlan, Rule};
use crate::event::Field;

/// Limits that one policy can hold.
const MOST_LIMITS: usize = 64;

/// The outcomes of events that count: of the others nothing has moved, or it has moved back.
const COUNTS: &str = r#"(!has(outcome) || outcome in ["pending", "approved", "succeeded"])"#;

/// What a limit comes down to.
pub(super) struct WrittenLimit<'a> {
    item: &'a LimitItem,
    pub(super) features: Vec<FeatureItem>,
    /// None of a limit with faults: only its window is compiled, for further ones.
    pub(super) rule: Option<RuleItem>,
}

impl<'a> Compiler<'a> {
    /// Writes features and rules for the limits without faults, a window for the others; also returns the names of
    /// the others' features.
    pub(super) fn write_limits(&self, scope: &Scope<'_>) -> (Vec<WrittenLimit<'a>>, Vec<String>) {
        let scope = Scope { purpose: Use::Limit, ..*scope };
        let (mut written, mut faulty) = (Vec::new(), Vec::new());
        for (number, item) in self.document.limits.iter().enumerate() {
            if number == MOST_LIMITS {
                self.source.fault(&item.name.span, format!("a policy holds at most {MOST_LIMITS} limits"));
            }
            let is_free = self.check_limit_name(item, number, &scope);
            match self.write_limit(item, &scope).filter(|_| is_free) {
                Some(limit) => written.push(limit),
                None => {
                    faulty.extend(item.features());
                    let features = is_free.then(|| bare_window(item)).into_iter().collect();
                    written.push(WrittenLimit { item, features, rule: None });
                }
            }
        }
        (written, faulty)
    }

    /// Whether the name can be one and nothing else has it.
    fn check_limit_name(&self, item: &LimitItem, number: usize, scope: &Scope<'_>) -> bool {
        if item.is_faulty("name") || !self.check_name(&item.name, "the name of a limit", false) {
            return false;
        }
        let name = &item.name.value;
        let document = self.document;
        let is_field = |name: &String| scope.schema.find(name).is_some();
        let taken = if item.features().any(|name| is_field(&name)) || is_field(name) {
            "an event field"
        } else if ["true", "false", "null"].contains(&name.as_str()) {
            "a value in expressions"
        } else if document.features.iter().any(|feature| feature.name.value == *name) {
            "a feature"
        } else if document.lists.iter().any(|list| list.name.value == *name) {
            "a list"
        } else if document.rules.iter().any(|rule| rule.id.value == *name) {
            "a rule"
        } else if document.limits.iter().take(number).any(|limit| limit.name.value == *name) {
            "a limit"
        } else {
            return true;
        };
        self.source.fault(&item.name.span, format!("`{name}` is the name of {taken} already"));
        false
    }

    fn write_limit(&self, item: &'a LimitItem, scope: &Scope<'_>) -> Option<WrittenLimit<'a>> {
        // Only mistakes are looked for: what is written is compiled later.
        let mut slots = Slots::default();
        let condition = match item.is_faulty("where") {
            true => None,
            false => self.expression(&item.condition, scope, &mut slots, |value_type| {
                (value_type != Type::Boolean)
                    .then(|| format!("`where` wants a condition, this is {value_type}"))
            }),
        };
        let (ceiling, near) = (self.ceiling(item, scope, &mut slots), self.near(item));
        let (_, ceiling, near) = (condition?, ceiling?, near?);
        if item.is_faulty("by") || item.is_faulty("over") {
            return None;
        }

        let name = &item.name.value;
        let about = enclosed(&item.condition.value);
        let counted = format!("{about} && {COUNTS}");
        let of_amounts = item.amount.is_some();
        let (aggregate, of, asked) = match of_amounts {
            true => (Aggregate::Sum, Some("amount_minor"), "amount_minor"),
            false => (Aggregate::Count, None, "1"),
        };
        let at = |value: String| At { value, span: item.name.span.clone() };
        let feature = |part: &str, aggregate: Aggregate| FeatureItem {
            name: at(format!("{name}.{part}")),
            aggregate: At { value: aggregate, span: item.name.span.clone() },
            description: item.description.clone(),
            ..FeatureItem::default()
        };
        let window = |part: &str, aggregate: Aggregate, condition: String| FeatureItem {
            by: Some(item.by.clone()),
            over: Some(item.over.clone()),
            condition: Some(At { value: condition, span: item.condition.span.clone() }),
            ..feature(part, aggregate)
        };
        let expression = |part: &str, text: String| FeatureItem {
            expression: Some(at(text)),
            ..feature(part, Aggregate::Expression)
        };
        let mut features = vec![
            FeatureItem {
                of: of.map(|of| At { value: of.to_owned(), span: item.name.span.clone() }),
                ..window("used", aggregate, counted.clone())
            },
            expression("ceiling", ceiling.clone()),
            expression("remaining", format!("math.greatest(0, {name}.ceiling - {name}.used)")),
            expression(
                "share",
                format!("double({name}.used + ({about} ? {asked} : 0)) / double({name}.ceiling)"),
            ),
        ];
        if let Some(near) = near {
            // Divided as a share is: 29 of 100 are 0.29 then, which 0.29 times 100 is not.
            let close =
                format!("double(amount_minor) / double({ceiling}) > {near:?} && amount_minor <= {ceiling}");
            features.push(FeatureItem {
                over: item.near_over.clone().or(Some(item.over.clone())),
                include_current: Some(At { value: true, span: item.name.span.clone() }),
                ..window("near", Aggregate::Count, format!("{counted} && {close}"))
            });
        }
        let deny = At { value: ActionItem::Deny, span: item.name.span.clone() };
        let limit = At { value: ObligationItem::Limit, span: item.name.span.clone() };
        let on_missing = At { value: OnMissing::Match, span: item.name.span.clone() };
        let rule = RuleItem {
            id: item.name.clone(),
            when: At {
                value: format!("{about} && {name}.remaining < {asked}"),
                span: item.condition.span.clone(),
            },
            action: item.action.clone().or(Some(deny)),
            strength: item.strength.clone(),
            obligations: item.obligations.iter().cloned().chain([limit]).collect(),
            reason: item.reason.clone(),
            mode: item.mode.clone(),
            // What cannot be compared with its limit is not let through.
            on_missing: item.on_missing.clone().or(Some(on_missing)),
            description: item.description.clone(),
            acts: true,
            ..RuleItem::default()
        };
        Some(WrittenLimit { item, features, rule: Some(rule) })
    }

    /// The ceiling as a part of expressions.
    fn ceiling(&self, item: &LimitItem, scope: &Scope<'_>, slots: &mut Slots) -> Option<String> {
        let (at, key) = match (&item.amount, &item.count) {
            (Some(at), None) => (at, "amount"),
            (None, Some(at)) => (at, "count"),
            (Some(_), Some(at)) => {
                self.source.fault(&at.span, "a limit has an `amount` or a `count`, not both");
                return None;
            }
            (None, None) if item.is_faulty("amount") || item.is_faulty("count") => return None,
            (None, None) => {
                let message = "a limit wants an `amount` in minor units, or a `count` of events";
                self.source.fault(&item.name.span, message);
                return None;
            }
        };
        match &at.value {
            Quantity::Constant(ceiling) if *ceiling < 0 => {
                self.source.fault(&at.span, format!("`{key}` is 0 or more, found {ceiling}"));
                None
            }
            Quantity::Constant(ceiling) => Some(ceiling.to_string()),
            Quantity::Expression(text) => {
                let text = At { value: text.clone(), span: at.span.clone() };
                self.expression(&text, scope, slots, |value_type| {
                    (value_type != Type::Integer)
                        .then(|| format!("`{key}` wants an integer, this is {value_type}"))
                })?;
                Some(enclosed(&text.value))
            }
        }
    }

    /// From which share of the ceiling on a single amount is near it.
    fn near(&self, item: &LimitItem) -> Option<Option<f64>> {
        let Some(at) = &item.near else {
            if item.is_faulty("near") {
                return None;
            }
            if let Some(at) = &item.near_over {
                self.source.fault(&at.span, "only a limit with `near` has `near_over`");
            }
            return Some(None);
        };
        if item.amount.is_none() && !item.is_faulty("amount") {
            self.source.fault(&at.span, "only a limit with an `amount` has `near`");
            return None;
        }
        if !(at.value > 0.0 && at.value < 1.0) {
            self.source.fault(&at.span, format!("`near` lies between 0 and 1, found {:?}", at.value));
            return None;
        }
        Some(Some(at.value))
    }

    /// What a decision says of the limits; `rules` holds theirs. Their conditions follow those of the rules.
    pub(super) fn limit_plans(
        &self,
        written: &[WrittenLimit<'_>],
        rules: &[Rule],
        scope: &Scope<'_>,
        slots: &mut Slots,
        conditions: &mut Vec<Node>,
    ) -> Vec<LimitPlan> {
        let mut plans = Vec::new();
        for WrittenLimit { item, .. } in written {
            let name = &item.name.value;
            if item.is_faulty("where") {
                continue;
            }
            let about = self.expression(&item.condition, scope, slots, |_| None);
            let place = |part: &str| scope.features.get(&format!("{name}.{part}")).map(|known| known.place);
            let rule = rules.iter().position(|rule| rule.id == *name);
            let amount = slots.place(SlotSource::Event(Field::AMOUNT_MINOR, Reading::Value));
            let (Some(about), Some(rule)) = (about, rule) else { continue };
            let (Some(used), Some(ceiling), Some(remaining)) =
                (place("used"), place("ceiling"), place("remaining"))
            else {
                continue;
            };
            conditions.push(about.node);
            plans.push(LimitPlan {
                name: name.clone(),
                rule: rule as u16,
                used,
                ceiling,
                remaining,
                amount: item.amount.as_ref().map(|_| amount),
            });
        }
        plans
    }
}

/// The events of a limit's window.
fn bare_window(item: &LimitItem) -> FeatureItem {
    FeatureItem {
        name: At { value: format!("{}.used", item.name.value), span: item.name.span.clone() },
        aggregate: At { value: Aggregate::Count, span: item.name.span.clone() },
        by: Some(item.by.clone()),
        over: Some(item.over.clone()).filter(|_| !item.is_faulty("over")),
        faulty: item.faulty.clone(),
        ..FeatureItem::default()
    }
}

/// An expression as a part of another.
fn enclosed(text: &str) -> String {
    // A comment reaches to the end of its line.
    let end = if text.contains("//") { "\n" } else { "" };
    format!("({}{end})", text.trim())
}
