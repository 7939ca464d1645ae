"""One row number a line (Tatoeba): which foreign sentence translates the i-th English one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import (
    parse_integer,
    read_filled_lines,
    reading_notes,
    require_same_length,
    write_lines,
)
from harness.types.examples import Described, Example, Translation, sorted_english


class Rows(Format):
    """``test-sw.tsv``: a 0-based row of the foreign file a line, in the order of :func:`sorted_english`.

    A prediction is an int; predictions come in the order of the sorted English sentences, not of the examples.
    """

    extension = "tsv"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes one row number for each sorted English sentence."""
        write_lines(path, (str(int(row)) for _, row in zip(examples, predictions, strict=True)))

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes the row of each sorted English sentence's translation."""
        if not examples:
            return False
        write_lines(path, map(str, sorted_english(cast(Sequence[Translation], examples))))
        return True

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Pairs line i with line i."""
        gold, predicted = _read(labels), _read(predictions)
        require_same_length(predictions, len(predicted), labels, len(gold), "lines")
        notes = reading_notes(predictions, labels, blank_ends=True)
        return Aligned([str(number) for number in range(1, len(gold) + 1)], gold, predicted, warnings=notes)

    def described(self, examples: Sequence[Any], aligned: Aligned) -> Callable[[int], Described]:
        """The sentence asked for (English, unless a task has it the other way round), its translation, what was found."""
        if len(examples) != len(aligned.ids):
            return lambda item: ()
        order = sorted_english(examples)

        def texts(item: int) -> Described:
            row, chosen = order[item], aligned.predicted[item]
            found = (
                examples[chosen].foreign if isinstance(chosen, int) and 0 <= chosen < len(examples) else "no such row"
            )
            return (
                ("sentence", examples[row].english),
                ("translation", examples[row].foreign),
                ("found instead", found),
            )

        return texts


def _read(path: Path) -> list[int]:
    return [parse_integer(path, index, line) for index, line in enumerate(read_filled_lines(path, "row number"))]
