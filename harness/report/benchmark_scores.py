"""Tables of the scores of a benchmark, as ``harness eval`` and ``harness score`` print them: by task and by language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.report.table import Cell, Table, Value, difference, number
from harness.results.run_view import sort_codes
from harness.scoring.scores import BenchmarkScore, TaskScore

NONE = "-"


def score_tables(scores: BenchmarkScore) -> Iterator[Table]:
    """The tables by task and by language."""
    yield by_task(scores)
    yield by_language(scores.tasks)


def by_task(scores: BenchmarkScore) -> Table:
    """A row a task: score, transfer gap, averages of its metrics; where it is incomplete, the mean of the languages present."""
    incomplete = any(task.score is None for task in scores.tasks.values())
    rows: list[list[Cell]] = []
    for name, task in scores.tasks.items():
        scored = len(next(iter(task.metrics.values())).languages)
        total = scored + len(scores.missing.get(name, ()))
        rows.append(
            [
                name,
                f"{scored}/{total}" if scored < total else scored,
                _value(task.score),
                *([_value(task.partial)] if incomplete else []),
                _value(task.gap.get("score")),
                "  ".join(f"{key} {metric.partial:.1f}" for key, metric in task.metrics.items()),
            ]
        )
    columns = ["languages", "score", *(["of those scored"] if incomplete else []), "transfer gap"]
    return Table.of("scores by task (mean over languages)", ["task", *map(number, columns), "metrics"], rows)


def by_language(tasks: Mapping[str, TaskScore]) -> Table:
    """A row a language, a column a task; the half width of the 95% interval where the score is a single number."""
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
        rows.append([task, Value(scores.partial), Value(other.partial), f"{change:+.1f}"])
    return Table.of(title, ["task", number("plain"), number(name), difference("change")], rows)


def summary_lines(scores: BenchmarkScore) -> Iterator[str]:
    """The groups, the overall score, the mean transfer gap and what is missing, a line each."""
    for name, value in scores.groups.items():
        yield f"{name}: {_text(value)}"
    if scores.benchmark is not None:
        yield f"overall {scores.benchmark}: {_text(scores.overall)}"
    if scores.gap is not None:
        yield f"transfer gap, mean of the tasks with English: {_text(scores.gap)}"
    if scores.missing:
        lacking = (
            f"{task}[{','.join(codes)}]" if task in scores.tasks else task for task, codes in scores.missing.items()
        )
        yield f"missing: {'  '.join(lacking)}"


def _language_cell(task: TaskScore, code: str) -> Cell:
    value = task.language_score(code)
    if value is None:
        return ""
    if len(task.primary) > 1:
        return Value(value)
    return Value(value, task.metrics[task.primary[0]].languages[code].half_width)


def _value(value: float | None) -> Cell:
    return NONE if value is None else Value(value)


def _text(value: float | None) -> str:
    return NONE if value is None else Value(value).show()
