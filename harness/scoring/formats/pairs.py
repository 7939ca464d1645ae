"""Pairs of sentence ids, one a line (BUCC 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import DataError
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import read_lines, reading_notes, refuse_line, shorten, write_lines
from harness.types.examples import Described, Example, GoldPair, Sentence


class Pairs(Format):
    """``test-de.tsv``: ``foreign id<TAB>English id`` a line, a set in any order.

    The prediction of a unit is one list of (foreign id, English id) tuples, not one value an example. Mining may find
    nothing: an empty prediction file is valid, and scores 0.
    """

    extension = "tsv"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes the pairs in the order given, each once."""
        _write(path, predictions)

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes the :class:`~harness.types.examples.GoldPair` examples; the sentences among them are passed over."""
        gold = [(pair.foreign, pair.english) for pair in examples if isinstance(pair, GoldPair)]
        if gold:
            _write(path, gold)
        return bool(gold)

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """One item for each pair in either file, gold first: whether it is gold, and whether it was predicted."""
        gold, gold_warnings = _read(labels)
        predicted, warnings = _read(predictions)
        if not gold:
            raise DataError(f"{labels}: the file is empty", hint="expected foreign id<TAB>English id lines")
        if not predicted:
            warnings += (f"{predictions}: no pairs: scored 0",)
        items = list(gold | predicted)
        return Aligned(
            items,
            [item in gold for item in items],
            [item in predicted for item in items],
            warnings=gold_warnings + warnings + reading_notes(predictions, labels, blank_ends=True),
        )

    def described(self, examples: Sequence[Any], aligned: Aligned) -> Callable[[int], Described]:
        """Both sentences of a pair, as far as they are among the :class:`~harness.types.examples.Sentence` examples."""
        sides = {example.id: example.text for example in examples if isinstance(example, Sentence)}

        def texts(item: int) -> Described:
            foreign, _, english = aligned.ids[item].partition("\t")
            named = (("foreign", foreign), ("English", english))
            return tuple((label, sides[name]) for label, name in named if name in sides)

        return texts


def _write(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    for number, pair in enumerate(pairs):
        if any(not name or name != name.strip() or "\t" in name for name in pair):
            refuse_line(
                path,
                number,
                f"{shorten(repr(tuple(pair)))} cannot be written",
                "ids hold no tab and no outer white space",
            )
    write_lines(path, dict.fromkeys(f"{foreign}\t{english}" for foreign, english in pairs))


def _read(path: Path) -> tuple[dict[str, None], tuple[str, ...]]:
    """The distinct lines, in order, and warnings where some occur twice or have white space around the tab.

    Two pairs are one if their lines are equal, as XTREME's scorer has it: white space inside of a line tells them apart.
    """
    lines = read_lines(path)
    spaced = 0
    for index, line in enumerate(lines):
        names = line.split("\t")
        if len(names) != 2 or not all(name.strip() for name in names):
            refuse_line(path, index, f"{shorten(line)} is not a pair of ids", "expected foreign id<TAB>English id")
        spaced += any(name != name.strip() for name in names)
    found = dict.fromkeys(lines)
    warnings = []
    if repeated := len(lines) - len(found):
        warnings.append(f"{path}: {repeated} repeated lines, each pair counted once")
    if spaced:
        warnings.append(f"{path}: {spaced} lines have white space beside the tab; it is compared as part of the ids")
    return found, tuple(warnings)
