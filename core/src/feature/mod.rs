//! What is computed from an entity's history: the plan of a policy's features, and the row they fill.

mod heavy;
mod plan;
mod route;
mod row;
mod velocity;

pub(crate) use plan::{
    CellSource, KeyPlan, KeySource, Plan, Predicate, RatioFeature, SelectedPredicate, Selector, TablePlan,
    Window, WindowFeature, WindowSpan,
};
pub(crate) use route::{Keyring, Previous, Route, event_word};
pub use row::Value;
pub(crate) use row::{Presence, Row};
pub(crate) use velocity::{Moment, Workspace, ratios, visit};
