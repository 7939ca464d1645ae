"""Decisions that change with the batch size and the precision, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.table import Table, number

if TYPE_CHECKING:
    from harness.analysis.invariance import Invariance

_HEADS = {"own": "its own", "random": "random", "none": "-"}
_NUMBERS = ("decisions", "fp32, batch 1 or full", "bf16, batch 1 or full", "fp32 or bf16")


def invariance_table(found: Invariance) -> Table:
    """A row a unit: its head, its decisions, and how many of them each change of batch size or precision changes."""
    title = f"decisions of {found.model} that change (device {found.device}, at most {found.limit} examples a unit)"
    rows = [
        (c.family, c.unit, _HEADS[c.head], *map(str, (c.decisions, c.fp32, c.bf16, c.precision))) for c in found.changes
    ]
    return Table.of(title, ["family", "unit", "head", *map(number, _NUMBERS)], rows)
