//! What is remembered: one history for every entity, and the lists.

mod bits;
mod block;
mod codec;
mod codes;
mod dictionary;
mod history;
mod index;
mod last_seen;
mod line;
mod lists;
mod panes;
mod record;
mod rekeying;
mod sample;
mod series;
mod shard;
mod spares;
mod table;
mod tallies;

pub(crate) use bits::ones;
pub(crate) use block::{Entry, holds};
pub(crate) use codec::{Reader, Writer};
pub(crate) use codes::Coded;
pub(crate) use history::{History, Learnt, Remembered, Reshape, Undone};
pub(crate) use lists::{
    Asked, Class, Hit, Home, LONGEST_REASON, List, Prepared, domain_with_size, find_beginning, find_domain,
    list_mark, size_of_beginning,
};
pub use lists::{ListEntry, ListVersion};
pub(crate) use panes::Panes;
pub(crate) use record::{Cells, Column, MOST_COLUMNS, Shape, View};
pub(crate) use rekeying::Rekeying;
pub(crate) use series::{Budget, Fading, Kind, SeriesPlan, Tally};
pub(crate) use shard::{Adopted, Counts, Shard, Slot};
pub(crate) use spares::Spares;
pub(crate) use table::Table;
