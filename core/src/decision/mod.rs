//! What the engine answers: score, action, obligations, reasons, and how they came about.

mod conclude;
mod explain;
mod record;

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

pub(crate) use conclude::{ConclusionWork, conclude};
pub use explain::{ExplainedListing, ExplainedRule, Explanation};
pub use record::{DecisionRecord, RecordedLimit, RecordedListVersion, RecordedReason, RecordedValue};

use crate::event::Field;
use crate::feature::{Presence, Row, Value};
use crate::locale::Level;
use crate::policy::{Action, FeaturePlan, Obligations, Policy};
use crate::state::{Class, ListVersion};

/// How many reasons a decision reports.
pub const MOST_REASONS: usize = 8;

/// One reason of a decision, with the points of all rules that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    code: &'a str,
    points: i32,
}

impl<'a> Reason<'a> {
    /// The reason code, as the policy writes it.
    pub fn code(&self) -> &'a str {
        self.code
    }

    /// The points that it added to the score.
    pub fn points(&self) -> i32 {
        self.points
    }
}

/// A rule whose condition held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleHit<'a> {
    id: &'a str,
    reason: &'a str,
    points: i32,
    live: bool,
}

impl<'a> RuleHit<'a> {
    /// The rule's id.
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// Its reason code.
    pub fn reason(&self) -> &'a str {
        self.reason
    }

    /// The points that it added, or would have added in shadow.
    pub fn points(&self) -> i32 {
        self.points
    }

    /// Whether it counted; hits of shadow rules change nothing.
    pub fn is_live(&self) -> bool {
        self.live
    }
}

/// The value of one feature in a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureValue<'a> {
    name: &'a str,
    value: Value,
    approximate: bool,
}

impl<'a> FeatureValue<'a> {
    /// The feature's name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Its value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Whether part of what it covers has been forgotten.
    pub fn is_approximate(&self) -> bool {
        self.approximate
    }
}

/// What a list says of an identifier of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    list: &'a str,
    field: &'a str,
    class: &'a Class,
    level: Option<Level>,
}

impl<'a> Listed<'a> {
    /// The list.
    pub fn list(&self) -> &'a str {
        self.list
    }

    /// The field with the identifier.
    pub fn field(&self) -> &'a str {
        self.field
    }

    /// 0 to 100.
    pub fn severity(&self) -> u8 {
        self.class.severity
    }

    /// Why it is listed; empty when nobody said.
    pub fn reason(&self) -> &'a str {
        &self.class.reason
    }

    /// Who says so; empty when nobody said.
    pub fn source(&self) -> &'a str {
        &self.class.source
    }

    /// The level down to which a postal address agrees with the member; `None` of lists of other kinds.
    pub fn level(&self) -> Option<Level> {
        self.level
    }
}

/// A limit that an event is about, and what is left of it. Amounts are in minor units of the policy's currency;
/// a limit of events counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStanding<'a> {
    name: &'a str,
    standing: Standing,
    live: bool,
}

impl<'a> LimitStanding<'a> {
    /// The limit's name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// How much is allowed; `None` when it cannot be told of this event.
    pub fn ceiling(&self) -> Option<i64> {
        self.standing.ceiling
    }

    /// How much was used before the event; `None` when the event lacks the entity.
    pub fn used(&self) -> Option<i64> {
        self.standing.used
    }

    /// How much remained before the event, 0 at least.
    pub fn remaining(&self) -> Option<i64> {
        self.standing.remaining
    }

    /// How much the event asks for: its amount, or 1; `None` without an amount in the policy's currency.
    pub fn asked(&self) -> Option<i64> {
        self.standing.asked
    }

    /// Whether the event asks for more than remained, or cannot be compared and the limit's `on_missing` says that it
    /// counts as more.
    pub fn is_exceeded(&self) -> bool {
        self.standing.exceeded
    }

    /// Whether part of what was used has been forgotten or summed up.
    pub fn is_approximate(&self) -> bool {
        self.standing.approximate
    }

    /// Whether it counts; limits in shadow change nothing.
    pub fn is_live(&self) -> bool {
        self.live
    }
}

/// For people: `daily_charge: 42000 of 50000 used, 8000 remaining, 12000 asked: exceeded`.
impl fmt::Display for LimitStanding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Standing { used, ceiling, remaining, asked, exceeded, approximate, .. } = self.standing;
        let [used, ceiling, remaining, asked] =
            [used, ceiling, remaining, asked].map(|amount| amount.map_or(Value::Missing, Value::Integer));
        let about = if approximate { "about " } else { "" };
        write!(
            f,
            "{}: {about}{used} of {ceiling} used, {about}{remaining} remaining, {asked} asked",
            self.name
        )?;
        f.write_str(if exceeded { ": exceeded" } else { "" })?;
        f.write_str(if self.live { "" } else { " (shadow)" })
    }
}

/// The same by the number of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u16,
    pub(crate) ceiling: Option<i64>,
    pub(crate) used: Option<i64>,
    pub(crate) remaining: Option<i64>,
    pub(crate) asked: Option<i64>,
    pub(crate) exceeded: bool,
    pub(crate) approximate: bool,
}

/// A list by its number, and a field that is on it.
#[derive(Clone, Debug)]
pub(crate) struct ListHit {
    pub(crate) list: usize,
    pub(crate) field: Field,
    pub(crate) class: Arc<Class>,
    pub(crate) level: Option<Level>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Hit {
    pub(crate) rule: u16,
    pub(crate) points: i32,
}

/// What the engine decided on one event.
///
/// Up to 8 reasons, 32 hits, 16 missing conditions and 4 limits are held in place; a decision that is reused through
/// [`Engine::assess_into`](crate::Engine::assess_into) allocates nothing beyond that either.
#[derive(Clone, Default)]
pub struct Decision {
    pub(crate) policy: Option<Policy>,
    pub(crate) score: u16,
    pub(crate) action: Action,
    pub(crate) strength: u8,
    pub(crate) obligations: Obligations,
    pub(crate) repeated: bool,
    pub(crate) missing_features: u16,
    /// Of the rules that first gave each reason, highest points first.
    pub(crate) reasons: SmallVec<[Hit; MOST_REASONS]>,
    pub(crate) hits: SmallVec<[Hit; 32]>,
    pub(crate) missing: SmallVec<[u16; 16]>,
    pub(crate) limits: SmallVec<[Standing; 4]>,
    pub(crate) detailed: bool,
    pub(crate) row: Row,
    pub(crate) tokens: Vec<Option<crate::event::token::Token>>,
    pub(crate) event_id: Option<crate::event::token::Token>,
    pub(crate) key_id: u32,
    pub(crate) listed: Vec<ListHit>,
    /// One for each list of the policy.
    pub(crate) list_versions: Vec<ListVersion>,
    pub(crate) challenger: Option<Box<Decision>>,
}

impl Decision {
    /// An empty decision, to be filled and reused.
    pub fn new() -> Decision {
        Decision::default()
    }

    /// An empty decision that keeps feature values when it is filled: for [`features`](Decision::features),
    /// [`explain`](Decision::explain) and [`record`](Decision::record).
    pub fn detailed() -> Decision {
        Decision { detailed: true, ..Decision::default() }
    }

    /// Makes it empty again, as after a call that failed, so that its answer is never taken for another event's.
    pub fn clear(&mut self) {
        *self = Decision { detailed: self.detailed, ..Decision::default() };
    }

    /// 0 to 999: the sum of the points of all live hits, clamped.
    pub fn score(&self) -> u16 {
        self.score
    }

    /// The highest action among the score's band and the live hits.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The assurance level that a challenge must reach, 1 to 4; 0 unless the action is challenge.
    pub fn strength(&self) -> u8 {
        self.strength
    }

    /// What has to be done beside the action.
    pub fn obligations(&self) -> Obligations {
        self.obligations
    }

    /// Whether the event's id was recorded before; then nothing was recorded now.
    pub fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// The reasons of live hits, most points first, at most [`MOST_REASONS`]; each code once. Rules that only
    /// lower the score give none. Those of limits have no points, and come before others are left out.
    pub fn reasons(&self) -> impl ExactSizeIterator<Item = Reason<'_>> {
        self.reasons.iter().map(|hit| {
            let code = self.rule(hit.rule).map_or("", |rule| rule.reason.as_str());
            Reason { code, points: hit.points }
        })
    }

    /// Every rule whose condition held, shadow rules among them, in the order of the policy.
    pub fn hits(&self) -> impl ExactSizeIterator<Item = RuleHit<'_>> {
        self.hits.iter().map(|hit| {
            let rule = self.rule(hit.rule);
            RuleHit {
                id: rule.map_or("", |rule| rule.id.as_str()),
                reason: rule.map_or("", |rule| rule.reason.as_str()),
                points: hit.points,
                live: rule.is_some_and(|rule| rule.live),
            }
        })
    }

    /// The ids of rules whose condition, or points, read an absent value that nothing absorbed.
    pub fn missing_rules(&self) -> impl ExactSizeIterator<Item = &str> {
        self.missing.iter().map(|rule| self.rule(*rule).map_or("", |rule| rule.id.as_str()))
    }

    /// The limits that the event is about, in the order of the policy, and what was left of each before it; limits in
    /// shadow are among them.
    pub fn limits(&self) -> impl ExactSizeIterator<Item = LimitStanding<'_>> {
        self.limits.iter().map(|standing| {
            let plan =
                self.policy.as_ref().and_then(|policy| policy.0.limits.get(usize::from(standing.limit)));
            let rule = plan.and_then(|plan| self.rule(plan.rule));
            LimitStanding {
                name: plan.map_or("", |plan| plan.name.as_str()),
                standing: *standing,
                live: rule.is_some_and(|rule| rule.live),
            }
        })
    }

    /// How many features had nothing to be computed from.
    pub fn missing_features(&self) -> usize {
        usize::from(self.missing_features)
    }

    /// What the challenger would have decided, while there is one; see
    /// [`Engine::challenge_with`](crate::Engine::challenge_with). It has changed nothing.
    pub fn challenger(&self) -> Option<&Decision> {
        self.challenger.as_deref()
    }

    /// The features in the order of the policy; empty unless the decision is a
    /// [detailed](Decision::detailed) one.
    pub fn features(&self) -> impl Iterator<Item = FeatureValue<'_>> {
        let plans = self.policy.iter().filter(|_| self.detailed).flat_map(|policy| &policy.0.features);
        (0u16..).zip(plans).map(|(place, plan)| self.feature_value(place, plan))
    }

    fn feature_value<'a>(&self, place: u16, plan: &'a FeaturePlan) -> FeatureValue<'a> {
        FeatureValue {
            name: &plan.name,
            value: Value::of_word(self.row.get(place), plan.value_type),
            approximate: self.row.presence(place) == Presence::Approximate,
        }
    }

    /// The feature at a place of the policy; `None` unless the decision is a [detailed](Decision::detailed) one.
    pub fn feature(&self, place: usize) -> Option<FeatureValue<'_>> {
        let plan = self.policy.as_ref().filter(|_| self.detailed)?.0.features.get(place)?;
        Some(self.feature_value(u16::try_from(place).ok()?, plan))
    }

    /// The 64 bits of a feature by its place in the policy; `None` when it is missing or nothing was kept.
    pub fn feature_bits(&self, place: usize) -> Option<u64> {
        let known = self.policy.as_ref().is_some_and(|policy| place < policy.0.features.len());
        if known && self.detailed { self.row.get(u16::try_from(place).ok()?) } else { None }
    }

    /// What the lists that the policy asks say of the event, each identifier that is on one once; empty unless the
    /// decision is a [detailed](Decision::detailed) one.
    pub fn listed(&self) -> impl Iterator<Item = Listed<'_>> {
        self.listed.iter().filter_map(|hit| {
            let policy = &*self.policy.as_ref()?.0;
            let list = &policy.lists.get(hit.list)?.name;
            Some(Listed { list, field: policy.schema.name(hit.field), class: &hit.class, level: hit.level })
        })
    }

    /// Which version each list had, by its name; empty unless the decision is a [detailed](Decision::detailed) one.
    pub fn list_versions(&self) -> impl ExactSizeIterator<Item = (&str, &ListVersion)> {
        let name = |number: usize| Some(self.policy.as_ref()?.0.lists.get(number)?.name.as_str());
        let versions = self.list_versions.iter().enumerate();
        versions.map(move |(number, version)| (name(number).unwrap_or_default(), version))
    }

    /// The policy that decided; `None` before the first use.
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    fn rule(&self, number: u16) -> Option<&crate::policy::Rule> {
        self.policy.as_ref()?.0.rules.get(usize::from(number))
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<&str> = self.reasons().map(|reason| reason.code).collect();
        f.debug_struct("Decision")
            .field("score", &self.score)
            .field("action", &self.action)
            .field("obligations", &self.obligations)
            .field("reasons", &reasons)
            .finish_non_exhaustive()
    }
}
