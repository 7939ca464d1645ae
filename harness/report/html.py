"""A report as one self-contained HTML page: no script, no font, no network; for screen, phone and paper."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.analysis.mistakes import UnitMistakes, mistakes
from harness.core.errors import HarnessError
from harness.report import _charts
from harness.report._page_template import page_template
from harness.report._svg import SERIES
from harness.report._task_scores import by_task
from harness.report.breakdown import bucket_table
from harness.report.layers import layer_curves
from harness.report.provenance import caveats, data_notes, headline, provenance
from harness.report.table import Cell, Table, columns, number
from harness.results.run_view import RunView, language_of, sort_codes

if TYPE_CHECKING:
    from harness.report.report import Report

log = logging.getLogger(__name__)

_ELSEWHERE = ("language", "script", "tokens-per-word")
"""Attributes that the page leaves to its other sections, or to `harness breakdown` as they need the model."""


@dataclass(frozen=True)
class Wrong:
    """A unit's mistakes with the numbers of its run, task and language, which the page's filters go by."""

    run: int
    task: int
    language: int
    name: str
    unit: UnitMistakes


def to_html(report: Report) -> str:
    """The page. Every text on it is escaped, and its policy forbids scripts and anything from outside."""
    runs = report.runs
    wrong, tasks, languages = _mistakes(report)
    plotted = list(dict.fromkeys(name for s in runs for name, task in s.tasks.items() if task.units))
    values = {
        "title": headline(runs),
        "runs": [_run(index, run) for index, run in enumerate(runs)],
        "several": len(runs) > 1,
        "tables": {
            name: [t for t in report.tables if t.rows and t.name == name] for name in {t.name for t in report.tables}
        },
        "grouped": [
            t for t in report.tables if t.rows and t.name.split("by-")[-1] in ("script", "family", "resource-class")
        ],
        "heat_maps": [(run.name, _charts.heat_map(run)) for run in runs if any(t.units for t in run.tasks.values())],
        "gaps": _charts.gap_bars(runs) if any(t.gap() for s in runs for t in s.tasks.values()) else "",
        "dots": [(name, _charts.dot_plot(name, runs)) for name in plotted],
        "layers": [
            (f"{run.name}: {curves.task}" if len(runs) > 1 else curves.task, _charts.by_layer(curves, index))
            for index, run in enumerate(runs)
            for curves in layer_curves(run)
        ],
        "breakdowns": list(_breakdowns(report)),
        "curves": list(_curves(report)),
        "wrong": wrong,
        "tasks": tasks,
        "languages": [(code, language_of(code).name) for code in languages],
    }
    return page_template("report.html").render(values) + "\n"


def table_html(run: RunView) -> str:
    """The scores of a run by task as an HTML fragment, for notebooks."""
    return page_template("fragment.html").render(title=headline([run]), table=by_task([run], ()))


def _run(index: int, run: RunView) -> dict[str, Any]:
    return {
        "name": run.name,
        "model": run.model,
        "series": index % len(SERIES) + 1,
        "overall": run.overall,
        "groups": run.groups,
        "caveats": [_folded(line) for line in caveats(run)],
        "provenance": provenance(run),
        "notes": data_notes(run),
        "units": _units(run),
    }


def _folded(line: str) -> tuple[str, str]:
    """Splits a line into a summary that is always shown and, where it is long, the list that unfolds."""
    if len(line) <= 160:
        return line, ""
    head, colon, _ = line[:120].rpartition(": ")
    return (head, line[len(head) + 2 :]) if colon else (line, "")


def _units(run: RunView) -> Table:
    """The data behind each score: task and version, language, items, rows, source, fingerprint."""
    rows: list[list[Cell]] = []
    for task in run.tasks.values():
        for code, unit in task.units.items():
            data = unit.record["data"]
            read = f"{data.get('rows')} of {data['expected']}" if data.get("expected") else str(data.get("rows", ""))
            version = str(unit.record["task_version"])
            facts = (data.get("state") or "", data.get("source", ""), data["fingerprint"])
            rows.append([task.name, version, code, unit.n, read, *map(str, facts)])
    head = columns("task", "version", "language", number("items"), "rows", "state", "source", "fingerprint")
    return Table.of("", head, rows)


def _breakdowns(report: Report) -> Iterator[tuple[str, list[Table]]]:
    """Captions and tables of the scores by attributes of the examples, where the data are available."""
    from harness.analysis.breakdown.compute import breakdown

    wanted = [name for name in report.registry.attributes() if name not in _ELSEWHERE]
    for run in report.runs if wanted else ():
        for task in run.tasks:
            try:
                found = breakdown(run, report.registry, tasks=[task], attributes=wanted, data_dir=report.data_dir)
            except HarnessError as error:
                log.debug("%s: no breakdown of %s: %s", run.name, task, error)
                continue
            caption = f"{run.name}: {task}" if len(report.runs) > 1 else task
            if found:
                yield caption, [bucket_table(part) for part in found]


def _curves(report: Report) -> Iterator[tuple[str, str]]:
    """Captions and curves of the trained stages, once each."""
    seen: set[str] = set()
    for run in report.runs:
        names = {stage["key"]: stage["name"] for stage in run.stages}
        for stage in run.stages:
            drawn = None if stage["key"] in seen else _charts.curves(stage)
            seen.add(stage["key"])
            if drawn:
                parent = names.get(stage["parent"].get("stage", ""))
                where = f"{run.name}: " if len(report.runs) > 1 else ""
                score = stage.get("dev_score")
                kept = "" if score is None else f", English dev {score:.1f}"
                yield f"{where}{stage['name']}{f' after {parent}' if parent else ''}{kept}", drawn


def _mistakes(report: Report) -> tuple[list[Wrong], list[str], list[str]]:
    """Mistakes of all runs, task by task, the worst languages first; the tasks and languages they are of."""
    found = [
        (index, run.name, unit)
        for index, run in enumerate(report.runs)
        for unit in mistakes(run, report.registry, data_dir=report.data_dir)
        if unit.wrong
    ]
    tasks = list(dict.fromkeys(unit.task for _, _, unit in found))
    languages = sort_codes({unit.code for _, _, unit in found})
    found.sort(key=lambda item: (tasks.index(item[2].task), item[0]))
    wrong = [Wrong(i, tasks.index(u.task), languages.index(u.code), name, u) for i, name, u in found]
    return wrong, tasks, languages
