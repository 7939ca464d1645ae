"""Pairs of mixed languages: the first text of a row in one language, the second in another, the label of both.

The generalized cross-lingual setting of Huang et al. 2021 (arXiv:2104.08645), for classifications of pairs whose test
sets are translations of each other, row by row: with the same ids, which are row numbers where the source has none, in
the same order. A few rows may have another label in one of the languages, and are in no pair of it: where PAWS-X has no
translation of a sentence, it says "NS" and the label is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError, UsageError
from harness.types.examples import Example

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.tasks import TargetTask

VERSION = 1
"""Part of the key of every unit of mixed pairs: what changes the pairs raises it."""

DISAGREEING = 0.05
"""The largest share of rows with another label; of PAWS-X's dev sets it is up to 0.02. More are no translations."""

_PARALLEL = "mixed pairs are for test sets that are translations of each other, row by row"


def can_mix(task: TargetTask, registry: Registry, split: str) -> bool:
    """Tells whether a task classifies pairs of texts in two languages or more; whether its rows are parallel, data tell."""
    kinds = registry.family(task.family).examples
    classified = any(
        getattr(kind, "paired_fields", ()) and getattr(kind, "label_field", "") == "label" for kind in kinds
    )
    return classified and task.pool is None and len(task.languages_with(split)) > 1


def refuse_mixing(tasks: Iterable[TargetTask], registry: Registry, split: str) -> UsageError:
    """The error for tasks none of which can be mixed, with the names of those that can."""
    names = ", ".join(dict.fromkeys(task.name for task in tasks))
    able = [name for name, task in registry.tasks().items() if can_mix(task, registry, split)]
    return UsageError(
        f"--mixed-pairs: {names}: no classification of pairs in several languages",
        hint=f"those that are: {', '.join(able) or 'none'}",
    )


def mix(first: Sequence[Any], second: Sequence[Any], keys: tuple[str, str]) -> tuple[list[Example], list[int]]:
    """The rows of ``first`` with the second texts of the rows of ``second``, and the numbers of the rows left out.

    Those are the rows that :func:`check_parallel` tells. ``keys`` name both units in messages. DataError naming the row
    where the two are not parallel.
    """
    left_out = check_parallel(first, second, keys)
    made: list[Example] = []
    for number, (row, other) in enumerate(zip(first, second, strict=True), start=1):
        if number not in left_out:
            texts = other.texts()
            made.append(row.with_texts(**{name: texts[name] for name in other.paired_fields}))
    return made, left_out


def check_parallel(first: Sequence[Any], second: Sequence[Any], keys: tuple[str, str]) -> list[int]:
    """The numbers, from 1, of the few rows of two units that have another label in the second.

    DataError, naming the row, for other ids or another order, and where more labels differ than :data:`DISAGREEING`.
    Prediction files of these tasks have no ids: in them, too, line i of one language belongs to line i of another.
    """
    differ = []
    for number, (row, other) in enumerate(zip(first, second, strict=False), start=1):
        if row.id != other.id:
            raise _not_parallel(number, keys, f"the id {row.id!r}", f"{other.id!r}")
        for each, key in ((row, keys[0]), (other, keys[1])):
            if not all(each.texts()[name] for name in each.paired_fields):
                raise DataError(f"{key}: row {number} has one text", hint="mixed pairs are made of pairs of texts")
        if row.label != other.label:
            differ.append(number)
    if len(first) != len(second):
        shorter, longer = sorted((len(first), len(second)))
        without = keys[0] if len(first) == shorter else keys[1]
        raise DataError(f"{without}: no row {shorter + 1}, and {longer:,} rows in the other language", hint=_PARALLEL)
    if len(differ) > DISAGREEING * len(first):
        row, other = first[differ[0] - 1], second[differ[0] - 1]
        found = f"the label {row.label!r}, one of {len(differ):,} that differ"
        raise _not_parallel(differ[0], keys, found, f"{other.label!r}")
    return differ


def _not_parallel(number: int, keys: tuple[str, str], found: str, other: str) -> DataError:
    return DataError(f"{keys[0]}: row {number} has {found}, but {other} in {keys[1]}", hint=_PARALLEL)
