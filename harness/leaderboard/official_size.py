"""The interval of a published share of right items, which follows from the size of the official test set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.leaderboard.schema import Row
from harness.scoring.intervals import wilson
from harness.scoring.metrics import get_metric
from harness.scoring.scores import half_width
from harness.types.sources import Split
from harness.types.tasks import TargetTask

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def official_half_width(row: Row, cell: Mapping[str, Any], registry: Registry) -> float | None:
    """Half of Wilson's 95% interval of a published number that is a plain share of right items; None for any other.

    An average counts as the share in each of its languages, and its interval is the mean of theirs, as if all languages
    were right on the same items. Test sets that are translations of one another are near to that, and it is never
    narrower than for independent items.
    """
    task = registry.tasks().get(cell["task"])
    plain = row["kind"] == "published" and row["split"] == "test" and not {"low", "data", "scale"} & cell.keys()
    if task is None or not plain or cell["metric"] not in getattr(get_metric(task.metric), "proportions", ()):
        return None
    sizes = [official_size(task, code) for code in _languages(cell, task, row, registry)]
    if not sizes or None in sizes:
        return None
    widths = [half_width(*wilson(cell["value"] / 100, size)) for size in sizes if size]
    return 100 * sum(width or 0 for width in widths) / len(widths)


def official_size(task: TargetTask, code: str) -> int | None:
    """The number of test items of a language in the official release; None where it is not known."""
    split = task.languages.get(code, {}).get("test")
    return None if split is None else _rows(split)


def _rows(split: Split) -> int | None:
    parts = [_rows(part) for part in split.parts]
    return split.rows if not parts or None in parts else sum(part or 0 for part in parts)


def _languages(cell: Mapping[str, Any], task: TargetTask, row: Row, registry: Registry) -> tuple[str, ...]:
    if cell["language"] != "avg":
        return (cell["language"],)
    named = cell.get("languages")
    if named != "benchmark":
        return tuple(named or ())
    benchmark = registry.benchmarks().get(str(row["benchmark"]))
    return (benchmark.tasks.get(task.name, ()) if benchmark else ()) or task.languages_with("test")
