"""Heat maps as tables: languages against tasks, the scores of a run or the differences of two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.differences import Differences
from harness.report.names import metric_name, task_name
from harness.report.pages.colour_scale import TaskScale, difference_step
from harness.results.run_view import RunView, TaskView, UnitView, language_of
from harness.scoring.chance import MEANINGS
from harness.scoring.scale import PERCENT, decimals, shown
from harness.scoring.scores import Estimate
from harness.types.languages import Language


@dataclass(frozen=True)
class MapCell:
    """A cell: what it shows, its exact number to sort by, a hint (its lines), and classes of the style sheet.

    ``example`` leads to the examples behind it ("xnli/sw"); "" where there are none.
    """

    text: str
    value: float | None
    hint: str
    style: str
    example: str = ""


@dataclass(frozen=True)
class MapRow:
    """A language and its cells."""

    language: Language
    cells: tuple[MapCell, ...]


@dataclass(frozen=True)
class MapTask:
    """A column: a task, and the ends of its scale."""

    name: str
    title: str
    hint: str


@dataclass(frozen=True)
class ScoreMap:
    """A heat map under its name; ``kind`` is "scores" or "differences"."""

    name: str
    kind: str
    tasks: tuple[MapTask, ...]
    rows: tuple[MapRow, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeatGrid:
    """A heat map of any two things as a table: its columns, and rows of a name and a cell for each column."""

    title: str
    x: str
    y: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[MapCell, ...]], ...]
    caption: str = ""


def score_maps(runs: Sequence[RunView], compared: Sequence[Differences]) -> Iterator[ScoreMap]:
    """A map of each run's scores, then of each difference from the first run."""
    names = [name for run in runs for name, task in run.tasks.items() if task.units]
    scales = {name: TaskScale.of(runs, name) for name in dict.fromkeys(names)}
    for run in runs:
        if any(task.units for task in run.tasks.values()):
            yield _scores(run, scales)
    for pair, other in zip(compared, runs[1:], strict=True):
        if pair.units:
            yield _differences(pair, runs[0], other)


def _scores(run: RunView, scales: Mapping[str, TaskScale]) -> ScoreMap:
    tasks = {name: task for name, task in run.tasks.items() if task.units}
    rows = [
        MapRow(
            language,
            tuple(_cell(task, language, scales[name]) for name, task in tasks.items()),
        )
        for language in _languages(code for task in tasks.values() for code in task.units)
    ]
    return ScoreMap(run.name, "scores", tuple(_task(name, scales[name]) for name in tasks), tuple(rows))


def _cell(task: TaskView, language: Language, scale: TaskScale) -> MapCell:
    where, unit = f"{task_name(task.name)}, {language.name}", task.units.get(language.code)
    if unit is None:
        missing = language.code in task.missing
        return no_score(where, "no score: data missing, or failed" if missing else "not part of the task or run")
    return score_cell(task, where, unit, scale, f"{task.name}/{language.code}")


def no_score(where: str, lacking: str) -> MapCell:
    """An empty cell, with what it would be of and why it is empty in the hint."""
    return MapCell("", None, f"{where}\n{lacking}", "none")


def score_cell(task: TaskView, where: str, unit: UnitView, scale: TaskScale, example: str = "") -> MapCell:
    """The cell of a unit's score, with its interval, its items and chance in the hint, below ``where``."""
    score = unit.score
    lines = [where, " and ".join(map(metric_name, task.primary)) + f" {shown(score.value, score.scale, more=1)}"]
    if score.low is not None and score.high is not None:
        ends = (shown(end, score.scale, like=score.value) for end in (score.low, score.high))
        lines.append(f"95% interval {' to '.join(ends)}")
    lines.append(f"n = {unit.n:,}")
    if len(task.primary) > 1:
        lines.append(", ".join(f"{metric_name(name)} {_exact(unit.metrics[name])}" for name in task.primary))
    if score.chance is not None and score.chance.level is not None:
        word = MEANINGS.get(score.chance_mark, "chance").partition(":")[0]
        lines.append(f"{word}: {shown(score.chance.level, score.scale)}")
    style = "chance" if score.chance_mark else f"h{scale.step(score.value)}"
    text = shown(score.value, score.scale) + score.chance_mark
    return MapCell(text, score.value, "\n".join(lines), style, example)


def _differences(pair: Differences, reference: RunView, other: RunView) -> ScoreMap:
    largest = max(abs(value) for value in pair.units.values())
    tested = pair.significant is not None
    rows = []
    for language in _languages(code for _, code in pair.units):
        cells = []
        for name in pair.tasks:
            value = pair.units.get((name, language.code))
            where = f"{task_name(name)}, {language.name}"
            if value is None:
                cells.append(MapCell("", None, f"{where}\nnot in both runs", "none"))
                continue
            scores = [run.tasks[name].units[language.code].score.value for run in (reference, other)]
            sure = bool(pair.mark(name, language.code))
            said = ("significant" if sure else "not significant") if tested else "significance was not tested"
            digits = decimals(pair.scales.get(name, PERCENT), scores[0])
            ends = " to ".join(f"{score:.{digits + 1}f}" for score in scores)
            lines = [where, f"{signed(value, digits + 1)} points, {said}", ends]
            style = difference_step(value, largest) if sure or not tested else "unsure"
            text = signed(value, digits) + ("*" if sure else "")
            cells.append(MapCell(text, value, "\n".join(lines), style, f"{name}/{language.code}"))
        rows.append(MapRow(language, tuple(cells)))
    tasks = tuple(MapTask(name, task_name(name), "") for name in pair.tasks)
    notes = (f"* significant ({pair.test}); the others have no colour",) if tested else (pair.reason,)
    return ScoreMap(f"{pair.other} − {pair.reference}", "differences", tasks, tuple(rows), notes)


def signed(value: float, digits: int) -> str:
    """``+1.3``, ``−0.4``; zero has no sign."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def _task(name: str, scale: TaskScale) -> MapTask:
    low, high = shown(scale.low, scale.scale), shown(scale.high, scale.scale)
    begin = f"chance, {low}" if scale.chance is not None else "0" if scale.low == 0 else low
    return MapTask(name, task_name(name), f"{task_name(name)}\ncolours from {begin} to {high}")


def _exact(estimate: Estimate) -> str:
    return shown(estimate.value, estimate.scale, more=1)


def _languages(codes: Iterator[str]) -> list[Language]:
    """English first, then by resource class, the most data first, and name."""

    def place(language: Language) -> tuple[bool, int, str]:
        known = language.resource_class
        return language.code != "en", -1 if known is None else -known, language.name

    return sorted(map(language_of, dict.fromkeys(codes)), key=place)
