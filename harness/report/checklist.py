"""Error rates of a checklist as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.report.table import Table, Value, number

if TYPE_CHECKING:
    from harness.analysis.checklist.results import Results

WIDTH = 10
"""Languages of one table: the published templates have fifty."""


def checklist_tables(found: Results, cases: int) -> Iterator[Table]:
    """A row a test and their mean, a column a language; ``cases`` is the most that a test had. The first has the title."""
    rates = {(result.test, result.language): result.error_rate for result in found.results}
    title = f"error rates of {found.model}, % of at most {cases} cases ({found.templates} templates)"
    for start in range(0, len(found.languages), WIDTH):
        codes = found.languages[start : start + WIDTH]
        rows = [
            [test, *(Value(rates[test, code]) if (test, code) in rates else "" for code in codes)]
            for test in found.tests
        ]
        rows.append(["mean", *(Value(found.average(code)) for code in codes)])
        yield Table.of("" if start else title, ["test", *map(number, codes)], rows)
