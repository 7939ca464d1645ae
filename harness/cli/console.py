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
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from harness.report.table import Table


COLUMNS = "harness.columns"
"""The key of the option ``--columns`` in the context of a command."""


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

    width = None if stream.isatty() or "COLUMNS" in os.environ else 100_000  # rich reads both
    return SafeConsole(file=stream, markup=False, highlight=False, emoji=False, width=width)


def print_table(table: Table) -> None:
    """A table on stdout, under its title and with its notes."""
    print_tables([table])


def print_tables(tables: Iterable[Table]) -> None:
    """Tables on stdout, each under its title and with its notes, a blank line between them.

    They have the columns that fit the terminal, or those of the option ``--columns``.
    """
    for place, text in enumerate(table_texts(tables)):
        sys.stdout.write("\n" * bool(place) + text)


def table_texts(tables: Iterable[Table]) -> Iterator[str]:
    """Tables as :func:`print_tables` writes them, each ending with a newline."""
    from harness.report.fit import fit, fitting_parts, readable
    from harness.report.terminal import terminal_table

    for chosen in chosen_columns(tables):
        console = stdout_console()
        table = chosen if on_terminal() else readable(chosen)
        with console.capture() as capture:
            for part in fitting_parts(table, console.width):
                fitted = fit(part, console.width)
                if part.title:
                    console.print(part.title)
                console.print(terminal_table(fitted))
                for note in fitted.notes:
                    console.print(f"  {note}")
        yield "\n".join(line.rstrip() for line in capture.get().split("\n")).strip("\n") + "\n"


def print_framed(tables: Iterable[Table], console: Console) -> None:
    """Tables, each under its title, between blank lines, with its notes below."""
    from harness.report.fit import fit, fitting_parts
    from harness.report.terminal import terminal_table

    width = console.width - 2  # the edge takes a character on both sides
    for table in chosen_columns(tables):
        for part in fitting_parts(table, width):
            fitted = fit(part, width)
            if part.title:
                console.print(part.title)
            console.print(terminal_table(fitted, edge=True))
            for note in fitted.notes:
                console.print(f"  {note}")


def chosen_columns(tables: Iterable[Table]) -> list[Table]:
    """The tables with the columns that the option ``--columns`` of the command names, all columns without it."""
    from harness.report.fit import choose_columns

    return choose_columns(tables, columns_chosen())


def columns_chosen() -> tuple[str, ...]:
    """The names that the option ``--columns`` of the command gives."""
    import click

    context = click.get_current_context(silent=True)
    return context.meta.get(COLUMNS, ()) if context else ()


def on_terminal() -> bool:
    """Tells whether stdout has a width: it is a terminal, or COLUMNS says so."""
    return sys.stdout.isatty() or "COLUMNS" in os.environ


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
