"""The charts of a study as plain values: what ``charts.js`` draws on the page, and what becomes figures for papers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.analysis.effects.findings import Chart as FoundChart
from harness.analysis.effects.findings import Effect
from harness.report.names import task_name
from harness.report.pages.chart_data import SERIES, Chart, series
from harness.report.pages.colour_scale import STEPS, difference_step
from harness.report.pages.score_map import HeatGrid, MapCell
from harness.report.study.content import StudyReport, StudyUnit
from harness.report.study.tables import amount_text, interval_text, probability
from harness.report.table import Column, show
from harness.results.run_view import language_of
from harness.scoring.scale import shown
from harness.types.languages import languages

KINDS = ("forest", "dots", "lines", "scatter", "heat map")
_WIDE = 10.0
"""Ratio of the largest to the smallest number from which an axis is logarithmic."""


def forest_charts(effects: Sequence[Effect]) -> Iterator[FoundChart]:
    """A forest plot of the effects in each unit, points first: primary ones and others, with their intervals."""
    for unit in sorted(dict.fromkeys(effect.unit for effect in effects), key=lambda unit: unit != "points"):
        points = tuple(
            {
                "y": effect.name,
                "x": effect.estimate,
                "low": effect.low,
                "high": effect.high,
                "series": "primary" if effect.primary else "others",
                "label": _effect_hint(effect),
            }
            for effect in effects
            if effect.unit == unit
        )
        name = "effects" if unit == "points" else f"effects-{unit}"
        yield FoundChart("forest", name, f"Effects in {unit}", unit, "", points)


def language_charts(report: StudyReport) -> Iterator[tuple[str, FoundChart]]:
    """The model and a chart of its scores by language, for each model and task: a dot an arm, its mean over seeds.

    The interval is the mean of those of the seeds (over the items): it is no narrower than that of the mean. ``hollow``
    marks a mean over fewer seeds than there should be. A chart has no more arms than there are colours.
    """
    cells = report.by_cell()
    models = list(dict.fromkeys(model for model, _, _ in cells))
    for model in models:
        for task in report.tasks:
            arms = {arm: units for (of, arm, name), units in cells.items() if (of, name) == (model, task)}
            shown = list(arms)[:SERIES]
            points = tuple(point for arm in shown for point in _language_points(arm, arms[arm]))
            if points:
                where = f"{task_name(task)}, {model}" if len(models) > 1 else task_name(task)
                stem = f"languages-{task}-{model}" if len(models) > 1 else f"languages-{task}"
                cut = f"The first {len(shown)} of {len(arms)} arms." if len(shown) < len(arms) else ""
                yield model, FoundChart("dots", stem, where, "score", "", points, cut)


def page_chart(chart: FoundChart, margins: Sequence[float] = ()) -> Chart | None:
    """A chart as ``charts.js`` takes it; None for a heat map, which is a table, and where there is nothing to draw.

    ``margins`` are those of equivalence, which a forest plot shows.
    """
    points = [point for point in chart.points if drawable(point, chart.kind)]
    if not points or chart.kind not in ("forest", "dots", "lines", "scatter"):
        return None
    names = series_of(chart)
    label = f"{chart.title}: {chart.x}" if chart.x else chart.title
    of = {name: index for index, name in enumerate(names)}
    made = [
        {
            "series": series(of[series_name(point)]),
            "of": of[series_name(point)],
            "low": _finite(point.get("low")),
            "high": _finite(point.get("high")),
            "hint": hint(chart, point),
        }
        for point in points
    ]
    if chart.kind in ("forest", "dots"):
        names_of_rows = row_names(chart)
        for each, point in zip(made, points, strict=True):
            each |= {"row": names_of_rows[str(point["y"])], "value": float(point["x"])}
            if hollow(point):
                each["hollow"] = True
        forest = chart.kind == "forest" or _around_zero(points)
        rows = list(dict.fromkeys(each["row"] for each in made))
        runs = len(names) if _several_in_a_row(made) else 1
        if runs == 1:
            made = [{**each, "of": 0} for each in made]
        bands = list(margins) if has_margins(chart) else []
        return {
            "kind": "dots",
            "label": label,
            "rows": rows,
            "points": made,
            "runs": runs,
            "chance": [],
            "zero": forest,
            "bands": bands,
        }
    numbers = [float(point["x"]) for point in points]
    many = chart.kind == "lines" and len(names) > SERIES
    labels = shown_names(names)
    for each, point in zip(made, points, strict=True):
        name = labels[series_name(point)] if many else str(point.get("label") or "").split("\n")[0]
        each |= {"x": float(point["x"]), "y": float(point["y"]), "name": name}
    if chart.kind == "scatter":
        choice = {"title": chart.title, "y": chart.y, "points": made}
        return {"kind": "scatter", "label": label, "x": chart.x, "log": axis(numbers) == "log", "choices": [choice]}
    axes = {"x": chart.x, "y": chart.y, "scale": axis(numbers), "many": many}
    return {"kind": "lines", "label": label, **axes, "points": made}


def has_margins(chart: FoundChart) -> bool:
    """Tells whether the margins of equivalence, which are in points, belong to a chart."""
    return chart.kind == "forest" and chart.x.endswith("points")


def heat_grid(chart: FoundChart) -> HeatGrid:
    """The table of a heat map: differences in two colours around 0 where some are negative, else from low to high."""
    values = {(str(point["y"]), str(point["x"])): _finite(point.get("value")) for point in chart.points}
    hints = {(str(point["y"]), str(point["x"])): str(point.get("label") or "") for point in chart.points}
    numbers = [value for value in values.values() if value is not None]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    columns = tuple(dict.fromkeys(x for _, x in values))

    def cell(row: str, column: str) -> MapCell:
        value = values.get((row, column))
        if value is None:
            return MapCell("", None, f"{row}, {column}\nno value", "none")
        if low < 0:
            text = shown(value, signed=True).replace("-", "−")
            style = difference_step(value, max(abs(low), abs(high))) or "unsure"
        else:
            text = shown(value)
            style = f"h{min(STEPS - 1, int(STEPS * (value - low) / (high - low or 1.0)))}"
        said = hints.get((row, column)) or f"{row}, {column}"
        return MapCell(text, value, said if "\n" in said else f"{said}\n{_number(value)}", style)

    rows = tuple((row, tuple(cell(row, column) for column in columns)) for row in dict.fromkeys(y for y, _ in values))
    return HeatGrid(chart.title, chart.x, chart.y, columns, rows, chart.caption)


def axis(numbers: Sequence[float]) -> str:
    """The scale of an axis: "log" for positive numbers of unlike size, "symlog" where 0 is among them, else "linear"."""
    positive = [value for value in numbers if value > 0]
    if not positive or min(numbers) < 0 or max(positive) < _WIDE * min(positive):
        return "linear"
    return "log" if len(positive) == len(numbers) else "symlog"


def row_names(chart: FoundChart) -> dict[str, str]:
    """The names of a chart's rows as they are shown: languages and tasks as people call them."""
    return {row: task_name(name) for row, name in shown_names(str(point["y"]) for point in chart.points).items()}


def shown_names(names: Iterable[str]) -> dict[str, str]:
    """Names as they are shown: languages by name where all are known codes, maybe with a remark: "sw (floor)"."""
    parts = {name: name.partition(" (") for name in names}
    if all(code in languages() for code, _, _ in parts.values()):
        return {name: language_of(code).name + mark + rest for name, (code, mark, rest) in parts.items()}
    return {name: name for name in parts}


def series_of(chart: FoundChart) -> list[str]:
    """The names of a chart's series, in their order; one that is "" is the only one."""
    return list(dict.fromkeys(series_name(point) for point in chart.points))


def hint(chart: FoundChart, point: Mapping[str, Any]) -> str:
    """The lines that a mark says: its label where that has several, else its place, series, numbers and interval."""
    label = str(point.get("label") or "")
    if "\n" in label:
        return label
    spread = ""
    if point.get("low") is not None and point.get("high") is not None:
        spread = f"\n95% interval {_number(point['low'])} to {_number(point['high'])}"
    if chart.kind in ("forest", "dots"):
        head = ", ".join(filter(None, (label or row_names(chart)[str(point["y"])], series_name(point))))
        return f"{head}\n{_number(point['x'])}{spread}"
    head = ", ".join(filter(None, (label, shown_names(series_of(chart))[series_name(point)]))) or chart.title
    return f"{head}\n{chart.x} {_number(point['x'])}, {chart.y} {_number(point['y'])}{spread}"


def _effect_hint(effect: Effect) -> str:
    lines = [effect.name, f"{amount_text(effect, effect.estimate)} {effect.unit}, 95% interval {interval_text(effect)}"]
    if effect.p_corrected is not None or effect.p is not None:
        p, name = (effect.p, "p") if effect.p_corrected is None else (effect.p_corrected, "p (Holm)")
        lines.append(f"{name} {show(probability(p), Column(''))}")
    lines += [f"within ±{margin}: {'shown' if holds else 'not shown'}" for margin, holds in effect.equivalent.items()]
    return "\n".join(lines)


def _language_points(arm: str, units: Sequence[StudyUnit]) -> Iterator[dict[str, Any]]:
    for code in dict.fromkeys(unit.language for unit in units):
        own = [unit for unit in units if unit.language == code]
        done = [unit for unit in own if unit.score is not None]
        if not done:
            continue
        mean = fmean(unit.score for unit in done if unit.score is not None)
        ends = [(unit.low, unit.high) for unit in done if unit.low is not None and unit.high is not None]
        low, high = (fmean(values) for values in zip(*ends, strict=True)) if len(ends) == len(done) else (None, None)
        name = language_of(code).name
        spread = "" if low is None or high is None else f"\n95% interval {low:.1f} to {high:.1f}"
        seeds = f"\nmean of {len(done)} of {len(own)} seeds" if len(own) > 1 else ""
        yield {
            "y": name,
            "x": mean,
            "low": low,
            "high": high,
            "series": arm,
            "label": f"{name}, {arm}\n{mean:.2f}{spread}{seeds}",
            "hollow": len(done) < len(own),
        }


def drawable(point: Mapping[str, Any], kind: str) -> bool:
    """Tells whether a point has the finite numbers that a chart of this kind places it by."""
    wanted = ("x",) if kind in ("forest", "dots") else ("x", "y")
    return all(_finite(point.get(name)) is not None for name in wanted) and point.get("y") is not None


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _around_zero(points: Sequence[Mapping[str, Any]]) -> bool:
    """Tells whether these are differences, whose zero matters: some are below it."""
    return any(float(point["x"]) < 0 for point in points)


def _several_in_a_row(points: Sequence[Mapping[str, Any]]) -> bool:
    return len({point["row"] for point in points}) < len(points)


def series_name(point: Mapping[str, Any]) -> str:
    """The series that a point belongs to; "" where there is only one."""
    return str(point.get("series") or "")


def hollow(point: Mapping[str, Any]) -> bool:
    """Tells whether a point is a mean over less than it should be."""
    return bool(point.get("hollow"))


def _number(value: Any) -> str:
    return shown(float(value), "unbounded").replace("-", "−")
