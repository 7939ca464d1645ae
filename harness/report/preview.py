"""The preview of a run as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.report.table import Table

if TYPE_CHECKING:
    from harness.evaluation.preview import PreviewedUnit


def preview_table(title: str, units: Sequence[PreviewedUnit]) -> Table:
    """A row a unit: its examples, its data, and whether it is done."""
    rows = []
    for each in units:
        unit = each.planned.unit
        examples = "" if each.examples is None else f"{each.examples:,}"
        rows.append((unit.task, unit.language, unit.split, examples, each.data, "yes" if each.done else "no"))
    return Table.of(title, ["task", "language", "split", "examples", "data", "done"], rows)
