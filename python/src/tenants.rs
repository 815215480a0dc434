//! Many engines by name, within one budget of memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyKeyError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::engine::{Engine, SharedKeys, bytes, statistics};
use crate::error::Result;
use crate::host::{Journal, source};
use crate::names;
use crate::policy::Policy;

/// Engines by name, one for each tenant, within one budget of memory.
#[pyclass(frozen, mapping, module = "sekisho")]
pub(crate) struct Tenants {
    /// Keeps the budget.
    inner: sekisho::Tenants,
    /// The engines as Python knows them, with their journals.
    engines: Mutex<BTreeMap<String, Py<Engine>>>,
}

impl Tenants {
    /// Held for a moment and never while Python code runs.
    fn engines(&self) -> MutexGuard<'_, BTreeMap<String, Py<Engine>>> {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(
        &self,
        py: Python<'_>,
        name: String,
        engine: Arc<sekisho::Engine>,
        journal: Option<Journal>,
    ) -> Result<Py<Engine>> {
        let engine = Py::new(py, Engine::of(engine, journal))?;
        self.engines().insert(name, engine.clone_ref(py));
        Ok(engine)
    }

    fn all(&self, py: Python<'_>) -> Vec<(String, Py<Engine>)> {
        self.engines().iter().map(|(name, engine)| (name.clone(), engine.clone_ref(py))).collect()
    }
}

#[pymethods]
impl Tenants {
    #[new]
    #[pyo3(signature = (*, memory))]
    fn new(memory: i64) -> Result<Tenants> {
        let inner = sekisho::Tenants::new(bytes("memory", memory)?);
        Ok(Tenants { inner, engines: Mutex::default() })
    }

    /// Starts an engine under a name.
    #[pyo3(signature = (name, policy, key, key_id = 1, *, memory = None, table_memory = None, journal = None, previous_key = None, previous_key_id = 0, shared_keys = None))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn add(
        &self,
        py: Python<'_>,
        name: String,
        policy: &Bound<'_, Policy>,
        key: &[u8],
        key_id: u32,
        memory: Option<i64>,
        table_memory: Option<BTreeMap<String, i64>>,
        journal: Option<&Bound<'_, PyAny>>,
        previous_key: Option<&[u8]>,
        previous_key_id: u32,
        shared_keys: Option<SharedKeys>,
    ) -> Result<Py<Engine>> {
        let previous = (previous_key, previous_key_id);
        let (builder, journal) =
            Engine::builder(policy, key, key_id, memory, table_memory, journal, previous, shared_keys)?;
        let engine = py.detach(|| self.inner.add(&name, builder))?;
        self.keep(py, name, engine, journal)
    }

    /// Starts an engine that remembers what a snapshot holds, under a name.
    #[pyo3(signature = (name, policy, key, key_id = 1, *, source, memory = None, table_memory = None, journal = None, previous_key = None, previous_key_id = 0, shared_keys = None))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn restore(
        &self,
        py: Python<'_>,
        name: String,
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
    ) -> Result<Py<Engine>> {
        let previous = (previous_key, previous_key_id);
        let (builder, journal) =
            Engine::builder(policy, key, key_id, memory, table_memory, journal, previous, shared_keys)?;
        let mut from = self::source(source)?;
        let restored = py.detach(|| self.inner.restore(&name, builder, &mut from));
        let engine = from.or_failed(restored)?;
        self.keep(py, name, engine, journal)
    }

    /// Takes a tenant out; its engine, or None when there was none.
    #[pyo3(signature = (name, /))]
    fn remove(&self, py: Python<'_>, name: &str) -> Option<Py<Engine>> {
        let engine = self.engines().remove(name)?;
        py.detach(|| self.inner.remove(name));
        Some(engine)
    }

    /// The engine of a tenant, or the default.
    #[pyo3(signature = (name, default = None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> Option<Bound<'py, PyAny>> {
        let found = self.engines().get(name).map(|engine| engine.bind(py).clone().into_any());
        found.or(default)
    }

    /// The names, in their order.
    fn keys(&self) -> Vec<String> {
        self.engines().keys().cloned().collect()
    }

    /// The engines, in the order of names.
    fn values(&self, py: Python<'_>) -> Vec<Py<Engine>> {
        self.all(py).into_iter().map(|(_, engine)| engine).collect()
    }

    /// Names and engines, in the order of names.
    fn items(&self, py: Python<'_>) -> Vec<(String, Py<Engine>)> {
        self.all(py)
    }

    /// Bytes that all tenants together may fill.
    #[getter]
    fn memory(&self) -> usize {
        self.inner.memory()
    }

    /// Bytes that a further tenant may fill.
    #[getter]
    fn memory_left(&self, py: Python<'_>) -> usize {
        py.detach(|| self.inner.memory_left())
    }

    /// What each tenant remembers, in the order of names.
    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let tenants = py.detach(|| self.inner.statistics()).into_iter().map(|tenant| {
            let tables = statistics(py, tenant.tables)?;
            names::made(py, "TenantStatistics", (tenant.name, tenant.memory, tenant.bytes, tables))
        });
        tenants.collect()
    }

    fn __getitem__(&self, py: Python<'_>, name: &str) -> PyResult<Py<Engine>> {
        let found = self.engines().get(name).map(|engine| engine.clone_ref(py));
        found.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __delitem__(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.remove(py, name).map(|_| ()).ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<&str>().is_ok_and(|name| self.engines().contains_key(name))
    }

    fn __len__(&self) -> usize {
        self.engines().len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.keys().into_pyobject(py)?.try_iter()?.into_any())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // They are held only with the interpreter, which the collector has, and by no other thread therefore.
        let Ok(engines) = self.engines.try_lock() else { return Ok(()) };
        engines.values().try_for_each(|engine| visit.call(engine))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        py.detach(|| format!("{:?}", self.inner))
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        names::html(slf.py(), "tenants", slf.as_any())
    }
}
