"""The items of a run's units with their statistics and, where the data are available, their examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.results.examples import scored_examples
from harness.results.run_view import RunView
from harness.scoring.bootstrap import Items
from harness.scoring.files import TaskScorer, item_statistics
from harness.scoring.metrics.base import AdditiveMetric
from harness.types.examples import Example

if TYPE_CHECKING:
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class UnitItems:
    """One language of a task: its items with their statistics, and its examples (none: not available).

    ``gold`` and ``predicted`` are the labels of the items, None where an item has no single label.
    """

    language: str
    items: Items
    examples: Sequence[Example]
    gold: Sequence[str | None]
    predicted: Sequence[str | None]


def task_items(
    system: RunView, task: str, registry: Registry, data_dir: str | Path | None, languages: Sequence[str] = ()
) -> Iterator[UnitItems]:
    """The scored units of a task; none where its metric has no per-item statistics or its plugin is gone."""
    if system.path is None:
        return
    try:
        units = system.tasks[task].units.values()
        scorer = TaskScorer.of(registry, task, next((unit.record.get("metric", "") for unit in units), ""))
    except HarnessError:
        return
    metric = scorer.metric
    if not isinstance(metric, AdditiveMetric):
        return
    for code, unit in system.tasks[task].units.items():
        if languages and code not in languages:
            continue
        paths = system.files(unit.record)
        aligned, statistics = item_statistics(metric, scorer.format, code, paths[0], paths[1], scorer.labels)
        examples = _in_order(scored_examples(system, task, code, registry, data_dir), aligned.ids)
        gold, predicted = (_labels(side, scorer.labels) for side in (aligned.gold, aligned.predicted))
        items = Items(metric, aligned.ids, statistics, aligned.clusters)
        yield UnitItems(code, items, examples, gold, predicted)


def _labels(values: Sequence[object], known: Sequence[str]) -> list[str | None]:
    return [value if isinstance(value, str) and value in known else None for value in values]


def _in_order(examples: Sequence[Example], ids: Sequence[str]) -> Sequence[Example]:
    """By id where the files have ids, else line by line (translations in the order of the sorted English side)."""
    if not examples:
        return ()
    named = {getattr(example, "id", ""): example for example in examples}
    if len(examples) == len(ids) and list(ids) == [str(number) for number in range(1, len(ids) + 1)]:
        return type(examples[0]).in_file_order(examples)
    if all(name in named for name in ids):
        return [named[name] for name in ids]
    return ()
