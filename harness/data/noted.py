"""Rows of a file with notes about it, which are known when the rows have been read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from harness.types.sources import Row


class NotedRows(Iterator[Row]):
    """Yields ``rows``; their reader adds ``notes`` as it reads, which are shown with the score."""

    def __init__(self, rows: Iterable[Row], notes: list[str]) -> None:
        self._rows = iter(rows)
        self.notes = notes

    def __next__(self) -> dict[str, Any]:
        """The next row."""
        return dict(next(self._rows))
