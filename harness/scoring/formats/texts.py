"""Texts that were written: lines of JSON with an id and a text, predictions and labels alike."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from harness.core.errors import DataError
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import (
    json_type,
    match_ids,
    parse_json,
    read_filled_lines,
    reading_notes,
    refuse_line,
    shorten,
    write_lines,
)
from harness.types.examples import Example, Source


class Reference(str):
    """A text that was to be written, and the code of its language, "" for that of the unit."""

    language: str

    def __new__(cls, text: str, language: str = "") -> Reference:
        """Makes it of both."""
        made = super().__new__(cls, text)
        made.language = language
        return made


class Texts(Format):
    """``test-sw.jsonl``: ``{"id": ..., "text": ...}`` a line, in any order. A prediction is a str, which may be empty.

    Labels may also have the ``language`` of a text where it is another than the unit's. Aligned gold is a
    :class:`Reference`.
    """

    extension = "jsonl"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes the text of each example."""
        sources = cast(Sequence[Source], examples)
        _write(path, ({"id": each.id, "text": text} for each, text in zip(sources, predictions, strict=True)))

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes the targets; examples without one are left out."""
        labelled = [source for source in cast(Sequence[Source], examples) if source.target is not None]
        if labelled:
            _write(path, map(_to_json, labelled))
        return bool(labelled)

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Pairs the texts by id; one without a prediction gets None, with a warning."""
        gold = {name: Reference(text, code) for name, text, code in _read(labels)}
        predicted = {name: text for name, text, _ in _read(predictions)}
        warnings = match_ids(predictions, predicted, labels, gold, "texts")
        warnings = (*warnings, *reading_notes(predictions, labels))
        return Aligned(list(gold), list(gold.values()), [predicted.get(name) for name in gold], warnings=warnings)


def _to_json(source: Source) -> dict[str, str | None]:
    entry = {"id": source.id, "text": source.target}
    return entry | {"language": source.language} if source.language else entry


def _write(path: Path, entries: Iterator[dict[str, str | None]]) -> None:
    written = list(entries)
    if len({entry["id"] for entry in written}) < len(written):
        raise DataError(f"{path}: two texts have one id", hint="ids must be unique within a unit")
    write_lines(path, (json.dumps(entry, ensure_ascii=False) for entry in written))


def _read(path: Path) -> Iterator[tuple[str, str, str]]:
    """Id, text and language of each line; DataError naming the line of what is none."""
    seen: set[str] = set()
    for index, line in enumerate(read_filled_lines(path, "text")):
        entry = parse_json(path, line, index)
        if not isinstance(entry, dict):
            refuse_line(path, index, f"{json_type(entry)} instead of an object", 'expected {"id": ..., "text": ...}')
        for key in ("id", "text", "language"):
            if key not in entry and key != "language":
                refuse_line(path, index, f"no {key!r}", 'expected {"id": ..., "text": ...}')
            if not isinstance(entry.get(key, ""), str):
                refuse_line(path, index, f"{key!r} holds {json_type(entry[key])}", "expected a string")
        if entry["id"] in seen:
            refuse_line(path, index, f"the id {shorten(entry['id'])} occurs twice", "ids must be unique")
        seen.add(entry["id"])
        yield entry["id"], entry["text"], entry.get("language", "")
