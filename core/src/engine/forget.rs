//! Forgetting somebody: the history, the lists, and what others remember.

use std::sync::atomic::Ordering;

use super::Engine;
use super::ruling::Ruling;
use crate::error::{Error, ErrorKind, Result};
use crate::event::token::{Token, Tokenizer};
use crate::event::{canonical, nearest};
use crate::feature::{CellSource, Plan, TablePlan};
use crate::state::List;
use crate::sync::locked;

/// Words for somebody who was forgotten, from here on down. That a token has one of them is as likely as that two
/// tokens are alike.
const NOBODY: u64 = u64::MAX;

impl Engine {
    /// Forgets an entity, named as in `by`: its history, its entries on lists, and its token wherever others remember
    /// it, as an account does of its devices; there, a word that means nobody takes its place, so that they count as
    /// before. False when nothing was known.
    ///
    /// What is left are hashes of the token among the samples of entities with more events than a history holds,
    /// until their windows have passed.
    ///
    /// It looks at the histories of every table that remembers entities of this kind, shard after shard: about a
    /// second for ten million of them.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for an entity that neither the policy nor the schema has, and errors of the
    /// identifier.
    pub fn forget(&self, entity: &str, id: &str) -> Result<bool> {
        let ruling = self.ruling.load();
        let policy = &*ruling.policy.0;
        let specs = policy.schema.fields();
        let Some(spec) = specs.iter().find(|spec| spec.entity() == Some(entity)) else {
            let hint = nearest(entity, specs.iter().filter_map(|spec| spec.entity()));
            let hint = hint.map(|known| format!("; did you mean \"{known}\"?")).unwrap_or_default();
            let shown: String = entity.chars().take(64).collect();
            let what = format!("there is no such entity{hint}");
            return Err(Error::of_field(ErrorKind::UnknownName, &shown, what));
        };
        let tokenizer = Tokenizer::new(&self.key, entity);
        let token = canonical(spec, id)?.with_bytes(|bytes| tokenizer.token(bytes));
        loop {
            let ruling = self.ruling.load();
            if let Some(known) = self.apply_forget(&ruling, entity, token, None) {
                return Ok(known | self.scrub(&ruling, entity, token));
            }
        }
    }

    /// Forgets a token of one kind; whether anything was known, or `None` when another policy has come into force.
    /// `frame` as in [`apply`](super::call::Call::apply).
    pub(super) fn apply_forget(
        &self,
        ruling: &Ruling,
        kind: &str,
        token: Token,
        frame: Option<u64>,
    ) -> Option<bool> {
        let policy = &*ruling.policy.0;
        let is_kind = |key: usize| policy.plan.keys.get(key).is_some_and(|key| key.kind == kind);
        let _lists = locked(&self.lists);
        let mut shards = Vec::new();
        for number in &ruling.order {
            let (plan, table) = (policy.plan.tables.get(*number), ruling.tables.get(*number));
            if let (Some(plan), Some(table)) = (plan, table)
                && is_kind(plan.key)
                && frame.is_none_or(|frame| frame > table.restored_until(token))
            {
                shards.extend(table.lock(token));
            }
        }
        if self.generation.load(Ordering::Acquire) != ruling.generation {
            return None;
        }
        if frame.is_none() {
            self.journal.forgotten(ruling, kind, token);
        }
        let mut known = false;
        for shard in &mut shards {
            known |= shard.forget(token);
        }
        for (plan, list) in policy.lists.iter().zip(&ruling.lists) {
            if let (true, List::Exact(list)) = (plan.entity == kind, &**list) {
                known |= list.remove(token);
            }
        }
        Some(known)
    }

    /// Takes a token out of the histories of others. Each that held it is a change of its own: others score meanwhile.
    fn scrub(&self, ruling: &Ruling, kind: &str, token: Token) -> bool {
        let plan = &ruling.policy.0.plan;
        let nobody = NOBODY - u64::from(self.forgotten.fetch_add(1, Ordering::Relaxed));
        let mut found = false;
        for (number, (table_plan, table)) in plan.tables.iter().zip(&ruling.tables).enumerate() {
            let columns = columns_of(plan, table_plan, kind);
            if columns.is_empty() {
                continue;
            }
            for mut shard in table.each_shard() {
                // Whoever has brought histories into the shape of a later policy knows that policy's columns.
                if self.generation.load(Ordering::Acquire) != ruling.generation {
                    drop(shard);
                    return self.scrub(&self.ruling.load(), kind, token) | found;
                }
                for place in shard.places() {
                    let Some(slot) = shard.slot_mut(place) else { continue };
                    if slot.generation != ruling.generation {
                        ruling.reshape(number, table_plan, slot);
                    }
                    if slot.history.mentions(&table_plan.shape, &columns, token.low()) {
                        self.journal.scrubbed(
                            ruling,
                            &table_plan.name,
                            slot.token,
                            kind,
                            [token.low(), nobody],
                        );
                        slot.history.replace(&table_plan.shape, &columns, token.low(), nobody);
                        found = true;
                    }
                    shard.account(place);
                }
                shard.make_room(table.shard_budget(), None);
            }
        }
        found
    }

    /// Does again what a journal says of one history; `None` when it says what cannot be.
    pub(super) fn apply_scrub(
        &self,
        ruling: &Ruling,
        (table, entity, kind): (&str, Token, &str),
        [word, nobody]: [u64; 2],
        frame: u64,
    ) -> Option<()> {
        let plan = &ruling.policy.0.plan;
        let number = plan.tables.iter().position(|known| known.name == table)?;
        let (table_plan, table) = (plan.tables.get(number)?, ruling.tables.get(number)?);
        self.forgotten.fetch_max((NOBODY - nobody) as u32 + 1, Ordering::Relaxed);
        if frame <= table.restored_until(entity) {
            return Some(());
        }
        let mut shard = table.lock(entity)?;
        // With less memory than before it may have been evicted.
        let Some(place) = shard.place(entity) else { return Some(()) };
        let slot = shard.slot_mut(place)?;
        if slot.generation != ruling.generation {
            ruling.reshape(number, table_plan, slot);
        }
        slot.history.replace(&table_plan.shape, &columns_of(plan, table_plan, kind), word, nobody);
        Some(())
    }
}

/// The columns of a table that hold tokens of one kind.
fn columns_of(plan: &Plan, table: &TablePlan, kind: &str) -> Vec<usize> {
    let is_kind = |cell: &usize| match plan.cells.get(*cell) {
        Some(CellSource::Key(key)) => plan.keys.get(*key).is_some_and(|key| key.kind == kind),
        _ => false,
    };
    let columns = table.columns.iter().enumerate();
    columns.filter(|(_, cell)| is_kind(cell)).map(|(column, _)| column).collect()
}
