//! Replay: every row of an Arrow table through the engine, in the order of time.
#![allow(
    clippy::indexing_slicing,
    reason = "rows, batches and columns are counted from the table's own lengths, checked once when it is read"
)]

mod columns;
mod output;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3_arrow::input::AnyRecordBatch;
use sekisho::{Decision, ErrorKind, Event, Field};

use crate::convert::type_name;
use crate::error::{Failure, Result};
use columns::Columns;
use output::Output;
pub(crate) use output::Table;

const HOUR: i64 = 3_600_000;

/// How a table is replayed.
pub(crate) struct Options {
    pub(crate) progress: bool,
    /// How many rows are scored before the bar moves and signals are looked at.
    pub(crate) batch_rows: usize,
    /// Columns that are no event fields are left out instead of refused.
    pub(crate) ignore_extra: bool,
}

impl Options {
    pub(crate) fn read(extra: &str) -> Result<Options> {
        let ignore_extra = match extra {
            "refuse" => false,
            "ignore" => true,
            _ => return Err(PyValueError::new_err("extra is \"refuse\" or \"ignore\"").into()),
        };
        Ok(Options { progress: false, batch_rows: 0, ignore_extra })
    }
}

pub(crate) fn replay(
    py: Python<'_>,
    engine: &sekisho::Engine,
    frame: &Bound<'_, PyAny>,
    options: &Options,
    journalled: impl Fn(Result<()>) -> Result<()>,
) -> Result<Table> {
    if options.batch_rows == 0 {
        return Err(PyValueError::new_err("batch_rows is at least 1").into());
    }
    let (schema, batches) = read(py, frame)?;
    let (policy, challenger) = (engine.policy(), engine.challenger());
    if let Some(name) = Output::clash(&policy, challenger.is_some()) {
        let what = format!("the feature `{name}` has the name of a column of the answer; give it another");
        return Err(PyValueError::new_err(what).into());
    }
    let columns = py.detach(|| Columns::find(policy.schema(), &schema, &batches, options.ignore_extra))?;
    // Every value is tried before the first row is recorded, so that a refused table changes nothing.
    let order = py.detach(|| {
        columns.check(&mut policy.event())?;
        Ok::<_, Failure>(columns.in_time_order())
    })?;

    let bar = Bar::new(py, options.progress, order.len())?;
    let mut run = Run {
        engine,
        columns: &columns,
        output: Output::new(&policy, challenger.is_some(), order.len()),
        event: policy.event(),
        decision: Decision::detailed(),
        cursor: columns.cursor(),
        clock: None,
        done: 0,
    };
    for rows in order.chunks(options.batch_rows) {
        journalled(py.detach(|| run.rows(rows)))?;
        if engine.policy().fingerprint() != policy.fingerprint() {
            let what = "the engine got another policy while it replayed; what was recorded stays recorded";
            return Err(PyValueError::new_err(what).into());
        }
        // One that ended is silent from then on.
        if let (Some(known), Some(other)) = (&challenger, engine.challenger())
            && known.fingerprint() != other.fingerprint()
        {
            let what =
                "the engine got another challenger while it replayed; what was recorded stays recorded";
            return Err(PyValueError::new_err(what).into());
        }
        py.check_signals()?;
        bar.moves(rows.len())?;
    }
    let output = run.output;
    Ok(py.detach(|| output.into_table(&columns, &batches)).map_err(arrow_failure)?)
}

/// Reads all of the frame's batches; the rows have to be sorted, so nothing is gained by a stream.
fn read(py: Python<'_>, frame: &Bound<'_, PyAny>) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    if !frame.hasattr("__arrow_c_stream__")? && !frame.hasattr("__arrow_c_array__")? {
        let what = format!(
            "found a value of type {}, expected a table: anything with __arrow_c_stream__ or __arrow_c_array__, \
             such as a data frame of pandas or polars or a table of pyarrow",
            type_name(frame)
        );
        return Err(PyTypeError::new_err(what).into());
    }
    let reader = frame.extract::<AnyRecordBatch>()?.into_reader()?;
    let schema = reader.schema();
    let batches = py.detach(|| reader.collect::<Result<Vec<_>, ArrowError>>()).map_err(arrow_failure)?;
    Ok((schema, batches))
}

fn arrow_failure(error: ArrowError) -> PyErr {
    PyValueError::new_err(format!("the Arrow data cannot be read or made: {error}"))
}

struct Run<'a> {
    engine: &'a sekisho::Engine,
    columns: &'a Columns,
    output: Output,
    event: Event,
    decision: Decision,
    cursor: columns::Cursor,
    /// What the engine was told last.
    clock: Option<i64>,
    done: usize,
}

impl Run<'_> {
    fn rows(&mut self, rows: &[u32]) -> Result<()> {
        for row in rows {
            let row = *row as usize;
            self.row(row).map_err(|failure| {
                let note = match self.done {
                    0 => "; nothing was recorded".to_owned(),
                    done => format!("; the {done} rows before it in time were recorded"),
                };
                failure.at_row(row, &note)
            })?;
            self.done += 1;
        }
        Ok(())
    }

    fn row(&mut self, row: usize) -> Result<()> {
        self.columns.fill(row, &mut self.cursor, &mut self.event)?;
        // The table is the clock; events up to a day ahead of it are taken, so it need not move with every row.
        let time = self.event.integer(Field::TIME).unwrap_or(0);
        if self.clock.is_none_or(|clock| time - clock > HOUR) {
            self.engine.advance(time)?;
            self.clock = Some(time);
        }
        self.engine.assess_into(&self.event, &mut self.decision)?;
        self.output.take(row, &self.decision);
        Ok(())
    }
}

/// A progress bar, if one was asked for.
struct Bar<'py>(Option<Bound<'py, PyAny>>);

impl<'py> Bar<'py> {
    fn new(py: Python<'py>, wanted: bool, total: usize) -> PyResult<Bar<'py>> {
        if !wanted {
            return Ok(Bar(None));
        }
        Ok(Bar(Some(py.import("sekisho._progress")?.getattr("bar")?.call1((total,))?)))
    }

    fn moves(&self, rows: usize) -> PyResult<()> {
        self.0.as_ref().map_or(Ok(()), |bar| bar.call_method1("update", (rows,)).map(|_| ()))
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            // A bar that cannot be closed is no reason to lose the result.
            let _ = bar.call_method0("close");
        }
    }
}

/// A refusal of a whole column.
fn column_failure(kind: ErrorKind, name: &str, what: impl std::fmt::Display) -> Failure {
    Failure::of_field(kind, name, what)
}

/// The fields that an event's schema has, shared.
type Schema = Arc<sekisho::Schema>;
