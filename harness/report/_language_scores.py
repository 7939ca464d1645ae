"""Tables by language, script, family and resource class: the scores of each run, and the differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean

from harness.analysis.differences import Differences
from harness.report._task_scores import CHANCE, HALF, difference_notes, scored_tasks
from harness.report.table import (
    Cell,
    Column,
    Table,
    Value,
    columns,
    detail,
    difference,
    estimate_cell,
    number,
    report_table,
    score_cell,
)
from harness.results.run_view import RunView, TaskView, language_of, sort_codes
from harness.scoring.scale import PERCENT, common_scale

_CLASSES = {0: "left-behinds", 1: "scraping-bys", 2: "hopefuls", 3: "rising stars", 4: "underdogs", 5: "winners"}
"""Names of the resource classes (Joshi et al. 2020, table 1)."""

Grouping = Callable[[str], str]
GROUPINGS: dict[str, Grouping] = {
    "script": lambda code: language_of(code).script,
    "family": lambda code: language_of(code).family,
    "resource class": lambda code: resource_class(language_of(code).resource_class),
}
"""Groups of languages, by the name of the grouping."""


def resource_class(number: int | None) -> str:
    """ "5 (winners)"; "unknown" where the language has no class."""
    return "unknown" if number is None else f"{number} ({_CLASSES.get(number, '')})"


def matrices(runs: Sequence[RunView], compared: Sequence[Differences]) -> Iterator[Table]:
    """Language, script, family and resource class against task: each run, then each difference."""
    codes = sort_codes({code for run in runs for task in run.tasks.values() for code in task.units})
    for kind in ("language", *GROUPINGS):
        groups = {code: [code] for code in codes} if kind == "language" else group_codes(codes, GROUPINGS[kind])
        slug = kind.replace(" ", "-")
        for run in runs:
            suffix = f": {run.name}" if len(runs) > 1 else ""
            tasks = [name for name, task in run.tasks.items() if task.units]
            shown = {
                label: members
                for label, members in groups.items()
                if any(code in run.tasks[name].units for name in tasks for code in members)
            }
            rows = [
                [*_label(kind, label, members), *(_cell(run.tasks[name], kind, members) for name in tasks)]
                for label, members in shown.items()
            ]
            notes = [HALF] if kind == "language" else ["means over the group's languages"]
            yield report_table(
                f"by-{slug}", f"Scores by {kind}{suffix}", [*_head(kind), *map(number, tasks)], rows, notes
            )
        for pair in compared:
            yield _difference_matrix(kind, slug, groups, pair)


def systems_by_language(runs: Sequence[RunView], compared: Sequence[Differences]) -> Iterator[Table]:
    """A table for each task, with a row a system and a column a language."""
    for name in scored_tasks(runs):
        views = [run.tasks.get(name) for run in runs]
        codes = sort_codes({code for view in views if view is not None for code in view.units})
        rows: list[list[Cell]] = []
        for place, (run, view) in enumerate(zip(runs, views, strict=True)):
            cells: list[Cell] = []
            for code in codes:
                score = view.units[code].score if view is not None and code in view.units else None
                mark = compared[place - 1].mark(name, code) if place else ""
                cells.append(estimate_cell(score, mark))
            rows.append([run.name, *cells])
        levels = [_level(views, code) for code in codes]
        if any(level is not None for level in levels):
            scale = common_scale(view.scale for view in views if view is not None)
            rows.append([CHANCE, *(score_cell(level, scale=scale) for level in levels)])
        head = columns("system", *map(number, codes))
        notes = [HALF, *difference_notes(compared)]
        yield report_table(f"by-language-{name}", f"Scores by language: {name}", head, rows, notes)


def group_codes(codes: Iterable[str], key: Grouping) -> dict[str, list[str]]:
    """Languages by group: resource classes from high to low, other groups from large to small."""
    groups: dict[str, list[str]] = {}
    for code in codes:
        groups.setdefault(key(code), []).append(code)
    ranked = key is GROUPINGS["resource class"]
    order = sorted(groups, reverse=True) if ranked else sorted(groups, key=lambda name: (-len(groups[name]), name))
    return {name: groups[name] for name in sorted(order, key=lambda name: name == "unknown")}


def _difference_matrix(kind: str, slug: str, groups: Mapping[str, list[str]], pair: Differences) -> Table:
    def cell(task: str, members: list[str]) -> Cell:
        values = [pair.units[task, code] for code in members if (task, code) in pair.units]
        mark = pair.mark(task, members[0]) if kind == "language" else ""
        return Value(fmean(values), None, mark, pair.scales.get(task, PERCENT)) if values else None

    tasks = list(pair.tasks)
    rows = [
        [*_label(kind, label, members), *(cell(task, members) for task in tasks)] for label, members in groups.items()
    ]
    rows = [row for row in rows if any(isinstance(value, Value) for value in row)]
    title = f"Differences by {kind}: {pair.other} minus {pair.reference}"
    notes = difference_notes([pair]) if kind == "language" else ["means over the group's common languages"]
    return report_table(f"differences-by-{slug}", title, [*_head(kind), *map(difference, tasks)], rows, notes)


def _head(kind: str) -> list[Column]:
    return columns("language", detail("name")) if kind == "language" else columns(kind, detail("languages"))


def _label(kind: str, label: str, members: list[str]) -> list[Cell]:
    if kind == "language":
        return [label, language_of(label).name]
    shown = " ".join(members)
    return [label, shown if len(shown) <= 30 else f"{len(members)} languages"]


def _cell(task: TaskView, kind: str, members: list[str]) -> Cell:
    scored = [code for code in members if code in task.units]
    if not scored:
        return None
    if kind != "language":
        return score_cell(task.mean(scored), mark=task.chance_mark(scored), scale=task.scale)
    return estimate_cell(task.units[scored[0]].score)


def _level(views: Sequence[TaskView | None], code: str) -> float | None:
    """The level of chance in a language, by the first of the runs that knows it."""
    units = [view.units[code] for view in views if view is not None and code in view.units]
    return next((unit.score.chance.level for unit in units if unit.score.chance is not None), None)
