//! Status codes and the other enumerations. Their numbers are never reused.

use std::ffi::c_char;

use sekisho::{Action, ErrorKind};

/// How a call ended. Numbers are never reused.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_status {
    /// It did what it says.
    Ok = 0,
    /// The policy document has faults; the error object lists every one of them with its place.
    Policy = 1,
    /// The name or number is no event field, list or feature that the policy knows.
    UnknownName = 2,
    /// The value has another type than the field or feature.
    WrongType = 3,
    /// A value that must be there is absent.
    Absent = 4,
    /// An identifier or text is empty.
    Empty = 5,
    /// An identifier or text is longer than its limit.
    TooLong = 6,
    /// The value is outside what is allowed.
    OutOfRange = 7,
    /// The number is NaN or infinite.
    NotFinite = 8,
    /// An integer is beyond 2^53, or an exact sum left the range of 64 bits.
    Overflow = 9,
    /// The currency is not an ISO 4217 code.
    UnknownCurrency = 10,
    /// A text attribute holds what looks like a raw card number.
    CardNumber = 11,
    /// The time is before 1970, or further ahead than a day of the latest event seen.
    Time = 12,
    /// The event was made for a policy with other attributes.
    Schema = 13,
    /// A value is missing: one that a rule with on_missing = "fail" read, or the feature that was asked for.
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
    /// A fault of a kind that this header does not know.
    Other = 100,
    /// A handle, or a pointer that has to be there, is NULL.
    NullHandle = 101,
    /// The library caught a fault of its own. Nothing was handed out; please report it.
    Panic = 102,
    /// The buffer is too small; the length that it must have was written.
    BufferTooSmall = 103,
    /// There is nothing at this index, or the decision was not filled.
    NotFound = 104,
}

impl From<ErrorKind> for sekisho_status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Policy => sekisho_status::Policy,
            ErrorKind::UnknownName => sekisho_status::UnknownName,
            ErrorKind::WrongType => sekisho_status::WrongType,
            ErrorKind::Absent => sekisho_status::Absent,
            ErrorKind::Empty => sekisho_status::Empty,
            ErrorKind::TooLong => sekisho_status::TooLong,
            ErrorKind::OutOfRange => sekisho_status::OutOfRange,
            ErrorKind::NotFinite => sekisho_status::NotFinite,
            ErrorKind::Overflow => sekisho_status::Overflow,
            ErrorKind::UnknownCurrency => sekisho_status::UnknownCurrency,
            ErrorKind::CardNumber => sekisho_status::CardNumber,
            ErrorKind::Time => sekisho_status::Time,
            ErrorKind::Schema => sekisho_status::Schema,
            ErrorKind::Missing => sekisho_status::Missing,
            ErrorKind::Record => sekisho_status::Record,
            ErrorKind::Utf8 => sekisho_status::Utf8,
            ErrorKind::Key => sekisho_status::Key,
            ErrorKind::Damaged => sekisho_status::Damaged,
            ErrorKind::Host => sekisho_status::Host,
            ErrorKind::Taken => sekisho_status::Taken,
            _ => sekisho_status::Other,
        }
    }
}

/// What to do with the event, in rising order.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum sekisho_action {
    /// Nothing was decided: the decision is NULL, new, or the last call that should have filled it failed.
    None = -1,
    /// Let it pass.
    Allow = 0,
    /// Ask for stronger authentication first.
    Challenge = 1,
    /// Hold it for a person.
    Review = 2,
    /// Refuse it.
    Deny = 3,
}

impl From<Action> for sekisho_action {
    fn from(action: Action) -> Self {
        match action {
            Action::Allow => sekisho_action::Allow,
            Action::Challenge => sekisho_action::Challenge,
            Action::Review => sekisho_action::Review,
            Action::Deny => sekisho_action::Deny,
        }
    }
}

/// What has to be done beside the action: one bit each.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_obligation {
    /// Tell the customer.
    Notify = 1,
    /// Hold the money.
    Hold = 2,
    /// Lock the account.
    Lock = 4,
    /// Hold the customer to a limit: a lower one, or what remains of the one that was hit.
    Limit = 8,
}

/// How an event ended.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_outcome {
    /// Not known yet.
    Pending = 1,
    /// Authorized.
    Approved = 2,
    /// Refused.
    Declined = 3,
    /// The attempt went through.
    Succeeded = 4,
    /// The attempt did not.
    Failed = 5,
    /// Stronger authentication was asked for.
    Challenged = 6,
    /// The customer gave up.
    Abandoned = 7,
    /// Undone later.
    Reversed = 8,
}

/// What was learnt about an event later.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_label {
    /// It was fraud.
    Fraud = 1,
    /// It was the customer.
    Genuine = 2,
}

/// What kind of value an event field takes.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_field_kind {
    /// The event's own identifier, as text or integer: hashed; an event is recorded once under it.
    Identifier = 1,
    /// An identifier of somebody or something that history is kept about, as text or integer: hashed.
    Entity = 2,
    /// Text of at most 4,096 bytes.
    Text = 3,
    /// An integer within 2^53 of zero.
    Integer = 4,
    /// A finite double.
    Number = 5,
    /// True or false.
    Boolean = 6,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time = 7,
}

/// The type of a feature's values.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_feature_type {
    /// True or false.
    Boolean = 1,
    /// A 64-bit integer.
    Integer = 2,
    /// A double.
    Number = 3,
    /// Milliseconds.
    Duration = 4,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time = 5,
    /// Text.
    Text = 6,
}

/// How much of a feature's value is there.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_presence {
    /// The decision keeps no features, or none at this index.
    None = -1,
    /// There was nothing to compute it from.
    Missing = 0,
    /// Computed from everything that it covers.
    Exact = 1,
    /// Computed, but part of what it covers has been forgotten.
    Approximate = 2,
}

/// The library's version, such as "0.1.0". NUL-terminated and static.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The name of a status, such as "wrong_type", for logs. NUL-terminated and static; "unknown" for other
/// numbers.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_status_name(status: i32) -> *const c_char {
    let name = match status {
        0 => c"ok",
        1 => c"policy",
        2 => c"unknown_name",
        3 => c"wrong_type",
        4 => c"absent",
        5 => c"empty",
        6 => c"too_long",
        7 => c"out_of_range",
        8 => c"not_finite",
        9 => c"overflow",
        10 => c"unknown_currency",
        11 => c"card_number",
        12 => c"time",
        13 => c"schema",
        14 => c"missing",
        15 => c"record",
        16 => c"utf8",
        17 => c"key",
        18 => c"damaged",
        19 => c"host",
        20 => c"taken",
        100 => c"other",
        101 => c"null_handle",
        102 => c"panic",
        103 => c"buffer_too_small",
        104 => c"not_found",
        _ => c"unknown",
    };
    name.as_ptr()
}

/// The name of an action, as policies write it: "allow", "challenge", "review" or "deny". NUL-terminated and
/// static; "none" for SEKISHO_ACTION_NONE and other numbers.
#[unsafe(no_mangle)]
pub extern "C" fn sekisho_action_name(action: i32) -> *const c_char {
    let name = match action {
        0 => c"allow",
        1 => c"challenge",
        2 => c"review",
        3 => c"deny",
        _ => c"none",
    };
    name.as_ptr()
}
