//! Decisions, their explanation, and their records.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use sekisho::{DecisionRecord, FieldKind};

use crate::convert;
use crate::error::Result;
use crate::names;
use crate::policy::Policy;

/// What an engine decided on one event.
#[pyclass(frozen, module = "sekisho")]
pub(crate) struct Decision {
    inner: sekisho::Decision,
    /// The event without its identifiers, for the explanation and the record.
    event: sekisho::Event,
}

impl Decision {
    pub(crate) fn of(inner: sekisho::Decision, event: &sekisho::Event) -> Result<Decision> {
        Ok(Decision { inner, event: without_identifiers(event)? })
    }
}

/// A decision may be kept for long, so it must not keep identifiers.
fn without_identifiers(event: &sekisho::Event) -> Result<sekisho::Event> {
    let mut rest = sekisho::Event::with_schema(event.schema().clone());
    for spec in event.schema().fields() {
        let field = spec.field();
        match spec.kind() {
            _ if !event.has(field) => {}
            FieldKind::Identifier | FieldKind::Entity => {}
            FieldKind::Text => event.text(field).map_or(Ok(()), |text| rest.set(field, text))?,
            FieldKind::Number => event.number(field).map_or(Ok(()), |number| rest.set(field, number))?,
            FieldKind::Boolean => event.boolean(field).map_or(Ok(()), |flag| rest.set(field, flag))?,
            _ => event.integer(field).map_or(Ok(()), |number| rest.set(field, number))?,
        }
    }
    Ok(rest)
}

#[pymethods]
impl Decision {
    /// 0 to 999.
    #[getter]
    fn score(&self) -> u16 {
        self.inner.score()
    }

    /// allow, challenge, review or deny.
    #[getter]
    fn action(&self) -> &'static str {
        self.inner.action().as_str()
    }

    /// The assurance level that a challenge must reach; 0 unless the action is challenge.
    #[getter]
    fn strength(&self) -> u8 {
        self.inner.strength()
    }

    /// What has to be done beside the action: notify, hold, lock, limit.
    #[getter]
    fn obligations(&self) -> Vec<&'static str> {
        self.inner.obligations().names().collect()
    }

    /// Why, most points first.
    #[getter]
    fn reasons<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.inner
            .reasons()
            .map(|reason| names::made(py, "Reason", (reason.code(), reason.points())))
            .collect()
    }

    /// Every rule whose condition held, with the values that made it hold.
    #[getter]
    fn hits<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let hit = |rule: sekisho::ExplainedRule| {
            let sekisho::ExplainedRule { id, reason, points, live, condition, substituted, description } =
                rule;
            names::made(py, "RuleHit", (id, reason, points, live, condition, substituted, description))
        };
        self.inner.explain(&self.event).rules.into_iter().map(hit).collect()
    }

    /// The limits that the event is about, and what was left of each before it.
    #[getter]
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let standing = |limit: sekisho::LimitStanding<'_>| {
            let amounts = (limit.ceiling(), limit.used(), limit.remaining(), limit.asked());
            let (ceiling, used, remaining, asked) = amounts;
            let flags = (limit.is_exceeded(), limit.is_approximate(), limit.is_live());
            let (exceeded, approximate, live) = flags;
            let parts = (limit.name(), ceiling, used, remaining, asked, exceeded, approximate, live);
            names::made(py, "LimitStanding", parts)
        };
        self.inner.limits().map(standing).collect()
    }

    /// The ids of rules that read an absent value.
    #[getter]
    fn missing_rules(&self) -> Vec<&str> {
        self.inner.missing_rules().collect()
    }

    /// The features by name, in the order of the policy; None where there was nothing to compute one from.
    #[getter]
    fn features<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let features = PyDict::new(py);
        for feature in self.inner.features() {
            features.set_item(feature.name(), convert::to_python(py, feature.value())?)?;
        }
        Ok(features)
    }

    /// The names of features of which part had been forgotten.
    #[getter]
    fn approximate(&self) -> Vec<String> {
        let features = self.inner.features().filter(sekisho::FeatureValue::is_approximate);
        features.map(|feature| feature.name().to_owned()).collect()
    }

    /// Whether the event's id was recorded before; then nothing was recorded now.
    #[getter]
    fn is_repeated(&self) -> bool {
        self.inner.is_repeated()
    }

    /// What the policy on trial would have decided; None without one, or when it would have refused the event.
    #[getter]
    fn challenger(&self) -> Option<Decision> {
        let inner = self.inner.challenger()?.clone();
        Some(Decision { inner, event: self.event.clone() })
    }

    /// The policy that decided.
    #[getter]
    fn policy(&self) -> Option<Policy> {
        self.inner.policy().cloned().map(Policy::of)
    }

    /// The decision in words: the rules that held, with their values.
    fn explain(&self) -> String {
        self.inner.explain(&self.event).to_string()
    }

    /// The decision with all that it was made from, as plain values for JSON. Identifiers are tokens.
    fn record<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyAny>> {
        let text = self.inner.record(&self.event)?.to_json();
        Ok(py.import("json")?.getattr("loads")?.call1((text,))?)
    }

    /// Decides again from a record.
    #[staticmethod]
    fn replay(policy: &Bound<'_, Policy>, record: &Bound<'_, PyAny>) -> Result<Decision> {
        replay_record(policy, record)
    }

    fn __repr__(&self) -> String {
        let quoted = |names: Vec<&str>| {
            let names: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
            names.join(", ")
        };
        let reasons = quoted(self.inner.reasons().map(|reason| reason.code()).collect());
        let mut text = format!("Decision(score={}, action='{}'", self.score(), self.action());
        if self.strength() > 0 {
            text.push_str(&format!(", strength={}", self.strength()));
        }
        if !self.obligations().is_empty() {
            text.push_str(&format!(", obligations=[{}]", quoted(self.obligations())));
        }
        text.push_str(&format!(", reasons=[{reasons}]"));
        if let Some(challenger) = self.challenger() {
            text.push_str(&format!(", challenger={}", challenger.__repr__()));
        }
        text.push(')');
        text
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        names::html(slf.py(), "decision", slf.as_any())
    }
}

/// Decides again from a decision's record, with the policy that decided then; no engine is needed.
#[pyfunction]
pub(crate) fn replay_record(policy: &Bound<'_, Policy>, record: &Bound<'_, PyAny>) -> Result<Decision> {
    let text: String = match record.is_instance_of::<PyString>() {
        true => record.extract()?,
        false => record.py().import("json")?.getattr("dumps")?.call1((record,))?.extract()?,
    };
    let policy = &policy.get().inner;
    let record = DecisionRecord::from_json(&text)?;
    Decision::of(record.replay(policy)?, &record.event(policy)?)
}
