"""Single events: forms in which they are given, decisions, labels, lists, swaps."""

from __future__ import annotations

import ipaddress
import json
import threading
import uuid
from collections import UserDict
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sekisho
from conftest import KEY, POLICY, START


def payment(n: int = 0, **fields: Any) -> dict[str, Any]:
    return {"id": f"e-{n}", "type": "payment", "time": START + n * 60_000, "account": "a-1", "amount_minor": 100} | fields


def test_all_forms_of_an_event_are_one(policy: sekisho.Policy) -> None:
    flat = payment(device="d-1", **{"device.platform": "ios", "device.rooted": True, "account.status": "open"})
    nested = payment(device={"id": "d-1", "platform": "ios", "rooted": True}) | {
        "account": {"id": "a-1", "status": "open"}
    }
    records = []
    for form in ("keywords", "dict", "mapping", "nested", "event", "both"):
        engine = sekisho.Engine(policy, key=KEY)
        if form == "keywords":
            decision = engine.assess(**flat)
        elif form == "dict":
            decision = engine.assess(flat)
        elif form == "mapping":
            decision = engine.assess(UserDict(flat))
        elif form == "nested":
            decision = engine.assess(nested)
        elif form == "event":
            event = engine.event(**nested)
            decision = engine.assess(event)
        else:
            event = engine.event(**flat)
            event["amount_minor"] = 7
            decision = engine.assess(event, amount_minor=100)
            assert event["amount_minor"] == 7
        records.append(decision.record())
    assert all(record == records[0] for record in records)
    assert set(records[0]["entities"]) >= {"account", "device"}


@pytest.mark.parametrize(
    "time",
    [
        START,
        datetime(2026, 1, 1, tzinfo=timezone.utc),
        datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))),
        datetime(2026, 1, 1, 0, 0, 0, 999, tzinfo=timezone.utc),
        pd.Timestamp("2026-01-01", tz="UTC"),
        pd.Timestamp("2026-01-01T09:00", tz="Asia/Tokyo"),
        np.datetime64("2026-01-01T00:00:00"),
        np.int64(START),
    ],
    ids=repr,
)
def test_times_of_all_kinds(engine: sekisho.Engine, time: Any) -> None:
    event = engine.event(time=time)
    assert event["time"] == datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_values_with_classes_of_their_own(engine: sekisho.Engine) -> None:
    given = payment(
        id=uuid.UUID(int=1),
        ip=ipaddress.ip_address("203.0.113.7"),
        amount_minor=np.int32(100),
        latitude=np.float32(1.5),
        is_guest=np.bool_(True),
    )
    plain = payment(
        id="00000000-0000-0000-0000-000000000001", ip="203.0.113.7", amount_minor=100, latitude=1.5, is_guest=True
    )
    assert engine.score(given).record() == engine.score(plain).record()


def test_a_decision_tells_all(engine: sekisho.Engine) -> None:
    engine.list_add("bad_devices", "d-1", severity=80, source="police")
    for n in range(4):
        decision = engine.assess(payment(n, ip="198.51.100.1", country="JP"))
    assert (decision.score, decision.action, decision.strength) == (300, "allow", 0)
    decision = engine.assess(payment(4, ip="198.51.100.1", device="d-1", type="login"))
    assert (decision.score, decision.action) == (700, "review")
    assert decision.obligations == ["notify", "hold"]
    assert decision.reasons == [sekisho.Reason("MANY_PAYMENTS", 400), sekisho.Reason("LISTED_DEVICE", 300)]
    assert [hit.id for hit in decision.hits] == ["many", "listed"]
    assert decision.hits[0].values == "4 >= 3 && !false"
    assert decision.missing_rules == [] and decision.approximate == [] and not decision.is_repeated
    assert decision.features == {
        "account_count_1d": 4,
        "account_sum_1d": 400,
        "account_mean_1d": 100.0,
        "account_last_country": "JP",
        "since_last": timedelta(minutes=1),
        "last_login_at": None,
        "was_rooted": None,
        "account_frauds_30d": 0,
    }
    assert decision.explain().startswith("score 700, review, notify, hold")
    assert repr(decision) == (
        "Decision(score=700, action='review', obligations=['notify', 'hold'], "
        "reasons=['MANY_PAYMENTS', 'LISTED_DEVICE'])"
    )
    later = engine.assess(payment(5, ip="198.51.100.1"))
    assert later.features["last_login_at"] == datetime(2026, 1, 1, 0, 4, tzinfo=timezone.utc)
    assert decision.policy == engine.policy


def test_html_shows_score_reasons_and_values(engine: sekisho.Engine) -> None:
    assert "no reasons" in engine.assess(payment())._repr_html_()
    for n in range(1, 5):
        decision = engine.assess(payment(n, country="JP", ip="198.51.100.1"))
    html = decision._repr_html_()
    for shown in ("400", "review", "MANY_PAYMENTS", "account_count_1d &gt;= 3", "4 &gt;= 3", "&lt;payments&gt;", "JP"):
        assert shown in html, shown
    assert "<payments>" not in html


def test_records_replay_to_the_same_bits(engine: sekisho.Engine) -> None:
    for n in range(5):
        decision = engine.assess(payment(n, amount_minor=7 * n + 1, country="JP", latitude=0.1 + 0.2))
    record = decision.record()
    for replayed in (
        sekisho.replay_record(engine.policy, record),
        sekisho.Decision.replay(engine.policy, json.dumps(record)),
    ):
        assert replayed.record() == record
        assert replayed.explain() == decision.explain()
    with pytest.raises(sekisho.SekishoError, match="record") as caught:
        sekisho.replay_record(sekisho.Policy.parse(POLICY.replace('"1"', '"2"')), record)
    assert caught.value.kind == "record"
    with pytest.raises(sekisho.SekishoError):
        sekisho.replay_record(engine.policy, "{}")


def test_an_event_is_reused(engine: sekisho.Engine) -> None:
    event = engine.event()
    for n in range(3):
        event.clear()
        event.update(payment(n), country="JP")
        assert "account" in event and "device" not in event
        assert engine.assess(event).features["account_count_1d"] == n
    event["country"] = None
    assert "country" not in event
    del event["amount_minor"]
    assert "amount_minor" not in event
    with pytest.raises(KeyError):
        event["amount_minor"]


def test_an_event_never_shows_identifiers(engine: sekisho.Engine) -> None:
    event = engine.event(**payment(account="secret-account", ip="203.0.113.77", email="someone@mail.example"))
    shown = repr(event) + str(event)
    assert "secret-account" not in shown and "203.0.113.77" not in shown and "someone" not in shown
    assert "payment" in shown
    with pytest.raises(TypeError, match="`account` is an identifier"):
        event["account"]
    decision = engine.assess(event)
    kept = decision.explain() + repr(decision) + decision._repr_html_() + json.dumps(decision.record())
    assert "secret-account" not in kept and "203.0.113.77" not in kept and "someone" not in kept


def test_a_refused_update_changes_nothing(engine: sekisho.Engine) -> None:
    event = engine.event(**payment())
    before = repr(event)
    with pytest.raises(sekisho.SekishoError):
        event["device"] = {"platform": "ios", "rooted": "yes"}
    with pytest.raises(sekisho.SekishoError):
        event.update(country="JP", amount_minor=0.5)
    assert repr(event) == before


def test_score_record_and_repeated(engine: sekisho.Engine) -> None:
    assert engine.score(payment()).features["account_count_1d"] == 0
    assert engine.record(payment()) is True
    assert engine.record(payment()) is False
    decision = engine.assess(payment())
    assert decision.is_repeated and "repeated" in decision._repr_html_()
    (accounts,) = engine.statistics()
    assert (accounts.name, accounts.entities, accounts.events) == ("account", 1, 1)
    assert 0 < accounts.bytes < accounts.budget == 2**30
    assert (accounts.evicted, accounts.expired, accounts.approximate) == (0, 0, 0)


def test_labels_and_outcomes(engine: sekisho.Engine) -> None:
    engine.assess(payment(0))
    assert engine.label(payment(0), "fraud", at=datetime(2026, 1, 2, tzinfo=timezone.utc)) is True
    assert engine.label(payment(99), "fraud", at=START + 10**10) is False
    assert engine.resolve(payment(0), "approved") is True
    assert engine.score(payment(1)).features["account_frauds_30d"] == 0
    engine.advance(START + 2 * 86_400_000)
    assert engine.score(payment(1, time=START + 2 * 86_400_000)).features["account_frauds_30d"] == 1
    with pytest.raises(sekisho.SekishoError, match="`label`"):
        engine.label(payment(0), "stolen", at=START)  # type: ignore[arg-type]
    with pytest.raises(sekisho.SekishoError, match="`outcome`"):
        engine.resolve(payment(0), "done")  # type: ignore[arg-type]


def test_what_no_feature_needs_is_dropped(engine: sekisho.Engine) -> None:
    # The one policy looks back for a month, and a day for late events; the other has features that look back for ever.
    over = START + 31 * 86_400_000
    text = POLICY[: POLICY.index("[[feature]]")] + POLICY[POLICY.rindex("[[feature]]") : POLICY.index("[[rule]]")]
    text += '[decision]\nbands = [{ from = 0, action = "allow" }]'
    monthly = sekisho.Engine(sekisho.Policy.parse(text), key=KEY)
    for known in (engine, monthly):
        known.record(payment(0))
        known.advance(over)
        assert known.expire() == 0
        known.advance(over + 1)
    assert (engine.expire(), monthly.expire(), monthly.expire()) == (0, 1, 0)
    assert [known.statistics()[0].entities for known in (engine, monthly)] == [1, 0]


def test_lists(engine: sekisho.Engine) -> None:
    engine.list_add("bad_devices", "d-1", expires=datetime(2026, 1, 1, 0, 1, tzinfo=timezone.utc))
    assert engine.list_len("bad_devices") == 1
    assert engine.score(payment(0, device="d-1")).action == "challenge"
    assert engine.score(payment(0, device="d-1")).strength == 2
    assert engine.score(payment(1, device="d-1")).action == "allow"
    assert engine.list_remove("bad_devices", "d-1") and not engine.list_remove("bad_devices", "d-1")
    engine.list_add("offices", "203.0.113.0/24")
    for n in range(5):
        decision = engine.assess(payment(n, ip="203.0.113.9"))
    assert decision.score == 0
    with pytest.raises(sekisho.SekishoError, match="did you mean `offices`"):
        engine.list_add("ofices", "x")
    with pytest.raises(sekisho.SekishoError, match="`severity`: found 101"):
        engine.list_add("bad_devices", "d", severity=101)


def test_a_swap_keeps_what_is_remembered(engine: sekisho.Engine) -> None:
    for n in range(3):
        engine.assess(payment(n))
    longer = POLICY.replace('name = "account_count_1d"\naggregate = "count"\nby = ["account"]\nover = "1d"', "")
    longer = longer.replace("account_count_1d", "account_count_2d") + (
        '[[feature]]\nname = "account_count_2d"\naggregate = "count"\nby = ["account"]\nover = "2d"\n'
        '[[feature]]\nname = "devices"\naggregate = "distinct"\nof = "account"\nby = ["device"]\nover = "1d"\n'
    )
    longer = longer.replace("[[feature]]\n\n\n", "")
    report = engine.swap(sekisho.Policy.parse(longer))
    assert "account_count_2d" in report.warm and report.partly_warm == [] and report.cold == ["devices"]
    assert engine.score(payment(3)).features["account_count_2d"] == 3


def bounded_policy(**features: str) -> sekisho.Policy:
    """A policy that counts by account, over a window for each feature."""
    text = '[policy]\nname = "bounds"\nversion = "1"\ncurrency = "JPY"\n[[list]]\nname = "blocked"\nof = "account"\n'
    for name, over in features.items():
        text += f'[[feature]]\nname = "{name}"\naggregate = "count"\nby = ["account"]\nover = "{over}"\n'
    rule = '[[rule]]\nid = "blocked"\nwhen = \'in_list("blocked", account)\'\npoints = 900\n'
    return sekisho.Policy.parse(text + rule + '[decision]\nbands = [{ from = 0, action = "allow" }]\n')


def test_a_longer_window_is_partly_warm() -> None:
    engine = sekisho.Engine(bounded_policy(week="7d"), key=KEY)
    engine.assess(type="login", time=START, account="a")
    report = engine.swap(bounded_policy(week="7d", month="30d"))
    assert report.warm == ["week"] and report.cold == []
    # A day of lateness was remembered beside the week.
    assert report.partly_warm == [("month", datetime(2025, 12, 24, tzinfo=timezone.utc))]
    # Windows may reach back farther than Python's times.
    report = engine.swap(bounded_policy(week="7d", ages="30000d"))
    assert report.partly_warm[0][0] == "ages"


def test_a_swap_says_what_the_new_policy_has_no_more() -> None:
    engine = sekisho.Engine(bounded_policy(week="7d"), key=KEY)
    assert engine.swap(bounded_policy(week="7d")).dropped == []
    engine.list_add("blocked", "a")
    text = '[policy]\nname = "bounds"\nversion = "2"\ncurrency = "JPY"\n'
    other = sekisho.Policy.parse(text + '[decision]\nbands = [{ from = 0, action = "allow" }]\n')
    report = engine.swap(other)
    assert report.dropped == ["histories of account", "list blocked (1 member)"]


def test_memory_is_bounded() -> None:
    engine = sekisho.Engine(bounded_policy(n="1d"), key=KEY, memory=2**20)
    for n in range(20_000):
        engine.record(type="login", time=START, account=f"a-{n}")
    (accounts,) = engine.statistics()
    assert accounts.budget == 2**20 and 0 < accounts.bytes <= accounts.budget
    assert accounts.evicted > 0 and accounts.entities + accounts.evicted == 20_000

    engine = sekisho.Engine(bounded_policy(n="1d"), key=KEY, table_memory={"account": 2**21})
    assert engine.statistics()[0].budget == 2**21
    for arguments, kind, message in [
        ({"table_memory": {"acount": 2**21}}, "unknown_name", "did you mean \"account\""),
        ({"table_memory": {"account": 9}}, "out_of_range", "found a budget of 9 bytes"),
        ({"memory": -1}, "out_of_range", "`memory`: found -1, expected a number of bytes"),
    ]:
        with pytest.raises(sekisho.SekishoError, match=message) as caught:
            sekisho.Engine(bounded_policy(n="1d"), key=KEY, **arguments)  # type: ignore[arg-type]
        assert caught.value.kind == kind


def test_the_forgotten_leave_nothing_behind() -> None:
    engine = sekisho.Engine(bounded_policy(n="1d"), key=KEY)
    engine.list_add("blocked", "a")
    for n in range(3):
        assert engine.assess(type="login", time=START + n, account="a").score == 900
    assert engine.forget("account", "a") is True
    assert engine.forget("account", "a") is False
    decision = engine.assess(type="login", time=START + 3, account="a")
    assert (decision.score, decision.features["n"], engine.list_len("blocked")) == (0, 0, 0)
    with pytest.raises(sekisho.SekishoError, match='no such entity; did you mean "account"'):
        engine.forget("acount", "a")


def test_threads_share_an_engine(policy: sekisho.Policy) -> None:
    engine = sekisho.Engine(policy, key=KEY)
    shared = engine.event(**payment())

    def work(number: int) -> None:
        for n in range(200):
            engine.assess(payment(n, id=f"{number}-{n}", account=f"a-{number}"))
            engine.score(shared)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        assert engine.score(payment(200, account=f"a-{number}")).features["account_count_1d"] == 200
