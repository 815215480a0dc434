//! The C ABI of Sekisho: opaque handles, field numbers, status codes.
//!
//! C programs include `sekisho.h`, which is generated from these files and says everything that a caller has
//! to know. Three rules hold for every function here:
//!
//! 1. It runs inside `raw::caught`, so a panic becomes a status and never crosses into C.
//! 2. Handles and places for results come as `Option`s of references, which have the layout of nullable
//!    pointers. NULL is a status, not a crash.
//! 3. Outputs are written last, and only on success.
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used
)]
// The names are C's.
#![allow(non_camel_case_types)]
// What a caller has to guarantee is the same everywhere and stands at the head of the header.
#![allow(clippy::missing_safety_doc)]

mod challenger;
mod decision;
mod durable;
mod engine;
mod error;
mod event;
mod field;
mod host;
mod limit;
mod lists;
mod locale;
mod options;
mod policy;
mod raw;
mod statistics;
mod status;
mod tenants;
mod value;

pub use challenger::*;
pub use decision::*;
pub use durable::*;
pub use engine::*;
pub use error::*;
pub use event::*;
pub use field::*;
pub use host::*;
pub use limit::*;
pub use lists::*;
pub use locale::*;
pub use options::*;
pub use policy::*;
pub use statistics::*;
pub use status::*;
pub use tenants::*;
pub use value::*;
