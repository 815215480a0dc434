//! Scenario files: a timed sequence of events, and what the library has to say to each.
//!
//! The format is described in `examples/scenarios/README.md`. The same files run in Rust, C and Python, and
//! all three have to write the same [trace](Outcome::trace) byte for byte.

mod parse;
mod run;

use std::fmt;

pub use run::{Outcome, run};

/// A scenario as it is written.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file's name, for messages.
    pub file: String,
    /// What it shows, in one line.
    pub title: String,
    /// The policy's file name.
    pub policy: String,
    start: i64,
    actors: Vec<Actor>,
    lines: Vec<(usize, Line)>,
}

impl Scenario {
    /// Reads a scenario; `file` is its name in messages.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse(file: &str, text: &str) -> Result<Scenario, Failure> {
        parse::scenario(file, text)
    }
}

/// What is wrong with a scenario, or what came out otherwise than expected, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The file's name.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for Failure {}

/// A field and its value, both as written.
type Pair = (String, String);

/// Somebody who does things, and the fields that all his events carry.
#[derive(Clone, Debug)]
struct Actor {
    name: String,
    is_attacker: bool,
    fields: Vec<Pair>,
}

/// What a line does.
#[derive(Clone, Debug)]
enum Line {
    List {
        list: String,
        value: String,
        severity: Option<u8>,
        source: Option<String>,
    },
    Unlist {
        list: String,
        value: String,
    },
    Step(Step),
    Label {
        after: i64,
        id: String,
        label: String,
    },
    Resolve {
        after: i64,
        id: String,
        outcome: String,
    },
    /// About the step before.
    Expect(Vec<Expectation>),
    /// About every later step of a member.
    Always(Vec<Expectation>),
    /// The first step of an attacker that was not allowed; none when all were.
    Stopped(Option<String>),
}

/// An event, perhaps repeated.
#[derive(Clone, Debug)]
struct Step {
    after: i64,
    times: u32,
    actor: usize,
    kind: String,
    fields: Vec<Pair>,
    id: Option<String>,
    /// The actor passes a challenge.
    passes: bool,
    /// How the event ends if it is let by and the step does not say how it ended.
    ends: String,
}

/// One thing that has to hold.
#[derive(Clone, Debug)]
enum Expectation {
    Action(Comparison, sekisho::Action),
    Score(u16, u16),
    /// All of these are among the reasons; none may be there when it is empty.
    Reasons(Vec<String>),
    Obligations(Vec<String>),
    Strength(u8),
    /// The yen that attackers have got away with so far.
    Lost(i64),
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Equal,
    AtLeast,
    AtMost,
}
