"""Scores by attributes of the examples as tables: all attributes of a run, or one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from harness.report.table import Cell, Table, columns, estimate_cell, number, report_table

if TYPE_CHECKING:
    from harness.analysis.breakdown.compute import Breakdown, Bucket
    from harness.types.extensions import Attribute


def breakdown_table(found: Sequence[Breakdown]) -> Table:
    """A row a bucket, under the task and the attribute that the first row of each names."""
    rows = [
        (part.task if index == 0 else "", part.attribute if index == 0 else "", bucket.name, bucket.n, _score(bucket))
        for part in found
        for index, bucket in enumerate(part.buckets)
    ]
    head = columns("task", "attribute", "bucket", number("n"), number("score"))
    return Table.of("scores by attribute (± half of the 95% interval)", head, rows)


def bucket_table(part: Breakdown) -> Table:
    """A row a bucket of one attribute."""
    rows = [(bucket.name, bucket.n, _score(bucket)) for bucket in part.buckets]
    name = f"breakdown-{part.attribute}"
    return report_table(name, part.attribute, [part.attribute, number("items"), number("score")], rows)


def attribute_table(attributes: Iterable[Attribute]) -> Table:
    """A row an attribute: its name, the examples that have it, its summary."""
    rows = [(a.name, ", ".join(kind.__name__ for kind in a.examples) or "all", a.summary) for a in attributes]
    return Table.of("", ["attribute", "examples", "what it is"], rows)


def _score(bucket: Bucket) -> Cell:
    return estimate_cell(bucket.score)
