"""Batches of like lengths, and groups of units that fill them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


STREAM_ROWS = 8192
"""Examples that fill many batches of any size; a stream is cut at the next end of a unit."""


def filled(items: Iterable[Item], size: Callable[[Item], int], least: int) -> Iterator[list[Item]]:
    """Consecutive items in groups whose sizes add up to ``least`` or more; the last group may be smaller."""
    group: list[Item] = []
    total = 0
    for item in items:
        group.append(item)
        total += size(item)
        if total >= least:
            yield group
            group, total = [], 0
    if group:
        yield group
