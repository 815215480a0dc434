//! What outlives the process: snapshots, and journals that bring them up to date.

use std::ffi::{c_char, c_void};
use std::io::BufReader;
use std::mem::{MaybeUninit, offset_of};

use sekisho::Recovered;

use crate::engine::{builder, sekisho_engine};
use crate::error::sekisho_error;
use crate::host::{PIECE, Sink, Source, sekisho_read, sekisho_write};
use crate::options::sekisho_engine_options;
use crate::policy::sekisho_policy;
use crate::raw::{self, Failure, answer, free, lend, reported, required};
use crate::status::sekisho_status;

/// What a snapshot holds. Later versions may add to its end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct sekisho_snapshot_report {
    /// The size of this structure as the caller knows it, `sizeof(sekisho_snapshot_report)`.
    pub size: usize,
    /// Histories, of all tables.
    pub entities: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// The first journal frame that is not wholly contained: frames before it are needed no more.
    pub next_frame: u64,
}

/// The size of the structure in the first version that had it.
const SMALLEST: usize = offset_of!(sekisho_snapshot_report, next_frame) + size_of::<u64>();

/// What a journal brought back.
///
/// Owned by the caller, freed with sekisho_recovered_free. It never changes: any number of threads may read
/// it.
#[derive(Debug)]
pub struct sekisho_recovered {
    recovered: Recovered,
}

/// Writes everything that the engine remembers, in pieces, while other threads go on scoring: each piece is as
/// of the moment at which it was copied. The bytes hold tokens in place of identifiers, but for the networks on
/// lists; they are sealed with the engine's key and not encrypted.
///
/// What happens meanwhile is partly contained: a host that keeps a journal restores the snapshot, then the
/// frames from `next_frame` of the report on, and has the same state to the bit.
///
/// `context` is handed to `write`, which calls nothing of the engine. `report` may be NULL; else its `size` is
/// set by the caller, and treated as by sekisho_statistics_table. SEKISHO_STATUS_HOST when `write` fails. `error`
/// may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_snapshot(
    engine: Option<&sekisho_engine>,
    write: sekisho_write,
    context: *mut c_void,
    report: *mut sekisho_snapshot_report,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (engine, write) = (required(engine, "engine")?, required(write, "write")?);
        let size = if report.is_null() {
            None
        } else {
            // SAFETY: the caller states that at least the size is readable.
            Some(unsafe { raw::size_of_structure((&raw const (*report).size).read(), SMALLEST, "report")? })
        };
        let mut sink = Sink { write, context };
        let written = engine.engine.snapshot(|bytes| sink.write(bytes))?;
        if let Some(size) = size {
            let size = size.min(size_of::<sekisho_snapshot_report>());
            let filled = sekisho_snapshot_report {
                size,
                entities: written.entities,
                bytes: written.bytes,
                next_frame: written.next_frame,
            };
            // SAFETY: the caller states that so many bytes are writable; the structure has no less.
            unsafe { (&raw const filled).cast::<u8>().copy_to_nonoverlapping(report.cast(), size) };
        }
        Ok(())
    })
}

/// Makes an engine that remembers what a snapshot holds. Otherwise as sekisho_engine_new_with.
///
/// `context` is handed to `read`. The policy may remember more than the one that the snapshot was taken under,
/// not less: restore under that one, then swap.
///
/// SEKISHO_STATUS_DAMAGED for bytes that are no snapshot, are cut off or changed, belong to another key or a
/// later release, or hold what the policy does not remember; SEKISHO_STATUS_HOST when `read` fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_restore(
    policy: Option<&sekisho_policy>,
    options: Option<&sekisho_engine_options>,
    key_id: u32,
    key: *const u8,
    key_length: usize,
    read: sekisho_read,
    context: *mut c_void,
    engine: Option<&mut MaybeUninit<Box<sekisho_engine>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (policy, place) = (required(policy, "policy")?, required(engine, "engine")?);
        let read = required(read, "read")?;
        // SAFETY: the caller states that the pair names readable bytes.
        let key = unsafe { raw::bytes(key, key_length, "key")? };
        let source = BufReader::with_capacity(PIECE, Source { read, context });
        let restored = builder(policy, options, key_id, key)?.restore(source)?;
        place.write(sekisho_engine::of(restored));
        Ok(())
    })
}

/// Does again what a journal says, after a snapshot was restored or from the very first frame on. Frames that
/// the snapshot contains are passed over. Call it before the engine is used; it writes no frames.
///
/// `context` is handed to `read`. `report` says how far the journal went; it may be NULL, else it is written and
/// belongs to the caller. Frames are done one by one: after an error the engine is as of the frame before.
///
/// SEKISHO_STATUS_DAMAGED for a frame that is changed, missing, out of its order or another key's;
/// SEKISHO_STATUS_HOST when `read` fails. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_recover(
    engine: Option<&sekisho_engine>,
    read: sekisho_read,
    context: *mut c_void,
    report: Option<&mut MaybeUninit<Box<sekisho_recovered>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (engine, read) = (required(engine, "engine")?, required(read, "read")?);
        let source = BufReader::with_capacity(PIECE, Source { read, context });
        let recovered = engine.engine.recover(source)?;
        if let Some(place) = report {
            place.write(Box::new(sekisho_recovered { recovered }));
        }
        Ok(())
    })
}

/// Frees a report. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_recovered_free(report: Option<Box<sekisho_recovered>>) {
    free(report);
}

/// Whether the journal was done to its end: nothing is torn, and no other policy follows. False for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_recovered_is_complete(report: Option<&sekisho_recovered>) -> bool {
    answer(false, || Some(report?.recovered.is_complete()))
}

/// Frames that were read, those among them that the snapshot contained already; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_recovered_frames(report: Option<&sekisho_recovered>) -> u64 {
    answer(0, || Some(report?.recovered.frames))
}

/// Bytes of whole frames that were read; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_recovered_bytes(report: Option<&sekisho_recovered>) -> u64 {
    answer(0, || Some(report?.recovered.bytes))
}

/// Bytes of a last frame that was not written to its end; 0 for NULL. What it says was never acknowledged: cut
/// the file to the bytes of whole frames before more is appended.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_recovered_torn(report: Option<&sekisho_recovered>) -> u64 {
    answer(0, || Some(report?.recovered.torn))
}

/// The policy that the next frame was written under, by its name and version, when it is another than the
/// engine's: swap to it, and recover from the byte behind the whole frames on.
///
/// The text lives as long as the report. SEKISHO_STATUS_NOT_FOUND when no other policy follows.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_recovered_policy(
    report: Option<&sekisho_recovered>,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    raw::bare(|| {
        let policy = required(report, "report")?.recovered.policy.as_deref();
        let policy = policy.ok_or_else(|| {
            Failure::new(sekisho_status::NotFound, "no other policy follows in the journal")
        })?;
        lend(policy, text, length)
    })
}
