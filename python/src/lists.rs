//! Members of a list, many at once.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use sekisho::{ErrorKind, ListEntry, PreparedList};

use crate::convert::read_time;
use crate::error::{Failure, Result};

/// What a list says of a member.
pub(crate) fn entry(
    severity: i64,
    reason: Option<String>,
    source: Option<String>,
    expires: Option<&Bound<'_, PyAny>>,
) -> Result<ListEntry> {
    let severity = u8::try_from(severity).ok().filter(|severity| *severity <= 100).ok_or_else(|| {
        let what = format!("found {severity}, expected 0 to 100");
        Failure::of_field(ErrorKind::OutOfRange, "severity", what)
    })?;
    let entry = ListEntry::new().severity(severity);
    let entry = entry.reason(reason.unwrap_or_default()).source(source.unwrap_or_default());
    Ok(match expires {
        Some(expires) => entry.expires(read_time("expires", expires)?),
        None => entry,
    })
}

/// Members that are gathered for a list, while the engine goes on scoring.
#[pyclass(frozen, module = "sekisho")]
pub(crate) struct Members {
    /// None once they are loaded.
    inner: Mutex<Option<PreparedList>>,
}

impl Members {
    pub(crate) fn of(members: PreparedList) -> Members {
        Members { inner: Mutex::new(Some(members)) }
    }

    pub(crate) fn with<T>(&self, then: impl FnOnce(&mut PreparedList) -> Result<T>) -> Result<T> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        then(inner.as_mut().ok_or_else(gone)?)
    }

    pub(crate) fn take(&self) -> Result<PreparedList> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(gone)
    }
}

fn gone() -> Failure {
    Failure::of_field(ErrorKind::Absent, "members", "they were loaded already".to_owned())
}

#[pymethods]
impl Members {
    /// Adds an identifier or a network; of several that are the same the last counts.
    #[pyo3(signature = (member, /, *, severity = 100, reason = None, source = None, expires = None))]
    fn add(
        &self,
        member: &str,
        severity: i64,
        reason: Option<String>,
        source: Option<String>,
        expires: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let entry = entry(severity, reason, source, expires)?;
        self.with(|members| Ok(members.add(member, &entry)?))
    }

    /// Adds many that have the same entry.
    #[pyo3(signature = (members, /, *, severity = 100, reason = None, source = None, expires = None))]
    fn extend(
        &self,
        members: &Bound<'_, PyAny>,
        severity: i64,
        reason: Option<String>,
        source: Option<String>,
        expires: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let entry = entry(severity, reason, source, expires)?;
        for member in members.try_iter()? {
            // The iterator may come back to these members, so they are let go of meanwhile.
            let member = member?;
            let text: &str = member.extract()?;
            self.with(|members| Ok(members.add(text, &entry)?))?;
        }
        Ok(())
    }

    /// Takes in what somebody else gathered for the same list; the most severe entries stay.
    #[pyo3(signature = (other, /))]
    fn merge(&self, other: &Bound<'_, Members>) -> Result<()> {
        let other = other.get().take()?;
        self.with(|members| Ok(members.merge(other)?))
    }

    fn __len__(&self) -> Result<usize> {
        self.with(|members| Ok(members.len()))
    }
}
