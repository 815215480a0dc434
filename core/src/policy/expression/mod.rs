//! CEL expressions: parsed, typed against the schema, compiled to a flat program.
//!
//! What is left out of CEL is refused at compile time (maps, indexing, comprehensions, bytes, unsigned
//! integers, regular expressions, joining text). What is added: integers widen to doubles beside doubles,
//! durations know days and weeks, lists and features have names.

mod ast;
mod atom;
mod calls;
mod check;
mod condition;
mod lexer;
mod literals;
mod math;
#[cfg(test)]
mod oracle;
mod pair;
mod parser;
mod program;
mod scope;

use std::fmt;

pub(crate) use ast::{Mistake, Span};
pub(crate) use atom::Truth;
pub(crate) use check::{Checked, Node, Reference, check};
pub(crate) use condition::{Conditions, Facts, bits_of};
pub(crate) use literals::Literals;
pub(crate) use program::{Evaluation, Program, TextWord};
pub(crate) use scope::{
    ListAsk, NamedFeature, NamedList, Reading, Scope, SlotSource, Slots, Use, literal_word,
};

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    Integer,
    Number,
    /// Milliseconds.
    Duration,
    /// Milliseconds since 1970.
    Time,
    /// Text of the event or a literal.
    Text,
    /// Text that history remembers: it can be compared for equality only.
    Symbol,
    /// An identifier: present or not, equal or not, listed or not.
    Entity,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Boolean => "a boolean",
            Type::Integer => "an integer",
            Type::Number => "a number",
            Type::Duration => "a duration",
            Type::Time => "a time",
            Type::Text => "text",
            Type::Symbol => "remembered text",
            Type::Entity => "an identifier",
        })
    }
}

/// Parses and checks an expression; every mistake found is returned.
pub(crate) fn compile(text: &str, scope: &Scope<'_>, slots: &mut Slots) -> Result<Checked, Vec<Mistake>> {
    let expr = parser::parse(text).map_err(|mistake| vec![mistake])?;
    check(&expr, scope, slots)
}
