//! Compiled policies.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use sekisho::FeatureType;

use crate::error::Result;
use crate::names;

/// A compiled policy. Immutable.
#[pyclass(frozen, module = "sekisho")]
pub(crate) struct Policy {
    pub(crate) inner: sekisho::Policy,
    /// The document, when there is one at hand: a policy travels between processes as its text.
    text: Option<(String, String)>,
}

impl Policy {
    pub(crate) fn of(inner: sekisho::Policy) -> Policy {
        Policy { inner, text: None }
    }
}

#[pymethods]
impl Policy {
    /// Compiles the policy in a file, TOML or JSON.
    #[staticmethod]
    fn load(py: Python<'_>, path: &Bound<'_, PyAny>) -> Result<Policy> {
        let path = py.import("pathlib")?.getattr("Path")?.call1((path,))?;
        let options = pyo3::types::PyDict::new(py);
        options.set_item("encoding", "utf-8")?;
        let text: String = path.call_method("read_text", (), Some(&options))?.extract()?;
        let file: String = path.str()?.extract()?;
        Policy::parse(text, &file)
    }

    /// Compiles a policy from its text, TOML or JSON; `file` names it in messages.
    #[staticmethod]
    #[pyo3(signature = (text, *, file = "policy"))]
    fn parse(text: String, file: &str) -> Result<Policy> {
        let inner = sekisho::Policy::builder().document(text.as_str()).file(file).build()?;
        Ok(Policy { inner, text: Some((text, file.to_owned())) })
    }

    /// The policy's name.
    #[getter]
    fn name(&self) -> &str {
        self.inner.name()
    }

    /// The version, as its author wrote it.
    #[getter]
    fn version(&self) -> &str {
        self.inner.version()
    }

    /// SHA-256 over what the document says, in hexadecimal.
    #[getter]
    fn fingerprint(&self) -> &str {
        self.inner.fingerprint()
    }

    /// The ISO 4217 code that amounts count in.
    #[getter]
    fn currency(&self) -> &str {
        self.inner.currency()
    }

    /// The features in the order of the document.
    #[getter]
    fn features<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let info = |feature: sekisho::FeatureInfo<'_>| {
            let kind = feature_type(feature.value_type());
            names::made(
                py,
                "FeatureInfo",
                (feature.name(), kind, feature.definition(), feature.description()),
            )
        };
        self.inner.features().map(info).collect()
    }

    /// The rules in the order of the document.
    #[getter]
    fn rules<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let info = |rule: sekisho::RuleInfo<'_>| {
            let parts = (rule.id(), rule.condition(), rule.reason(), rule.is_live(), rule.description());
            names::made(py, "RuleInfo", parts)
        };
        self.inner.rules().map(info).collect()
    }

    /// The lists in the order of the document.
    #[getter]
    fn lists<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.inner.lists().map(|list| names::made(py, "ListInfo", list)).collect()
    }

    /// Every field that an event may carry, built-in ones first.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let info = |spec: &sekisho::FieldSpec| {
            let choices = match spec.choices() {
                Some(choices) => PyTuple::new(py, choices.collect::<Vec<_>>())?.into_any(),
                None => py.None().into_bound(py),
            };
            let parts = (spec.name(), spec.kind().name(), spec.meaning(), spec.counterpart(), choices);
            names::made(py, "FieldInfo", parts)
        };
        self.inner.schema().fields().iter().map(info).collect()
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.inner)
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        names::html(slf.py(), "policy", slf.as_any())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Policy>().is_ok_and(|other| other.get().inner.fingerprint() == self.inner.fingerprint())
    }

    fn __hash__(&self) -> u64 {
        // The fingerprint is a hash already; its first 16 digits are one of Python's size.
        self.inner
            .fingerprint()
            .get(..16)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .unwrap_or(0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String, String))> {
        match &slf.get().text {
            Some(text) => Ok((slf.py().import("sekisho._types")?.getattr("policy_of")?, text.clone())),
            None => {
                let what =
                    "this policy came out of an engine, without its text; pickle the one that was parsed";
                Err(pyo3::exceptions::PyTypeError::new_err(what))
            }
        }
    }
}

/// Every aggregate that a feature can name, by family.
#[pyfunction]
pub(crate) fn aggregates(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyAny>>> {
    let info = |info: &sekisho::AggregateInfo| {
        let parts = (
            info.name,
            info.family,
            info.of,
            info.keys,
            info.formula,
            info.range,
            info.missing,
            info.source,
            info.cost,
        );
        names::made(py, "AggregateInfo", parts)
    };
    sekisho::AGGREGATES.iter().map(info).collect()
}

fn feature_type(value_type: FeatureType) -> &'static str {
    match value_type {
        FeatureType::Boolean => "boolean",
        FeatureType::Integer => "integer",
        FeatureType::Number => "number",
        FeatureType::Duration => "duration",
        FeatureType::Time => "time",
        FeatureType::Text => "text",
        _ => "other",
    }
}
