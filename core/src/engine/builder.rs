//! How an engine comes into being.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use arc_swap::ArcSwap;

use super::challenger::OnTrial;
use super::clock::Clock;
use super::journal::{Journal, Sink};
use super::keys::Keys;
use super::moves::Moves;
use super::ruling::Present;
use super::{Engine, Memory, swap};
use crate::error::{Error, ErrorKind, Result};
use crate::event::nearest;
use crate::event::token::HashKey;
use crate::policy::Policy;
use crate::sync::Mutex;

/// Bytes that an engine may fill unless its host says otherwise.
const DEFAULT_MEMORY: usize = 1 << 30;

/// Bounds of an engine before it starts.
///
/// ```
/// # let policy = sekisho::Policy::from_toml(r#"
/// #     [policy]
/// #     name = "example"
/// #     version = "1"
/// #     currency = "JPY"
/// #     [[feature]]
/// #     name = "logins"
/// #     aggregate = "count"
/// #     by = ["account"]
/// #     over = "1h"
/// #     [decision]
/// #     bands = [{ from = 0, action = "allow" }]
/// # "#)?;
/// use sekisho::{Engine, HashKey};
///
/// let engine = Engine::builder(policy, HashKey::new(1, *b"32 secret bytes of the host ...."))
///     .memory(8 << 30)
///     .table_memory("account", 6 << 30)
///     .build()?;
/// assert_eq!(engine.statistics()[0].budget, 6 << 30);
/// # Ok::<(), sekisho::Error>(())
/// ```
pub struct EngineBuilder {
    policy: Policy,
    key: HashKey,
    previous: Option<HashKey>,
    shared: BTreeMap<String, HashKey>,
    memory: Memory,
    journal: Option<Sink>,
}

/// Says how it is bounded, not what the key is.
impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("policy", &self.policy)
            .field("memory", &self.memory)
            .field("journal", &self.journal.is_some())
            .finish_non_exhaustive()
    }
}

impl EngineBuilder {
    pub(super) fn new(policy: Policy, key: HashKey) -> EngineBuilder {
        let memory = Memory { whole: DEFAULT_MEMORY, tables: Vec::new() };
        EngineBuilder { policy, key, previous: None, shared: BTreeMap::new(), memory, journal: None }
    }

    /// Bytes that all histories together may fill, a gibibyte unless this is called. Tables without a budget of
    /// their own share what the others leave, each an equal part. Beside them a thread keeps some 128 KiB for each
    /// policy that it scores by, of memory that histories let go of.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> EngineBuilder {
        self.memory.whole = bytes;
        self
    }

    /// Bytes that the histories of one entity, named as in `by`, may fill. It outlasts swaps.
    #[must_use]
    pub fn table_memory(mut self, entity: &str, bytes: usize) -> EngineBuilder {
        self.memory.tables.retain(|(name, _)| name != entity);
        self.memory.tables.push((entity.to_owned(), bytes));
        self
    }

    /// The key that the engine's own is replacing, for a snapshot or a journal from before or during a
    /// [rotation](Engine::rotate): what they hold comes to the new key as it is touched.
    #[must_use]
    pub fn previous_key(mut self, key: HashKey) -> EngineBuilder {
        self.previous = Some(key);
        self
    }

    /// A key that other institutions have as well, for lists that the policy says are hashed with it:
    /// `key = "consortium"`.
    #[must_use]
    pub fn shared_key(mut self, name: &str, key: HashKey) -> EngineBuilder {
        self.shared.insert(name.to_owned(), key);
        self
    }

    /// Hands every change of the engine's memory to the host as a frame, for a log that can be
    /// [recovered](Engine::recover) from: recorded events, outcomes, labels, lists, what was forgotten.
    ///
    /// `sink` is called before the call that causes the frame returns, and while the entities are held: it should
    /// append to a buffer and come back. Frames come one at a time and in order. A host acknowledges a payment when
    /// its frame is safe.
    #[must_use]
    pub fn journal(mut self, sink: impl Fn(&[u8]) + Send + Sync + 'static) -> EngineBuilder {
        self.journal = Some(Box::new(sink));
        self
    }

    /// Starts the engine.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for a table that the policy does not have, [`ErrorKind::OutOfRange`] for a budget
    /// that one entity alone can exceed, [`ErrorKind::Key`] for a previous key with the number or the secret of the
    /// present one, and without a shared key that hashes one of the policy's lists.
    pub fn build(self) -> Result<Engine> {
        let tables = &self.policy.0.plan.tables;
        for (name, _) in &self.memory.tables {
            if !tables.iter().any(|table| table.name == *name) {
                let hint = nearest(name, tables.iter().map(|table| table.name.as_str()));
                let hint = hint.map(|known| format!("; did you mean \"{known}\"?")).unwrap_or_default();
                let shown: String = name.chars().take(64).collect();
                let what = format!("no feature of the policy is `by` this entity{hint}");
                return Err(Error::of_field(ErrorKind::UnknownName, &shown, what));
            }
        }
        self.memory.check(&self.policy)?;
        if let Some(previous) = &self.previous {
            let like = match (previous.id() == self.key.id(), previous.is_like(&self.key)) {
                (true, _) => Some("which is the present one; each key has a number of its own"),
                (_, true) => Some("which has the present one's secret; each key has a secret of its own"),
                _ => None,
            };
            if let Some(like) = like {
                let what = format!("found key {}, {like}", previous.id());
                return Err(Error::of_field(ErrorKind::Key, "previous_key", what));
            }
        }
        let engine = self.into_engine();
        let ruling = engine.ruling();
        ruling.keys.serve(&ruling.policy.0)?;
        Ok(engine)
    }

    /// Bytes that the engine may ever fill, whatever policy it is given.
    pub(crate) fn most_memory(&self) -> usize {
        let tables = self.memory.tables.iter().fold(0usize, |sum, (_, bytes)| sum.saturating_add(*bytes));
        tables.max(self.memory.whole)
    }

    pub(super) fn into_engine(self) -> Engine {
        let journal = Journal::new(self.journal);
        let keys = Keys::new(self.key, self.previous, 0, &Arc::new(self.shared));
        let ruling = Arc::new(swap::first(self.policy, keys, &self.memory));
        let lists = ruling.policy.0.lists.iter().map(|plan| Arc::new(swap::new_list(plan))).collect();
        Engine {
            present: ArcSwap::from_pointee(Present { number: 0, ruling, lists }),
            number: AtomicU64::new(0),
            generation: AtomicU32::new(0),
            on_trial: OnTrial::default(),
            clock: Clock::default(),
            memory: self.memory,
            past: Mutex::default(),
            lists: Mutex::default(),
            loads: Mutex::default(),
            moves: Moves::default(),
            journal,
            forgotten: AtomicU32::new(0),
        }
    }
}

impl Memory {
    /// The bytes of each table of a policy, in its order.
    pub(super) fn shares(&self, policy: &Policy) -> Vec<usize> {
        let own = |name: &str| self.tables.iter().find(|(known, _)| known == name).map(|(_, bytes)| *bytes);
        let tables = &policy.0.plan.tables;
        let given: Vec<Option<usize>> = tables.iter().map(|table| own(&table.name)).collect();
        let taken = given.iter().flatten().fold(0usize, |sum, bytes| sum.saturating_add(*bytes));
        let others = given.iter().filter(|own| own.is_none()).count().max(1);
        let share = self.whole.saturating_sub(taken) / others;
        given.into_iter().map(|own| own.unwrap_or(share)).collect()
    }

    /// Refuses budgets that a single entity can exceed.
    pub(super) fn check(&self, policy: &Policy) -> Result<()> {
        for (plan, bytes) in policy.0.plan.tables.iter().zip(self.shares(policy)) {
            let most = plan.shape.most_bytes(&plan.budget);
            if bytes < most {
                let what = format!(
                    "found a budget of {bytes} bytes of memory, one entity of this kind can take {most}; give it more"
                );
                return Err(Error::of_field(ErrorKind::OutOfRange, &plan.name, what));
            }
        }
        Ok(())
    }
}
