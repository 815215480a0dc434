"""The first ten lines: a policy, an engine, a decision, and a table of them.

    python quickstart.py
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import polars as pl
import sekisho

POLICY = """
[policy]
name = "quickstart"
version = "1"
currency = "JPY"

[[feature]]
name = "failed_accounts_10m"
aggregate = "distinct"
of = "account"
by = ["ip"]
over = "10m"
where = 'type == "login" && outcome == "failed"'

[[rule]]
id = "stuffing"
when = 'failed_accounts_10m >= 3'
points = '250 * failed_accounts_10m'
reason = "CREDENTIAL_STUFFING"

[decision]
bands = [
    { from = 0, action = "allow" },
    { from = 600, action = "challenge", strength = 2 },
    { from = 900, action = "deny" },
]
"""


def main() -> None:
    policy = sekisho.Policy.parse(POLICY)
    # 32 secret bytes from where secrets are kept; identifiers are hashed under them.
    engine = sekisho.Engine(policy, key=bytes(32))

    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for n in range(4):
        decision = engine.assess(
            id=f"e-{n}",
            type="login",
            time=now + timedelta(seconds=n),
            account=f"a-{n}",
            ip="203.0.113.7",
            outcome="failed",
            device={"platform": "web"},
        )
    print(decision.explain())

    # The same engine over a table: the next twenty tries from that address.
    tries = pl.DataFrame(
        {
            "id": [f"t-{n}" for n in range(20)],
            "type": "login",
            "time": [now + timedelta(seconds=60 + n) for n in range(20)],
            "account": [f"b-{n}" for n in range(20)],
            "ip": "203.0.113.7",
            "outcome": "failed",
        }
    )
    print(engine.replay(tries).to_polars().tail(3))


if __name__ == "__main__":
    main()
