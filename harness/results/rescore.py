"""Scores the files of a run folder afresh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DataError
from harness.runs.record import load_record
from harness.runs.scored_files import SIDES, inside, scored_file
from harness.scoring.files import TaskScorer, score_available
from harness.scoring.scores import BenchmarkScore
from harness.types.record import RunRecord
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def score_run(
    run: Path,
    registry: Registry,
    benchmark: str | None = None,
    selection: Mapping[str, tuple[str, ...]] | None = None,
) -> BenchmarkScore:
    """Scores the files of a run folder afresh, by the benchmark of its record unless another is named."""
    record = load_record(run, whole=False)
    if record is None:
        raise DataError(f"{run}: no run folder, record.json is missing", hint="give --predictions and --labels instead")
    name = benchmark or record.get("benchmark")
    chosen = registry.benchmark(name) if name else None
    split = record.get("options", {}).get("split", "test")
    scorer = partial(TaskScorer.of, registry)
    notes = [f"not benchmark scores: {reason}" for reason in record.get("partial") or ()]
    recorded = _recorded(run, record, split, selection, scorer)
    return score_available(run / "predictions", run / "labels", chosen, scorer, split, recorded, notes)


def _recorded(
    run: Path,
    record: RunRecord,
    split: str,
    selection: Mapping[str, tuple[str, ...]] | None,
    tasks: Callable[[str], TaskScorer],
) -> Mapping[str, tuple[str, ...]] | None:
    """The languages of each task that the run scored; other files are not the run's, and changed ones are refused.

    A record that names no units (of a folder made by hand) leaves all of its files to be scored.
    """
    if "units" not in record:
        return selection
    found: dict[str, tuple[str, ...]] = {}
    for key, scored in record["units"].items():
        unit = Unit.of(key)
        task, code = unit.task, unit.language
        chosen = selection is None or code in selection.get(task, ())
        if unit.split != split or scored["score"] is None or not chosen:
            continue
        for side in SIDES:
            file = scored[side]
            path = inside(run, file["file"] if file else side)
            if path != tasks(task).format.path(run / side, task, code, split):
                raise DataError(
                    f"{path}: not the place of the {side} of {key}", hint="the record was not written by the harness"
                )
            if path.exists():  # one that is gone is missing, as in any folder of predictions
                scored_file(run, scored, side)
        found[task] = (*found.get(task, ()), code)
    return found
