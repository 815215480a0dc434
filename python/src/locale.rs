//! Japanese identities over lists of text, without the GIL. `sekisho.locale` gives the answers their names.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use sekisho::locale::{AccountKind, Address, BankAccount, Kind, Name, Phone, match_addresses, match_names};

type Texts = Vec<Option<String>>;

/// One answer for each text; none for none.
fn each<T: Send>(py: Python<'_>, texts: &Texts, answer: impl Fn(&str) -> Option<T> + Sync) -> Vec<Option<T>> {
    py.detach(|| texts.iter().map(|text| answer(text.as_deref()?)).collect())
}

/// One answer for each pair.
fn pairs<T: Send>(
    py: Python<'_>,
    (a, b): (&Texts, &Texts),
    answer: impl Fn(&str, &str) -> T + Sync,
) -> PyResult<Vec<Option<T>>> {
    if a.len() != b.len() {
        let what = format!("found {} texts to compare with {}, expected as many", a.len(), b.len());
        return Err(PyValueError::new_err(what));
    }
    Ok(py.detach(|| a.iter().zip(b).map(|(a, b)| Some(answer(a.as_deref()?, b.as_deref()?))).collect()))
}

#[pyfunction]
pub(crate) fn locale_canonical(py: Python<'_>, kind: &str, texts: Texts) -> PyResult<Texts> {
    let Some(known) = Kind::named(kind) else {
        let what =
            format!("found the kind \"{kind}\", expected address, bank_account, email, holder_name or phone");
        return Err(PyValueError::new_err(what));
    };
    Ok(each(py, &texts, |text| sekisho::locale::canonical(known, text)))
}

#[pyfunction]
pub(crate) fn locale_name_keys(py: Python<'_>, texts: Texts) -> Texts {
    each(py, &texts, |text| Name::parse(text).map(|name| name.key()))
}

#[pyfunction]
pub(crate) fn locale_match_names(py: Python<'_>, a: Texts, b: Texts) -> PyResult<Vec<Option<&'static str>>> {
    pairs(py, (&a, &b), |a, b| match_names(a, b).name())
}

type Found = (Option<&'static str>, &'static str);

#[pyfunction]
pub(crate) fn locale_match_addresses(py: Python<'_>, a: Texts, b: Texts) -> PyResult<Vec<Option<Found>>> {
    pairs(py, (&a, &b), |a, b| {
        let found = match_addresses(a, b);
        (found.level.map(|level| level.name()), found.rest.name())
    })
}

/// Postcode, prefecture, city, town, number, building, room.
type Levels = [Option<String>; 7];

#[pyfunction]
pub(crate) fn locale_addresses(py: Python<'_>, texts: Texts) -> Vec<Option<Levels>> {
    each(py, &texts, |text| {
        let address = Address::parse(text);
        let own = |text: Option<&str>| text.map(str::to_owned);
        Some([
            own(address.postcode()),
            own(address.prefecture()),
            own(address.city()),
            own(address.town()),
            address.number(),
            own(address.building()),
            address.room(),
        ])
    })
}

/// Bank, branch, kind, number, canonical form.
type Account = (String, String, &'static str, String, String);

#[pyfunction]
pub(crate) fn locale_bank_accounts(py: Python<'_>, texts: Texts) -> Vec<Option<Account>> {
    each(py, &texts, |text| {
        let account = BankAccount::parse(text).ok()?;
        let kind = match account.kind() {
            AccountKind::Ordinary => "ordinary",
            AccountKind::Current => "current",
            AccountKind::Savings => "savings",
            AccountKind::Other => "other",
        };
        let own = str::to_owned;
        let (bank, branch, number) = (account.bank(), account.branch(), account.number());
        Some((own(bank), own(branch), kind, own(number), own(account.canonical())))
    })
}

#[pyfunction]
pub(crate) fn locale_phones(py: Python<'_>, texts: Texts) -> Vec<Option<(String, String, &'static str)>> {
    each(py, &texts, |text| {
        let phone = Phone::parse(text).ok()?;
        Some((phone.canonical().to_owned(), phone.national(), phone.class().name()))
    })
}
