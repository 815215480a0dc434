"""Japanese identities: the corpus of the core's tests, and columns of them."""

from __future__ import annotations

import doctest
import re

import pandas as pd
import polars as pl
import pytest
import sekisho
from conftest import KEY, REPOSITORY
from hypothesis import given
from hypothesis import strategies as st
from sekisho import locale

CASES = [
    tuple(re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), cell) for cell in line.split("\t"))
    for line in (REPOSITORY / "core/tests/locale/cases.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def answer(kind: str, a: str, b: str) -> str:
    match kind:
        case "account":
            account = locale.bank_account(a)
            return account.canonical if account else "refused"
        case "phone":
            phone = locale.phone(a)
            return f"{phone.canonical} {phone.type}" if phone else "refused"
        case "email":
            return locale.canonical("email", a) or "refused"
        case "name_key":
            return locale.name_key(a) or "none"
        case "name":
            return locale.match_names(a, b)
        case "address":
            return "/".join(level or "" for level in locale.address(a)[1:])
        case "address_match":
            found = locale.match_addresses(a, b)
            return f"{found.level or 'none'} {found.rest}"
        case _:
            forms = [locale.canonical(kind.removeprefix("entity:"), text) for text in (a, b)]  # type: ignore[call-overload]
            return "none" if None in forms else "same" if forms[0] == forms[1] else "different"


def test_hard_cases() -> None:
    assert len(CASES) >= 300
    for kind, a, b, expected, reason in CASES:
        assert answer(kind, a, b) == expected, (kind, a, b, reason)


def test_examples_of_the_module() -> None:
    assert doctest.testmod(locale).failed == 0


def test_columns() -> None:
    phones = ["090-1234-5678", None, "110"]
    expected = ["+819012345678", None, None]
    for column in (phones, tuple(phones), pd.Series(phones), pl.Series(phones), pd.Series(phones, dtype="string")):
        assert locale.canonical("phone", column) == expected
    assert locale.match_names("ヤマダ", ["ﾔﾏﾀﾞ", None, "山田"]) == ["match", None, "not_comparable"]
    assert locale.match_names(["ヤマダ", "ヤマモト"], ["やまだ", "やまだ"]) == ["match", "mismatch"]
    assert locale.match_addresses(["千代田区"], "千代田区") == [locale.AddressMatch("city", "same")]
    assert locale.bank_account(["14030-12345671", float("nan")])[1] is None
    assert locale.address([]) == []


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="expected address, bank_account"):
        locale.canonical("name", "ヤマダ")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="found 1 texts to compare with 2"):
        locale.match_names(["a"], ["b", "c"])
    with pytest.raises(TypeError, match="found int, expected text"):
        locale.phone([9012345678])


@given(st.text(), st.text())
def test_any_text_is_taken(a: str, b: str) -> None:
    for kind in ("address", "bank_account", "email", "holder_name", "phone"):
        locale.canonical(kind, a)  # type: ignore[call-overload]
    assert locale.match_names(a, b) == locale.match_names(b, a)
    assert locale.match_addresses(a, a).rest == "same"


def test_a_policy_with_a_locale_knows_one_account_by_both_notations() -> None:
    policy = sekisho.Policy.parse("""
        policy = { name = "links", version = "1", currency = "JPY", locale = "ja" }
        feature = [{ name = "wallets", aggregate = "distinct", of = "account", by = ["bank_account"], include_current = true }]
        decision = { bands = [{ from = 0, action = "allow" }] }
    """)
    engine = sekisho.Engine(policy, key=KEY)
    for number, notation in enumerate(("14030-12345671", "9900-408-1234567"), start=1):
        decision = engine.assess(
            id=number, type="account_link", time=1_767_225_600_000 + number, account=f"a-{number}", bank_account=notation
        )
        assert decision.features["wallets"] == number
