//! Forgetting somebody: the history, the lists, and what others remember.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Engine;
use super::ruling::Ruling;
use crate::error::{Error, ErrorKind, Result};
use crate::event::token::{Token, Tokenizer};
use crate::event::{canonical, nearest};
use crate::feature::{Plan, TablePlan};
use crate::policy::{ListKind, ListPlan};
use crate::state::{Rekeying, Shard};
use crate::sync::locked;

/// Words for somebody who was forgotten, from here on down. That a token has one of them is as likely as that two
/// tokens are alike.
const NOBODY: u64 = u64::MAX;

impl Engine {
    /// Forgets an entity, named as in `by`: its history, its entries on lists, and its token wherever others remember
    /// it, as an account does of its devices; there, a word that means nobody takes its place, so that they count as
    /// before. False when nothing was known.
    ///
    /// What is left are hashes of the token where entities with more events than a history holds have summed them up
    /// by it or thinned their samples out, until their windows have passed.
    ///
    /// It looks at the histories of every table that remembers entities of this kind, shard after shard: about a
    /// second for ten million of them.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`] for an entity that neither the policy nor the schema has, and errors of the
    /// identifier.
    pub fn forget(&self, entity: &str, id: &str) -> Result<bool> {
        let mut known = false;
        'again: loop {
            let ruling = self.ruling();
            let specs = ruling.policy.0.schema.fields();
            let Some(spec) = specs.iter().find(|spec| spec.entity() == Some(entity)) else {
                let hint = nearest(entity, specs.iter().filter_map(|spec| spec.entity()));
                let hint = hint.map(|known| format!("; did you mean \"{known}\"?")).unwrap_or_default();
                let shown: String = entity.chars().take(64).collect();
                let what = format!("there is no such entity{hint}");
                return Err(Error::of_field(ErrorKind::UnknownName, &shown, what));
            };
            let (present, previous) = ruling.keys.tokenizers(entity);
            let (name, id) = (id, canonical(spec, id)?);
            let tokens = |form| {
                let token = |tokenizer: &Tokenizer| id.with_bytes(form, |bytes| tokenizer.token(bytes));
                (token(&present), previous.as_ref().map(token))
            };
            // A policy without a locale, in force before, knew the identifier as it is written.
            let form = ruling.policy.0.plan.form(entity);
            let (formed, written) = (tokens(form), tokens(None));
            for (form, tokens) in [Some((form, formed)), Some((None, written)).filter(|_| written != formed)]
                .into_iter()
                .flatten()
            {
                match self.apply_forget(&ruling, entity, tokens, None) {
                    Some(found) => {
                        let token =
                            |tokenizer: &Tokenizer| id.with_bytes(form, |bytes| tokenizer.token(bytes));
                        known |= found | self.scrub(&ruling, entity, &token);
                    }
                    None => continue 'again,
                }
            }
            known |= self.forget_listed(&ruling, entity, name)?;
            return Ok(known);
        }
    }

    /// Takes somebody off lists that do not hold the identifiers' own tokens.
    fn forget_listed(&self, ruling: &Ruling, entity: &str, name: &str) -> Result<bool> {
        let lists = ruling.policy.0.lists.iter().filter(|plan| plan.entity == entity);
        lists.into_iter().try_fold(false, |known, plan| match plan.kind {
            ListKind::Exact if plan.key.is_some() => Ok(known | self.list_remove(&plan.name, name)?),
            // What such a list cannot hold is not on it.
            ListKind::Address | ListKind::Name => {
                Ok(known | self.list_remove(&plan.name, name).unwrap_or(false))
            }
            _ => Ok(known),
        })
    }

    /// Forgets the tokens of one entity; whether anything was known, or `None` when another policy has come into
    /// force. `frame` as in [`apply`](super::call::Call::apply).
    pub(super) fn apply_forget(
        &self,
        ruling: &Ruling,
        kind: &str,
        (token, previous): (Token, Option<Token>),
        frame: Option<u64>,
    ) -> Option<bool> {
        let policy = &*ruling.policy.0;
        let is_kind = |key: usize| policy.plan.keys.get(key).is_some_and(|key| key.kind == kind);
        let mut held = Vec::new();
        for number in &ruling.order {
            let (plan, table) = (policy.plan.tables.get(*number), ruling.tables.get(*number));
            if let (Some(plan), Some(table)) = (plan, table)
                && is_kind(plan.key)
            {
                let shards = match previous {
                    None => table.lock(token).map(|shard| (shard, None)),
                    Some(previous) => table.lock_both(token, previous),
                };
                held.extend(shards.map(|shards| (table, shards)));
            }
        }
        let lists = locked(&self.lists);
        if self.generation.load(Ordering::Acquire) != ruling.generation {
            return None;
        }
        if frame.is_none() {
            self.journal.forgotten(ruling, kind, (token, previous));
        }
        let mut known = false;
        for (table, (shard, other)) in &mut held {
            let is_due = |token| frame.is_none_or(|frame| frame > table.restored_until(token));
            if is_due(token) {
                known |= shard.forget(token);
            }
            if let Some(previous) = previous.filter(|previous| is_due(*previous)) {
                known |= other.as_mut().unwrap_or(shard).forget(previous);
            }
        }
        let may_hold =
            |plan: &ListPlan| plan.entity == kind && plan.kind == ListKind::Exact && plan.key.is_none();
        if policy.lists.iter().any(may_hold) {
            known |= self.change_lists(&lists, |all| {
                let own = policy.lists.iter().zip(all).filter(|(plan, _)| may_hold(plan));
                let due = own.filter(|(_, list)| frame.is_none_or(|frame| frame > list.restored_until()));
                due.fold(false, |known, (_, list)| {
                    let list = Arc::make_mut(list);
                    known | previous.is_some_and(|previous| list.remove(previous)) | list.remove(token)
                })
            });
        }
        Some(known)
    }

    /// Takes somebody, of whom `token` makes tokens, out of the histories of others. Each that remembered one is a
    /// change of its own: others score meanwhile.
    fn scrub(&self, ruling: &Ruling, kind: &str, token: &dyn Fn(&Tokenizer) -> Token) -> bool {
        let plan = &ruling.policy.0.plan;
        let nobody = NOBODY - u64::from(self.forgotten.fetch_add(1, Ordering::Relaxed));
        let remembered = remembered(ruling, kind, token);
        let mut found = false;
        // Who moves from a shard that is yet to come to one that was passed is looked at again.
        let watch = self.moves.watch();
        for (number, (table_plan, table)) in plan.tables.iter().zip(&ruling.tables).enumerate() {
            let own = remembered
                .iter()
                .map(|known| Words { columns: columns_of(plan, table_plan, &known.0), known });
            let words: Vec<Words<'_>> = own.filter(|words| !words.columns.is_empty()).collect();
            if words.is_empty() {
                continue;
            }
            let change = Scrub { ruling, number, plan: table_plan, words: &words, nobody };
            for mut shard in table.each_shard() {
                // Whoever has brought histories into the shape of a later policy knows that policy's columns.
                if self.generation.load(Ordering::Acquire) != ruling.generation {
                    drop(shard);
                    return self.scrub(&self.ruling(), kind, token) | found;
                }
                for place in shard.places() {
                    found |= self.scrub_one(&change, &mut shard, place);
                }
                shard.make_room(table.shard_budget(), None);
            }
            for moved in watch.moved().iter().filter(|moved| moved.table == table.number) {
                let Some(mut shard) = table.lock(moved.token) else { continue };
                if self.generation.load(Ordering::Acquire) != ruling.generation {
                    drop(shard);
                    return self.scrub(&self.ruling(), kind, token) | found;
                }
                if let Some(place) = shard.place(moved.token) {
                    found |= self.scrub_one(&change, &mut shard, place);
                }
            }
        }
        found
    }

    fn scrub_one(&self, change: &Scrub<'_>, shard: &mut Shard, place: u32) -> bool {
        let Scrub { ruling, number, plan, words, nobody } = *change;
        let Some(slot) = shard.slot_mut(place) else { return false };
        if slot.generation != ruling.generation {
            ruling.reshape(number, plan, slot);
        }
        let mut found = false;
        for Words { columns, known: (which, words) } in words {
            for word in words {
                if slot.history.rekey(&plan.shape, &plan.budget, &Rekeying::of_words(columns, *word, nobody))
                {
                    self.journal.scrubbed(ruling, &plan.name, slot.token, which, [*word, nobody]);
                    found = true;
                }
            }
        }
        shard.account(place);
        found
    }

    /// Does again what a journal says of one history; `None` when it says what cannot be.
    pub(super) fn apply_scrub(
        &self,
        ruling: &Ruling,
        (table, entity, which): (&str, Token, &str),
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
        let change = Rekeying::of_words(&columns_of(plan, table_plan, which), word, nobody);
        slot.history.rekey(&table_plan.shape, &table_plan.budget, &change);
        shard.account(place);
        Some(())
    }
}

/// Taking somebody out of the histories of one table.
#[derive(Clone, Copy)]
struct Scrub<'a> {
    ruling: &'a Ruling,
    number: usize,
    plan: &'a TablePlan,
    words: &'a [Words<'a>],
    nobody: u64,
}

/// Columns of a table that may have some words of somebody.
struct Words<'a> {
    columns: Vec<usize>,
    known: &'a (String, Vec<u64>),
}

/// The words by which histories may remember somebody, each kind of words by its name.
fn remembered(ruling: &Ruling, kind: &str, token: &dyn Fn(&Tokenizer) -> Token) -> Vec<(String, Vec<u64>)> {
    let (plan, keys) = (&ruling.policy.0.plan, &ruling.keys);
    let mut all: Vec<(String, Vec<u64>)> = Vec::new();
    for cell in &plan.cells {
        let Some((key, word)) = cell.of_token() else { continue };
        let Some(key) = plan.keys.get(key).filter(|key| key.kind == kind) else { continue };
        let Some(which) = plan.words_of(*cell) else { continue };
        if all.iter().all(|(known, _)| *known != which) {
            let hashed_with = match &key.shared {
                Some(name) => [keys.shared.get(name), None],
                None => [Some(&keys.present), keys.previous.as_ref()],
            };
            let words = hashed_with.into_iter().flatten().map(|key| word(token(&Tokenizer::new(key, kind))));
            all.push((which, words.collect()));
        }
    }
    all
}

/// The columns of a table that have words of one kind.
fn columns_of(plan: &Plan, table: &TablePlan, which: &str) -> Vec<usize> {
    let has = |cell: &usize| {
        plan.cells.get(*cell).and_then(|cell| plan.words_of(*cell)).is_some_and(|known| known == which)
    };
    let columns = table.columns.iter().enumerate();
    columns.filter(|(_, cell)| has(cell)).map(|(column, _)| column).collect()
}
