"""The quick start: five failed logins from one address.

    python quickstart.py examples/policies/logins.toml
"""

import sys
from pathlib import Path

import sekisho

# Comes from the host's key store, and stays the same as long as history is kept.
KEY = b"32 secret bytes of the host ...."
START = 1_793_581_200_000

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "policies" / "logins.toml"

policy = sekisho.Policy.load(path)
engine = sekisho.Engine(policy, key=KEY)
for n in range(1, 6):
    decision = engine.assess(
        type="login", time=START + 1_000 * n, account=f"a-{n}", ip="203.0.113.7", outcome="failed"
    )
    print(decision.action, decision.score)
for reason in decision.reasons:
    print(f"{reason.points:+} {reason.code}")
