//! The keys of a ruling.

use crate::error::{Error, ErrorKind, Result};
use crate::event::token::{HashKey, Tokenizer};
use crate::feature::Keyring;
use crate::policy::Compiled;

/// The key in force, and the one before while it is replaced.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) present: HashKey,
    pub(super) previous: Option<HashKey>,
    /// 0 or 1: every other key has the same.
    pub(super) era: u8,
    /// Seals frames of the journal.
    pub(super) seal: Tokenizer,
}

impl Keys {
    pub(super) fn new(present: HashKey, previous: Option<HashKey>, era: u8) -> Keys {
        let seal = Tokenizer::new(&present, "journal v1");
        Keys { present, previous, era, seal }
    }

    /// The era of the previous key.
    pub(super) fn era_before(&self) -> u8 {
        self.era ^ 1
    }

    /// Hashes the identifiers of a policy.
    pub(super) fn keyring(&self, policy: &Compiled) -> Keyring {
        Keyring::new(&self.present, policy).replacing(self.previous.as_ref(), policy)
    }

    /// Hashes identifiers of one kind: under the present key and, while it is replaced, under the previous one.
    pub(super) fn tokenizers(&self, kind: &str) -> (Tokenizer, Option<Tokenizer>) {
        (Tokenizer::new(&self.present, kind), self.previous.as_ref().map(|key| Tokenizer::new(key, kind)))
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
