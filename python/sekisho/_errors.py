"""The exceptions of the package."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho._types import Fault


class SekishoError(ValueError):
    """Something was refused. No message holds the value of an identifier."""

    kind: str
    """What went wrong, for code that branches on it: ``"absent"``, ``"wrong_type"``, ``"time"``, ..."""

    field: str | None
    """The event field, list or feature that it is about, if it is about one."""

    def __init__(self, message: str, kind: str = "other", field: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.field = field


class PolicyError(SekishoError):
    """A policy document has faults; the message shows each with a caret below it."""

    faults: list[Fault]
    """Every fault in the order of the document."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message, "policy")
        self.faults = list(faults)


for _public in (SekishoError, PolicyError):
    _public.__module__ = "sekisho"
