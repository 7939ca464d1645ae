"""Mean and standard deviation over the seeds of a training: as a table, and as the lines that ``harness eval`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType
from typing import Any

from harness.analysis.differences import common_codes
from harness.report._task_scores import PARTIAL, partial_mark, partial_note, scored_tasks
from harness.report.robustness import task_scale
from harness.report.table import Cell, Table, Value, number, report_table
from harness.results.run_view import RunView
from harness.runs.identity import same_but_for_the_seed
from harness.scoring.coverage import coverage
from harness.scoring.scale import PERCENT, Scale


def over_seeds(runs: Sequence[RunView]) -> Iterator[Table]:
    """Mean and standard deviation of runs that differ only in their seed."""
    families: dict[str, list[RunView]] = {}
    for run in runs:
        families.setdefault(repr(same_but_for_the_seed(run.record)), []).append(run)
    several = {key: members for key, members in families.items() if len({m.seed for m in members}) > 1}
    if not several:
        return
    names = scored_tasks(runs)
    rows: list[list[Cell]] = []
    for members in families.values():
        means = [
            [m.tasks[name].mean(common_codes(members, name)) if name in m.tasks else None for m in members]
            for name in names
        ]
        overall = _over([member.overall for member in members], members[0].scale)
        marks = [partial_mark(members[0].tasks[name]) if name in members[0].tasks else "" for name in names]
        rows.append(
            [
                members[0].model,
                len(members),
                overall,
                *(
                    _over(values, task_scale(members[0], name), mark)
                    for name, values, mark in zip(names, means, marks, strict=True)
                ),
            ]
        )
    notes = ["mean ± standard deviation over seeds", "a single seed has no deviation"]
    notes += partial_note(run.tasks[name] for run in runs for name in names if name in run.tasks)
    yield report_table("seeds", "Over seeds", ["model", *map(number, ("seeds", "overall", *names))], rows, notes)


def study_table(runs: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    """A row a system of a study, from its name and its :func:`~harness.results.seeds.summarise`; a column a task."""
    tasks = list(dict.fromkeys(task for _, summary in runs for task in summary["tasks"]))
    rows = [
        (
            name,
            *(task_mean(summary["tasks"].get(task, {}), "score") for task in tasks),
            _mean(summary["overall"]),
        )
        for name, summary in runs
    ]
    return Table.of("", ["system", *map(number, (*tasks, "overall"))], rows)


def summary_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The summary of :func:`~harness.results.seeds.summarise`, a line for each number of each task."""
    alone = " (a single seed)" if summary["single_seed"] else ""
    yield f"mean ± standard deviation over seeds {', '.join(map(str, summary['seeds']))}{alone}"
    for task, values in summary["tasks"].items():
        for metric, entry in values["metrics"].items():
            cells = "  ".join(f"{language} {_mean(value, entry)}" for language, value in entry["languages"].items())
            yield f"  {task} {metric}: {task_mean(entry, 'average')}  ({cells})"
    tasks = ((name, len(_languages(values)), summary) for name, values in summary["tasks"].items())
    if found := coverage((name, n, n + len(of.get("missing", {}).get(name, ()))) for name, n, of in tasks):
        yield f"  {PARTIAL} {found}"


def _languages(task: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(iter(task["metrics"].values()))["languages"]
    return found


def task_mean(entry: Mapping[str, Any], key: str) -> str:
    """The "score" of a task or the "average" of a metric; where a language lacks, the mean over the others, marked."""
    partial = entry.get("partial")
    return _mean(entry.get(key), entry) if partial is None else _mean(partial, entry) + PARTIAL


def _mean(score: Mapping[str, Any] | None, of: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Mean and deviation with the digits of the scale that the entry ``of`` a metric or task names."""
    if not score or score["mean"] is None:
        return "-"
    return Value(score["mean"], score["sd"], scale=of.get("scale", PERCENT)).show()


def _over(values: Sequence[float | None], scale: Scale, mark: str = "") -> Cell:
    present = [value for value in values if value is not None]
    if not present or len(present) < len(values):
        return None
    mean = fmean(present)
    if len(present) == 1:
        return Value(mean, None, mark, scale)
    return Value(mean, (sum((value - mean) ** 2 for value in present) / (len(present) - 1)) ** 0.5, mark, scale)
