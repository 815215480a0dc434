//! What a host says of an engine before it starts: bounds, and where its journal goes.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use sekisho::HashKey;

use crate::error::sekisho_error;
use crate::host::{Journal, sekisho_journal};
use crate::raw::{self, bare, free, reported, required};
use crate::status::sekisho_status;

/// What a host says of an engine before it starts: bounds, and where its journal goes.
///
/// Owned by the caller, freed with sekisho_engine_options_free. May be used for any number of engines.
#[derive(Debug)]
pub struct sekisho_engine_options {
    /// None for what the core takes by itself.
    pub(crate) memory: Option<usize>,
    pub(crate) tables: Vec<(String, usize)>,
    pub(crate) journal: Option<Journal>,
    pub(crate) previous_key: Option<HashKey>,
    pub(crate) shared_keys: Vec<(String, HashKey)>,
}

/// Makes options that say nothing yet. They are written to `options` and belong to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_engine_options_new(
    options: Option<&mut MaybeUninit<Box<sekisho_engine_options>>>,
) -> sekisho_status {
    bare(|| {
        let place = required(options, "options")?;
        place.write(Box::new(sekisho_engine_options {
            memory: None,
            tables: Vec::new(),
            journal: None,
            previous_key: None,
            shared_keys: Vec::new(),
        }));
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

/// The key that the engine's own is replacing, 32 secret bytes with the number that names it: for a snapshot or a
/// journal from before or during a rotation; see sekisho_engine_rotate. The bytes are copied, and wiped when the
/// options are freed. SEKISHO_STATUS_KEY for another length. `error` may be NULL.
///
/// Whether it is another key than the engine's is found when an engine is made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_options_previous_key(
    options: Option<&mut sekisho_engine_options>,
    key_id: u32,
    key: *const u8,
    key_length: usize,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let options = required(options, "options")?;
        // SAFETY: the caller states that the pair names readable bytes.
        let key = unsafe { raw::bytes(key, key_length, "key")? };
        options.previous_key = Some(HashKey::from_bytes(key_id, key)?);
        Ok(())
    })
}

/// A key that other institutions have as well, 32 secret bytes with the number that names it, for lists that the policy
/// says are hashed with it: `key = "consortium"`. Name and bytes are copied, and the bytes wiped when the options are
/// freed. SEKISHO_STATUS_KEY for another length. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_options_shared_key(
    options: Option<&mut sekisho_engine_options>,
    name: *const c_char,
    name_length: usize,
    key_id: u32,
    key: *const u8,
    key_length: usize,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let options = required(options, "options")?;
        // SAFETY: the caller states that both pairs name readable bytes.
        let (name, key) =
            unsafe { (raw::text(name, name_length, "name")?, raw::bytes(key, key_length, "key")?) };
        options.shared_keys.push((name.to_owned(), HashKey::from_bytes(key_id, key)?));
        Ok(())
    })
}

/// Hands every change of the engine's memory to `journal` as a frame, for a log that can be recovered from:
/// recorded events, outcomes, labels, lists, what was forgotten. `context` is handed to it and outlives the
/// engine.
///
/// The frame comes before the call that causes it returns. A host acknowledges a payment when its frame is
/// safe. Give each engine options of its own then: frames of two do not mix.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_engine_options_journal(
    options: Option<&mut sekisho_engine_options>,
    journal: sekisho_journal,
    context: *mut c_void,
) -> sekisho_status {
    bare(|| {
        let (options, take) = (required(options, "options")?, required(journal, "journal")?);
        options.journal = Some(Journal { take, context });
        Ok(())
    })
}
