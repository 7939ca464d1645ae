"""A comparison as tables: the difference first, then what it is between, then how sure it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.comparison.result import Comparison, Line
from harness.core.safe_text import safe

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A titled table; a column whose name starts with ``#`` is numeric."""

    title: str
    columns: Row
    rows: Sequence[Row]

    @classmethod
    def of(cls, title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
        """A table of texts from anywhere, each made safe to show and kept on one line."""
        return cls(safe(title), tuple(map(safe, columns)), [tuple(map(safe, row)) for row in rows])


def tables(comparison: Comparison) -> Iterator[Table]:
    """For each system against the baseline: the tasks with the overall score, then each task's languages."""
    baseline = comparison.systems[0].name
    for index, system in enumerate(comparison.systems[1:]):
        columns = ("#difference", "95% interval", f"#{baseline}", f"#{system.name}", "#n", "#p", "#p (Holm)", "")
        rows = [(name, *_cells(task.average, index)) for name, task in comparison.tasks.items()]
        if comparison.overall is not None:
            title = (
                f"overall {comparison.complete}" if comparison.complete else f"mean of {len(comparison.tasks)} tasks"
            )
            rows.append((title, *_cells(comparison.overall, index)))
        yield Table.of(f"{system.name} against {baseline}, by task (means over languages)", ("task", *columns), rows)
        for name, task in comparison.tasks.items():
            own = [(code, *_cells(line, index, exact=True)) for code, line in task.languages.items()]
            title = f"{name} by language ({', '.join(task.metrics)})"
            yield Table.of(title, ("language", *columns, "test"), own)


def footnotes(comparison: Comparison) -> list[str]:
    """How to read the tables, and what was left out."""
    notes = [
        f"differences in points with 95% intervals from {comparison.resamples:,} paired bootstrap samples; "
        "* p < 0.05 after Holm's correction (languages of a task; tasks)"
    ]
    if any(
        d.mcnemar for task in comparison.tasks.values() for line in task.languages.values() for d in line.differences
    ):
        notes.append(f"mcnemar a:b: examples that only {comparison.systems[0].name} (a), only the other (b) gets right")
    notes += [f"not compared: {key}: {reason}" for key, reason in list(comparison.left_out.items())[:10]]
    if len(comparison.left_out) > 10:
        notes.append(f"not compared: {len(comparison.left_out) - 10} more units")
    return notes + list(comparison.notes)


def markdown(comparison: Comparison) -> str:
    """GitHub tables; text from records is escaped, so that it stays text."""
    parts = [table_markdown(table) for table in tables(comparison)]
    return "\n".join([*parts, *(f"- {escaped(note)}" for note in footnotes(comparison))]) + "\n"


def table_markdown(table: Table) -> str:
    """One table with its title, and a blank line after it."""
    lines = [
        f"**{escaped(table.title)}**",
        "",
        _pipes(escaped(name.removeprefix("#")) for name in table.columns),
        _pipes("---:" if name.startswith("#") else "---" for name in table.columns),
        *(_pipes(map(escaped, row)) for row in table.rows),
    ]
    return "\n".join(lines) + "\n"


def _cells(line: Line, index: int, *, exact: bool = False) -> Row:
    found = line.differences[index]
    cells = [
        f"{found.value:+.2f}",
        f"[{found.low:+.2f}, {found.high:+.2f}]",
        _score(line, 0),
        _score(line, index + 1),
        f"{line.n:,}" if line.n else "",
        p_value(found.p),
        p_value(found.p_holm),
        "*" if found.significant else "",
    ]
    if exact:
        test = found.mcnemar
        cells.append(f"mcnemar {test.only_first}:{test.only_second}" if test else found.test)
    return tuple(cells)


def _score(line: Line, index: int) -> str:
    spread = line.seed_deviations[index]
    return f"{line.scores[index]:.2f}" + (f" (sd {spread:.2f})" if spread is not None else "")


def p_value(p: float) -> str:
    """Three decimals, and "<0.001" below that."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _pipes(cells: Iterator[str] | map[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def escaped(text: str) -> str:
    """The text with control characters shown, and with everything escaped that Markdown or HTML would obey."""
    return re.sub(r"([\\`*_{}\[\]<>|#~!])", r"\\\1", safe(text))
