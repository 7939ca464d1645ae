"""A report as plain text, aligned for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.core.safe_text import sanitise
from harness.report.provenance import caveats, data_notes, headline, provenance
from harness.report.table import Table

if TYPE_CHECKING:
    from harness.report.report import Report


def to_text(report: Report, texts: Sequence[str] | None = None) -> str:
    """All tables under their titles, then what each run is. No control character but line ends.

    ``texts`` are the tables with rows as they are drawn, each ending with a newline; by default by :func:`text_table`.
    """
    if texts is None:
        texts = [text_table(table) + "\n" for table in report.tables if table.rows]
    parts = [headline(report.runs)]
    for run in report.runs:
        prefix = f"{sanitise(run.name)}: " if len(report.runs) > 1 else ""
        parts += [f"{prefix}{line}" for line in caveats(run)]
    parts += ["", *texts]
    for run in report.runs:
        parts.append(f"Provenance: {sanitise(run.name)}")
        facts = provenance(run)
        width = max(len(name) for name, _ in facts)
        parts += [f"  {name:<{width}}  {value}" for name, value in facts]
        parts += [f"  {line}" for line in data_notes(run)]
        parts.append("")
    return "\n".join(parts)


def text_table(table: Table) -> str:
    """One table: title, a rule under the head, numbers to the right, notes below."""
    cells = [table.head, *table.texts()]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(table.columns))]
    # numbers keep their decimal points under each other although some carry a mark
    lines = []
    for row in cells:
        padded = [
            " " * (width - _width(cell)) + cell if column.numeric else cell + " " * (width - _width(cell))
            for column, cell, width in zip(table.columns, row, widths, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join([table.title, *lines, *(f"  {note}" for note in table.notes)])


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
