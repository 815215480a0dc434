//! The **conclusion**: from the row to the decision. A pure function.

use super::{Decision, Hit, MOST_REASONS, Standing};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::feature::{Presence, Row};
use crate::policy::{
    Action, Compiled, Evaluation, Facts, MOST_POINTS, Obligations, OnMissing, Points, Policy, Rule, Truth,
    bits_of,
};

/// Memory that conclusions reuse.
#[derive(Debug, Default)]
pub(crate) struct ConclusionWork {
    pub(crate) stack: Vec<Option<u64>>,
    facts: Facts,
    /// By the number of a reason; nothing between two conclusions.
    given: Vec<Given>,
}

/// What the live hits of one reason give together.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    points: i32,
    acts: bool,
    limited: bool,
    /// It is among the reasons, or was found not to be one.
    ranked: bool,
}

/// Runs the rules over the row and fills the decision.
///
/// # Errors
/// [`ErrorKind::Missing`] when a rule with `on_missing = "fail"` reads an absent value.
pub(crate) fn conclude(
    policy: &Policy,
    event: &Event,
    row: &Row,
    work: &mut ConclusionWork,
    decision: &mut Decision,
) -> Result<()> {
    let ConclusionWork { stack, facts, given } = work;
    let compiled = &*policy.0;
    decision.hits.clear();
    decision.missing.clear();
    decision.limits.clear();
    let evaluation = compiled.evaluation(row, event);
    let (mut score, mut relief, mut action, mut strength) = (0i64, 0i64, Action::Allow, 0);
    let mut obligations = Obligations::default();
    compiled.conditions.classify(row, facts);
    for (first, bits) in facts.candidates(compiled.conditions.len()) {
        for bit in bits_of(bits) {
            let number = first + bit;
            let truth = compiled.conditions.truth(number, facts, &evaluation, stack);
            let Some(rule) = compiled.rules.get(number) else {
                let limit = number - compiled.rules.len();
                decision.limits.extend(standing(compiled, limit, truth, row, &decision.hits));
                continue;
            };
            if truth == Truth::False {
                continue;
            }
            let number = number as u16;
            // What a hit is worth can be missing just as whether there is one.
            let points = points(rule, &evaluation, stack);
            if truth == Truth::Missing || points.is_none() {
                decision.missing.push(number);
                match rule.on_missing {
                    OnMissing::Skip => continue,
                    OnMissing::Match => {}
                    // A rule on trial never stops an event.
                    OnMissing::Fail if !rule.live => continue,
                    OnMissing::Fail => return Err(missing(rule, truth)),
                }
            }
            let points = points.unwrap_or(0);
            decision.hits.push(Hit { rule: number, points });
            if rule.live {
                score += i64::from(points.max(0));
                relief -= i64::from(points.min(0));
                action = action.max(rule.action.unwrap_or_default());
                strength = strength.max(rule.strength);
                obligations = obligations | rule.obligations;
            }
        }
    }
    let score = (score - relief.min(compiled.most_relief)).clamp(0, 999) as u16;
    if let Some(band) = compiled.bands.iter().rev().find(|band| band.from <= score) {
        action = action.max(band.action);
        strength = strength.max(band.strength);
    }
    decision.score = score;
    decision.action = action;
    decision.strength = if action == Action::Challenge { strength.max(1) } else { 0 };
    decision.obligations = obligations;
    decision.missing_features = row.missing(compiled.features.len()) as u16;
    rank(&compiled.rules, given, decision);
    if decision.policy.as_ref().is_none_or(|known| !std::sync::Arc::ptr_eq(&known.0, &policy.0)) {
        decision.policy = Some(policy.clone());
    }
    Ok(())
}

/// How the event stands to a limit that it is about.
fn standing(policy: &Compiled, number: usize, about: Truth, row: &Row, hits: &[Hit]) -> Option<Standing> {
    let limit = policy.limits.get(number)?;
    // Hits are in the order of the rules.
    let exceeded = hits.binary_search_by_key(&limit.rule, |hit| hit.rule).is_ok();
    if about != Truth::True && !exceeded {
        return None;
    }
    let read = |place| row.get(place).map(|word| word as i64);
    Some(Standing {
        limit: number as u16,
        ceiling: read(limit.ceiling),
        used: read(limit.used),
        remaining: read(limit.remaining),
        asked: limit.amount.map_or(Some(1), read),
        exceeded,
        approximate: row.presence(limit.remaining) == Presence::Approximate,
    })
}

fn missing(rule: &Rule, truth: Truth) -> Error {
    let what = match truth {
        Truth::Missing => format!("its condition `{}` reads a value that is absent", rule.text),
        _ => "its `points` read a value that is absent, or overflow; where x may be absent write has(x) ? x : 0".to_owned(),
    };
    Error::of_field(ErrorKind::Missing, &rule.id, what)
}

/// `None` where they are missing.
fn points(rule: &Rule, evaluation: &Evaluation<'_>, stack: &mut Vec<Option<u64>>) -> Option<i32> {
    let points = match &rule.points {
        Points::Constant(points) => return Some(*points),
        Points::Integer(program) => program.run(evaluation, stack)? as i64,
        // Casts saturate, and NaN becomes 0: points that are no number are none.
        Points::Number(program) => libm::round(f64::from_bits(program.run(evaluation, stack)?)) as i64,
    };
    Some(points.clamp(-MOST_POINTS, MOST_POINTS) as i32)
}

/// Sums the points of each reason and keeps the highest. Limits give none, but that one was hit is never left out for
/// others' points. Leaves `given` as it was.
fn rank(rules: &[Rule], given: &mut Vec<Given>, decision: &mut Decision) {
    let Decision { hits, reasons, .. } = decision;
    reasons.clear();
    if given.len() < rules.len() {
        given.resize(rules.len(), Given::default());
    }
    let live = |hit: &Hit| rules.get(usize::from(hit.rule)).filter(|rule| rule.live);
    for hit in hits.iter() {
        let Some(rule) = live(hit) else { continue };
        let Some(given) = given.get_mut(usize::from(rule.reason_number)) else { continue };
        given.points = given.points.saturating_add(hit.points);
        given.acts |= rule.acts();
        given.limited |= rule.is_limit;
    }
    for number in hits.iter().filter_map(live).map(|rule| rule.reason_number) {
        let Some(reason) = given.get_mut(usize::from(number)) else { continue };
        if std::mem::replace(&mut reason.ranked, true) || reason.points <= 0 && !reason.acts {
            continue;
        }
        let (points, limited) = (reason.points, reason.limited);
        // Equal points stay in the order of the policy.
        let mut place = reasons.iter().position(|known| known.points < points).unwrap_or(reasons.len());
        if reasons.len() == MOST_REASONS {
            let of = |known: &Hit| given.get(usize::from(known.rule));
            let least = reasons.iter().rposition(|known| of(known).is_some_and(|given| !given.limited));
            let Some(least) = least.filter(|least| *least >= place || limited) else { continue };
            reasons.remove(least);
            place -= usize::from(least < place);
        }
        reasons.insert(place, Hit { rule: number, points });
    }
    for rule in hits.iter().filter_map(live) {
        if let Some(given) = given.get_mut(usize::from(rule.reason_number)) {
            *given = Given::default();
        }
    }
}
