//! Members of a list, many at once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::MutexExt;
use pyo3::types::{PyIterator, PyString};
use sekisho::{ErrorKind, ListEntry, PreparedList};

use crate::convert::{read_time, type_name};
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

/// Members that are added before signals are looked at.
const GATHERED: usize = 4_096;

impl Members {
    pub(crate) fn of(members: PreparedList) -> Members {
        Members { inner: Mutex::new(Some(members)) }
    }

    /// Nobody who holds them waits for the interpreter.
    fn lock(&self) -> MutexGuard<'_, Option<PreparedList>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May take as long as somebody else works on them: without the interpreter.
    pub(crate) fn with<T>(&self, then: impl FnOnce(&mut PreparedList) -> Result<T>) -> Result<T> {
        then(self.lock().as_mut().ok_or_else(gone)?)
    }

    /// As `with`; they are taken unless `check` refuses them.
    pub(crate) fn take_if(&self, check: impl FnOnce(&PreparedList) -> Result<()>) -> Result<PreparedList> {
        let mut inner = self.lock();
        check(inner.as_ref().ok_or_else(gone)?)?;
        inner.take().ok_or_else(gone)
    }

    /// As `with`, for one who has the interpreter: lets go of it only if others work on them.
    fn with_attached<T>(&self, py: Python<'_>, then: impl FnOnce(Option<&mut PreparedList>) -> T) -> T {
        then(self.inner.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner).as_mut())
    }
}

fn gone() -> Failure {
    Failure::of_field(ErrorKind::Absent, "members", "they were loaded already".to_owned())
}

/// Reads some members. False when there are no more.
fn gather(from: &Bound<'_, PyIterator>, piece: &mut Vec<PyBackedStr>, before: usize) -> Result<bool> {
    for member in from.clone().take(GATHERED) {
        let member = member?;
        let text = member.cast::<PyString>().map_err(|_| {
            let what = format!("found a value of type {}, expected text", type_name(&member));
            Failure::of_field(ErrorKind::WrongType, "members", what)
        });
        let text = text.and_then(|text| {
            PyBackedStr::try_from(text.clone()).map_err(|_| {
                let what = "found text that is not valid Unicode (lone surrogates)";
                Failure::of_field(ErrorKind::Utf8, "members", what)
            })
        });
        piece.push(text.map_err(|failure| at(failure, before + piece.len()))?);
    }
    Ok(piece.len() == GATHERED)
}

/// Says which member of many it was.
fn at(failure: Failure, place: usize) -> Failure {
    failure.at(format_args!("member {place}"), "; those before it were added")
}

#[pymethods]
impl Members {
    /// Adds an identifier or a network; of several that are the same the last counts.
    #[pyo3(signature = (member, /, *, severity = 100, reason = None, source = None, expires = None))]
    fn add(
        &self,
        py: Python<'_>,
        member: &str,
        severity: i64,
        reason: Option<String>,
        source: Option<String>,
        expires: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let entry = entry(severity, reason, source, expires)?;
        self.with_attached(py, |members| Ok(members.ok_or_else(gone)?.add(member, &entry)?))
    }

    /// Adds many that have the same entry.
    #[pyo3(signature = (members, /, *, severity = 100, reason = None, source = None, expires = None))]
    fn extend(
        &self,
        py: Python<'_>,
        members: &Bound<'_, PyAny>,
        severity: i64,
        reason: Option<String>,
        source: Option<String>,
        expires: Option<&Bound<'_, PyAny>>,
    ) -> Result<()> {
        let entry = entry(severity, reason, source, expires)?;
        if members.is_instance_of::<PyString>() {
            let what = "found one text, expected many; give a list of it, or add it";
            return Err(Failure::of_field(ErrorKind::WrongType, "members", what));
        }
        let members = members.try_iter()?;
        let (mut piece, mut before) = (Vec::new(), 0);
        loop {
            // The iterator may come back to these members, so they are not held meanwhile.
            let more = gather(&members, &mut piece, before);
            py.detach(|| {
                self.with(|members| {
                    let mut each = piece.iter().enumerate();
                    each.try_for_each(|(place, member)| {
                        members.add(member, &entry).map_err(|error| at(error.into(), before + place))
                    })
                })
            })?;
            py.check_signals()?;
            if !more? {
                return Ok(());
            }
            before += piece.len();
            piece.clear();
        }
    }

    /// Takes in what somebody else gathered for the same list; the most severe entries stay.
    #[pyo3(signature = (other, /))]
    fn merge(&self, py: Python<'_>, other: &Bound<'_, Members>) -> Result<()> {
        let other = other.get();
        py.detach(|| {
            // Who has them already has them all.
            if std::ptr::eq(self, other) {
                return self.with(|_| Ok(()));
            }
            // Two that are merged into each other at once must not wait for each other.
            let taken = other.take_if(|_| Ok(()))?;
            let merged = self.with(|members| Ok(members.merge(&taken)?));
            if merged.is_err() {
                other.lock().get_or_insert(taken);
            }
            merged
        })
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.with_attached(py, |members| members.map_or(0, |members| members.len()))
    }
}
