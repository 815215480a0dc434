"""Lists that are loaded, swapped and shared."""

from __future__ import annotations

from types import MappingProxyType

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


def test_many_are_added_up_to_the_one_that_is_refused() -> None:
    engine = engine_of()
    members = engine.list_prepare("bad_devices")
    for given, kind, says in (
        ([f"d-{n}" for n in range(5_000)] + ["", "d-x"], "empty", "member 5000: "),
        (["d-y", "SECRET" * 99], "too_long", "member 1: "),
        (["d-z", 7], "wrong_type", "member 1: `members`: found a value of type int, expected text"),
        (["\ud800SECRET"], "utf8", "member 0: `members`: found text that is not valid Unicode"),
        ("SECRET", "wrong_type", "`members`: found one text, expected many"),
    ):
        with pytest.raises(sekisho.SekishoError) as caught:
            members.extend(given)  # type: ignore[arg-type]
        assert caught.value.kind == kind and str(caught.value).startswith(says)
        assert "SECRET" not in str(caught.value)
    assert len(members) == 5_002 and members
    assert engine.list_load(members) == 5_002
    assert len(members) == 0 and not members


def test_members_that_are_refused_stay() -> None:
    engine, stranger = engine_of(), engine_of(b"another key of 32 bytes.........")
    own, members = engine.list_prepare("bad_devices"), stranger.list_prepare("bad_devices")
    members.extend(["d-1", "d-2"])
    for refused in (
        lambda: own.merge(members),
        lambda: engine.list_load(members),
        lambda: engine.list_swap(members, "theirs"),
    ):
        with pytest.raises(sekisho.SekishoError, match="another secret than that of key 1") as caught:
            refused()
        assert (caught.value.kind, len(members)) == ("key", 2)
    members.merge(members)
    assert stranger.list_load(members) == 2
    with pytest.raises(sekisho.SekishoError, match="loaded already"):
        members.merge(members)
    with pytest.raises(sekisho.SekishoError, match="loaded already"):
        members.merge(own)
    own.add("d-3")
    assert len(own) == 1


def test_shared_keys_are_any_mapping() -> None:
    policy = sekisho.Policy.parse(POLICY.replace("[decision]", SHARED + "[decision]"))
    keys = MappingProxyType({"consortium": (70, b"s" * 32)})
    sekisho.Engine(policy, KEY, shared_keys=keys).list_add("shared", "d-1")
    with pytest.raises(TypeError):
        sekisho.Engine(policy, KEY, shared_keys=[("consortium", (70, b"s" * 32))])  # type: ignore[arg-type]


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
