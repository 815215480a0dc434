//! A row of chunks: the length of the payload, the kind, the payload, and a seal over the seal before, the kind and the
//! payload. So a chunk that is damaged, missing, moved or another snapshot's does not pass.

use std::fmt::Display;
use std::io::{ErrorKind as IoErrorKind, Read};

use crate::error::{Error, ErrorKind, Result};
use crate::event::token::{HashKey, SEAL, Seal};
use crate::state::Writer;

/// A chunk holds one shard at most; what claims to be longer is damaged.
const LONGEST_CHUNK: usize = 1 << 31;

pub(super) fn damaged(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Damaged, what)
}

fn seal_of(key: &HashKey) -> Seal {
    Seal::new(key, "snapshot v1")
}

/// Writes chunks, each sealed with those before it.
pub(super) struct Chunks<S> {
    seal: Seal,
    last: [u8; SEAL],
    buffer: Vec<u8>,
    sink: S,
    pub(super) bytes: u64,
}

impl<S, E> Chunks<S>
where
    S: FnMut(&[u8]) -> std::result::Result<(), E>,
    E: Display,
{
    pub(super) fn new(key: &HashKey, sink: S) -> Chunks<S> {
        Chunks { seal: seal_of(key), last: [0; SEAL], buffer: Vec::new(), sink, bytes: 0 }
    }

    pub(super) fn write(&mut self, kind: u8, payload: impl FnOnce(&mut Writer<'_>)) -> Result<()> {
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
pub(super) struct ChunkReader<R> {
    seal: Seal,
    last: [u8; SEAL],
    pub(super) payload: Vec<u8>,
    from: R,
}

impl<R: Read> ChunkReader<R> {
    /// A reader of what was sealed with a key.
    pub(super) fn new(key: &HashKey, from: R) -> ChunkReader<R> {
        ChunkReader { seal: seal_of(key), last: [0; SEAL], payload: Vec::new(), from }
    }

    /// The row was sealed with this key.
    pub(super) fn is_sealed_with(&mut self, key: &HashKey) {
        self.seal = seal_of(key);
    }

    fn fill(&mut self, to: &mut [u8]) -> Result<()> {
        self.from.read_exact(to).map_err(|error| match error.kind() {
            IoErrorKind::UnexpectedEof => damaged("the snapshot ends early: its last part is missing"),
            _ => Error::new(ErrorKind::Host, format!("the snapshot could not be read: {error}")),
        })
    }

    /// Reads the next chunk; its seal has yet to be checked.
    pub(super) fn read(&mut self) -> Result<(u8, [u8; SEAL])> {
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

    pub(super) fn check(&mut self, kind: u8, seal: [u8; SEAL], what: &str) -> Result<()> {
        let expected = self.seal.over(&[&self.last, &[kind], &self.payload]);
        // Every byte is compared, so that the time it takes tells nothing.
        let differ = expected.iter().zip(seal).fold(0, |differ, (a, b)| differ | (a ^ b));
        self.last = expected;
        if differ == 0 { Ok(()) } else { Err(damaged(what)) }
    }

    pub(super) fn next(&mut self) -> Result<u8> {
        let (kind, seal) = self.read()?;
        self.check(
            kind,
            seal,
            "the snapshot is damaged: a part of it is changed, moved or another snapshot's",
        )?;
        Ok(kind)
    }
}
