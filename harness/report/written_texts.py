"""Texts that were written, in tables: the shares in a wrong language beside the scores, and which languages were written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.report.names import metric_name
from harness.report.table import Cell, Table, columns, detail, estimate_cell, number, report_table
from harness.results.run_view import RunView, TaskView, UnitView, language_of, sort_codes

_FACT = "written_languages"
_RATES = ("wrong_language", "english", "wrong_script", "short", "empty", "wrong_language_of_references")
_NAMES = {"wrong_language_of_references": "floor"}
_NOTES = (
    "wrong language, English and wrong script: of texts of at least ten letters; short and empty: of all texts",
    "floor: share of the references that the identifier takes for another language",
    "–: no text was long enough, or the identifier does not know the language, and wrong script alone is judged",
)


def written_tables(runs: Sequence[RunView]) -> Iterator[Table]:
    """A table of rates for all runs, and for each run and task one of languages that were asked for and written.

    None where no texts were written.
    """
    found = [(run, task) for run in runs for task in run.tasks.values() if _units(task)]
    if not found:
        return
    several = len(runs) > 1
    yield _rates(found, several=several)
    for run, task in found:
        yield _confusion(run, task, several=several)


def _units(task: TaskView) -> Mapping[str, UnitView]:
    """The units with a count of languages, in the order of tables."""
    known = {code: unit for code, unit in task.units.items() if _FACT in unit.record.get("facts", {})}
    return {code: known[code] for code in sort_codes(set(known))}


def _counts(unit: UnitView) -> Mapping[str, Any]:
    counts: Mapping[str, Any] = unit.record["facts"][_FACT]
    return counts


def _rates(found: Sequence[tuple[RunView, TaskView]], *, several: bool) -> Table:
    """A row a task, language and run."""
    primary = list(dict.fromkeys(name for _, task in found for name in task.primary))
    rows: list[list[Cell]] = []
    for run, task in found:
        for code, unit in _units(task).items():
            place: list[Cell] = [task.name, language_of(code).name, *([run.name] if several else [])]
            metrics = [unit.metrics.get(name) for name in (*primary, *_RATES)]
            rows.append([*place, *(estimate_cell(metric, interval=False) for metric in metrics)])
    if several:
        rows.sort(key=lambda row: (str(row[0]), str(row[1])))
    names = [_NAMES.get(name, metric_name(name)) for name in (*primary, *_RATES)]
    head = columns("task", "language", *([detail("run")] if several else []), *map(number, names))
    return report_table("written-texts", "Written texts in the wrong language", head, rows, _NOTES)


def _confusion(run: RunView, task: TaskView, *, several: bool) -> Table:
    """A row for each language that was asked for, a column for each that was written, the most frequent first."""
    counts = {code: _counts(unit) for code, unit in _units(task).items()}
    total = sum((Counter(each["written"]) for each in counts.values()), Counter[str]())
    written = [name for name, _ in total.most_common()]
    rows: list[list[Cell]] = [
        [language_of(code).name, *(each["written"].get(name, 0) for name in written)] for code, each in counts.items()
    ]
    identifiers = {f"{each['identifier']['name']} {each['identifier']['version']}" for each in counts.values()}
    notes = [f"languages identified by {', '.join(sorted(identifiers))}; short: too few letters to tell"]
    if weak := [code for code, each in counts.items() if each.get("too_weak")]:
        notes.append(
            f"too weak for {', '.join(weak)}: the counts of these rows are the nearest languages that it knows"
        )
    title = f"{f'{run.name}: ' if several else ''}{task.name}: languages that were asked for and, across, written"
    names = columns("asked for", *map(number, written))
    return report_table(f"written-languages-{task.name}", title, names, rows, notes, continued=True)
