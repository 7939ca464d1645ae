"""Pairs of mixed languages: the first text of a row in one language, the second in another, the label of both.

The generalized cross-lingual setting of Huang et al. 2021 (arXiv:2104.08645), for classifications of pairs whose test
sets are translations of each other, row by row. Rows are paired by their ids, which are row numbers where the source
has none.
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

_PARALLEL = "mixed pairs are for test sets that are translations of each other, row by row"


def can_mix(task: TargetTask, registry: Registry, split: str) -> bool:
    """Tells whether a task classifies pairs of texts in two languages or more; whether its rows are parallel, data tell."""
    kinds = registry.family(task.family).examples
    classified = any(getattr(kind, "paired_fields", ()) and kind.label_field == "label" for kind in kinds)
    return classified and task.pool is None and len(task.languages_with(split)) > 1


def refuse_mixing(tasks: Iterable[TargetTask], registry: Registry, split: str) -> UsageError:
    """The error for tasks none of which can be mixed, with the names of those that can."""
    names = ", ".join(dict.fromkeys(task.name for task in tasks))
    able = [name for name, task in registry.tasks().items() if can_mix(task, registry, split)]
    return UsageError(
        f"--mixed-pairs: {names}: no classification of pairs in several languages",
        hint=f"those that are: {', '.join(able) or 'none'}",
    )


def mix(first: Sequence[Any], second: Sequence[Any], keys: tuple[str, str]) -> list[Example]:
    """The rows of ``first``, in their order, with the second text of the row of the same id in ``second``.

    ``keys`` name both units in messages. DataError naming the row where the two are not parallel: an id that only one of
    them has, unlike labels, or a row without a second text.
    """
    check_parallel(first, second, keys)
    others = {other.id: other for other in second}
    made: list[Example] = []
    for row in first:
        texts = others[row.id].texts()
        made.append(row.with_texts(**{name: texts[name] for name in row.paired_fields}))
    return made


def check_parallel(first: Sequence[Any], second: Sequence[Any], keys: tuple[str, str]) -> None:
    """Raises DataError, naming the row, unless the rows of two units have the same ids and the same labels."""
    labels = {}
    for number, row in enumerate(second, start=1):
        if not all(row.texts()[name] for name in row.paired_fields):
            raise DataError(f"{keys[1]}: row {number} (id {row.id!r}) has one text only", hint="mixed pairs need two")
        labels[row.id] = row.label
    for number, row in enumerate(first, start=1):
        if row.id not in labels:
            raise DataError(f"{keys[0]}: row {number} (id {row.id!r}) has no counterpart in {keys[1]}", hint=_PARALLEL)
        if row.label != labels[row.id]:
            raise DataError(
                f"{keys[0]}: row {number} (id {row.id!r}) has the label {row.label!r}, "
                f"but {labels[row.id]!r} in {keys[1]}",
                hint=_PARALLEL,
            )
    if len(second) > len(first):
        known = {row.id for row in first}
        number, row = next((place, row) for place, row in enumerate(second, start=1) if row.id not in known)
        raise DataError(f"{keys[1]}: row {number} (id {row.id!r}) has no counterpart in {keys[0]}", hint=_PARALLEL)
