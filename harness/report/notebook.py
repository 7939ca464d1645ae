"""Runs and comparisons as a notebook shows them: fragments of HTML with their styles in line, readable in dark mode too."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from harness.analysis.comparison.result import Comparison
from harness.core.safe_text import sanitise
from harness.report._task_scores import partial_mark
from harness.report.comparison import footnotes, tables
from harness.report.pages.colour_scale import STEPS
from harness.report.pages.score_map import MapCell, ScoreMap, score_maps
from harness.report.provenance import caveats, headline
from harness.report.seeds import over_seeds
from harness.report.table import Table, Value
from harness.results.run_view import RunView, TaskView
from harness.runs.naming import PAGE
from harness.scoring.scale import shown
from harness.scoring.scores import Estimate

_COLOURS = tuple(f"hsl(214,{45 + 4 * step}%,{95 - 5 * step}%)" for step in range(STEPS))
"""From the lightest, just above chance, to the darkest, the best of the task."""
_CELL = "padding:.15em .6em;text-align:right"
_TEXT = "padding:.15em .6em;text-align:left"


def run_html(run: RunView) -> str:
    """The run as a heat map of languages and tasks with intervals, its caveats, and a link to its report."""
    found = next(score_maps([run], ()), None)
    overall = "" if run.overall is None else f"<p>overall: <strong>{shown(run.overall, run.scale)}</strong></p>"
    parts = [
        f"<p><strong>{escape(headline([run]))}</strong></p>",
        overall,
        _heat_map(found, run) if found else "<p>no score yet</p>",
        "".join(f"<p>{escape(line)}</p>" for line in caveats(run)),
        _link(run.path),
    ]
    return _fragment(parts)


def seeds_html(runs: Sequence[RunView]) -> str:
    """Several seeds of one system: mean and standard deviation by task, and what each run leaves to be said."""
    said = dict.fromkeys(line for run in runs for line in caveats(run))
    parts = [*map(_table, over_seeds(runs)), *(f"<p>{escape(line)}</p>" for line in said)]
    return _fragment([*parts, *(_link(run.path) for run in runs)] if runs else ["<p>no runs</p>"])


def comparison_html(comparison: Comparison) -> str:
    """The differences with intervals and corrected p-values, significant ones in bold, by task, then by language."""
    first, *more = tables(comparison)
    details = "".join(map(_table, more))
    folded = f"<details><summary>by language</summary>{details}</details>" if more else ""
    return _fragment([_table(first), folded, *(f"<p>{escape(line)}</p>" for line in footnotes(comparison))])


def _fragment(parts: Iterable[str]) -> str:
    return '<div class="harness">' + "".join(parts) + "</div>"


def _heat_map(found: ScoreMap, run: RunView) -> str:
    head = "".join(f'<th style="{_CELL}" title="{escape(task.hint)}">{escape(task.title)}</th>' for task in found.tasks)
    rows = []
    for row in found.rows:
        units = [run.tasks[task.name].units.get(row.language.code) for task in found.tasks]
        halves = [None if unit is None else _half(unit.score) for unit in units]
        cells = "".join(_map_cell(cell, half) for cell, half in zip(row.cells, halves, strict=True))
        code = escape(row.language.code)
        name = escape(row.language.name)
        rows.append(f'<tr><th style="{_TEXT}" title="{name}">{name} ({code})</th>{cells}</tr>')
    means = "".join(f'<th style="{_CELL}">{escape(_mean(run.tasks[task.name]))}</th>' for task in found.tasks)
    rows.append(f'<tr><th style="{_TEXT}">mean</th>{means}</tr>')
    key = "darker is better, from chance to the best score of each task; ± is half of the 95% interval"
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table><p>{key}</p>"


def _mean(task: TaskView) -> str:
    """The mean over languages; with a dagger where it is not that of all of them."""
    value = task.mean()
    return "" if value is None else Value(value, task.half_width, partial_mark(task)).show()


def _half(score: Estimate) -> str | None:
    half = score.half_width
    return None if half is None else shown(half, score.scale, like=score.value)


def _map_cell(cell: MapCell, half: str | None) -> str:
    style = _CELL
    if cell.style.startswith("h") and cell.style[1:].isdecimal():
        step = int(cell.style[1:])
        style += f";background:{_COLOURS[step]};color:#111"
    text = escape(cell.text) + (f"<small> ±{half}</small>" if half is not None and cell.text else "")
    if cell.style == "chance":
        text = f"<em>{text}</em>"
    return f'<td style="{style}" title="{escape(cell.hint)}">{text}</td>'


def _table(table: Table) -> str:
    rows = []
    head = "".join(
        f'<th style="{_CELL if column.numeric else _TEXT}">{escape(column.name)}</th>' for column in table.columns
    )
    for texts in table.texts():
        strong = "*" in texts
        cells = [
            f'<td style="{_CELL if column.numeric else _TEXT}">{escape(text)}</td>'
            for column, text in zip(table.columns, texts, strict=True)
        ]
        rows.append(f'<tr style="font-weight:{"bold" if strong else "normal"}">{"".join(cells)}</tr>')
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.notes)
    title = f"<p><strong>{escape(table.title)}</strong></p>" if table.title else ""
    return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{notes}"


def _link(folder: Path | None) -> str:
    """A link to the report of the run, relative to the notebook's folder, where it has been written."""
    if folder is None:
        return ""
    shown = escape(sanitise(str(folder)))
    page = folder / PAGE
    if not page.is_file():
        return f"<p>in <code>{shown}</code>; <code>write_page()</code> writes its report</p>"
    target = quote(Path(os.path.relpath(page)).as_posix())
    return f'<p><a href="{target}">report</a> in <code>{shown}</code></p>'
