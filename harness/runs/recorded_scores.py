"""The scores of a record with the items of its files, and their averages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.runs.scored_files import SIDES, scored_file
from harness.scoring.aggregate import aggregate
from harness.scoring.files import TaskScorer
from harness.scoring.metrics import get_metric
from harness.scoring.scores import BenchmarkScore, UnitScore
from harness.types.tasks import Benchmark
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def _aggregated(benchmark: Benchmark, scored: dict[str, dict[str, UnitScore]], registry: Registry) -> BenchmarkScore:
    return aggregate(benchmark, scored, _primaries(benchmark, registry), by_item=_by_item(benchmark, registry))


def _primaries(benchmark: Benchmark, registry: Registry) -> dict[str, tuple[str, ...]]:
    return {name: get_metric(registry.task(name).metric).primary for name in benchmark.tasks}


def _by_item(benchmark: Benchmark, registry: Registry) -> list[str]:
    return [name for name in benchmark.tasks if registry.task(name).average == "items"]


def _with_items(run: Path, registry: Registry, unit: Unit, entry: dict[str, Any]) -> UnitScore:
    """The recorded score, with the items of its files for the intervals of averages."""
    predictions, labels = (scored_file(run, entry, side) for side in SIDES)
    items = TaskScorer.of(registry, unit.task).items(predictions, labels, unit.language)
    return replace(UnitScore.from_dict(entry["score"]), items=items)


def _selection(tasks: dict[str, tuple[str, ...]]) -> Benchmark:
    return Benchmark("", 0, "selected tasks", tasks, {}, "mean over the selected languages")
