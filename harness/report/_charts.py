"""The charts of the page: heat map, transfer gaps, languages with intervals, training curves. Narrow, for phones too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.report._svg import LINE, MUTED, SERIES, Sheet
from harness.results.run_view import RunView, TaskView, language_of

if TYPE_CHECKING:
    from harness.report.layers import LayerCurves
    from harness.types.record import StageRecord

_COLD, _MIDDLE, _WARM = "#efe0bd", "#6fb3a0", "#12415f"
"""Low, middle and high scores: lightness falls all the way, so that grey print and colour-blind eyes read it too."""


def series(index: int) -> str:
    """The colour of a run."""
    return SERIES[index % len(SERIES)]


def heat_map(run: RunView) -> str:
    """Languages (rows, by resource class) against tasks; colours span the lowest to the highest score of the run."""
    tasks = [task for task in run.tasks.values() if task.units]
    codes = {code for task in tasks for code in task.units}
    classes: dict[int | None, list[str]] = {}
    for code in sorted(codes, key=lambda code: (code != "en", language_of(code).name)):
        classes.setdefault(language_of(code).resource_class, []).append(code)
    ordered = sorted(classes.items(), key=lambda item: -1 if item[0] is None else item[0], reverse=True)
    values = [unit.score.value for task in tasks for unit in task.units.values()]
    low, high = min(values), max(values)
    left, cell, row, top, gap = 84, 28.5, 17.5, 62, 6
    width = max(left + cell * len(tasks) + 14, 346)
    height = top + row * len(codes) + gap * len(ordered) + 4
    sheet = Sheet(width, height)
    for column, task in enumerate(tasks):
        name = task.name if len(task.name) < 13 else task.name[:11] + "…"
        sheet.text(left + cell * column + 14, top - 3, name, slanted=True)
    y: float = top + 4
    for resource, members in ordered:
        sheet.text(
            width - 3, y + row / 2, "?" if resource is None else str(resource), color=MUTED, size=10, align="right"
        )
        for code in members:
            name = language_of(code).name
            sheet.text(left - 6, y + row / 2, name if len(name) < 14 else code, align="right", bold=code == "en")
            for column, task in enumerate(tasks):
                if code in task.units:
                    value = task.units[code].score.value
                    fill, ink = _shade((value - low) / (high - low) if high > low else 0.5)
                    x = left + cell * column
                    sheet.box(x + 0.5, y + 0.5, cell - 1, row - 1, fill)
                    sheet.text(x + cell / 2, y + row / 2, f"{value:.1f}", color=ink, size=10, align="center")
            y += row
        y += gap
    return sheet.svg(f"Heat map of scores by task and language: {run.name}")


def gap_bars(runs: Sequence[RunView]) -> str:
    """A bar a task and run: English minus the mean of the other languages."""
    names = list(dict.fromkeys(name for run in runs for name, task in run.tasks.items() if task.gap()))
    gaps = {
        (name, index): gap.points
        for name in names
        for index, run in enumerate(runs)
        if name in run.tasks and (gap := run.tasks[name].gap())
    }
    thick = 15 if len(runs) == 1 else 11
    left, room, row = 84, 224, thick * len(runs) + 10
    low, high = min(0.0, *gaps.values()), max(0.0, *gaps.values())
    # room for the numbers at both ends
    scale = (room - 34 * (low < 0)) / max(high - low, 1e-9)
    zero = left + (34 if low < 0 else 0) - low * scale
    sheet = Sheet(left + room + 40, row * len(names) + 6)
    for position, name in enumerate(names):
        top = 3 + row * position + 5
        sheet.text(left - 8, top + (row - 10) / 2, name, align="right")
        for index in range(len(runs)):
            if (name, index) in gaps:
                value = gaps[name, index]
                y = top + thick * index
                sheet.box(zero + min(value, 0) * scale, y, abs(value) * scale, thick - 1, series(index))
                end = zero + value * scale + (4 if value >= 0 else -4)
                align = "left" if value >= 0 else "right"
                sheet.text(end, y + thick / 2, f"{value:.1f}".replace("-", "−"), size=min(11, thick), align=align)
    sheet.line([zero, zero], [0, row * len(names) + 6], MUTED, 1)
    return sheet.svg("Transfer gap by task: English minus the mean of the other languages")


def dot_plot(name: str, runs: Sequence[RunView]) -> str:
    """A task's languages from the highest score of the first run to the lowest, with 95% intervals."""
    views = [(index, run.tasks[name]) for index, run in enumerate(runs) if name in run.tasks]
    ranked: dict[str, float] = {}
    for _, task in views:
        for code, unit in task.units.items():
            ranked.setdefault(code, unit.score.value)
    codes = sorted(ranked, key=lambda code: -ranked[code])
    first, last, step = _ticks(*_span(views))
    left, room, top = 84, 246, 22
    row = 17 if len(views) == 1 else 9 * len(views) + 7
    sheet = Sheet(left + room + 16, top + row * len(codes) + 4)

    def at(value: float) -> float:
        return left + room * (value - first) / (last - first)

    for tick in range(first, last + 1, step):
        sheet.line([at(tick)] * 2, [top - 3, top + row * len(codes)], LINE, 0.8)
        sheet.text(at(tick), 8, str(tick), color=MUTED, size=10, align="center")
    for position, code in enumerate(codes):
        middle = top + row * (position + 0.5)
        label = language_of(code).name
        sheet.text(left - 8, middle, label if len(label) < 14 else code, align="right", bold=code == "en")
        for place, (index, task) in enumerate(views):
            if code in task.units:
                score = task.units[code].score
                y = middle + (place - (len(views) - 1) / 2) * 9
                if score.low is not None and score.high is not None:
                    sheet.line([at(score.low), at(score.high)], [y, y], series(index), 3.5, faint=True)
                sheet.dots([at(score.value)], [y], series(index), 6.5)
    return sheet.svg(f"Scores of {name} by language with 95% intervals")


def curves(stage: StageRecord) -> str | None:
    """Training loss over steps, and below it the scores on English dev if there are several; None without any curve."""
    loss = [(float(step), float(value)) for step, value in stage.get("loss") or () if math.isfinite(value)]
    dev = [(float(each["step"]), float(each["score"])) for each in stage.get("dev") or ()]
    panels = [("loss", loss, 0, 92), ("English dev", dev, 1, 62)]
    panels = [panel for panel in panels if len(panel[1]) > 1]
    if not panels:
        return None
    left, room = 40, 284
    steps = max(step for _, points, _, _ in panels for step, _ in points)
    sheet = Sheet(left + room + 14, sum(tall + 24 for *_, tall in panels) + 14)
    top = 18
    for title, points, index, tall in panels:
        low, high = min(v for _, v in points), max(v for _, v in points)
        low = min(low, 0.0) if title == "loss" else low
        pad = (high - low) * 0.08 or 1.0
        low, high = low - (0 if title == "loss" else pad), high + pad
        xs = [left + room * step / steps for step, _ in points]
        ys = [top + tall * (1 - (value - low) / (high - low)) for _, value in points]
        for value in (low, high) if title == "loss" else (min(v for _, v in points), max(v for _, v in points)):
            y = top + tall * (1 - (value - low) / (high - low))
            sheet.line([left, left + room], [y, y], LINE, 0.8)
            shown = f"{value:.2f}" if title == "loss" else f"{value:.1f}"
            sheet.text(left - 5, y, shown, color=MUTED, size=10, align="right")
        sheet.text(left, top - 9, title, color=series(index), size=10)
        sheet.line(xs, ys, series(index), 1.6)
        if title != "loss":
            sheet.dots(xs, ys, series(index), 5)
        chosen = stage.get("selected_step")
        for x, y, (step, value) in zip(xs, ys, points, strict=True):
            if title != "loss" and step == chosen:
                align = "right" if x > left + room * 0.8 else "left"
                sheet.text(x + (-7 if align == "right" else 7), y - 8, f"kept: {value:.1f}", size=10, align=align)
        top += tall + 24
    sheet.text(left, top - 10, "0", color=MUTED, size=10, align="center")
    sheet.text(left + room, top - 10, f"{steps:,.0f} steps", color=MUTED, size=10, align="right")
    return sheet.svg(f"Training curves: {stage['name']}")


def by_layer(curves: LayerCurves, index: int) -> str:
    """Scores over layers: a faint line a language, a strong one for their mean, dots where layers were taken."""
    left, room, tall, top = 34, 296, 150, 12
    depth = len(curves.mean) - 1
    scores = [value for values in curves.values.values() for value in values]
    first, last, step = _ticks(min(scores), max(scores))
    sheet = Sheet(left + room + 14, top + tall + 34)

    def at(layer: int, value: float) -> tuple[float, float]:
        return left + room * layer / max(depth, 1), top + tall * (1 - (value - first) / (last - first))

    for tick in range(first, last + 1, step):
        y = at(0, tick)[1]
        sheet.line([left, left + room], [y, y], LINE, 0.8)
        sheet.text(left - 5, y, str(tick), color=MUTED, size=10, align="right")
    for layer in range(0, depth + 1, 1 if depth <= 14 else 4):
        sheet.text(at(layer, first)[0], top + tall + 12, str(layer), color=MUTED, size=10, align="center")
    sheet.text(left + room / 2, top + tall + 26, "layer (0: embeddings)", color=MUTED, size=10, align="center")
    for code, values in curves.values.items():
        xs, ys = zip(*(at(layer, value) for layer, value in enumerate(values)), strict=True)
        sheet.line(xs, ys, MUTED, 1, faint=True)
        taken = curves.taken[code]
        sheet.dots([xs[taken]], [ys[taken]], MUTED, 3.5)
    xs, ys = zip(*(at(layer, value) for layer, value in enumerate(curves.mean)), strict=True)
    sheet.line(xs, ys, series(index), 2.2)
    sheet.dots(xs, ys, series(index), 4)
    return sheet.svg(f"Scores of {curves.task} by layer, {curves.metric} on {curves.split}")


def _span(views: Sequence[tuple[int, TaskView]]) -> tuple[float, float]:
    scores = [unit.score for _, task in views for unit in task.units.values()]
    low = min(score.value if score.low is None else score.low for score in scores)
    high = max(score.value if score.high is None else score.high for score in scores)
    return low, high


def _ticks(low: float, high: float) -> tuple[int, int, int]:
    """First and last tick and the distance between them: few round numbers that hold the interval."""
    for step in (2, 5, 10, 20):
        first, last = math.floor(low / step) * step, math.ceil(high / step) * step
        if last - first <= 6 * step:
            break
    return first, max(last, first + step), step


def _shade(share: float) -> tuple[str, str]:
    """Colour of a cell and of the number on it, black or white, whichever has more contrast; ``share`` is 0-1."""
    rgb = [float(part) for part in _ramp()(share)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]  # WCAG 2, relative luminance
    dark = (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05)
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb), "#000001" if dark else "#ffffff"


@cache
def _ramp() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("scores", [_COLD, _MIDDLE, _WARM])
