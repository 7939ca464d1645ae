"""Output of all commands: tables and JSON on stdout, everything else on stderr, no terminal control codes.

Whatever is written passes :func:`harness.core.safe_text.safe` here, wherever it comes from. rich is imported on first use.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from harness.core.safe_text import UNSAFE, safe

if TYPE_CHECKING:
    from rich.console import Console

    from harness.report.table import Table


def stdout_console() -> Console:
    """A rich console on stdout. Markup is off: text is never code, and ``xnli[sw]`` stays what it is.

    Not to a terminal, lines are as wide as they need to be, so that ``| grep`` and ``| cut`` see whole rows.
    """
    return _console(sys.stdout)


def stderr_console() -> Console:
    """A rich console on stderr, for progress and messages."""
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    from rich.console import Console

    class SafeConsole(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            texts = (safe(item, lines=True) if isinstance(item, str) else item for item in objects)
            super().print(*texts, **options)

    width = None if stream.isatty() or "COLUMNS" in os.environ else 100_000
    return SafeConsole(file=stream, markup=False, highlight=False, emoji=False, width=width)


def print_table(table: Table, *, title: bool = True) -> None:
    """A table on stdout with its notes, under its title, which is broken where the table is narrower, or without it."""
    from harness.report.terminal import terminal_table

    console = stdout_console()
    with console.capture() as capture:
        console.print(terminal_table(table, title=title))
        for note in table.notes:
            console.print(f"  {note}")
    sys.stdout.write("\n".join(line.rstrip() for line in capture.get().split("\n")).strip("\n") + "\n")


def print_framed(table: Table, console: Console) -> None:
    """A title on a separate line, and the table between blank lines, its notes below."""
    from harness.report.terminal import terminal_table

    console.print(table.title)
    console.print(terminal_table(table, title=False, edge=True))
    for note in table.notes:
        console.print(f"  {note}")


def print_text(text: str) -> None:
    """A line, or several, on stdout."""
    sys.stdout.write(safe(text, lines=True) + "\n")


def print_json(value: Any) -> None:
    """JSON on stdout; control characters are escaped, other scripts are readable where the encoding allows."""
    text = json.dumps(value, indent=2, ensure_ascii=not _is_unicode(sys.stdout), allow_nan=False, default=_plain)
    print_text(UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def _plain(value: Any) -> Any:
    from dataclasses import asdict, is_dataclass
    from pathlib import PurePath

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def message(text: object, kind: str = "") -> None:
    """A line on stderr: ``message("no data", "warning")`` writes "warning: no data".

    Further lines of the text are indented: one that a file slipped into an error is not taken for a separate message.
    """
    colour = {"error": "\x1b[1;31m", "warning": "\x1b[33m", "hint": "\x1b[36m"}.get(kind, "")
    label = f"{kind}: " if kind else ""
    if colour and sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = f"{colour}{label}\x1b[0m"
    sys.stderr.write(label + re.sub(r"\n(?=\S)", "\n  ", safe(text, lines=True)) + "\n")


def _is_unicode(stream: Any) -> bool:
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")
