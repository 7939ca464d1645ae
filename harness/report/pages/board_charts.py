"""The charts of a leaderboard: scores by size of the model, and transfer gaps by English score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from harness.leaderboard.board import Board, BoardLine, Column, Section
from harness.leaderboard.schema import Row
from harness.report.names import metric_name, task_name
from harness.report.pages.chart_data import Chart
from harness.results.run_view import language_of
from harness.scoring.scale import PERCENT, shown
from harness.scoring.scores import transfer_gap


def board_charts(section: Section, sizes: Mapping[str, int]) -> Iterator[tuple[str, Chart]]:
    """Captions and charts of a section, where two systems or more can be drawn."""
    choices = [_by_size(column, section, sizes) for column in section.columns if not is_extra(column)]
    choices = [choice for choice in choices if len(choice["points"]) > 1]
    if choices:
        choices.sort(key=lambda choice: -len(choice["points"]))
        label = "Scores by size of the model"
        yield "Size and score", {"kind": "scatter", "label": label, "x": "parameters", "log": True, "choices": choices}
    choices = list(_gaps(section))
    if choices:
        choices.sort(key=lambda choice: -len(choice["points"]))
        label = "Transfer gap by English score"
        yield "Transfer gap", {"kind": "scatter", "label": label, "x": "English", "log": False, "choices": choices}


def _by_size(column: Column, section: Section, sizes: Mapping[str, int]) -> Chart:
    points = []
    for line in section.lines:
        if column in line.cells and line.cells[column].ranked and (count := sizes.get(size_key(line.row))):
            cell = line.cells[column].cell
            value = line.cells[column].value
            hint = f"{line.row['system']}\n{shown(value, cell.get('scale', PERCENT))}, {count / 1e6:,.0f}M parameters"
            points.append(_point(line, count, value, hint))
    english = "" if column.language == "avg" else language_of(column.language).name
    return {"title": _titled(column.task, column.metric, english), "y": "score", "points": points}


def _gaps(section: Section) -> Iterator[Chart]:
    """For each task and metric, English against the gap to the mean of the other languages, over the same languages."""
    found: dict[tuple[str, str], list[tuple[BoardLine, frozenset[str], dict[str, float]]]] = {}
    for line in section.lines:
        for row in line.rows:
            scores: dict[tuple[str, str], dict[str, float]] = {}
            for cell in row["cells"]:
                plain = cell["status"] in ("verified", "second_hand") and not cell.get("data")
                if cell["language"] != "avg" and plain:
                    scores.setdefault((cell["task"], cell["metric"]), {})[cell["language"]] = cell["value"]
            for key, values in scores.items():
                if "en" in values and len(values) > 1 and all(each[0] is not line for each in found.get(key, ())):
                    found.setdefault(key, []).append((line, frozenset(values), values))
    scales = {(cell["task"], cell["metric"]): cell.get("scale", PERCENT) for cell in _cells(section)}
    for (task, metric), lines in found.items():
        text = partial(shown, scale=scales[task, metric])
        # gaps over unlike languages are unlike numbers: the set that most systems have
        sets = [codes for _, codes, _ in lines]
        common = max(sets, key=lambda codes: (sets.count(codes), len(codes)))
        points = []
        for line, codes, values in lines:
            gap = transfer_gap(values)
            if codes == common and gap is not None:
                said = f"English {text(gap.english)}, {len(codes) - 1} others {text(gap.others)}"
                hint = f"{line.row['system']}\ngap {text(gap.points, like=gap.english)}: {said}"
                points.append(_point(line, values["en"], gap.points, hint))
        if len(points) > 1:
            yield {"title": _titled(task, metric), "y": "English minus the others", "points": points}


def _cells(section: Section) -> Iterator[Mapping[str, Any]]:
    for line in section.lines:
        for row in line.rows:
            yield from row["cells"]


def _titled(task: str, metric: str, *more: str) -> str:
    return " ".join(filter(None, (task_name(task), "" if metric == "score" else metric_name(metric), *more)))


def _point(line: BoardLine, x: float, y: float, hint: str) -> dict[str, Any]:
    own = line.row["kind"] == "run"
    return {"x": x, "y": y, "name": line.row["system"], "hint": hint, "series": 2 if own else 1}


def is_extra(column: Column) -> bool:
    """Tells whether a column is an average over other languages than the benchmark's, or of other data."""
    return column.languages != ("benchmark",) or bool(column.data)


def size_key(row: Row) -> str:
    """The system of a row, as sizes are looked up by it."""
    return " ".join(str(row["system"]).casefold().split())


def sizes_of(board: Board) -> dict[str, int]:
    """Parameters by system: where one row says how large a system is, the others know it too."""
    rows = [row for section in board.sections for line in section.lines for row in line.rows]
    return {size_key(row): row["model"]["parameters"] for row in rows if row["model"].get("parameters")}
