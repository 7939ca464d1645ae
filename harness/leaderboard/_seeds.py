"""One row of several seeds: which runs may share one, and their numbers as means with standard deviations."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import DataError
from harness.results.run_view import RunView
from harness.results.systems import load_systems

_ENDS = ("stderr", "low", "high")


def seed_runs(folders: Sequence[Path]) -> list[RunView]:
    """The runs of one system, by seed; UsageError for runs that differ in more than it, DataError in their test data."""
    (system,) = load_systems([folders])
    runs = sorted(system.runs, key=lambda run: run.seeds)
    first = runs[0]
    for other in runs[1:]:
        for what, left, right in _scored(first, other):
            if left != right:
                raise DataError(
                    f"{first.folder} and {other.folder}: {what} differ: their scores have no common mean",
                    hint="run the seeds on the same data with the same version of the harness",
                )
    return runs


def _scored(first: RunView, other: RunView) -> Iterator[tuple[str, Any, Any]]:
    """Pairs of the facts of both runs that decide the scores besides the training."""
    yield "the benchmarks", first.benchmark, other.benchmark
    yield "the versions of the harness", first.record["harness"]["version"], other.record["harness"]["version"]
    for key in sorted(first.units.keys() & other.units.keys()):
        one, two = first.units[key], other.units[key]
        yield f"{key}: the task versions", one["task_version"], two["task_version"]
        yield f"{key}: the test data", one["data"]["fingerprint"], two["data"]["fingerprint"]
        yield f"{key}: the labels", one["labels"], two["labels"]


def mean_cells(cells: Sequence[Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Each number that all seeds have: its mean, its sample standard deviation and the means of its interval's ends.

    The interval is about which test items were drawn, ``seed_deviation`` about the seed; neither holds the other.
    """
    tables = [{(cell["task"], cell["metric"], cell["language"]): cell for cell in own} for own in cells]
    found = []
    for key, cell in tables[0].items():
        if not all(key in table for table in tables):
            continue
        same = [table[key] for table in tables]
        means = {
            name: statistics.fmean(each[name] for each in same)
            for name in ("value", *_ENDS)
            if all(name in each for each in same)
        }
        kept = {name: value for name, value in cell.items() if name not in _ENDS}
        deviation = statistics.stdev(each["value"] for each in same)
        found.append({**kept, **means, "seeds": len(same), "seed_deviation": deviation})
    return found
