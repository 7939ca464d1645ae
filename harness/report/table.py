"""What every text format renders: tables of texts, counts and scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.core.safe_text import clean

DASH = "–"


@dataclass(frozen=True)
class Value:
    """A score, 0-100, or a difference of scores (``signed``); ``mark`` follows the number ("*", "†").

    ``half`` is half the width of its 95% interval, or its standard deviation over seeds.
    """

    value: float
    half: float | None = None
    mark: str = ""
    signed: bool = False

    def __str__(self) -> str:
        number = f"{self.value:+.1f}" if self.signed else f"{self.value:.1f}"
        if number == "-0.0":
            number = "0.0"
        return number.replace("+0.0", "0.0") + (f" ±{self.half:.1f}" if self.half is not None else "") + self.mark


Cell = str | int | Value | None


@dataclass(frozen=True)
class Table:
    """A table under a title; ``notes`` explain its marks. ``name`` is what JSON and LaTeX call it.

    All texts are safe to show on a terminal: control characters arrive as visible escapes.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def numeric(self, index: int) -> bool:
        """Whether a column holds numbers only."""
        return index > 0 and not any(isinstance(row[index], str) for row in self.rows)


def table(
    name: str, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], notes: Iterable[str] = ()
) -> Table:
    """A table with every text made safe."""
    return Table(
        name,
        clean(title),
        tuple(clean(column) for column in columns),
        tuple(tuple(clean(cell) if isinstance(cell, str) else cell for cell in row) for row in rows),
        tuple(clean(note, 2000) for note in notes),
    )


def show(cell: Cell) -> str:
    """A cell as every text format shows it."""
    if cell is None:
        return DASH
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
