"""A report of runs as one self-contained page, for screen, phone and paper."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.analysis.answers import answers
from harness.core.errors import HarnessError
from harness.report.breakdown import bucket_table
from harness.report.layers import layer_curves
from harness.report.names import task_name, titled
from harness.report.pages.chart_data import (
    Chart,
    gap_chart,
    languages_chart,
    layer_chart,
    series,
    training_chart,
)
from harness.report.pages.example_data import example_browser
from harness.report.pages.mixed_map import mixed_grids
from harness.report.pages.score_map import score_maps
from harness.report.pages.shell import embedded, render_page
from harness.report.provenance import caveats, data_notes, headline, provenance
from harness.report.table import Cell, Table, columns, number
from harness.results.run_view import RunView
from harness.scoring.scale import shown, shown_dev

if TYPE_CHECKING:
    from harness.report.report import Report

log = logging.getLogger(__name__)

_ELSEWHERE = ("language", "script", "tokens-per-word")
"""Attributes that the page leaves to its other sections, or to `harness breakdown` as they need the model."""


def to_html(report: Report) -> str:
    """The page. Every text on it is escaped; its policy allows its own scripts only, and nothing from outside."""
    with titled(report.registry.titles()):
        return _page(report)


def _page(report: Report) -> str:
    runs = report.runs
    charts = _Charts()
    plotted = list(dict.fromkeys(name for s in runs for name, task in s.tasks.items() if task.units))
    wanted = report.examples
    found = answers(runs, report.registry, data_dir=report.data_dir, most=wanted) if wanted else ()
    browser = example_browser(runs, list(found))
    gaps = any(task.gap() for run in runs for task in run.tasks.values())
    tables = [_named(table) for table in report.tables if table.rows]
    values = {
        "title": headline(runs),
        "runs": [_run(index, run) for index, run in enumerate(runs)],
        "several": len(runs) > 1,
        "tables": {name: [t for t in tables if t.name == name] for name in {t.name for t in tables}},
        "grouped": [t for t in tables if t.name.split("by-")[-1] in ("script", "family", "resource-class")],
        "caveats": list(_caveats(runs)),
        "maps": list(score_maps(runs, report.compared)),
        "mixed": list(mixed_grids(runs)),
        "chance": any(
            unit.score.chance is not None for run in runs for task in run.tasks.values() for unit in task.units.values()
        ),
        "gaps": charts.add("Transfer gap", gap_chart(runs)) if gaps else None,
        "dots": [charts.add(task_name(name), languages_chart(name, runs)) for name in plotted],
        "layers": [
            charts.add(_where(report, run, curves.task), layer_chart(curves, index))
            for index, run in enumerate(runs)
            for curves in layer_curves(run)
        ],
        "breakdowns": list(_breakdowns(report)),
        "curves": [charts.add(*found) for found in _curves(report)],
        "examples": browser and {"index": embedded(browser.index), "parts": browser.parts, "note": browser.note},
    }
    return render_page("report.html", values, charts=charts.drawn)


class _Charts:
    """The charts of a page, and the caption and number of each for the template."""

    def __init__(self) -> None:
        self.drawn: list[Chart] = []

    def add(self, caption: str, chart: Chart) -> tuple[str, int, str]:
        """Caption, number and description of the chart that is added."""
        self.drawn.append(chart)
        return caption, len(self.drawn) - 1, str(chart["label"])


def _run(index: int, run: RunView) -> dict[str, Any]:
    return {
        "name": run.name,
        "model": run.model,
        "series": series(index),
        "overall": None if run.overall is None else shown(run.overall, run.scale),
        "groups": {
            task_name(group): None if value is None else shown(value, run.scale) for group, value in run.groups.items()
        },
        "provenance": provenance(run),
        "notes": data_notes(run),
        "units": _units(run),
    }


def _caveats(runs: Sequence[RunView]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The caveats of each run that has any, by its name; those that all runs have come first and are said once."""
    found = [(run.name, caveats(run)) for run in runs]
    common = [line for line in found[0][1] if len(found) > 1 and all(line in lines for _, lines in found)]
    own = [(name, [line for line in lines if line not in common]) for name, lines in found]
    for name, lines in (("all runs", common), *own):
        if lines:
            yield name, [_folded(line) for line in lines]


def _named(table: Table) -> Table:
    """The table with the names that people use of tasks, in its head and in the column "task"."""
    head = tuple(replace(column, name=task_name(column.name)) for column in table.columns)
    task = [column.name == "task" for column in table.columns]
    rows = tuple(
        tuple(
            task_name(cell) if named and isinstance(cell, str) else cell for named, cell in zip(task, row, strict=True)
        )
        for row in table.rows
    )
    return replace(table, columns=head, rows=rows)


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
            if found:
                yield _where(report, run, task), [bucket_table(part) for part in found]


def _where(report: Report, run: RunView, task: str) -> str:
    """The caption of what a run has of a task."""
    return f"{run.name}: {task_name(task)}" if len(report.runs) > 1 else task_name(task)


def _curves(report: Report) -> Iterator[tuple[str, Chart]]:
    """Captions and curves of the trained stages, once each."""
    seen: set[str] = set()
    for run in report.runs:
        names = {stage["key"]: stage["name"] for stage in run.stages}
        for stage in run.stages:
            drawn = None if stage["key"] in seen else training_chart(stage)
            seen.add(stage["key"])
            if drawn:
                parent = names.get(stage["parent"].get("stage", ""))
                where = f"{run.name}: " if len(report.runs) > 1 else ""
                score = stage.get("dev_score")
                kept = "" if score is None else f", English dev {shown_dev(score)}"
                kept += f" (loss {stage['dev_loss']:.3f})" if "dev_loss" in stage else ""
                yield f"{where}{stage['name']}{f' after {parent}' if parent else ''}{kept}", drawn
