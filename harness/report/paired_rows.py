"""Runs on a board: their rows, and which of them differ significantly by their predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.analysis.comparison.compare import compare_systems
from harness.core.errors import HarnessError
from harness.leaderboard.board import Paired
from harness.leaderboard.export import export_row
from harness.leaderboard.schema import Row

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def rows_of_runs(folders: Sequence[Path], registry: Registry) -> list[Row]:
    """The rows of run folders as they are: whatever is partial or not pinned is marked, not refused."""
    return [
        export_row(folder, registry, allow_partial=True, allow_dirty=True, allow_unpinned=True) for folder in folders
    ]


def paired_tests(rows: Sequence[Row], folders: Sequence[Path], registry: Registry) -> Paired:
    """The tests of ``harness compare`` between all pairs of runs, by the ids of their rows, one a folder.

    Pairs that share no unit are left out.
    """
    found: dict[tuple[str, str], dict[tuple[str, str], bool]] = {}
    for place, folder in enumerate(folders):
        for other in range(place + 1, len(folders)):
            try:
                compared = compare_systems([[folder], [folders[other]]], registry)
            except HarnessError:
                continue
            tests = found[rows[place]["id"], rows[other]["id"]] = {}
            for name, task in compared.tasks.items():
                tests[name, "avg"] = task.average.differences[0].significant
                tests |= {(name, code): line.differences[0].significant for code, line in task.languages.items()}
            if compared.overall is not None and compared.complete:
                tests["overall", "avg"] = compared.overall.differences[0].significant
    return found
