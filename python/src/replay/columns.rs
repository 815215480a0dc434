//! The columns of a table as the fields of events.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, GenericBinaryArray, LargeBinaryArray,
    LargeStringArray, OffsetSizeTrait, RecordBatch, StringArray, StringViewArray, StructArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use sekisho::{ErrorKind, Event, Field, FieldKind};

use super::{Schema, arrow_failure, column_failure};
use crate::convert::member_name;
use crate::error::{Failure, Result};

/// All columns of a table that are event fields.
pub(super) struct Columns {
    sources: Vec<Source>,
    /// The first row of each batch, and the number of all rows.
    starts: Vec<usize>,
    /// The place of the table's own column of ids.
    id: Option<usize>,
    /// The time of every row.
    times: Vec<i64>,
}

/// One field's values, batch by batch.
struct Source {
    field: Field,
    chunks: Vec<Chunk>,
}

struct Chunk {
    cells: Cells,
    nulls: Option<NullBuffer>,
    /// For a dictionary: where in the cells each row's value is.
    keys: Option<Vec<usize>>,
}

enum Cells {
    Nothing,
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    Integer(Vec<i64>),
    Number(Vec<f64>),
    Boolean(BooleanArray),
}

/// An event is cleared every so many rows: texts that are overwritten leave their bytes behind until then.
const CLEARED_EVERY: usize = 64;

/// Where a walk over the rows is, and what the event holds from the row before.
#[derive(Clone, Default)]
pub(super) struct Cursor {
    batch: usize,
    filled: usize,
    /// For each source that is a dictionary, the key that the event holds.
    held: Vec<Option<(usize, usize)>>,
}

impl Columns {
    /// Finds the event field of every column.
    pub(super) fn find(
        fields: &Schema,
        schema: &SchemaRef,
        batches: &[RecordBatch],
        ignore_extra: bool,
    ) -> Result<Columns> {
        let mut starts = vec![0];
        for batch in batches {
            starts.push(starts.last().copied().unwrap_or(0) + batch.num_rows());
        }
        let rows = starts.last().copied().unwrap_or(0);
        if u32::try_from(rows).is_err() {
            return Err(column_failure(
                ErrorKind::TooLong,
                "frame",
                format!("found {rows} rows, at most 2^32 - 1"),
            ));
        }
        let mut columns = Columns { sources: Vec::new(), starts, id: None, times: Vec::new() };
        let mut unknown = Vec::new();
        for (place, column) in schema.fields().iter().enumerate() {
            let name = column.name();
            // The index that pandas sends along is no part of the table.
            if name.starts_with("__index_level_") && name.ends_with("__") {
                continue;
            }
            let arrays: Vec<Part> = batches.iter().map(|batch| Part::of(batch.column(place))).collect();
            match column.data_type() {
                DataType::Struct(members) => {
                    for (number, member) in members.iter().enumerate() {
                        let full = member_name(fields, name, member.name());
                        match fields.field(&full) {
                            Ok(field) => {
                                let arrays = arrays.iter().map(|part| part.member(number)).collect();
                                columns.add(fields, field, &full, member.data_type(), arrays)?;
                            }
                            Err(error) => unknown.push((full, error)),
                        }
                    }
                }
                data_type => match fields.field(name) {
                    Ok(field) => {
                        columns.add(fields, field, name, data_type, arrays)?;
                        if field == Field::ID {
                            columns.id = Some(place);
                        }
                    }
                    Err(error) => unknown.push((name.clone(), error)),
                },
            }
        }
        if !ignore_extra {
            none_unknown(unknown)?;
        }
        columns.times = columns.read_times(rows)?;
        Ok(columns)
    }

    fn add(
        &mut self,
        fields: &Schema,
        field: Field,
        name: &str,
        data_type: &DataType,
        arrays: Vec<Part>,
    ) -> Result<()> {
        if self.sources.iter().any(|known| known.field == field) {
            let what = "found two columns for this field; keep one";
            return Err(column_failure(ErrorKind::UnknownName, name, what));
        }
        let kind = fields.fields().iter().find(|spec| spec.field() == field).map(sekisho::FieldSpec::kind);
        let kind = kind.unwrap_or(FieldKind::Text);
        if !fits(kind, data_type) {
            return Err(wrong_column(name, kind, data_type));
        }
        if is_naive(data_type) {
            let what = "found timestamps without a time zone; say which one, e.g. with tz_localize, or give \
                        milliseconds since 1970";
            return Err(column_failure(ErrorKind::Time, name, what));
        }
        let mut chunks = Vec::with_capacity(arrays.len());
        for (part, start) in arrays.into_iter().zip(&self.starts) {
            chunks.push(part.into_chunk(name, *start)?);
        }
        self.sources.push(Source { field, chunks });
        Ok(())
    }

    /// The time of every row, each of which must have one.
    fn read_times(&self, rows: usize) -> Result<Vec<i64>> {
        const EVERY: &str = "this field is absent, every event has one";
        let find = |field| self.sources.iter().find(|source| source.field == field);
        if rows > 0 && find(Field::TYPE).is_none() {
            return Err(column_failure(ErrorKind::Absent, "type", EVERY));
        }
        let Some(source) = find(Field::TIME) else {
            return Err(column_failure(ErrorKind::Absent, "time", EVERY));
        };
        let mut times = Vec::with_capacity(rows);
        for (chunk, bounds) in source.chunks.iter().zip(self.starts.windows(2)) {
            for at in 0..bounds[1] - bounds[0] {
                match chunk.integer(at) {
                    Some(time) => times.push(time),
                    None => {
                        let failure = column_failure(ErrorKind::Absent, "time", EVERY);
                        return Err(failure.at_row(times.len(), "; nothing was recorded"));
                    }
                }
            }
        }
        Ok(times)
    }

    /// Tries every value, so that what would be refused is found before anything is recorded.
    pub(super) fn check(&self, event: &mut Event) -> Result<()> {
        let has_types = self.sources.iter().any(|source| source.field == Field::TYPE && source.is_whole());
        if has_types && self.sources.iter().all(|source| source.is_sound(event)) {
            return Ok(());
        }
        // Something may be wrong: the first row in which it is has to be named.
        let mut cursor = self.cursor();
        for row in 0..self.times.len() {
            let tried = self.fill(row, &mut cursor, event).and_then(|()| match event.has(Field::TYPE) {
                true => Ok(()),
                false => {
                    let what = "this field is absent, every event has one";
                    Err(column_failure(ErrorKind::Absent, "type", what))
                }
            });
            tried.map_err(|failure| failure.at_row(row, "; nothing was recorded"))?;
        }
        Ok(())
    }

    /// The rows by time; rows of one time stay in their order.
    pub(super) fn in_time_order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0u32..).take(self.times.len()).collect();
        if !self.times.is_sorted() {
            order.sort_by_key(|row| self.times[*row as usize]);
        }
        order
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor { batch: 0, filled: 0, held: vec![None; self.sources.len()] }
    }

    /// Makes the event the one of a row. The cursor belongs to the event.
    pub(super) fn fill(&self, row: usize, cursor: &mut Cursor, event: &mut Event) -> Result<()> {
        let within = |batch: usize| self.starts[batch] <= row && row < self.starts[batch + 1];
        if !within(cursor.batch) {
            cursor.batch = self.starts.partition_point(|start| *start <= row) - 1;
        }
        let batch = cursor.batch;
        let at = row - self.starts[batch];
        cursor.filled += 1;
        if cursor.filled.is_multiple_of(CLEARED_EVERY) {
            event.clear();
            cursor.held.fill(None);
        }
        for (source, held) in self.sources.iter().zip(&mut cursor.held) {
            let chunk = &source.chunks[batch];
            let Some(place) = chunk.place(at) else {
                event.unset(source.field);
                *held = None;
                continue;
            };
            if chunk.keys.is_some() {
                if *held == Some((batch, place)) {
                    continue;
                }
                *held = None;
                chunk.put(place, source.field, event)?;
                *held = Some((batch, place));
            } else {
                *held = None;
                chunk.put(place, source.field, event)?;
            }
        }
        Ok(())
    }

    /// The place of the column of ids in the table.
    pub(super) fn id(&self) -> Option<usize> {
        self.id
    }

    /// The first row of each batch, and the number of all rows.
    pub(super) fn starts(&self) -> &[usize] {
        &self.starts
    }
}

impl Source {
    /// Whether every row has a value.
    fn is_whole(&self) -> bool {
        let full = |nulls: &NullBuffer| nulls.null_count() == 0;
        let whole =
            |chunk: &Chunk| chunk.nulls.as_ref().is_none_or(full) && !matches!(chunk.cells, Cells::Nothing);
        self.chunks.iter().all(whole)
    }

    /// Whether the field takes every value. Never wrong when it says so.
    fn is_sound(&self, event: &mut Event) -> bool {
        self.chunks.iter().all(|chunk| chunk.is_sound(self.field, event))
    }
}

impl Chunk {
    fn is_sound(&self, field: Field, event: &mut Event) -> bool {
        let nulls = self.nulls.as_ref().filter(|_| self.keys.is_none());
        let known = |at: usize| nulls.is_none_or(|nulls| nulls.is_valid(at));
        let mut takes = |at: usize| self.put(at, field, event).is_ok();
        // What a field takes of numbers is an interval, so the least and the greatest stand for all.
        match &self.cells {
            Cells::Nothing | Cells::Boolean(_) => true,
            Cells::Integer(values) => {
                let mut ends: Option<(usize, usize)> = None;
                for (at, value) in values.iter().enumerate().filter(|(at, _)| known(*at)) {
                    let (least, most) = ends.unwrap_or((at, at));
                    ends = Some((
                        if *value < values[least] { at } else { least },
                        if *value > values[most] { at } else { most },
                    ));
                }
                ends.is_none_or(|(least, most)| takes(least) && takes(most))
            }
            Cells::Number(values) => (0..values.len()).filter(|at| known(*at)).all(takes),
            Cells::Text(values) => {
                (0..values.len()).filter(|at| values.is_valid(*at) && known(*at)).all(takes)
            }
            Cells::LargeText(values) => {
                (0..values.len()).filter(|at| values.is_valid(*at) && known(*at)).all(takes)
            }
            Cells::TextView(values) => {
                (0..values.len()).filter(|at| values.is_valid(*at) && known(*at)).all(takes)
            }
        }
    }

    #[inline]
    fn place(&self, at: usize) -> Option<usize> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(at)) {
            return None;
        }
        Some(self.keys.as_ref().map_or(at, |keys| keys[at]))
    }

    fn integer(&self, at: usize) -> Option<i64> {
        match &self.cells {
            Cells::Integer(values) => Some(values[self.place(at)?]),
            _ => None,
        }
    }

    /// Puts the value at a place of the cells.
    #[inline]
    fn put(&self, at: usize, field: Field, event: &mut Event) -> sekisho::Result<()> {
        match &self.cells {
            Cells::Nothing => {
                event.unset(field);
                Ok(())
            }
            Cells::Text(values) => event.set(field, values.value(at)),
            Cells::LargeText(values) => event.set(field, values.value(at)),
            Cells::TextView(values) => event.set(field, values.value(at)),
            Cells::Integer(values) => event.set(field, values[at]),
            Cells::Number(values) => event.set(field, values[at]),
            Cells::Boolean(values) => event.set(field, values.value(at)),
        }
    }
}

/// A column of one batch, with the nulls of the structs that it stands in.
struct Part {
    array: ArrayRef,
    outer: Option<NullBuffer>,
}

impl Part {
    fn of(array: &ArrayRef) -> Part {
        Part { array: array.clone(), outer: None }
    }

    fn member(&self, number: usize) -> Part {
        let parent: &StructArray = self.array.as_struct();
        Part { array: parent.column(number).clone(), outer: parent.nulls().cloned() }
    }

    /// Reads the values in the form in which events take them. The type has been looked at before.
    fn into_chunk(self, name: &str, start: usize) -> Result<Chunk> {
        let Part { array, outer } = self;
        let in_row = |at: usize, failure: Failure| failure.at_row(start + at, "; nothing was recorded");
        let DataType::Dictionary(..) = array.data_type() else {
            let nulls = NullBuffer::union(outer.as_ref(), array.nulls());
            let cells = cells(name, &array).map_err(|(at, failure)| in_row(at, failure))?;
            return Ok(Chunk { cells, nulls, keys: None });
        };
        let dictionary = array.as_any_dictionary();
        let (places, values) = (dictionary.keys(), dictionary.values());
        let Cells::Integer(found) = cells(name, places).map_err(|(at, failure)| in_row(at, failure))? else {
            return Ok(Chunk { cells: Cells::Nothing, nulls: None, keys: None });
        };
        let mut keys = Vec::with_capacity(found.len());
        for (at, place) in found.into_iter().enumerate() {
            let key = usize::try_from(place).ok().filter(|key| *key < values.len());
            if key.is_none() && places.is_valid(at) {
                let count = values.len();
                let what = format!(
                    "found a key that its dictionary of {count} values lacks; encode the column anew"
                );
                return Err(in_row(at, column_failure(ErrorKind::OutOfRange, name, what)));
            }
            keys.push(key.unwrap_or(0));
        }
        let cells = cells(name, values).map_err(|(value, failure)| {
            match keys.iter().position(|key| *key == value) {
                Some(at) => in_row(at, failure),
                None => failure,
            }
        })?;
        let known = |(row, key): (usize, &usize)| places.is_valid(row) && values.is_valid(*key);
        let inner: NullBuffer = keys.iter().enumerate().map(known).collect();
        let nulls = NullBuffer::union(outer.as_ref(), Some(&inner));
        Ok(Chunk { cells, nulls, keys: Some(keys) })
    }
}

/// Refuses columns that are no fields, all at once.
fn none_unknown(unknown: Vec<(String, sekisho::Error)>) -> Result<()> {
    let mut unknown = unknown.into_iter();
    let Some((_, error)) = unknown.next() else { return Ok(()) };
    let others: Vec<String> = unknown.map(|(name, _)| format!("`{name}`")).collect();
    let others = match &*others {
        [] => String::new(),
        _ => format!("; nor are {} fields", others.join(", ")),
    };
    let note = "; drop the column, or pass extra=\"ignore\" to leave out columns that are no fields";
    Err(Failure::from(error).with_note(&format!("{others}{note}")))
}

/// Whether a field takes the values of a column.
fn fits(kind: FieldKind, data_type: &DataType) -> bool {
    use DataType::{Boolean, Dictionary, Float32, Float64, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
    match (kind, data_type) {
        (_, Null) => true,
        (_, Dictionary(_, values)) if !matches!(**values, Dictionary(..)) => fits(kind, values),
        (FieldKind::Identifier | FieldKind::Entity, Utf8 | LargeUtf8 | Utf8View) => true,
        (FieldKind::Identifier | FieldKind::Entity | FieldKind::Integer, whole) => whole.is_integer(),
        (FieldKind::Text, Utf8 | LargeUtf8 | Utf8View) => true,
        (FieldKind::Number, Float32 | Float64) => true,
        (FieldKind::Number, whole) => whole.is_integer(),
        (FieldKind::Boolean, Boolean) => true,
        (FieldKind::Time, Timestamp(..)) => true,
        (FieldKind::Time, whole) => whole.is_integer(),
        _ => false,
    }
}

/// Whether times are those of a clock on some wall: which moment they mean nobody can know.
fn is_naive(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(_, zone) => zone.is_none(),
        DataType::Dictionary(_, values) => is_naive(values),
        _ => false,
    }
}

/// The values of an array of a type that fits, or which of them is none. Errors of Arrow's own name no row.
fn cells(name: &str, array: &dyn Array) -> Result<Cells, (usize, Failure)> {
    if let Some(at) = broken_text(array).map_err(|error| (0, arrow_failure(error).into()))? {
        let what = "found bytes that are not UTF-8; decode the column from its own encoding first";
        return Err((at, column_failure(ErrorKind::Utf8, name, what)));
    }
    Ok(match array.data_type() {
        DataType::Utf8 => Cells::Text(array.as_string().clone()),
        DataType::LargeUtf8 => Cells::LargeText(array.as_string().clone()),
        DataType::Utf8View => Cells::TextView(array.as_string_view().clone()),
        DataType::Boolean => Cells::Boolean(array.as_boolean().clone()),
        DataType::Float32 => Cells::Number(mapped::<Float32Type, _>(array, f64::from)),
        DataType::Float64 => Cells::Number(mapped::<Float64Type, _>(array, |number| number)),
        DataType::Int8 => Cells::Integer(mapped::<Int8Type, _>(array, i64::from)),
        DataType::Int16 => Cells::Integer(mapped::<Int16Type, _>(array, i64::from)),
        DataType::Int32 => Cells::Integer(mapped::<Int32Type, _>(array, i64::from)),
        DataType::Int64 => Cells::Integer(mapped::<Int64Type, _>(array, |number| number)),
        DataType::UInt8 => Cells::Integer(mapped::<UInt8Type, _>(array, i64::from)),
        DataType::UInt16 => Cells::Integer(mapped::<UInt16Type, _>(array, i64::from)),
        DataType::UInt32 => Cells::Integer(mapped::<UInt32Type, _>(array, i64::from)),
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            let too_large = |at: &usize| values.is_valid(*at) && i64::try_from(values.value(*at)).is_err();
            if let Some(at) = (0..values.len()).find(too_large) {
                return Err((at, beyond(name)));
            }
            // Only values that are null anyway are beyond the range here.
            Cells::Integer(mapped::<UInt64Type, _>(array, |number| i64::try_from(number).unwrap_or(0)))
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            Cells::Integer(mapped::<TimestampSecondType, _>(array, |time| time.saturating_mul(1_000)))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            Cells::Integer(mapped::<TimestampMillisecondType, _>(array, |time| time))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Cells::Integer(mapped::<TimestampMicrosecondType, _>(array, |time| time.div_euclid(1_000)))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Cells::Integer(mapped::<TimestampNanosecondType, _>(array, |time| time.div_euclid(1_000_000)))
        }
        _ => Cells::Nothing,
    })
}

/// The first text that is none: whoever handed it over need not have looked, and what is read as text without being
/// some is read beyond its end. What is null may be anything.
fn broken_text(array: &dyn Array) -> Result<Option<usize>, ArrowError> {
    // As octets, which may be anything; that each value lies within its buffer is looked at on the way.
    let octets = |data_type| array.to_data().into_builder().data_type(data_type).build();
    Ok(match array.data_type() {
        DataType::Utf8 => broken_octets(&BinaryArray::from(octets(DataType::Binary)?)),
        DataType::LargeUtf8 => broken_octets(&LargeBinaryArray::from(octets(DataType::LargeBinary)?)),
        // One look at each is enough, if it is well.
        DataType::Utf8View if array.to_data().validate_values().is_ok() => None,
        DataType::Utf8View => BinaryViewArray::from(octets(DataType::BinaryView)?).iter().position(is_broken),
        _ => None,
    })
}

fn broken_octets<O: OffsetSizeTrait>(values: &GenericBinaryArray<O>) -> Option<usize> {
    let ends = values.value_offsets();
    let (first, last) = (ends[0].as_usize(), ends[values.len()].as_usize());
    // All at once, which is many times quicker than one by one.
    if let Ok(text) = str::from_utf8(&values.value_data()[first..last])
        && ends.iter().all(|end| text.is_char_boundary(end.as_usize() - first))
    {
        return None;
    }
    values.iter().position(is_broken)
}

fn is_broken(value: Option<&[u8]>) -> bool {
    value.is_some_and(|octets| str::from_utf8(octets).is_err())
}

fn mapped<T: ArrowPrimitiveType, V>(array: &dyn Array, map: impl Fn(T::Native) -> V) -> Vec<V> {
    array.as_primitive::<T>().values().iter().map(|value| map(*value)).collect()
}

fn beyond(name: &str) -> Failure {
    column_failure(
        ErrorKind::Overflow,
        name,
        "found an integer of more than 63 bits, expected one within ±2^53",
    )
}

fn wrong_column(name: &str, kind: FieldKind, found: &DataType) -> Failure {
    let (expected, advice) = match kind {
        FieldKind::Identifier | FieldKind::Entity if found.is_floating() => (
            "text or integers",
            "cast it to int64 (in pandas \"Int64\", which has room for missing values); as text, 7 would be 7.0",
        ),
        FieldKind::Identifier | FieldKind::Entity => {
            ("text or integers", "cast it to text or to an integer type")
        }
        FieldKind::Text => ("text", "cast it to text"),
        FieldKind::Integer => (
            "integers",
            "cast it to int64 (in pandas \"Int64\", which has room for missing values); amounts count minor units",
        ),
        FieldKind::Number => ("floats or integers", "cast it to float64"),
        FieldKind::Boolean => ("booleans", "cast it to bool"),
        FieldKind::Time => ("timestamps or integer milliseconds", "cast it to a timestamp with a time zone"),
        _ => ("another type", "leave it out"),
    };
    let what = format!("found a column of {found}, expected {expected}; {advice}");
    column_failure(ErrorKind::WrongType, name, what)
}
