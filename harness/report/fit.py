"""Tables that fit a width: columns that do not fit are left out and named, texts are wrapped between words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.core.errors import UsageError, did_you_mean
from harness.report.table import Column, Table, show

GAP = 3
"""Characters between two columns on a terminal."""
_WORD = 16
"""Longest word that is never broken, if the column has room for nothing else."""
_NARROW = 12
"""The least width of a column of texts that are longer."""
_READABLE = 30
"""The width at which a long text is easy to read."""


_MANY = 60
"""Columns that nobody reads side by side, whatever the width."""


@dataclass(frozen=True)
class FittedTable:
    """A table with the columns that are shown, the width of each, and the names of those that are left out."""

    table: Table
    widths: tuple[int, ...]
    hidden: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of the table, and one on the columns that are left out."""
        if not self.hidden:
            return self.table.notes
        wanted = "--columns NAMES chooses, a wider terminal shows more"
        return (*self.table.notes, f"not shown: {', '.join(self.hidden)} ({wanted})")


def fitting_parts(table: Table, width: int) -> list[Table]:
    """The table or, of one that may be continued, the tables that it takes to show all of its columns within ``width``.

    Each begins with the first column; the title is above the first of them and the notes are below the last.
    """
    left, parts = table, []
    while left.continued and (cut := _whole_columns(left, width)) < len(left.columns):
        parts.append(replace(_with_columns(left, range(cut)), notes=()))
        left = replace(_with_columns(left, [0, *range(cut, len(left.columns))]), title="")
    return [*parts, left]


def _whole_columns(table: Table, width: int) -> int:
    """The number of columns from the left that fit, the first one and at least one more."""
    cuts = range(len(table.columns), 2, -1)
    return next((cut for cut in cuts if not _fitted(_with_columns(table, range(cut)), width).hidden), 2)


def fit(table: Table, width: int) -> FittedTable:
    """The table within ``width`` characters: as it is or, where that shows more, with columns for rows if it may be turned.

    The first column is always shown. Of the others, those that are no details come first, each from left to right. Numbers
    are never broken; texts are, between words, in what is left.
    """
    found = _fitted(table, width)
    if found.hidden and table.turnable:
        turned = _fitted(turn(table), width)
        if not turned.hidden:
            return turned
    return found


def readable(table: Table) -> Table:
    """The table where there is no width to fit: turned if it may be and has too many columns to be read."""
    many = table.turnable and len(table.columns) > max(_MANY, len(table.rows))
    return turn(table) if many else table


def turn(table: Table) -> Table:
    """The table with a row for each column but the first, and a column for each row."""
    first, *others = table.columns
    heads = [show(row[0], first) for row in table.rows]
    rows = [
        (column.name, *(show(row[place], column) for row in table.rows)) for place, column in enumerate(others, start=1)
    ]
    head = (Column(""), *(Column(name, "number") for name in heads))
    return replace(table, columns=head, rows=tuple(rows), turnable=False)


def choose_columns(tables: Iterable[Table], names: Sequence[str]) -> list[Table]:
    """The tables with their first column and those that are named, in the order given; a table that has none is as it was.

    UsageError for a name that no table has.
    """
    found = list(tables)
    known = dict.fromkeys(name for table in found for name in table.head if name)
    for name in names:
        if name not in known:
            raise UsageError(f"--columns: no column {name!r}", hint=f"{did_you_mean(name, known)}: {', '.join(known)}")
    return [_chosen(table, names) for table in found]


def _chosen(table: Table, names: Sequence[str]) -> Table:
    places = [table.head.index(name) for name in dict.fromkeys(names) if name in table.head]
    if not places:
        return table
    return _with_columns(table, [0, *(place for place in places if place)])


def _with_columns(table: Table, places: Iterable[int]) -> Table:
    chosen = list(places)
    return replace(
        table,
        columns=tuple(table.columns[place] for place in chosen),
        rows=tuple(tuple(row[place] for place in chosen) for row in table.rows),
    )


def _fitted(table: Table, width: int) -> FittedTable:
    texts = table.texts()
    needs = [_Need.of(column, [row[place] for row in texts]) for place, column in enumerate(table.columns)]
    first = min(needs[0].natural, max(needs[0].least, width // 2))
    needs[0] = replace(needs[0], least=first, readable=max(first, needs[0].readable))
    shown = [0]
    used = needs[0].least
    for place in range(1, len(needs)):
        if not table.columns[place].detail and used + GAP + needs[place].least <= width:
            shown.append(place)
            used += GAP + needs[place].least
    used = sum(needs[place].readable for place in shown) + GAP * (len(shown) - 1)
    for place in range(1, len(needs)):
        if table.columns[place].detail and used + GAP + needs[place].readable <= width:
            shown.append(place)
            used += GAP + needs[place].readable
    shown.sort()
    hidden = tuple(column.name or "marks" for place, column in enumerate(table.columns) if place not in shown)
    widths = _widths([needs[place] for place in shown], width - GAP * (len(shown) - 1))
    return FittedTable(_with_columns(table, shown), widths, hidden)


@dataclass(frozen=True)
class _Need:
    """Widths of a column in characters: without which it cannot be read, at which it reads well, and on one line."""

    least: int
    readable: int
    natural: int

    @classmethod
    def of(cls, column: Column, cells: Sequence[str]) -> _Need:
        head = _longest_word([column.name])
        widest = max((_width(cell) for cell in cells), default=0)
        natural = max(widest, _width(column.name))
        if column.numeric:
            return cls(max(widest, head), max(widest, head), natural)
        word = _longest_word(cells)
        least = max(head, min(widest, max(word, _NARROW) if word <= _WORD else _NARROW))
        return cls(least, max(least, min(natural, _READABLE)), natural)


def _widths(needs: Sequence[_Need], room: int) -> tuple[int, ...]:
    """A width for each column: what is left goes first to make all readable, then to spare lines, evenly."""
    widths = [need.least for need in needs]
    for wanted in ([need.readable for need in needs], [need.natural for need in needs]):
        left = room - sum(widths)
        short = sorted((place for place in range(len(needs)) if wanted[place] > widths[place]), key=lambda p: wanted[p])
        for number, place in enumerate(short):
            more = min(wanted[place] - widths[place], max(left, 0) // (len(short) - number))
            widths[place] += more
            left -= more
    return tuple(widths)


def _longest_word(texts: Iterable[str]) -> int:
    return max((_width(word) for text in texts for word in text.split()), default=0)


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
