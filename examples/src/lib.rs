//! What the examples share: a [`stream`] of events of a wallet, [`scenario`] files, and a [`report`] on how
//! a policy did.
//!
//! ```text
//! cargo run --release -p sekisho-examples --bin wallet
//! cargo test -p sekisho-examples
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod authorizer;
pub mod report;
pub mod scenario;
pub mod stream;
