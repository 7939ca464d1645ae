"""A table, as every output renders it: named columns of texts, numbers and differences, under a title, with notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from harness.core.safe_text import safe, sanitise
from harness.scoring.chance import chance_notes
from harness.scoring.scale import PERCENT, Scale, shown

if TYPE_CHECKING:
    from harness.scoring.scores import Estimate

DASH = "–"

Kind = Literal["text", "number", "difference"]


@dataclass(frozen=True)
class Column:
    """A named column; numbers and differences are aligned to the right, differences have a sign.

    A ``detail`` is left out before others where a terminal has no room for all.
    """

    name: str
    kind: Kind = "text"
    detail: bool = False

    @property
    def numeric(self) -> bool:
        """True for numbers and differences."""
        return self.kind != "text"


def number(name: str, *, detail: bool = False) -> Column:
    """A column of numbers."""
    return Column(name, "number", detail)


def detail(name: str) -> Column:
    """A column of texts that is left out first."""
    return Column(name, detail=True)


def difference(name: str) -> Column:
    """A column of differences."""
    return Column(name, "difference")


def columns(*given: str | Column) -> list[Column]:
    """The columns of a table; one given as a string is of texts."""
    return [Column(column) if isinstance(column, str) else column for column in given]


@dataclass(frozen=True)
class Value:
    """A score or a difference of scores; ``mark`` follows the number ("*", "†", "§", "¶"), ``scale`` is that of its metric.

    ``half_width`` is half the width of its 95% interval, or its standard deviation over seeds.
    """

    value: float
    half_width: float | None = None
    mark: str = ""
    scale: Scale = PERCENT

    def show(self, *, signed: bool = False) -> str:
        """The number with the digits of its scale: ``79.2 ±0.5*``, or ``+1.3`` if ``signed``; zero has no sign."""
        text = shown(self.value, self.scale, signed=signed)
        half = None if self.half_width is None else shown(self.half_width, self.scale, like=self.value)
        return text + (f" ±{half}" if half is not None else "") + self.mark


@dataclass(frozen=True)
class PageText:
    """A text with what only a page shows: a link, a hint under the pointer, a class of the style sheet.

    ``order`` is the number that a page sorts it by; "" where that is the text. ``number`` is the number that the text is
    short for, None where it is none.
    """

    text: str
    link: str = ""
    hint: str = ""
    style: str = ""
    order: str = ""
    number: float | None = None


Cell = str | int | Value | PageText | None


def score_cell(
    value: float | None,
    half_width: float | None = None,
    mark: str = "",
    *,
    scale: Scale = PERCENT,
) -> Cell:
    """A value as a cell, which is empty if there is none."""
    return None if value is None else Value(value, half_width, mark, scale)


def estimate_cell(found: Estimate | None, mark: str = "", *, interval: bool = True) -> Cell:
    """A score of a unit as a cell, with or without half the width of its interval; one at chance or below it is marked."""
    if found is None:
        return None
    half_width = found.half_width if interval else None
    return score_cell(found.value, half_width, mark + found.chance_mark, scale=found.scale)


@dataclass(frozen=True)
class Table:
    """A table under a title; ``notes`` explain its marks. ``name`` is what JSON and LaTeX call it.

    ``turnable`` tells that rows and columns may change places where it then fits: few systems in many languages.
    ``continued`` tells that columns which do not fit follow below, in a further table: a matrix of languages.

    All texts are safe to show on a terminal, on one line: control characters arrive as visible escapes.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    name: str = ""
    turnable: bool = False
    continued: bool = False

    @classmethod
    def of(
        cls,
        title: str,
        head: Iterable[str | Column],
        rows: Iterable[Sequence[Cell]],
        notes: Iterable[str] = (),
        *,
        name: str = "",
        length: int | None = None,
        turnable: bool = False,
    ) -> Table:
        """A table with every text made safe; title, head and cells are cut to ``length`` characters if it is given."""

        def text(value: str) -> str:
            return safe(value) if length is None else sanitise(value, length)

        rows = [tuple(row) for row in rows]
        marks = (cell.mark for row in rows for cell in row if isinstance(cell, Value))
        notes = [*notes, *chance_notes(marks)]
        return cls(
            text(title),
            tuple(replace(column, name=text(column.name)) for column in columns(*head)),
            tuple(tuple(_safe(cell, text) for cell in row) for row in rows),
            tuple(sanitise(note, 2000) for note in notes),
            name,
            turnable,
        )

    @property
    def head(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def texts(self) -> list[list[str]]:
        """The cells of each row, as every text format shows them."""
        return [[show(cell, column) for cell, column in zip(row, self.columns, strict=True)] for row in self.rows]


def show(cell: Cell, column: Column) -> str:
    """A cell as text: counts in groups of three digits, a dash if there is nothing."""
    if isinstance(cell, Value):
        return cell.show(signed=column.kind == "difference")
    if isinstance(cell, PageText):
        return cell.text
    return DASH if cell is None else f"{cell:,}" if isinstance(cell, int) else cell


def _safe(cell: Cell, text: Callable[[str], str]) -> Cell:
    if isinstance(cell, PageText):
        return replace(cell, text=text(cell.text), hint=safe(cell.hint))
    return text(cell) if isinstance(cell, str) else cell


def report_table(
    name: str,
    title: str,
    head: Iterable[str | Column],
    rows: Iterable[Sequence[Cell]],
    notes: Iterable[str] = (),
    *,
    continued: bool = False,
) -> Table:
    """A table of a report, whose names come from anywhere: those beyond 80 characters are cut."""
    return replace(Table.of(title, head, rows, notes, name=name, length=80), continued=continued)
