"""Figures for papers, drawn with matplotlib: vector files with embedded fonts, a column wide, in colours for everyone.

The same runs give the same bytes. Colours are those of Okabe and Ito (2008), which people with any kind of colour vision
tell apart; runs differ by their markers as well.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError, check_choice
from harness.core.safe_text import safe
from harness.report.names import task_name, titled
from harness.report.pages.chart_data import gap_chart, languages_chart
from harness.report.pages.score_map import MapCell, ScoreMap, score_maps
from harness.report.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TYPES = ("pdf", "svg", "png")
COLUMN = 3.3
"""Width of a figure in inches: one column of a paper of two."""
_ROW, _EDGE = 0.15, 0.55
"""Height of a row of a chart, and of what surrounds it, in inches."""
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = "osD^vP"
GREY = "#777777"
_KEYS = {
    "scores": {"at chance": "chance", "low": "h0", "best of the task": "h8"},
    "differences": {"worse": "down-3", "not significant": "unsure", "better": "up-3"},
}
"""The styles that the key of a heat map explains."""
_STYLE: Mapping[str, Any] = {
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "pdf.fonttype": 42,  # outlines that conferences accept
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "harness",
}


@dataclass(frozen=True)
class PaperFigure:
    """A finished figure: its name without an ending, and its file's content."""

    name: str
    content: bytes


def figures(report: Report, type: str = "pdf") -> Iterator[PaperFigure]:
    """The figures of a report, one after the other, as pdf, svg or png (300 dots an inch).

    ``languages-TASK`` has the languages of a task with 95% intervals and the level of chance, ``gap`` the transfer gaps,
    ``scores`` the tasks and languages of one run as a heat map, ``differences`` those of two. Of several runs there is
    one map each, which has the run's name (``scores-NAME``).

    UsageError for another type, and where matplotlib is not installed.
    """
    with titled(report.registry.titles()):
        yield from paper_figures(lambda: _drawn(report), type)


def paper_figures(drawn: Callable[[], Iterable[tuple[str, Figure]]], type: str = "pdf") -> Iterator[PaperFigure]:
    """The figures that ``drawn`` yields under their names, one after the other, in the style of papers.

    UsageError for a type that there is not, and where matplotlib is not installed.
    """
    check_choice("type", type, TYPES)
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise UsageError("figures need the package matplotlib", hint="pip install 'xtreme-harness[figures]'") from None

    style: dict[Any, Any] = dict(matplotlib.rcParamsDefault)  # not the user's
    style.update(_STYLE)
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # shown as a box
        for name, figure in drawn():
            content = io.BytesIO()
            undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[type]
            figure.savefig(content, format=type, dpi=300, bbox_inches="tight", pad_inches=0.02, metadata=undated)
            yield PaperFigure(name, content.getvalue())


def _drawn(report: Report) -> Iterator[tuple[str, Figure]]:
    names = [safe(run.name) for run in report.runs]
    for task in dict.fromkeys(name for run in report.runs for name, task in run.tasks.items() if task.units):
        yield (
            f"languages-{task.replace(':', '-')}",
            _languages(languages_chart(task, report.runs), task_name(task), names),
        )
    gaps = gap_chart(report.runs)
    if gaps["points"]:
        yield "gap", _gaps(gaps, names)
    maps = list(score_maps(report.runs, report.compared))
    for kind in ("scores", "differences"):
        found = [each for each in maps if each.kind == kind]
        files = _file_names(kind, [each.name for each in found])
        for name, each in zip(files, found, strict=True):
            yield name, _with_key(_map(each), each)


def _file_names(kind: str, names: Sequence[str]) -> list[str]:
    """``scores-xlm-r``: the kind of map and what it is of; a number too where two would be called the same."""
    if len(names) == 1:
        return [kind]
    slugs = [re.sub(r"[^\w.]+", "-", name).strip("-.")[:60] for name in names]
    return [
        "-".join(filter(None, (kind, slug, str(place) if slugs.count(slug) > 1 or not slug else "")))
        for place, slug in enumerate(slugs, 1)
    ]


def _with_key(figure: Figure, scores: ScoreMap) -> Figure:
    """A heat map with its name above it, and what its colours mean below."""
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    (axes,) = figure.axes
    axes.set_title(safe(scores.name), loc="left")
    steps = _KEYS[scores.kind]
    shades = {words: _shade(MapCell("", None, "", style)) for words, style in steps.items()}
    patches = [
        Patch(
            facecolor="white" if shade is None else colormaps[shade[0]](shade[1]), edgecolor=GREY, lw=0.3, label=words
        )
        for words, shade in shades.items()
    ]
    axes.legend(handles=patches, frameon=False, loc="upper left", bbox_to_anchor=(0, 0), ncols=len(patches), fontsize=6)
    return figure


def sheet(rows: float, width: float = COLUMN) -> tuple[Figure, Axes]:
    """An empty figure with axes that have room for so many rows."""
    from matplotlib.figure import Figure

    figure = Figure((width, _EDGE + _ROW * max(rows, 3)))
    return figure, figure.subplots()


def _languages(chart: Mapping[str, Any], title: str, names: Sequence[str]) -> Figure:
    place = {row: index for index, row in enumerate(chart["rows"])}
    figure, axes = sheet(len(place) * (1 + 0.4 * (len(names) - 1)))
    for level in chart["chance"]:
        y = place[level["row"]]
        axes.plot([level["value"]] * 2, [y - 0.5, y + 0.5], color=GREY, linewidth=0.8, linestyle=":")
    for index, name in enumerate(names):
        points = [point for point in chart["points"] if point["of"] == index]
        shift = (index - (len(names) - 1) / 2) * 0.7 / len(names)
        for point in points:
            if point["low"] is not None and point["high"] is not None:
                ends = [place[point["row"]] + shift] * 2
                axes.plot([point["low"], point["high"]], ends, color=colour(index), linewidth=0.8)
        values, rows = [point["value"] for point in points], [place[point["row"]] + shift for point in points]
        marker = MARKERS[index % len(MARKERS)]
        axes.plot(values, rows, marker, color=colour(index), markersize=3, label=name)
    axes.set_yticks(range(len(place)), list(place))
    axes.set_ylim(len(place) - 0.5, -0.5)
    axes.set_xlabel("score, 95% interval" + (" (dotted: chance)" if chart["chance"] else ""))
    axes.set_title(title, loc="left")
    _name_runs(axes, names)
    return figure


def _gaps(chart: Mapping[str, Any], names: Sequence[str]) -> Figure:
    place = {row: index for index, row in enumerate(chart["rows"])}
    figure, axes = sheet(2 * len(place))
    thick = 0.8 / len(names)
    for index, name in enumerate(names):
        bars = [point for point in chart["points"] if point["of"] == index]
        rows = [place[bar["row"]] - 0.4 + thick * (index + 0.5) for bar in bars]
        axes.barh(rows, [bar["value"] for bar in bars], height=thick * 0.9, color=colour(index), label=name)
    axes.axvline(0, color=GREY, linewidth=0.5)
    axes.set_yticks(range(len(place)), list(place))
    axes.set_ylim(len(place) - 0.5, -0.5)
    axes.set_xlabel("transfer gap: English minus the mean of the other languages")
    _name_runs(axes, names)
    return figure


def _map(scores: ScoreMap) -> Figure:
    rows = [(row.language.name, row.cells) for row in scores.rows]
    return heat_map(rows, [task.title for task in scores.tasks])


def heat_map(rows: Sequence[tuple[str, Sequence[MapCell]]], columns: Sequence[str]) -> Figure:
    """Cells in the steps of the page's colours, with the number in each."""
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    figure, axes = sheet(len(rows), width=0.9 + 0.5 * len(columns))
    for y, (_, cells) in enumerate(rows):
        for x, cell in enumerate(cells):
            shade = _shade(cell)
            colour = "white" if shade is None else colormaps[shade[0]](shade[1])
            axes.add_patch(Rectangle((x - 0.48, y - 0.47), 0.96, 0.94, facecolor=colour, linewidth=0))
            dark = shade is not None and shade[0] == "Blues" and shade[1] > 0.6
            axes.text(x, y, cell.text or "–", ha="center", va="center", color="white" if dark else "black", fontsize=6)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), list(columns), rotation=35, ha="left")
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _shade(cell: MapCell) -> tuple[str, float] | None:
    """The map of colours and the place in it that stand for a cell's style; None for white."""
    kind, _, step = cell.style.partition("-")
    if kind in ("up", "down"):
        return {"up": "Greens", "down": "Reds"}[kind], 0.15 + 0.15 * int(step)
    if kind.startswith("h") and kind[1:].isdigit():
        return "Blues", 0.08 + 0.1 * int(kind[1:])
    return None


def colour(index: int) -> str:
    """The colour of a series; they repeat after six."""
    return _COLOURS[index % len(_COLOURS)]


def _name_runs(axes: Axes, names: Sequence[str]) -> None:
    if len(names) > 1:
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)
        axes.set_title(axes.get_title(loc="left"), loc="right")
        axes.set_title("", loc="left")
