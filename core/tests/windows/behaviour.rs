//! What looks at behaviour, by its formulas.

use super::{DAY, HOUR, Happened, Spec};

/// The value of a feature over the events that it counts.
pub(crate) fn naive_behaviour(
    spec: &Spec,
    matches: &[&Happened],
    current: &Happened,
    (start, end): (i64, i64),
) -> Option<f64> {
    let n = matches.len() as f64;
    let read = |event: &Happened| match spec.of {
        Some("amount_minor") => event.amount.map(|amount| amount as f64),
        _ => event.radius,
    };
    let at_least = |default: f64| match spec.keys.rsplit_once("at_least = ") {
        Some((_, number)) => number.parse().unwrap(),
        None => default,
    };
    if let Some(half_life) = spec.half_life() {
        let weight = |event: &&Happened| 0.5f64.powf((end - event.time) as f64 / half_life as f64);
        let weights: f64 = matches.iter().map(weight).sum();
        // Of the mean only the weights' ratio counts, and far back they are too small for doubles.
        let last = matches.iter().map(|event| event.time).max().unwrap_or(0);
        let relative = |event: &&Happened| 0.5f64.powf((last - event.time) as f64 / half_life as f64);
        let whole =
            if start == i64::MIN { 1.0 } else { 1.0 - 0.5f64.powf((end - start) as f64 / half_life as f64) };
        return match spec.aggregate {
            "count" => Some(weights),
            "rate" => Some(weights * 2f64.ln() / half_life as f64 * HOUR as f64 / whole),
            "sum" => Some(matches.iter().map(|event| weight(event) * read(event).unwrap()).sum()),
            "mean" if matches.is_empty() => None,
            "mean" => {
                let sum: f64 = matches.iter().map(|event| relative(event) * read(event).unwrap()).sum();
                Some(sum / matches.iter().map(relative).sum::<f64>())
            }
            other => panic!("no oracle for {other}"),
        };
    }
    let times = |field: &str, wanted: &str| {
        matches.iter().filter(|event| event.entity(field).is_some_and(|own| own == wanted)).count() as f64
    };
    let values = |field: &str| -> std::collections::BTreeSet<String> {
        matches.iter().filter_map(|event| event.entity(field)).collect()
    };
    match (spec.aggregate, spec.of) {
        ("zscore", _) => {
            let scale =
                |x: f64| if spec.keys.contains("linear") { x } else { x.signum() * (1.0 + x.abs()).ln() };
            let own = scale(read(current)?);
            let values: Vec<f64> = matches.iter().map(|event| scale(read(event).unwrap())).collect();
            if n < at_least(5.0) || values.iter().all(|value| *value == values[0]) {
                return None;
            }
            let mean = values.iter().sum::<f64>() / n;
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            Some((own - mean) / (squares / (n - 1.0)).sqrt())
        }
        ("time_of_day", _) => {
            if n < at_least(5.0) {
                return None;
            }
            let angle = |event: &Happened| {
                (event.time + 9 * HOUR).rem_euclid(DAY) as f64 / DAY as f64 * std::f64::consts::TAU
            };
            let sum = |part: fn(f64) -> f64| matches.iter().map(|event| part(angle(event))).sum::<f64>();
            Some(naive_von_mises(sum(f64::cos), sum(f64::sin), n, angle(current)))
        }
        ("novelty", Some(field)) => {
            let seen = times(field, &current.entity(field)?);
            Some(if spec.keys.is_empty() {
                -((seen + 1.0) / (n + values(field).len() as f64 + 1.0)).ln()
            } else {
                -((seen + 0.5) / (n + 0.5 * 20.0)).ln()
            })
        }
        ("entropy", Some(field)) => {
            let shares = values(field).into_iter().map(|value| times(field, &value) / n);
            (n > 0.0).then(|| -shares.map(|share| share * share.log2()).sum::<f64>())
        }
        other => panic!("no oracle for {other:?}"),
    }
}

/// -ln of the density by integrals over the circle, the concentration by halving.
fn naive_von_mises(cosine: f64, sine: f64, n: f64, own: f64) -> f64 {
    let length = cosine.hypot(sine) / (n + 1.0);
    let integrals = |concentration: f64| {
        (0..160).fold((0.0, 0.0), |(zeroth, first), at| {
            let cosine = (f64::from(at) / 160.0 * std::f64::consts::TAU).cos();
            let part = (concentration * (cosine - 1.0)).exp() / 160.0;
            (zeroth + part, first + part * cosine)
        })
    };
    let (mut low, mut high) = (0.0, 4.0 * n);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        let (zeroth, first) = integrals(middle);
        if first / zeroth < length { low = middle } else { high = middle }
    }
    let apart = 1.0 - (own - sine.atan2(cosine)).cos();
    (std::f64::consts::TAU * integrals(low).0).ln() + low * apart
}
