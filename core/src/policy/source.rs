//! The text of a policy: TOML or JSON as one tree with positions, and faults that point into it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use jsonc_parser::ast as json;
use jsonc_parser::{CollectOptions, ParseOptions, common::Ranged};
use serde::de::{Deserialize, IntoDeserializer};
use serde::{Serialize, Serializer};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use unicode_width::UnicodeWidthStr;

use super::hints::{syntax, wanted};
use crate::error::Fault;
use crate::event::nearest;

/// A value with its place in the document.
#[derive(Clone, Debug, PartialEq, Default)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// Positions are no part of what a policy says.
impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

/// The document's text, and the faults found in it so far.
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    faults: RefCell<Vec<(usize, Fault)>>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Source<'a> {
        Source { file, text, faults: RefCell::default() }
    }

    /// Notes a fault at a span of the document.
    pub(crate) fn fault(&self, span: &Range<usize>, message: impl Into<String>) {
        let fault = self.render(span, message.into());
        self.faults.borrow_mut().push((span.start, fault));
    }

    /// Notes a fault inside a string value: `inner` counts bytes of the decoded text.
    pub(crate) fn fault_inside(&self, at: &At<String>, inner: &Range<usize>, message: impl Into<String>) {
        self.fault(&self.inside(at, inner), message);
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.borrow().is_empty()
    }

    /// The faults in the order of the document.
    pub(crate) fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|(start, _)| *start);
        faults.dedup_by(|a, b| a.1 == b.1);
        faults.into_iter().map(|(_, fault)| fault).collect()
    }

    fn render(&self, span: &Range<usize>, message: String) -> Fault {
        const WIDEST: usize = 120;
        let start = floor_boundary(self.text, span.start);
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end =
            self.text.get(start..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |at| start + at);
        let line_text = |from, to| self.text.get(from..to).unwrap_or_default().trim_end_matches('\r');
        // A document on one line would fill the screen: show the surroundings of the fault.
        let shown_from = if line_end - line_start > WIDEST && start - line_start > WIDEST / 2 {
            floor_boundary(self.text, start - WIDEST / 2)
        } else {
            line_start
        };
        let shown_to = floor_boundary(self.text, line_end.min(shown_from + WIDEST));
        let end = floor_boundary(self.text, span.end.clamp(start, shown_to.max(start)));
        let lead = if shown_from > line_start { "..." } else { "" };
        let tail = if shown_to < line_end { "..." } else { "" };
        let tabless = |text: &str| text.replace('\t', " ");
        Fault {
            message,
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: line_text(line_start, start).chars().count() + 1,
            text: format!("{lead}{}{tail}", tabless(line_text(shown_from, shown_to))),
            caret_at: lead.len() + tabless(line_text(shown_from, start)).width(),
            caret_width: line_text(start, end).width(),
        }
    }

    /// The document's span of a part of a string value, escapes taken into account.
    fn inside(&self, at: &At<String>, inner: &Range<usize>) -> Range<usize> {
        let raw = self.text.get(at.span.clone()).unwrap_or_default();
        let (quotes, escapes) = match raw {
            _ if raw.starts_with("'''") => (3, false),
            _ if raw.starts_with("\"\"\"") => (3, true),
            _ if raw.starts_with('\'') => (1, false),
            _ if raw.starts_with('"') => (1, true),
            _ => return at.span.clone(),
        };
        let body = raw.get(quotes..).unwrap_or_default();
        // A newline right after the opening quotes of a multi-line string is not part of it.
        let skipped = if quotes == 3 && body.starts_with("\r\n") {
            2
        } else {
            usize::from(quotes == 3 && body.starts_with('\n'))
        };
        let base = at.span.start + quotes + skipped;
        if !escapes {
            return base + inner.start..base + inner.end;
        }
        let body = body.get(skipped..).unwrap_or_default();
        let map = |decoded: usize| base + raw_offset(body, decoded);
        map(inner.start)..map(inner.end)
    }

    /// Parses the document; `None` when its syntax is broken.
    pub(crate) fn parse(&'a self, format: Format) -> Option<Spanned<DeTable<'a>>> {
        let table = match format {
            Format::Toml => {
                let (table, errors) = DeTable::parse_recoverable(self.text);
                for error in errors {
                    let span = error.span().unwrap_or(0..1);
                    // One mistake may break the syntax in many places; the same fault is told once.
                    match syntax(self.text, span.start) {
                        Some((span, message)) => self.fault(&span, message),
                        None => self.fault(&span, error.message()),
                    }
                }
                Some(table)
            }
            Format::Json => self.parse_json(),
        };
        if self.has_faults() { None } else { table }
    }

    fn parse_json(&'a self) -> Option<Spanned<DeTable<'a>>> {
        let strict = ParseOptions {
            allow_comments: false,
            allow_loose_object_property_names: false,
            allow_trailing_commas: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        match jsonc_parser::parse_to_ast(self.text, &CollectOptions::default(), &strict) {
            Err(error) => {
                let range = error.range();
                self.fault(&(range.start..range.end), lower_first(&error.kind().to_string()));
                None
            }
            Ok(parsed) => match parsed.value {
                Some(json::Value::Object(object)) => {
                    let range = object.range();
                    Some(Spanned::new(range.start..range.end, self.json_table(object)))
                }
                _ => {
                    self.fault(&(0..self.text.len()), "a policy is a JSON object");
                    None
                }
            },
        }
    }

    fn json_table(&'a self, object: json::Object<'a>) -> DeTable<'a> {
        let mut table = DeTable::new();
        for property in object.properties {
            let name_range = property.name.range();
            let (name, span) = (property.name.into_string(), name_range.start..name_range.end);
            if matches!(property.value, json::Value::NullKeyword(_)) {
                continue;
            }
            if table.contains_key(name.as_str()) {
                self.fault(&span, format!("the key \"{name}\" stands here twice"));
                continue;
            }
            let value = self.json_value(property.value);
            table.insert(Spanned::new(span, Cow::Owned(name)), value);
        }
        table
    }

    fn json_value(&'a self, value: json::Value<'a>) -> Spanned<DeValue<'a>> {
        let range = value.range();
        let span = range.start..range.end;
        let value = match value {
            json::Value::StringLit(literal) => DeValue::String(literal.value),
            json::Value::BooleanLit(literal) => DeValue::Boolean(literal.value),
            json::Value::NumberLit(literal) => match DeValue::parse(literal.value) {
                Ok(number) => number.into_inner(),
                Err(_) => {
                    self.fault(&span, format!("{} is no number that a policy can hold", literal.value));
                    DeValue::Boolean(false)
                }
            },
            json::Value::Object(object) => DeValue::Table(self.json_table(object)),
            json::Value::Array(array) => {
                let mut items = DeArray::new();
                for item in array.elements {
                    items.push(self.json_value(item));
                }
                DeValue::Array(items)
            }
            json::Value::NullKeyword(_) => {
                self.fault(&span, "a list cannot hold null");
                DeValue::Boolean(false)
            }
        };
        Spanned::new(span, value)
    }
}

/// The two notations of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Toml,
    Json,
}

/// Keys of a table that have a fault of their own: what follows from their absence is none.
pub(crate) type Faulty = Vec<&'static str>;

/// Takes the values of one table, each by its key; what is left over is unknown.
pub(crate) struct Table<'a, 's> {
    source: &'s Source<'a>,
    entries: DeTable<'a>,
    span: Range<usize>,
    what: String,
    known: BTreeSet<&'static str>,
    faulty: Faulty,
}

impl<'a, 's> Table<'a, 's> {
    pub(crate) fn new(
        source: &'s Source<'a>,
        table: Spanned<DeTable<'a>>,
        what: impl Into<String>,
    ) -> Table<'a, 's> {
        let span = table.span();
        let (entries, what) = (table.into_inner(), what.into());
        Table { source, entries, span, what, known: BTreeSet::new(), faulty: Faulty::new() }
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn remove(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.known.insert(key);
        self.entries.remove(key)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The value of a key, if it is there and of the right type.
    pub(crate) fn optional<T: Deserialize<'a>>(&mut self, key: &'static str) -> Option<At<T>> {
        let value = self.remove(key)?;
        let read = self.source.read(value, key);
        if read.is_none() {
            self.faulty.push(key);
        }
        read
    }

    /// As [`optional`](Table::optional), and a fault when the key is absent.
    pub(crate) fn required<T: Deserialize<'a>>(&mut self, key: &'static str) -> Option<At<T>> {
        if !self.has(key) {
            return self.lacks(key);
        }
        self.optional(key)
    }

    /// As [`array`](Table::array), and a fault when the key is absent.
    pub(crate) fn required_array<T: Deserialize<'a>>(&mut self, key: &'static str) -> Option<At<Vec<At<T>>>> {
        if !self.has(key) {
            return self.lacks(key);
        }
        self.array(key)
    }

    fn lacks<T>(&mut self, key: &'static str) -> Option<T> {
        self.known.insert(key);
        self.faulty.push(key);
        self.source.fault(&self.head(), format!("{} has no `{key}`", self.what));
        None
    }

    /// The tables under a key, whether one or an array of them.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Spanned<DeTable<'a>>> {
        let Some(value) = self.remove(key) else { return Vec::new() };
        let span = value.span();
        let mut tables = Vec::new();
        match value.into_inner() {
            DeValue::Array(items) => {
                for item in items {
                    let span = item.span();
                    match item.into_inner() {
                        DeValue::Table(table) => tables.push(Spanned::new(span, table)),
                        other => self.source.fault(&span, expected_table(key, &other)),
                    }
                }
            }
            DeValue::Table(table) => {
                let inline = self.source.text.get(span.start..).is_some_and(|text| text.starts_with('{'));
                let form = if inline { "[{ ... }]".to_owned() } else { format!("[[{key}]]") };
                let message = format!("`{key}`: expected several tables, found one; write {form}");
                self.source.fault(&span, message);
                tables.push(Spanned::new(span, table));
            }
            other => {
                self.source.fault(&span, format!("expected [[{key}]] tables, found {}", other.type_str()))
            }
        }
        tables
    }

    /// Faults for the entries of a list that can have none; they are not read.
    pub(crate) fn no_entries(&mut self) -> Vec<Spanned<DeTable<'a>>> {
        if let Some(entries) = self.remove("entries") {
            let message =
                "a policy names no identifiers: add them through the engine, or make this a cidr list";
            self.source.fault(&entries.span(), message);
        }
        Vec::new()
    }

    /// The one table under a key.
    pub(crate) fn table(&mut self, key: &'static str) -> Option<Spanned<DeTable<'a>>> {
        let value = self.remove(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some(Spanned::new(span, table)),
            DeValue::Array(items) => {
                self.source
                    .fault(&span, format!("`{key}`: expected one table, found several; write [{key}]"));
                items.into_iter().find_map(|item| {
                    let span = item.span();
                    match item.into_inner() {
                        DeValue::Table(table) => Some(Spanned::new(span, table)),
                        _ => None,
                    }
                })
            }
            other => {
                self.source.fault(&span, expected_table(key, &other));
                None
            }
        }
    }

    /// The values of the one table under a key, by names that the policy chose, in the order of these.
    pub(crate) fn named<T: Deserialize<'a>>(&mut self, key: &'static str) -> Vec<(At<String>, At<T>)> {
        let entries = self.table(key).map(Spanned::into_inner).unwrap_or_default();
        let named = entries.into_iter().filter_map(|(name, value)| {
            let name = At { span: name.span(), value: name.into_inner().into_owned() };
            let value = self.source.read(value, &name.value)?;
            Some((name, value))
        });
        let mut named: Vec<_> = named.collect();
        named.sort_by(|(one, _), (other, _)| one.value.cmp(&other.value));
        named
    }

    /// The items of an array, each with its place.
    pub(crate) fn array<T: Deserialize<'a>>(&mut self, key: &'static str) -> Option<At<Vec<At<T>>>> {
        let value = self.remove(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Array(items) => {
                let many = items.len();
                let value: Vec<_> =
                    items.into_iter().filter_map(|item| self.source.read(item, key)).collect();
                if value.len() < many {
                    self.faulty.push(key);
                }
                Some(At { value, span })
            }
            other => {
                let written = self.source.text.get(span.clone()).filter(|text| !text.contains('\n'));
                let message = match (&other, written) {
                    (DeValue::String(_), Some(text)) => format!("`{key}`: expected a list, write [{text}]"),
                    _ => format!("`{key}`: expected a list, found {}", other.type_str()),
                };
                self.source.fault(&span, message);
                self.faulty.push(key);
                None
            }
        }
    }

    /// Refuses every key that nobody asked for; returns those that have faults, or were meant by one that has.
    pub(crate) fn finish(mut self) -> Faulty {
        for (key, _) in &self.entries {
            let name: &str = key.get_ref();
            let hint = match nearest(name, self.known.iter().copied()) {
                Some(known) => {
                    self.faulty.push(known);
                    format!("; did you mean `{known}`?")
                }
                None => {
                    let known: Vec<&str> = self.known.iter().copied().collect();
                    format!("; it may have {}", known.join(", "))
                }
            };
            self.source.fault(&key.span(), format!("{} has no key `{name}`{hint}", self.what));
        }
        self.faulty
    }

    /// Where a fault about the whole table points: its first line.
    fn head(&self) -> Range<usize> {
        let text = self.source.text.get(self.span.clone()).unwrap_or_default();
        let length = text.find(['\n', '\r']).unwrap_or(text.len());
        self.span.start..self.span.start + length.min(60)
    }
}

impl<'a> Source<'a> {
    fn read<T: Deserialize<'a>>(&self, value: Spanned<DeValue<'a>>, key: &str) -> Option<At<T>> {
        let span = value.span();
        let found = match value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) => self.text.get(span.clone()).unwrap_or_default(),
            other => other.type_str(),
        };
        match T::deserialize(IntoDeserializer::<toml::de::Error>::into_deserializer(value)) {
            Ok(value) => Some(At { value, span }),
            Err(error) => {
                let message = with_hint(key, error.message(), found);
                self.fault(&error.span().unwrap_or(span), format!("`{key}`: {message}"));
                None
            }
        }
    }
}

/// What serde says, in the words of the policy language.
fn with_hint(key: &str, message: &str, found: &str) -> String {
    let unknown = message.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("`, expected "));
    let Some((found, expected)) = unknown else {
        return match wanted(key, message) {
            Some(wanted) => format!("expected {wanted}, found {found}"),
            None => message.to_owned(),
        };
    };
    // All that it knows are many; the nearest of these says more.
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match nearest(found, known.iter().copied()) {
        Some(near) => format!("there is no `{found}`; did you mean `{near}`?"),
        None => format!("there is no `{found}`; it may be {}", known.join(", ")),
    }
}

fn expected_table(key: &str, found: &DeValue<'_>) -> String {
    format!("`{key}`: expected a table, found {}", found.type_str())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// How many bytes of an escaped string body make up its first `decoded` bytes.
fn raw_offset(body: &str, decoded: usize) -> usize {
    let mut produced = 0;
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if produced >= decoded {
            return at;
        }
        if c != '\\' {
            produced += c.len_utf8();
            continue;
        }
        let Some((_, escape)) = chars.next() else { break };
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if digits == 0 && escape.is_whitespace() {
            // A backslash at the line's end swallows the blanks that follow.
            while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
            continue;
        }
        let hex: String = (0..digits).filter_map(|_| chars.next()).map(|(_, c)| c).collect();
        produced += match u32::from_str_radix(&hex, 16) {
            Ok(code) => char::from_u32(code).map_or(2, char::len_utf8),
            Err(_) => 1,
        };
    }
    body.len()
}
