//! The extension module `sekisho._native`. The Python package `sekisho` re-exports what is public.
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

mod convert;
mod decision;
mod engine;
mod error;
mod event;
mod host;
mod lists;
mod locale;
mod names;
mod policy;
mod replay;
mod tenants;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::decision::{Decision, replay_record};
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::event::Event;
    #[pymodule_export]
    use crate::lists::Members;
    #[pymodule_export]
    use crate::locale::{
        locale_addresses, locale_bank_accounts, locale_canonical, locale_match_addresses, locale_match_names,
        locale_name_keys, locale_phones,
    };
    #[pymodule_export]
    use crate::policy::{Policy, aggregates};
    #[pymodule_export]
    use crate::replay::Table;
    #[pymodule_export]
    use crate::tenants::Tenants;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
