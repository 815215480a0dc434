//! The engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping};
use sekisho::{EngineBuilder, ErrorKind, HashKey, Label, Outcome, PreparedList, Recovered, TableStatistics};

use crate::convert::{read_mapping, read_time};
use crate::decision::Decision;
use crate::error::{Failure, Result};
use crate::event::{Event, put_all};
use crate::host::{Journal, Target, source};
use crate::lists::{Members, entry};
use crate::names;
use crate::policy::Policy;
use crate::replay::{self, Options, Table};

/// Keys that other institutions have as well, with their numbers, by the names that policies call them.
#[derive(Default)]
pub(crate) struct SharedKeys(BTreeMap<String, (u32, Vec<u8>)>);

impl FromPyObject<'_, '_> for SharedKeys {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, '_, PyAny>) -> PyResult<SharedKeys> {
        let items = given.cast::<PyMapping>()?.items()?;
        Ok(SharedKeys(items.iter().map(|item| item.extract()).collect::<PyResult<_>>()?))
    }
}

/// Scores events against a policy and what it remembers. Threads may share one.
#[pyclass(frozen, module = "sekisho")]
pub(crate) struct Engine {
    /// Tenants hold it too.
    inner: Arc<sekisho::Engine>,
    journal: Option<Journal>,
}

impl Engine {
    pub(crate) fn of(inner: impl Into<Arc<sekisho::Engine>>, journal: Option<Journal>) -> Engine {
        Engine { inner: inner.into(), journal }
    }

    /// An engine before it starts, and its journal.
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    pub(crate) fn builder(
        policy: &Bound<'_, Policy>,
        key: &[u8],
        key_id: u32,
        memory: Option<i64>,
        table_memory: Option<BTreeMap<String, i64>>,
        journal: Option<&Bound<'_, PyAny>>,
        (previous_key, previous_key_id): (Option<&[u8]>, u32),
        shared_keys: Option<SharedKeys>,
    ) -> Result<(EngineBuilder, Option<Journal>)> {
        let key = HashKey::from_bytes(key_id, key)?;
        let mut builder = sekisho::Engine::builder(policy.get().inner.clone(), key);
        if let Some(found) = memory {
            builder = builder.memory(bytes("memory", found)?);
        }
        for (entity, found) in table_memory.unwrap_or_default() {
            builder = builder.table_memory(&entity, bytes("table_memory", found)?);
        }
        if let Some(previous) = previous_key {
            builder = builder.previous_key(HashKey::from_bytes(previous_key_id, previous)?);
        }
        for (name, (id, key)) in shared_keys.unwrap_or_default().0 {
            builder = builder.shared_key(&name, HashKey::from_bytes(id, &key)?);
        }
        let journal = journal.map(Journal::of).transpose()?;
        if let Some(journal) = &journal {
            builder = builder.journal(journal.sink());
        }
        Ok((builder, journal))
    }

    /// Hands the journal's frames out before a call comes back, whatever it came to.
    fn journalled<T>(&self, py: Python<'_>, answer: Result<T>) -> Result<T> {
        self.journal.as_ref().map_or(Ok(()), |journal| journal.hand_out(py))?;
        answer
    }

    /// Takes members to load them, unless they would be refused.
    fn taken(&self, py: Python<'_>, members: &Bound<'_, Members>) -> Result<PreparedList> {
        let members = members.get();
        py.detach(|| members.take_if(|members| Ok(self.inner.list_accepts(members)?)))
    }

    /// Calls `then` with the event that the caller gave, in whichever form.
    fn with_event<T>(
        &self,
        event: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
        then: impl FnOnce(&sekisho::Event) -> Result<T>,
    ) -> Result<T> {
        let fields = fields.filter(|fields| !fields.is_empty());
        let reused = event.and_then(|event| event.cast::<Event>().ok());
        if let (Some(event), None) = (reused, fields) {
            return then(&event.get().lock());
        }
        let mut built = match reused {
            Some(event) => event.get().lock().clone(),
            None => self.inner.event(),
        };
        let mapping = event.filter(|_| reused.is_none());
        for mapping in mapping.into_iter().chain(fields.map(|fields| fields.as_any())) {
            let read = read_mapping(&built.schema().clone(), mapping)?;
            put_all(&mut built, &read)?;
        }
        then(&built)
    }
}

#[pymethods]
impl Engine {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    #[pyo3(signature = (policy, key, key_id = 1, *, memory = None, table_memory = None, journal = None, previous_key = None, previous_key_id = 0, shared_keys = None))]
    fn new(
        policy: &Bound<'_, Policy>,
        key: &[u8],
        key_id: u32,
        memory: Option<i64>,
        table_memory: Option<BTreeMap<String, i64>>,
        journal: Option<&Bound<'_, PyAny>>,
        previous_key: Option<&[u8]>,
        previous_key_id: u32,
        shared_keys: Option<SharedKeys>,
    ) -> Result<Engine> {
        let (builder, journal) = Engine::builder(
            policy,
            key,
            key_id,
            memory,
            table_memory,
            journal,
            (previous_key, previous_key_id),
            shared_keys,
        )?;
        Ok(Engine::of(builder.build()?, journal))
    }

    /// An engine that remembers what a snapshot holds.
    #[staticmethod]
    #[pyo3(signature = (policy, key, key_id = 1, *, source, memory = None, table_memory = None, journal = None, previous_key = None, previous_key_id = 0, shared_keys = None))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn restore(
        py: Python<'_>,
        policy: &Bound<'_, Policy>,
        key: &[u8],
        key_id: u32,
        source: &Bound<'_, PyAny>,
        memory: Option<i64>,
        table_memory: Option<BTreeMap<String, i64>>,
        journal: Option<&Bound<'_, PyAny>>,
        previous_key: Option<&[u8]>,
        previous_key_id: u32,
        shared_keys: Option<SharedKeys>,
    ) -> Result<Engine> {
        let (builder, journal) = Engine::builder(
            policy,
            key,
            key_id,
            memory,
            table_memory,
            journal,
            (previous_key, previous_key_id),
            shared_keys,
        )?;
        let mut from = self::source(source)?;
        let restored = py.detach(|| builder.restore(&mut from));
        Ok(Engine::of(from.or_failed(restored)?, journal))
    }

    /// Writes everything that the engine remembers, while other threads go on scoring.
    #[pyo3(signature = (to, /))]
    fn snapshot<'py>(&self, py: Python<'py>, to: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        let to = Target::of(to)?;
        let report = py.detach(|| to.written(|to| self.inner.snapshot(|bytes| to.write_all(bytes))))?;
        Ok(names::made(py, "SnapshotReport", (report.entities, report.bytes, report.next_frame))?)
    }

    /// Does again what a journal says.
    #[pyo3(signature = (source, /))]
    fn recover<'py>(&self, py: Python<'py>, source: &Bound<'py, PyAny>) -> Result<Bound<'py, PyAny>> {
        let mut from = self::source(source)?;
        let recovered = py.detach(|| self.inner.recover(&mut from));
        let Recovered { frames, bytes, torn, policy, .. } = from.or_failed(recovered)?;
        Ok(names::made(py, "Recovered", (frames, bytes, torn, policy))?)
    }

    /// The policy in force.
    #[getter]
    fn policy(&self) -> Policy {
        Policy::of(self.inner.policy())
    }

    /// An event to be filled and reused.
    #[pyo3(signature = (**fields))]
    fn event(&self, fields: Option<&Bound<'_, PyDict>>) -> Result<Event> {
        let mut event = self.inner.event();
        if let Some(fields) = fields {
            let read = read_mapping(&event.schema().clone(), fields.as_any())?;
            put_all(&mut event, &read)?;
        }
        Ok(Event::new(event))
    }

    /// Decides on an event and remembers it.
    #[pyo3(signature = (event = None, /, **fields))]
    fn assess(
        &self,
        py: Python<'_>,
        event: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> Result<Decision> {
        let decided = self.with_event(event, fields, |event| {
            let mut decision = sekisho::Decision::detailed();
            self.inner.assess_into(event, &mut decision)?;
            Decision::of(decision, event)
        });
        self.journalled(py, decided)
    }

    /// Decides on an event and remembers nothing.
    #[pyo3(signature = (event = None, /, **fields))]
    fn score(
        &self,
        py: Python<'_>,
        event: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> Result<Decision> {
        let decided = self.with_event(event, fields, |event| {
            let mut decision = sekisho::Decision::detailed();
            self.inner.score_into(event, &mut decision)?;
            Decision::of(decision, event)
        });
        // While the key is replaced, what is touched comes to the new one.
        self.journalled(py, decided)
    }

    /// Remembers an event without deciding. False when its id was recorded before.
    #[pyo3(signature = (event = None, /, **fields))]
    fn record(
        &self,
        py: Python<'_>,
        event: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> Result<bool> {
        let recorded = self.with_event(event, fields, |event| Ok(self.inner.record(event)?));
        self.journalled(py, recorded)
    }

    /// States how an event ended. False when nothing remembers it.
    #[pyo3(signature = (event, outcome, /))]
    fn resolve(&self, py: Python<'_>, event: &Bound<'_, PyAny>, outcome: &str) -> Result<bool> {
        let Some(outcome) = Outcome::named(outcome) else {
            let what = "found another word, expected one of pending, approved, declined, succeeded, failed, \
                        challenged, abandoned, reversed";
            return Err(Failure::of_field(ErrorKind::OutOfRange, "outcome", what));
        };
        let known = self.with_event(Some(event), None, |event| Ok(self.inner.resolve(event, outcome)?));
        self.journalled(py, known)
    }

    /// States what was learnt about an event, and when. False when nothing remembers it.
    #[pyo3(signature = (event, label, /, *, at))]
    fn label(
        &self,
        py: Python<'_>,
        event: &Bound<'_, PyAny>,
        label: &str,
        at: &Bound<'_, PyAny>,
    ) -> Result<bool> {
        let Some(label) = Label::named(label) else {
            let what = "found another word, expected fraud or genuine";
            return Err(Failure::of_field(ErrorKind::OutOfRange, "label", what));
        };
        let at = read_time("at", at)?;
        let known = self.with_event(Some(event), None, |event| Ok(self.inner.label(event, label, at)?));
        self.journalled(py, known)
    }

    /// States that the clock has reached a time, so that events up to a day later are taken.
    fn advance(&self, py: Python<'_>, time: &Bound<'_, PyAny>) -> Result<()> {
        let time = read_time("time", time)?;
        py.detach(|| self.inner.advance(time))?;
        self.journalled(py, Ok(()))
    }

    /// Drops what no feature needs any more; returns how many entities are gone.
    fn expire(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.inner.expire())
    }

    /// Installs another policy; the report says which features start cold or without all of their history.
    fn swap<'py>(&self, py: Python<'py>, policy: &Bound<'py, Policy>) -> Result<Bound<'py, PyAny>> {
        let policy = policy.get().inner.clone();
        // It waits for a snapshot, which may wait for the interpreter.
        let report = py.detach(|| self.inner.swap(policy))?;
        // Nothing happens before 1970, and Python's times do not reach back as far as windows may.
        let partly_warm = report.partly_warm.into_iter();
        let partly_warm = partly_warm.map(|(name, since)| Ok((name, names::time(py, since.max(0))?)));
        let partly_warm = partly_warm.collect::<PyResult<Vec<_>>>()?;
        let fields = (report.warm, partly_warm, report.cold, report.dropped, report.challenger_ended);
        Ok(names::made(py, "SwapReport", fields)?)
    }

    /// Puts a policy on trial beside the one in force.
    fn challenge_with<'py>(&self, py: Python<'py>, policy: &Bound<'py, Policy>) -> Result<Bound<'py, PyAny>> {
        let policy = policy.get().inner.clone();
        // As for a swap.
        let report = py.detach(|| self.inner.challenge_with(policy))?;
        Ok(names::made(py, "ChallengerReport", (report.shared, report.own))?)
    }

    /// Ends the trial; the policy that was on trial, if there was one.
    fn end_challenge(&self, py: Python<'_>) -> Option<Policy> {
        // As for a swap.
        py.detach(|| self.inner.end_challenge()).map(Policy::of)
    }

    /// The policy on trial, if there is one.
    #[getter]
    fn challenger(&self) -> Option<Policy> {
        self.inner.challenger().map(Policy::of)
    }

    /// Forgets an entity: its history, its entries on lists, its hash in others' histories. False when nothing was known of it.
    #[pyo3(signature = (entity, id, /))]
    fn forget(&self, py: Python<'_>, entity: &str, id: &str) -> Result<bool> {
        let known = py.detach(|| self.inner.forget(entity, id))?;
        self.journalled(py, Ok(known))
    }

    /// Puts another key in force; the one so far is kept as the previous key.
    #[pyo3(signature = (key, key_id, /))]
    fn rotate(&self, py: Python<'_>, key: &[u8], key_id: u32) -> Result<()> {
        let key = HashKey::from_bytes(key_id, key)?;
        // It waits for a snapshot, which may wait for the interpreter.
        Ok(py.detach(|| self.inner.rotate(key))?)
    }

    /// Ends a rotation; says how many entities and members of lists went with the previous key.
    fn retire_key(&self, py: Python<'_>) -> Result<u64> {
        let dropped = py.detach(|| self.inner.retire_key());
        self.journalled(py, Ok(dropped))
    }

    /// Puts an identifier or a network on a list, or changes its entry.
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    #[pyo3(signature = (list, member, /, *, severity = 100, reason = None, source = None, expires = None))]
    fn list_add(
        &self,
        py: Python<'_>,
        list: &str,
        member: &str,
        severity: i64,
        reason: Option<String>,
        source: Option<String>,
        expires: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let entry = entry(severity, reason, source, expires)?;
        py.detach(|| self.inner.list_add(list, member, entry))?;
        self.journalled(py, Ok(()))
    }

    /// Takes an identifier or a network off a list. False when it was not on it.
    #[pyo3(signature = (list, member, /))]
    fn list_remove(&self, py: Python<'_>, list: &str, member: &str) -> Result<bool> {
        let removed = py.detach(|| self.inner.list_remove(list, member))?;
        self.journalled(py, Ok(removed))
    }

    /// How many members a list has, expired ones among them.
    #[pyo3(signature = (list, /))]
    fn list_len(&self, list: &str) -> Result<usize> {
        Ok(self.inner.list_len(list)?)
    }

    /// Begins to gather members for a list.
    #[pyo3(signature = (list, /))]
    fn list_prepare(&self, list: &str) -> Result<Members> {
        Ok(Members::of(self.inner.list_prepare(list)?))
    }

    /// Adds gathered members to their list; says how many it has more than before.
    #[pyo3(signature = (members, /))]
    fn list_load(&self, py: Python<'_>, members: &Bound<'_, Members>) -> Result<usize> {
        let members = self.taken(py, members)?;
        let more = py.detach(|| self.inner.list_load(members));
        self.journalled(py, Ok(more?))
    }

    /// Puts gathered members in the place of all that their list has; says how many these are.
    #[pyo3(signature = (members, name, /))]
    fn list_swap(&self, py: Python<'_>, members: &Bound<'_, Members>, name: &str) -> Result<usize> {
        let members = self.taken(py, members)?;
        let count = py.detach(|| self.inner.list_swap(members, name));
        self.journalled(py, Ok(count?))
    }

    /// What a list was called when it was last swapped, and how often it changed.
    #[pyo3(signature = (list, /))]
    fn list_version(&self, list: &str) -> Result<(String, u64)> {
        let version = self.inner.list_version(list)?;
        Ok((version.name.to_string(), version.number))
    }

    /// What was gathered as bytes that others who have the list's key can open.
    #[pyo3(signature = (members, /))]
    fn list_seal<'py>(&self, py: Python<'py>, members: &Bound<'_, Members>) -> Result<Bound<'py, PyBytes>> {
        let members = members.get();
        let bytes = py.detach(|| members.with(|members| Ok(self.inner.list_seal(members)?)))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Opens what was sealed for a list.
    #[pyo3(signature = (list, sealed, /))]
    fn list_open(&self, py: Python<'_>, list: &str, sealed: &[u8]) -> Result<Members> {
        Ok(Members::of(py.detach(|| self.inner.list_open(list, sealed))?))
    }

    /// What is remembered about each kind of entity.
    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        statistics(py, py.detach(|| self.inner.statistics()))
    }

    /// Scores and remembers every row of a table, in the order of time.
    #[pyo3(signature = (frame, /, *, progress = false, extra = "refuse", batch_rows = 65_536))]
    fn replay(
        &self,
        py: Python<'_>,
        frame: &Bound<'_, PyAny>,
        progress: bool,
        extra: &str,
        batch_rows: usize,
    ) -> Result<Table> {
        let options = Options { progress, batch_rows, ..Options::read(extra)? };
        replay::replay(py, &self.inner, frame, &options, |answer| self.journalled(py, answer))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.journal.as_ref().map_or(Ok(()), |journal| journal.traverse(&visit))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let tables = py.detach(|| self.inner.statistics());
        let events = tables.iter().map(|table| table.events).max().unwrap_or(0);
        format!("Engine({:?}, {events} events in the largest table)", self.inner.policy())
    }
}

pub(crate) fn statistics(py: Python<'_>, tables: Vec<TableStatistics>) -> PyResult<Vec<Bound<'_, PyAny>>> {
    let tables = tables.into_iter().map(|table| {
        let TableStatistics { name, entities, events, bytes, budget, .. } = table;
        let TableStatistics { evicted, expired, approximate, unrotated, .. } = table;
        let fields = (name, entities, events, bytes, budget, evicted, expired, approximate, unrotated);
        names::made(py, "TableStatistics", fields)
    });
    tables.collect()
}

/// A number of bytes as Python gives it.
pub(crate) fn bytes(name: &str, found: i64) -> Result<usize> {
    usize::try_from(found).map_err(|_| {
        let what = format!("found {found}, expected a number of bytes");
        Failure::of_field(ErrorKind::OutOfRange, name, what)
    })
}
