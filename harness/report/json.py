"""A report as JSON: what each run is, and every table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.core.safe_text import sanitise
from harness.report.provenance import caveats, data_notes, provenance
from harness.report.table import Cell, PageText, Table, Value
from harness.results.run_view import RunView

if TYPE_CHECKING:
    from harness.report.report import Report

SCHEMA = "harness-report/1"


def to_json(report: Report) -> str:
    """An object of "schema", "runs" and "tables"; a cell with more than a number is an object of value, half and mark."""
    plain = {
        "schema": SCHEMA,
        "runs": [_run(run) for run in report.runs],
        "tables": [_table(table) for table in report.tables if table.rows],
    }
    return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _run(run: RunView) -> dict[str, Any]:
    return {
        "name": sanitise(run.name),
        "model": sanitise(run.model),
        "benchmark": sanitise(run.benchmark) if run.benchmark else None,
        "overall": run.overall,
        "groups": {sanitise(name): value for name, value in run.groups.items()},
        "chance": _chance(run),
        "caveats": caveats(run),
        "provenance": dict(provenance(run)),
        "data_notes": data_notes(run),
    }


def _chance(run: RunView) -> dict[str, Any]:
    """The scores of random and constant answers, by task and language, and whether the score is at chance."""
    return {
        sanitise(name): {
            sanitise(code): {**unit.score.chance.to_dict(), "at_chance": bool(unit.score.chance_mark)}
            for code, unit in task.units.items()
            if unit.score.chance is not None
        }
        for name, task in run.tasks.items()
        if task.chance() is not None
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "columns": table.head,
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
        "notes": list(table.notes),
    }


def _cell(cell: Cell) -> Any:
    if isinstance(cell, PageText):
        return cell.text
    if not isinstance(cell, Value):
        return cell
    extra = {key: value for key, value in (("half", cell.half_width), ("mark", cell.mark)) if value}
    return {"value": cell.value, **extra} if extra else cell.value
