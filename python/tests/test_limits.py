"""Limits: what is left is told with every decision, in records, and in replays."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import sekisho
from conftest import KEY, START

POLICY = """
[policy]
name = "limits"
version = "1"
currency = "JPY"
time_zone = "Asia/Tokyo"

[[limit]]
name = "daily"
by = ["account"]
over = "day"
where = 'type == "top_up"'
amount = 50000
near = 0.9
obligations = ["notify"]

[[limit]]
name = "often"
by = ["account"]
over = "1h"
where = 'type == "top_up"'
count = 1
mode = "shadow"

[decision]
bands = [{ from = 0, action = "allow" }]
"""

PARTS = ("used", "ceiling", "remaining", "share")


def engine() -> sekisho.Engine:
    return sekisho.Engine(sekisho.Policy.parse(POLICY), key=KEY)


def top_up(n: int, **fields: Any) -> dict[str, Any]:
    # 09:00 in Tokyo on the first day of a year.
    return {"id": f"e-{n}", "type": "top_up", "time": START + n * 60_000, "account": "a-1"} | fields


def test_a_decision_says_what_is_left() -> None:
    limited = engine()
    first = limited.assess(top_up(0, amount_minor=30_000))
    assert first.action == "allow"
    assert first.limits == [
        sekisho.LimitStanding("daily", 50_000, 0, 50_000, 30_000, False, False, True),
        sekisho.LimitStanding("often", 1, 0, 1, 1, False, False, False),
    ]
    second = limited.assess(top_up(1, amount_minor=30_000))
    assert (second.action, second.obligations) == ("deny", ["notify", "limit"])
    assert [reason.code for reason in second.reasons] == ["DAILY"]
    daily, often = second.limits
    assert (daily.used, daily.remaining, daily.exceeded) == (30_000, 20_000, True)
    assert often.exceeded and not often.live
    assert "daily: 30000 of 50000 used, 20000 remaining, 30000 asked: exceeded" in second.explain()
    html = second._repr_html_()
    assert "30,000" in html and "<b>exceeded</b>" in html
    assert limited.assess(type="login", time=START, account="a-1").limits == []


def test_what_is_missing_is_none() -> None:
    decision = engine().assess(type="top_up", time=START, amount_minor=5, currency="USD")
    daily = decision.limits[0]
    assert (daily.used, daily.remaining, daily.asked, daily.exceeded) == (None, None, None, True)
    assert "missing" in decision._repr_html_()


def test_records_bring_limits_back() -> None:
    limited = engine()
    limited.assess(top_up(0, amount_minor=30_000))
    decision = limited.assess(top_up(1, amount_minor=20_001))
    record = json.loads(json.dumps(decision.record()))
    assert record["limits"][0] == {
        "name": "daily",
        "ceiling": 50_000,
        "used": 30_000,
        "remaining": 20_000,
        "asked": 20_001,
        "exceeded": True,
    }
    assert sekisho.replay_record(sekisho.Policy.parse(POLICY), record).limits == decision.limits


def test_features_of_limits_are_columns_of_a_replay() -> None:
    policy = sekisho.Policy.parse(POLICY)
    names = [info.name for info in policy.features]
    assert names == [f"{limit}.{part}" for limit in ("daily", "often") for part in (*PARTS, "near")][:-1]
    assert [rule.id for rule in policy.rules] == ["daily", "often"]
    events = [top_up(n, amount_minor=amount) for n, amount in enumerate((46_000, 4_000, 1))]
    columns = {name: [event[name] for event in events] for name in events[0]}
    table = pa.table(engine().replay(pa.table(columns)))
    assert table["daily.remaining"].to_pylist() == [50_000, 4_000, 0]
    assert table["daily.share"].to_pylist() == [0.92, 1.0, 1.00002]
    assert table["daily.near"].to_pylist() == [1, 1, 1]
    assert table["action"].to_pylist() == ["allow", "allow", "deny"]
