//! Engine = policy + state: the one place that joins the rooms.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use arc_swap::ArcSwap;

use crate::decision::Decision;
use crate::error::{Error, ErrorKind, Result};
use crate::event::time::amiss;
use crate::event::token::HashKey;
use crate::event::{Event, Field, Label, Outcome};
use crate::policy::{Action, Policy};
use crate::state::Counts;
use crate::sync::{Mutex, locked};

mod builder;
mod bundle;
mod call;
mod challenger;
mod chunks;
mod clock;
mod expiry;
mod feedback;
mod forget;
mod hold;
mod journal;
mod keys;
mod layout;
mod lists;
mod member;
mod migration;
mod moves;
mod past;
mod probe;
mod recovery;
mod restore;
mod rotation;
mod ruling;
mod snapshot;
mod swap;

pub use builder::EngineBuilder;
use call::{Call, Scratches};
pub use challenger::ChallengerReport;
use challenger::{Challenger, OnTrial};
use clock::Clock;
use journal::Journal;
pub use lists::PreparedList;
use moves::Moves;
use past::Past;
pub use recovery::Recovered;
use ruling::{Present, Ruling};
pub use snapshot::SnapshotReport;
pub use swap::SwapReport;

/// How much a table remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableStatistics {
    /// The entity's name, as in `by`.
    pub name: String,
    /// Entities with a history.
    pub entities: usize,
    /// Events in all histories.
    pub events: usize,
    /// Bytes of memory in use.
    pub bytes: usize,
    /// Bytes of memory that the table may use.
    pub budget: usize,
    /// Entities that had more events than a history holds exactly: what reaches further back is approximate.
    pub approximate: usize,
    /// Entities that were evicted because the memory was used up.
    pub evicted: u64,
    /// Entities that were dropped because all that they had done was older than any feature looks.
    pub expired: u64,
    /// Entities that are known under the previous key only, while it is replaced; see [`Engine::rotate`].
    pub unrotated: usize,
}

/// Scores events against a policy and what it remembers.
///
/// An engine may be shared between threads. A call holds the entities of its event while it works, so that each
/// sees whole events; threads that work on different entities do not wait for one another.
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
    /// The policy in force, the tables and lists that it reads, and the key.
    present: ArcSwap<Present>,
    /// The number of that: changes before it does.
    number: AtomicU64,
    /// The number of the ruling in it: changes before anything is remembered in its shape.
    generation: AtomicU32,
    /// A policy on trial.
    on_trial: OnTrial,
    clock: Clock,
    memory: Memory,
    /// What earlier policies remembered. Held while the one in force is replaced.
    past: Mutex<Past>,
    /// Held while a list changes, or what is in force.
    lists: Mutex<()>,
    /// Held while members are loaded, and when a snapshot begins; taken before the other.
    loads: Mutex<()>,
    moves: Moves,
    journal: Journal,
    /// How many were forgotten.
    forgotten: AtomicU32,
}

/// How many bytes the tables may fill.
#[derive(Clone, Debug)]
struct Memory {
    whole: usize,
    /// Of tables that have a budget of their own.
    tables: Vec<(String, usize)>,
}

thread_local! {
    static SCRATCHES: RefCell<Scratches> = RefCell::default();
}

impl Engine {
    /// An engine that remembers nothing yet, within a gibibyte of memory. The key stays in memory and is wiped with
    /// the engine.
    pub fn new(policy: Policy, key: HashKey) -> Engine {
        EngineBuilder::new(policy, key).into_engine()
    }

    /// An engine with other bounds.
    pub fn builder(policy: Policy, key: HashKey) -> EngineBuilder {
        EngineBuilder::new(policy, key)
    }

    /// Works on one event, with its entities held. Begins anew when another policy came into force meanwhile, which
    /// `work` says with `None`.
    fn call<R>(
        &self,
        event: &Event,
        admit: impl Fn(&Ruling) -> Result<()>,
        mut work: impl FnMut(&mut Call<'_>) -> Result<Option<R>>,
    ) -> Result<R> {
        let time = event.integer(Field::TIME).unwrap_or(0);
        let mut run = |scratches: &mut Scratches| loop {
            let present = self.present.load();
            let ruling = &*present.ruling;
            admit(ruling)?;
            let scratch = scratches.of(&ruling.policy);
            scratch.route.follow(&ruling.policy.0, &ruling.keyring, event, &mut scratch.row);
            if let Some(mut call) = Call::hold(self, &present, scratch, time)
                && let Some(done) = work(&mut call)?
            {
                return Ok(done);
            }
            std::hint::spin_loop();
        };
        // Taken when the host calls back into an engine: then it works with memory of its own.
        SCRATCHES.with(|scratches| match scratches.try_borrow_mut() {
            Ok(mut scratches) => run(&mut scratches),
            Err(_) => run(&mut Scratches::default()),
        })
    }

    /// The policy in force.
    pub fn policy(&self) -> Policy {
        self.present.load().ruling.policy.clone()
    }

    /// An empty event with the fields of the policy in force.
    pub fn event(&self) -> Event {
        self.present.load().ruling.policy.event()
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
        self.decide(event, decision, true)
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
        self.decide(event, decision, false)
    }

    /// Fills the decision; after an error it is empty, so that the last event's answer is never taken for this one.
    fn decide(&self, event: &Event, decision: &mut Decision, record: bool) -> Result<()> {
        let admit = |ruling: &Ruling| ruling.admit(event, &self.clock);
        let decided = self.call(event, admit, |call| {
            call.score(event, decision)?;
            let records = record && !decision.repeated;
            let done = !records || call.remember(event, decision.action() == Action::Deny);
            Ok(done.then_some(()))
        });
        if decided.is_err() {
            decision.clear();
        }
        decided
    }

    /// Remembers an event without deciding. False when its id was recorded before.
    ///
    /// # Errors
    /// As [`assess`](Engine::assess), but for rules and sums.
    pub fn record(&self, event: &Event) -> Result<bool> {
        self.call(
            event,
            |ruling| ruling.admit(event, &self.clock),
            |call| {
                if call.is_repeated() {
                    return Ok(Some(false));
                }
                call.evaluate(event);
                Ok(call.remember(event, false).then_some(true))
            },
        )
    }

    /// States how an event ended. `event` is the one that was assessed or recorded, with its id. Windows that
    /// test `outcome` count it anew. False when nothing remembers the event.
    ///
    /// # Errors
    /// [`ErrorKind::Absent`] without an id.
    pub fn resolve(&self, event: &Event, outcome: Outcome) -> Result<bool> {
        let admit = |ruling: &Ruling| ruling.admit_known(event, None);
        self.call(event, admit, |call| call.learn(event, Some(outcome), None))
    }

    /// States what was learnt about an event, at `at` (milliseconds since 1970): questions about earlier times
    /// do not see it. False when nothing remembers the event.
    ///
    /// # Errors
    /// [`ErrorKind::Absent`] without an id, [`ErrorKind::Time`] when `at` is before the event.
    pub fn label(&self, event: &Event, label: Label, at: i64) -> Result<bool> {
        let admit = |ruling: &Ruling| ruling.admit_known(event, Some(at));
        self.call(event, admit, |call| call.learn(event, None, Some((label, at))))
    }

    /// The host states that the clock has reached `time`, so that events up to a day later are taken: after a
    /// pause, or when the past is replayed. Never goes back.
    ///
    /// # Errors
    /// [`ErrorKind::Time`] outside 1990 to 9999.
    pub fn advance(&self, time: i64) -> Result<()> {
        if let Some(what) = amiss(time) {
            return Err(Error::of_field(ErrorKind::Time, "time", what));
        }
        // No other policy comes into force meanwhile. A snapshot that does not contain the frame may know the time.
        let _changes = locked(&self.lists);
        self.clock.advance_to(time);
        self.journal.advanced(&self.ruling(), time);
        Ok(())
    }

    /// Installs another policy while others go on scoring; each history is brought into its shape when its entity is
    /// seen again. Features that exist in both keep their history, as do lists; the report says
    /// which features start cold. Events made for the old policy's own attributes have to be made anew.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] when one entity alone could exceed the memory of its table, [`ErrorKind::Key`] for a
    /// list that is hashed with a key which the engine does not have, [`ErrorKind::Schema`] for another currency, in
    /// which remembered amounts would mean something else; the engine stays as it was.
    pub fn swap(&self, policy: Policy) -> Result<SwapReport> {
        self.memory.check(&policy)?;
        let mut past = locked(&self.past);
        let old = self.ruling();
        old.counts_in_currency_of(&policy)?;
        old.keys.serve(&policy.0)?;
        past.add(&old);
        let (ruling, mut report) = swap::succeed(&old, policy, &self.memory, &past, self.clock.latest());
        let ruling = Arc::new(ruling);
        {
            // Whoever holds entities by the old policy goes on; whoever has yet to hold them begins anew.
            let changes = locked(&self.lists);
            let (policies, puts_back) = ([&*old.policy.0, &*ruling.policy.0], self.puts_back());
            let (lists, dropped) = swap::lists(policies, &self.present.load().lists, puts_back);
            report.dropped.extend(dropped);
            if !self.is_asked_for() {
                self.journal.swapped(&ruling);
            }
            self.put_in_force(&changes, Arc::clone(&ruling), lists);
        }
        // Nobody goes on by the old policy behind a snapshot that is taken from here on.
        old.tables.iter().for_each(|table| table.each_shard().for_each(drop));
        // Tables share the memory with those that are new.
        ruling.tables.iter().for_each(|table| table.make_room());
        self.bound(&mut past, &ruling);
        report.challenger_ended = self.refit_challenger(&ruling);
        Ok(report)
    }

    /// Puts a policy on trial: it decides on every event beside the one in force, from the same memory, and
    /// changes nothing; see [`Decision::challenger`]. It takes the place of an earlier one. Features that both
    /// have are computed once.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] when it needs what the policy in force does not remember, [`ErrorKind::Schema`]
    /// when it declares other attributes or another currency.
    pub fn challenge_with(&self, policy: Policy) -> Result<ChallengerReport> {
        // The policy in force stays while the challenger is fitted to it.
        let _past = locked(&self.past);
        let (challenger, report) = Challenger::new(policy, &self.ruling())?;
        self.on_trial.put(Some(challenger));
        Ok(report)
    }

    /// The policy on trial, if there is one.
    pub fn challenger(&self) -> Option<Policy> {
        self.on_trial.get().map(|challenger| challenger.policy.clone())
    }

    /// Ends the trial; the challenger's policy, if there was one.
    pub fn end_challenge(&self) -> Option<Policy> {
        let _past = locked(&self.past);
        self.on_trial.put(None).map(|challenger| challenger.policy.clone())
    }

    /// What each table remembers, in the order of the policy.
    pub fn statistics(&self) -> Vec<TableStatistics> {
        let ruling = self.ruling();
        let statistics = ruling.tables.iter().map(|table| {
            let mut sum = TableStatistics {
                name: table.name.clone(),
                entities: 0,
                events: 0,
                bytes: 0,
                budget: table.budget(),
                approximate: 0,
                evicted: 0,
                expired: 0,
                unrotated: 0,
            };
            for shard in table.each_shard() {
                let Counts { events, approximate, evicted, expired, .. } = shard.counts;
                if ruling.keys.previous.is_some() {
                    sum.unrotated += shard.counts.of_era(ruling.keys.era_before());
                }
                sum.entities += shard.entities();
                sum.bytes += shard.bytes();
                sum.events += events;
                sum.approximate += approximate;
                sum.evicted += evicted;
                sum.expired += expired;
            }
            sum
        });
        statistics.collect()
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
