"""Tables on a terminal, drawn by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.table import Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def terminal_table(table: Table, *, framed: bool = False) -> RichTable:
    """The table for a rich console, whose width it takes: under its title or, ``framed``, between two blank lines.

    A framed table comes without its title: rich would break one that is wider than the table.
    """
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    title = Text(table.title) if table.title and not framed else None
    drawn = RichTable(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, show_edge=framed)
    for index, column in enumerate(table.columns):
        # the first column is what the user types next: never cut, never wrapped
        drawn.add_column(
            Text(column.name), justify="right" if column.numeric else "left", no_wrap=index == 0, overflow="fold"
        )
    for row in table.texts():
        drawn.add_row(*map(Text, row))
    return drawn
