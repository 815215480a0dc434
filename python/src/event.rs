//! The reusable event.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sekisho::{FieldKind, Value};

use crate::convert::{self, Given, read_mapping, read_named};
use crate::error::Result;

/// An event whose memory is reused: fields are set by name, identifiers are never shown.
#[pyclass(frozen, module = "sekisho")]
pub(crate) struct Event(Mutex<sekisho::Event>);

impl Event {
    pub(crate) fn new(event: sekisho::Event) -> Event {
        Event(Mutex::new(event))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, sekisho::Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets all of the fields or, if one is refused, none.
    fn put_all(&self, read: &[(sekisho::Field, Given)]) -> Result<()> {
        let mut event = self.lock();
        if let [(field, given)] = read {
            return given.put(&mut event, *field);
        }
        let mut changed = event.clone();
        put_all(&mut changed, read)?;
        *event = changed;
        Ok(())
    }
}

pub(crate) fn put_all(event: &mut sekisho::Event, read: &[(sekisho::Field, Given)]) -> Result<()> {
    read.iter().try_for_each(|(field, given)| given.put(event, *field))
}

#[pymethods]
impl Event {
    /// Makes every field absent and wipes the identifiers; keeps the memory.
    fn clear(&self) {
        self.lock().clear();
    }

    /// Sets several fields; if one is refused, none is set.
    #[pyo3(signature = (values=None, /, **fields))]
    fn update(&self, values: Option<&Bound<'_, PyAny>>, fields: Option<&Bound<'_, PyDict>>) -> Result<()> {
        let schema = self.lock().schema().clone();
        for mapping in values.into_iter().chain(fields.map(|fields| fields.as_any())) {
            let read = read_mapping(&schema, mapping)?;
            self.put_all(&read)?;
        }
        Ok(())
    }

    fn __setitem__(&self, name: &str, value: &Bound<'_, PyAny>) -> Result<()> {
        let schema = self.lock().schema().clone();
        let mut read = Vec::new();
        read_named(&schema, name, value, &mut read)?;
        self.put_all(&read)
    }

    fn __delitem__(&self, name: &str) -> Result<()> {
        let mut event = self.lock();
        let field = event.schema().field(name)?;
        event.unset(field);
        Ok(())
    }

    fn __contains__(&self, name: &str) -> bool {
        let event = self.lock();
        event.schema().field(name).is_ok_and(|field| event.has(field))
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> Result<Bound<'py, PyAny>> {
        let event = self.lock();
        let field = event.schema().field(name)?;
        let kind = event.schema().fields().iter().find(|spec| spec.field() == field).map(|spec| spec.kind());
        let value = match kind {
            Some(FieldKind::Identifier | FieldKind::Entity) => {
                let what = format!("`{name}` is an identifier: it can be set and tested with `in`, not read");
                return Err(PyTypeError::new_err(what).into());
            }
            Some(FieldKind::Text) => event.text(field).map(|text| Value::Text(text.to_owned())),
            Some(FieldKind::Integer) => event.integer(field).map(Value::Integer),
            Some(FieldKind::Time) => event.integer(field).map(Value::Time),
            Some(FieldKind::Number) => event.number(field).map(Value::Number),
            Some(FieldKind::Boolean) => event.boolean(field).map(Value::Boolean),
            _ => None,
        };
        drop(event);
        match value {
            Some(value) => Ok(convert::to_python(py, &value)?),
            None => Err(PyKeyError::new_err(name.to_owned()).into()),
        }
    }

    fn __repr__(&self) -> String {
        format!("Event({:?})", *self.lock())
    }
}
