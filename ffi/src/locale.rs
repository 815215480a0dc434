//! Japanese identities: functions of their text, without a handle.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use sekisho::locale::{Address, Kind, Level, Name, NameMatch, Phone, PhoneClass, Rest, canonical};

use crate::raw::{self, Failure, bare, required};
use crate::status::sekisho_status;

/// A kind of identifier that has a canonical form.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_locale_kind {
    /// A postal address.
    Address = 1,
    /// A bank account.
    BankAccount = 2,
    /// An e-mail address.
    Email = 3,
    /// A name.
    HolderName = 4,
    /// A phone number.
    Phone = 5,
}

/// What two names say of each other.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_name_match {
    /// They are different names.
    Mismatch = 0,
    /// They are one name.
    Match = 1,
    /// One is empty, or they are in scripts that do not follow from each other.
    NotComparable = 2,
}

/// A level of an address.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_address_level {
    /// No level.
    None = 0,
    /// The prefecture.
    Prefecture = 1,
    /// The city with its ward, without its county.
    City = 2,
    /// The town.
    Town = 3,
    /// The numbers on the street.
    Number = 4,
    /// The building.
    Building = 5,
    /// Wing, floor and room.
    Room = 6,
    /// The postcode: no level, but read like one.
    Postcode = 7,
}

/// What follows the deepest level on which two addresses agree.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_address_rest {
    /// Nothing: they are spellings of one address.
    Same = 0,
    /// One of them says no more.
    Absent = 1,
    /// They contradict each other.
    Different = 2,
}

/// What kind of line a phone number belongs to.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum sekisho_phone_class {
    /// A mobile phone.
    Mobile = 1,
    /// A line over the internet, bound to no place.
    Voip = 2,
    /// The one who is called pays.
    Free = 3,
    /// A line at a place.
    Fixed = 4,
    /// A machine or a pager.
    Machine = 5,
    /// A service with a tariff of its own.
    Service = 6,
    /// Of another country.
    Foreign = 7,
    /// Of a class that this header does not know.
    Other = 100,
}

fn no_form() -> Failure {
    Failure::new(sekisho_status::OutOfRange, "the text has no canonical form")
}

/// The form in which a policy with a locale hashes an identifier, so that its spellings meet.
///
/// `kind` is one of sekisho_locale_kind. The text goes to `buffer` and its length to `length`; with too small a
/// buffer, SEKISHO_STATUS_BUFFER_TOO_SMALL and the length that it must have. SEKISHO_STATUS_OUT_OF_RANGE for text
/// that cannot be brought into a form, and for unknown kinds. Any number of threads may call this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_locale_canonical(
    kind: i32,
    text: *const c_char,
    text_length: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        // SAFETY: the caller states that the pair names readable bytes.
        let text = unsafe { raw::text(text, text_length, "text")? };
        let kind = match kind {
            1 => Kind::Address,
            2 => Kind::BankAccount,
            3 => Kind::Email,
            4 => Kind::HolderName,
            5 => Kind::Phone,
            _ => return Err(no_form()),
        };
        let form = canonical(kind, text).ok_or_else(no_form)?;
        // SAFETY: the caller states that the buffer holds `capacity` bytes of its own.
        unsafe { raw::fill(&form, buffer, capacity, length) }
    })
}

/// What names that match have in common: large kana, one mark for long vowels and hyphens, usual kanji, no spaces,
/// corporations abbreviated as between banks. SEKISHO_STATUS_EMPTY when no letter is in the name; else as
/// sekisho_locale_canonical.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_locale_name_key(
    text: *const c_char,
    text_length: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        // SAFETY: the caller states that the pair names readable bytes.
        let text = unsafe { raw::text(text, text_length, "text")? };
        let empty = || Failure::new(sekisho_status::Empty, "no letter is in the name");
        let key = Name::parse(text).ok_or_else(empty)?.key();
        // SAFETY: the caller states that the buffer holds `capacity` bytes of its own.
        unsafe { raw::fill(&key, buffer, capacity, length) }
    })
}

/// What two names say of each other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_locale_match_names(
    a: *const c_char,
    a_length: usize,
    b: *const c_char,
    b_length: usize,
    found: Option<&mut MaybeUninit<sekisho_name_match>>,
) -> sekisho_status {
    bare(|| {
        let place = required(found, "found")?;
        // SAFETY: the caller states that both pairs name readable bytes.
        let (a, b) = unsafe { (raw::text(a, a_length, "a")?, raw::text(b, b_length, "b")?) };
        place.write(match sekisho::locale::match_names(a, b) {
            NameMatch::Match => sekisho_name_match::Match,
            NameMatch::Mismatch => sekisho_name_match::Mismatch,
            NameMatch::NotComparable => sekisho_name_match::NotComparable,
        });
        Ok(())
    })
}

/// How far two addresses agree: the deepest level on which they do, and what follows it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_locale_match_addresses(
    a: *const c_char,
    a_length: usize,
    b: *const c_char,
    b_length: usize,
    level: Option<&mut MaybeUninit<sekisho_address_level>>,
    rest: Option<&mut MaybeUninit<sekisho_address_rest>>,
) -> sekisho_status {
    bare(|| {
        let (level, rest) = (required(level, "level")?, required(rest, "rest")?);
        // SAFETY: the caller states that both pairs name readable bytes.
        let (a, b) = unsafe { (raw::text(a, a_length, "a")?, raw::text(b, b_length, "b")?) };
        let found = sekisho::locale::match_addresses(a, b);
        level.write(match found.level {
            None => sekisho_address_level::None,
            Some(Level::Prefecture) => sekisho_address_level::Prefecture,
            Some(Level::City) => sekisho_address_level::City,
            Some(Level::Town) => sekisho_address_level::Town,
            Some(Level::Number) => sekisho_address_level::Number,
            Some(Level::Building) => sekisho_address_level::Building,
            Some(Level::Room) => sekisho_address_level::Room,
        });
        rest.write(match found.rest {
            Rest::Same => sekisho_address_rest::Same,
            Rest::Absent => sekisho_address_rest::Absent,
            Rest::Different => sekisho_address_rest::Different,
        });
        Ok(())
    })
}

/// One level of an address, by its number in sekisho_address_level. SEKISHO_STATUS_NOT_FOUND when the address does not
/// have it; else as sekisho_locale_canonical.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_locale_address_level(
    text: *const c_char,
    text_length: usize,
    level: i32,
    buffer: *mut c_char,
    capacity: usize,
    length: Option<&mut MaybeUninit<usize>>,
) -> sekisho_status {
    bare(|| {
        // SAFETY: the caller states that the pair names readable bytes.
        let address = Address::parse(unsafe { raw::text(text, text_length, "text")? });
        let found = match level {
            1 => address.prefecture().map(str::to_owned),
            2 => address.city().map(str::to_owned),
            3 => address.town().map(str::to_owned),
            4 => address.number(),
            5 => address.building().map(str::to_owned),
            6 => address.room(),
            7 => address.postcode().map(str::to_owned),
            _ => None,
        };
        let absent = || Failure::new(sekisho_status::NotFound, "the address does not have this level");
        // SAFETY: the caller states that the buffer holds `capacity` bytes of its own.
        unsafe { raw::fill(&found.ok_or_else(absent)?, buffer, capacity, length) }
    })
}

/// What kind of line a phone number belongs to. SEKISHO_STATUS_OUT_OF_RANGE when it is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sekisho_locale_phone_class(
    text: *const c_char,
    text_length: usize,
    class: Option<&mut MaybeUninit<sekisho_phone_class>>,
) -> sekisho_status {
    bare(|| {
        let place = required(class, "class")?;
        // SAFETY: the caller states that the pair names readable bytes.
        let phone = Phone::parse(unsafe { raw::text(text, text_length, "text")? })?;
        place.write(match phone.class() {
            PhoneClass::Mobile => sekisho_phone_class::Mobile,
            PhoneClass::Voip => sekisho_phone_class::Voip,
            PhoneClass::Free => sekisho_phone_class::Free,
            PhoneClass::Fixed => sekisho_phone_class::Fixed,
            PhoneClass::Machine => sekisho_phone_class::Machine,
            PhoneClass::Service => sekisho_phone_class::Service,
            PhoneClass::Foreign => sekisho_phone_class::Foreign,
            _ => sekisho_phone_class::Other,
        });
        Ok(())
    })
}
