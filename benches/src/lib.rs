//! The workload that the benches measure, and the peers that they measure beside it.

mod peers;
mod policy;
mod workload;

pub use peers::{CelRules, Redis, RedisEvent, RedisLine, RedisWork, SqliteFeatures};
pub use policy::{
    Condition, FEATURES, FeatureLine, LISTS, RULES, RuleLine, WINDOWS, document, document_of_features,
    document_of_rules,
};
pub use workload::{HISTORY, SETS, Sample, Workload};
