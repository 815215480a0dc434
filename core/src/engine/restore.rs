//! What a snapshot holds is read into an engine that is new.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::chunks::{ChunkReader, damaged};
use super::clock::NEVER;
use super::layout::Layout;
use super::migration::Migration;
use super::ruling::Ruling;
use super::snapshot::{END, Head, LIST, LISTED, MOVED, SHARD};
use super::{Engine, EngineBuilder, swap};
use crate::error::{Error, ErrorKind, Result};
use crate::event::token::HashKey;
use crate::policy::Policy;
use crate::state::{Adopted, Prepared, Reader};
use crate::sync::locked;

impl Engine {
    /// An engine that remembers what a snapshot holds, within a gibibyte of memory; see
    /// [`EngineBuilder::restore`].
    ///
    /// # Errors
    /// As [`EngineBuilder::restore`].
    pub fn restore(policy: Policy, key: HashKey, from: impl Read) -> Result<Engine> {
        Engine::builder(policy, key).restore(from)
    }
}

impl EngineBuilder {
    /// Starts an engine that remembers what a snapshot holds. The policy may remember more than the one that the
    /// snapshot was taken under, not less: restore under that one and [`swap`](Engine::swap) then.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] for bytes that are no snapshot, are cut off or changed, belong to another key or a
    /// later release, or hold what the policy does not remember; [`ErrorKind::Schema`] when its amounts are in another
    /// currency; [`ErrorKind::Host`] when reading fails; and errors of [`build`](EngineBuilder::build).
    pub fn restore(self, from: impl Read) -> Result<Engine> {
        let engine = self.build()?;
        let ruling = engine.ruling();
        let keys = &ruling.keys;
        let mut chunks = ChunkReader::new(&keys.present, from);
        let (head, taken_under) = Head::read(&mut chunks, keys)?;
        let currency = &ruling.policy.0.currency;
        if let Some(other) = head.currency.as_ref().filter(|other| *other != currency) {
            let what = format!(
                "the snapshot's amounts are in {other}, the policy counts in {currency}; restore it under one that counts in {other}"
            );
            return Err(Error::new(ErrorKind::Schema, what));
        }
        // What the snapshot's key made is the engine's own or its previous key's.
        let before = head.key_id != keys.present.id();
        let eras = [if before { keys.era_before() } else { keys.era }, keys.era_before()];
        let tables = tables(&head, &ruling, &taken_under)?;
        let lists = lists(&head, &ruling, &taken_under)?;
        for ((number, _), (since, parts)) in tables.iter().zip(&head.since) {
            let Some(table) = ruling.tables.get(*number) else { continue };
            table.is_incomplete_before(*since);
            parts.iter().for_each(|(name, since)| table.knows_part(name, Some(*since)));
        }
        let (mut entities, mut listed) = (0, Listed::default());
        loop {
            let kind = chunks.next()?;
            let mut from = Reader(&chunks.payload);
            let adopted = match kind {
                SHARD => adopt_shard(&engine, &head, &ruling, &tables, eras, &mut from),
                LIST => adopt_list(&engine, &lists, eras, &mut from),
                LISTED => adopt_listed(&engine, &lists, eras, &mut listed, &mut from),
                MOVED => adopt_moved(&engine, &head, &ruling, &tables, eras, &mut from),
                END => {
                    if from.word() != Some(entities) {
                        return Err(damaged("the snapshot lacks entities that it says it has"));
                    }
                    break;
                }
                _ => None,
            };
            let Some(adopted) = adopted.filter(|_| from.0.is_empty()) else {
                return Err(damaged("a part of the snapshot is not as it should be"));
            };
            entities += adopted;
        }
        if head.latest != NEVER {
            swap::note_gaps(&head.layouts, &ruling.policy.0, &ruling.tables, head.latest);
        }
        engine.change_lists(&locked(&engine.lists), |all| {
            for (number, before) in lists.iter().zip(&head.entries) {
                if let (Some(list), Some(plan)) = (all.get_mut(*number), ruling.policy.0.lists.get(*number)) {
                    swap::change_entries(list, before, &plan.entries);
                }
            }
        });
        engine.clock.advance_to(head.latest);
        engine.forgotten.store(head.forgotten, Ordering::Relaxed);
        engine.journal.continue_from(head.next_frame.saturating_sub(1));
        locked(&engine.journal.replay).begin(taken_under, before);
        Ok(engine)
    }
}

/// For each table of the snapshot: its number in the policy, and how its histories come into the policy's shape.
type Tables = Vec<(usize, Option<Migration>)>;

fn tables(head: &Head, ruling: &Ruling, taken_under: &str) -> Result<Tables> {
    let own = Layout::of(&ruling.policy.0);
    let tables = head.layouts.iter().map(|before| {
        let number = own.iter().position(|own| own.name == before.name);
        let Some((number, layout)) = number.and_then(|number| Some((number, own.get(number)?))) else {
            return Err(lost(&format!("the histories of `{}`", before.name), taken_under));
        };
        match before.lost_in(layout) {
            Some(what) => Err(lost(&format!("`{what}` of each `{}`", before.name), taken_under)),
            None if before.is_like(layout) => Ok((number, None)),
            None => Ok((number, Some(Migration::new(before, layout, &ruling.policy.0, number)))),
        }
    });
    tables.collect()
}

/// For each list of the snapshot, its number in the policy.
fn lists(head: &Head, ruling: &Ruling, taken_under: &str) -> Result<Vec<usize>> {
    let lists = head.lists.iter().map(|name| {
        let number = ruling.policy.0.lists.iter().position(|list| list.name == *name);
        number.ok_or_else(|| lost(&format!("the list \"{name}\""), taken_under))
    });
    lists.collect()
}

fn lost(what: &str, taken_under: &str) -> Error {
    damaged(format!(
        "the snapshot holds {what}, which this policy does not remember; restore it under the policy that it was taken under ({taken_under}), then swap"
    ))
}

/// Says how many entities there were.
fn adopt_shard(
    engine: &Engine,
    head: &Head,
    ruling: &Ruling,
    tables: &Tables,
    eras: [u8; 2],
    from: &mut Reader<'_>,
) -> Option<u64> {
    let (snapshot_number, shard, shards) = (usize::from(from.short()?), from.number()?, from.number()?);
    let sequence = from.word()?;
    let before = head.layouts.get(snapshot_number)?;
    let (number, migration) = tables.get(snapshot_number)?;
    let (table, plan) = (ruling.tables.get(*number)?, ruling.policy.0.plan.tables.get(*number)?);
    table.set_restored(shard as usize, shards as usize, sequence)?;
    engine.journal.contains(sequence);
    // Token, uses, queue, latest, no words, no labels.
    let count = from.count(34)?;
    table.expect(shard as usize, shards as usize, count);
    for _ in 0..count {
        let mut entity = Adopted::read(&before.shape, before.series.len(), from)?;
        if let Some(migration) = migration {
            entity.history = migration.apply(&ruling.policy.0, &entity.history, plan);
        }
        let mut shard = table.lock(entity.token)?;
        let [present, previous] = eras;
        let era = if entity.previous { previous } else { present };
        shard.adopt(entity, (ruling.generation, era), table.shard_budget());
    }
    let ghosts = (0..from.count(4)?).map(|_| from.number()).collect::<Option<Vec<u32>>>()?;
    // Where there are fewer or more shards now, those who were evicted are new when they come again.
    if shards as usize == table.shards() {
        table.lock_shard(shard as usize)?.adopt_ghosts(ghosts);
    }
    Some(count as u64)
}

/// Entities that moved to another shard while the snapshot was written: they may be in the parts before under either
/// token, under both, or under none.
fn adopt_moved(
    engine: &Engine,
    head: &Head,
    ruling: &Ruling,
    tables: &Tables,
    [present, _]: [u8; 2],
    from: &mut Reader<'_>,
) -> Option<u64> {
    while from.byte()? == 1 {
        let snapshot_number = usize::from(from.short()?);
        let (old, token, sequence) = (from.token()?, from.token()?, from.word()?);
        let before = head.layouts.get(snapshot_number)?;
        let (number, migration) = tables.get(snapshot_number)?;
        let (table, plan) = (ruling.tables.get(*number)?, ruling.policy.0.plan.tables.get(*number)?);
        table.lock(old)?.forget(old);
        if from.byte()? == 0 {
            continue;
        }
        let mut entity = Adopted::read(&before.shape, before.series.len(), from)?;
        if entity.token != token {
            return None;
        }
        if let Some(migration) = migration {
            entity.history = migration.apply(&ruling.policy.0, &entity.history, plan);
        }
        let mut shard = table.lock(token)?;
        shard.forget(token);
        shard.adopt(entity, (ruling.generation, present), table.shard_budget());
        table.set_moved(token, sequence);
        engine.journal.contains(sequence);
    }
    Some(0)
}

/// A list as the first format had it: in one chunk.
fn adopt_list(engine: &Engine, lists: &[usize], eras: [u8; 2], from: &mut Reader<'_>) -> Option<u64> {
    let number = *lists.get(usize::from(from.short()?))?;
    let mut prepared = Prepared::default();
    prepared.read_first_format(from, eras)?;
    put_back(engine, number, Listed { prepared, ..Listed::default() })
}

/// The policy's own networks may have been taken off since, so nothing that the list has by the policy stays.
fn put_back(engine: &Engine, number: usize, listed: Listed) -> Option<u64> {
    let Listed { name, number: version, sequence, prepared } = listed;
    engine.journal.contains(sequence);
    engine.change_lists(&locked(&engine.lists), |all| {
        let list = Arc::make_mut(all.get_mut(number)?);
        list.replace(list.build(prepared, &name), version);
        list.set_restored(sequence);
        Some(0)
    })
}

/// A list whose pieces are being read.
#[derive(Default)]
struct Listed {
    name: String,
    number: u64,
    sequence: u64,
    prepared: Prepared,
}

fn adopt_listed(
    engine: &Engine,
    lists: &[usize],
    eras: [u8; 2],
    listed: &mut Listed,
    from: &mut Reader<'_>,
) -> Option<u64> {
    let number = *lists.get(usize::from(from.short()?))?;
    let ruling = engine.ruling();
    let plan = ruling.policy.0.lists.get(number)?;
    let eras = eras.map(|era| plan.era(era));
    match from.byte()? {
        0 => {
            let (name, number, sequence) = (from.text()?.to_owned(), from.word()?, from.word()?);
            *listed = Listed { name, number, sequence, prepared: Prepared::default() };
        }
        1 => listed.prepared.read(from, eras)?,
        2 => return put_back(engine, number, std::mem::take(listed)),
        _ => return None,
    }
    Some(0)
}
