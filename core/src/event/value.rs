//! What a field takes: values on their way into an event, and the checks that they pass.

use std::net::IpAddr;

use super::card::{CardNumber, holds_card_number};
use super::currency::is_currency;
use super::field::{Domain, FieldKind, FieldSpec};
use super::{LARGEST_INTEGER, LONGEST_IDENTIFIER, LONGEST_TEXT, time};
use crate::error::{Error, ErrorKind, Result};
use crate::locale::{Kind, with_form};

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
    pub(super) fn kind(&self) -> &'static str {
        match self {
            FieldValue::Text(_) => "text",
            FieldValue::Integer(_) => "an integer",
            FieldValue::Number(_) => "a number",
            FieldValue::Boolean(_) => "a boolean",
        }
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

pub(super) fn check_text(spec: &FieldSpec, text: &str) -> Result<()> {
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
    if holds_card_number(text) {
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

pub(super) fn check_integer(spec: &FieldSpec, number: i64) -> Result<i64> {
    if !(-LARGEST_INTEGER..=LARGEST_INTEGER).contains(&number) {
        let what = format!("found {number}, expected an integer within ±2^53 ({LARGEST_INTEGER})");
        return Err(Error::of_field(ErrorKind::Overflow, &spec.name, what));
    }
    check_range(spec, number as f64)?;
    Ok(number)
}

pub(super) fn check_number(spec: &FieldSpec, number: f64) -> Result<f64> {
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

pub(super) fn check_time(spec: &FieldSpec, time: i64) -> Result<i64> {
    let refuse = |what: String| Err(Error::of_field(ErrorKind::Time, &spec.name, what));
    if time < 0 {
        return refuse(format!("found {time}, expected milliseconds since 1970-01-01T00:00:00Z"));
    }
    if time > time::LATEST {
        return refuse(format!("found {time}, expected milliseconds; this is after the year 9999"));
    }
    Ok(time)
}

pub(super) fn wrong_type(spec: &FieldSpec, kind: FieldKind, found: &str) -> Error {
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
