//! What is scored: one event, its fields, and the door at which identifiers are hashed.

mod card;
mod currency;
mod field;
mod outcome;
mod schema;
mod symbol;
pub(crate) mod time;
pub(crate) mod token;
mod value;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

pub(crate) use card::CardNumber;
pub(crate) use currency::is_currency;
pub(crate) use field::{Domain, LABELS, OUTCOMES};
pub use field::{FIELDS, Field, FieldKind, FieldSpec};
pub use outcome::{Label, Outcome};
pub use schema::Schema;
pub(crate) use schema::{Declared, is_meant, nearest};
pub(crate) use symbol::Symbol;
pub use token::HashKey;
pub use value::FieldValue;
pub(crate) use value::{Canonical, canonical};

use crate::error::{Error, ErrorKind, Result};
use crate::wiped::Wiped;
use value::{check_integer, check_number, check_text, check_time, wrong_type};

/// The longest identifier in bytes.
pub const LONGEST_IDENTIFIER: usize = 512;
/// The longest text attribute in bytes.
pub const LONGEST_TEXT: usize = 4096;
/// Integers lie within plus and minus this number, 2^53.
pub const LARGEST_INTEGER: i64 = 1 << 53;

/// One thing that happened or is being authorized.
///
/// The raw identifiers stay in this object, which is the caller's: the engine takes keyed tokens of them and
/// keeps nothing else. `Debug` does not show them, and their memory is wiped when the event is cleared or
/// dropped. An event can be reused: after a few rounds of [`clear`](Event::clear) and [`set`](Event::set)
/// it allocates nothing.
///
/// ```
/// use sekisho::{Event, Field};
///
/// let event = Event::of("login", 1_767_225_600_000)?
///     .with("account", "a-1")?
///     .with("ip", "203.0.113.7")?
///     .with("outcome", "failed")?;
/// assert_eq!(event.text(Field::OUTCOME), Some("failed"));
/// assert!(!format!("{event:?}").contains("a-1"));
/// # Ok::<(), sekisho::Error>(())
/// ```
#[derive(Clone)]
pub struct Event {
    schema: Arc<Schema>,
    cells: Vec<Cell>,
    texts: Texts,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cell {
    Absent,
    Integer(i64),
    Number(f64),
    Boolean(bool),
    /// `symbol` is that of a text that is kept whole, 0 of any other one and of identifiers, of which nothing stays
    /// here when the texts are wiped.
    Text {
        start: u32,
        length: u32,
        symbol: u64,
    },
    Address(IpAddr),
}

impl Event {
    /// An event of a built-in type at `time` (milliseconds since 1970, UTC), with the built-in fields.
    ///
    /// Events with fields that a policy declares come from [`Policy::event`](crate::Policy::event).
    ///
    /// # Errors
    /// [`ErrorKind::OutOfRange`] for an unknown type, [`ErrorKind::Time`] for an impossible time.
    pub fn of(event_type: &str, time: i64) -> Result<Event> {
        Event::with_schema(Schema::built_in()).with("type", event_type)?.with("time", time)
    }

    /// An empty event with the fields of a schema.
    pub fn with_schema(schema: Arc<Schema>) -> Event {
        let cells = vec![Cell::Absent; schema.fields().len()];
        Event { schema, cells, texts: Texts(Wiped::with_capacity(256)) }
    }

    /// The fields that this event may carry.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The event with one more field, by name.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownName`], and all errors of [`set`](Event::set).
    pub fn with<'a>(mut self, name: &str, value: impl Into<FieldValue<'a>>) -> Result<Event> {
        let field = self.schema.field(name)?;
        self.set(field, value)?;
        Ok(self)
    }

    /// Sets a field; an error leaves it as it was.
    ///
    /// Integers are accepted for number fields and, as their decimal digits, for identifiers. A card number in
    /// `card` may hold spaces or hyphens.
    ///
    /// # Errors
    /// A value of another type, empty, too long, out of range, not finite, of an unknown currency, or text
    /// that holds a card number. The message names the field and never shows an identifier.
    pub fn set<'a>(&mut self, field: Field, value: impl Into<FieldValue<'a>>) -> Result<()> {
        let value = value.into();
        let Event { schema, texts, cells } = self;
        let (Some(spec), Some(cell)) = (schema.spec(field), cells.get_mut(field.index())) else {
            return Err(Error::new(
                ErrorKind::UnknownName,
                format!("no event field has the number {}", field.0),
            ));
        };
        *cell = match (spec.kind, value) {
            (FieldKind::Identifier | FieldKind::Entity, FieldValue::Text(text)) => {
                texts.identifier(*cell, canonical(spec, text)?)
            }
            (FieldKind::Identifier | FieldKind::Entity, FieldValue::Integer(number)) => {
                texts.identifier(*cell, canonical(spec, itoa::Buffer::new().format(number))?)
            }
            (FieldKind::Text, FieldValue::Text(text)) => {
                check_text(spec, text)?;
                texts.store(*cell, text, Symbol::whole(text.as_bytes()).map_or(0, |symbol| symbol.0))
            }
            (FieldKind::Integer, FieldValue::Integer(number)) => Cell::Integer(check_integer(spec, number)?),
            (FieldKind::Time, FieldValue::Integer(time)) => Cell::Integer(check_time(spec, time)?),
            (FieldKind::Number, FieldValue::Number(number)) => Cell::Number(check_number(spec, number)?),
            (FieldKind::Number, FieldValue::Integer(number)) => {
                Cell::Number(check_number(spec, check_integer(spec, number)? as f64)?)
            }
            (FieldKind::Boolean, FieldValue::Boolean(flag)) => Cell::Boolean(flag),
            (kind, value) => return Err(wrong_type(spec, kind, value.kind())),
        };
        if self.texts.0.len() > MOST_TEXT {
            self.compact();
        }
        Ok(())
    }

    /// Sets a field from text in the form of its kind: for hosts that read files and command lines.
    ///
    /// Integers and numbers in decimal, booleans as `true` or `false`, times as milliseconds or RFC 3339.
    ///
    /// # Errors
    /// As [`set`](Event::set), and [`ErrorKind::WrongType`] for text that does not parse.
    pub fn set_parsed(&mut self, field: Field, text: &str) -> Result<()> {
        let schema = Arc::clone(&self.schema);
        let Some(spec) = schema.spec(field) else { return self.set(field, text) };
        let refused = || wrong_type(spec, spec.kind, "text that does not read as one");
        match spec.kind {
            FieldKind::Identifier | FieldKind::Entity | FieldKind::Text => self.set(field, text),
            FieldKind::Integer => self.set(field, text.parse::<i64>().map_err(|_| refused())?),
            FieldKind::Number => self.set(field, text.parse::<f64>().map_err(|_| refused())?),
            FieldKind::Boolean => self.set(field, text.parse::<bool>().map_err(|_| refused())?),
            FieldKind::Time => {
                let time = text.parse::<i64>().ok();
                let time = time.or_else(|| Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()));
                self.set(field, time.ok_or_else(refused)?)
            }
        }
    }

    /// Makes a field absent.
    pub fn unset(&mut self, field: Field) {
        if let Some(cell) = self.cells.get_mut(field.index()) {
            *cell = Cell::Absent;
        }
    }

    /// Makes every field absent and wipes the identifiers; keeps the memory.
    pub fn clear(&mut self) {
        self.wipe_addresses();
        self.cells.fill(Cell::Absent);
        self.texts.0.wipe();
    }

    /// Whether the field has a value.
    pub fn has(&self, field: Field) -> bool {
        self.has_at(field.index())
    }

    /// The same of the field that stands there.
    #[inline]
    pub(crate) fn has_at(&self, index: usize) -> bool {
        !matches!(self.cells.get(index), None | Some(Cell::Absent))
    }

    /// Whether it is text, or an identifier that is hashed as text.
    pub(crate) fn has_text(&self, field: Field) -> bool {
        self.has_text_at(field.index())
    }

    /// The same of the field that stands there.
    #[inline]
    pub(crate) fn has_text_at(&self, index: usize) -> bool {
        matches!(self.cells.get(index), Some(Cell::Text { .. }))
    }

    /// The value of a text attribute; never of an identifier.
    pub fn text(&self, field: Field) -> Option<&str> {
        match self.schema.spec(field)?.kind {
            FieldKind::Text => self.raw_text(field),
            _ => None,
        }
    }

    /// The value of an integer or time.
    pub fn integer(&self, field: Field) -> Option<i64> {
        match self.cell(field) {
            Some(Cell::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The value of a number.
    pub fn number(&self, field: Field) -> Option<f64> {
        match self.cell(field) {
            Some(Cell::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The value of a boolean.
    pub fn boolean(&self, field: Field) -> Option<bool> {
        match self.cell(field) {
            Some(Cell::Boolean(flag)) => Some(*flag),
            _ => None,
        }
    }

    /// The word of an integer, time, number or boolean.
    pub(crate) fn word(&self, field: Field) -> Option<u64> {
        self.word_at(field.index())
    }

    /// The same of the field that stands there.
    #[inline]
    pub(crate) fn word_at(&self, index: usize) -> Option<u64> {
        match self.cells.get(index) {
            Some(Cell::Integer(number)) => Some(*number as u64),
            Some(Cell::Number(number)) => Some(number.to_bits()),
            Some(Cell::Boolean(flag)) => Some(u64::from(*flag)),
            _ => None,
        }
    }

    /// The bytes of an identifier as they are hashed where it has no form; an address has them written to `octets`.
    #[inline(always)]
    pub(crate) fn identifier<'a>(&'a self, field: Field, octets: &'a mut [u8; 16]) -> Option<&'a [u8]> {
        match self.cell(field)? {
            Cell::Text { start, length, .. } => self.texts.bytes(*start, *length),
            Cell::Address(IpAddr::V4(address)) => {
                let four = octets.first_chunk_mut()?;
                *four = address.octets();
                Some(four)
            }
            Cell::Address(IpAddr::V6(address)) => {
                *octets = address.octets();
                Some(octets)
            }
            _ => None,
        }
    }

    pub(crate) fn address(&self, field: Field) -> Option<IpAddr> {
        match self.cell(field) {
            Some(Cell::Address(address)) => Some(*address),
            _ => None,
        }
    }

    /// The bytes of a text or identifier, for hashing.
    pub(crate) fn raw_text(&self, field: Field) -> Option<&str> {
        match self.cell(field) {
            Some(Cell::Text { start, length, .. }) => self.texts.get(*start, *length),
            _ => None,
        }
    }

    /// The same as bytes.
    pub(crate) fn raw_bytes(&self, field: Field) -> Option<&[u8]> {
        match self.cell(field) {
            Some(Cell::Text { start, length, .. }) => self.texts.bytes(*start, *length),
            _ => None,
        }
    }

    /// The text that stands there as one word, where that is known: of texts that are short enough, but of no
    /// identifier.
    #[inline]
    pub(crate) fn symbol_at(&self, index: usize) -> Option<u64> {
        match self.cells.get(index) {
            Some(Cell::Text { symbol, .. }) if *symbol != 0 => Some(*symbol),
            _ => None,
        }
    }

    #[inline]
    fn cell(&self, field: Field) -> Option<&Cell> {
        self.cells.get(field.index())
    }

    /// Puts the longest address there is, nobody's, over those that are or were in the fields.
    fn wipe_addresses(&mut self) {
        for field in self.schema.addresses() {
            if let Some(cell) = self.cells.get_mut(field.index()) {
                *cell = Cell::Address(Ipv6Addr::UNSPECIFIED.into());
            }
        }
        zeroize::optimization_barrier(self.cells.as_slice());
    }

    /// An event that is overwritten again and again without `clear` must not grow without bound.
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.texts);
        for cell in &mut self.cells {
            if let Cell::Text { start, length, .. } = cell {
                let text = old.get(*start, *length).unwrap_or_default();
                *start = self.texts.0.len() as u32;
                self.texts.0.push_str(text);
            }
        }
    }
}

/// More text than this is compacted: all fields of a usual schema at their longest take less.
const MOST_TEXT: usize = 1 << 20;

/// The bytes of an event's texts, one behind the other.
#[derive(Clone, Default)]
struct Texts(Wiped);

impl Texts {
    fn get(&self, start: u32, length: u32) -> Option<&str> {
        self.0.get(start as usize..start as usize + length as usize)
    }

    fn bytes(&self, start: u32, length: u32) -> Option<&[u8]> {
        self.0.as_bytes().get(start as usize..start as usize + length as usize)
    }

    fn identifier(&mut self, before: Cell, identifier: Canonical<'_>) -> Cell {
        match identifier {
            Canonical::Address(address) => Cell::Address(address),
            Canonical::Text(text) => self.store(before, text, 0),
            Canonical::Card(number) => {
                self.store(before, std::str::from_utf8(number.digits()).unwrap_or_default(), 0)
            }
        }
    }

    /// Puts text over the field's old one where it has the same length, else behind all others.
    fn store(&mut self, before: Cell, text: &str, symbol: u64) -> Cell {
        if let Cell::Text { start, length, .. } = before
            && text.len() == length as usize
            && self.get(start, length).is_some()
        {
            self.0.overwrite(start as usize, text);
            return Cell::Text { start, length, symbol };
        }
        let start = self.0.len() as u32;
        self.0.push_str(text);
        Cell::Text { start, length: text.len() as u32, symbol }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.wipe_addresses();
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for spec in self.schema.fields() {
            match (spec.kind, self.cell(spec.field)) {
                (_, None | Some(Cell::Absent)) => continue,
                (FieldKind::Identifier | FieldKind::Entity, _) => shown.entry(&spec.name, &"..."),
                (_, Some(Cell::Integer(number))) => shown.entry(&spec.name, &number),
                (_, Some(Cell::Number(number))) => shown.entry(&spec.name, &number),
                (_, Some(Cell::Boolean(flag))) => shown.entry(&spec.name, &flag),
                _ => shown.entry(&spec.name, &self.raw_text(spec.field).unwrap_or_default()),
            };
        }
        shown.finish()
    }
}
