//! The keys of features that look at habits.

use std::ops::Range;

use super::compile::read_duration;
use super::document::{Aggregate, FeatureItem, Scale};
use super::source::Source;
use crate::feature::{Axis, Behaviour, CellSource, Working};

/// Values that a score or a time of day is compared with at least, unless the policy says otherwise.
const AT_LEAST: i64 = 5;
/// A sample has no deviation before its second value.
const LEAST_OF_SAMPLE: i64 = 2;
const MOST: i64 = 1_000_000_000;

/// Those that have a half-life.
const FADING: [Aggregate; 5] =
    [Aggregate::Count, Aggregate::Sum, Aggregate::Mean, Aggregate::Rate, Aggregate::Distance];

/// Notes the keys that mean nothing for the aggregate.
pub(super) fn check_keys(source: &Source<'_>, item: &FeatureItem) {
    let aggregate = item.aggregate.value;
    let is = |wanted: &[Aggregate]| wanted.contains(&aggregate);
    let refuse = |span: Option<&Range<usize>>, fine: bool, message: &str| {
        if let (Some(span), false) = (span, fine) {
            source.fault(span, message);
        }
    };
    refuse(item.prior.as_ref().map(|at| &at.span), is(&[Aggregate::Ratio]), "only a ratio has a `prior`");
    let message = "only a count, a sum, a mean, a rate or a distance has a `half_life`";
    refuse(item.half_life.as_ref().map(|at| &at.span), is(&FADING), message);
    refuse(item.scale.as_ref().map(|at| &at.span), is(&[Aggregate::Zscore]), "only a zscore has a `scale`");
    let message = "only a zscore, a time_of_day or a distance has `at_least`";
    let counts = is(&[Aggregate::Zscore, Aggregate::TimeOfDay, Aggregate::Distance]);
    refuse(item.at_least.as_ref().map(|at| &at.span), counts, message);
    let novelty = is(&[Aggregate::Novelty]);
    refuse(item.smoothing.as_ref().map(|at| &at.span), novelty, "only a novelty has a `smoothing`");
    refuse(item.categories.as_ref().map(|at| &at.span), novelty, "only a novelty has `categories`");
    let asks = is(&[Aggregate::Listed, Aggregate::ListedSeverity]);
    let message = "only `listed` and `listed_severity` have a `list`";
    refuse(item.list.as_ref().map(|at| &at.span), asks, message);
    let compares = is(&[
        Aggregate::Zscore,
        Aggregate::TimeOfDay,
        Aggregate::Novelty,
        Aggregate::Speed,
        Aggregate::Distance,
    ]);
    let current = item.include_current.as_ref().filter(|at| at.value);
    let message = "this aggregate compares the current event with those before it, which do not include it";
    refuse(current.map(|at| &at.span), !compares, message);
}

/// What a feature does beside its aggregate; `None` for a fault.
pub(super) fn behaviour(source: &Source<'_>, item: &FeatureItem) -> Option<Option<Behaviour>> {
    let at_least = |usual: i64, least: i64| {
        let Some(at) = &item.at_least else { return Some(usual as u64) };
        if !(least..=MOST).contains(&at.value) {
            source.fault(&at.span, format!("`at_least` is a number of events, {least} to 1,000,000,000"));
            return None;
        }
        Some(at.value as u64)
    };
    let half_life = || {
        let Some(at) = &item.half_life else { return Some(None) };
        match read_duration(source, at)? {
            0 => {
                source.fault(&at.span, "a half-life is longer than nothing");
                None
            }
            half_life => Some(Some(half_life)),
        }
    };
    Some(Some(match item.aggregate.value {
        Aggregate::Zscore => Behaviour::Score { at_least: at_least(AT_LEAST, LEAST_OF_SAMPLE)? },
        Aggregate::TimeOfDay => Behaviour::TimeOfDay { at_least: at_least(AT_LEAST, LEAST_OF_SAMPLE)? },
        Aggregate::Novelty => {
            let smoothing = item.smoothing.as_ref().map_or(1.0, |at| at.value);
            let categories = item.categories.as_ref().map(|at| at.value);
            if let Some(at) = item.smoothing.as_ref().filter(|at| !(at.value > 0.0 && at.value <= 1e9)) {
                source.fault(&at.span, "`smoothing` is above 0 and at most 1,000,000,000");
            }
            if let Some(at) = item.categories.as_ref().filter(|at| !(2..=MOST).contains(&at.value)) {
                source.fault(&at.span, "`categories` is how many values there can be, 2 to 1,000,000,000");
            }
            Behaviour::Novelty { smoothing, categories: categories.map(|number| number as f64) }
        }
        Aggregate::Entropy => Behaviour::Entropy,
        Aggregate::Speed => Behaviour::Speed,
        Aggregate::Distance => {
            let (half_life, at_least) = (half_life(), at_least(1, 1));
            Behaviour::Distance { half_life: half_life?, at_least: at_least? }
        }
        aggregate if !FADING.contains(&aggregate) => return Some(None),
        _ => match half_life()? {
            Some(half_life) => Behaviour::Fading { half_life },
            None => return Some(None),
        },
    }))
}

/// The cells of an aggregate that looks at no field that it names: the first one is there when all are.
pub(super) fn workings(aggregate: Aggregate) -> Option<(Working, &'static [Working])> {
    match aggregate {
        Aggregate::TimeOfDay => Some((Working::DayCosine, &[Working::DaySine])),
        Aggregate::Speed | Aggregate::Distance => Some((
            Working::Radius,
            &[Working::Position(Axis::X), Working::Position(Axis::Y), Working::Position(Axis::Z)],
        )),
        _ => None,
    }
}

/// The cell that is compared instead of a field's own.
pub(super) fn scaled(item: &FeatureItem, cell: CellSource) -> CellSource {
    let scale = item.scale.as_ref().map(|at| at.value).unwrap_or_default();
    match cell {
        _ if (item.aggregate.value, scale) != (Aggregate::Zscore, Scale::Log) => cell,
        CellSource::Word(of) => CellSource::Worked(Working::Logarithm { of, number: false }),
        CellSource::Number(of) => CellSource::Worked(Working::Logarithm { of, number: true }),
        other => other,
    }
}

/// What is added to a ratio's numerator and to both parts of its denominator; `None` for a fault.
pub(super) fn prior(source: &Source<'_>, item: &FeatureItem) -> Option<Option<[f64; 2]>> {
    let Some(at) = &item.prior else { return Some(None) };
    if item.is_faulty("prior") {
        return None;
    }
    let numbers: Vec<f64> = at.value.iter().map(|at| at.value).collect();
    match numbers[..] {
        [a, b] if a >= 0.0 && b >= 0.0 && a + b > 0.0 && a + b <= 1e15 => Some(Some([a, b])),
        _ => {
            let message = "a prior is two numbers of 0 or more, not both 0: what is added to the numerator, and to the rest of the denominator";
            source.fault(&at.span, message);
            None
        }
    }
}

/// What the keys say, for the feature's definition.
pub(super) fn say(item: &FeatureItem, mut say: impl FnMut(&str, &str)) {
    if let Some(prior) = &item.prior {
        let numbers: Vec<String> = prior.value.iter().map(|at| at.value.to_string()).collect();
        say("with the prior", &numbers.join(", "));
    }
    if let Some(half_life) = &item.half_life {
        say("fading by half in", &half_life.value);
    }
    if item.aggregate.value == Aggregate::Zscore {
        let linear = item.scale.as_ref().is_some_and(|at| at.value == Scale::Linear);
        say("on a scale that is", if linear { "linear" } else { "logarithmic" });
    }
    if let Some(at_least) = &item.at_least {
        say("of at least", &at_least.value.to_string());
    }
    if let Some(smoothing) = &item.smoothing {
        say("smoothed by", &smoothing.value.to_string());
    }
    if let Some(categories) = &item.categories {
        say("among", &categories.value.to_string());
    }
}
