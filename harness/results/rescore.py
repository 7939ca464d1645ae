"""Scores the files of a run folder afresh."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DataError, UsageError
from harness.registry.select import Selectable, choose
from harness.runs.record import load_record
from harness.runs.scored_files import SIDES, inside, scored_file
from harness.scoring.coverage import SOME
from harness.scoring.files import TaskScorer, score_available, score_folders
from harness.scoring.scores import BenchmarkScore
from harness.types.defaults import BENCHMARK
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.benchmarks import Benchmark
    from harness.types.record import RunRecord


def score_run(
    run: Path,
    registry: Registry,
    benchmark: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> BenchmarkScore:
    """Scores all files of a run folder afresh, by the benchmark of its record unless another is named.

    ``tasks`` are selectors, ``languages`` codes, among those of ``benchmark`` or all registered ones.
    """
    selection = _selection(registry, registry.benchmark(benchmark) if benchmark else None, tasks, languages)
    record = load_record(run, whole=False)
    if record is None:
        raise DataError(f"{run}: no run folder, record.json is missing", hint="give --predictions and --labels instead")
    name = benchmark or record.get("benchmark")
    chosen = registry.benchmark(name) if name else None
    split = record.get("options", {}).get("split", "test")
    other = {Unit.of(key).task: unit["metric"] for key, unit in record.get("units", {}).items() if "metric" in unit}

    def scorer(task: str) -> TaskScorer:
        return TaskScorer.of(registry, task, other.get(task, ""))

    reasons = record.get("partial") or ()
    notes = [f"not benchmark scores: {reason}" for reason in reasons if not reason.startswith(SOME)]  # scored afresh
    recorded = _recorded(run, record, split, selection, scorer)
    return score_available(run / "predictions", run / "labels", chosen, scorer, split, recorded, notes)


def score_submission(
    predictions: Path,
    labels: Path,
    registry: Registry,
    benchmark: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    *,
    strict: bool = True,
) -> BenchmarkScore:
    """Scores a folder of predictions against a folder of labels, both in the official layout.

    With ``strict``, a task that both have must be there in every language; without, everything that both have is scored.
    The benchmark is xtreme unless another is named, and none where ``tasks`` name others than its tasks.
    """
    chosen = registry.benchmark(benchmark or BENCHMARK)
    scorer = partial(TaskScorer.of, registry)
    try:
        selection = _selection(registry, chosen, tasks, languages)
    except UsageError:
        if benchmark or not tasks:
            raise
        selection = _selection(registry, None, tasks, languages)
        return score_available(predictions, labels, None, scorer, selection=selection)
    if strict:
        return score_folders(predictions, labels, chosen, scorer, selection)
    return score_available(predictions, labels, chosen, scorer, selection=selection)


def _selection(
    registry: Registry, benchmark: Benchmark | None, tasks: Sequence[str], languages: Sequence[str]
) -> dict[str, tuple[str, ...]] | None:
    """Tasks and languages that selectors name, among the benchmark's or all registered ones; None: no selectors."""
    if not tasks and not languages:
        return None
    known = registry.tasks()
    listed = benchmark.tasks if benchmark else {name: tuple(task.languages) for name, task in known.items()}
    entries = {
        name: Selectable(known[name].family if name in known else "", codes, codes) for name, codes in listed.items()
    }
    return choose(registry, entries, tasks, languages, f"the benchmark {benchmark.name!r}" if benchmark else "")


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
        if not unit.plain or unit.split != split or scored["score"] is None or not chosen:
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
