//! Engine = policy + state: the one place that joins the rooms.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::decision::{ConclusionWork, Decision, conclude};
use crate::error::{Error, ErrorKind, Result};
use crate::event::time::{DAY, format_duration};
use crate::event::token::{HashKey, Token, Tokenizer};
use crate::event::{Event, Field, Label, Outcome, canonical};
use crate::feature::{Keyring, Moment, Route, Row, Workspace, ratios, visit};
use crate::policy::{Compiled, ListPlan, Policy, parse_network};
use crate::state::{EntityTable, Entry, Learnt, List, ListEntry, Lists, State};

mod learn;
mod swap;

pub use swap::SwapReport;

/// How much a table remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStatistics {
    /// The entity's name, as in `by`.
    pub name: String,
    /// Entities with a history.
    pub entities: usize,
    /// Events that histories hold exactly.
    pub events: usize,
    /// Bytes that all histories take, those included that heavy entities have for events beyond that.
    pub bytes: usize,
}

/// Scores events against a policy and what it remembers.
///
/// An engine may be shared between threads; calls take turns.
///
/// ```
/// use sekisho::{Action, Engine, Event, HashKey, Policy};
///
/// let policy = Policy::from_toml(r#"
///     [policy]
///     name = "example"
///     version = "1"
///     currency = "JPY"
///
///     [[feature]]
///     name = "accounts_of_ip_10m"
///     aggregate = "distinct"
///     of = "account"
///     by = ["ip"]
///     over = "10m"
///     where = 'type == "login" && outcome == "failed"'
///
///     [[rule]]
///     id = "stuffing"
///     when = 'accounts_of_ip_10m >= 3'
///     points = 900
///     reason = "CREDENTIAL_STUFFING"
///
///     [decision]
///     bands = [{ from = 0, action = "allow" }, { from = 850, action = "deny" }]
/// "#)?;
/// let engine = Engine::new(policy, HashKey::new(1, *b"32 secret bytes of the host ...."));
/// let mut last = None;
/// for n in 0..4 {
///     let event = Event::of("login", 1_767_225_600_000 + n * 1_000)?
///         .with("account", &format!("a-{n}"))?
///         .with("ip", "203.0.113.7")?
///         .with("outcome", "failed")?;
///     last = Some(engine.assess(&event)?);
/// }
/// let decision = last.expect("four events were assessed");
/// assert_eq!(decision.action(), Action::Deny);
/// assert_eq!(decision.reasons().next().map(|reason| reason.code()), Some("CREDENTIAL_STUFFING"));
/// # Ok::<(), sekisho::Error>(())
/// ```
pub struct Engine {
    key: HashKey,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    policy: Policy,
    keyring: Keyring,
    state: State,
    scratch: Scratch,
}

/// Memory that calls reuse.
#[derive(Debug, Default)]
struct Scratch {
    route: Route,
    row: Row,
    conclusion: ConclusionWork,
    workspace: Workspace,
    /// Where each table keeps the event's entity.
    places: Vec<Option<u32>>,
    /// The cells that one table remembers of the event.
    cells: Vec<Option<u64>>,
}

impl Engine {
    /// An engine that remembers nothing yet. The key stays in memory and is wiped with the engine.
    pub fn new(policy: Policy, key: HashKey) -> Engine {
        let keyring = Keyring::new(&key, &policy.0);
        let tables = policy.0.plan.tables.iter().map(|plan| EntityTable::new(&plan.name)).collect();
        let lists = Lists { lists: policy.0.lists.iter().map(new_list).collect() };
        let state = State { tables, lists, latest: None };
        Engine { key, inner: Mutex::new(Inner { policy, keyring, state, scratch: Scratch::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics between two changes that belong together.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy in force.
    pub fn policy(&self) -> Policy {
        self.lock().policy.clone()
    }

    /// An empty event with the fields of the policy in force.
    pub fn event(&self) -> Event {
        self.lock().policy.event()
    }

    /// Decides on an event and remembers it.
    ///
    /// # Errors
    /// An event that is refused changes nothing: absent `type`, `time` or required fields, a time before 1970
    /// or more than a day ahead of the latest seen, an event of another schema, a rule with
    /// `on_missing = "fail"` that reads an absent value, an exact sum beyond 64 bits.
    pub fn assess(&self, event: &Event) -> Result<Decision> {
        let mut decision = Decision::new();
        self.assess_into(event, &mut decision)?;
        Ok(decision)
    }

    /// As [`assess`](Engine::assess), into a decision that is reused. An error leaves it as it was when new.
    ///
    /// # Errors
    /// As [`assess`](Engine::assess).
    pub fn assess_into(&self, event: &Event, decision: &mut Decision) -> Result<()> {
        let inner = &mut *self.lock();
        inner.score(event, decision, self.key.id())?;
        if !decision.repeated {
            inner.remember(event);
        }
        Ok(())
    }

    /// Decides on an event and remembers nothing.
    ///
    /// # Errors
    /// As [`assess`](Engine::assess).
    pub fn score(&self, event: &Event) -> Result<Decision> {
        let mut decision = Decision::new();
        self.score_into(event, &mut decision)?;
        Ok(decision)
    }

    /// As [`score`](Engine::score), into a decision that is reused.
    ///
    /// # Errors
    /// As [`assess`](Engine::assess).
    pub fn score_into(&self, event: &Event, decision: &mut Decision) -> Result<()> {
        self.lock().score(event, decision, self.key.id())
    }

    /// Remembers an event without deciding. False when its id was recorded before.
    ///
    /// # Errors
    /// As [`assess`](Engine::assess), but for rules and sums.
    pub fn record(&self, event: &Event) -> Result<bool> {
        let inner = &mut *self.lock();
        inner.admit(event)?;
        inner.route(event);
        let repeated = inner.find_places();
        if !repeated {
            inner.evaluate(event);
            inner.remember(event);
        }
        Ok(!repeated)
    }

    /// States how an event ended. `event` is the one that was assessed or recorded, with its id. Windows that
    /// test `outcome` count it anew. False when nothing remembers the event.
    ///
    /// # Errors
    /// [`ErrorKind::Absent`] without an id.
    pub fn resolve(&self, event: &Event, outcome: Outcome) -> Result<bool> {
        self.lock().learn(event, Some(outcome), None)
    }

    /// States what was learnt about an event, at `at` (milliseconds since 1970): questions about earlier times
    /// do not see it. False when nothing remembers the event.
    ///
    /// # Errors
    /// [`ErrorKind::Absent`] without an id, [`ErrorKind::Time`] when `at` is before the event.
    pub fn label(&self, event: &Event, label: Label, at: i64) -> Result<bool> {
        self.lock().learn(event, None, Some((label, at)))
    }

    /// The host states that the clock has reached `time`, so that events up to a day later are taken: after a
    /// pause, or when the past is replayed. Never goes back.
    ///
    /// # Errors
    /// [`ErrorKind::Time`] outside 1970 to 9999.
    pub fn advance(&self, time: i64) -> Result<()> {
        if !(0..=crate::event::time::LATEST).contains(&time) {
            let what = format!("found {time}, expected milliseconds since 1970-01-01T00:00:00Z");
            return Err(Error::of_field(ErrorKind::Time, "time", what));
        }
        let state = &mut self.lock().state;
        state.latest = state.latest.max(Some(time));
        Ok(())
    }

    /// Puts an identifier (or, on a cidr list, a network or address) on a list, or changes its entry.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a list that the policy does not name, and errors of the identifier.
    pub fn list_add(&self, list: &str, member: &str, entry: ListEntry) -> Result<()> {
        self.lock().change_list(&self.key, list, member, Some(entry)).map(|_| ())
    }

    /// Takes an identifier or network off a list. False when it was not on it.
    ///
    /// # Errors
    /// As [`list_add`](Engine::list_add).
    pub fn list_remove(&self, list: &str, member: &str) -> Result<bool> {
        self.lock().change_list(&self.key, list, member, None)
    }

    /// How many members a list has, expired ones among them.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a list that the policy does not name.
    pub fn list_len(&self, list: &str) -> Result<usize> {
        let inner = self.lock();
        let number = inner.list_number(list)?;
        Ok(inner.state.lists.get(number).map_or(0, List::len))
    }

    /// Installs another policy. Features that exist in both keep their history, as do lists; the report says
    /// which features start cold. Events made for the old policy's own attributes have to be made anew.
    ///
    /// # Errors
    /// None today: a policy that compiled can be installed. Later releases refuse one that does not fit their
    /// bounds, and leave the engine as it was.
    pub fn swap(&self, policy: Policy) -> Result<SwapReport> {
        let inner = &mut *self.lock();
        let report = swap::migrate(&inner.policy.0, &policy.0, &mut inner.state);
        inner.keyring = Keyring::new(&self.key, &policy.0);
        inner.policy = policy;
        inner.scratch = Scratch::default();
        Ok(report)
    }

    /// What each table remembers, in the order of the policy.
    pub fn statistics(&self) -> Vec<TableStatistics> {
        let inner = self.lock();
        let tables = inner.policy.0.plan.tables.iter().zip(&inner.state.tables);
        tables
            .map(|(plan, table)| TableStatistics {
                name: table.name.clone(),
                entities: table.entities(),
                events: table.events(&plan.shape),
                bytes: table.bytes(),
            })
            .collect()
    }
}

/// Says how much is remembered, not what.
impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({:?}", self.policy())?;
        for table in self.statistics() {
            write!(f, ", {}: {} with {} events", table.name, table.entities, table.events)?;
        }
        f.write_str(")")
    }
}

pub(crate) fn new_list(plan: &ListPlan) -> List {
    let mut list = if plan.networks { List::networks() } else { List::exact() };
    for (network, entry) in &plan.entries {
        list.add_network(*network, entry.clone());
    }
    list
}

impl Inner {
    /// Refuses what cannot be scored; the event has checked each field by itself already.
    fn admit(&self, event: &Event) -> Result<()> {
        let policy = &*self.policy.0;
        let schema = event.schema();
        if !schema.fits(&policy.schema) {
            let what =
                "this event was made for other attributes than those of the policy in force; make a new one";
            return Err(Error::new(ErrorKind::Schema, what));
        }
        for field in [Field::TYPE, Field::TIME] {
            if !event.has(field) {
                let what = "this field is absent, every event has one";
                return Err(Error::of_field(ErrorKind::Absent, schema.name(field), what));
            }
        }
        for field in &policy.required {
            if !event.has(*field) {
                let what = "this field is absent, the policy requires it";
                return Err(Error::of_field(ErrorKind::Absent, schema.name(*field), what));
            }
        }
        let (time, latest) = (event.integer(Field::TIME).unwrap_or(0), self.state.latest);
        match latest {
            Some(latest) if time > latest + DAY => {
                let what = format!(
                    "{} ahead of the latest seen, at most 1d is taken; if the clock is right, advance the engine to it first",
                    format_duration(time - latest)
                );
                Err(Error::of_field(ErrorKind::Time, "time", what))
            }
            _ => Ok(()),
        }
    }

    fn route(&mut self, event: &Event) {
        let Inner { policy, keyring, scratch, .. } = self;
        scratch.route.follow(&policy.0, keyring, event, &mut scratch.row);
    }

    /// Looks up the history of every entity; says whether any holds the event already.
    fn find_places(&mut self) -> bool {
        let Inner { policy, state, scratch, .. } = self;
        scratch.places.clear();
        let mut repeated = false;
        for (plan, table) in policy.0.plan.tables.iter().zip(&state.tables) {
            let place = scratch.route.token(plan.key).and_then(|token| table.place(token));
            repeated |= table.history(place).view(&plan.shape).position_of(scratch.route.id).is_some();
            scratch.places.push(place);
        }
        repeated
    }

    /// Fills the decision; after an error it is empty, so that the last event's answer is never taken for this one.
    fn score(&mut self, event: &Event, decision: &mut Decision, key_id: u32) -> Result<()> {
        let scored = self.try_score(event, decision, key_id);
        if scored.is_err() {
            *decision = Decision { detailed: decision.detailed, ..Decision::default() };
        }
        scored
    }

    fn try_score(&mut self, event: &Event, decision: &mut Decision, key_id: u32) -> Result<()> {
        self.admit(event)?;
        self.route(event);
        let repeated = self.find_places();
        // What is learnt later is unknown while deciding, even where the caller's table has it beside the event.
        if event.has(Field::LABEL) {
            let mut unlabelled = event.clone();
            unlabelled.unset(Field::LABEL);
            self.route(&unlabelled);
            self.evaluate(&unlabelled);
        } else {
            self.evaluate(event);
        }
        let Inner { policy, state, scratch, .. } = self;
        let compiled = &*policy.0;
        let time = event.integer(Field::TIME).unwrap_or(0);
        probe_lists(compiled, &state.lists, &scratch.route, event, time, &mut scratch.row);
        let moment = Moment {
            time,
            id: scratch.route.id,
            repeated,
            masks: &scratch.route.masks,
            cells: &scratch.route.cells,
        };
        for ((plan, table), place) in compiled.plan.tables.iter().zip(&state.tables).zip(&scratch.places) {
            if scratch.route.token(plan.key).is_none() {
                continue;
            }
            let history = table.history(*place);
            visit(plan, history, &moment, &compiled.calendar, &mut scratch.workspace, &mut scratch.row)
                .map_err(|place| overflow(compiled, place))?;
        }
        ratios(&compiled.plan.ratios, &mut scratch.row);
        conclude(policy, event, &scratch.row, &mut scratch.conclusion, decision)?;
        decision.repeated = repeated;
        decision.key_id = key_id;
        if decision.detailed {
            decision.row.copy_from(&scratch.row);
            decision.tokens.clone_from(&scratch.route.tokens);
            decision.event_id = self.keyring.event_id(event);
        }
        Ok(())
    }

    fn evaluate(&mut self, event: &Event) {
        let Inner { policy, scratch, .. } = self;
        scratch.route.evaluate(&policy.0, event, &scratch.row, &mut scratch.conclusion.stack);
    }

    /// Records an event that was routed, evaluated and found new in the history of each of its entities.
    fn remember(&mut self, event: &Event) {
        let time = event.integer(Field::TIME).unwrap_or(0);
        let label = event.text(Field::LABEL).and_then(Label::named);
        let by_label = label.map(|_| self.masks_by_label(event));
        let Inner { policy, state, scratch, .. } = self;
        let plan = &policy.0.plan;
        let id = scratch.route.id;
        let outcome = event.text(Field::OUTCOME).and_then(Outcome::named).map_or(0, |outcome| outcome as u8);
        // A label that is learnt later takes effect later; without a time of its own it counts from the event on.
        let labelled_at = event.integer(Field::LABELLED_AT).filter(|at| *at > time && id != 0);
        let number = label.filter(|_| labelled_at.is_none()).map_or(0, |label| label as u8);
        let masks = by_label.as_ref().and_then(|masks| masks.get(usize::from(number)));
        let entry = Entry { time, id, masks: masks.unwrap_or(&scratch.route.masks), outcome, label: number };
        let revisable = plan.revisable();
        state.latest = state.latest.max(Some(time));
        let latest = state.latest.unwrap_or(time);
        for ((table_plan, table), place) in plan.tables.iter().zip(&mut state.tables).zip(&scratch.places) {
            let Some(token) = scratch.route.token(table_plan.key) else { continue };
            let place = place.unwrap_or_else(|| table.welcome(token));
            let Some(history) = table.history_mut(place) else { continue };
            table_plan.cells(&scratch.route.cells, &mut scratch.cells);
            let cutoff = table_plan.retention.map(|retention| latest - retention - 1);
            // What is too old makes room first, so that it takes none in the panes.
            cutoff.iter().for_each(|cutoff| history.forget_until(&table_plan.shape, *cutoff));
            history.insert(&table_plan.shape, &table_plan.budget, &entry, &scratch.cells);
            if let (Some(label), Some(at), Some(by_label)) = (label, labelled_at, &by_label) {
                let label = Some((label as u8, at));
                let learnt = Learnt {
                    id,
                    time,
                    outcome,
                    label,
                    by_label,
                    before: by_label,
                    label_before: 0,
                    revisable,
                };
                history.revise(&table_plan.shape, &table_plan.budget, &learnt, &scratch.cells);
            }
            if let Some(cutoff) = cutoff.filter(|cutoff| time <= *cutoff) {
                history.forget_until(&table_plan.shape, cutoff);
            }
        }
    }

    fn list_number(&self, name: &str) -> Result<usize> {
        let lists = &self.policy.0.lists;
        lists.iter().position(|plan| plan.name == name).ok_or_else(|| {
            let hint = crate::event::nearest(name, lists.iter().map(|plan| plan.name.as_str()));
            let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            let shown: String = name.chars().take(64).collect();
            Error::of_field(ErrorKind::UnknownName, &shown, format!("the policy names no such list{hint}"))
        })
    }

    fn change_list(
        &mut self,
        key: &HashKey,
        list: &str,
        member: &str,
        entry: Option<ListEntry>,
    ) -> Result<bool> {
        let number = self.list_number(list)?;
        if let Some(severity) = entry.as_ref().map(|entry| entry.severity).filter(|severity| *severity > 100)
        {
            let what = format!("found a severity of {severity}, expected 0 to 100");
            return Err(Error::of_field(ErrorKind::OutOfRange, list, what));
        }
        let policy = &*self.policy.0;
        let (Some(plan), Some(target)) = (policy.lists.get(number), self.state.lists.get_mut(number)) else {
            return Ok(false);
        };
        if plan.networks {
            let network = parse_network(member).ok_or_else(|| {
                let what = "found text that is no network, expected one such as 203.0.113.0/24";
                Error::of_field(ErrorKind::OutOfRange, list, what)
            })?;
            return Ok(match entry {
                Some(entry) => {
                    target.add_network(network, entry);
                    true
                }
                None => target.remove_network(network),
            });
        }
        let mut specs = policy.schema.fields().iter();
        let Some(spec) = specs.find(|spec| spec.entity() == Some(&plan.entity)) else { return Ok(false) };
        let tokenizer = Tokenizer::new(key, &plan.entity);
        let token: Token = canonical(spec, member)?.with_bytes(|bytes| tokenizer.token(bytes));
        Ok(match entry {
            Some(entry) => {
                target.add(token, entry);
                true
            }
            None => target.remove(token),
        })
    }
}

fn overflow(policy: &Compiled, place: u16) -> Error {
    let name = policy.features.get(usize::from(place)).map_or("", |plan| plan.name.as_str());
    Error::of_field(ErrorKind::Overflow, name, "the sum over its window does not fit 64 bits")
}

fn probe_lists(policy: &Compiled, lists: &Lists, route: &Route, event: &Event, time: i64, row: &mut Row) {
    for place in &policy.list_places {
        let Some(list) = lists.get(place.list) else { continue };
        let hit = match list {
            List::Exact(_) => route.token(place.key).map(|token| list.find(token, time)),
            List::Networks { .. } => {
                event.address(place.field).map(|address| list.find_address(address, time))
            }
        };
        let word = hit.map(|hit| match (hit, place.severity) {
            (Some(hit), true) => u64::from(hit.severity),
            (hit, _) => u64::from(hit.is_some()),
        });
        row.set(place.place, word, crate::feature::Presence::Exact);
    }
}
