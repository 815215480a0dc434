//! What a feature computes, in words.

use super::compile_behaviour::say as say_behaviour;
use super::compile_features::HOUR;
use super::compile_sequence::say as say_order;
use super::document::{Aggregate, FeatureItem};
use crate::event::time::format_duration;

/// One line that says what a feature computes.
pub(super) fn definition(item: &FeatureItem) -> String {
    let mut text = serde_json::to_string(&item.aggregate).unwrap_or_default().replace('"', "");
    let mut say = |word: &str, value: &str| {
        // Conditions may be written over several lines.
        let line = value.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        text.push_str(if word.is_empty() { ":" } else { " " });
        text.push_str(word);
        text.push(' ');
        text.push_str(&line);
    };
    if let Some(expression) = &item.expression {
        say("", &expression.value);
    }
    if let (Some(numerator), Some(denominator)) = (&item.numerator, &item.denominator) {
        say("of", &format!("{} to {}", numerator.value, denominator.value));
    }
    if let Some(of) = &item.of {
        say("of", &of.value);
    }
    if let Some(by) = &item.by {
        let names: Vec<&str> = by.value.iter().map(|at| at.value.as_str()).collect();
        say("by", &names.join(" x "));
    }
    match &item.over {
        Some(over) => say("over", &over.value),
        None if item.by.is_some() => say("over", "all that is remembered"),
        None => {}
    }
    if let Some(delay) = &item.delay {
        say("delayed by", &delay.value);
    }
    if item.aggregate.value == Aggregate::Rate {
        say("per", item.per.as_ref().map_or(&format_duration(HOUR), |at| &at.value));
    }
    if let Some(list) = &item.list {
        say("on", &list.value);
    }
    say_behaviour(item, &mut say);
    if let Some(condition) = &item.condition {
        say("where", &condition.value);
    }
    say_order(item, &mut say);
    if item.include_current.as_ref().is_some_and(|at| at.value) {
        text.push_str(", the current event included");
    }
    text
}
