"""The catalogue of what features compute, and the policy that shows all of it."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pyarrow as pa
import sekisho
from conftest import EXAMPLES, KEY, REPOSITORY, START

FAMILIES = ["velocity", "behaviour", "sequence", "geography", "login", "device", "combination"]


def documented() -> list[tuple[str, ...]]:
    """The rows of docs/features.md, as (name, family, of, keys, formula, range, missing, source, cost)."""
    rows: list[tuple[str, ...]] = []
    family = ""
    for line in (REPOSITORY / "docs" / "features.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            family = line.removeprefix("## ").lower()
        elif line.startswith("| `"):
            cells = line.replace("\\|", "\0").strip("|").split("|")
            name, of, keys, *rest = (cell.strip().replace("\0", "|") for cell in cells)
            formula, unit, missing, cost, source = rest
            rows.append((name.strip("`"), family, of, keys.replace("`", ""), formula, unit, missing, source, cost))
    return rows


def test_the_catalogue_is_that_of_the_documents() -> None:
    catalogue = sekisho.aggregates()
    assert all(isinstance(info, sekisho.AggregateInfo) for info in catalogue)
    assert [tuple(info) for info in catalogue] == documented()
    assert {info.name for info in catalogue} >= {"count", "zscore", "sequence", "speed", "login_score", "expression"}
    families = [info.family for info in catalogue]
    assert families == sorted(families, key=FAMILIES.index)
    for info in catalogue:
        assert info.formula and info.range and info.cost


def test_a_policy_can_name_each_and_no_other() -> None:
    text = """
        policy = {{ name = "p", version = "1", currency = "JPY" }}
        feature = [{{ name = "f", aggregate = "{}", by = ["account"] }}]
        decision = {{ bands = [{{ from = 0, action = "allow" }}] }}
    """
    for name in [info.name for info in sekisho.aggregates()] + ["median"]:
        try:
            sekisho.Policy.parse(text.format(name))
            unknown = False
        except sekisho.PolicyError as error:
            unknown = f"there is no `{name}`" in str(error)
        assert unknown == (name in ("median", "expression")), name


def test_example_policies_use_each() -> None:
    used = set()
    for name in ("features", "login", "travel"):
        document = tomllib.loads((EXAMPLES / "policies" / f"{name}.toml").read_text(encoding="utf-8"))
        used |= {feature.get("aggregate", "expression") for feature in document["feature"]}
    assert used == {info.name for info in sekisho.aggregates()}


def random_events(policy: sekisho.Policy, rows: int) -> dict[str, list[Any]]:
    """Events that have every field: an account in a session for a while, then another. A device seldom changes."""
    generator = np.random.default_rng(3)
    rests = generator.random(rows) < 0.07
    time, session = START + np.cumsum(generator.integers(1, np.where(rests, 150_000_000, 100_000))), np.cumsum(rests)

    device = generator.integers(0, 3, rows)

    def some(*values: Any, name: str = "") -> list[Any]:
        drawn = generator.integers(0, len(values), rows)
        if name.startswith(("device", "browser.")):
            drawn = np.where(generator.random(rows) < 0.98, device % len(values), drawn)
        return [values[n] for n in drawn]

    types = next(field.choices or () for field in policy.fields if field.name == "type")
    columns: dict[str, list[Any]] = {
        "id": [f"e-{row}" for row in range(rows)],
        "type": some(*types, *["payment"] * 6, *["login"] * 6),
        "time": time.tolist(),
        "outcome": some("approved", "approved", "declined", "succeeded", "failed", "failed"),
        "account": [f"a-{n % 5}" for n in session],
        "session": [f"s-{n % 50}" for n in session],
        "amount_minor": some(50, 80, 2_000, 30_000, 95_000),
        "currency": ["JPY"] * rows,
        "ip": some("198.51.100.7", "203.0.113.9", "2001:db8::7"),
        "asn": some("2516", "AS17676"),
        "card": some(*(f"token {n}" for n in range(8))),
        "bin": some("411111", "555555"),
        "mcc": some("5411", "5732", "7011"),
        "latitude": generator.normal(35, 1, rows).tolist(),
        "longitude": generator.normal(139, 1, rows).tolist(),
        "radius_km": generator.uniform(0, 20, rows).tolist(),
        "response_code": some("00", "14", "51"),
        "device.integrity": some("strong", "basic", "none"),
        "shipping_address": some("港区芝1-2-3 桜荘101", "東京都港区芝1-2-3-102", "港区芝1-2-4"),
        "billing_address": some("港区芝1-2-3", "港区芝2-2-3"),
        "holder_name": some("ヤマダ タロウ", "ﾔﾏﾀﾞ ﾊﾅｺ", "山田太郎"),
        "account.holder_name": some("やまだ　たろう", "山田花子"),
        "auth.eci": some("05", "07"),
        "auth.trans_status": some("Y", "N"),
        "auth.cvv_result": some("M", "N"),
    }
    for field in policy.fields:
        if field.name in columns:
            continue
        if field.choices is not None:
            columns[field.name] = some(*field.choices, name=field.name)
        elif field.name.endswith("country"):
            columns[field.name] = some("JP", "SG", "DE")
        elif field.kind in ("identifier", "entity", "text"):
            columns[field.name] = some("1", "2", "3", name=field.name)
        elif field.kind == "time":
            columns[field.name] = (time - generator.integers(0, 10**9, rows)).tolist()
        else:
            values = {"boolean": (True, False), "integer": (0, 4)}.get(field.kind, (0.5, 1.0))
            columns[field.name] = some(*values, name=field.name)
    return columns


def test_the_features_that_fraud_teams_ask_for_have_values() -> None:
    policy = sekisho.Policy.load(EXAMPLES / "policies" / "features.toml")
    engine = sekisho.Engine(policy, key=KEY)
    for name in ["fraud_devices", "fraud_bank_accounts", "trusted_payees"]:
        engine.list_add(name, "1")
    for name in ["fraud_addresses", "drop_addresses"]:
        engine.list_add(name, "港区芝1-2-3 桜荘101")
    engine.list_add("fraudster_names", "ヤマダ タロウ")
    table = pa.table(engine.replay(pa.table(random_events(policy, 2_000))))
    names = [info.name for info in policy.features]
    assert len(names) > 100
    shares = {name: 1 - table[name].null_count / table.num_rows for name in names}
    seldom = {name for name, share in shares.items() if share < 0.5}
    assert {name for name in names if shares[name] == 0} == set()
    assert len(seldom) < len(names) / 20, seldom
    # Twenty cards from one address are more than there are; ceilings are what the policy says.
    constant = {name for name in names if len(table[name].drop_null().unique()) == 1}
    assert {name for name in constant if not name.endswith(".ceiling")} == {"is_enumerating"}
