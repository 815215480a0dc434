//! One call on one event: its entities are held, scored, and changed.

use std::sync::Arc;

use smallvec::SmallVec;

use super::Engine;
use super::challenger::Challenger;
use super::hold::Held;
use super::probe::Probe;
use super::ruling::Ruling;
use crate::decision::{ConclusionWork, Decision, conclude};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Field, Label, OUTCOMES, Outcome};
use crate::feature::{Moment, Plan, Route, Row, TablePlan, Workspace, derive, visit};
use crate::policy::{Cause, Compiled, Policy};
use crate::state::{Entry, History, Learnt, List, Reader, Shard, Spares, Writer};

/// Policies for which a thread keeps memory: it may serve many tenants in turn.
const MOST_SCRATCHES: usize = 16;

/// Memory that the calls of a thread reuse, for the policies that it met last.
#[derive(Debug, Default)]
pub(super) struct Scratches {
    last: Box<Scratch>,
    /// Those before, the latest first.
    #[allow(clippy::vec_box, reason = "they are large and change places")]
    earlier: Vec<Box<Scratch>>,
}

impl Scratches {
    /// What was worked out for another policy, such as the bounds of its calendar's days, does not serve this one.
    pub(super) fn of(&mut self, policy: &Policy) -> &mut Scratch {
        if !is_same(self.last.policy.as_ref(), policy) {
            self.turn_to(policy);
        }
        &mut self.last
    }

    #[inline(never)]
    fn turn_to(&mut self, policy: &Policy) {
        let known = self.earlier.iter().position(|scratch| is_same(scratch.policy.as_ref(), policy));
        let next = match known {
            Some(place) => self.earlier.remove(place),
            None => Box::new(Scratch { policy: Some(policy.clone()), ..Scratch::default() }),
        };
        self.earlier.truncate(MOST_SCRATCHES - 2);
        let last = std::mem::replace(&mut self.last, next);
        if last.policy.is_some() {
            self.earlier.insert(0, last);
        }
    }
}

/// Memory that calls reuse for one policy.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) route: Route,
    pub(super) row: Row,
    conclusion: ConclusionWork,
    workspace: Workspace,
    /// Memory for histories to grow into.
    spares: Spares,
    /// Where a call keeps what it holds; empty between calls.
    pub(super) held: Vec<Option<Held<'static>>>,
    /// Makes the reading of memory count that is only fetched.
    pub(super) touched: u64,
    trial: Trial,
    /// The journal's frame that is done again.
    pub(super) frame: Option<u64>,
    /// The policy that all of this is about.
    policy: Option<Policy>,
}

/// Memory that calls reuse for a challenger.
#[derive(Debug, Default)]
struct Trial {
    route: Route,
    row: Row,
    conclusion: ConclusionWork,
    workspace: Workspace,
    /// The lists that it asks; empty between calls.
    lists: Vec<Arc<List>>,
    policy: Option<Policy>,
}

fn is_same(known: Option<&Policy>, policy: &Policy) -> bool {
    known.is_some_and(|known| Arc::ptr_eq(&known.0, &policy.0))
}

/// An event that was routed, with all its entities held until the call ends.
pub(super) struct Call<'a> {
    pub(super) engine: &'a Engine,
    pub(super) ruling: &'a Ruling,
    /// The ruling's lists, as they were when its entities were held.
    pub(super) lists: &'a [Arc<List>],
    pub(super) scratch: &'a mut Scratch,
    /// One for each table of the plan.
    pub(super) held: Vec<Option<Held<'a>>>,
    /// Of the key that the tokens were made with.
    pub(super) era: u8,
}

/// Lets go, and leaves the room to the next call: a policy may have any number of tables.
impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        held.clear();
        // Of nothing that is held the lifetime does not matter; the memory stays.
        self.scratch.held = held.into_iter().map(|_| None).collect();
    }
}

impl<'a> Call<'a> {
    /// Whether any entity holds the event already.
    pub(super) fn is_repeated(&self) -> bool {
        let id = self.scratch.route.id;
        let plans = &self.ruling.policy.0.plan.tables;
        plans.iter().zip(&self.held).any(|(plan, held)| {
            held.as_ref().is_some_and(|held| {
                let slot = held.place.and_then(|place| held.shard.slot(place));
                slot.is_some_and(|slot| slot.history.view(&plan.shape).position_of(id).is_some())
            })
        })
    }

    fn route(&mut self, event: &Event) {
        let Scratch { route, row, .. } = &mut *self.scratch;
        route.follow(&self.ruling.policy.0, &self.ruling.keyring, event, row);
    }

    pub(super) fn evaluate(&mut self, event: &Event) {
        let Scratch { route, row, conclusion, .. } = &mut *self.scratch;
        route.evaluate(&self.ruling.policy.0, event, row, &mut conclusion.stack);
    }

    /// Fills the decision.
    pub(super) fn score(&mut self, event: &Event, decision: &mut Decision) -> Result<()> {
        let repeated = self.is_repeated();
        // What is learnt later is unknown while deciding, even where the caller's table has it beside the event.
        if event.has(Field::LABEL) {
            let mut unlabelled = event.clone();
            unlabelled.unset(Field::LABEL);
            self.route(&unlabelled);
            self.evaluate(&unlabelled);
        } else {
            self.evaluate(event);
        }
        let Call { ruling, lists, scratch, held, .. } = self;
        let Scratch { route, row, conclusion, workspace, .. } = &mut **scratch;
        let compiled = &*ruling.policy.0;
        let time = event.integer(Field::TIME).unwrap_or(0);
        let detail = decision.detailed.then_some(&mut *decision);
        let probe = Probe { policy: compiled, lists, keyring: &ruling.keyring, era: ruling.keys.era };
        let known_before = probe.run(route, event, time, row, detail);
        if !known_before.is_empty() {
            self.engine.move_members(ruling, known_before);
        }
        let Route { id, masks, cells, .. } = route;
        let moment = Moment { time, id: *id, repeated, masks, cells, lists };
        let nobody = History::default();
        for (plan, held) in compiled.plan.tables.iter().zip(held.iter()) {
            let Some(held) = held else { continue };
            let slot = held.place.and_then(|place| held.shard.slot(place));
            let history = slot.map_or(&nobody, |slot| &slot.history);
            visit(plan, history, &moment, &compiled.calendar, workspace, row)
                .map_err(|place| overflow(compiled, place))?;
        }
        derive(compiled, event, row, &mut conclusion.stack);
        conclude(&ruling.policy, event, row, conclusion, decision)?;
        decision.repeated = repeated;
        decision.key_id = ruling.keys.present.id();
        if decision.detailed {
            decision.row.copy_from(row);
            decision.tokens.clone_from(&route.tokens);
            decision.event_id = ruling.keyring.event_id(event);
        }
        match self.engine.on_trial.get() {
            Some(challenger) if challenger.generation == self.ruling.generation => {
                self.try_challenger(&challenger, event, repeated, decision);
            }
            _ => decision.challenger = None,
        }
        Ok(())
    }

    /// Lets the challenger decide on what was scored. Nothing but its own decision comes of it.
    #[inline(never)]
    fn try_challenger(
        &mut self,
        challenger: &Challenger,
        event: &Event,
        repeated: bool,
        decision: &mut Decision,
    ) {
        let Call { ruling, lists: all, scratch, held, .. } = self;
        let Scratch { row: live, trial, .. } = &mut **scratch;
        if !is_same(trial.policy.as_ref(), &challenger.policy) {
            *trial = Trial { policy: Some(challenger.policy.clone()), ..Trial::default() };
        }
        let Trial { route, row, conclusion, workspace, lists, .. } = trial;
        let policy = &*challenger.policy.0;
        // What makes a live policy refuse an event makes a challenger silent.
        if !policy.required.iter().all(|field| event.has(*field)) {
            decision.challenger = None;
            return;
        }
        let time = event.integer(Field::TIME).unwrap_or(0);
        let unlabelled = event.has(Field::LABEL).then(|| {
            let mut unlabelled = event.clone();
            unlabelled.unset(Field::LABEL);
            unlabelled
        });
        let event = unlabelled.as_ref().unwrap_or(event);
        route.follow(policy, &challenger.keyring, event, row);
        route.evaluate(policy, event, row, &mut conclusion.stack);
        let mut own = decision.challenger.take().unwrap_or_default();
        own.detailed = decision.detailed;
        let detail = own.detailed.then_some(&mut *own);
        lists.extend(challenger.lists.iter().filter_map(|number| all.get(*number).map(Arc::clone)));
        Probe { policy, lists, keyring: &challenger.keyring, era: ruling.keys.era }
            .run(route, event, time, row, detail);
        for (from, to) in &challenger.shared {
            row.set(*to, live.get(*from), live.presence(*from));
        }
        let Route { id, masks, cells, .. } = &*route;
        let moment = Moment { time, id: *id, repeated, masks, cells, lists };
        let nobody = History::default();
        let mut done = true;
        for (number, plan) in &challenger.plans {
            let table = ruling.policy.0.plan.tables.get(*number);
            let Some((held, _)) = held.get(*number).and_then(Option::as_ref).zip(table) else { continue };
            let slot = held.place.and_then(|place| held.shard.slot(place));
            let history = slot.map_or(&nobody, |slot| &slot.history);
            done &= visit(plan, history, &moment, &policy.calendar, workspace, row).is_ok();
        }
        lists.clear();
        derive(policy, event, row, &mut conclusion.stack);
        done &= conclude(&challenger.policy, event, row, conclusion, &mut own).is_ok();
        own.repeated = repeated;
        own.key_id = decision.key_id;
        if own.detailed {
            own.row.copy_from(row);
            own.tokens.clone_from(&route.tokens);
            own.event_id = decision.event_id;
        }
        decision.challenger = Some(own).filter(|_| done);
    }

    /// Records an event that was evaluated and found new in the history of each of its entities, and puts on lists what
    /// it brings there. False when another policy has come into force: then nothing has changed.
    pub(super) fn remember(&mut self, event: &Event, denied: bool) -> bool {
        let time = event.integer(Field::TIME).unwrap_or(0);
        let label = event.text(Field::LABEL).and_then(Label::named);
        let by_label = label.map(|_| self.masks_by_label(event));
        let route = &self.scratch.route;
        // A label that is learnt later takes effect later; without a time of its own it counts from the event on.
        let labelled_at = event.integer(Field::LABELLED_AT).filter(|at| *at > time && route.id != 0);
        let number = label.filter(|_| labelled_at.is_none()).map_or(0, |label| label as u8);
        let masks = by_label.as_ref().and_then(|masks| masks.get(usize::from(number)));
        let outcome = event.text(Field::OUTCOME).and_then(Outcome::named).map_or(0, |outcome| outcome as u8);
        self.engine.clock.advance_to(time);
        let recorded = Recorded {
            time,
            latest: self.engine.clock.as_of(time),
            outcome,
            label: number,
            masks: SmallVec::from_slice(masks.unwrap_or(&route.masks)),
            later: match (label, labelled_at, by_label) {
                (Some(label), Some(at), Some(by_label)) => {
                    let (label, before) = (Some((label as u8, at)), by_label.clone());
                    Some(Known { time, outcome, label, label_before: 0, before, by_label })
                }
                _ => None,
            },
        };
        // Lists know no later time: whoever replays the past states a label when it is learnt.
        let known_at = labelled_at.unwrap_or(time);
        let is_known = self.engine.clock.latest().is_some_and(|latest| known_at <= latest);
        let by_label = label.filter(|_| is_known).map(|label| (cause_of(label), known_at));
        let causes: SmallVec<[_; 2]> =
            by_label.into_iter().chain(denied.then_some((Cause::Deny, time))).collect();
        let Some(fed) = self.feed(event, &causes) else { return false };
        if !self.engine.journal.recorded(self.ruling, self.scratch, &recorded, &fed.changes(self.ruling)) {
            return false;
        }
        self.put_on_lists(fed);
        self.apply(&recorded, None);
        true
    }

    /// Records what was routed. `frame` is the number of the journal's frame that says so, when it is done again:
    /// then what a snapshot contained already is left alone.
    pub(super) fn apply(&mut self, recorded: &Recorded, frame: Option<u64>) {
        if frame.is_some() {
            self.engine.clock.advance_to(recorded.time);
        }
        let Call { ruling, scratch, held, era, .. } = self;
        let Scratch { route, spares, .. } = &mut **scratch;
        let plan = &ruling.policy.0.plan;
        let Recorded { time, latest, outcome, label, masks, later } = recorded;
        let entry = Entry { time: *time, id: route.id, masks, outcome: *outcome, label: *label };
        let turns = route.turn()..;
        let tables = plan.tables.iter().zip(&ruling.tables).zip(held.iter_mut());
        for (turn, ((table_plan, table), held)) in turns.zip(tables) {
            let Some(held) = held else { continue };
            let token = held.token;
            if frame.is_some_and(|frame| frame <= table.restored_until(token)) {
                continue;
            }
            let horizon = table_plan.retention.map(|retention| latest - retention - 1);
            let place = held.place.unwrap_or_else(|| {
                held.shard.sweep(Shard::rounds(turn), horizon, spares);
                held.shard.welcome(token, (ruling.generation, *era))
            });
            let Some(slot) = held.shard.slot_mut(place) else { continue };
            let history = &mut slot.history;
            let before = history.len();
            let TablePlan { shape, budget, .. } = table_plan;
            let cells = table_plan.cells(&route.cells);
            // What is too old makes room first, so that it takes none in the panes.
            horizon.iter().for_each(|horizon| history.forget_until(shape, *horizon));
            if route.previous.is_some() {
                rekey_samples(plan, table_plan, route, history, masks);
            }
            history.insert((shape, budget), &entry, cells, spares);
            if let Some(later) = later {
                history.revise(shape, budget, &later.learnt(route.id, plan.revisable()), cells);
            }
            if let Some(horizon) = horizon.filter(|horizon| time <= horizon) {
                history.forget_until(shape, horizon);
            }
            held.shard.recorded(place, before, *time, table.shard_budget(), spares);
        }
    }

    /// The event's bits without a label and with each of the two. Leaves the event routed.
    fn masks_by_label(&mut self, event: &Event) -> [Vec<u64>; 3] {
        let mut labelled = event.clone();
        [None, Some(Label::Fraud), Some(Label::Genuine)].map(|label| {
            labelled.unset(Field::LABEL);
            if let Some(label) = label {
                // The two labels are always in the field's domain.
                let _ = labelled.set(Field::LABEL, label.as_str());
            }
            self.route(&labelled);
            self.evaluate(&labelled);
            self.scratch.route.masks.clone()
        })
    }

    /// The same with an outcome, given by its number.
    fn masks_by_outcome(&mut self, event: &Event, outcome: u8) -> Result<[Vec<u64>; 3]> {
        let mut resolved = event.clone();
        match usize::from(outcome).checked_sub(1).and_then(|number| OUTCOMES.get(number)) {
            Some(name) => resolved.set(Field::OUTCOME, &**name)?,
            None => resolved.unset(Field::OUTCOME),
        }
        Ok(self.masks_by_label(&resolved))
    }

    /// Takes in what was learnt about a recorded event; false when nothing remembers it. `None` when another policy has
    /// come into force: then nothing has changed.
    pub(super) fn learn(
        &mut self,
        event: &Event,
        outcome: Option<Outcome>,
        label: Option<(Label, i64)>,
    ) -> Result<Option<bool>> {
        let id = self.scratch.route.id;
        let known = {
            let plans = &self.ruling.policy.0.plan.tables;
            plans.iter().zip(&self.held).find_map(|(plan, held)| {
                let held = held.as_ref()?;
                held.shard.slot(held.place?)?.history.known(&plan.shape, id)
            })
        };
        let Some((time, outcome_before, label_before)) = known else { return Ok(Some(false)) };
        let outcome = outcome.map_or(outcome_before, |outcome| outcome as u8);
        let known = Known {
            time,
            outcome,
            label: label.map(|(label, at)| (label as u8, at)),
            label_before,
            before: self.masks_by_outcome(event, outcome_before)?,
            by_label: self.masks_by_outcome(event, outcome)?,
        };
        let cause = label.map(|(label, at)| (cause_of(label), at));
        let Some(fed) = self.feed(event, cause.as_slice()) else { return Ok(None) };
        if !self.engine.journal.learnt(self.ruling, self.scratch, &known, &fed.changes(self.ruling)) {
            return Ok(None);
        }
        self.put_on_lists(fed);
        self.apply_known(&known, None);
        Ok(Some(true))
    }

    /// Takes in what was learnt about the routed event; `frame` as in [`apply`](Call::apply).
    pub(super) fn apply_known(&mut self, known: &Known, frame: Option<u64>) {
        let Scratch { route, .. } = &*self.scratch;
        let all = &self.ruling.policy.0.plan;
        let learnt = known.learnt(route.id, all.revisable());
        for ((plan, table), held) in all.tables.iter().zip(&self.ruling.tables).zip(&mut self.held) {
            let Some(Held { token, shard, place: Some(place), .. }) = held else { continue };
            if frame.is_some_and(|frame| frame <= table.restored_until(*token)) {
                continue;
            }
            if let Some(slot) = shard.slot_mut(*place) {
                if route.previous.is_some() {
                    rekey_samples(all, plan, route, &mut slot.history, known.masks());
                }
                slot.history.revise(&plan.shape, &plan.budget, &learnt, plan.cells(&route.cells));
                shard.learnt(*place, table.shard_budget());
            }
        }
    }
}

/// The event is about to be seen by a history's samples, with these bits.
#[cold]
fn rekey_samples(plan: &Plan, table: &TablePlan, route: &Route, history: &mut History, masks: &[u64]) {
    if history.panes().is_some() {
        history.rekey_samples(&table.shape, &table.budget, &route.rekeying(plan, table), masks);
    }
}

/// An event on its way into its histories, beside what the route found.
pub(super) struct Recorded {
    pub(super) time: i64,
    /// The latest time seen then, as far as it matters: what is too old is dropped by it.
    latest: i64,
    outcome: u8,
    label: u8,
    masks: SmallVec<[u64; 4]>,
    /// A label that takes effect later.
    later: Option<Known>,
}

/// What is known of an event after it was learnt.
pub(super) struct Known {
    /// When the event happened.
    pub(super) time: i64,
    outcome: u8,
    label: Option<(u8, i64)>,
    label_before: u8,
    /// The event's bits without a label and with each of the two, with the outcome that was known before.
    before: [Vec<u64>; 3],
    /// The same with the outcome that is known now.
    by_label: [Vec<u64>; 3],
}

impl Recorded {
    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.time(self.time);
        to.time(self.latest);
        to.byte(self.outcome);
        to.byte(self.label);
        to.words(&self.masks);
        to.byte(u8::from(self.later.is_some()));
        if let Some(later) = &self.later {
            later.write(to);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Recorded> {
        Some(Recorded {
            time: from.time().filter(|time| *time >= 0)?,
            latest: from.time()?,
            outcome: from.byte()?,
            label: from.byte()?,
            masks: from.words()?.into(),
            later: if from.byte()? == 1 { Some(Known::read(from)?) } else { None },
        })
    }
}

impl Known {
    /// The event's bits as they are known now.
    fn masks(&self) -> &[u64] {
        let label = self.label.map_or(self.label_before, |(label, _)| label);
        self.by_label.get(usize::from(label)).map_or(&[], Vec::as_slice)
    }

    fn learnt<'a>(&'a self, id: u64, revisable: &'a [u64]) -> Learnt<'a> {
        let Known { time, outcome, label, label_before, before, by_label } = self;
        let (time, outcome, label, label_before) = (*time, *outcome, *label, *label_before);
        Learnt { id, time, outcome, label, by_label, before, label_before, revisable }
    }

    pub(super) fn write(&self, to: &mut Writer<'_>) {
        to.time(self.time);
        to.byte(self.outcome);
        to.byte(self.label_before);
        to.byte(u8::from(self.label.is_some()));
        if let Some((label, at)) = self.label {
            to.byte(label);
            to.time(at);
        }
        for masks in self.before.iter().chain(&self.by_label) {
            to.words(masks);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Known> {
        Some(Known {
            time: from.time()?,
            outcome: from.byte()?,
            label_before: from.byte()?,
            label: if from.byte()? == 1 { Some((from.byte()?, from.time()?)) } else { None },
            before: [from.words()?, from.words()?, from.words()?],
            by_label: [from.words()?, from.words()?, from.words()?],
        })
    }
}

fn cause_of(label: Label) -> Cause {
    match label {
        Label::Fraud => Cause::Fraud,
        Label::Genuine => Cause::Genuine,
    }
}

fn overflow(policy: &Compiled, place: u16) -> Error {
    let name = policy.features.get(usize::from(place)).map_or("", |plan| plan.name.as_str());
    Error::of_field(ErrorKind::Overflow, name, "the sum over its window does not fit 64 bits")
}
