//! What this module needs of Python: classes of the package and of the standard library, looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

type Once = PyOnceLock<Py<PyType>>;
type OnceAny = PyOnceLock<Py<PyAny>>;

/// Makes one of the package's named tuples.
pub(crate) fn made<'py, A>(py: Python<'py>, name: &str, arguments: A) -> PyResult<Bound<'py, PyAny>>
where
    A: pyo3::call::PyCallArgs<'py>,
{
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("sekisho._types").map(Bound::unbind))?;
    module.bind(py).getattr(name)?.call1(arguments)
}

/// A function of the module that draws HTML.
pub(crate) fn html<'py>(py: Python<'py>, name: &str, of: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    py.import("sekisho._html")?.getattr(name)?.call1((of,))
}

pub(crate) fn datetime(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: Once = PyOnceLock::new();
    CLASS.import(py, "datetime", "datetime")
}

pub(crate) fn timedelta(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: Once = PyOnceLock::new();
    CLASS.import(py, "datetime", "timedelta")
}

/// 1970-01-01T00:00:00Z as an aware datetime.
pub(crate) fn epoch(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static EPOCH: OnceAny = PyOnceLock::new();
    let epoch = EPOCH.get_or_try_init(py, || {
        let utc = py.import("datetime")?.getattr("timezone")?.getattr("utc")?;
        PyResult::Ok(datetime(py)?.call_method1("fromtimestamp", (0, utc))?.unbind())
    })?;
    Ok(epoch.bind(py))
}

/// One millisecond.
pub(crate) fn millisecond(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static STEP: OnceAny = PyOnceLock::new();
    let step = STEP.get_or_try_init(py, || PyResult::Ok(timedelta(py)?.call1((0, 0, 1000))?.unbind()))?;
    Ok(step.bind(py))
}

/// A duration in milliseconds as a timedelta.
pub(crate) fn duration(py: Python<'_>, milliseconds: i64) -> PyResult<Bound<'_, PyAny>> {
    const DAY: i64 = 86_400_000;
    let (days, rest) = (milliseconds.div_euclid(DAY), milliseconds.rem_euclid(DAY));
    timedelta(py)?.call1((days, rest / 1000, rest % 1000 * 1000))
}

/// A time in milliseconds as an aware datetime.
pub(crate) fn time(py: Python<'_>, milliseconds: i64) -> PyResult<Bound<'_, PyAny>> {
    epoch(py)?.add(duration(py, milliseconds)?)
}
