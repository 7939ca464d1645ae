"""A comparison as tables: the differences, the scores they are between, and their p-values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from harness.analysis.comparison.result import Comparison, Line
from harness.report.markdown import titled_tables
from harness.report.table import Table, columns, detail, difference, number
from harness.scoring.chance import chance_notes
from harness.scoring.scale import shown


def tables(comparison: Comparison) -> Iterator[Table]:
    """For each system against the baseline: the tasks with the overall score, then each task's languages."""
    baseline = comparison.systems[0].name
    for index, system in enumerate(comparison.systems[1:]):
        numbers = (number(baseline), number(system.name), number("n", detail=True), number("p", detail=True))
        head = columns(difference("difference"), number("95% interval"), *numbers, number("p (Holm)"))
        rows = [(name, *_cells(task.average, index)) for name, task in comparison.tasks.items()]
        if comparison.overall is not None:
            title = (
                f"overall {comparison.complete}" if comparison.complete else f"mean of {len(comparison.tasks)} tasks"
            )
            rows.append((title, *_cells(comparison.overall, index)))
        yield Table.of(f"{system.name} against {baseline}, by task (means over languages)", ["task", *head], rows)
        for name, task in comparison.tasks.items():
            own = [(code, *_cells(line, index, exact=True)) for code, line in task.languages.items()]
            title = f"{name} by language ({', '.join(task.metrics)})"
            yield Table.of(title, ["language", *head, detail("test")], own)


def footnotes(comparison: Comparison) -> list[str]:
    """Notes on how to read the tables, and on what was left out."""
    notes = [
        f"differences in points with 95% intervals from {comparison.resamples:,} paired bootstrap samples; "
        "* p < 0.05 after Holm's correction (languages of a task; tasks)"
    ]
    if any(
        d.mcnemar for task in comparison.tasks.values() for line in task.languages.values() for d in line.differences
    ):
        notes.append(f"mcnemar a:b: examples that only {comparison.systems[0].name} (a), only the other (b) gets right")
    lines = [line for task in comparison.tasks.values() for line in (task.average, *task.languages.values())]
    notes += chance_notes(mark for line in lines for mark in line.chance_marks)
    notes += [f"not compared: {key}: {reason}" for key, reason in list(comparison.left_out.items())[:10]]
    if len(comparison.left_out) > 10:
        notes.append(f"not compared: {len(comparison.left_out) - 10} more units")
    return notes + list(comparison.notes)


def markdown(comparison: Comparison) -> str:
    """The tables and footnotes as Markdown."""
    return titled_tables(tables(comparison), footnotes(comparison))


def _cells(line: Line, index: int, *, exact: bool = False) -> tuple[str, ...]:
    found = line.differences[index]
    text = partial(shown, scale=line.scale, signed=True, more=1, like=line.scores[0])
    cells = [
        text(found.value) + "*" * found.significant,
        f"[{text(found.low)}, {text(found.high)}]",
        _score(line, 0),
        _score(line, index + 1),
        f"{line.n:,}" if line.n else "",
        p_value(found.p),
        p_value(found.p_holm),
    ]
    if exact:
        test = found.mcnemar
        cells.append(f"mcnemar {test.only_first}:{test.only_second}" if test else found.test)
    return tuple(cells)


def _score(line: Line, index: int) -> str:
    spread = line.seed_deviations[index]
    mark = line.chance_marks[index] if line.chance_marks else ""
    text = partial(shown, scale=line.scale, more=1, like=line.scores[0])
    return f"{text(line.scores[index])}{mark}" + (f" (sd {text(spread)})" if spread is not None else "")


def p_value(p: float) -> str:
    """Three decimals, and "<0.001" below that."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"
