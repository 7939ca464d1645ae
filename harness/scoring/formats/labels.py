"""One label a line (XNLI, PAWS-X)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from harness.scoring.formats._labelled import complete
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import (
    read_filled_lines,
    reading_notes,
    refuse_line,
    require_same_length,
    shorten,
    write_lines,
)
from harness.types.examples import Example, Pair


class Labels(Format):
    """``test-sw.tsv``: a label string a line, in the order of the test set. A prediction is a str."""

    extension = "tsv"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes one label an example."""
        write_lines(path, (label for _, label in zip(examples, predictions, strict=True)))

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes the labels of :class:`~harness.types.examples.Pair` examples."""
        labels = complete(path, [(pair.id, pair.label) for pair in cast(Sequence[Pair], examples)])
        if labels:
            write_lines(path, labels)
        return bool(labels)

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Pairs line i with line i; a label outside ``label_set`` (where there is one) is a DataError."""
        gold, predicted = read_filled_lines(labels, "label"), read_filled_lines(predictions, "label")
        require_same_length(predictions, len(predicted), labels, len(gold), "lines")
        notes = reading_notes(predictions, labels, blank_ends=True)
        for path, lines in ((labels, gold), (predictions, predicted)):
            check_labels(path, lines, label_set)
        return Aligned([str(number) for number in range(1, len(gold) + 1)], gold, predicted, warnings=notes)


def check_labels(
    path: Path, lines: Sequence[str], label_set: Sequence[str], also: frozenset[str] = frozenset()
) -> None:
    """:class:`DataError` naming the first line that is neither blank nor a label of the set (empty: anything goes)."""
    unknown = set(lines).difference(label_set, also) if label_set else set()
    if unknown:
        index = next(i for i, line in enumerate(lines) if line in unknown)
        refuse_line(path, index, f"unknown label {shorten(lines[index])}", f"expected one of: {', '.join(label_set)}")
