"""Captions of pictures, with what is known of the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import DataError
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import json_type, match_ids, read_mapping, reading_notes, shorten, write_json
from harness.types.examples import Captioned, Example

_KNOWN = {"caption": str, "language": str, "others": list, "facts": str}


class Captions(Format):
    """``dev-en.json``: ``{id: caption}``. A prediction is a str.

    Labels are ``{id: {"caption", "language", "others", "facts"}}``, the fields of :class:`~harness.types.examples.Captioned`
    but for the picture. Such an object is the gold value that a metric gets.
    """

    extension = "json"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes the caption of each example."""
        write_json(path, _by_id(path, examples, predictions))

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes what is known of :class:`~harness.types.examples.Captioned` examples."""
        known = [example for example in examples if isinstance(example, Captioned)]
        if known:
            values = [
                {**{name: getattr(example, name) for name in _KNOWN}, "others": list(example.others)}
                for example in known
            ]
            write_json(path, _by_id(path, known, values))
        return bool(known)

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Pairs captions by the ids of their examples; one that is missing scores 0, with a warning."""
        gold, predicted = read_mapping(labels, "what is known of a picture"), read_mapping(predictions, "caption")
        for name, value in gold.items():
            _check_gold(labels, name, value)
        for name, caption in predicted.items():
            if not isinstance(caption, str):
                raise DataError(f"{predictions}: {shorten(name)} holds {json_type(caption)}", hint="expected a caption")
        warnings = match_ids(predictions, predicted, labels, gold, "captions") + reading_notes(predictions, labels)
        ids = list(gold)
        return Aligned(ids, list(gold.values()), [predicted.get(name) for name in ids], warnings=warnings)


def _by_id(path: Path, examples: Sequence[Any], values: Sequence[Any]) -> dict[str, Any]:
    found = {example.id: value for example, value in zip(examples, values, strict=True)}
    if len(found) < len(examples):
        raise DataError(f"{path}: two captions have one id", hint="ids must be unique within a unit")
    return found


def _check_gold(path: Path, name: str, value: Any) -> None:
    holds = isinstance(value, dict) and all(isinstance(value.get(field), kind) for field, kind in _KNOWN.items())
    if not holds or not all(isinstance(other, str) for other in value["others"]):
        fields = ", ".join(_KNOWN)
        raise DataError(f"{path}: {shorten(name)} is no description of a picture", hint=f"expected {fields}")
