"""The charts of a study as figures for papers, drawn with matplotlib in the style of :mod:`harness.report.figures`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

from harness.analysis.effects.findings import Chart
from harness.core.safe_text import sanitise
from harness.report.figures import GREY, MARKERS, PaperFigure, colour, heat_map, paper_figures, sheet
from harness.report.study.charts import (
    axis,
    drawable,
    has_margins,
    heat_grid,
    hollow,
    row_names,
    series_name,
    series_of,
    shown_names,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = Mapping[str, Any]
_TALL = 11
"""Height of a chart of lines or points, in rows of a chart of dots."""
_LINE = 10.5
"""Height of a line of the legend, in points."""
_MOST_TICKS = 7
_LARGE = 10_000
"""A number from which on an axis is labelled with k, M and B."""
_ROOM = 40
"""Names that there is room for beside a tall chart."""


def study_figures(charts: Iterable[Chart], margins: Sequence[float], type: str) -> Iterator[PaperFigure]:
    """The charts that can be drawn, as pdf, svg or png; forest plots have the equivalence ``margins`` in grey.

    UsageError where matplotlib is not installed.
    """

    def drawn() -> Iterator[tuple[str, Figure]]:
        for chart in charts:
            if figure := _figure(chart, margins):
                yield chart.name, figure

    return paper_figures(drawn, type)


def _figure(chart: Chart, margins: Sequence[float]) -> Figure | None:
    if chart.kind == "heat map":
        grid = heat_grid(chart)
        columns = [sanitise(name, 40) for name in grid.columns]
        return heat_map([(sanitise(name, 40), cells) for name, cells in grid.rows], columns) if grid.rows else None
    points = [point for point in chart.points if drawable(point, chart.kind)]
    if not points:
        return None
    return _rows(chart, points, margins) if chart.kind in ("forest", "dots") else _lines(chart, points)


def _rows(chart: Chart, points: Sequence[Point], margins: Sequence[float]) -> Figure:
    """Dots with intervals, a row a name."""
    names = series_of(chart)
    place = {row: index for index, row in enumerate(dict.fromkeys(str(point["y"]) for point in points))}
    labels, beside = row_names(chart), len(points) > len(place)
    figure, axes = sheet(len(place) * (1 + 0.4 * (len(names) - 1) * beside))
    if has_margins(chart):
        for margin in margins:
            axes.axvspan(-margin, margin, color=GREY, alpha=0.12, linewidth=0)
    if chart.kind == "forest" or any(point["x"] < 0 for point in points):
        axes.axvline(0, color=GREY, linewidth=0.5)
    for index, name in enumerate(names):
        shift = (index - (len(names) - 1) / 2) * 0.7 / len(names) * beside
        for number, point in enumerate(point for point in points if series_name(point) == name):
            y = place[str(point["y"])] + shift
            if point.get("low") is not None and point.get("high") is not None:
                axes.plot([point["low"], point["high"]], [y, y], color=colour(index), linewidth=0.8)
            _mark(axes, point["x"], y, index, empty=hollow(point), label="" if number else name)
    axes.set_yticks(range(len(place)), [sanitise(labels[row], 40) for row in place])
    axes.set_ylim(len(place) - 0.5, -0.5)
    axes.set_xlabel(chart.x)
    _titled(axes, chart, names)
    return figure


def _lines(chart: Chart, points: Sequence[Point]) -> Figure:
    """Lines with bands, or points alone, on a logarithmic axis where the numbers are of unlike size."""
    names = series_of(chart)
    many = chart.kind == "lines" and len(names) > len(MARKERS)
    figure, axes = sheet(2 * _TALL if many else _TALL)
    _scale(axes, [float(point["x"]) for point in points])
    ends: list[tuple[float, float, str]] = []
    for index, name in enumerate(names):
        own = sorted((point for point in points if series_name(point) == name), key=lambda point: float(point["x"]))
        xs, ys = [point["x"] for point in own], [point["y"] for point in own]
        if chart.kind == "scatter":
            for number, (x, y) in enumerate(zip(xs, ys, strict=True)):
                _mark(axes, x, y, index, label="" if number else name)
        elif many and own:
            axes.plot(xs, ys, color=GREY, marker="o", markersize=2, linewidth=0.6)
            ends.append((ys[-1], xs[-1], name))
        elif own:
            _line(axes, own, index, name)
    if many:
        _named_at_their_ends(axes, ends, shown_names(names))
        names = []
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    _titled(axes, chart, names)
    return figure


def _line(axes: Axes, own: Sequence[Point], index: int, name: str) -> None:
    """A line with its band, where it has one."""
    banded = [point for point in own if point.get("low") is not None and point.get("high") is not None]
    if banded:
        low, high = ([point[end] for point in banded] for end in ("low", "high"))
        axes.fill_between([point["x"] for point in banded], low, high, color=colour(index), alpha=0.15, linewidth=0)
    marker = MARKERS[index % len(MARKERS)]
    xs, ys = [point["x"] for point in own], [point["y"] for point in own]
    axes.plot(xs, ys, color=colour(index), marker=marker, markersize=3, linewidth=1, label=name)


def _named_at_their_ends(axes: Axes, ends: Sequence[tuple[float, float, str]], shown: Mapping[str, str]) -> None:
    """Writes the name of each line at its last point (y, x, name), where there is room below the one before."""
    heights = [y for y, _, _ in ends]
    last = float("inf")
    for y, x, name in sorted(ends, reverse=True):
        if last - y >= (max(heights) - min(heights)) / _ROOM:
            label = sanitise(shown[name], 40)
            axes.annotate(label, (x, y), (3, 0), textcoords="offset points", va="center", fontsize=5)
            last = y


def _scale(axes: Axes, numbers: Sequence[float]) -> None:
    """A logarithmic axis has ticks at the numbers themselves, or at powers of ten where they are many."""
    kind, positive = axis(numbers), sorted({number for number in numbers if number > 0})
    if kind == "linear":
        if positive and positive[-1] >= _LARGE:
            axes.xaxis.set_major_formatter(lambda number, _: _short(number))
        return
    if kind == "symlog":
        axes.set_xscale("symlog", linthresh=positive[0])
    else:
        axes.set_xscale("log")
    ticks = sorted(set(numbers))
    if len(ticks) > _MOST_TICKS:
        powers = range(floor(log10(positive[0])), ceil(log10(positive[-1])) + 1)
        within = [10.0**power for power in powers if positive[0] <= 10.0**power <= positive[-1]]
        ticks = within if len(within) > 1 else [positive[0], positive[-1]]
    axes.set_xticks(ticks, [_short(tick) for tick in ticks])
    axes.minorticks_off()


def _short(number: float) -> str:
    """``4k`` of 4,000, ``85M`` of 85,000,000."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def _mark(axes: Axes, x: float, y: float, index: int, *, empty: bool = False, label: str = "") -> None:
    axes.plot(
        [x],
        [y],
        MARKERS[index % len(MARKERS)],
        color=colour(index),
        markersize=3,
        markerfacecolor="white" if empty else colour(index),
        markeredgewidth=0.8,
        label=label or "_",
    )


def _titled(axes: Axes, chart: Chart, names: Sequence[str]) -> None:
    """The title, and between it and the axes a legend where there are several series."""
    lines = 0
    if len(names) > 1:
        lines = (len(names) + 1) // 2
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)
    axes.set_title(sanitise(chart.title, 80), loc="left", pad=5 + _LINE * lines)
