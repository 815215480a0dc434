//! Members of a list as bytes, for others who have its key.
//!
//! A head, pieces of members as snapshots have them, each behind its length, an empty piece, and a seal over all of it.

use crate::error::{Error, ErrorKind, Result};
use crate::event::token::{HashKey, SEAL, Seal};
use crate::policy::{ListKind, ListPlan};
use crate::state::{Prepared, Reader, Writer};

const MAGIC: &[u8; 16] = b"sekisho bundle\0\0";
const FORMAT: u16 = 1;

fn damaged(list: &str, what: impl std::fmt::Display) -> Error {
    Error::of_field(ErrorKind::Damaged, list, what)
}

fn seal_of(key: &HashKey) -> Seal {
    Seal::new(key, "bundle v1")
}

pub(super) fn seal(plan: &ListPlan, key: &HashKey, prepared: &Prepared, era: u8) -> Result<Vec<u8>> {
    if plan.kind == ListKind::Cidr {
        let what = "a cidr list cannot be sealed: its networks could be read";
        return Err(Error::of_field(ErrorKind::OutOfRange, &plan.name, what));
    }
    let mut bytes = Vec::new();
    let mut to = Writer(&mut bytes);
    to.bytes(MAGIC);
    to.short(FORMAT);
    to.number(key.id());
    to.text(plan.kind.name());
    to.text(&plan.entity);
    to.word(prepared.len() as u64);
    prepared.write(era, |piece| {
        to.number(piece.len() as u32);
        to.bytes(piece);
    });
    to.number(0);
    let seal = seal_of(key).over(&[&bytes]);
    bytes.extend_from_slice(&seal);
    Ok(bytes)
}

pub(super) fn open(plan: &ListPlan, key: &HashKey, bytes: &[u8], era: u8) -> Result<Prepared> {
    let list = plan.name.as_str();
    let mut from = Reader(bytes);
    if from.bytes(MAGIC.len()) != Some(MAGIC) {
        return Err(damaged(list, "these bytes are no bundle"));
    }
    let (Some(format), Some(key_id)) = (from.short(), from.number()) else {
        return Err(damaged(list, "these bytes are no bundle"));
    };
    if format > FORMAT {
        let what =
            format!("the bundle has format {format}, this release reads up to {FORMAT}: use a later one");
        return Err(damaged(list, what));
    }
    if key_id != key.id() {
        let what =
            format!("the bundle was sealed with key {key_id}, this list is hashed with key {}", key.id());
        return Err(damaged(list, what));
    }
    let (sealed, found) = bytes.split_at_checked(bytes.len().saturating_sub(SEAL)).unwrap_or_default();
    let expected = seal_of(key).over(&[sealed]);
    // Every byte is compared, so that the time it takes tells nothing.
    let differ = expected.iter().zip(found).fold(0, |differ, (a, b)| differ | (a ^ b));
    if differ != 0 || found.len() != SEAL {
        let what = "the bundle is damaged or cut off, or its key has the same number but another secret";
        return Err(damaged(list, what));
    }
    from.0 = from.0.get(..from.0.len().saturating_sub(SEAL)).unwrap_or_default();
    let (kind, entity) = (from.text().unwrap_or_default(), from.text().unwrap_or_default());
    if (kind, entity) != (plan.kind.name(), plan.entity.as_str()) {
        let what = format!(
            "the bundle is for a list of kind {kind} of \"{entity}\", this one is of kind {} of \"{}\"",
            plan.kind.name(),
            plan.entity
        );
        return Err(damaged(list, what));
    }
    read(&mut from, era).ok_or_else(|| damaged(list, "a part of the bundle is not as it should be"))
}

fn read(from: &mut Reader<'_>, era: u8) -> Option<Prepared> {
    let count = from.word()?;
    let mut prepared = Prepared::default();
    loop {
        let length = from.number()? as usize;
        if length == 0 {
            break;
        }
        let mut piece = Reader(from.bytes(length)?);
        // There is one key only.
        prepared.read(&mut piece, [era, era])?;
        piece.0.is_empty().then_some(())?;
    }
    (from.0.is_empty() && prepared.len() as u64 == count).then_some(prepared)
}
