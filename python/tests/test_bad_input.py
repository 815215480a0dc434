"""What is refused, how it is said, and that nothing is recorded by it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sekisho
from conftest import KEY, START
from hypothesis import given, settings
from hypothesis import strategies as st

GOOD: dict[str, Any] = {"id": "e", "type": "payment", "time": START, "account": "a-1", "amount_minor": 100}
DAY = 86_400_000


@pytest.mark.parametrize(
    ("change", "kind", "field", "says"),
    [
        ({"type": None}, "absent", "type", "absent"),
        ({"time": None}, "absent", "time", "absent"),
        ({"account": ""}, "empty", "account", "empty identifier"),
        ({"account": "x" * 513}, "too_long", "account", "513 bytes"),
        ({"account": "日" * 171}, "too_long", "account", "513 bytes"),
        ({"account": 1.5}, "wrong_type", "account", "found a number"),
        ({"account": b"a-1"}, "wrong_type", "account", "found a value of type bytes"),
        ({"account": ["a-1"]}, "wrong_type", "account", "found a value of type list"),
        ({"account": 2**64}, "overflow", "account", "more than 64 bits"),
        ({"account": "\ud800"}, "utf8", "account", "not valid Unicode"),
        ({"amount_minor": 2**53 + 1}, "overflow", "amount_minor", "±2^53"),
        ({"amount_minor": 2**63}, "overflow", "amount_minor", "more than 64 bits"),
        ({"amount_minor": -(2**70)}, "overflow", "amount_minor", "more than 64 bits"),
        ({"amount_minor": 1.0}, "wrong_type", "amount_minor", "found a number, expected an integer"),
        ({"amount_minor": "100"}, "wrong_type", "amount_minor", "found text"),
        ({"amount_minor": True}, "wrong_type", "amount_minor", "found a boolean"),
        ({"amount_minor": Decimal("1.5")}, "wrong_type", "amount_minor", "type Decimal"),
        ({"amount_minor": pd.NA}, "wrong_type", "amount_minor", "type NAType"),
        ({"amount_minor": np.array([1])}, "wrong_type", "amount_minor", "type ndarray"),
        ({"latitude": float("nan")}, "not_finite", "latitude", "found NaN"),
        ({"latitude": np.float32("inf")}, "not_finite", "latitude", "found inf"),
        ({"latitude": -91}, "out_of_range", "latitude", "-90 to 90"),
        ({"time": -1}, "time", "time", "1970"),
        ({"time": datetime(1969, 12, 31, tzinfo=timezone.utc)}, "time", "time", "1970"),
        ({"time": datetime(2026, 1, 1)}, "time", "time", "without a time zone"),
        ({"time": pd.Timestamp("2026-01-01")}, "time", "time", "without a time zone"),
        ({"time": pd.NaT}, "time", "time", "NaT"),
        ({"time": np.datetime64("NaT")}, "time", "time", "NaT"),
        ({"time": date(2026, 1, 1)}, "wrong_type", "time", "type date"),
        ({"time": "2026-01-01T00:00:00Z"}, "wrong_type", "time", "found text"),
        ({"time": 1e12}, "wrong_type", "time", "found a number"),
        ({"time": START + DAY + 1}, "time", "time", "ahead of the latest seen"),
        ({"time": datetime(9999, 1, 1, tzinfo=timezone.utc)}, "time", "time", "ahead"),
        ({"type": "purchase"}, "out_of_range", "type", "expected one of"),
        ({"currency": "XYZ"}, "unknown_currency", "currency", "ISO 4217"),
        ({"country": "Japan"}, "out_of_range", "country", "two capital letters"),
        ({"channel": "4111 1111 1111 1111"}, "card_number", "channel", "card number"),
        ({"ip": "300.1.1.1"}, "out_of_range", "ip", "no IP address"),
        ({"acount": "a-1"}, "unknown_name", "acount", "did you mean `account`?"),
        ({"device": {"platfrom": "ios"}}, "unknown_name", "device.platfrom", "did you mean `device.platform`?"),
        ({"device": {"platform": {"a": 1}}}, "wrong_type", "device.platform", "type dict"),
        ({"device": datetime.now(timezone.utc)}, "wrong_type", "device", "type datetime"),
        ({"device": timedelta(1)}, "wrong_type", "device", "type timedelta"),
        ({"is_guest": 1}, "wrong_type", "is_guest", "found an integer"),
    ],
    ids=repr,
)
def test_a_refusal_names_field_and_kind(
    policy: sekisho.Policy, change: dict[str, Any], kind: str, field: str, says: str
) -> None:
    engine = sekisho.Engine(policy, key=KEY)
    engine.record(GOOD | {"id": "first"})
    before = engine.statistics()
    for call in (engine.assess, engine.score, engine.record):
        with pytest.raises(sekisho.SekishoError) as caught:
            call(GOOD | change)
        assert (caught.value.kind, caught.value.field) == (kind, field)
        assert str(caught.value).startswith(f"`{field}`: ") and says in str(caught.value)
    assert engine.statistics() == before


@pytest.mark.parametrize("value", ["SECRET" * 100, 3.25, b"SECRET", ["SECRET"], {"SECRET"}, "\ud800SECRET"])
def test_no_message_holds_an_identifier(engine: sekisho.Engine, value: Any) -> None:
    for field in ("account", "card", "ip", "bin", "asn", "id"):
        with pytest.raises(sekisho.SekishoError) as caught:
            engine.assess(GOOD | {field: value})
        assert "SECRET" not in str(caught.value) and "3.25" not in str(caught.value)


def test_keys_and_arguments(policy: sekisho.Policy, engine: sekisho.Engine) -> None:
    with pytest.raises(sekisho.SekishoError, match="found 31 bytes, a key has exactly 32") as caught:
        sekisho.Engine(policy, key=KEY[:31])
    assert caught.value.kind == "key"
    with pytest.raises(TypeError):
        sekisho.Engine(policy, key="x" * 32)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        engine.assess(7)  # type: ignore[arg-type]
    with pytest.raises(sekisho.SekishoError, match="field name of type int"):
        engine.assess({1: 2})  # type: ignore[dict-item]
    with pytest.raises(sekisho.SekishoError, match="`time`"):
        engine.advance(-1)
    with pytest.raises(sekisho.SekishoError, match="`expires`"):
        engine.list_add("bad_devices", "d", expires=datetime(2026, 1, 1))


def test_an_event_of_another_policy_is_refused(engine: sekisho.Engine) -> None:
    other = sekisho.Policy.parse(
        '[policy]\nname = "o"\nversion = "1"\ncurrency = "JPY"\n[[attribute]]\nname = "x"\ntype = "text"\n'
        '[decision]\nbands = [{ from = 0, action = "allow" }]'
    )
    event = sekisho.Engine(other, key=KEY).event(type="login", time=START)
    with pytest.raises(sekisho.SekishoError, match="made for other attributes") as caught:
        engine.assess(event)
    assert caught.value.kind == "schema"


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=600),
    st.binary(max_size=8),
    st.datetimes(timezones=st.sampled_from([None, timezone.utc])),
    st.timedeltas(),
    st.dictionaries(st.text(max_size=8), st.integers(), max_size=2),
)
FIELDS = ["id", "type", "time", "account", "amount_minor", "ip", "latitude", "device", "device.rooted", "card", "label"]


@settings(max_examples=400, deadline=None)
@given(fields=st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=12), VALUES, max_size=5))
def test_nothing_panics(policy: sekisho.Policy, fields: dict[str, Any]) -> None:
    engine = sekisho.Engine(policy, key=KEY)
    try:
        decision = engine.assess({"type": "payment", "time": START} | fields)
    except sekisho.SekishoError as error:
        assert str(error)
        assert all(table.events == 0 for table in engine.statistics())
    else:
        assert 0 <= decision.score <= 999
        assert sekisho.replay_record(policy, decision.record()).record() == decision.record()
