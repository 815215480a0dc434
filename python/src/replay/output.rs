//! What a replay answers: one row for each row of the table, as Arrow.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int8Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, DurationMillisecondArray, Float64Array, Int8Array,
    Int64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray, UInt16Array,
};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, NullBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::error::PyArrowResult;
use pyo3_arrow::ffi::{ArrayIterator, to_schema_pycapsule, to_stream_pycapsule};
use sekisho::{Action, Decision, FeatureType, Policy, Value};

use super::columns::Columns;

/// Answers by row while they come in the order of time.
pub(super) struct Output {
    answers: Answers,
    /// Of the policy on trial, if there is one.
    challenger: Option<Answers>,
    features: Vec<Feature>,
}

/// What one policy decided.
struct Answers {
    /// It answered; a policy on trial is silent on what it would refuse.
    known: BooleanBufferBuilder,
    scores: Vec<u16>,
    actions: Vec<i8>,
    /// Where in `codes` each row's reasons are.
    reasons: Vec<(u32, u8)>,
    /// Reason codes by their number.
    codes: Vec<u16>,
    code_names: Vec<String>,
    code_numbers: HashMap<String, u16>,
}

struct Feature {
    name: String,
    kind: FeatureType,
    words: Vec<u64>,
    known: BooleanBufferBuilder,
    /// Texts by the word that stands for them.
    texts: HashMap<u64, String>,
}

/// Stands before what a challenger says.
const CHALLENGER: &str = "challenger_";

/// What a table says of every row beside the features.
const ANSWERS: [&str; 3] = ["score", "action", "reasons"];

impl Output {
    /// A feature whose column would have the name of another.
    pub(super) fn clash(policy: &Policy, on_trial: bool) -> Option<String> {
        let mut names = policy.features().map(|info| info.name().to_owned());
        names.find(|name| {
            let tried = name.strip_prefix(CHALLENGER).filter(|_| on_trial);
            ANSWERS.contains(&tried.unwrap_or(name))
        })
    }

    pub(super) fn new(policy: &Policy, on_trial: bool, rows: usize) -> Output {
        let feature = |info: sekisho::FeatureInfo<'_>| Feature {
            name: info.name().to_owned(),
            kind: info.value_type(),
            words: vec![0; rows],
            known: unknown(rows),
            texts: HashMap::new(),
        };
        Output {
            answers: Answers::new(rows),
            challenger: on_trial.then(|| Answers::new(rows)),
            features: policy.features().map(feature).collect(),
        }
    }

    /// Keeps what was decided on a row.
    pub(super) fn take(&mut self, row: usize, decision: &Decision) {
        self.answers.take(row, decision);
        if let (Some(answers), Some(decision)) = (&mut self.challenger, decision.challenger()) {
            answers.take(row, decision);
        }
        for (place, feature) in self.features.iter_mut().enumerate() {
            let Some(word) = decision.feature_bits(place) else { continue };
            feature.words[row] = word;
            feature.known.set_bit(row, true);
            if feature.kind == FeatureType::Text && !feature.texts.contains_key(&word) {
                let value = decision.features().nth(place);
                if let Some(Value::Text(text)) = value.as_ref().map(sekisho::FeatureValue::value) {
                    feature.texts.insert(word, text.clone());
                }
            }
        }
    }

    /// The answers in batches of the same rows as the table's.
    pub(super) fn into_table(self, columns: &Columns, batches: &[RecordBatch]) -> Result<Table, ArrowError> {
        let mut answers = self.answers.into_columns("")?;
        // Every row has a score, an action and reasons; all else may be missing.
        let always = answers.len();
        if let Some(challenger) = self.challenger {
            answers.extend(challenger.into_columns(CHALLENGER)?);
        }
        answers.extend(self.features.into_iter().map(Feature::into_column));

        let id = columns
            .id()
            .and_then(|place| Some((place, batches.first()?.schema().fields().get(place)?.clone())));
        let id_field = id.iter().map(|(_, field)| field.clone());
        let answer_fields = answers.iter().enumerate().map(|(place, (name, array))| {
            Arc::new(Field::new(name, array.data_type().clone(), place >= always))
        });
        let schema = Arc::new(Schema::new(id_field.chain(answer_fields).collect::<Vec<_>>()));
        let made = batches.iter().zip(columns.starts()).map(|(batch, start)| {
            let ids = id.iter().map(|(place, _)| batch.column(*place).clone());
            let answers = answers.iter().map(|(_, array)| array.slice(*start, batch.num_rows()));
            RecordBatch::try_new(schema.clone(), ids.chain(answers).collect())
        });
        let batches = made.collect::<Result<Vec<_>, _>>()?;
        Ok(Table { batches, schema })
    }
}

/// Nothing is known of any row yet.
fn unknown(rows: usize) -> BooleanBufferBuilder {
    let mut known = BooleanBufferBuilder::new(rows);
    known.append_n(rows, false);
    known
}

impl Answers {
    fn new(rows: usize) -> Answers {
        Answers {
            known: unknown(rows),
            scores: vec![0; rows],
            actions: vec![0; rows],
            reasons: vec![(0, 0); rows],
            codes: Vec::new(),
            code_names: Vec::new(),
            code_numbers: HashMap::new(),
        }
    }

    fn take(&mut self, row: usize, decision: &Decision) {
        self.known.set_bit(row, true);
        self.scores[row] = decision.score();
        self.actions[row] = decision.action() as i8;
        let reasons = decision.reasons();
        self.reasons[row] = (self.codes.len() as u32, reasons.len() as u8);
        for reason in reasons {
            let number = match self.code_numbers.get(reason.code()) {
                Some(number) => *number,
                None => {
                    let number = self.code_names.len() as u16;
                    self.code_names.push(reason.code().to_owned());
                    self.code_numbers.insert(reason.code().to_owned(), number);
                    number
                }
            };
            self.codes.push(number);
        }
    }

    /// The columns, their names behind a prefix.
    fn into_columns(mut self, prefix: &str) -> Result<Vec<(String, ArrayRef)>, ArrowError> {
        let known = self.known.finish();
        let nulls = (known.count_set_bits() < self.scores.len()).then(|| NullBuffer::new(known));
        let scores = UInt16Array::new(self.scores.into(), nulls.clone());
        let names = StringArray::from_iter_values(Action::ALL.map(Action::as_str));
        let numbers = Int8Array::new(self.actions.into(), nulls.clone());
        let actions = DictionaryArray::<Int8Type>::try_new(numbers, Arc::new(names))?;
        let mut reasons = ListBuilder::with_capacity(StringBuilder::new(), self.reasons.len());
        for (row, (start, length)) in self.reasons.iter().enumerate() {
            let start = *start as usize;
            for code in &self.codes[start..start + usize::from(*length)] {
                reasons.values().append_value(&self.code_names[usize::from(*code)]);
            }
            reasons.append(nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
        }
        let arrays: [ArrayRef; 3] = [Arc::new(scores), Arc::new(actions), Arc::new(reasons.finish())];
        Ok(ANSWERS.iter().map(|name| format!("{prefix}{name}")).zip(arrays).collect())
    }
}

impl Feature {
    fn into_column(self) -> (String, ArrayRef) {
        let Feature { name, kind, words, mut known, texts } = self;
        let known = known.finish();
        let nulls = (known.count_set_bits() < words.len()).then(|| NullBuffer::new(known));
        let signed = |words: Vec<u64>| words.into_iter().map(|word| word as i64).collect::<Vec<_>>();
        let array: ArrayRef = match kind {
            FeatureType::Boolean => Arc::new(BooleanArray::new(
                words.iter().map(|word| *word != 0).collect::<BooleanBuffer>(),
                nulls,
            )),
            FeatureType::Number => {
                let numbers: Vec<f64> = words.into_iter().map(f64::from_bits).collect();
                Arc::new(Float64Array::new(numbers.into(), nulls))
            }
            FeatureType::Duration => Arc::new(DurationMillisecondArray::new(signed(words).into(), nulls)),
            FeatureType::Time => {
                Arc::new(TimestampMillisecondArray::new(signed(words).into(), nulls).with_timezone("UTC"))
            }
            FeatureType::Text => {
                let text = |(row, word): (usize, &u64)| match &nulls {
                    Some(nulls) if nulls.is_null(row) => None,
                    _ => texts.get(word).map(String::as_str),
                };
                Arc::new(words.iter().enumerate().map(text).collect::<StringArray>())
            }
            _ => Arc::new(Int64Array::new(signed(words).into(), nulls)),
        };
        (name, array)
    }
}

/// The answers of a replay, as Arrow: hand it to pandas, polars, pyarrow or anything else that reads Arrow.
#[pyclass(frozen, module = "sekisho")]
pub(crate) struct Table {
    batches: Vec<RecordBatch>,
    schema: SchemaRef,
}

#[pymethods]
impl Table {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyArrowResult<Bound<'py, PyCapsule>> {
        let whole = DataType::Struct(self.schema.fields().clone());
        let batches = self.batches.clone().into_iter();
        let arrays = batches.map(|batch| Ok(Arc::new(StructArray::from(batch)) as ArrayRef));
        let reader = ArrayIterator::new(arrays, Arc::new(Field::new("", whole, false)));
        to_stream_pycapsule(py, Box::new(reader), requested_schema)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyArrowResult<Bound<'py, PyCapsule>> {
        to_schema_pycapsule(py, self.schema.as_ref())
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        self.schema.fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// A table of pyarrow, which has to be installed.
    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.getattr("table")?.call1((slf,))
    }

    /// A data frame of pandas; pandas and pyarrow have to be installed.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Table::to_pyarrow(slf)?.call_method0("to_pandas")
    }

    /// A data frame of polars, which has to be installed.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("polars")?.getattr("DataFrame")?.call1((slf,))
    }

    fn __repr__(&self) -> String {
        format!("Table({} rows: {})", self.__len__(), self.column_names().join(", "))
    }
}
