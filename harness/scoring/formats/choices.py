"""One JSON object a line, ``{"label": 1}`` (XCOPA)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from harness.scoring.formats._labelled import complete
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import (
    json_type,
    parse_json,
    read_filled_lines,
    reading_notes,
    refuse_line,
    require_same_length,
    write_lines,
)
from harness.types.examples import Choice, Example


class Choices(Format):
    """``test-sw.jsonl``: the 0-based index of the chosen option, ``{"label": 0}`` a line. A prediction is an int."""

    extension = "jsonl"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes one choice an example."""
        _write(path, [choice for _, choice in zip(examples, predictions, strict=True)])

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes the answers of :class:`~harness.types.examples.Choice` examples."""
        answers = complete(path, [(choice.id, choice.answer) for choice in cast(Sequence[Choice], examples)])
        if answers:
            _write(path, answers)
        return bool(answers)

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Pairs line i with line i; other keys of the objects do not matter (labels may be the data file itself)."""
        gold, predicted = _read(labels), _read(predictions)
        require_same_length(predictions, len(predicted), labels, len(gold), "lines")
        notes = reading_notes(predictions, labels, blank_ends=True)
        return Aligned([str(number) for number in range(1, len(gold) + 1)], gold, predicted, warnings=notes)


def _write(path: Path, choices: Sequence[int]) -> None:
    write_lines(path, (f'{{"label": {int(choice)}}}' for choice in choices))


def _read(path: Path) -> list[int]:
    return [
        _label(path, index, line) for index, line in enumerate(read_filled_lines(path, 'JSON object, {"label": 0},'))
    ]


def _label(path: Path, index: int, line: str) -> int:
    value = parse_json(path, line, index)
    if not isinstance(value, dict) or "label" not in value:
        refuse_line(path, index, 'expected a JSON object with the key "label"', 'write {"label": 0}')
    label = value["label"]
    if type(label) is not int:
        refuse_line(path, index, f'"label" is {json_type(label)}, not an integer', 'write {"label": 0}')
    if not 0 <= label < 1000:
        refuse_line(path, index, f'"label" {label} is not the index of an option', "options are counted from 0")
    return label
