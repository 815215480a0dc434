//! What is remembered: one history for every entity, and the lists.

mod bits;
mod history;
mod lists;
mod panes;
mod record;
mod sample;
mod series;
mod table;

pub(crate) use bits::ones;
pub(crate) use history::{Entry, History, Learnt, Reshape, Undone, holds};
pub use lists::ListEntry;
pub(crate) use lists::{List, Lists};
pub(crate) use panes::Panes;
pub(crate) use record::{Column, MOST_COLUMNS, Shape, View};
pub(crate) use series::{Budget, Kind, SeriesPlan, Tally};
pub(crate) use table::EntityTable;

/// Everything an engine remembers.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// One table for each table of the policy's plan, in its order.
    pub(crate) tables: Vec<EntityTable>,
    /// One for each list of the policy, in its order.
    pub(crate) lists: Lists,
    /// The latest time that an event or the host has stated.
    pub(crate) latest: Option<i64>,
}
