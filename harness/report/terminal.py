"""Tables on a terminal, drawn by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.fit import FittedTable

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def terminal_table(fitted: FittedTable, *, edge: bool = False) -> RichTable:
    """The table for a rich console, without title and notes; ``edge`` puts a blank line above and below it."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=edge)
    for column, width in zip(fitted.table.columns, fitted.widths, strict=True):
        drawn.add_column(
            Text(column.name),
            justify="right" if column.numeric else "left",
            overflow="fold",
            min_width=width,
            max_width=width,
        )
    for row in fitted.table.texts():
        drawn.add_row(*map(Text, row))
    return drawn
