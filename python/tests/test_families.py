"""What features compute, against their definitions in `docs/features.md`: NumPy, SciPy and plain Python, over the whole
past of every row of seeded random streams.

Values agree within 1e-12 of what is expected. Where a value passes through zero, what it is the difference of does not:
an absolute floor says how far off that may be, and the test says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from conftest import START
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from streams import DAY, HOUR, ROWS, Row, Stream, Values, Windows, agree, answers, feature, random_stream, same

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def stream() -> Stream:
    return random_stream(20261122)


# --- Behaviour ------------------------------------------------------------------------------------------------


def zscore(own: float, past: np.ndarray, at_least: int) -> float | None:
    if np.isnan(own) or len(past) < at_least or len(np.unique(past)) == 1:
        return None
    return float((own - past.mean()) / past.std(ddof=1))


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_zscore(stream: Stream, scale: str) -> None:
    found = answers(
        stream.columns,
        {
            "amount": feature("zscore", of="amount_minor", scale=scale),
            "recent": feature(
                "zscore", of="balance", scale=scale, over="20d", at_least=2, where='outcome == "approved"'
            ),
            "of_kind": feature("zscore", of="amount_minor", by="mcc", scale=scale, over="3d", delay="1h", at_least=12),
        },
    )
    amounts = stream.present("amount_minor")
    approved = stream.present("balance") & stream.where("outcome", "approved")
    asked = {
        "amount": ("amount_minor", 5, stream.windows(amounts)),
        "recent": ("balance", 2, stream.windows(approved, over=20 * DAY)),
        "of_kind": ("amount_minor", 12, stream.windows(amounts, by="mcc", over=3 * DAY, delay=HOUR)),
    }
    for name, (of, at_least, windows) in asked.items():
        values = stream.numbers(of)
        if scale == "log":
            values = np.sign(values) * np.log1p(np.abs(values))
        expected = [zscore(values[row], values[past], at_least) for row, past in zip(stream.rows, windows, strict=True)]
        # A value near the mean: the mean of hundreds is good to fourteen digits, against the standard deviation.
        floor = [
            0.0 if value is None else 1e-14 * np.abs(values[past]).mean() / values[past].std(ddof=1)
            for value, past in zip(expected, windows, strict=True)
        ]
        agree(found[name], expected, floor)


# Where the density is 1, its logarithm is the difference of two that are some nats each, and κ comes from 1 - R, of
# which the points of the circle give no more than thirteen digits.
SURPRISE = 1e-13


def clock(times: Iterable[int], zone: str) -> np.ndarray:
    """What the clock on the wall shows, once round the circle a day."""

    def angle(time: int) -> float:
        local = (EPOCH + timedelta(milliseconds=int(time))).astimezone(ZoneInfo(zone))
        since_midnight = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second) + timedelta(
            microseconds=local.microsecond
        )
        return 2 * math.pi * (since_midnight / timedelta(days=1))

    return np.array([angle(time) for time in times])


def concentration(length: float) -> float:
    """The κ at which I1(κ)/I0(κ) is the length of the mean."""

    def short(kappa: float) -> float:
        return float(special.i1e(kappa) / special.i0e(kappa)) - length

    return float(optimize.brentq(short, 0, 2 / (1 - length), xtol=1e-15, rtol=4 * np.finfo(float).eps))


def surprises(angles: np.ndarray, windows: Windows, at_least: int) -> Values:
    """-ln of the von Mises density at each row's time of day, about the mean of its window."""
    known = [row for row, past in enumerate(windows) if past is not None and len(past) >= at_least]
    sums = [np.exp(1j * angles[windows[row]]).sum() for row in known]
    kappas = [concentration(abs(sum) / (len(windows[row]) + 1)) for row, sum in zip(known, sums, strict=True)]
    densities = stats.vonmises.logpdf(angles[known], kappas, loc=np.angle(sums))
    values: Values = [None] * len(windows)
    for row, density in zip(known, densities, strict=True):
        values[row] = -density
    return values


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Europe/Berlin"])
def test_time_of_day(stream: Stream, zone: str) -> None:
    found = answers(
        stream.columns,
        {
            "always": feature("time_of_day"),
            "lately": feature("time_of_day", over="30d", at_least=8, where='type == "payment"'),
        },
        zone,
    )
    angles = clock(stream.time, zone)
    always, lately = stream.windows(), stream.windows(stream.where("type", "payment"), over=30 * DAY)
    agree(found["always"], surprises(angles, always, 5), SURPRISE)
    agree(found["lately"], surprises(angles, lately, 8), SURPRISE)


def test_times_of_day_round_changes_of_clocks() -> None:
    """Every ten minutes of the nights of both changes, in zones that change at other hours and by other amounts."""
    days = (66, 67, 86, 87, 88, 93, 94, 276, 277, 296, 297, 298, 304)
    times = [START + day * DAY + n * 600_000 for day in days for n in range(144)]
    columns: dict[str, Values] = {"type": ["login"] * len(times), "time": times, "account": ["a"] * len(times)}
    stream = Stream(columns)
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"):
        found = answers(columns, {"unusual": feature("time_of_day", over="2d")}, zone)
        angles = clock(stream.time, zone)
        agree(found["unusual"], surprises(angles, stream.windows(over=2 * DAY), 5), SURPRISE)


def novelty(own: Any, past: Values, smoothing: float, categories: float | None) -> float | None:
    if own is None:
        return None
    of_all = categories if categories is not None else len(set(past)) + 1
    return -math.log((past.count(own) + smoothing) / (len(past) + smoothing * of_all))


def test_novelty(stream: Stream) -> None:
    found = answers(
        stream.columns,
        {
            "merchants": feature("novelty", of="merchant"),
            "category": feature("novelty", of="mcc", over="10d", smoothing=0.25),
            "countries": feature("novelty", of="country", categories=249, smoothing=0.1),
            "of_pair": feature("novelty", of="merchant", by="account payee", categories=40),
            "of_all": feature("novelty", of="payee", by="country", over="7d", where='type != "login"'),
        },
    )
    asked: dict[str, tuple[str, float, float | None, Windows]] = {
        "merchants": ("merchant", 1.0, None, stream.windows(stream.present("merchant"))),
        "category": ("mcc", 0.25, None, stream.windows(over=10 * DAY)),
        "countries": ("country", 0.1, 249, stream.windows(stream.present("country"))),
        "of_pair": ("merchant", 1.0, 40, stream.windows(stream.present("merchant"), by="account payee")),
        "of_all": (
            "payee", 1.0, None,
            stream.windows(stream.present("payee") & ~stream.where("type", "login"), by="country", over=7 * DAY),
        ),
    }  # fmt: skip
    for name, (of, smoothing, categories, windows) in asked.items():
        values = stream.column(of)
        agree(
            found[name],
            (
                None if past is None else novelty(values[row], values[past].tolist(), smoothing, categories)
                for row, past in enumerate(windows)
            ),
        )


def test_entropy(stream: Stream) -> None:
    found = answers(
        stream.columns,
        {
            "category": feature("entropy", of="mcc"),
            "merchants": feature("entropy", of="merchant", over="15d", include_current=True),
        },
    )
    for name, of, over in (("category", "mcc", 2**60), ("merchants", "merchant", 15 * DAY)):
        texts, present = stream.column(of).astype(str), stream.present(of)
        codes = np.unique(texts, return_inverse=True)[1]
        counts = np.zeros((ROWS, codes.max() + 1))
        for row, past in enumerate(stream.windows(present, over=over)):
            seen = [*past, row] if name == "merchants" and present[row] else past
            counts[row] = np.bincount(codes[seen], minlength=counts.shape[1])
        some = counts.sum(axis=1) > 0
        entropies = iter(stats.entropy(counts[some], base=2, axis=1).tolist())
        agree(found[name], (next(entropies) if known else None for known in some))


HALF_LIVES = {"short": (6 * HOUR, "6h"), "long": (30 * DAY, "30d")}


@pytest.mark.parametrize("half_life", HALF_LIVES)
@pytest.mark.parametrize("over", [None, "20d"])
def test_half_life(stream: Stream, half_life: str, over: str | None) -> None:
    length, text = HALF_LIVES[half_life]
    keys: Row = {"half_life": text} | ({} if over is None else {"over": over})
    found = answers(
        stream.columns,
        {
            "count": feature("count", **keys),
            "familiarity": feature("count", by="account payee", **keys),
            "sum": feature("sum", of="amount_minor", **keys),
            "balances": feature("sum", of="balance", delay="1h", **keys),
            "mean": feature("mean", of="balance", **keys),
            "rate": feature("rate", per="1d", where='type == "payment"', **keys),
            "now": feature("count", include_current=True, **keys),
        },
    )
    window = 2**60 if over is None else 20 * DAY

    def faded(windows: Windows, values: np.ndarray, delay: int = 0) -> Values:
        """Σ w·v as of the end of the window."""
        return [
            None if past is None else float(weights(past, stream.time[row] - delay) @ values[past])
            for row, past in enumerate(windows)
        ]

    def weights(past: np.ndarray, end: int) -> np.ndarray:
        return np.asarray(np.exp2(-(end - stream.time[past]) / length))

    ones, amounts, balances = np.ones(ROWS), stream.numbers("amount_minor"), stream.numbers("balance")
    agree(found["count"], faded(stream.windows(over=window), ones))
    # An event of a thousand half-lives ago is 0 to doubles, as good as.
    agree(found["familiarity"], faded(stream.windows(by="account payee", over=window), ones), floor=1e-300)
    agree(found["now"], (1 + count for count in faded(stream.windows(over=window), ones)))
    agree(found["sum"], faded(stream.windows(stream.present("amount_minor"), over=window), amounts))
    payments = faded(stream.windows(stream.where("type", "payment"), over=window), ones)
    share = 1 if over is None else 1 - 2 ** (-window / length)
    agree(found["rate"], (count * math.log(2) / length * DAY / share for count in payments))
    # Balances of both signs may cancel: sums are as good as the sum of their sizes.
    past = stream.windows(stream.present("balance"), over=window, delay=HOUR)
    sizes = [1e-12 * size for size in faded(past, np.abs(balances), HOUR)]
    agree(found["balances"], faded(past, balances, HOUR), floor=sizes)

    def mean(past: np.ndarray, values: np.ndarray) -> float | None:
        # Weights as of the newest event: as of now they may all be 0.
        if len(past) == 0:
            return None
        return float(np.average(values[past], weights=weights(past, stream.time[past[-1]])))

    windows = stream.windows(stream.present("balance"), over=window)
    sizes = [1e-12 * (mean(past, np.abs(balances)) or 0) for past in windows]
    agree(found["mean"], (mean(past, balances) for past in windows), floor=sizes)


@pytest.mark.parametrize("prior", [(1.0, 9.0), (0.5, 0.5), (1.0, 999.0)])
def test_ratio_with_a_prior_is_the_mean_of_a_beta_distribution(stream: Stream, prior: tuple[float, float]) -> None:
    found = answers(
        stream.columns,
        {
            "tried": feature("count", over="30d", delay="1d"),
            "declined": feature("count", over="30d", delay="1d", where='outcome == "declined"'),
            "share": {"aggregate": "ratio", "numerator": "declined", "denominator": "tried", "prior": list(prior)},
            "bare": {"aggregate": "ratio", "numerator": "declined", "denominator": "tried"},
        },
    )
    tried = [len(past) for past in stream.windows(over=30 * DAY, delay=DAY)]
    declined = [len(past) for past in stream.windows(stream.where("outcome", "declined"), over=30 * DAY, delay=DAY)]
    same(found["tried"], tried)
    same(found["declined"], declined)
    successes, tries = np.array(declined), np.array(tried)
    agree(found["share"], stats.beta.mean(prior[0] + successes, prior[1] + tries - successes))
    agree(found["bare"], (m / n if n else None for m, n in zip(declined, tried, strict=True)))


# --- Geography ------------------------------------------------------------------------------------------------

EARTH = 6_371.0088
# Positions are good to a hundredth of a micrometre, in km.
POSITION = 1e-11


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Along the great circle between two positions in degrees, by the haversine: from the other end of the Earth where
    that is nearer, since arcs of more than a quarter lose precision.
    """
    (phi, there), (lam, east) = np.radians([a[0], b[0]]), np.radians([a[1], b[1]])
    haversine = math.sin((there - phi) / 2) ** 2 + math.cos(phi) * math.cos(there) * math.sin((east - lam) / 2) ** 2
    if haversine <= 0.5:
        return 2 * EARTH * math.asin(math.sqrt(haversine))
    rest = math.sin((there + phi) / 2) ** 2 + math.cos(phi) * math.cos(there) * math.cos((east - lam) / 2) ** 2
    return EARTH * (math.pi - 2 * math.asin(math.sqrt(rest)))


def test_speed(stream: Stream) -> None:
    found = answers(
        stream.columns,
        {"any": feature("speed"), "approved": feature("speed", over="3d", where='outcome == "approved"')},
    )
    places = np.stack([stream.numbers("latitude"), stream.numbers("longitude")], axis=1)
    radii = np.nan_to_num(stream.numbers("radius_km"))
    placed, approved = stream.present("latitude"), stream.where("outcome", "approved")
    for name, windows in (
        ("any", stream.windows(placed)),
        ("approved", stream.windows(placed & approved, over=3 * DAY)),
    ):
        expected: Values = []
        floor = []
        for row, past in enumerate(windows):
            if not placed[row] or len(past) == 0:
                expected.append(None)
                floor.append(0.0)
                continue
            last = past[-1]
            hours = max(stream.time[row] - stream.time[last], 1) / HOUR
            distance = apart(places[last], places[row])
            expected.append(max(0.0, distance - radii[last] - radii[row]) / hours)
            # Radii taken off may leave next to nothing of a distance; that is as good as the distance was.
            floor.append((POSITION + 1e-12 * distance) / hours)
        agree(found[name], expected, floor)


def test_distance(stream: Stream) -> None:
    found = answers(
        stream.columns,
        {"even": feature("distance", over="40d", at_least=3), "fading": feature("distance", half_life="10d")},
    )
    places = np.stack([stream.numbers("latitude"), stream.numbers("longitude")], axis=1)
    radii, placed = np.nan_to_num(stream.numbers("radius_km")), stream.present("latitude")
    phi, lam = np.radians(places).T
    vectors = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=1)
    nowhere = False
    for name, over, half_life, at_least in (("even", 40 * DAY, math.inf, 3), ("fading", 2**60, 10 * DAY, 1)):
        expected: Values = []
        floor = []
        for row, past in enumerate(stream.windows(placed, over=over)):
            home = np.zeros(3)
            if placed[row] and len(past) >= at_least:
                ages = stream.time[past[-1]] - stream.time[past]
                home = np.average(vectors[past], axis=0, weights=np.exp2(-ages / half_life))
                nowhere |= bool(np.linalg.norm(home) <= 1e-3)
            length = float(np.linalg.norm(home))
            if length <= 1e-3:
                expected.append(None)
                floor.append(0.0)
                continue
            x, y, z = home
            middle = np.degrees([math.atan2(z, math.hypot(x, y)), math.atan2(y, x)])
            distance = apart(middle, places[row])
            expected.append(max(0.0, distance - radii[row]))
            # The shorter the mean, the less is known of its direction.
            floor.append(POSITION / length + 1e-12 * distance)
        agree(found[name], expected, floor)
    assert nowhere, "no account is all around the Earth"


# --- Order ----------------------------------------------------------------------------------------------------

STEPS = ["kind == 'a'", "kind == 'b'", "kind == 'c'"]
A, B = STEPS[:2]
ORDER: dict[str, Row] = {
    "age": feature("age"),
    "age_of_b": feature("age", over="8s", where=B),
    "age_now": feature("age", where=B, include_current=True, by="account payee"),
    "run": feature("age", where="kind == 'b'", reset=A),
    "in_order": feature("sequence", over="20s", steps=STEPS),
    "in_order_now": feature("sequence", over="9s", steps=STEPS, include_current=True),
    "twice": feature("sequence", steps=[A, A, B], where="balance > 0.0", include_current=True),
    "showed": feature("occurred", over="6s", steps=STEPS),
    "showed_now": feature("occurred", over="4s", steps=[*STEPS, "balance > 1.0"], include_current=True),
    "behind": feature("count", over="10s", after=A),
    "behind_now": feature("count", after=A, include_current=True),
    "behind_earlier": feature("count", after=A, delay="2s", where=B),
    "behind_same": feature("count", after=A, after_same=["payee"]),
    "since_reset": feature("count", over="15s", where=B, reset=A),
    "since_reset_now": feature("sum", of="amount_minor", reset=A, include_current=True),
    "behind_of_pair": feature("max", of="amount_minor", by="account payee", after=A),
    "different": feature("distinct", of="payee", reset=A),
    "steps_behind": feature("sequence", steps=[B, "kind == 'c'"], after=A, include_current=True),
}


def order_by_definition(rows: Sequence[Row]) -> dict[str, Values]:
    """The values of `ORDER` from the rows alone, which are in the order of time."""

    def of_kind(kind: str) -> Callable[[Row], bool]:
        return lambda row: bool(row["kind"] == kind)

    a, b, c = map(of_kind, "abc")

    def rich(than: float) -> Callable[[Row], bool]:
        return lambda row: row["balance"] is not None and row["balance"] > than

    found: dict[str, Values] = {name: [] for name in ORDER}
    for at, now in enumerate(rows):
        own = [row for row in rows[:at] if row["account"] == now["account"]]
        pair = [row for row in own if row["payee"] == now["payee"]] if now["payee"] is not None else None

        def window(among: list[Row], over: float = math.inf, delay: int = 0) -> list[Row]:
            return [row for row in among if now["time"] - delay - over < row["time"] <= now["time"] - delay]

        def behind(among: list[Row], marker: Callable[[Row], bool], otherwise: list[Row]) -> list[Row]:
            markers = [place for place, row in enumerate(among) if marker(row)]
            return among[markers[-1] + 1 :] if markers else otherwise

        def age(among: list[Row]) -> int | None:
            return now["time"] - among[0]["time"] if among else None

        def longest(among: list[Row], steps: Sequence[Callable[[Row], bool]]) -> int:
            # Which numbers of steps can be reached: the last one first, so that an event is one step.
            reached = [True] + [False] * len(steps)
            for row in among:
                for number in reversed(range(len(steps))):
                    reached[number + 1] |= reached[number] and steps[number](row)
            return max(number for number, can in enumerate(reached) if can)

        def showed(among: list[Row], steps: Sequence[Callable[[Row], bool]]) -> int:
            return sum(any(map(step, among)) for step in steps)

        with_now = [*own, now]
        amounts = [row["amount_minor"] for row in behind(with_now, a, with_now) if row["amount_minor"] is not None]
        of_pair = [row["amount_minor"] for row in behind(pair or [], a, []) if row["amount_minor"] is not None]
        same_payee = [place for place, row in enumerate(own) if a(row) and row["payee"] == now["payee"]]
        payees = {row["payee"] for row in behind(own, a, own)} - {None}
        values = {
            "age": age(own),
            "age_of_b": age([row for row in window(own, 8_000) if b(row)]),
            "age_now": None if pair is None else age([row for row in [*pair, now] if b(row)]),
            "run": age([row for row in behind(own, a, own) if b(row)]),
            "in_order": longest(window(own, 20_000), [a, b, c]),
            "in_order_now": longest(window(with_now, 9_000), [a, b, c]),
            "twice": longest([row for row in with_now if rich(0)(row)], [a, a, b]),
            "showed": showed(window(own, 6_000), [a, b, c]),
            "showed_now": showed(window(with_now, 4_000), [a, b, c, rich(1)]),
            "behind": len(window(behind(own, a, []), 10_000)),
            "behind_now": len(behind(with_now, a, [])),
            "behind_earlier": sum(map(b, behind(window(own, delay=2_000), a, []))),
            "behind_same": None if pair is None else len(own) - same_payee[-1] - 1 if same_payee else 0,
            "since_reset": sum(map(b, window(behind(own, a, own), 15_000))),
            "since_reset_now": sum(amounts),
            "behind_of_pair": max(of_pair, default=None),
            "different": len(payees),
            "steps_behind": longest(behind(with_now, a, []), [b, c]),
        }
        for name, value in values.items():
            found[name].append(value)
    return found


def columns_of(rows: Sequence[Row]) -> dict[str, Any]:
    types = {"time": pa.int64(), "amount_minor": pa.int64(), "balance": pa.float64()}
    names = ["type", "time", "account", "payee", "kind", "amount_minor", "balance"]
    return {name: pa.array([row[name] for row in rows], types.get(name, pa.string())) for name in names}


def test_order() -> None:
    generator = np.random.default_rng(5)
    time, rows = START, []
    for _ in range(2_000):
        # Some at once, some to the millisecond at the edge of a window.
        time += int(generator.choice([0, 1, 120, 400]))
        rows.append(
            {
                "type": "payment",
                "time": time,
                "account": f"a-{generator.integers(8)}",
                "payee": str(generator.choice(["p", "q", "r"])) if generator.random() < 0.8 else None,
                "kind": str(generator.choice(list("abcd"), p=[0.15, 0.25, 0.2, 0.4])),
                "amount_minor": int(generator.integers(-50, 100)) if generator.random() < 0.8 else None,
                "balance": float(generator.normal()) if generator.random() < 0.8 else None,
            }
        )
    found, expected = answers(columns_of(rows), ORDER), order_by_definition(rows)
    for name in ORDER:
        assert found[name] == expected[name], name
        assert len(set(expected[name])) > 2, name


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 1_999, 2_000, 3_999, 4_000, 4_001]),
            st.sampled_from("abcd"),
            st.sampled_from(["p", "q", None]),
            st.sampled_from([None, -0.5, 0.5, 1.5]),
        ),
        min_size=1,
        max_size=14,
    )
)
def test_order_at_the_edges(drawn: list[tuple[int, str, str | None, float | None]]) -> None:
    rows, time = [], START
    for number, (gap, kind, payee, balance) in enumerate(drawn):
        time += gap
        rows.append(
            {
                "type": "payment", "time": time, "account": "a", "payee": payee, "kind": kind,
                "amount_minor": number, "balance": balance,
            }
        )  # fmt: skip
    found, expected = answers(columns_of(rows), ORDER), order_by_definition(rows)
    assert found == expected


# --- Login ----------------------------------------------------------------------------------------------------

FACETS = (
    (("ip", 0.6), ("asn", 0.3), ("country", 0.1)),
    (
        ("browser.user_agent", 0.5386653840551359),
        ("browser.name", 0.2680451498625666),
        ("device.platform", 0.18818295100109536),
        ("device.type", 0.0051065150812021525),
    ),
)


def login_score(codes: dict[str, np.ndarray], before: np.ndarray, row: int) -> float | None:
    """The definition, from the earlier logins that count. A code is the number of a value, -1 of none."""

    def count(name: str, among: np.ndarray) -> int:
        return int(np.count_nonzero(codes[name][among] == codes[name][row])) if codes[name][row] >= 0 else 0

    def different(name: str, among: np.ndarray) -> int:
        known = codes[name][among]
        return int(np.count_nonzero(np.bincount(known[known >= 0])))

    own = before[codes["account"][before] == codes["account"][row]]
    facets = [facet for facet in FACETS if codes[facet[0][0]][row] >= 0]
    if len(own) == 0 or not facets:
        return None
    everybody = len(before)
    score = 1 / different("account", before) / (len(own) / everybody)
    for (finest, weight), *lower in facets:
        alike = before[codes[finest][before] == codes[finest][row]]
        unseen = 1 + sum(different(name, before) for name, _ in lower)
        below = 1 + sum(different(name, alike) for name, _ in lower)
        if len(alike):
            share = len(alike) / everybody * (1 - unseen / (everybody + unseen)) * len(alike) / (len(alike) + below)
        else:
            share = 1 / (everybody + unseen)
        common = weight * share + sum(weight * count(name, before) / everybody for name, weight in lower)
        usual = sum(weight * count(name, own) / len(own) for name, weight in ((finest, weight), *lower))
        score *= common / usual if usual else 4.0
    return score


def test_login_score() -> None:
    generator = np.random.default_rng(11)
    rows = 2_500
    user = generator.integers(0, 60, rows)
    # Users have two networks and two clients, and are somewhere else now and then.
    at_home, usual = generator.random((2, rows)) < 0.9
    network = np.where(at_home, 2 * user + generator.integers(0, 2, rows), generator.integers(0, 400, rows))
    client = np.where(usual, user % 25, generator.integers(0, 200, rows))
    texts: dict[str, Values] = {
        "account": [f"a-{n}" for n in user],
        "ip": [f"10.{n // 200}.{n % 200}.{m}" for n, m in zip(network, generator.integers(1, 3, rows), strict=True)],
        "asn": [str(1 + n // 5) for n in network],
        "country": [["JP", "SG", "DE", "US", "BR"][n // 90] for n in network],
        "browser.user_agent": [f"agent {n} {m}" for n, m in zip(client, generator.integers(0, 2, rows), strict=True)],
        "browser.name": [f"browser {n % 12}" for n in client],
        "device.platform": [f"platform {n % 5}" for n in client],
        "device.type": [["desktop", "mobile"][n % 2] for n in client],
        "outcome": generator.choice(["succeeded", "failed"], rows, p=[0.8, 0.2]).tolist(),
    }
    for name in ("ip", "asn", "browser.user_agent", "device.platform"):
        texts[name] = [text if generator.random() < 0.95 else None for text in texts[name]]
    times = (START + np.arange(rows) * 60_000).tolist()
    columns: dict[str, Values] = {"type": ["login"] * rows, "time": times, **texts}
    found = answers(columns, {"unlike": feature("login_score", where='outcome == "succeeded"')})
    codes = {}
    for name, values in texts.items():
        numbers = {text: number for number, text in enumerate(sorted(set(values) - {None}))}
        codes[name] = np.array([-1 if text is None else numbers[text] for text in values])
    counts = np.array([outcome == "succeeded" for outcome in texts["outcome"]])
    expected = [login_score(codes, np.flatnonzero(counts[:row]), row) for row in range(rows)]
    agree(found["unlike"], expected)
