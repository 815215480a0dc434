"""Japanese identities as people write them, and the one form of each by which they are compared.

Each function takes one text, or any number of them (a list, a Series, an array) and then returns a list.

>>> bank_account("記号14030 番号12345671").canonical
'9900-408-1-1234567'
>>> phone(["090-1234-5678", "110"])
[Phone(canonical='+819012345678', national='09012345678', type='mobile'), None]
>>> match_names("ジンジショウゴ", "ｼﾞﾝｼﾞ ｼﾖｳｺﾞ")
'match'
>>> match_addresses("新宿区西新宿2-8-1-405", "東京都新宿区西新宿二丁目８番１号 サンハイツ406")
AddressMatch(level='number', rest='different')
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar, overload

from sekisho import _native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "Address",
    "AddressMatch",
    "BankAccount",
    "Phone",
    "address",
    "bank_account",
    "canonical",
    "match_addresses",
    "match_names",
    "name_key",
    "phone",
]

_T = TypeVar("_T")

if TYPE_CHECKING:
    _Kind: TypeAlias = Literal["address", "bank_account", "email", "holder_name", "phone"]
    _Name: TypeAlias = Literal["match", "mismatch", "not_comparable"]
    # Values that a column has where it has no text, as None and NaN, are answered with None.
    _Many: TypeAlias = Iterable[Any]


class Address(NamedTuple):
    """The levels of a postal address; None where it does not have one."""

    postcode: str | None
    prefecture: str | None
    city: str | None
    town: str | None
    number: str | None
    building: str | None
    room: str | None


class AddressMatch(NamedTuple):
    """How far two addresses agree."""

    level: str | None
    """The deepest level on which they do: prefecture, city, town, number, building or room."""
    rest: str
    """What follows it: same (nothing), absent (one says no more) or different."""


class BankAccount(NamedTuple):
    """A bank account in Japan."""

    bank: str
    branch: str
    type: str
    """ordinary, current, savings or other."""
    number: str
    canonical: str


class Phone(NamedTuple):
    """A phone number."""

    canonical: str
    """As ITU-T E.164 writes it."""
    national: str
    """As it is dialled in Japan."""
    type: str
    """mobile, voip, free, fixed, machine, service or foreign."""


def _texts(values: Any) -> list[str | None]:
    def text(value: object) -> str | None:
        if isinstance(value, str):
            return value
        if value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and value != value):
            return None
        raise TypeError(f"found {type(value).__name__}, expected text")

    return [text(value) for value in values]


def _each(function: Callable[[list[str | None]], list[_T]], texts: str | _Many) -> _T | list[_T]:
    if isinstance(texts, str):
        return function([texts])[0]
    return function(_texts(texts))


def _pairs(
    function: Callable[[list[str | None], list[str | None]], list[_T]], a: str | _Many, b: str | _Many
) -> _T | list[_T]:
    if isinstance(a, str) and isinstance(b, str):
        return function([a], [b])[0]
    if isinstance(a, str):
        other = _texts(b)
        return function([a] * len(other), other)
    own = _texts(a)
    return function(own, [b] * len(own) if isinstance(b, str) else _texts(b))


@overload
def canonical(kind: _Kind, texts: str) -> str | None: ...
@overload
def canonical(kind: _Kind, texts: _Many) -> list[str | None]: ...
def canonical(kind: _Kind, texts: str | _Many) -> str | None | list[str | None]:
    """The form in which a policy with `locale = "ja"` hashes an identifier; None when it has none."""
    return _each(lambda texts: _native.locale_canonical(kind, texts), texts)


@overload
def name_key(texts: str) -> str | None: ...
@overload
def name_key(texts: _Many) -> list[str | None]: ...
def name_key(texts: str | _Many) -> str | None | list[str | None]:
    """What names that match have in common; None when no letter is in the name."""
    return _each(_native.locale_name_keys, texts)


@overload
def match_names(a: str, b: str) -> _Name: ...  # type: ignore[overload-overlap]
@overload
def match_names(a: str | _Many, b: str | _Many) -> list[_Name | None]: ...
def match_names(a: str | _Many, b: str | _Many) -> _Name | None | list[_Name | None]:
    """What two names say of each other. One text is compared with all of the others."""
    return _pairs(_native.locale_match_names, a, b)


@overload
def match_addresses(a: str, b: str) -> AddressMatch: ...  # type: ignore[overload-overlap]
@overload
def match_addresses(a: str | _Many, b: str | _Many) -> list[AddressMatch | None]: ...
def match_addresses(a: str | _Many, b: str | _Many) -> AddressMatch | None | list[AddressMatch | None]:
    """How far two addresses agree. One text is compared with all of the others."""

    def found(a: list[str | None], b: list[str | None]) -> list[AddressMatch | None]:
        return [AddressMatch(*found) if found else None for found in _native.locale_match_addresses(a, b)]

    return _pairs(found, a, b)


@overload
def address(texts: str) -> Address: ...
@overload
def address(texts: _Many) -> list[Address | None]: ...
def address(texts: str | _Many) -> Address | None | list[Address | None]:
    """The levels of an address. Any text is taken."""
    return _each(lambda texts: [Address(*found) if found else None for found in _native.locale_addresses(texts)], texts)


@overload
def bank_account(texts: str) -> BankAccount | None: ...
@overload
def bank_account(texts: _Many) -> list[BankAccount | None]: ...
def bank_account(texts: str | _Many) -> BankAccount | None | list[BankAccount | None]:
    """A bank account in any notation; None when it is none, or its check digit is wrong."""

    def found(texts: list[str | None]) -> list[BankAccount | None]:
        return [BankAccount(*found) if found else None for found in _native.locale_bank_accounts(texts)]

    return _each(found, texts)


@overload
def phone(texts: str) -> Phone | None: ...
@overload
def phone(texts: _Many) -> list[Phone | None]: ...
def phone(texts: str | _Many) -> Phone | None | list[Phone | None]:
    """A phone number in any notation; None when it is none."""
    return _each(lambda texts: [Phone(*found) if found else None for found in _native.locale_phones(texts)], texts)
