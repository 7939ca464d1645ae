"""One tag a line, a blank line after each sentence (UD-POS, PAN-X)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

from harness.core.errors import DataError
from harness.scoring.formats._labelled import complete
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.labels import check_labels
from harness.scoring.formats.reader import read_lines, reading_notes, refuse_line, shorten, write_lines
from harness.types.examples import Example, Tagged

OUTSIDE = frozenset({"O"})
"""The reference pipeline writes it for words that the model never saw, also in UD-POS."""


class Tags(Format):
    """``test-sw.tsv``: a tag a line and a blank line between sentences. A prediction is a list of str, a tag a word."""

    extension = "tsv"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes the tags of each sentence; :class:`DataError` where they are not one a word."""
        for example, tags in zip(cast(Sequence[Tagged], examples), predictions, strict=True):
            if len(tags) != len(example.words):
                raise DataError(
                    f"{path}: sentence {shorten(example.id)} has {len(example.words)} words but {len(tags)} tags",
                    hint="the family must decode one tag for every word",
                )
        _write(path, predictions)

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes the tags of :class:`~harness.types.examples.Tagged` examples."""
        tags = complete(path, [(sentence.id, sentence.tags) for sentence in cast(Sequence[Tagged], examples)])
        if tags:
            _write(path, tags)
        return bool(tags)

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Pairs the sentences, which must be equally long; predictions may hold 'O' besides the label set."""
        gold, gold_starts = _read(labels, label_set, frozenset())
        predicted, starts = _read(predictions, label_set, OUTSIDE)
        for number, (right, guess) in enumerate(zip(gold, predicted, strict=False)):
            if len(right) != len(guess):
                refuse_line(
                    predictions,
                    starts[number],
                    f"sentence {number + 1}: {len(guess)} tags, but {len(right)} in {labels}:{gold_starts[number] + 1}",
                    "write one tag for every word, and one blank line after each sentence",
                )
        if len(gold) != len(predicted):
            raise DataError(
                f"{predictions}: {len(predicted)} sentences, but {labels} has {len(gold)}",
                hint="write one tag for every word, and one blank line after each sentence",
            )
        ids = [str(number) for number in range(1, len(gold) + 1)]
        # blank lines at the end are empty sentences for XTREME's scorer, and an empty sentence adds nothing to F1
        return Aligned(ids, gold, predicted, warnings=reading_notes(predictions, labels))


def _write(path: Path, sentences: Sequence[Sequence[str]]) -> None:
    if not all(chain.from_iterable(sentences)):
        raise DataError(f"{path}: a tag is empty", hint="every word needs a tag")
    write_lines(path, chain.from_iterable(chain(tags, ("",)) for tags in sentences))


def _read(path: Path, label_set: tuple[str, ...], also: Iterable[str]) -> tuple[list[list[str]], list[int]]:
    """Sentences and the 0-based lines they begin on. Every blank line closes one, as the official reader has it."""
    lines = read_lines(path)
    if not lines:
        raise DataError(f"{path}: the file is empty", hint="expected one tag a line, a blank line between sentences")
    check_labels(path, lines, label_set, frozenset(also) | {""})
    for tag in set(lines):
        if tag and len(tag.split()) > 1:
            refuse_line(
                path, lines.index(tag), f"{shorten(tag)} is more than a tag", "expected the tag only, without its word"
            )
    ends = [index for index, line in enumerate(lines) if not line] + [len(lines)]
    starts = [0, *(end + 1 for end in ends[:-1])]
    return [lines[start:end] for start, end in zip(starts, ends, strict=True)], starts
