//! Everything that an engine remembers as bytes, written while it goes on scoring.
//!
//! The first chunk says what is remembered; then each shard of each table comes as it is at that moment, with the number
//! of the last journal frame that it contains; then the lists, who changed shards meanwhile because the key is
//! replaced, and at last how many entities there were.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Read;
use std::sync::atomic::Ordering;

use ipnet::IpNet;

use super::Engine;
use super::chunks::{ChunkReader, Chunks, damaged};
use super::clock::NEVER;
use super::keys::Keys;
use super::layout::Layout;
use super::moves::Moved;
use super::ruling::Ruling;
use crate::error::Result;
use crate::event::token::HashKey;
use crate::policy::Policy;
use crate::state::{List, ListEntry, Reader, Writer};
use crate::sync::locked;

const MAGIC: &[u8; 16] = b"sekisho snapshot";
/// The format that is written; every earlier one can be read.
const FORMAT: u16 = 2;

const HEAD: u8 = 0;
pub(super) const SHARD: u8 = 1;
pub(super) const LIST: u8 = 2;
pub(super) const END: u8 = 3;
pub(super) const MOVED: u8 = 4;
pub(super) const LISTED: u8 = 5;

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

/// The first chunk.
pub(super) struct Head {
    /// The key that the snapshot is sealed with, and the one that it was replacing.
    pub(super) key_id: u32,
    previous_id: Option<u32>,
    pub(super) next_frame: u64,
    pub(super) latest: i64,
    /// How many were forgotten so far.
    pub(super) forgotten: u32,
    pub(super) layouts: Vec<Layout>,
    /// For each of them, the time from which on everything was remembered, and since when what came later is known.
    pub(super) since: Vec<(i64, BTreeMap<String, i64>)>,
    /// Names of the lists.
    pub(super) lists: Vec<String>,
    /// For each of them the networks that the policy itself gave; for none where that is not said.
    pub(super) entries: Vec<Vec<(IpNet, ListEntry)>>,
    /// What amounts are counted in; `None` where that is not said.
    pub(super) currency: Option<String>,
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
        let retentions: Vec<_> = self.layouts.iter().map(|layout| layout.retention).collect();
        to.optional(&retentions, Writer::time);
        for entries in &self.entries {
            to.number(entries.len() as u32);
            for (network, entry) in entries {
                to.text(&network.to_string());
                entry.write(to);
            }
        }
        if let Some(currency) = &self.currency {
            to.text(currency);
        }
    }

    /// Reads what tells whether the snapshot can be read at all; then, once the seal is known to be right, the rest.
    pub(super) fn read<R: Read>(chunks: &mut ChunkReader<R>, keys: &Keys) -> Result<(Head, String)> {
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
        let Some(previous_id) = from.one(Reader::number) else {
            return Err(damaged("these bytes are no snapshot"));
        };
        chunks.is_sealed_with(sealing(keys, key_id, previous_id)?);
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
            let (mut layouts, since): (Vec<Layout>, _) =
                layouts.collect::<Option<Vec<_>>>()?.into_iter().unzip();
            let lists: Vec<String> =
                (0..from.count(4)?).map(|_| from.text().map(str::to_owned)).collect::<Option<_>>()?;
            let (mut entries, mut currency) = (Vec::new(), None);
            // Heads ended here once.
            if !from.0.is_empty() {
                let retentions = from.optional(Reader::time)?;
                layouts.iter_mut().zip(retentions).for_each(|(layout, known)| layout.retention = known);
                for _ in &lists {
                    let networks = (0..from.count(5)?).map(|_| {
                        let network = from.text()?.parse().ok()?;
                        Some((network, ListEntry::read(from)?))
                    });
                    entries.push(networks.collect::<Option<_>>()?);
                }
                currency = Some(from.text()?.to_owned());
            }
            let head = Head {
                key_id,
                previous_id,
                next_frame,
                latest,
                forgotten,
                layouts,
                since,
                lists,
                entries,
                currency,
            };
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
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) when `sink` fails; it is not called again.
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
            next_frame: self.journal.begin_snapshot() + 1,
            latest: self.clock.latest().unwrap_or(NEVER),
            forgotten: self.forgotten.load(Ordering::Relaxed),
            layouts: Layout::of(policy),
            since: ruling.tables.iter().map(|table| (table.complete_since(), table.parts_since())).collect(),
            lists: policy.lists.iter().map(|list| list.name.clone()).collect(),
            entries: policy.lists.iter().map(|list| list.entries.clone()).collect(),
            currency: Some(policy.currency.clone()),
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
