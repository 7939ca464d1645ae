"""Tables on a terminal, drawn by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.table import Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def terminal_table(table: Table, *, title: bool = True, edge: bool = False) -> RichTable:
    """The table for a rich console, whose width it takes; ``edge`` puts a blank line above and below it.

    rich breaks a title that is wider than the table: ``title=False`` leaves it to the caller.
    """
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    above = Text(table.title) if table.title and title else None
    drawn = RichTable(box=box.SIMPLE_HEAD, title=above, title_justify="left", pad_edge=False, show_edge=edge)
    for index, column in enumerate(table.columns):
        # the first column is what the user types next: never cut, never wrapped
        drawn.add_column(
            Text(column.name), justify="right" if column.numeric else "left", no_wrap=index == 0, overflow="fold"
        )
    for row in table.texts():
        drawn.add_row(*map(Text, row))
    return drawn
