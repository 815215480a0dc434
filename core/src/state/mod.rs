//! What is remembered: one history for every entity, and the lists.

mod bits;
mod codec;
mod history;
mod lists;
mod record;
mod shard;
mod table;

pub(crate) use bits::ones;
pub(crate) use codec::{Reader, Writer};
pub(crate) use history::{Entry, History, Learnt, Remembered, Undone, holds};
pub(crate) use lists::List;
pub use lists::ListEntry;
pub(crate) use record::{Column, MOST_COLUMNS, Shape, View};
pub(crate) use shard::{Adopted, Counts, Shard, Slot};
pub(crate) use table::Table;
