//! The keys of a ruling.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::event::token::{HashKey, Tokenizer};
use crate::feature::Keyring;
use crate::policy::{Compiled, ListPlan};

/// The key in force, and the one before while it is replaced.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) present: HashKey,
    pub(super) previous: Option<HashKey>,
    /// 0 or 1: every other key has the same.
    pub(super) era: u8,
    /// Seals frames of the journal.
    pub(super) seal: Tokenizer,
    /// Keys that others have as well, by the names that lists call them.
    pub(super) shared: Arc<BTreeMap<String, HashKey>>,
}

impl Keys {
    pub(super) fn new(
        present: HashKey,
        previous: Option<HashKey>,
        era: u8,
        shared: &Arc<BTreeMap<String, HashKey>>,
    ) -> Keys {
        let seal = Tokenizer::new(&present, "journal v1");
        Keys { present, previous, era, seal, shared: Arc::clone(shared) }
    }

    /// The era of the previous key.
    pub(super) fn era_before(&self) -> u8 {
        self.era ^ 1
    }

    /// Hashes the identifiers of a policy.
    pub(super) fn keyring(&self, policy: &Compiled) -> Keyring {
        let shared = &self.shared;
        Keyring::new(&self.present, shared, policy).replacing(self.previous.as_ref(), shared, policy)
    }

    /// Hashes identifiers of one kind: under the present key and, while it is replaced, under the previous one.
    pub(super) fn tokenizers(&self, kind: &str) -> (Tokenizer, Option<Tokenizer>) {
        (Tokenizer::new(&self.present, kind), self.previous.as_ref().map(|key| Tokenizer::new(key, kind)))
    }

    /// The key that hashes a list.
    pub(super) fn of_list(&self, plan: &ListPlan) -> Result<&HashKey> {
        let Some(name) = &plan.key else { return Ok(&self.present) };
        self.shared.get(name).ok_or_else(|| {
            let what = format!(
                "the list \"{}\" is hashed with the key \"{name}\", which the engine was not given as a shared key",
                plan.name
            );
            Error::of_field(ErrorKind::Key, "shared_key", what)
        })
    }

    /// Whether all lists of a policy can be hashed.
    pub(super) fn serve(&self, policy: &Compiled) -> Result<()> {
        policy.lists.iter().try_for_each(|plan| self.of_list(plan).map(drop))
    }

    /// Whether a key may take the place of the present one.
    pub(super) fn admit(&self, key: &HashKey) -> Result<()> {
        let refused = |what: String| Err(Error::of_field(ErrorKind::Key, "key", what));
        match &self.previous {
            _ if key.id() == self.present.id() => refused(format!(
                "found key {}, which is in force already; a new key has a number of its own",
                key.id()
            )),
            Some(previous) if key.id() == previous.id() => refused(format!(
                "found key {}, which key {} is replacing; a new key has a number of its own",
                key.id(),
                self.present.id()
            )),
            Some(previous) => refused(format!(
                "found key {} while key {} is still replacing key {}; call retire_key first",
                key.id(),
                self.present.id(),
                previous.id()
            )),
            None if key.is_like(&self.present) => refused(format!(
                "found key {} with the secret of key {}; a new key has a secret of its own",
                key.id(),
                self.present.id()
            )),
            None => Ok(()),
        }
    }
}
