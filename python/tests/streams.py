"""Seeded random streams of events, what came before each, and what a policy says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import sekisho
from conftest import KEY, START

HOUR, DAY = 3_600_000, 86_400_000
FIRST = START + 240 * DAY  # The end of August, so that clocks go back on the way.
DAYS = 90
ROWS = 3_000

Row = dict[str, Any]
Values = list[Any]
Windows = list[Any]
"""For each row an array of the rows that count; None where it lacks an entity."""


def feature(aggregate: str, by: str = "account", **keys: Any) -> Row:
    return {"aggregate": aggregate, "by": by.split(), **keys}


def answers(columns: dict[str, Values], features: dict[str, Row], time_zone: str = "Asia/Tokyo") -> dict[str, Values]:
    """What a policy of these features says of every row. All events are kept exactly."""
    document = {
        "policy": {"name": "f", "version": "1", "currency": "JPY", "time_zone": time_zone, "events": 4096},
        "attribute": [{"name": "balance", "type": "number"}, {"name": "kind", "type": "text"}],
        "feature": [{"name": name} | keys for name, keys in features.items()],
        "decision": {"bands": [{"from": 0, "action": "allow"}]},
    }
    engine = sekisho.Engine(sekisho.Policy.parse(json.dumps(document)), key=KEY)
    table = pa.table(engine.replay(pa.table(columns)))
    found = {}
    for name in features:
        column = table[name]
        found[name] = (column.cast(pa.int64()) if pa.types.is_duration(column.type) else column).to_pylist()
    return found


def agree(found: Values, expected: Iterable[float | None], floor: float | Sequence[float] = 0.0) -> None:
    """The same rows have a value, many do, and the values are the same."""
    expected = list(expected)
    assert len(found) == len(expected)
    known = np.array([value is not None for value in expected])
    odd = [row for row, value in enumerate(found) if (value is not None) != known[row]]
    assert not odd, f"row {odd[0]}: found {found[odd[0]]}, expected {expected[odd[0]]}; so in {len(odd)} rows"
    assert known.sum() > len(known) / 4
    values = np.array([value for value in found if value is not None], float)
    wanted = np.array([value for value in expected if value is not None], float)
    assert len(np.unique(wanted)) > 3, "all the same"
    allowed = np.maximum(1e-12 * np.abs(wanted), np.broadcast_to(floor, known.shape)[known])
    off = np.abs(values - wanted)
    worst = int(np.argmax(off - allowed))
    row = np.flatnonzero(known)[worst]
    assert off[worst] <= allowed[worst], f"row {row}: found {values[worst]!r}, expected {wanted[worst]!r}"


def same(found: Values, expected: Iterable[Any]) -> None:
    """Exactly the same, and not all of it one value."""
    expected = list(expected)
    assert len(set(expected)) > 1
    assert found == expected


class Stream:
    """A table of events in the order of time, and what came before each row."""

    def __init__(self, columns: dict[str, Values]) -> None:
        self.columns = columns
        self.time = np.array(columns["time"], np.int64)
        self.rows = range(len(self.time))
        self.earlier = cache(self._earlier)

    def column(self, name: str) -> np.ndarray:
        return np.array(self.columns[name], object)

    def numbers(self, name: str) -> np.ndarray:
        """Absent ones are NaN."""
        return np.array(self.columns[name], float)

    def where(self, name: str, value: str) -> np.ndarray:
        return np.array([found == value for found in self.columns[name]])

    def present(self, name: str) -> np.ndarray:
        return np.array([value is not None for value in self.columns[name]])

    def _earlier(self, by: str) -> Windows:
        known: dict[tuple[Any, ...], list[int]] = {}
        found: Windows = []
        for row in self.rows:
            key = tuple(self.columns[name][row] for name in by.split())
            mine = None if None in key else known.setdefault(key, [])
            found.append(None if mine is None else np.array(mine, int))
            if mine is not None:
                mine.append(row)
        return found

    def windows(
        self, where: np.ndarray | None = None, *, by: str = "account", over: int = 2**60, delay: int = 0
    ) -> Windows:
        """The rows of (t - delay - over, t - delay] of each row's entity."""
        found = []
        for row, past in enumerate(self.earlier(by)):
            if past is not None:
                end = self.time[row] - delay
                past = past[(self.time[past] <= end) & (self.time[past] > end - over)]
                past = past if where is None else past[where[past]]
            found.append(past)
        return found


def random_stream(seed: int) -> Stream:
    """Accounts with habits of their own. The first never changes any; the second goes round the ends of the Earth, at
    an hour at which clocks change in Europe.
    """
    generator = np.random.default_rng(seed)

    def sometimes(values: Iterable[Any], present: float) -> Values:
        return [value if generator.random() < present else None for value in values]

    def choice(values: Sequence[str], weights: Sequence[float] | None = None) -> Values:
        shares = None if weights is None else np.array(weights) / sum(weights)
        return list(generator.choice(np.array(values), ROWS, p=shares).tolist())

    shares = 1 / np.arange(3, 17)
    account = generator.choice(14, ROWS, p=shares / shares.sum())
    hour = np.array([3.0, 0.75, *generator.uniform(0, 24, 12)])[account]
    spread = np.array([0.0, 0.4, *generator.uniform(0.3, 5, 12)])[account]
    hour = hour + spread * generator.normal(size=ROWS)
    time = FIRST + generator.integers(1, DAYS, ROWS) * DAY + np.rint(hour * HOUR)
    order = np.argsort(time, kind="stable")
    account, time = account[order], time[order].astype(np.int64)
    ties = np.flatnonzero(generator.random(ROWS) < 0.05)
    time[ties[ties > 0]] = time[ties[ties > 0] - 1]
    time.sort()

    steady, corners = account == 0, account == 1
    kind = np.array(choice(["payment", "login", "transfer", "profile_change"], [14, 3, 2, 1]))
    amount = np.rint(np.exp(generator.normal(8, 1.2, ROWS)))
    amount[steady] = 1_000
    balance = generator.normal(20, 100, ROWS)
    balance[steady] = 0.1
    home = generator.uniform([-60, -180], [70, 180], (14, 2))[account]
    there = np.where(generator.random((ROWS, 1)) < 0.1, generator.uniform([-90, -180], [90, 180], (ROWS, 2)), home)
    there += generator.normal(size=(ROWS, 2)) * generator.choice([0, 1e-6, 0.01, 3], (ROWS, 1))
    ends = np.array([[0, 0], [0, 90], [0, 180], [0, -90], [90, 12], [-90, 77]])
    there[corners] = ends[np.arange(corners.sum()) % 6]
    there[steady] = home[steady]
    there[:, 0] = np.clip(there[:, 0], -90, 90)
    there[:, 1] = (there[:, 1] + 180) % 360 - 180
    placed = corners | (generator.random(ROWS) < 0.85)
    return Stream(
        {
            "type": kind.tolist(),
            "time": time.tolist(),
            "account": [f"a-{n}" for n in account],
            "payee": sometimes(choice([f"p-{n}" for n in range(8)], range(1, 9)), 0.8),
            "merchant": sometimes(choice([f"m-{n}" for n in range(40)], range(1, 41)), 0.9),
            "mcc": [["5411", "5732", "7011", "4829"][n // 3 % 4] for n in generator.poisson(account % 5)],
            "country": sometimes(choice(["JP", "SG", "DE", "US"], [80, 10, 5, 2]), 0.9),
            "outcome": choice(["approved", "declined"], [8, 1]),
            "amount_minor": [int(n) if kind != "login" else None for n, kind in zip(amount, kind, strict=True)],
            "balance": sometimes(balance.tolist(), 0.9),
            "latitude": [at if known else None for at, known in zip(there[:, 0].tolist(), placed, strict=True)],
            "longitude": [at if known else None for at, known in zip(there[:, 1].tolist(), placed, strict=True)],
            "radius_km": sometimes(generator.choice([0.0, 0.5, 25.0, 900.0], ROWS).tolist(), 0.7),
        }
    )
