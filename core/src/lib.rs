//! Sekisho scores one payment or login in process, in microseconds: device, list, velocity and behaviour
//! features over what it remembers, rules that add points, and a decision (allow, challenge, review, deny) with
//! its reasons.
//!
//! It does no I/O and reads no clock: events carry their own time, keys are handed in, and the same policy and
//! events give the same bits everywhere.
#![doc = include_str!("../../README.md")]

mod decision;
mod engine;
mod error;
mod event;
mod feature;
mod policy;
mod state;

pub use decision::{
    Action, Decision, DecisionRecord, ExplainedRule, Explanation, FeatureValue, MOST_REASONS, Obligations,
    Reason, RecordedReason, RecordedValue, RuleHit,
};
pub use engine::{Engine, Label, Outcome, SwapReport, TableStatistics};
pub use error::{Error, ErrorKind, Fault, Result};
pub use event::{
    Event, FIELDS, Field, FieldKind, FieldSpec, FieldValue, HashKey, LARGEST_INTEGER, LONGEST_IDENTIFIER,
    LONGEST_TEXT, Schema,
};
pub use feature::Value;
pub use policy::{FeatureInfo, FeatureType, Policy, PolicyBuilder, RuleInfo};
pub use state::ListEntry;
