"""Tables of the scores of a benchmark, as ``harness eval`` and ``harness score`` print them: by task and by language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.core.counted import counted
from harness.report.table import Cell, Table, Value, columns, detail, difference, estimate_cell, number, score_cell
from harness.results.run_view import sort_codes
from harness.scoring.scale import Scale, shown
from harness.scoring.scores import BenchmarkScore, TaskScore

NONE = "-"


def score_tables(scores: BenchmarkScore) -> Iterator[Table]:
    """The tables by task and by language."""
    yield by_task(scores)
    yield by_language(scores.tasks)


def by_task(scores: BenchmarkScore) -> Table:
    """A row a task: score, transfer gap, averages of its metrics; where it is incomplete, the mean of the languages present."""
    incomplete = any(task.score is None for task in scores.tasks.values())
    known = any(task.chance is not None for task in scores.tasks.values())
    rows: list[list[Cell]] = []
    for name, task in scores.tasks.items():
        scored = len(next(iter(task.metrics.values())).languages)
        scale = task.scale
        total = scored + len(scores.missing.get(name, ()))
        half = task.interval.half_width if task.interval else None
        rows.append(
            [
                name,
                f"{scored}/{total}" if scored < total else scored,
                _value(task.score, scale, half, task.chance_mark),
                *([_value(task.partial, scale, half, task.chance_mark)] if incomplete else []),
                *([score_cell(task.chance.level if task.chance else None, scale=scale)] if known else []),
                _value(task.gap.get("score"), scale),
                "  ".join(f"{key} {shown(metric.partial, metric.scale)}" for key, metric in task.metrics.items()),
            ]
        )
    numbers = ["languages", "score", *(["of those scored"] if incomplete else []), *(["chance"] if known else [])]
    head = columns("task", *map(number, [*numbers, "transfer gap"]), detail("metrics"))
    return Table.of("scores by task (mean over languages, ± half of the 95% interval)", head, rows)


def by_language(tasks: Mapping[str, TaskScore]) -> Table:
    """A row a language, a column a task; scores with half the width of their 95% interval, as the report has them."""
    codes = {code for task in tasks.values() for metric in task.metrics.values() for code in metric.languages}
    rows = [[code, *(_language_cell(task, code) for task in tasks.values())] for code in sort_codes(codes)]
    title = "scores by language (± half of the 95% interval)"
    return Table.of(title, ["language", *map(number, tasks)], rows)


def side_by_side(plain: BenchmarkScore, changed: BenchmarkScore, name: str, title: str) -> Table:
    """A row a task that both have: the means of their scores over the languages present, and the change."""
    rows: list[list[Cell]] = []
    for task, scores in plain.tasks.items():
        if (other := changed.tasks.get(task)) is None:
            continue
        change = other.partial - scores.partial
        scale = scores.scale
        values = (Value(number, scale=scale) for number in (scores.partial, other.partial, change))
        rows.append([task, *values])
    return Table.of(title, ["task", number("plain"), number(name), difference("change")], rows)


def summary_lines(scores: BenchmarkScore) -> Iterator[str]:
    """The groups, the overall score and the mean transfer gap, a line each, and why there is none of some."""
    for name, value in scores.groups.items():
        yield f"{name}: {_text(value, scores.scale)}"
    if scores.benchmark is not None:
        yield f"overall {scores.benchmark}: {_text(scores.overall, scores.scale)}"
        if scores.overall is None or None in scores.groups.values():
            yield f"  {NONE} needs every task and language of the benchmark: {lacking_in_words(scores)}"
    if scores.gap is not None:
        yield f"transfer gap, mean of the tasks with English: {_text(scores.gap, scores.scale)}"


def missing_lines(scores: BenchmarkScore) -> Iterator[str]:
    """Lists what has no score, on one line, and the tasks of which the mean is over some of the languages."""
    if scores.missing:
        lacking = (
            f"{task}[{','.join(codes)}]" if task in scores.tasks else task for task, codes in scores.missing.items()
        )
        yield f"missing: {'  '.join(lacking)}"
    if scores.coverage:
        yield f"not benchmark scores: {scores.coverage}"


def lacking_in_words(scores: BenchmarkScore) -> str:
    """``8 of 9 tasks and 13 languages of another lack a score``."""
    absent = [task for task in scores.missing if task not in scores.tasks]
    parts = [counted(len(absent), "task") + " without any score"] if absent else []
    some = [task for task in scores.missing if task in scores.tasks]
    parts += [counted(len(some), "task") + " without all languages"] if some else []
    return ", ".join(parts)


def _language_cell(task: TaskScore, code: str) -> Cell:
    found = task.language_estimate(code)
    return "" if found is None else estimate_cell(found)


def _value(value: float | None, scale: Scale, half_width: float | None = None, mark: str = "") -> Cell:
    return NONE if value is None else score_cell(value, half_width, mark, scale=scale)


def _text(value: float | None, scale: Scale) -> str:
    return NONE if value is None else shown(value, scale)
