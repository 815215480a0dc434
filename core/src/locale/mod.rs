//! Japanese identities: addresses, names, bank accounts, phone numbers and e-mail addresses as people write them, and
//! the one form of each by which they are compared.
//!
//! Everything here is a function of its text: no dictionary, no state, the same answer everywhere. Any text is taken;
//! what cannot be read is an error or an answer of its own, never a panic. The time is about linear in the length.
//!
//! A policy with `locale = "ja"` hashes identifiers in their [canonical form](canonical), so that all spellings are
//! one entity.

mod account;
mod address;
mod email;
mod name;
mod phone;
mod text;
mod variants;

pub use account::{AccountKind, BankAccount};
pub use address::{Address, AddressMatch, Level, Rest, match_addresses};
pub use email::Email;
pub use name::{Name, NameMatch, match_names};
pub use phone::{Phone, PhoneClass};

use crate::wiped::Wiped;

/// What `Debug` shows of an identifier: nothing.
macro_rules! hide {
    ($($name:ident)*) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(...)"))
            }
        })*
    };
}

hide! { Address BankAccount Email Name Phone }

/// A kind of identifier that has a canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A postal address: [`Address`].
    Address,
    /// A bank account: [`BankAccount`].
    BankAccount,
    /// An e-mail address: [`Email`].
    Email,
    /// A name: [`Name`].
    HolderName,
    /// A phone number: [`Phone`].
    Phone,
}

impl Kind {
    /// The kind of this name, which is that of the entity in a policy: `address`, `bank_account`, `email`,
    /// `holder_name` or `phone`.
    pub fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "address" => Kind::Address,
            "bank_account" => Kind::BankAccount,
            "email" => Kind::Email,
            "holder_name" => Kind::HolderName,
            "phone" => Kind::Phone,
            _ => return None,
        })
    }
}

/// The form in which an identifier is hashed, so that its spellings meet; `None` when it cannot be brought into one.
///
/// ```
/// use sekisho::locale::{Kind, canonical};
///
/// assert_eq!(canonical(Kind::BankAccount, "14030-12345671").as_deref(), Some("9900-408-1-1234567"));
/// assert_eq!(
///     canonical(Kind::Address, "〒163-8001 東京都新宿区西新宿二丁目８番１号"),
///     canonical(Kind::Address, "新宿区西新宿2-8-1"),
/// );
/// assert_eq!(canonical(Kind::Address, "サンハイツ405"), None);
/// ```
pub fn canonical(kind: Kind, text: &str) -> Option<String> {
    wiped(kind, text).map(Wiped::into_string)
}

/// Calls `f` with the bytes to hash: those of the canonical form, or of the text itself where it has none.
pub(crate) fn with_form<T>(kind: Kind, text: &str, f: impl FnOnce(&[u8]) -> T) -> T {
    match wiped(kind, text) {
        Some(canonical) => f(canonical.as_bytes()),
        None => f(text.as_bytes()),
    }
}

/// Whether the text has a canonical form.
pub(crate) fn is_well_formed(kind: Kind, text: &str) -> bool {
    wiped(kind, text).is_some()
}

fn wiped(kind: Kind, text: &str) -> Option<Wiped> {
    Some(match kind {
        Kind::Address => Address::parse(text).canonical()?,
        Kind::BankAccount => BankAccount::parse(text).ok()?.canonical().into(),
        Kind::Email => Email::parse(text).ok()?.canonical().into(),
        Kind::HolderName => Name::parse(text)?.canonical(),
        Kind::Phone => Phone::parse(text).ok()?.canonical().into(),
    })
}
