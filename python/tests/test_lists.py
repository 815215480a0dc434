"""Lists that are loaded, swapped and shared."""

from __future__ import annotations

import pytest
import sekisho
from conftest import KEY, POLICY, START

SHARED = """
[[list]]
name = "shared"
of = "device"
key = "consortium"
"""


def engine_of(key: bytes = KEY) -> sekisho.Engine:
    policy = sekisho.Policy.parse(POLICY.replace("[decision]", SHARED + "[decision]"))
    return sekisho.Engine(policy, key, shared_keys={"consortium": (70, b"s" * 32)})


def listed(engine: sekisho.Engine, device: str) -> bool:
    decision = engine.score(type="login", time=START, account="a-1", device=device)
    return "LISTED_DEVICE" in [reason.code for reason in decision.reasons]


def test_members_are_gathered_loaded_and_swapped() -> None:
    engine = engine_of()
    engine.list_add("bad_devices", "d-0", severity=80, reason="mule", source="police")
    members = engine.list_prepare("bad_devices")
    members.extend((f"d-{n}" for n in range(1_000)), severity=40, source="feed", expires=START + 5)
    members.add("d-x", severity=90)
    assert len(members) == 1_001
    assert engine.list_load(members) == 1_000
    assert listed(engine, "d-999") and listed(engine, "d-x")
    with pytest.raises(sekisho.SekishoError, match="loaded already"):
        members.add("d-y")

    members = engine.list_prepare("bad_devices")
    members.add("d-y")
    assert engine.list_swap(members, "2026-11") == 1
    assert listed(engine, "d-y") and not listed(engine, "d-x")
    assert engine.list_version("bad_devices") == ("2026-11", 3)
    with pytest.raises(sekisho.SekishoError, match="expected 0 to 100"):
        engine.list_prepare("bad_devices").add("d", severity=101)
    with pytest.raises(sekisho.SekishoError, match="no such list"):
        engine.list_prepare("good_devices")


def test_bundles_are_merged_and_damage_is_found() -> None:
    first, second = engine_of(), engine_of(b"another key of 32 bytes.........")
    sealed = []
    for engine, severity in ((first, 30), (second, 60)):
        members = engine.list_prepare("shared")
        members.extend(["d-1", f"d-{severity}"], severity=severity, source=str(severity))
        sealed.append(engine.list_seal(members))
    assert b"d-1" not in sealed[0]
    merged = first.list_open("shared", sealed[0])
    merged.merge(first.list_open("shared", sealed[1]))
    assert first.list_swap(merged, "merged") == 3
    with pytest.raises(sekisho.SekishoError, match="damaged or cut off"):
        first.list_open("shared", sealed[1][:-1])


IDENTITIES = """
[policy]
name = "identities"
version = "1"
currency = "JPY"
locale = "ja"

[[list]]
name = "homes"
of = "address"
kind = "address"
level = "number"

[[list]]
name = "people"
of = "holder_name"
kind = "name"

[[feature]]
name = "level"
expression = 'list_level("homes", shipping_address)'

[[feature]]
name = "is_listed"
expression = 'in_list("people", holder_name)'

[decision]
bands = [{ from = 0, action = "allow" }]
"""


def test_addresses_and_names_are_compared() -> None:
    engine = sekisho.Engine(sekisho.Policy.parse(IDENTITIES), KEY)
    engine.list_add("homes", "東京都新宿区西新宿2-8-1 サンハイツ405", reason="drop")
    members = engine.list_prepare("people")
    members.extend(["ヤマダ タロウ", "ｶ)ﾔﾏﾀﾞ"], severity=40, source="police")
    assert engine.list_swap(members, "2026-11") == 2
    engine.rotate(b"another key of 32 bytes.........", 2)

    def answers(address: str, name: str) -> tuple[object, object]:
        decision = engine.score(type="payment", time=START, shipping_address=address, holder_name=name)
        return decision.features["level"], decision.features["is_listed"]

    assert answers("新宿区西新宿二丁目8番1号 405号室", "ﾔﾏﾀﾞﾀﾛｳ") == (6, True)
    assert answers("新宿区西新宿2-8-1 サンハイツ406", "やまだ はなこ") == (5, False)
    assert answers("新宿区西新宿2-8-1", "株式会社山田") == (4, None)
    assert answers("サンハイツ405", "゛") == (None, None)
    with pytest.raises(sekisho.SekishoError, match="without a city or without numbers"):
        engine.list_add("homes", "サンハイツ405")
    with pytest.raises(sekisho.SekishoError, match="without a letter"):
        engine.list_add("people", "゛")
    with pytest.raises(sekisho.PolicyError, match='add `locale = "ja"`'):
        sekisho.Policy.parse(IDENTITIES.replace('locale = "ja"', ""))
