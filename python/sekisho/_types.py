"""What policies, decisions and engines tell, as named tuples."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from sekisho._native import Policy


class Fault(NamedTuple):
    """One fault of a policy document, with its place."""

    message: str
    file: str
    line: int
    column: int


class AggregateInfo(NamedTuple):
    """What a feature can compute: one row of the catalogue in `docs/features.md`.

    n is the number of events that the feature selects, v one of their values, x the event that is scored.
    """

    name: str
    """As in `aggregate`; `expression` is a key of its own."""
    family: str
    """velocity, behaviour, sequence, geography, login, device or combination."""
    of: str
    """What `of` takes; empty for those without."""
    keys: str
    """The keys that it alone or few others have."""
    formula: str
    """The value."""
    range: str
    """Its unit and range."""
    missing: str
    """When there is no value; empty when there always is one."""
    source: str
    """Where the formula comes from; empty for what needs no source."""
    cost: str
    """What grows with it."""


class FeatureInfo(NamedTuple):
    """What a policy says of one feature."""

    name: str
    type: str
    """boolean, integer, number, duration, time or text."""
    definition: str
    """What it computes, in one line."""
    description: str


class RuleInfo(NamedTuple):
    """What a policy says of one rule."""

    id: str
    condition: str
    reason: str
    live: bool
    """False in shadow: hits are reported and change nothing."""
    description: str


class ListInfo(NamedTuple):
    """A list that a policy names."""

    name: str
    of: str
    """The kind of identifier on it."""


class FieldInfo(NamedTuple):
    """A field that events may carry."""

    name: str
    kind: str
    """identifier, entity, text, integer, number, boolean or time."""
    meaning: str
    counterpart: str
    """The counterpart in EMV 3-DS, ISO 8583 or CAEP; empty where there is none."""
    choices: tuple[str, ...] | None
    """The closed set of values, if there is one."""


class Reason(NamedTuple):
    """One reason of a decision, with the points of all rules that gave it."""

    code: str
    points: int


class RuleHit(NamedTuple):
    """A rule whose condition held."""

    id: str
    reason: str
    points: int
    live: bool
    condition: str
    """The condition as written."""
    values: str
    """The condition with values in place of names. Identifiers stay names."""
    description: str


class LimitStanding(NamedTuple):
    """A limit that an event is about, and what was left of it; in minor units of the policy's currency or in events."""

    name: str
    ceiling: int | None
    """How much is allowed; None when it cannot be told of this event."""
    used: int | None
    """How much was used before the event; None when the event lacks the entity."""
    remaining: int | None
    """How much remained before the event, 0 at least."""
    asked: int | None
    """How much the event asks for; None without an amount in the policy's currency."""
    exceeded: bool
    """It asks for more than remained, or cannot be compared and `on_missing` says that it counts as more."""
    approximate: bool
    """Part of what was used has been forgotten or summed up."""
    live: bool
    """False in shadow: the limit changes nothing."""


class SwapReport(NamedTuple):
    """What a change of the policy kept."""

    warm: list[str]
    """Features that count what was remembered before."""
    partly_warm: list[tuple[str, datetime]]
    """Features that look farther back than anything did before, or at what was not remembered from the start, and the
    time from which on all of it is."""
    cold: list[str]
    """Features that count only what is recorded from now on."""
    dropped: list[str]
    """What the new policy has no more, with all that it held: `list blocked (2 members)`, `histories of merchant`."""
    challenger_ended: bool
    """There was a policy on trial that needs what the new policy does not remember; its trial ended."""


class ChallengerReport(NamedTuple):
    """What a policy on trial shares with the one in force."""

    shared: list[str]
    """Features that are computed once for both."""
    own: list[str]
    """Features that only the policy on trial has, computed from what the one in force remembers."""


class TableStatistics(NamedTuple):
    """What is remembered about one kind of entity."""

    name: str
    """The entity, as in `by`."""
    entities: int
    """Entities with a history."""
    events: int
    """Events in all histories."""
    bytes: int
    """Bytes of memory in use."""
    budget: int
    """Bytes of memory that the table may use."""
    evicted: int
    """Entities that were evicted because the memory was used up."""
    expired: int
    """Entities that were dropped because all that they had done was older than any feature looks."""
    approximate: int
    """Entities that had more events than a history holds exactly: what reaches further back is approximate."""
    unrotated: int
    """Entities that are known under the previous key only, while it is replaced; see `Engine.rotate`."""


class TenantStatistics(NamedTuple):
    """What a tenant remembers."""

    name: str
    memory: int
    """Bytes of memory that the tenant may use."""
    bytes: int
    """Bytes of memory in use, of all its tables."""
    tables: list[TableStatistics]
    """What each of its tables remembers, in the order of its policy."""


class SnapshotReport(NamedTuple):
    """What a snapshot holds."""

    entities: int
    """Histories, of all tables."""
    bytes: int
    """Bytes that were written."""
    next_frame: int
    """The first journal frame that is not wholly contained: frames before it are needed no more."""


class Recovered(NamedTuple):
    """What a journal brought back."""

    frames: int
    """Frames that were read, those among them that the snapshot contained already."""
    bytes: int
    """Bytes of whole frames that were read."""
    torn: int
    """Bytes of a last frame that was not written to its end: what it says was never acknowledged. Cut the file
    to `bytes` before more is appended.
    """
    policy: str | None
    """The policy that the next frame was written under, when it is another than the engine's: swap to it, and
    recover from the byte after `bytes` on.
    """

    @property
    def is_complete(self) -> bool:
        """Whether the journal was done to its end."""
        return self.torn == 0 and self.policy is None


def policy_of(text: str, file: str) -> Policy:
    """Makes a policy again from its text; pickles point here."""
    from sekisho._native import Policy

    return Policy.parse(text, file=file)


for _public in (
    AggregateInfo,
    Fault,
    FeatureInfo,
    RuleInfo,
    ListInfo,
    FieldInfo,
    Reason,
    RuleHit,
    LimitStanding,
    SwapReport,
    ChallengerReport,
    TableStatistics,
    TenantStatistics,
    SnapshotReport,
    Recovered,
):
    _public.__module__ = "sekisho"
