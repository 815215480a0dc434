//! What is computed from an entity's history: the plan of a policy's features, and the row they fill.

mod behaviour;
mod bounds;
mod derived;
pub(crate) mod device;
mod geography;
mod heavy;
mod listed;
mod login;
mod matches;
mod plan;
mod route;
mod row;
mod sequence;
mod short;
mod velocity;
mod vonmises;
mod working;

pub(crate) use behaviour::Behaviour;
pub(crate) use derived::{Derivation, DerivedFeature, derive};
pub(crate) use login::{FACETS, Facet, Level, LoginScore};
pub(crate) use plan::{
    CellSource, KeyPlan, KeySource, Marker, Plan, Predicate, SelectedPredicate, Selector, Step, TablePlan,
    Window, WindowFeature, WindowSpan,
};
pub(crate) use route::{Keyring, Previous, Reads, Route, event_word, identifier_token};
pub use row::Value;
pub(crate) use row::{Presence, Row};
pub(crate) use short::ShortPlan;
pub(crate) use velocity::{Moment, Workspace, visit};
pub(crate) use working::{Axis, Working};
