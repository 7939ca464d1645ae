"""A run's predictions as XTREME takes them: ``<task>/test-<language>.<ext>``, as a folder or zipped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DataError
from harness.leaderboard.export import check_files, refuse
from harness.leaderboard.export_folder import check_new, write_files
from harness.results.systems import load_run
from harness.scoring.files import TaskScorer
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def export_submission(
    folder: Path,
    out: Path,
    registry: Registry,
    benchmark: str,
    *,
    zipped: bool = False,
    allow_partial: bool = False,
    allow_dirty: bool = False,
    allow_unpinned: bool = False,
) -> list[str]:
    """Writes the predictions of every unit of the benchmark; returns the files, relative to the submission.

    A task whose languages are not all predicted is refused, or left out if partial runs are allowed, since the official
    scorer wants all of them. ``out`` must be new; zipped, it is the archive.
    """
    run = load_run(folder)
    refuse(run, partial=allow_partial, dirty=allow_dirty, unpinned=allow_unpinned)
    check_files(run)
    check_new(out)
    files: dict[str, Path] = {}
    for name, codes in registry.benchmark(benchmark).tasks.items():
        known = run.record["units"]
        units = {code: known[key] for code in codes if (key := Unit(name, code, "test").key) in known}
        lacking = [code for code in codes if code not in units]
        if lacking and not allow_partial:
            raise DataError(
                f"{folder}: {name} lacks {', '.join(lacking)}", hint="--allow-partial leaves such tasks out"
            )
        if not lacking:
            layout = TaskScorer.of(registry, name).format
            for code, unit in units.items():
                files[layout.path(Path(), name, code).as_posix()] = run.file(unit, "predictions")
    if not files:
        raise DataError(f"{folder}: no task of {benchmark} is complete on the test split")
    write_files({name: path.read_bytes() for name, path in files.items()}, out, zipped=zipped)
    return sorted(files)
