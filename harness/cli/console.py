"""What all commands write with: tables and JSON on stdout, everything else on stderr, nothing a terminal would obey.

Whatever is written passes :func:`harness.core.safe_text.safe` here, wherever it comes from. rich is imported on first use.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.safe_text import UNSAFE, safe

if TYPE_CHECKING:
    from rich.console import Console


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


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; a column whose name starts with ``#`` is numeric (the mark is not shown)."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, show_edge=False)
    for index, name in enumerate(columns):
        justify: Any = "right" if name.startswith("#") else "left"
        # the first column is what the user types next: never cut, never wrapped
        table.add_column(name.removeprefix("#"), justify=justify, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(safe(cell, lines=True)) for cell in row))
    console = stdout_console()
    with console.capture() as capture:
        console.print(table)
    print_text("\n".join(line.rstrip() for line in capture.get().split("\n")).strip("\n"))


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

    Further lines of the text are indented: one that a file slipped into an error is not taken for a message of its own.
    """
    colour = {"error": "\x1b[1;31m", "warning": "\x1b[33m", "hint": "\x1b[36m"}.get(kind, "")
    label = f"{kind}: " if kind else ""
    if colour and sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label = f"{colour}{label}\x1b[0m"
    sys.stderr.write(label + re.sub(r"\n(?=\S)", "\n  ", safe(text, lines=True)) + "\n")


def _is_unicode(stream: Any) -> bool:
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")
