"""The compiled module. Use what `sekisho` re-exports."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from os import PathLike
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, final, overload

from sekisho._types import (
    AggregateInfo,
    ChallengerReport,
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
    "Decision",
    "Engine",
    "Event",
    "Members",
    "Policy",
    "Table",
    "Tenants",
    "__version__",
    "aggregates",
    "locale_addresses",
    "locale_bank_accounts",
    "locale_canonical",
    "locale_match_addresses",
    "locale_match_names",
    "locale_name_keys",
    "locale_phones",
    "replay_record",
]

__version__: str

# NumPy's datetime64 is taken too; it is not named here so that NumPy need not be installed.
_Time: TypeAlias = int | datetime
_FeatureValue: TypeAlias = bool | int | float | str | timedelta | datetime | None
_Outcome: TypeAlias = Literal[
    "pending", "approved", "declined", "succeeded", "failed", "challenged", "abandoned", "reversed"
]

_T = TypeVar("_T")

class _Writes(Protocol):
    def write(self, data: bytes, /) -> object: ...

class _Reads(Protocol):
    def read(self, size: int, /) -> bytes: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object = None) -> object: ...

@final
class Policy:
    """A compiled policy. Immutable."""

    @staticmethod
    def load(path: str | PathLike[str]) -> Policy:
        """Compiles the policy in a file, TOML or JSON."""
    @staticmethod
    def parse(text: str, *, file: str = "policy") -> Policy:
        """Compiles a policy from its text, TOML or JSON; `file` names it in messages."""
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def fingerprint(self) -> str:
        """SHA-256 over what the document says, in hexadecimal."""
    @property
    def currency(self) -> str: ...
    @property
    def features(self) -> list[FeatureInfo]: ...
    @property
    def rules(self) -> list[RuleInfo]: ...
    @property
    def lists(self) -> list[ListInfo]: ...
    @property
    def fields(self) -> list[FieldInfo]:
        """Every field that an event may carry, built-in ones first."""
    def _repr_html_(self) -> str: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[str, str]]: ...

@final
class Event:
    """An event whose memory is reused: fields are set by name, identifiers are never shown.

    Made by `Engine.event`.
    """

    def clear(self) -> None:
        """Makes every field absent and wipes the identifiers; keeps the memory."""
    def update(self, values: Mapping[str, Any] | None = None, /, **fields: Any) -> None:
        """Sets several fields; if one is refused, none is set."""
    def __setitem__(self, name: str, value: Any, /) -> None: ...
    def __delitem__(self, name: str, /) -> None: ...
    def __contains__(self, name: str, /) -> bool: ...
    def __getitem__(self, name: str, /) -> bool | int | float | str | datetime: ...

@final
class Members:
    """Members that are gathered for a list, while the engine goes on scoring.

    Made by `Engine.list_prepare` and `Engine.list_open`; empty once they are loaded or merged into others. Members
    that are refused there stay as they are.
    """

    def add(
        self,
        member: str,
        /,
        *,
        severity: int = 100,
        reason: str | None = None,
        source: str | None = None,
        expires: _Time | None = None,
    ) -> None:
        """Adds an identifier or a network; of several that are the same the last counts."""
    def extend(
        self,
        members: Iterable[str],
        /,
        *,
        severity: int = 100,
        reason: str | None = None,
        source: str | None = None,
        expires: _Time | None = None,
    ) -> None:
        """Adds many that have the same entry. When one is refused, the error says which, counted from 0, and those
        before it are added.
        """
    def merge(self, other: Members, /) -> None:
        """Takes in what somebody else gathered for the same list; the most severe entries stay. Members of another
        list or key are refused. Merged with themselves they do not change.
        """
    def __len__(self) -> int: ...

@final
class Decision:
    """What an engine decided on one event."""

    @property
    def score(self) -> int:
        """0 to 999."""
    @property
    def action(self) -> Literal["allow", "challenge", "review", "deny"]: ...
    @property
    def strength(self) -> int:
        """The assurance level that a challenge must reach; 0 unless the action is challenge."""
    @property
    def obligations(self) -> list[Literal["notify", "hold", "lock", "limit"]]: ...
    @property
    def reasons(self) -> list[Reason]:
        """Why, most points first."""
    @property
    def hits(self) -> list[RuleHit]:
        """Every rule whose condition held, with the values that made it hold."""
    @property
    def limits(self) -> list[LimitStanding]:
        """The limits that the event is about, and what was left of each before it; those in shadow are among them."""
    @property
    def missing_rules(self) -> list[str]:
        """The ids of rules that read an absent value."""
    @property
    def features(self) -> dict[str, _FeatureValue]:
        """The features by name; None where there was nothing to compute one from."""
    @property
    def approximate(self) -> list[str]:
        """The names of features of which part had been forgotten."""
    @property
    def is_repeated(self) -> bool:
        """Whether the event's id was recorded before; then nothing was recorded now."""
    @property
    def challenger(self) -> Decision | None:
        """What the policy on trial would have decided, with features and reasons of its own; it changed nothing. None
        without one, or when it would have refused the event.
        """
    @property
    def policy(self) -> Policy | None: ...
    def explain(self) -> str:
        """The decision in words: the rules that held, with their values."""
    def record(self) -> dict[str, Any]:
        """The decision with all that it was made from, as plain values for JSON. Identifiers are tokens."""
    @staticmethod
    def replay(policy: Policy, record: str | Mapping[str, Any]) -> Decision:
        """Decides again from a record, a mapping or its JSON."""
    def _repr_html_(self) -> str: ...

@final
class Engine:
    """Scores events against a policy and what it remembers. Threads may share one.

    `key` is 32 secret bytes under which identifiers are hashed; `key_id` names it in decision records.
    `memory` is how many bytes all histories together may fill, a gibibyte unless it is given. `table_memory`
    gives some entities, named as in `by`, a budget of their own; the others share the rest.

    `journal` is handed every change of the engine's memory as a frame, in order, before the call that causes it
    comes back: for a log that can be recovered from. A frame that it raises on is handed out again at the next
    change. Flush and sync a file before a payment is acknowledged.

    `previous_key` is the key that `key` is replacing, with its number, for a snapshot or a journal from before or
    during a rotation; see `rotate`.
    """

    def __new__(
        cls,
        policy: Policy,
        key: bytes,
        key_id: int = 1,
        *,
        memory: int | None = None,
        table_memory: dict[str, int] | None = None,
        journal: Callable[[bytes], object] | _Writes | None = None,
        previous_key: bytes | None = None,
        previous_key_id: int = 0,
        shared_keys: Mapping[str, tuple[int, bytes]] | None = None,
    ) -> Engine: ...
    @staticmethod
    def restore(
        policy: Policy,
        key: bytes,
        key_id: int = 1,
        *,
        source: str | PathLike[str] | bytes | _Reads,
        memory: int | None = None,
        table_memory: dict[str, int] | None = None,
        journal: Callable[[bytes], object] | _Writes | None = None,
        previous_key: bytes | None = None,
        previous_key_id: int = 0,
        shared_keys: Mapping[str, tuple[int, bytes]] | None = None,
    ) -> Engine:
        """An engine that remembers what a snapshot holds.

        The policy may remember more than the one that the snapshot was taken under, not less: restore under that
        one and swap then. Bytes that are damaged or another key's are refused.
        """
    def snapshot(self, to: str | PathLike[str] | _Writes, /) -> SnapshotReport:
        """Writes everything that the engine remembers, while other threads go on scoring.

        The bytes hold tokens in place of identifiers, but for the networks on lists. They are sealed with the
        engine's key and not encrypted. A path has the snapshot when it is whole and on the disk; until then it keeps
        what it had. The file keeps its permissions; a new one can be read by its owner only. A process that is killed
        meanwhile leaves what it wrote beside it, under a name that ends in .new and a number.

        `write` of a file must not call the engine's `snapshot`, `swap`, `challenge_with`, `end_challenge`, `rotate` or
        `retire_key`: they wait until the snapshot is through.
        """
    def recover(self, source: str | PathLike[str] | bytes | _Reads, /) -> Recovered:
        """Does again what a journal says, after `restore` or from the very first frame on, before the engine is
        used. Frames that the snapshot contains are passed over. After an error the engine is as of the frame before.

        When `torn` of the answer is not 0, the last frame was not written to its end: cut the file to `bytes` before
        more is appended, or what follows cannot be recovered.
        """
    @property
    def policy(self) -> Policy: ...
    def event(self, **fields: Any) -> Event:
        """An event to be filled and reused."""
    def assess(self, event: Mapping[str, Any] | Event | None = None, /, **fields: Any) -> Decision:
        """Decides on an event and remembers it. An event that is refused changes nothing."""
    def score(self, event: Mapping[str, Any] | Event | None = None, /, **fields: Any) -> Decision:
        """Decides on an event and remembers nothing."""
    def record(self, event: Mapping[str, Any] | Event | None = None, /, **fields: Any) -> bool:
        """Remembers an event without deciding. False when its id was recorded before."""
    def resolve(self, event: Mapping[str, Any] | Event, outcome: _Outcome, /) -> bool:
        """States how an event ended. False when nothing remembers it."""
    def label(self, event: Mapping[str, Any] | Event, label: Literal["fraud", "genuine"], /, *, at: _Time) -> bool:
        """States what was learnt about an event, and when. False when nothing remembers it."""
    def advance(self, time: _Time) -> None:
        """States that the clock has reached a time, so that events up to a day later are taken."""
    def expire(self) -> int:
        """Drops what no feature needs any more as of the latest time seen, such as the digests of credentials after a
        day; returns how many entities are gone. Calls do the same bit by bit for themselves.
        """
    def swap(self, policy: Policy) -> SwapReport:
        """Installs another policy; the report says which features start cold or without all of their history, and
        whether a policy on trial could not go on beside it.
        """
    def challenge_with(self, policy: Policy) -> ChallengerReport:
        """Puts a policy on trial: it decides on every event beside the one in force, from the same memory, and
        changes nothing; see `Decision.challenger`. It takes the place of an earlier one.

        A policy that needs what the one in force does not remember is refused, and the error says what is missing.
        """
    def end_challenge(self) -> Policy | None:
        """Ends the trial; the policy that was on trial, if there was one."""
    @property
    def challenger(self) -> Policy | None:
        """The policy on trial, if there is one."""
    def forget(self, entity: str, id: str, /) -> bool:
        """Forgets an entity, named as in `by`: its history, its entries on lists, and its hash wherever others
        remember it. False when nothing was known of it.
        """
    def rotate(self, key: bytes, key_id: int, /) -> None:
        """Puts another key in force, with a number of its own; the one so far is kept as the previous key.

        Nothing is lost and nothing waits: what an event touches comes to the new key, so decisions stay the same.
        `unrotated` of `statistics()` tells how many entities are left; `retire_key` ends the rotation. A restart
        meanwhile takes `previous_key`. There are never more than two keys.
        """
    def retire_key(self) -> int:
        """Ends a rotation: the previous key is gone, and with it every entity and every member of a list that was
        not touched since. Says how many these were; 0 when there is no previous key.
        """
    def list_add(
        self,
        list: str,
        member: str,
        /,
        *,
        severity: int = 100,
        reason: str | None = None,
        source: str | None = None,
        expires: _Time | None = None,
    ) -> None:
        """Puts an identifier or a network on a list, or changes its entry."""
    def list_remove(self, list: str, member: str, /) -> bool:
        """Takes an identifier or a network off a list. False when it was not on it."""
    def list_len(self, list: str, /) -> int:
        """How many members a list has, expired ones among them."""
    def list_prepare(self, list: str, /) -> Members:
        """Begins to gather members for a list."""
    def list_load(self, members: Members, /) -> int:
        """Adds gathered members to their list; says how many it has more than before."""
    def list_swap(self, members: Members, name: str, /) -> int:
        """Puts gathered members in the place of all that their list has; says how many these are.

        `name` is what the host calls them. Who scores meanwhile waits for nothing.
        """
    def list_version(self, list: str, /) -> tuple[str, int]:
        """What a list was called when it was last swapped, and how often it changed."""
    def list_seal(self, members: Members, /) -> bytes:
        """What was gathered as bytes that others who have the list's key can open.

        No identifier can be read from them; whoever has the key can try whether a certain one is among them.
        """
    def list_open(self, list: str, sealed: bytes, /) -> Members:
        """Opens what was sealed for a list."""
    def statistics(self) -> list[TableStatistics]:
        """What is remembered about each kind of entity."""
    def replay(
        self,
        frame: _ArrowStream | _ArrowArray,
        /,
        *,
        progress: bool = False,
        extra: Literal["refuse", "ignore"] = "refuse",
        batch_rows: int = 65_536,
    ) -> Table:
        """Scores and remembers every row of a table.

        Columns are named as the event's fields; structs stand for groups. Nulls are absent fields. Rows are
        scored in the order of `time`, ties in the order of rows, and come back in the order given, without the index
        of a pandas frame: assign columns of the answer with `.to_numpy()`. The clock is the table's own, so that gaps
        of more than a day are taken. Timestamps have a time zone.

        `label`, fraud or genuine, says what was learnt about a row, and `labelled_at` when: features of later rows see
        it from then on, without `labelled_at` at once.

        A column or value that is refused changes nothing. A row that is refused while it is scored, for want of a
        field that the policy requires, leaves the rows before it recorded. `extra="ignore"` leaves out columns that
        are no fields.
        """

@final
class Tenants:
    """Engines by name, one for each tenant, within one budget of memory.

    `memory` is how many bytes all of them together may fill. Nothing else is shared: the same identifier in two
    tenants is two strangers, and a flood in one evicts nobody in another. Give each a key of its own, so that no
    snapshot or journal of one can be opened as another's. Iterates over the names, in their order.
    """

    def __new__(cls, *, memory: int) -> Tenants: ...
    def add(
        self,
        name: str,
        policy: Policy,
        key: bytes,
        key_id: int = 1,
        *,
        memory: int | None = None,
        table_memory: dict[str, int] | None = None,
        journal: Callable[[bytes], object] | _Writes | None = None,
        previous_key: bytes | None = None,
        previous_key_id: int = 0,
        shared_keys: Mapping[str, tuple[int, bytes]] | None = None,
    ) -> Engine:
        """Starts an engine under a name, as `Engine(...)` does: within a gibibyte unless `memory` is given.

        Refuses a name that is taken (kind `taken`), and more memory than is left (kind `out_of_range`).
        """
    def restore(
        self,
        name: str,
        policy: Policy,
        key: bytes,
        key_id: int = 1,
        *,
        source: str | PathLike[str] | bytes | _Reads,
        memory: int | None = None,
        table_memory: dict[str, int] | None = None,
        journal: Callable[[bytes], object] | _Writes | None = None,
        previous_key: bytes | None = None,
        previous_key_id: int = 0,
        shared_keys: Mapping[str, tuple[int, bytes]] | None = None,
    ) -> Engine:
        """Starts an engine that remembers what a snapshot holds, under a name, as `Engine.restore` does."""
    def remove(self, name: str, /) -> Engine | None:
        """Takes a tenant out; its engine, or None when there was none. The engine goes on working for whoever holds
        it; its bytes can be given to another once nobody does.
        """
    @overload
    def get(self, name: str, default: None = None, /) -> Engine | None: ...
    @overload
    def get(self, name: str, default: _T, /) -> Engine | _T: ...
    def keys(self) -> list[str]: ...
    def values(self) -> list[Engine]: ...
    def items(self) -> list[tuple[str, Engine]]: ...
    @property
    def memory(self) -> int:
        """Bytes that all tenants together may fill."""
    @property
    def memory_left(self) -> int:
        """Bytes that a further tenant may fill."""
    def statistics(self) -> list[TenantStatistics]:
        """What each tenant remembers, in the order of names."""
    def __getitem__(self, name: str, /) -> Engine: ...
    def __delitem__(self, name: str, /) -> None: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def _repr_html_(self) -> str: ...

@final
class Table:
    """The answers of a replay, as Arrow: one row for each row of the table that was replayed.

    Columns are `id` (if there was one), `score`, `action`, `reasons`, and the policy's features. When a policy was on
    trial, `challenger_score`, `challenger_action` and `challenger_reasons` come before the features: null where it
    would have refused the event.
    """

    @property
    def column_names(self) -> list[str]: ...
    def to_pyarrow(self) -> Any: ...
    def to_pandas(self) -> Any: ...
    def to_polars(self) -> Any: ...
    def __len__(self) -> int: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...

def aggregates() -> list[AggregateInfo]:
    """The catalogue of what features compute: every `aggregate` that a policy can name, by family."""

def replay_record(policy: Policy, record: str | Mapping[str, Any]) -> Decision:
    """Decides again from a decision's record, with the policy that decided then; no engine is needed."""

# `sekisho.locale` gives these their names: one answer for each text, None for None.
_Texts: TypeAlias = list[str | None]

def locale_canonical(kind: str, texts: _Texts) -> _Texts: ...
def locale_name_keys(texts: _Texts) -> _Texts: ...
def locale_match_names(
    a: _Texts, b: _Texts
) -> list[Literal["match", "mismatch", "not_comparable"] | None]: ...
def locale_match_addresses(a: _Texts, b: _Texts) -> list[tuple[str | None, str] | None]: ...
def locale_addresses(texts: _Texts) -> list[_Texts | None]: ...
def locale_bank_accounts(texts: _Texts) -> list[tuple[str, str, str, str, str] | None]: ...
def locale_phones(texts: _Texts) -> list[tuple[str, str, str] | None]: ...
