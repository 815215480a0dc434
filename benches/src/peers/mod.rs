//! What else could do a part of the work.

mod cel;
mod redis;
mod sqlite;

pub use cel::CelRules;
pub use redis::{Redis, RedisEvent, RedisLine, RedisWork};
pub use sqlite::SqliteFeatures;
