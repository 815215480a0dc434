//! How much an engine remembers.

use std::ffi::c_char;
use std::mem::{MaybeUninit, offset_of};

use sekisho::TableStatistics;

use crate::engine::sekisho_engine;
use crate::raw::{self, Failure, answer, bare, free, lend, not_found, required};
use crate::status::sekisho_status;

/// How much an engine remembered when it was asked, table by table in the order of the policy.
///
/// Owned by the caller, freed with sekisho_statistics_free. It never changes: any number of threads may read
/// it.
#[derive(Debug)]
pub struct sekisho_statistics {
    tables: Vec<TableStatistics>,
}

/// How much a table remembers. Later versions may add to its end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct sekisho_table_statistics {
    /// The size of this structure as the caller knows it, `sizeof(sekisho_table_statistics)`.
    pub size: usize,
    /// Entities with a history.
    pub entities: u64,
    /// Events in all histories.
    pub events: u64,
    /// Bytes of memory in use.
    pub bytes: u64,
    /// Bytes of memory that the table may use.
    pub budget: u64,
    /// Entities that were evicted because the memory was used up.
    pub evicted: u64,
    /// Entities that were dropped because all that they had done was older than any feature looks.
    pub expired: u64,
    /// Entities that had more events than a history holds exactly: what reaches further back is approximate.
    pub approximate: u64,
    /// Entities that are known under the previous key only, while it is replaced; see sekisho_engine_rotate.
    pub unrotated: u64,
}

/// The size of the structure in the first version that had it.
const SMALLEST: usize = offset_of!(sekisho_table_statistics, approximate) + size_of::<u64>();

/// What each table remembers now. The statistics are written to `statistics` and belong to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_statistics(
    engine: Option<&sekisho_engine>,
    statistics: Option<&mut MaybeUninit<Box<sekisho_statistics>>>,
) -> sekisho_status {
    bare(|| {
        let (engine, place) = (required(engine, "engine")?, required(statistics, "statistics")?);
        place.write(Box::new(sekisho_statistics { tables: engine.engine.statistics() }));
        Ok(())
    })
}

/// Frees statistics. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_statistics_free(statistics: Option<Box<sekisho_statistics>>) {
    free(statistics);
}

/// How many tables there are; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_statistics_table_count(statistics: Option<&sekisho_statistics>) -> usize {
    answer(0, || Some(statistics?.tables.len()))
}

/// The name of a table's entity, as in `by`. The text lives as long as the statistics.
/// SEKISHO_STATUS_NOT_FOUND from the count on.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_statistics_table_name(
    statistics: Option<&sekisho_statistics>,
    index: usize,
    text: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| lend(&found(statistics, index)?.name, text, length))
}

/// What a table remembers. `table` is the caller's, who sets its size before.
///
/// Only what lies within that size is written, so that a program goes on working with a library that counts
/// more; with one that counts less, the size is set to what was written. SEKISHO_STATUS_NOT_FOUND from the
/// count on, SEKISHO_STATUS_OUT_OF_RANGE for a size that is too small for any version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_statistics_table(
    statistics: Option<&sekisho_statistics>,
    index: usize,
    table: *mut sekisho_table_statistics,
) -> sekisho_status {
    bare(|| {
        let known = found(statistics, index)?;
        if table.is_null() {
            return Err(Failure::new(sekisho_status::NullHandle, "`table`: found NULL"));
        }
        // SAFETY: the caller states that at least the size is readable.
        let size = unsafe { raw::size_of_structure((&raw const (*table).size).read(), SMALLEST, "table")? };
        let size = size.min(size_of::<sekisho_table_statistics>());
        let filled = sekisho_table_statistics {
            size,
            entities: known.entities as u64,
            events: known.events as u64,
            bytes: known.bytes as u64,
            budget: known.budget as u64,
            evicted: known.evicted,
            expired: known.expired,
            approximate: known.approximate as u64,
            unrotated: known.unrotated as u64,
        };
        // SAFETY: the caller states that so many bytes are writable; the structure has no less.
        unsafe { (&raw const filled).cast::<u8>().copy_to_nonoverlapping(table.cast(), size) };
        Ok(())
    })
}

fn found(statistics: Option<&sekisho_statistics>, index: usize) -> Result<&TableStatistics, Failure> {
    required(statistics, "statistics")?.tables.get(index).ok_or_else(|| not_found("table", index))
}
