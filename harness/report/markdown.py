"""A report as Markdown (GitHub's tables)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.core.safe_text import safe
from harness.report.provenance import caveats, data_notes, headline, provenance
from harness.report.table import Table

if TYPE_CHECKING:
    from harness.report.report import Report

_SPECIAL = re.compile(r"[\\`*\[\]<>|~&$#!@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^\s*(?:[-+=]|\d+[.)])(?=[\s=-]|$)")


def to_markdown(report: Report) -> str:
    """All tables under headings."""
    parts = [f"# {escape(headline(report.runs))}", ""]
    for run in report.runs:
        prefix = f"{escape(run.name)}: " if len(report.runs) > 1 else ""
        parts += [f"- {prefix}{escape(line)}" for line in caveats(run)]
    parts.append("")
    for table in report.tables:
        if table.rows:
            parts += [f"## {escape(table.title)}", "", markdown_table(table), ""]
            parts += [f"{escape(note)}  " for note in table.notes] + [""] * bool(table.notes)
    for run in report.runs:
        parts += [f"## Provenance: {escape(run.name)}", ""]
        parts += [f"- {escape(name)}: {escape(value)}" for name, value in provenance(run)]
        parts += [f"- {escape(line)}" for line in data_notes(run)]
        parts.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def markdown_table(table: Table) -> str:
    """One table, without its title and notes."""
    head, *rows = [[escape(text) for text in line] for line in (table.head, *table.texts())]
    rule = ["--:" if column.numeric else ":--" for column in table.columns]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *rows))


def titled_tables(tables: Iterable[Table], notes: Iterable[str]) -> str:
    """Tables under their titles in bold, and a list of notes, ending with a newline."""
    parts = [f"**{escape(table.title)}**\n\n{markdown_table(table)}\n" for table in tables]
    return "\n".join([*parts, *(f"- {escape(note)}" for note in notes)]) + "\n"


def escape(text: str) -> str:
    """The text as Markdown that renders as it, without control characters; entities for what HTML or a table would obey."""
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;", "@": "&#64;", "!": "&#33;", "$": "&#36;"}

    def escaped(match: re.Match[str]) -> str:
        found = match[0]
        return entities.get(found) or f"{found[:-1]}\\{found[-1]}"

    return _SPECIAL.sub(escaped, safe(text))
