"""Scores of a run by attributes of the examples, from its files and the data that it was scored on.

Bucketed analysis as in ExplainaBoard (Liu et al. 2021): each item of a task falls into one bucket of each attribute, and
a bucket's score is the task's own metric over its items, with an interval. Items of all languages are pooled: a score by
length says something about length only as far as languages are alike in it, so buckets have their languages too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.analysis.breakdown._buckets import buckets
from harness.analysis.breakdown._context import TaskContext, UnitContext
from harness.analysis.breakdown._items import UnitItems, task_items
from harness.analysis.breakdown._sources import tokenizer, train
from harness.core.border import border
from harness.core.errors import PluginError, UsageError, did_you_mean
from harness.models.resolve import Access
from harness.registry.registry import load_part
from harness.results.run_view import RunView
from harness.results.systems import load_runs
from harness.scoring.estimates import pooled_score
from harness.scoring.scores import Estimate
from harness.types.extensions import Attribute

if TYPE_CHECKING:
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class Bucket:
    """The items with one value, or one range of values, of an attribute.

    ``score`` is the mean of the primary metrics, 0-100, its interval the mean of theirs; ``languages`` holds the same
    for the items of each language.
    """

    name: str
    n: int
    score: Estimate
    languages: dict[str, tuple[int, float]]


@dataclass(frozen=True)
class Breakdown:
    """The buckets of one task by one attribute; ``n`` items have a value, ``left_out`` have none."""

    task: str
    attribute: str
    n: int
    left_out: int
    buckets: tuple[Bucket, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "task": self.task,
            "attribute": self.attribute,
            "n": self.n,
            "left_out": self.left_out,
            "buckets": [
                {
                    "name": bucket.name,
                    "n": bucket.n,
                    "score": bucket.score.value,
                    "low": bucket.score.low,
                    "high": bucket.score.high,
                    "languages": {
                        code: {"n": count, "score": value} for code, (count, value) in bucket.languages.items()
                    },
                }
                for bucket in self.buckets
            ],
        }


def breakdown(
    run: Path | RunView,
    registry: Registry,
    *,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    attributes: Sequence[str] = (),
    data_dir: str | Path | None = None,
    access: Access | None = None,
) -> list[Breakdown]:
    """Every task of a run by every attribute that applies to it (or those that are named).

    ``data_dir`` has the data that the run was scored on; tasks whose examples are not there, or are other ones, have
    only attributes of the language. ``access`` says what loading the tokenizer of the run's model may do.

    Raises UsageError for unknown names, DataError for a folder that is no run.
    """
    system = run if isinstance(run, RunView) else load_runs([run])[0]
    known = registry.attributes()
    for name in attributes:
        if name not in known:
            raise registry.missing("attribute", name, known)
    for name in tasks:
        if name not in system.tasks:
            raise UsageError(f"the run has no task {name!r}", hint=did_you_mean(name, system.tasks))
    wanted = [known[name] for name in attributes or known]
    access = access or Access(offline=True, loader=registry.hook.harness_load_encoder)
    found: list[Breakdown] = []
    for name in tasks or system.tasks:
        units = list(task_items(system, name, registry, data_dir, languages))
        if units:
            shared = TaskContext(
                name, partial(train, system, registry, name, data_dir), partial(tokenizer, system, access)
            )
            found += _of_task(shared, units, wanted, named=bool(attributes))
    return found


def _of_task(
    shared: TaskContext, units: Sequence[UnitItems], wanted: Sequence[Attribute], *, named: bool
) -> Iterator[Breakdown]:
    starts = np.cumsum([0, *(len(unit.items.ids) for unit in units)])
    for attribute in wanted:
        contexts = (UnitContext(shared, unit.language, unit.gold, unit.predicted) for unit in units)
        values = [value for unit, own in zip(units, contexts, strict=True) for value in _values(attribute, unit, own)]
        names, places = buckets(values)
        inside = np.array(places)
        if len(names) < 2 and not named:
            continue  # a single bucket is uninformative
        made = []
        for index, bucket in enumerate(names):
            parts = {
                unit.language: unit.items.at(np.flatnonzero(inside[start:end] == index))
                for unit, start, end in zip(units, starts, starts[1:], strict=False)
            }
            parts = {code: part for code, part in parts.items() if part.ids}
            each = {code: (len(part.ids), part.score) for code, part in parts.items()}
            count = sum(len(part.ids) for part in parts.values())
            made.append(Bucket(bucket, count, pooled_score(list(parts.values()), shared.task), each))
        if made:
            count = sum(bucket.n for bucket in made)
            yield Breakdown(shared.task, attribute.name, count, len(values) - count, tuple(made))


def _values(attribute: Attribute, unit: UnitItems, context: UnitContext) -> Sequence[Any]:
    """The attribute's values of the items; None for all where it does not apply."""
    count = len(unit.items.ids)
    if not attribute.examples:
        examples: Sequence[Any] = [None] * count
    elif unit.examples and all(isinstance(example, attribute.examples) for example in unit.examples):
        examples = unit.examples
    else:
        return [None] * count
    hint = "--attribute names those that are wanted; --no-plugin leaves a plugin out"
    with border(f"plugin {attribute.provider}: attribute {attribute.name!r}: compute", PluginError, hint=hint):
        values = list(load_part(attribute, "compute")(examples, context))
    if len(values) != count:
        raise PluginError(
            f"plugin {attribute.provider}: attribute {attribute.name!r}: {len(values)} values for {count} examples",
            hint="return one value for each example: a number, a word, or None",
        )
    return values
