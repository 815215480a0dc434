//! What is scored: one event, its fields, and the door at which identifiers are hashed.

mod card;
mod currency;
mod field;
mod outcome;
mod schema;
mod symbol;
pub(crate) mod time;
pub(crate) mod token;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) use card::CardNumber;
pub(crate) use currency::is_currency;
pub(crate) use field::{Domain, LABELS, OUTCOMES};
pub use field::{FIELDS, Field, FieldKind, FieldSpec};
pub use outcome::{Label, Outcome};
pub use schema::Schema;
pub(crate) use schema::{Declared, nearest};
pub(crate) use symbol::Symbol;
pub use token::HashKey;

use crate::error::{Error, ErrorKind, Result};
use crate::locale::{Kind, with_form};
use crate::wiped::Wiped;

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
    /// As many bytes as an address takes, so that nothing stays of one.
    Absent([u8; size_of::<IpAddr>()]),
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

const ABSENT: Cell = Cell::Absent([0; size_of::<IpAddr>()]);

/// A value on its way into an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// Text, or an identifier.
    Text(&'a str),
    /// An integer, a time in milliseconds, or an identifier that is a number.
    Integer(i64),
    /// A double.
    Number(f64),
    /// True or false.
    Boolean(bool),
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(value: &'a str) -> Self {
        FieldValue::Text(value)
    }
}

impl<'a> From<&'a String> for FieldValue<'a> {
    fn from(value: &'a String) -> Self {
        FieldValue::Text(value)
    }
}

impl From<i64> for FieldValue<'_> {
    fn from(value: i64) -> Self {
        FieldValue::Integer(value)
    }
}

impl From<i32> for FieldValue<'_> {
    fn from(value: i32) -> Self {
        FieldValue::Integer(value.into())
    }
}

impl From<f64> for FieldValue<'_> {
    fn from(value: f64) -> Self {
        FieldValue::Number(value)
    }
}

impl From<bool> for FieldValue<'_> {
    fn from(value: bool) -> Self {
        FieldValue::Boolean(value)
    }
}

impl FieldValue<'_> {
    fn kind(&self) -> &'static str {
        match self {
            FieldValue::Text(_) => "text",
            FieldValue::Integer(_) => "an integer",
            FieldValue::Number(_) => "a number",
            FieldValue::Boolean(_) => "a boolean",
        }
    }
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
        let cells = vec![ABSENT; schema.fields().len()];
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
            *cell = ABSENT;
        }
    }

    /// Makes every field absent and wipes the identifiers; keeps the memory.
    pub fn clear(&mut self) {
        self.cells.fill(ABSENT);
        self.texts.0.wipe();
    }

    /// Whether the field has a value.
    pub fn has(&self, field: Field) -> bool {
        self.has_at(field.index())
    }

    /// The same of the field that stands there.
    #[inline]
    pub(crate) fn has_at(&self, index: usize) -> bool {
        !matches!(self.cells.get(index), None | Some(Cell::Absent(_)))
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
        self.cells.fill(ABSENT);
        zeroize::optimization_barrier(self.cells.as_slice());
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for spec in self.schema.fields() {
            match (spec.kind, self.cell(spec.field)) {
                (_, None | Some(Cell::Absent(_))) => continue,
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

/// An identifier in the one form in which it is hashed.
pub(crate) enum Canonical<'a> {
    Text(&'a str),
    Address(IpAddr),
    Card(CardNumber),
}

impl Canonical<'_> {
    /// Calls `f` with the bytes to hash: 4 or 16 for an IP address, else those of the form or of the text itself.
    pub(crate) fn with_bytes<T>(&self, form: Option<Kind>, f: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Canonical::Text(text) => match form {
                Some(kind) => with_form(kind, text, f),
                None => f(text.as_bytes()),
            },
            Canonical::Card(number) => f(number.digits()),
            Canonical::Address(address) => with_address_bytes(*address, f),
        }
    }
}

fn with_address_bytes<T>(address: IpAddr, f: impl FnOnce(&[u8]) -> T) -> T {
    match address {
        IpAddr::V4(address) => f(&address.octets()),
        IpAddr::V6(address) => f(&address.octets()),
    }
}

/// Checks an identifier and brings it into the form in which it is hashed.
pub(crate) fn canonical<'a>(spec: &FieldSpec, text: &'a str) -> Result<Canonical<'a>> {
    let refuse = |kind, what: &str| Err(Error::of_field(kind, &spec.name, what));
    if text.is_empty() {
        return refuse(ErrorKind::Empty, "found an empty identifier; leave the field out when there is none");
    }
    if text.len() > LONGEST_IDENTIFIER {
        let what =
            format!("found an identifier of {} bytes, at most {LONGEST_IDENTIFIER} are allowed", text.len());
        return refuse(ErrorKind::TooLong, &what);
    }
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match spec.domain {
        Domain::Address => match text.parse::<IpAddr>() {
            Ok(address) => Ok(Canonical::Address(address.to_canonical())),
            Err(_) => {
                refuse(ErrorKind::OutOfRange, "found text that is no IP address, expected v4 or v6 notation")
            }
        },
        Domain::CardNumber => Ok(CardNumber::parse(text).map_or(Canonical::Text(text), Canonical::Card)),
        Domain::AutonomousSystem => {
            let number = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
            let number = number.trim_start_matches('0');
            if all_digits(number) && number.len() <= 10 {
                Ok(Canonical::Text(number))
            } else {
                refuse(
                    ErrorKind::OutOfRange,
                    "found no number of an autonomous system, expected 2516 or AS2516",
                )
            }
        }
        Domain::IssuerPrefix if !all_digits(text) || !(4..=8).contains(&text.len()) => {
            refuse(ErrorKind::OutOfRange, "found no issuer identification number, expected 4 to 8 digits")
        }
        _ => Ok(Canonical::Text(text)),
    }
}

fn check_text(spec: &FieldSpec, text: &str) -> Result<()> {
    let refuse = |kind, what: String| Err(Error::of_field(kind, &spec.name, what));
    if text.is_empty() {
        return refuse(
            ErrorKind::Empty,
            "found empty text; leave the field out when there is none".to_owned(),
        );
    }
    if text.len() > LONGEST_TEXT {
        return refuse(
            ErrorKind::TooLong,
            format!("found text of {} bytes, at most {LONGEST_TEXT} are allowed", text.len()),
        );
    }
    if card::holds_card_number(text) {
        return refuse(
            ErrorKind::CardNumber,
            "found what looks like a card number; put it into `card`, where it is hashed".to_owned(),
        );
    }
    let letters = |n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_uppercase());
    match &spec.domain {
        Domain::Choice(values) if !values.iter().any(|known| known == text) => {
            let known: Vec<&str> = values.iter().map(|v| &**v).collect();
            refuse(
                ErrorKind::OutOfRange,
                format!("found \"{}\", expected one of {}", shortened(text), known.join(", ")),
            )
        }
        Domain::Currency if !is_currency(text) => refuse(
            ErrorKind::UnknownCurrency,
            format!("found \"{}\", expected an ISO 4217 code such as JPY", shortened(text)),
        ),
        Domain::Country if !letters(2) => refuse(
            ErrorKind::OutOfRange,
            format!("found \"{}\", expected two capital letters (ISO 3166) such as JP", shortened(text)),
        ),
        Domain::CategoryCode if text.len() != 4 || !text.bytes().all(|b| b.is_ascii_digit()) => refuse(
            ErrorKind::OutOfRange,
            format!("found \"{}\", expected four digits such as 5411", shortened(text)),
        ),
        _ => Ok(()),
    }
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

fn check_integer(spec: &FieldSpec, number: i64) -> Result<i64> {
    if !(-LARGEST_INTEGER..=LARGEST_INTEGER).contains(&number) {
        let what = format!("found {number}, expected an integer within ±2^53 ({LARGEST_INTEGER})");
        return Err(Error::of_field(ErrorKind::Overflow, &spec.name, what));
    }
    check_range(spec, number as f64)?;
    Ok(number)
}

fn check_number(spec: &FieldSpec, number: f64) -> Result<f64> {
    if !number.is_finite() {
        let what =
            format!("found {number}, expected a finite number; leave the field out when there is none");
        return Err(Error::of_field(ErrorKind::NotFinite, &spec.name, what));
    }
    check_range(spec, number)?;
    Ok(number)
}

fn check_range(spec: &FieldSpec, number: f64) -> Result<()> {
    match spec.domain {
        Domain::Range(low, high) if !(low..=high).contains(&number) => Err(Error::of_field(
            ErrorKind::OutOfRange,
            &spec.name,
            format!("found {number}, expected {low} to {high}"),
        )),
        _ => Ok(()),
    }
}

fn check_time(spec: &FieldSpec, time: i64) -> Result<i64> {
    let refuse = |what: String| Err(Error::of_field(ErrorKind::Time, &spec.name, what));
    if time < 0 {
        return refuse(format!("found {time}, expected milliseconds since 1970-01-01T00:00:00Z"));
    }
    if time > time::LATEST {
        return refuse(format!("found {time}, expected milliseconds; this is after the year 9999"));
    }
    Ok(time)
}

fn wrong_type(spec: &FieldSpec, kind: FieldKind, found: &str) -> Error {
    let expected = match kind {
        FieldKind::Identifier | FieldKind::Entity => "an identifier as text or integer",
        FieldKind::Text => "text",
        FieldKind::Integer => "an integer",
        FieldKind::Number => "a number",
        FieldKind::Boolean => "a boolean",
        FieldKind::Time => "a time in milliseconds since 1970",
    };
    Error::of_field(ErrorKind::WrongType, &spec.name, format!("found {found}, expected {expected}"))
}
