"""Readers of the translations that XTREME distributes: tables of pairs, and SQuAD's JSON with answers put in place again."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.core.errors import DataError
from harness.data._lines import lines
from harness.data.noted import NotedRows
from harness.types.sources import Row

_HEADS = ("label", "gold_label")
_SPELT = {"contradictory": "contradiction"}
_COLUMNS = {
    5: "five columns: original pair, translated pair, label",
    3: "three columns: translated pair, label",
}


def translated_pairs(*paths: Path) -> NotedRows:
    """Two translated texts and a label a line, between tabs; in a ``.csv`` without tabs, between commas.

    Rows are ``{"a", "b", "label"}``. Of five columns, the first two are the original pair, which rows have as ``original``;
    three are the translated pair and the label: a note says which was found. The label "contradictory" is contradiction. A
    first line that ends in "label" is left out. DataError naming file and line for anything else.
    """
    notes: list[str] = []
    return NotedRows(_pairs(paths, notes), notes)


def _pairs(paths: tuple[Path, ...], notes: list[str]) -> Iterator[Row]:
    for path in paths:
        width = 0
        for number, line in lines(path):
            cells = next(csv.reader([line])) if path.suffix == ".csv" and "\t" not in line else line.split("\t")
            if not width:
                if len(cells) not in _COLUMNS:
                    raise DataError(
                        f"{path}:{number}: {len(cells)} columns, expected 3 or 5: {line[:60]!r}",
                        hint="the translated pair and its label, with or without the original pair before them",
                    )
                width = len(cells)
                notes.append(f"{path.name} has {_COLUMNS[width]}")
                if cells[-1].strip().lower() in _HEADS:
                    continue
            if len(cells) != width:
                raise DataError(f"{path}:{number}: {len(cells)} columns, {width} in the first line: {line[:60]!r}")
            *original, a, b, label = (cell.strip() for cell in cells)
            if not (a and b and label):
                raise DataError(f"{path}:{number}: an empty column: {line[:60]!r}")
            row: dict[str, Any] = {"a": a, "b": b, "label": _SPELT.get(label, label)}
            yield {**row, "original": tuple(original)} if original else row


def located_answers(rows: Iterator[Row], name: str) -> NotedRows:
    """Rows of SQuAD's JSON less the answers that are not at their offsets, and less questions that lose all of theirs.

    Answers to machine-translated text were looked for in it again, which may fail. A note says how many were left out;
    ``name`` is that of the file.
    """
    notes: list[str] = []
    return NotedRows(_located(rows, name, notes), notes)


def _located(rows: Iterator[Row], name: str, notes: list[str]) -> Iterator[Row]:
    questions = dropped = lost = 0
    for row in rows:
        questions += 1
        answers = list(zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True))
        kept = [(text, start) for text, start in answers if _is_at(row["context"], text, start)]
        dropped += len(answers) - len(kept)
        if answers and not kept:
            lost += 1
            continue
        texts, starts = [text for text, _ in kept], [start for _, start in kept]
        yield {**row, "answers": {"text": texts, "answer_start": starts}}
    if dropped:
        notes.append(
            f"{name}: {dropped:,} answers are not at their offsets and were left out, with {lost:,} of "
            f"{questions:,} questions"
        )


def _is_at(context: str, text: str, start: Any) -> bool:
    """Tells whether an answer is where it is said to be; an empty one stands for a label that is withheld."""
    return not text or (isinstance(start, int) and start >= 0 and context.startswith(text, start))
