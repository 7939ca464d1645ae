"""A report as rows of numbers, one for each run, task, language and metric, for CSV and data frames."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.core.safe_text import sanitise
from harness.report.table import Cell, PageText, Table, Value
from harness.results.run_view import RunView, language_of

if TYPE_CHECKING:
    from harness.report.report import Report

COLUMNS = (
    "run model task language name script family genus resource_class metric primary n value stderr low high "
    "chance at_chance"
).split()

_FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")


def score_rows(runs: Sequence[RunView]) -> Iterator[dict[str, str | int | float | bool | None]]:
    """A row a number, keys as in :data:`COLUMNS`; scores are 0-100, ``low`` and ``high`` the 95% interval.

    ``chance`` is the higher score of random and constant answers, None where it is not known; ``at_chance`` tells whether
    the score is not above it, within its interval.
    """
    for run in runs:
        for task in run.tasks.values():
            for code, unit in task.units.items():
                known = language_of(code)
                for name, estimate in unit.metrics.items():
                    yield {
                        "run": run.name,
                        "model": run.model,
                        "task": task.name,
                        "language": code,
                        "name": known.name,
                        "script": known.script,
                        "family": known.family,
                        "genus": known.genus,
                        "resource_class": known.resource_class,
                        "metric": name,
                        "primary": name in task.primary,
                        "n": unit.n,
                        "value": estimate.value,
                        "stderr": estimate.stderr,
                        "low": estimate.low,
                        "high": estimate.high,
                        "chance": estimate.chance.level if estimate.chance else None,
                        "at_chance": bool(estimate.chance_mark) if estimate.chance else None,
                    }


def to_csv(report: Report) -> str:
    """RFC 4180 with a head; numbers in full, an empty cell where there is none, no text that a spreadsheet would run."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in score_rows(report.runs):
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def table_csv(table: Table) -> str:
    """One table in the same way; what stands behind ± has a column of its own."""
    head: list[str] = []
    columns: list[list[str]] = []
    for place, column in enumerate(table.columns):
        cells = [row[place] for row in table.rows]
        head.append(inert(column.name))
        columns.append([_cell(_number(cell)) for cell in cells])
        spread = [cell.half_width if isinstance(cell, Value) else None for cell in cells]
        if any(half is not None for half in spread):
            head.append(inert(f"{column.name} ±"))
            columns.append(list(map(_cell, spread)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([head, *zip(*columns, strict=True)])
    return out.getvalue()


def _number(cell: Cell) -> str | int | float | None:
    """The number of a cell in full, or its text."""
    if isinstance(cell, Value):
        return cell.value
    if isinstance(cell, PageText):
        return cell.text if cell.number is None else cell.number
    return cell


def _cell(value: str | int | float | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return inert(value) if isinstance(value, str) else "" if value is None else str(value)


def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe before ``= + - @`` and tab, unless it is a number."""
    shown = sanitise(text, 1000)
    if _FORMULA.match(shown):
        try:
            float(shown)
        except ValueError:
            return f"'{shown}"
    return shown
