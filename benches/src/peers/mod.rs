//! What else could do a part of the work.

mod cel;
mod sqlite;

pub use cel::CelRules;
pub use sqlite::SqliteFeatures;
