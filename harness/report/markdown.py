"""A report as Markdown (GitHub's tables)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.report.summary import caveats, data_notes, headline, provenance
from harness.report.table import Table, show

if TYPE_CHECKING:
    from harness.report.report import Report

_SPECIAL = re.compile(r"[\\`*\[\]<>|~&$#!@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^\s*(?:[-+=]|\d+[.)])(?=[\s=-]|$)")


def to_markdown(report: Report) -> str:
    """All tables under headings."""
    parts = [f"# {escape(headline(report.systems))}", ""]
    for system in report.systems:
        prefix = f"{escape(system.name)}: " if len(report.systems) > 1 else ""
        parts += [f"- {prefix}{escape(line)}" for line in caveats(system)]
    parts.append("")
    for table in report.tables:
        if table.rows:
            parts += [f"## {escape(table.title)}", "", markdown_table(table), ""]
            parts += [f"{escape(note)}  " for note in table.notes] + [""] * bool(table.notes)
    for system in report.systems:
        parts += [f"## Provenance: {escape(system.name)}", ""]
        parts += [f"- {escape(name)}: {escape(value)}" for name, value in provenance(system)]
        parts += [f"- {escape(line)}" for line in data_notes(system)]
        parts.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def markdown_table(table: Table) -> str:
    """One table, without its title and notes."""
    columns = range(len(table.columns))
    lines = [[escape(name) for name in table.columns], ["--:" if table.numeric(i) else ":--" for i in columns]]
    lines += [[escape(show(cell)) for cell in row] for row in table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def escape(text: str) -> str:
    """The text as Markdown that renders as it; entities for what HTML or a table would take for its own."""
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;", "@": "&#64;", "!": "&#33;", "$": "&#36;"}

    def escaped(match: re.Match[str]) -> str:
        found = match[0]
        return entities.get(found) or f"{found[:-1]}\\{found[-1]}"

    return _SPECIAL.sub(escaped, text)
