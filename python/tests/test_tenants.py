"""Tenants: engines by name, within one budget."""

from __future__ import annotations

import gc
import io
import threading
from pathlib import Path
from typing import Any

import pytest
import sekisho
from conftest import KEY, START

MEBIBYTE = 2**20
OTHER_KEY = b"another key of 32 bytes........."


@pytest.fixture
def tenants(policy: sekisho.Policy) -> sekisho.Tenants:
    tenants = sekisho.Tenants(memory=64 * MEBIBYTE)
    tenants.add("zenith", policy, OTHER_KEY, memory=16 * MEBIBYTE)
    tenants.add("acme", policy, KEY, memory=40 * MEBIBYTE)
    return tenants


def payment(n: int = 0, **fields: Any) -> dict[str, Any]:
    return {"id": f"e-{n}", "type": "payment", "time": START + n * 60_000, "account": "a-1"} | fields


def count(engine: sekisho.Engine) -> Any:
    return engine.score(payment(99)).features["account_count_1d"]


def test_it_reads_like_a_dict(tenants: sekisho.Tenants) -> None:
    acme, zenith = tenants["acme"], tenants["zenith"]
    assert tenants["acme"] is acme
    assert list(tenants) == tenants.keys() == ["acme", "zenith"]
    assert tenants.values() == [acme, zenith] and tenants.items() == [("acme", acme), ("zenith", zenith)]
    assert len(tenants) == 2 and "acme" in tenants and "nobody" not in tenants and 7 not in tenants
    assert tenants.get("acme") is acme and tenants.get("nobody") is None and tenants.get("nobody", 7) == 7
    with pytest.raises(KeyError, match="nobody"):
        tenants["nobody"]
    with pytest.raises(KeyError, match="nobody"):
        del tenants["nobody"]
    assert tenants.remove("nobody") is None
    assert repr(tenants) == 'Tenants(["acme", "zenith"], 8388608 of 67108864 bytes left)'


def test_nothing_is_shared(tenants: sekisho.Tenants) -> None:
    for n in range(3):
        tenants["acme"].assess(payment(n))
    here, there = tenants["acme"].score(payment(9)), tenants["zenith"].score(payment(9))
    assert (here.features["account_count_1d"], there.features["account_count_1d"]) == (3, 0)
    assert here.record()["entities"]["account"] != there.record()["entities"]["account"]


def test_the_budget_holds_for_all(tenants: sekisho.Tenants, policy: sekisho.Policy) -> None:
    assert (tenants.memory, tenants.memory_left) == (64 * MEBIBYTE, 8 * MEBIBYTE)
    with pytest.raises(sekisho.SekishoError, match="`acme`: a tenant has this name already") as caught:
        tenants.add("acme", policy, KEY, memory=MEBIBYTE)
    assert (caught.value.kind, caught.value.field) == ("taken", "acme")
    for memory in (9 * MEBIBYTE, None):
        with pytest.raises(sekisho.SekishoError, match="8388608 of 67108864 are left") as caught:
            tenants.add("third", policy, KEY, memory=memory)
        assert caught.value.kind == "out_of_range"
    with pytest.raises(sekisho.SekishoError, match="did you mean \"account\""):
        tenants.add("third", policy, KEY, memory=MEBIBYTE, table_memory={"acount": 1})
    with pytest.raises(sekisho.SekishoError, match="`memory`: found -1"):
        sekisho.Tenants(memory=-1)

    engine = tenants.remove("acme")
    assert engine is not None and "acme" not in tenants
    engine.assess(payment())
    assert tenants.memory_left == 8 * MEBIBYTE, "whoever holds the engine may fill it"
    del engine
    gc.collect()
    assert tenants.memory_left == 48 * MEBIBYTE
    del tenants["zenith"]
    assert tenants.memory_left == 64 * MEBIBYTE and len(tenants) == 0


def test_statistics_and_html(tenants: sekisho.Tenants, policy: sekisho.Policy) -> None:
    tenants["acme"].assess(payment())
    acme, zenith = tenants.statistics()
    assert (acme.name, acme.memory, zenith.name, zenith.bytes) == ("acme", 40 * MEBIBYTE, "zenith", 0)
    assert acme.tables == tenants["acme"].statistics() and acme.bytes == acme.tables[0].bytes > 0
    tenants.add("<b>", policy, KEY, memory=MEBIBYTE)
    html = tenants._repr_html_()
    for shown in ("acme", "zenith", "&lt;b&gt;", "7.3 of 67.1 MB are left"):
        assert shown in html, shown
    assert "<b>" not in html


def test_journals_and_snapshots_are_a_tenants_own(
    tenants: sekisho.Tenants, policy: sekisho.Policy, tmp_path: Path
) -> None:
    frames: list[bytes] = []
    third = tenants.add("third", policy, KEY, memory=8 * MEBIBYTE, journal=frames.append)
    third.assess(payment(0))
    tenants["third"].snapshot(tmp_path / "third")
    tenants["third"].assess(payment(1))
    assert len(frames) == 4, "an event behind the policy, and another behind the snapshot and the policy"
    del third, tenants["third"]

    with pytest.raises(sekisho.SekishoError, match="damaged, or its key") as caught:
        tenants.restore("third", policy, OTHER_KEY, source=tmp_path / "third", memory=8 * MEBIBYTE)
    assert caught.value.kind == "damaged" and tenants.memory_left == 8 * MEBIBYTE
    with pytest.raises(FileNotFoundError):
        tenants.restore("third", policy, KEY, source=tmp_path / "nothing", memory=8 * MEBIBYTE)
    more: list[bytes] = []
    back = tenants.restore(
        "third", policy, KEY, source=tmp_path / "third", memory=8 * MEBIBYTE, journal=more.append
    )
    assert back is tenants["third"] and count(back) == 1
    assert back.recover(b"".join(frames)).is_complete and count(back) == 2
    back.assess(payment(2))
    assert len(more) == 2, "the policy and an event"


def test_a_source_may_look_at_the_tenants(tenants: sekisho.Tenants, policy: sekisho.Policy) -> None:
    bytes_of_acme = io.BytesIO()
    tenants["acme"].snapshot(bytes_of_acme)
    bytes_of_acme.seek(0)
    seen: list[list[str]] = []

    class Source:
        def read(self, size: int, /) -> bytes:
            seen.append(list(tenants))
            return bytes_of_acme.read(size)

    tenants.restore("copy", policy, KEY, source=Source(), memory=8 * MEBIBYTE)
    assert seen and all(names == ["acme", "zenith"] for names in seen)
    assert list(tenants) == ["acme", "copy", "zenith"]


def test_tenants_come_and_go_while_others_score(tenants: sekisho.Tenants, policy: sekisho.Policy) -> None:
    failures: list[BaseException] = []

    def churn(name: str) -> None:
        try:
            for n in range(50):
                tenants.add(name, policy, KEY, memory=4 * MEBIBYTE).assess(payment(n))
                assert tenants.remove(name) is not None
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=churn, args=(name,)) for name in ("b", "c")]
    for thread in threads:
        thread.start()
    for n in range(500):
        tenants["acme"].assess(payment(n, time=START + n))
        assert {"acme", "zenith"} <= set(tenants) <= {"acme", "b", "c", "zenith"}
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert failures == []
    assert tenants["acme"].score(payment(999)).features["account_count_1d"] == 500
