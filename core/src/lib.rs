//! Sekisho scores one payment or login in process, in microseconds: window features over what it remembers,
//! lists, rules that add points, and a decision (allow, challenge, review, deny) with its reasons.
//!
//! It does no I/O and reads no clock: events carry their own time, keys are handed in, and the same policy and
//! events give the same bits everywhere.
//!
//! ```
//! use sekisho::{Action, Decision, Engine, Event, HashKey, Policy};
//!
//! // What the bank writes: what is counted, and what follows from it.
//! let policy = Policy::from_toml(r#"
//!     [policy]
//!     name = "transfers"
//!     version = "2026.11"
//!     time_zone = "Asia/Tokyo"
//!     currency = "JPY"
//!
//!     [[feature]]
//!     name = "sent_today"
//!     aggregate = "sum"
//!     of = "amount_minor"
//!     by = ["account"]
//!     over = "day"
//!     include_current = true
//!
//!     [[feature]]
//!     name = "paid_before"
//!     aggregate = "count"
//!     by = ["account", "payee"]
//!     over = "90d"
//!
//!     [[rule]]
//!     id = "large_to_a_stranger"
//!     when = 'type == "transfer" && paid_before == 0 && sent_today > 100000'
//!     points = 650
//!     reason = "NEW_PAYEE"
//!
//!     [decision]
//!     bands = [{ from = 0, action = "allow" }, { from = 600, action = "challenge", strength = 2 }]
//! "#)?;
//!
//! // Identifiers are hashed under the host's key before anything is remembered.
//! let engine = Engine::new(policy, HashKey::new(1, *b"32 secret bytes of the host ...."));
//!
//! let event = Event::of("transfer", 1_793_581_200_000)?
//!     .with("id", "e-1")?
//!     .with("account", "a-1")?
//!     .with("payee", "p-9")?
//!     .with("amount_minor", 120_000)?;
//! let mut decision = Decision::detailed();
//! engine.assess_into(&event, &mut decision)?;
//!
//! assert_eq!((decision.score(), decision.action()), (650, Action::Challenge));
//! assert_eq!(decision.reasons().map(|reason| reason.code()).collect::<Vec<_>>(), ["NEW_PAYEE"]);
//! assert!(decision.explain(&event).to_string().contains("0 == 0 && 120000 > 100000"));
//! # Ok::<(), sekisho::Error>(())
//! ```

mod decision;
mod engine;
mod error;
mod event;
mod feature;
pub mod locale;
mod policy;
mod state;
mod sync;
mod tenants;
mod wiped;

pub use decision::{
    Decision, DecisionRecord, ExplainedListing, ExplainedRule, Explanation, FeatureValue, LimitStanding,
    Listed, MOST_REASONS, Reason, RecordedLimit, RecordedListVersion, RecordedReason, RecordedValue, RuleHit,
};
pub use engine::{
    ChallengerReport, Engine, EngineBuilder, PreparedList, Recovered, SnapshotReport, SwapReport,
    TableStatistics,
};
pub use error::{Error, ErrorKind, Fault, Result};
pub use event::{
    Event, FIELDS, Field, FieldKind, FieldSpec, FieldValue, HashKey, LARGEST_INTEGER, LONGEST_IDENTIFIER,
    LONGEST_TEXT, Label, Outcome, Schema,
};
pub use feature::Value;
pub use policy::{
    AGGREGATES, Action, AggregateInfo, FeatureInfo, FeatureType, Obligations, Policy, PolicyBuilder, RuleInfo,
};
pub use state::{ListEntry, ListVersion};
pub use tenants::{TenantStatistics, Tenants};
