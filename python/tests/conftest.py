"""What the tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import sekisho

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"
KEY = b"an example key of 32 bytes......"
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z

POLICY = """
[policy]
name = "tests"
version = "1"
time_zone = "Asia/Tokyo"
currency = "JPY"

[[attribute]]
name = "is_guest"
type = "boolean"

[[list]]
name = "bad_devices"
of = "device"

[[list]]
name = "offices"
of = "ip"
kind = "cidr"

[[feature]]
name = "account_count_1d"
aggregate = "count"
by = ["account"]
over = "1d"

[[feature]]
name = "account_sum_1d"
aggregate = "sum"
of = "amount_minor"
by = ["account"]
over = "1d"

[[feature]]
name = "account_mean_1d"
aggregate = "mean"
of = "amount_minor"
by = ["account"]
over = "1d"
include_current = true

[[feature]]
name = "account_last_country"
aggregate = "last"
of = "country"
by = ["account"]

[[feature]]
name = "since_last"
aggregate = "since"
by = ["account"]

[[feature]]
name = "last_login_at"
aggregate = "last"
of = "time"
by = ["account"]
where = 'type == "login"'

[[feature]]
name = "was_rooted"
aggregate = "last"
of = "device.rooted"
by = ["account"]

[[feature]]
name = "account_frauds_30d"
aggregate = "count"
by = ["account"]
over = "30d"
where = 'label == "fraud"'

[[rule]]
id = "many"
when = 'account_count_1d >= 3 && !in_list("offices", ip)'
points = '100 * account_count_1d'
reason = "MANY_PAYMENTS"
description = "More <payments> than usual."

[[rule]]
id = "listed"
when = 'in_list("bad_devices", device)'
points = 300
action = "challenge"
strength = 2
obligations = ["notify", "hold"]
reason = "LISTED_DEVICE"

[[rule]]
id = "quick"
when = 'since_last < duration("1s")'
points = 50
reason = "QUICK"
mode = "shadow"

[decision]
bands = [{ from = 0, action = "allow" }, { from = 400, action = "review" }, { from = 900, action = "deny" }]
"""


@pytest.fixture(scope="session")
def policy() -> sekisho.Policy:
    return sekisho.Policy.parse(POLICY, file="tests.toml")


@pytest.fixture
def engine(policy: sekisho.Policy) -> sekisho.Engine:
    return sekisho.Engine(policy, key=KEY)
