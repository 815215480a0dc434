"""Scores a log of logins by the login score, and checks it against reference values.

    python freeman.py LOGINS.csv [SCORES.csv] [--check]

LOGINS has a row for each login, in order: userid, requestXRealIP, ipASN, ipCountry, trackingdatauserAgent,
browser_name_version, os_name_version, device_type. SCORES says for some of its rows (row, score) what the reference
formula gives. With --check every row is computed a second time with plain Python, from the definition alone.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import sekisho

# As many events of everybody are kept exactly as the log has rows, or nearly so.
POLICY = """
[policy]
name = "freeman"
version = "1"
currency = "EUR"

[[feature]]
name = "login_score"
aggregate = "login_score"
by = ["account"]

[decision]
bands = [{ from = 0, action = "allow" }]
"""

FACETS = (
    (("requestXRealIP", 0.6), ("ipASN", 0.3), ("ipCountry", 0.1)),
    (
        ("trackingdatauserAgent", 0.5386653840551359),
        ("browser_name_version", 0.2680451498625666),
        ("os_name_version", 0.18818295100109536),
        ("device_type", 0.0051065150812021525),
    ),
)

Login = dict[str, str]


def events(logins: list[Login]) -> pa.Table:
    """The logins as events, a second apart."""

    def column(name: str) -> list[str]:
        return [login[name] for login in logins]

    return pa.table(
        {
            "type": ["login"] * len(logins),
            "time": [1_600_000_000_000 + 1000 * row for row in range(len(logins))],
            "account": column("userid"),
            "ip": column("requestXRealIP"),
            "asn": column("ipASN"),
            "country": column("ipCountry"),
            "browser.user_agent": column("trackingdatauserAgent"),
            "browser.name": column("browser_name_version"),
            "device.platform": column("os_name_version"),
            "device.type": column("device_type"),
        }
    )


def naive(earlier: list[Login], login: Login) -> float | None:
    """The definition, over a list of all logins before this one."""
    own = [known for known in earlier if known["userid"] == login["userid"]]
    if not own:
        return None
    users = len({known["userid"] for known in earlier})
    score = (1 / users) / (len(own) / len(earlier))
    for facet in FACETS:
        (finest, weight), lower = facet[0], [name for name, _ in facet[1:]]
        rows = [known for known in earlier if known[finest] == login[finest]]
        unseen = 1 + sum(len({known[name] for known in earlier}) for name in lower)
        below = 1 + sum(len({known[name] for known in rows}) for name in lower)
        if rows:
            share = len(rows) / len(earlier) * (1 - unseen / (len(earlier) + unseen))
            trust = len(rows) / (len(rows) + below)
        else:
            share, trust = 1 / (len(earlier) + unseen), 1.0
        common = weight * trust * share
        for name, weight_of_level in facet[1:]:
            common += weight_of_level * sum(known[name] == login[name] for known in earlier) / len(earlier)
        usual = sum(w * sum(known[name] == login[name] for known in own) / len(own) for name, w in facet)
        score *= common / usual if usual else 4.0
    return score


def difference(found: float | None, expected: float | None) -> float:
    if found is None or expected is None:
        return 0.0 if found is expected else math.inf
    return abs(found - expected) / abs(expected)


def report(what: str, differences: list[float]) -> bool:
    fine = sum(off <= 1e-9 for off in differences)
    print(f"{what}: {fine} of {len(differences)} within 1e-9, largest relative difference {max(differences):.2g}")
    return fine == len(differences)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("logins", type=Path, metavar="LOGINS", help="the log, as CSV")
    parser.add_argument("scores", type=Path, nargs="?", metavar="SCORES", help="reference values, as CSV")
    parser.add_argument("--check", action="store_true", help="compare with a naive recomputation")
    arguments = parser.parse_args()

    with arguments.logins.open(newline="") as file:
        logins: list[Login] = list(csv.DictReader(file))
    table = events(logins)
    engine = sekisho.Engine(sekisho.Policy.parse(POLICY), key=bytes(32))
    start = time.perf_counter()
    scores = pa.table(engine.replay(table))["login_score"].to_pylist()
    seconds = time.perf_counter() - start
    print(f"{len(logins):,} logins, {seconds / len(logins) * 1e6:.2f} us each, recording included")
    devices = Counter(login["device_type"] for login in logins)
    print(f"  {sum(score is None for score in scores)} first logins; types {dict(devices.most_common(3))}")

    fine = True
    if arguments.scores:
        with arguments.scores.open(newline="") as file:
            known = [(int(row["row"]), float(row["score"])) for row in csv.DictReader(file)]
        fine &= report("reference values", [difference(scores[row], score) for row, score in known])
    if arguments.check:
        expected = [naive(logins[:row], login) for row, login in enumerate(logins)]
        fine &= report("recomputed", [difference(*pair) for pair in zip(scores, expected, strict=True)])
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
