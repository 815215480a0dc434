//! The engine.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use sekisho::{ErrorKind, HashKey, Label, ListEntry, Outcome};

use crate::convert::{read_mapping, read_time};
use crate::decision::Decision;
use crate::error::{Failure, Result};
use crate::event::{Event, put_all};
use crate::names;
use crate::policy::Policy;
use crate::replay::{self, Options, Table};

/// Scores events against a policy and what it remembers. Threads may share one.
#[pyclass(frozen, module = "sekisho")]
pub(crate) struct Engine {
    inner: sekisho::Engine,
}

impl Engine {
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
    #[pyo3(signature = (policy, key, key_id = 1))]
    fn new(policy: &Bound<'_, Policy>, key: &[u8], key_id: u32) -> Result<Engine> {
        let key = HashKey::from_bytes(key_id, key)?;
        Ok(Engine { inner: sekisho::Engine::new(policy.get().inner.clone(), key) })
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
        event: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> Result<Decision> {
        self.with_event(event, fields, |event| {
            let mut decision = sekisho::Decision::detailed();
            self.inner.assess_into(event, &mut decision)?;
            Decision::of(decision, event)
        })
    }

    /// Decides on an event and remembers nothing.
    #[pyo3(signature = (event = None, /, **fields))]
    fn score(
        &self,
        event: Option<&Bound<'_, PyAny>>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> Result<Decision> {
        self.with_event(event, fields, |event| {
            let mut decision = sekisho::Decision::detailed();
            self.inner.score_into(event, &mut decision)?;
            Decision::of(decision, event)
        })
    }

    /// Remembers an event without deciding. False when its id was recorded before.
    #[pyo3(signature = (event = None, /, **fields))]
    fn record(&self, event: Option<&Bound<'_, PyAny>>, fields: Option<&Bound<'_, PyDict>>) -> Result<bool> {
        self.with_event(event, fields, |event| Ok(self.inner.record(event)?))
    }

    /// States how an event ended. False when nothing remembers it.
    #[pyo3(signature = (event, outcome, /))]
    fn resolve(&self, event: &Bound<'_, PyAny>, outcome: &str) -> Result<bool> {
        let Some(outcome) = Outcome::named(outcome) else {
            let what = "found another word, expected one of pending, approved, declined, succeeded, failed, \
                        challenged, abandoned, reversed";
            return Err(Failure::of_field(ErrorKind::OutOfRange, "outcome", what));
        };
        self.with_event(Some(event), None, |event| Ok(self.inner.resolve(event, outcome)?))
    }

    /// States what was learnt about an event, and when. False when nothing remembers it.
    #[pyo3(signature = (event, label, /, *, at))]
    fn label(&self, event: &Bound<'_, PyAny>, label: &str, at: &Bound<'_, PyAny>) -> Result<bool> {
        let Some(label) = Label::named(label) else {
            let what = "found another word, expected fraud or genuine";
            return Err(Failure::of_field(ErrorKind::OutOfRange, "label", what));
        };
        let at = read_time("at", at)?;
        self.with_event(Some(event), None, |event| Ok(self.inner.label(event, label, at)?))
    }

    /// States that the clock has reached a time, so that events up to a day later are taken.
    fn advance(&self, time: &Bound<'_, PyAny>) -> Result<()> {
        Ok(self.inner.advance(read_time("time", time)?)?)
    }

    /// Installs another policy; the report says which features start cold.
    fn swap<'py>(&self, py: Python<'py>, policy: &Bound<'py, Policy>) -> Result<Bound<'py, PyAny>> {
        let report = self.inner.swap(policy.get().inner.clone())?;
        Ok(names::made(py, "SwapReport", (report.warm, report.cold))?)
    }

    /// Puts an identifier or a network on a list, or changes its entry.
    #[pyo3(signature = (list, member, /, *, severity = 100, source = None, expires = None))]
    fn list_add(
        &self,
        list: &str,
        member: &str,
        severity: i64,
        source: Option<String>,
        expires: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let severity = u8::try_from(severity).ok().filter(|severity| *severity <= 100).ok_or_else(|| {
            let what = format!("found {severity}, expected 0 to 100");
            Failure::of_field(ErrorKind::OutOfRange, "severity", what)
        })?;
        let mut entry = ListEntry::new().severity(severity).source(source.unwrap_or_default());
        if let Some(expires) = expires {
            entry = entry.expires(read_time("expires", expires)?);
        }
        Ok(self.inner.list_add(list, member, entry)?)
    }

    /// Takes an identifier or a network off a list. False when it was not on it.
    #[pyo3(signature = (list, member, /))]
    fn list_remove(&self, list: &str, member: &str) -> Result<bool> {
        Ok(self.inner.list_remove(list, member)?)
    }

    /// How many members a list has, expired ones among them.
    #[pyo3(signature = (list, /))]
    fn list_len(&self, list: &str) -> Result<usize> {
        Ok(self.inner.list_len(list)?)
    }

    /// What is remembered about each kind of entity.
    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let tables = self.inner.statistics().into_iter();
        tables
            .map(|table| names::made(py, "TableStatistics", (table.name, table.entities, table.events)))
            .collect()
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
        replay::replay(py, &self.inner, frame, &options)
    }

    fn __repr__(&self) -> String {
        let events = self.inner.statistics().iter().map(|table| table.events).max().unwrap_or(0);
        format!("Engine({:?}, {events} events in the largest table)", self.inner.policy())
    }
}
