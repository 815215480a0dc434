"""Progress bars."""

from __future__ import annotations

from typing import Protocol

from tqdm.auto import tqdm


class Bar(Protocol):
    """What a replay needs of a bar."""

    def update(self, rows: int, /) -> object: ...

    def close(self) -> object: ...


def bar(total: int) -> Bar:
    """A bar for so many rows, as fits the place: a notebook or a terminal."""
    shown: Bar = tqdm(total=total, unit="row", unit_scale=True, desc="replay")
    return shown
