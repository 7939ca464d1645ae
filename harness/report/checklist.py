"""Error rates of a checklist as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.table import Table, Value, number

if TYPE_CHECKING:
    from harness.analysis.checklist.results import Results


def checklist_table(found: Results, cases: int) -> Table:
    """A row a language, a column a test and their mean; ``cases`` is the most that a test had."""
    rates = {(result.test, result.language): result.error_rate for result in found.results}
    title = f"error rates of {found.model}, % of at most {cases} cases ({found.templates} templates)"
    rows = [
        [
            code,
            *(Value(rates[test, code]) if (test, code) in rates else "" for test in found.tests),
            Value(found.average(code)),
        ]
        for code in found.languages
    ]
    return Table.of(title, ["language", *map(number, (*found.tests, "mean"))], rows)
