"""Tables by task: the runs, their scores in detail or side by side, and the transfer gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.analysis.differences import Differences, common_codes
from harness.report.table import Cell, Table, Value, columns, detail, difference, number, report_table, score_cell
from harness.results.run_view import RunView, TaskView
from harness.scoring.coverage import coverage
from harness.scoring.scale import Scale, common_scale, shown

CHANCE = "(chance)"
"""The row of what chance gives, in a table with a row a system."""
HALF = "± half of the 95% interval"
PARTIAL = "†"
"""The mark of a mean over some of the languages that count, which is no score of the task."""


def overview(runs: Sequence[RunView]) -> Table:
    """A row a run: what it is, the overall score, the groups."""
    groups = list(dict.fromkeys(group for run in runs for group in run.groups))
    seeded = len({run.seed for run in runs}) > 1
    selective = any(run.not_selected for run in runs)
    rows: list[list[Cell]] = []
    for run in runs:
        scored = sum(len(task.units) for task in run.tasks.values())
        failed = len(run.failed)
        lacking = sum(len(task.missing) for task in run.tasks.values()) - failed
        left_out = sum(map(len, run.not_selected.values()))
        rows.append(
            [
                run.name,
                run.model,
                *([str(run.seed)] if seeded else []),
                scored,
                max(lacking - left_out, 0),
                failed,
                *([left_out] if selective else []),
                score_cell(run.overall, run.overall_half_width, scale=run.scale),
                *(score_cell(run.groups.get(group), scale=run.scale) for group in groups),
            ]
        )
    names = ("scored", "missing", "failed", *(["not selected"] if selective else []))
    counts = (number(name, detail=True) for name in names)
    head = columns("run", "model", *(["seed"] if seeded else []), *counts, number("overall"), *map(number, groups))
    incomplete = any(run.overall is None and run.benchmark for run in runs)
    notes = ["an overall score or a group needs every task and language of the benchmark"] if incomplete else []
    return report_table("overview", "Runs", head, rows, notes)


def by_task(runs: Sequence[RunView], compared: Sequence[Differences]) -> Table:
    """A row a task: one run in detail, or several side by side over their common languages."""
    return _one(runs[0]) if len(runs) == 1 else _side_by_side(runs, compared)


def _one(run: RunView) -> Table:
    rows: list[list[Cell]] = []
    known = any(_level(task) is not None for task in run.tasks.values())
    for task in run.tasks.values():
        total = len(task.units) + len(task.missing)
        gap, mean = task.gap(), task.mean()
        worst = min(task.units, key=lambda code: task.units[code].score.value) if len(task.units) > 1 else ""
        rows.append(
            [
                task.name,
                f"{len(task.units)}/{total}",
                score_cell(mean, task.half_width, partial_mark(task) + task.chance_mark(), scale=task.scale),
                *([score_cell(_level(task), scale=task.scale)] if known else []),
                score_cell(gap.points if gap else None, mark=partial_mark(task), scale=task.scale),
                f"{worst} {shown(task.units[worst].score.value, task.scale)}" if worst else "",
                _metrics(task),
            ]
        )
    numbers = map(number, ("score", *(["chance"] if known else []), "transfer gap"))
    head = columns("task", "languages", *numbers, detail("worst language"), detail("metric"))
    notes = [HALF] if any(task.half_width is not None for task in run.tasks.values()) else []
    return report_table(
        "by-task", "Scores by task (mean over languages)", head, rows, [*notes, *partial_note(run.tasks.values())]
    )


@dataclass(frozen=True)
class _Common:
    """The languages in which all runs took the same test of a task, the mean of each run over them, and its mark if it is
    at chance or below; ``mark`` says if they are not all of the ``total`` that count, ``chance`` is its level."""

    codes: list[str]
    total: int
    means: list[float | None]
    chance_marks: list[str]
    chance: float | None
    mark: str
    scale: Scale

    @classmethod
    def of(cls, runs: Sequence[RunView], name: str) -> _Common:
        """Those of one task."""
        codes = common_codes(runs, name)
        views = [run.tasks.get(name) for run in runs]
        total = max((len(view.units) + len(view.missing) for view in views if view is not None), default=0)
        means = [view.mean(codes) if view is not None and codes else None for view in views]
        low = [view.chance_mark(codes) if view is not None and codes else "" for view in views]
        levels = [_level(view, codes) for view in views if view is not None and codes]
        chance = next((level for level in levels if level is not None), None)
        scale = common_scale(view.scale for view in views if view is not None and view.units)
        return cls(codes, total, means, low, chance, PARTIAL if len(codes) < total else "", scale)


def _side_by_side(runs: Sequence[RunView], compared: Sequence[Differences]) -> Table:
    rows: list[list[Cell]] = []
    notes = ["means over the languages in which all runs took the same test"]
    shared = {name: _Common.of(runs, name) for name in scored_tasks(runs)}
    known = any(common.chance is not None for common in shared.values())
    for name, common in shared.items():
        means, mark = common.means, common.mark
        rows.append(
            [
                name,
                len(common.codes),
                *(
                    score_cell(mean, mark=mark + low, scale=common.scale)
                    for mean, low in zip(means, common.chance_marks, strict=True)
                ),
                *([score_cell(common.chance, scale=common.scale)] if known else []),
                *(
                    None
                    if mean is None or means[0] is None
                    else Value(mean - means[0], None, c.mark(name), common.scale)
                    for mean, c in zip(means[1:], compared, strict=True)
                ),
            ]
        )
    notes += common_note(shared)
    heads = [number(run.name) for run in runs]
    heads += [number("chance")] if known else []
    head = columns("task", number("languages"), *heads, *(difference(_delta(c, compared)) for c in compared))
    return report_table("by-task", "Scores by task, side by side", head, rows, [*notes, *difference_notes(compared)])


def systems_by_task(runs: Sequence[RunView], compared: Sequence[Differences]) -> Table:
    """A row a system and a column a task: means over the languages that all systems have, and overall scores.

    The last row is chance, where it is known.
    """
    tasks = scored_tasks(runs)
    common = {name: _Common.of(runs, name) for name in tasks}
    overall = any(run.overall is not None for run in runs)
    rows: list[list[Cell]] = []
    for place, run in enumerate(runs):
        cells: list[Cell] = []
        for name, found in common.items():
            mark = (compared[place - 1].mark(name) if place else "") + found.mark
            view = run.tasks.get(name)
            half_width = view.half_width if view is not None and len(found.codes) == len(view.units) else None
            mark += found.chance_marks[place]
            cells.append(score_cell(found.means[place], half_width, mark, scale=found.scale))
        rows.append(
            [run.name, *cells, *([score_cell(run.overall, run.overall_half_width, scale=run.scale)] if overall else [])]
        )
    notes = ["means over the languages in which all systems took the same test"] if len(runs) > 1 else []
    if any(found.chance is not None for found in common.values()):
        levels = (score_cell(found.chance, scale=found.scale) for found in common.values())
        rows.append([CHANCE, *levels, *([None] if overall else [])])
    notes += [HALF] if any(isinstance(cell, Value) and cell.half_width for row in rows for cell in row) else []
    notes += common_note(common)
    head = columns("system", *map(number, [*tasks, *(["overall"] if overall else [])]))
    return report_table("by-task", "Scores by task", head, rows, [*notes, *difference_notes(compared)])


def transfer_gap(runs: Sequence[RunView]) -> Table:
    """English minus the mean of the other languages, by task and run."""
    several = len(runs) > 1
    rows: list[list[Cell]] = []
    shown_tasks = []
    for name in scored_tasks(runs):
        for run in runs:
            task = run.tasks.get(name)
            gap = task.gap() if task else None
            if task and gap:
                mark = partial_mark(task)
                shown_tasks.append(task)
                values = (gap.english, gap.others)
                cells: list[Cell] = [Value(value, scale=task.scale) for value in values]
                cells.append(Value(gap.points, None, mark, task.scale))
                rows.append([name, *([run.name] if several else []), *cells])
    head = columns("task", *(["run"] if several else []), *map(number, ("English", "other languages", "gap")))
    return report_table(
        "transfer-gap",
        "Transfer gap (English minus the mean of the other languages)",
        head,
        rows,
        partial_note(shown_tasks),
    )


def scored_tasks(runs: Sequence[RunView]) -> list[str]:
    """The tasks of which some run has a score."""
    return list(dict.fromkeys(name for run in runs for name, task in run.tasks.items() if task.units))


def difference_notes(compared: Sequence[Differences]) -> list[str]:
    """The test behind the marks of significance, or its absence, and the units that were not compared."""
    notes = []
    for pair in compared:
        if pair.significant is not None:
            notes.append(f"* significant ({pair.test})")
        elif pair.reason:
            notes.append(f"{pair.other}: {pair.reason}")
        if pair.unlike:
            notes.append(f"not compared, as they are not the same test: {'; '.join(pair.unlike[:20])}")
    return list(dict.fromkeys(notes))


def _delta(pair: Differences, compared: Sequence[Differences]) -> str:
    return "difference" if len(compared) == 1 else f"{pair.other} − {pair.reference}"


def _metrics(task: TaskView) -> str:
    """The metric of the score, or the names and means of those that the score is the mean of."""
    if len(task.primary) == 1 or not task.units:
        return " ".join(task.primary)
    means = {name: fmean(unit.metrics[name].value for unit in task.units.values()) for name in task.primary}
    scales = {name: common_scale(unit.metrics[name].scale for unit in task.units.values()) for name in means}
    return ", ".join(f"{name} {shown(mean, scales[name])}" for name, mean in means.items())


def _level(task: TaskView, codes: Sequence[str] | None = None) -> float | None:
    """The score of random or constant answers on average, the higher one."""
    chance = task.chance(codes)
    return None if chance is None else chance.level


def partial_mark(task: TaskView) -> str:
    """The mark of a mean over some of the languages that count; "" where it is over all of them."""
    return "" if task.complete else PARTIAL


def partial_note(tasks: Iterable[TaskView]) -> list[str]:
    """A note with the coverage of each task that has the mark; none where there is none."""
    return _explained((task.name, len(task.units), len(task.units) + len(task.missing)) for task in tasks)


def common_note(tasks: Mapping[str, _Common]) -> list[str]:
    """The same over the languages that several runs share."""
    return _explained((name, len(found.codes), found.total) for name, found in tasks.items())


def _explained(tasks: Iterable[tuple[str, int, int]]) -> list[str]:
    found = coverage(dict.fromkeys(tasks))
    return [f"{PARTIAL} {found}"] if found else []
