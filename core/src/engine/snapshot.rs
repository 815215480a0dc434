//! Everything that an engine remembers as bytes, written while it goes on scoring, and read again.
//!
//! A snapshot is a row of chunks: the length of the payload, the kind, the payload, and a seal over the seal before,
//! the kind and the payload. So a chunk that is damaged, missing, moved or another snapshot's does not pass. The
//! first chunk says what is remembered; then each shard of each table comes as it is at that moment, with the number
//! of the last journal frame that it contains; then the lists, who changed shards meanwhile because the key is
//! replaced, and at last how many entities there were.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{ErrorKind as IoErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::clock::NEVER;
use super::keys::Keys;
use super::layout::Layout;
use super::migration::Migration;
use super::moves::Moved;
use super::ruling::Ruling;
use super::{Engine, EngineBuilder};
use crate::error::{Error, ErrorKind, Result};
use crate::event::token::{HashKey, SEAL, Seal};
use crate::policy::Policy;
use crate::state::{Adopted, List, Prepared, Reader, Writer};
use crate::sync::locked;

const MAGIC: &[u8; 16] = b"sekisho snapshot";
/// The format that is written; every earlier one can be read.
const FORMAT: u16 = 2;
/// A chunk holds one shard at most; what claims to be longer is damaged.
const LONGEST_CHUNK: usize = 1 << 31;

const HEAD: u8 = 0;
const SHARD: u8 = 1;
const LIST: u8 = 2;
const END: u8 = 3;
const MOVED: u8 = 4;
const LISTED: u8 = 5;

/// A chunk of entities that moved ends when it has so many bytes.
const MOVED_BYTES: usize = 1 << 20;

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotReport {
    /// Histories, of all tables.
    pub entities: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// The first journal frame that is not wholly contained: frames before it are needed no more.
    pub next_frame: u64,
}

fn damaged(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Damaged, what)
}

fn seal_of(key: &HashKey) -> Seal {
    Seal::new(key, "snapshot v1")
}

/// Writes chunks, each sealed with those before it.
struct Chunks<S> {
    seal: Seal,
    last: [u8; SEAL],
    buffer: Vec<u8>,
    sink: S,
    bytes: u64,
}

impl<S, E> Chunks<S>
where
    S: FnMut(&[u8]) -> std::result::Result<(), E>,
    E: Display,
{
    fn new(key: &HashKey, sink: S) -> Chunks<S> {
        Chunks { seal: seal_of(key), last: [0; SEAL], buffer: Vec::new(), sink, bytes: 0 }
    }

    fn write(&mut self, kind: u8, payload: impl FnOnce(&mut Writer<'_>)) -> Result<()> {
        self.buffer.clear();
        self.buffer.extend_from_slice(&[0, 0, 0, 0, kind]);
        payload(&mut Writer(&mut self.buffer));
        let length = (self.buffer.len() - 5) as u32;
        if let Some(start) = self.buffer.get_mut(..4) {
            start.copy_from_slice(&length.to_le_bytes());
        }
        let (_, sealed) = self.buffer.split_at_checked(4).unwrap_or_default();
        self.last = self.seal.over(&[&self.last, sealed]);
        self.buffer.extend_from_slice(&self.last);
        self.bytes += self.buffer.len() as u64;
        (self.sink)(&self.buffer).map_err(|error| {
            Error::new(ErrorKind::Host, format!("the snapshot could not be written: {error}"))
        })
    }
}

/// Reads chunks.
struct ChunkReader<R> {
    seal: Seal,
    last: [u8; SEAL],
    payload: Vec<u8>,
    from: R,
}

impl<R: Read> ChunkReader<R> {
    fn fill(&mut self, to: &mut [u8]) -> Result<()> {
        self.from.read_exact(to).map_err(|error| match error.kind() {
            IoErrorKind::UnexpectedEof => damaged("the snapshot ends early: its last part is missing"),
            _ => Error::new(ErrorKind::Host, format!("the snapshot could not be read: {error}")),
        })
    }

    /// Reads the next chunk; its seal has yet to be checked.
    fn read(&mut self) -> Result<(u8, [u8; SEAL])> {
        let mut start = [0; 5];
        self.fill(&mut start)?;
        let [a, b, c, d, kind] = start;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > LONGEST_CHUNK {
            return Err(damaged("the snapshot is damaged: a part of it claims to be longer than any is"));
        }
        self.payload.clear();
        // Memory grows with what is there, not with what is claimed.
        let read = (&mut self.from).take(length as u64).read_to_end(&mut self.payload);
        let read = read.map_err(|error| {
            Error::new(ErrorKind::Host, format!("the snapshot could not be read: {error}"))
        })?;
        if read < length {
            return Err(damaged("the snapshot ends early: its last part is missing"));
        }
        let mut seal = [0; SEAL];
        self.fill(&mut seal)?;
        Ok((kind, seal))
    }

    fn check(&mut self, kind: u8, seal: [u8; SEAL], what: &str) -> Result<()> {
        let expected = self.seal.over(&[&self.last, &[kind], &self.payload]);
        // Every byte is compared, so that the time it takes tells nothing.
        let differ = expected.iter().zip(seal).fold(0, |differ, (a, b)| differ | (a ^ b));
        self.last = expected;
        if differ == 0 { Ok(()) } else { Err(damaged(what)) }
    }

    fn next(&mut self) -> Result<u8> {
        let (kind, seal) = self.read()?;
        self.check(
            kind,
            seal,
            "the snapshot is damaged: a part of it is changed, moved or another snapshot's",
        )?;
        Ok(kind)
    }
}

/// The first chunk.
struct Head {
    /// The key that the snapshot is sealed with, and the one that it was replacing.
    key_id: u32,
    previous_id: Option<u32>,
    next_frame: u64,
    latest: i64,
    /// How many were forgotten so far.
    forgotten: u32,
    layouts: Vec<Layout>,
    /// For each of them, the time from which on everything was remembered, and since when what came later is known.
    since: Vec<(i64, BTreeMap<String, i64>)>,
    /// Names of the lists.
    lists: Vec<String>,
}

impl Head {
    fn write(&self, policy: &Policy, to: &mut Writer<'_>) {
        to.bytes(MAGIC);
        to.short(FORMAT);
        to.number(self.key_id);
        to.optional(&[self.previous_id], Writer::number);
        to.text(policy.name());
        to.text(policy.version());
        to.word(self.next_frame);
        to.time(self.latest);
        to.number(self.forgotten);
        to.number(self.layouts.len() as u32);
        for (layout, (since, parts)) in self.layouts.iter().zip(&self.since) {
            layout.write(to);
            to.time(*since);
            to.number(parts.len() as u32);
            for (name, since) in parts {
                to.text(name);
                to.time(*since);
            }
        }
        to.number(self.lists.len() as u32);
        for list in &self.lists {
            to.text(list);
        }
    }

    /// Reads what tells whether the snapshot can be read at all; then, once the seal is known to be right, the rest.
    fn read<R: Read>(chunks: &mut ChunkReader<R>, keys: &Keys) -> Result<(Head, String)> {
        let (kind, seal) = chunks.read()?;
        let payload = std::mem::take(&mut chunks.payload);
        let mut from = Reader(&payload);
        if kind != HEAD || from.bytes(MAGIC.len()) != Some(MAGIC) {
            return Err(damaged("these bytes are no snapshot"));
        }
        let (Some(format), Some(key_id)) = (from.short(), from.number()) else {
            return Err(damaged("these bytes are no snapshot"));
        };
        if format > FORMAT {
            return Err(damaged(format!(
                "the snapshot has format {format}, this release reads up to {FORMAT}: use the release that wrote it, or a later one"
            )));
        }
        let Some(previous_id) = from.optional(Reader::number).and_then(|ids| ids.first().copied()) else {
            return Err(damaged("these bytes are no snapshot"));
        };
        chunks.seal = seal_of(sealing(keys, key_id, previous_id)?);
        chunks.payload.clone_from(&payload);
        chunks.check(
            kind,
            seal,
            "the snapshot is damaged, or its key has the same number but another secret",
        )?;
        let read = |from: &mut Reader<'_>| {
            let name = format!("{} {}", from.text()?, from.text()?);
            let (next_frame, latest, forgotten) = (from.word()?, from.time()?, from.number()?);
            let layouts = (0..from.count(24)?).map(|_| {
                let (layout, since) = (Layout::read(from)?, from.time()?);
                let parts = (0..from.count(12)?).map(|_| Some((from.text()?.to_owned(), from.time()?)));
                Some((layout, (since, parts.collect::<Option<_>>()?)))
            });
            let (layouts, since) = layouts.collect::<Option<Vec<_>>>()?.into_iter().unzip();
            let lists = (0..from.count(4)?).map(|_| from.text().map(str::to_owned)).collect::<Option<_>>()?;
            let head = Head { key_id, previous_id, next_frame, latest, forgotten, layouts, since, lists };
            Some((head, name))
        };
        read(&mut from).ok_or_else(|| damaged("the snapshot's first part is not as it should be"))
    }
}

/// The key that a snapshot is sealed with, if the engine has what it takes to go on from it.
fn sealing(keys: &Keys, key_id: u32, previous_id: Option<u32>) -> Result<&HashKey> {
    let present = keys.present.id();
    let previous = keys.previous.as_ref().filter(|key| key.id() == key_id);
    let Some(key) = previous.or(Some(&keys.present).filter(|_| present == key_id)) else {
        let beside = keys.previous.as_ref().map(|key| format!(" and the previous key {}", key.id()));
        return Err(damaged(format!(
            "the snapshot was sealed with key {key_id}, this engine has key {present}{}",
            beside.unwrap_or_default()
        )));
    };
    match previous_id {
        Some(replaced) if previous.is_some() => Err(damaged(format!(
            "the snapshot was taken while key {key_id} was replacing key {replaced}; restore it with these two, and retire key {replaced} before the next rotation"
        ))),
        Some(replaced) if keys.previous.as_ref().is_none_or(|known| known.id() != replaced) => {
            Err(damaged(format!(
                "the snapshot was taken while key {key_id} was replacing key {replaced}; give key {replaced} as the previous key"
            )))
        }
        _ => Ok(key),
    }
}

impl Engine {
    /// Writes everything that the engine remembers, in pieces, while other threads go on scoring: each piece is as of
    /// the moment at which it was copied. The bytes hold tokens in place of identifiers, but for the networks on
    /// lists; they are sealed with the engine's key and not encrypted.
    ///
    /// What happens meanwhile is partly contained: a host that keeps a journal restores the snapshot, then the frames
    /// from [`SnapshotReport::next_frame`] on, and has the same state to the bit.
    ///
    /// # Errors
    /// [`ErrorKind::Host`] when `sink` fails; it is not called again.
    pub fn snapshot<E: Display>(
        &self,
        sink: impl FnMut(&[u8]) -> std::result::Result<(), E>,
    ) -> Result<SnapshotReport> {
        // No other policy comes into force before the last piece is copied.
        let _past = locked(&self.past);
        let ruling = self.ruling();
        let policy = &ruling.policy.0;
        let keys = &ruling.keys;
        let watch = self.moves.watch();
        // Between the frames of a load no snapshot begins.
        let loads = locked(&self.loads);
        let head = Head {
            key_id: keys.present.id(),
            previous_id: keys.previous.as_ref().map(HashKey::id),
            next_frame: self.journal.sequence() + 1,
            latest: self.clock.latest().unwrap_or(NEVER),
            forgotten: self.forgotten.load(Ordering::Relaxed),
            layouts: Layout::of(policy),
            since: ruling.tables.iter().map(|table| (table.complete_since(), table.parts_since())).collect(),
            lists: policy.lists.iter().map(|list| list.name.clone()).collect(),
        };
        drop(loads);
        let mut chunks = Chunks::new(&keys.present, sink);
        chunks.write(HEAD, |to| head.write(&ruling.policy, to))?;
        let mut entities = 0;
        for (number, (plan, table)) in policy.plan.tables.iter().zip(&ruling.tables).enumerate() {
            for number_of_shard in 0..table.shards() {
                chunks.write(SHARD, |to| {
                    let Some(mut shard) = table.lock_shard(number_of_shard) else { return };
                    entities += shard.entities() as u64;
                    to.short(number as u16);
                    to.number(number_of_shard as u32);
                    to.number(table.shards() as u32);
                    // Whoever changes the shard takes a number while it is locked.
                    to.word(self.journal.sequence());
                    let made = (ruling.generation, keys.era);
                    shard.write(to, made, |slot| ruling.reshape(number, plan, slot));
                    shard.make_room(table.shard_budget(), None);
                })?;
            }
        }
        for (number, plan) in policy.lists.iter().enumerate() {
            let (list, sequence) = {
                let _lists = locked(&self.lists);
                (self.list(&ruling, number), self.journal.sequence())
            };
            let Some(list) = list else { continue };
            write_list(&mut chunks, number as u16, (&list, sequence), plan.era(keys.era))?;
        }
        let mut moved = &*watch.moved();
        while !moved.is_empty() {
            chunks.write(MOVED, |to| moved = self.write_moved(&ruling, moved, to))?;
        }
        chunks.write(END, |to| to.word(entities))?;
        Ok(SnapshotReport { entities, bytes: chunks.bytes, next_frame: head.next_frame })
    }

    /// Writes entities that moved as they are now; says who has yet to be written.
    fn write_moved<'a>(&self, ruling: &Ruling, mut moved: &'a [Moved], to: &mut Writer<'_>) -> &'a [Moved] {
        while let Some((entity, rest)) = moved.split_first().filter(|_| to.0.len() < MOVED_BYTES) {
            moved = rest;
            let tables = ruling.tables.iter().zip(&ruling.policy.0.plan.tables).enumerate();
            let table = tables.into_iter().find(|(_, (table, _))| table.number == entity.table);
            let Some((number, (table, plan))) = table else { continue };
            let Some(mut shard) = table.lock(entity.token) else { continue };
            to.byte(1);
            to.short(number as u16);
            to.token(entity.before);
            to.token(entity.token);
            to.word(self.journal.sequence());
            let place = shard.place(entity.token);
            // It may have been evicted since.
            to.byte(u8::from(place.is_some()));
            let Some((place, slot)) = place.and_then(|place| Some((place, shard.slot_mut(place)?))) else {
                continue;
            };
            if slot.generation != ruling.generation {
                ruling.reshape(number, plan, slot);
            }
            slot.write(to, ruling.keys.era);
            shard.account(place);
        }
        to.byte(0);
        moved
    }

    /// An engine that remembers what a snapshot holds, within a gibibyte of memory; see
    /// [`EngineBuilder::restore`].
    ///
    /// # Errors
    /// As [`EngineBuilder::restore`].
    pub fn restore(policy: Policy, key: HashKey, from: impl Read) -> Result<Engine> {
        Engine::builder(policy, key).restore(from)
    }
}

/// Writes a list that contains the frames up to one: what it is called, its members in pieces, then that it ends.
fn write_list<S, E>(
    chunks: &mut Chunks<S>,
    number: u16,
    (list, sequence): (&List, u64),
    era: u8,
) -> Result<()>
where
    S: FnMut(&[u8]) -> std::result::Result<(), E>,
    E: Display,
{
    let version = list.version();
    let mut written = chunks.write(LISTED, |to| {
        to.short(number);
        to.byte(0);
        to.text(&version.name);
        to.word(version.number);
        to.word(sequence);
    });
    list.write(era, |piece| {
        if written.is_ok() {
            written = chunks.write(LISTED, |to| {
                to.short(number);
                to.byte(1);
                to.bytes(piece);
            });
        }
    });
    written?;
    chunks.write(LISTED, |to| {
        to.short(number);
        to.byte(2);
    })
}

impl EngineBuilder {
    /// Starts an engine that remembers what a snapshot holds. The policy may remember more than the one that the
    /// snapshot was taken under, not less: restore under that one and [`swap`](Engine::swap) then.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] for bytes that are no snapshot, are cut off or changed, belong to another key or a
    /// later release, or hold what the policy does not remember; [`ErrorKind::Host`] when reading fails; and errors
    /// of [`build`](EngineBuilder::build).
    pub fn restore(self, from: impl Read) -> Result<Engine> {
        let engine = self.build()?;
        let ruling = engine.ruling();
        let keys = &ruling.keys;
        let mut chunks =
            ChunkReader { seal: seal_of(&keys.present), last: [0; SEAL], payload: Vec::new(), from };
        let (head, taken_under) = Head::read(&mut chunks, keys)?;
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
                SHARD => adopt_shard(&head, &ruling, &tables, eras, &mut from),
                LIST => adopt_list(&engine, &lists, eras, &mut from),
                LISTED => adopt_listed(&engine, &lists, eras, &mut listed, &mut from),
                MOVED => adopt_moved(&head, &ruling, &tables, eras, &mut from),
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
    // Token, uses, queue, latest, no words, no labels.
    let count = from.count(34)?;
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
