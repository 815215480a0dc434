//! Python values to event fields, and values of features to Python.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyMapping, PyString};
use sekisho::{ErrorKind, Event, Field, FieldKind, Schema, Value};

use crate::error::{Failure, Result};
use crate::names;

/// A value that Python gave, read before any event is touched: reading it may run Python code.
pub(crate) enum Given {
    Absent,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(PyBackedStr),
}

impl Given {
    pub(crate) fn put(&self, event: &mut Event, field: Field) -> Result<()> {
        match self {
            Given::Absent => event.unset(field),
            Given::Boolean(flag) => event.set(field, *flag)?,
            Given::Integer(number) => event.set(field, *number)?,
            Given::Number(number) => event.set(field, *number)?,
            Given::Text(text) => event.set(field, &**text)?,
        }
        Ok(())
    }
}

/// The fields that a mapping names, with nested mappings for dotted names.
pub(crate) fn read_mapping(schema: &Schema, mapping: &Bound<'_, PyAny>) -> Result<Vec<(Field, Given)>> {
    let mut read = Vec::new();
    each_item(mapping, &mut |name, value| read_named(schema, name, value, &mut read))?;
    Ok(read)
}

/// Reads the value of one name: a field, or a group with a mapping of its fields.
pub(crate) fn read_named(
    schema: &Schema,
    name: &str,
    value: &Bound<'_, PyAny>,
    read: &mut Vec<(Field, Given)>,
) -> Result<()> {
    if !is_mapping(value) {
        let field = schema.field(name)?;
        read.push((field, read_value(schema, field, value)?));
        return Ok(());
    }
    each_item(value, &mut |key, inner| {
        let field = schema.field(&member_name(schema, name, key))?;
        read.push((field, read_value(schema, field, inner)?));
        Ok(())
    })
}

/// The full name of a group's member. `device = {"id": ...}` is the device itself: it and the group share a name.
pub(crate) fn member_name(schema: &Schema, group: &str, member: &str) -> String {
    let dotted = format!("{group}.{member}");
    if member == "id" && schema.field(&dotted).is_err() && schema.field(group).is_ok() {
        return group.to_owned();
    }
    dotted
}

fn is_mapping(value: &Bound<'_, PyAny>) -> bool {
    // Scalars are by far the most frequent, and asking whether one is a mapping is slow.
    let scalar = value.is_instance_of::<PyString>() || value.is_instance_of::<PyInt>() || value.is_none();
    !scalar && (value.is_instance_of::<PyDict>() || value.cast::<PyMapping>().is_ok())
}

fn each_item<'py>(
    mapping: &Bound<'py, PyAny>,
    then: &mut dyn FnMut(&str, &Bound<'py, PyAny>) -> Result<()>,
) -> Result<()> {
    let mut item = |key: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>| {
        let name: PyBackedStr = key.extract().map_err(|_| {
            let what = format!("found a field name of type {}, expected text", type_name(key));
            Failure::of_field(ErrorKind::UnknownName, "event", what)
        })?;
        then(&name, value)
    };
    if let Ok(dict) = mapping.cast::<PyDict>() {
        return dict.iter().try_for_each(|(key, value)| item(&key, &value));
    }
    for pair in mapping.cast::<PyMapping>().map_err(PyErr::from)?.items()?.iter() {
        item(&pair.get_item(0)?, &pair.get_item(1)?)?;
    }
    Ok(())
}

fn read_value(schema: &Schema, field: Field, value: &Bound<'_, PyAny>) -> Result<Given> {
    let kind = schema.fields().iter().find(|spec| spec.field() == field).map(sekisho::FieldSpec::kind);
    read_scalar(schema.name(field), kind.unwrap_or(FieldKind::Text), value)
}

fn read_scalar(name: &str, kind: FieldKind, value: &Bound<'_, PyAny>) -> Result<Given> {
    if value.is_none() {
        return Ok(Given::Absent);
    }
    // Before integers: Python's booleans are integers.
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(Given::Boolean(flag.is_true()));
    }
    if value.is_instance_of::<PyString>() {
        return value.extract().map(Given::Text).map_err(|_| {
            Failure::of_field(ErrorKind::Utf8, name, "found text that is not valid Unicode (lone surrogates)")
        });
    }
    if value.is_instance_of::<PyInt>() {
        return read_integer(name, value);
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(Given::Number(number.value()));
    }
    if kind == FieldKind::Time && value.is_instance(names::datetime(value.py())?)? {
        return read_datetime(name, value).map(Given::Integer);
    }
    let class = value.get_type();
    let module = class.module()?;
    match (module.to_str()?, class.name()?.to_str()?) {
        ("numpy", "datetime64") if kind == FieldKind::Time => {
            let value =
                value.call_method1("astype", ("datetime64[ms]",))?.call_method1("astype", ("int64",))?;
            match value.extract::<i64>()? {
                // NumPy's NaT.
                i64::MIN => Err(not_a_time(name)),
                time => Ok(Given::Integer(time)),
            }
        }
        ("numpy", scalar) if scalar != "datetime64" && scalar != "timedelta64" && scalar != "ndarray" => {
            let plain = value.call_method0("item")?;
            if plain.get_type().module()?.to_str()? == "numpy" {
                return Err(wrong_type(name, kind, value));
            }
            read_scalar(name, kind, &plain)
        }
        // Identifiers that have classes of their own in the standard library.
        ("ipaddress" | "uuid", _) if matches!(kind, FieldKind::Identifier | FieldKind::Entity) => {
            Ok(Given::Text(value.str()?.extract()?))
        }
        _ => Err(wrong_type(name, kind, value)),
    }
}

fn read_integer(name: &str, value: &Bound<'_, PyAny>) -> Result<Given> {
    value.extract().map(Given::Integer).map_err(|_| {
        let what = "found an integer of more than 64 bits, expected one within ±2^53; identifiers of more digits \
                    are given as text";
        Failure::of_field(ErrorKind::Overflow, name, what)
    })
}

/// Milliseconds of a datetime that knows its time zone; pandas' timestamps are datetimes too.
fn read_datetime(name: &str, value: &Bound<'_, PyAny>) -> Result<i64> {
    let py = value.py();
    if type_name(value) == "NaTType" {
        return Err(not_a_time(name));
    }
    if value.call_method0("utcoffset")?.is_none() {
        let what = "found a datetime without a time zone; say which one, such as \
                    datetime(..., tzinfo=timezone.utc), or give milliseconds since 1970";
        return Err(Failure::of_field(ErrorKind::Time, name, what));
    }
    let since = value.sub(names::epoch(py)?)?;
    Ok(since.floor_div(names::millisecond(py)?)?.extract()?)
}

/// A time that is no event field: when something expires or was learnt.
pub(crate) fn read_time(name: &str, value: &Bound<'_, PyAny>) -> Result<i64> {
    match read_scalar(name, FieldKind::Time, value)? {
        Given::Integer(time) => Ok(time),
        _ => Err(wrong_type(name, FieldKind::Time, value)),
    }
}

fn not_a_time(name: &str) -> Failure {
    Failure::of_field(
        ErrorKind::Time,
        name,
        "found NaT; leave the field out, or give None, when there is none",
    )
}

fn wrong_type(name: &str, kind: FieldKind, value: &Bound<'_, PyAny>) -> Failure {
    let expected = match kind {
        FieldKind::Identifier | FieldKind::Entity => "an identifier as text or integer",
        FieldKind::Text => "text",
        FieldKind::Integer => "an integer",
        FieldKind::Number => "a number",
        FieldKind::Boolean => "a boolean",
        FieldKind::Time => "an aware datetime or milliseconds since 1970",
        _ => "another kind",
    };
    let what = format!("found a value of type {}, expected {expected}", type_name(value));
    Failure::of_field(ErrorKind::WrongType, name, what)
}

pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

/// A feature's value as Python shows it; None when it is missing.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Boolean(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Integer(number) => PyInt::new(py, *number).into_any(),
        Value::Number(number) => PyFloat::new(py, *number).into_any(),
        Value::Duration(duration) => names::duration(py, *duration)?,
        Value::Time(time) => names::time(py, *time)?,
        Value::Text(text) => PyString::new(py, text).into_any(),
        _ => py.None().into_bound(py),
    })
}
