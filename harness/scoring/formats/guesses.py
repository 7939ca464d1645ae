"""Counts of masked tokens that a model predicted in each text (masked language modelling)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from harness.core.errors import DataError
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import read_filled_lines, require_same_length, write_lines
from harness.types.examples import Example, Text


class Guesses(Format):
    """``dev-sw.tsv``: masked tokens, right guesses and summed loss of a text a line; labels are the ids of the texts.

    Gold is None: what was masked is known to the model's tokenizer only.
    """

    extension = "tsv"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes one line a text."""
        write_lines(path, (f"{p.masked}\t{p.right}\t{p.loss!r}" for _, p in zip(examples, predictions, strict=True)))

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes the ids."""
        if not examples:
            return False
        write_lines(path, (text.id for text in cast(Sequence[Text], examples)))
        return True

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Pairs line i with line i; a prediction is (masked, right, loss)."""
        ids = list(read_filled_lines(labels, "text id"))
        found = [
            _numbers(predictions, index, line) for index, line in enumerate(read_filled_lines(predictions, "counts"))
        ]
        require_same_length(predictions, len(found), labels, len(ids), "lines")
        return Aligned(ids, [None] * len(ids), found)


def _numbers(path: Path, index: int, line: str) -> tuple[float, float, float]:
    try:
        masked, right, loss = map(float, line.split("\t"))
    except ValueError:
        raise DataError(f"{path}:{index + 1}: expected three numbers between tabs, found {line[:60]!r}") from None
    return masked, right, loss
