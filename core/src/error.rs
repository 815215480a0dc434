//! One opaque error for the whole library, and the faults of a policy.

use std::fmt;

/// What went wrong, for callers that branch on it. The C status codes are these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The policy document has faults; [`Error::faults`] lists every one of them.
    Policy = 1,
    /// The name is no event field, list or feature that this policy knows.
    UnknownName = 2,
    /// The value has another type than the field.
    WrongType = 3,
    /// A value that must be there is absent.
    Absent = 4,
    /// An identifier or text is empty.
    Empty = 5,
    /// An identifier or text is longer than its limit.
    TooLong = 6,
    /// The value is outside what the field allows.
    OutOfRange = 7,
    /// The number is NaN or infinite.
    NotFinite = 8,
    /// An exact sum left the range of 64 bits.
    Overflow = 9,
    /// The currency is not an ISO 4217 code.
    UnknownCurrency = 10,
    /// A text attribute holds what looks like a raw card number.
    CardNumber = 11,
    /// The time is before 1970, or further ahead than a day of the latest event seen.
    Time = 12,
    /// The event was made for a policy with other attributes.
    Schema = 13,
    /// A rule with `on_missing = "fail"` read an absent value.
    Missing = 14,
    /// A decision record does not fit the policy, or is damaged.
    Record = 15,
    /// The text is not valid UTF-8.
    Utf8 = 16,
    /// The key is unusable.
    Key = 17,
    /// A snapshot or journal is damaged, or belongs to another key, version or policy.
    Damaged = 18,
    /// What the host gave to write to or to read from failed.
    Host = 19,
    /// Something has this name already.
    Taken = 20,
}

/// The library's error: a one-line message, its [`kind`](Error::kind), and the faults if it is a policy's.
///
/// No message holds the value of an identifier.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    field: Option<String>,
    faults: Vec<Fault>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner { kind, message: message.into(), field: None, faults: Vec::new() }))
    }

    /// An error about one field: the message starts with the field's name.
    pub(crate) fn of_field(kind: ErrorKind, field: &str, what: impl fmt::Display) -> Error {
        Error(Box::new(Inner {
            kind,
            message: format!("`{field}`: {what}"),
            field: Some(field.to_owned()),
            faults: Vec::new(),
        }))
    }

    pub(crate) fn of_policy(faults: Vec<Fault>) -> Error {
        let message = match faults.len() {
            1 => "the policy has 1 fault".to_owned(),
            n => format!("the policy has {n} faults"),
        };
        Error(Box::new(Inner { kind: ErrorKind::Policy, message, field: None, faults }))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The event field, list or feature that the error is about.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The one-line message without the faults.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Every fault of the policy in the order of the document; empty unless the kind is [`ErrorKind::Policy`].
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for fault in &self.0.faults {
            write!(f, "\n\n{fault}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl std::error::Error for Error {}

/// One fault of a policy document, with its place.
///
/// `Display` renders the line of the document with a caret below the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(crate) message: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) text: String,
    pub(crate) caret_at: usize,
    pub(crate) caret_width: usize,
}

impl Fault {
    /// What is wrong and what to do, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file's name as given to the parser, or `policy`.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { message, file, line, column, text, .. } = self;
        let gutter = line.to_string().len();
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, "{line} | {text}")?;
        write!(f, "{:gutter$} | {:>width$}", "", "", width = self.caret_at)?;
        write!(f, "{}", "^".repeat(self.caret_width.max(1)))
    }
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
