//! Bounds of an engine before it starts.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::error::sekisho_error;
use crate::raw::{self, bare, free, reported, required};
use crate::status::sekisho_status;

/// Bounds of an engine before it starts.
///
/// Owned by the caller, freed with sekisho_engine_options_free. May be used for any number of engines.
#[derive(Debug)]
pub struct sekisho_engine_options {
    /// None for what the core takes by itself.
    pub(crate) memory: Option<usize>,
    pub(crate) tables: Vec<(String, usize)>,
}

/// Makes options that say nothing yet. They are written to `options` and belong to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_options_new(
    options: Option<&mut MaybeUninit<Box<sekisho_engine_options>>>,
) -> sekisho_status {
    bare(|| {
        let place = required(options, "options")?;
        place.write(Box::new(sekisho_engine_options { memory: None, tables: Vec::new() }));
        Ok(())
    })
}

/// Frees options. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_options_free(options: Option<Box<sekisho_engine_options>>) {
    free(options);
}

/// Bytes that all histories together may fill, a gibibyte unless this is called. Tables without a budget of
/// their own share what the others leave, each an equal part.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_options_memory(
    options: Option<&mut sekisho_engine_options>,
    bytes: usize,
) -> sekisho_status {
    bare(|| {
        required(options, "options")?.memory = Some(bytes);
        Ok(())
    })
}

/// Bytes that the histories of one entity may fill. The entity is named as in `by`, such as "account"; the
/// name is copied. It outlasts swaps. `error` may be NULL.
///
/// Whether the policy has such an entity and the bytes suffice is found when an engine is made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_options_table_memory(
    options: Option<&mut sekisho_engine_options>,
    entity: *const c_char,
    entity_length: usize,
    bytes: usize,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let options = required(options, "options")?;
        // SAFETY: the caller states that the pair names readable bytes.
        let entity = unsafe { raw::text(entity, entity_length, "entity")? };
        options.tables.push((entity.to_owned(), bytes));
        Ok(())
    })
}
