//! Errors on their way to Python: all of them become `sekisho.SekishoError` or `sekisho.PolicyError`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use sekisho::{Error, ErrorKind};

use crate::names;

/// What went wrong, before it is a Python exception.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The core refused.
    Core(Box<Error>),
    /// These bindings refused.
    Here(Box<Refusal>),
    /// Python code raised.
    Python(PyErr),
}

#[derive(Debug)]
pub(crate) struct Refusal {
    kind: &'static str,
    field: Option<String>,
    message: String,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A refusal about a field, in the core's form: the message starts with the field's name.
    pub(crate) fn of_field(kind: ErrorKind, field: &str, what: impl std::fmt::Display) -> Failure {
        Failure::Here(Box::new(Refusal {
            kind: kind_name(kind),
            field: Some(field.to_owned()),
            message: format!("`{field}`: {what}"),
        }))
    }

    /// The same failure with the row in which it stands, and what else the caller has to know.
    pub(crate) fn at_row(self, row: usize, note: &str) -> Failure {
        self.at(format_args!("row {row}"), note)
    }

    /// The same failure with its place among many, and what else the caller has to know.
    pub(crate) fn at(self, place: impl std::fmt::Display, note: &str) -> Failure {
        let (kind, field, message) = match self {
            Failure::Core(error) => {
                (kind_name(error.kind()), error.field().map(str::to_owned), error.message().to_owned())
            }
            Failure::Here(refusal) => (refusal.kind, refusal.field, refusal.message),
            python @ Failure::Python(_) => return python,
        };
        Failure::Here(Box::new(Refusal { kind, field, message: format!("{place}: {message}{note}") }))
    }

    /// The same failure with something to do about it.
    pub(crate) fn with_note(self, note: &str) -> Failure {
        match self {
            Failure::Core(error) => Failure::Here(Box::new(Refusal {
                kind: kind_name(error.kind()),
                field: error.field().map(str::to_owned),
                message: format!("{error}{note}"),
            })),
            other => other,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Core(Box::new(error))
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Failure {
        Failure::Python(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> PyErr {
        Python::attach(|py| raised(py, failure).unwrap_or_else(|error| error))
    }
}

fn raised(py: Python<'_>, failure: Failure) -> PyResult<PyErr> {
    static SEKISHO: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static POLICY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = SEKISHO.import(py, "sekisho._errors", "SekishoError")?;
    let exception = match failure {
        Failure::Python(error) => return Ok(error),
        Failure::Here(refusal) => class.call1((refusal.message, refusal.kind, refusal.field))?,
        Failure::Core(error) if error.kind() == ErrorKind::Policy => {
            let faults = error.faults().iter();
            let faults: PyResult<Vec<_>> = faults
                .map(|fault| {
                    names::made(py, "Fault", (fault.message(), fault.file(), fault.line(), fault.column()))
                })
                .collect();
            POLICY.import(py, "sekisho._errors", "PolicyError")?.call1((error.to_string(), faults?))?
        }
        Failure::Core(error) => class.call1((error.message(), kind_name(error.kind()), error.field()))?,
    };
    Ok(PyErr::from_value(exception))
}

fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Policy => "policy",
        ErrorKind::UnknownName => "unknown_name",
        ErrorKind::WrongType => "wrong_type",
        ErrorKind::Absent => "absent",
        ErrorKind::Empty => "empty",
        ErrorKind::TooLong => "too_long",
        ErrorKind::OutOfRange => "out_of_range",
        ErrorKind::NotFinite => "not_finite",
        ErrorKind::Overflow => "overflow",
        ErrorKind::UnknownCurrency => "unknown_currency",
        ErrorKind::CardNumber => "card_number",
        ErrorKind::Time => "time",
        ErrorKind::Schema => "schema",
        ErrorKind::Missing => "missing",
        ErrorKind::Record => "record",
        ErrorKind::Utf8 => "utf8",
        ErrorKind::Key => "key",
        ErrorKind::Damaged => "damaged",
        ErrorKind::Host => "host",
        ErrorKind::Taken => "taken",
        _ => "other",
    }
}
