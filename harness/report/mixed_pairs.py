"""Pairs of mixed languages in tables: their means by task, and a matrix of first and second languages for each task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.report.robustness import task_scale
from harness.report.table import Cell, Table, Value, columns, difference, estimate_cell, number, report_table
from harness.results.run_view import RunView, sort_codes
from harness.scoring.mixed_pairs import LEFT_OUT
from harness.scoring.scores import half_width
from harness.types.record import MixedMeanRecord

MEANS: Mapping[str, str] = {
    "off_diagonal": "off-diagonal",
    "loss": "loss",
    "first_english": "first in English",
    "second_english": "second in English",
    "neither_english": "neither",
    "diagonal": "one language",
}
"""The means of a record, and their names for readers."""

_NOTES = (
    "off-diagonal: mean over all pairs of two different languages; part of no other average",
    "loss: one language minus off-diagonal; ± half of the 95% interval, each row drawn in all cells at once",
)


def mixed_tables(runs: Sequence[RunView]) -> Iterator[Table]:
    """A table of all means, and one of each run's matrices; none where no pairs of mixed languages were scored."""
    if any(run.mixed_pairs for run in runs):
        yield means_table(runs)
    for run in runs:
        for task in run.mixed_pairs:
            yield matrix_table(run, task, several=len(runs) > 1)


def means_table(runs: Sequence[RunView]) -> Table:
    """A row a task and run: its languages, and its means over cells, a dash where not all of them were scored."""
    several = len(runs) > 1
    rows = [
        [
            task,
            *([run.name] if several else []),
            len(found["languages"]),
            *(_cell(run, task, found["means"].get(name)) for name in MEANS),
        ]
        for run in runs
        for task, found in run.mixed_pairs.items()
    ]
    notes = _NOTES + tuple(note for run in runs for task in run.mixed_pairs if (note := _left_out(run, task)))
    numbers = [difference(name) if name == "loss" else number(name) for name in MEANS.values()]
    head = columns("task", *(["run"] if several else []), number("languages"), *numbers)
    return report_table("mixed-pairs", "Pairs of mixed languages", head, rows, tuple(dict.fromkeys(notes)))


def matrix_table(run: RunView, task: str, *, several: bool = False) -> Table:
    """The scores of a task's pairs: a row for the language of the first text, a column for that of the second."""
    scored, codes = run.mixed_cells(task), matrix_codes(run, task)
    rows = [
        [first, *(estimate_cell(unit.score if unit else None, interval=False) for unit in row)]
        for first, row in ((first, [scored.get((first, second)) for second in codes]) for first in codes)
    ]
    title = f"Pairs of mixed languages: {task}{f', {run.name}' if several else ''}"
    notes = ("rows: language of the first text; columns: of the second; the diagonal is in one language",)
    return report_table(f"mixed-pairs-{task}", title, ["first", *map(number, codes)], rows, notes, continued=True)


def matrix_codes(run: RunView, task: str) -> list[str]:
    """The languages of a task's matrix, English first."""
    return sort_codes(run.mixed_pairs[task]["languages"])


def _left_out(run: RunView, task: str) -> str:
    """Counts the rows that cells lack because their two languages have other labels; "" where they lack none."""
    counts = [len(unit.record.get("facts", {}).get(LEFT_OUT, ())) for unit in run.mixed_cells(task).values()]
    if not any(counts):
        return ""
    least, most = min(count for count in counts if count), max(counts)
    some = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    return (
        f"{task}: {some} rows are left out where the two languages have another label; loss is on the rows of all cells"
    )


def _cell(run: RunView, task: str, mean: MixedMeanRecord | None) -> Cell:
    if mean is None:
        return None
    return Value(mean["score"], half_width(mean["low"], mean["high"]), scale=task_scale(run, task))
