"""Risk scoring for payments and logins, in process.

>>> policy = Policy.load("policy.toml")                     # doctest: +SKIP
>>> engine = Engine(policy, key=secret)                     # doctest: +SKIP
>>> engine.assess(type="login", time=now, account="a-1")    # doctest: +SKIP
Decision(score=0, action='allow', reasons=[])
"""

from sekisho import locale
from sekisho._errors import PolicyError, SekishoError
from sekisho._native import (
    Decision,
    Engine,
    Event,
    Members,
    Policy,
    Table,
    Tenants,
    __version__,
    aggregates,
    replay_record,
)
from sekisho._types import (
    AggregateInfo,
    ChallengerReport,
    Fault,
    FeatureInfo,
    FieldInfo,
    LimitStanding,
    ListInfo,
    Reason,
    Recovered,
    RuleHit,
    RuleInfo,
    SnapshotReport,
    SwapReport,
    TableStatistics,
    TenantStatistics,
)

__all__ = [
    "AggregateInfo",
    "ChallengerReport",
    "Decision",
    "Engine",
    "Event",
    "Fault",
    "FeatureInfo",
    "FieldInfo",
    "LimitStanding",
    "ListInfo",
    "Members",
    "Policy",
    "PolicyError",
    "Reason",
    "Recovered",
    "RuleHit",
    "RuleInfo",
    "SekishoError",
    "SnapshotReport",
    "SwapReport",
    "Table",
    "TableStatistics",
    "TenantStatistics",
    "Tenants",
    "__version__",
    "aggregates",
    "locale",
    "replay_record",
]
