"""Tells whether the examples of a unit carry labels: all, none, or (a mistake) some."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from harness.core.errors import DataError
from harness.scoring.formats.reader import shorten

T = TypeVar("T")


def complete(path: Path, labelled: Sequence[tuple[str, T | None]]) -> list[T]:
    """The labels of (example id, label) pairs; empty where none has one.

    A file with one label a line cannot leave examples out: labels for some of them only are a :class:`DataError`.
    """
    labels = [label for _, label in labelled if label is not None]
    if labels and len(labels) < len(labelled):
        bare = next(name for name, label in labelled if label is None)
        raise DataError(
            f"{path}: {len(labelled) - len(labels)} of {len(labelled)} examples have no label (first: {shorten(bare)})",
            hint="a label file holds a label for every example: drop the others where the examples are read",
        )
    return labels
