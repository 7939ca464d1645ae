"""The searches for options on English dev data, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.pace import duration
from harness.report.table import Table, Value, columns, number


def search_table(searches: Sequence[Mapping[str, Any]]) -> Table:
    """A row a model, arm and task; a column a value that was tried, with its English dev score, and the one chosen.

    ``searches`` are the entries of ``search.json``.
    """
    values = list(dict.fromkeys(value for each in searches for value in each["runs"]))
    option = ", ".join(dict.fromkeys(each["option"] for each in searches))
    rows = [
        (
            each["model"],
            each["arm"],
            task,
            *(Value(scores[value]) if value in scores else None for value in values),
            each["chosen"].get(task, ""),
        )
        for each in searches
        for task, scores in each["dev"].items()
    ]
    costs = [each["cost"] for each in searches]
    runs, seconds = sum(cost["runs"] for cost in costs), sum(cost["seconds"] for cost in costs)
    notes = [
        "English dev scores of runs with a seed of their own; no data of the target languages were used",
        f"the search took {runs} runs and {duration(seconds)} of training and scoring",
    ]
    head = columns("model", "arm", "task", *map(number, values), "chosen")
    return Table.of(f"Search for {option}", head, rows, notes, name="search")
