//! Many engines in one process, each with a policy, a key and memory of its own.

use std::ffi::{c_char, c_void};
use std::io::BufReader;
use std::mem::MaybeUninit;
use std::sync::Arc;

use sekisho::{Engine, TenantStatistics, Tenants};

use crate::engine::{builder, sekisho_engine, state};
use crate::error::sekisho_error;
use crate::host::{PIECE, Source, sekisho_read};
use crate::options::sekisho_engine_options;
use crate::policy::sekisho_policy;
use crate::raw::{self, Failure, answer, bare, free, lend, not_found, reported, required};
use crate::status::sekisho_status;

/// Engines by name, one for each tenant, within one budget of memory. Nothing else is shared: the same identifier in
/// two tenants is two strangers, and a flood in one evicts nobody in another. Give each a key of its own, so that no
/// snapshot or journal of one can be opened as another's.
///
/// Owned by the caller, freed with sekisho_tenants_free; engines that were got from it go on working. Any number of
/// threads may use one.
#[derive(Debug)]
pub struct sekisho_tenants {
    tenants: Tenants,
}

/// How much each tenant remembered when it was asked, in the order of names.
///
/// Owned by the caller, freed with sekisho_tenant_statistics_free. It never changes: any number of threads may read
/// it.
#[derive(Debug)]
pub struct sekisho_tenant_statistics {
    tenants: Vec<TenantStatistics>,
}

/// Makes a registry without tenants, for engines that together may fill so many bytes. It is written to `tenants`
/// and belongs to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_tenants_new(
    memory: usize,
    tenants: Option<&mut MaybeUninit<Box<sekisho_tenants>>>,
) -> sekisho_status {
    bare(|| {
        let place = required(tenants, "tenants")?;
        place.write(Box::new(sekisho_tenants { tenants: Tenants::new(memory) }));
        Ok(())
    })
}

/// Frees a registry. NULL is fine. Engines that were got from it are freed by themselves.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_tenants_free(tenants: Option<Box<sekisho_tenants>>) {
    free(tenants);
}

/// Starts an engine under a name, which is copied, as sekisho_engine_new_with does. It may fill the bytes that its
/// options say, a gibibyte without.
///
/// `engine` may be NULL; else it is written as by sekisho_tenants_get. SEKISHO_STATUS_TAKEN when a tenant has this
/// name, SEKISHO_STATUS_OUT_OF_RANGE when fewer bytes are left, SEKISHO_STATUS_EMPTY or SEKISHO_STATUS_TOO_LONG for a
/// name of no or more than 256 bytes, and the statuses of sekisho_engine_new_with. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_tenants_add(
    tenants: Option<&sekisho_tenants>,
    name: *const c_char,
    name_length: usize,
    policy: Option<&sekisho_policy>,
    options: Option<&sekisho_engine_options>,
    key_id: u32,
    key: *const u8,
    key_length: usize,
    engine: Option<&mut MaybeUninit<Box<sekisho_engine>>>,
    error: Option<&mut MaybeUninit<Box<sekisho_error>>>,
) -> sekisho_status {
    reported(error, || {
        let (tenants, policy) = (required(tenants, "tenants")?, required(policy, "policy")?);
        // SAFETY: the caller states that both pairs name readable bytes.
        let (name, key) =
            unsafe { (raw::text(name, name_length, "name")?, raw::bytes(key, key_length, "key")?) };
        let added = tenants.tenants.add(name, builder(policy, options, key_id, key)?)?;
        hand_out(engine, added);
        Ok(())
    })
}

/// Starts an engine that remembers what a snapshot holds, under a name. Otherwise as sekisho_tenants_add and
/// sekisho_engine_restore. The name and the memory are set aside while it is read; nobody gets the tenant before it
/// is whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_tenants_restore(
    tenants: Option<&sekisho_tenants>,
    name: *const c_char,
    name_length: usize,
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
        let (tenants, policy) = (required(tenants, "tenants")?, required(policy, "policy")?);
        let read = required(read, "read")?;
        // SAFETY: the caller states that both pairs name readable bytes.
        let (name, key) =
            unsafe { (raw::text(name, name_length, "name")?, raw::bytes(key, key_length, "key")?) };
        let source = BufReader::with_capacity(PIECE, Source { read, context });
        let restored = tenants.tenants.restore(name, builder(policy, options, key_id, key)?, source)?;
        hand_out(engine, restored);
        Ok(())
    })
}

/// The engine of a tenant, as a new handle that belongs to the caller and is freed with sekisho_engine_free. It goes
/// on working after the tenant was removed. Never waits; keep the handle rather than asking for each event.
///
/// SEKISHO_STATUS_NOT_FOUND when no tenant has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_tenants_get(
    tenants: Option<&sekisho_tenants>,
    name: *const c_char,
    name_length: usize,
    engine: Option<&mut MaybeUninit<Box<sekisho_engine>>>,
) -> sekisho_status {
    bare(|| {
        let (tenants, place) = (required(tenants, "tenants")?, required(engine, "engine")?);
        // SAFETY: the caller states that the pair names readable bytes.
        let name = unsafe { raw::text(name, name_length, "name")? };
        let none = || Failure::new(sekisho_status::NotFound, "no tenant has this name");
        place.write(sekisho_engine::of(tenants.tenants.get(name).ok_or_else(none)?));
        Ok(())
    })
}

/// Takes a tenant out. `removed` is false when there was none of this name; it may be NULL. Its memory is freed, and
/// its bytes can be given to another, once all handles of its engine are freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_tenants_remove(
    tenants: Option<&sekisho_tenants>,
    name: *const c_char,
    name_length: usize,
    removed: Option<&mut MaybeUninit<bool>>,
) -> sekisho_status {
    bare(|| {
        let tenants = required(tenants, "tenants")?;
        // SAFETY: the caller states that the pair names readable bytes.
        let name = unsafe { raw::text(name, name_length, "name")? };
        state(removed, tenants.tenants.remove(name).is_some());
        Ok(())
    })
}

/// How many tenants there are; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_tenants_count(tenants: Option<&sekisho_tenants>) -> usize {
    answer(0, || Some(tenants?.tenants.len()))
}

/// Bytes that a further tenant may fill; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_tenants_memory_left(tenants: Option<&sekisho_tenants>) -> usize {
    answer(0, || Some(tenants?.tenants.memory_left()))
}

/// What each tenant remembers now. The statistics are written to `statistics` and belong to the caller.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_tenants_statistics(
    tenants: Option<&sekisho_tenants>,
    statistics: Option<&mut MaybeUninit<Box<sekisho_tenant_statistics>>>,
) -> sekisho_status {
    bare(|| {
        let (tenants, place) = (required(tenants, "tenants")?, required(statistics, "statistics")?);
        place.write(Box::new(sekisho_tenant_statistics { tenants: tenants.tenants.statistics() }));
        Ok(())
    })
}

/// Frees statistics. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_tenant_statistics_free(statistics: Option<Box<sekisho_tenant_statistics>>) {
    free(statistics);
}

/// How many tenants there were; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_tenant_statistics_count(statistics: Option<&sekisho_tenant_statistics>) -> usize {
    answer(0, || Some(statistics?.tenants.len()))
}

/// A tenant: its name, how many bytes it may fill, and how many it filled.
///
/// `memory` and `bytes` may be NULL. The text lives as long as the statistics. SEKISHO_STATUS_NOT_FOUND from the
/// count on. What each table remembers is told by sekisho_engine_statistics.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_tenant_statistics_tenant(
    statistics: Option<&sekisho_tenant_statistics>,
    index: usize,
    name: Option<&mut MaybeUninit<*const c_char>>,
    length: Option<&mut MaybeUninit<usize>>,
    memory: Option<&mut MaybeUninit<usize>>,
    bytes: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        let tenants = &required(statistics, "statistics")?.tenants;
        let tenant = tenants.get(index).ok_or_else(|| not_found("tenant", index))?;
        lend(&tenant.name, name, length)?;
        for (place, value) in [(memory, tenant.memory), (bytes, tenant.bytes)] {
            if let Some(place) = place {
                place.write(value);
            }
        }
        Ok(())
    })
}

/// A handle for those who want it.
fn hand_out(place: Option<&mut MaybeUninit<Box<sekisho_engine>>>, engine: Arc<Engine>) {
    if let Some(place) = place {
        place.write(sekisho_engine::of(engine));
    }
}
