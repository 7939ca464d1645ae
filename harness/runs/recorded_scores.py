"""The scores of a record with the items of its files, and their averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.runs.scored_files import SIDES, scored_file
from harness.scoring.aggregate import aggregate
from harness.scoring.files import TaskScorer, selected_tasks, whole
from harness.scoring.metrics import get_metric
from harness.scoring.scores import BenchmarkScore, UnitScore
from harness.types.benchmarks import Benchmark
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.record import UnitRecord


def aggregated(benchmark: Benchmark, scored: dict[str, dict[str, UnitScore]], registry: Registry) -> BenchmarkScore:
    """Averages unit scores, ``scored[task][language]``, by the rules of the benchmark and its tasks."""
    return aggregate(benchmark, scored, primaries(benchmark, registry), by_item=by_item(benchmark, registry))


def primaries(benchmark: Benchmark, registry: Registry) -> dict[str, tuple[str, ...]]:
    """Names the metrics that make the score of each task."""
    return {name: get_metric(registry.task(name).metric).primary for name in benchmark.tasks}


def by_item(benchmark: Benchmark, registry: Registry) -> list[str]:
    """Names the tasks that are averaged over items instead of languages."""
    return [name for name in benchmark.tasks if registry.task(name).average == "items"]


def recorded_score(run: Path, registry: Registry, unit: Unit, record: UnitRecord) -> UnitScore:
    """The recorded score of a unit that has one, with the items of its files for the intervals of averages."""
    assert record["score"] is not None
    predictions, labels = (scored_file(run, record, side) for side in SIDES)
    items = TaskScorer.of(registry, unit.task, record.get("metric", "")).items(predictions, labels, unit.language)
    return replace(UnitScore.from_dict(record["score"]), items=items)


def selection(tasks: Mapping[str, Sequence[str]], registry: Registry, split: str) -> Benchmark:
    """Stands for selected tasks, which have no overall score; ``tasks`` are these with their selected languages.

    All languages with the split count: a mean over some of them is no score of the task.
    """
    return selected_tasks(
        {name: whole(codes, registry.task(name).languages_with(split)) for name, codes in tasks.items()}
    )
