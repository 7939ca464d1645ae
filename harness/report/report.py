"""A report: runs side by side, the differences from the first, and the tables of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.answers import MOST
from harness.analysis.differences import Differences, differences
from harness.core.errors import UsageError
from harness.registry.registry import Registry
from harness.report._language_scores import matrices
from harness.report._task_scores import by_task, overview, transfer_gap
from harness.report.layers import by_layer
from harness.report.mixed_pairs import mixed_tables
from harness.report.robustness import perturbed
from harness.report.seeds import over_seeds
from harness.report.table import Table
from harness.report.written_texts import written_tables
from harness.results.run_view import RunView


@dataclass(frozen=True)
class Report:
    """Systems side by side: their views, the differences from the first one, and the tables of both.

    ``registry`` holds the plugins; ``data_dir`` is where the page looks up examples first, before plugins' places and the
    cache of the Hub, and ``examples`` how many it shows of all units together, about.
    """

    runs: tuple[RunView, ...]
    compared: tuple[Differences, ...]
    tables: tuple[Table, ...]
    registry: Registry
    data_dir: str | Path | None = None
    examples: int = MOST


def make_report(
    runs: Sequence[RunView], registry: Registry, data_dir: str | Path | None = None, examples: int = MOST
) -> Report:
    """The report of one run or several; differences are from the first. UsageError where there is none."""
    if not runs:
        raise UsageError("nothing to report", hint="name one run folder or several")
    compared = tuple(differences(runs[0], other, registry) for other in runs[1:])
    return Report(tuple(runs), compared, tuple(all_tables(runs, compared)), registry, data_dir, examples)


def score_tables(run: RunView) -> list[Table]:
    """The scores of one run by task and by language."""
    return [table for table in all_tables([run], ()) if table.name in ("by-task", "by-language")]


def all_tables(runs: Sequence[RunView], compared: Sequence[Differences]) -> list[Table]:
    """Every table of a report, in its order."""
    return [
        overview(runs),
        by_task(runs, compared),
        transfer_gap(runs),
        *matrices(runs, compared),
        *by_layer(runs),
        *written_tables(runs),
        *perturbed(runs),
        *mixed_tables(runs),
        *over_seeds(runs),
    ]
