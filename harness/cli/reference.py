"""The command reference as Markdown, from the commands themselves: ``python -m harness.cli.reference > docs/commands.md``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import click

from harness.cli.main import cli

INTRODUCTION = """\
# Commands

Written by `make docs` from the commands themselves; `harness COMMAND --help` shows the same text.
Commands that plugins add are not listed here. Exit codes are in
[evaluation.md](evaluation.md#exit-codes).
"""

LINE = 100
"""Characters in a line of prose."""


def reference() -> str:
    """The whole page: every command that comes with the harness, its usage, what it does, its options."""
    return "\n".join([INTRODUCTION, *_sections("harness", cli, None)])


def _sections(name: str, command: click.Command, parent: click.Context | None) -> Iterator[str]:
    settings: dict[str, Any] = {**command.context_settings, "max_content_width": 1000, "terminal_width": 1000}
    context = click.Context(command, parent=parent, info_name=name, **settings)
    yield f"## {context.command_path}\n"
    yield f"```\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    yield _prose(command.help or "")
    options = [option for option in command.params if isinstance(option, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(context))]
    if rows:
        yield "| option | |\n|---|---|"
        yield "\n".join(f"| `{_cell(left)}` | {_cell(right)} |" for left, right in rows) + "\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            if inner is not None and not inner.hidden:
                yield from _sections(each, inner, context)


def _prose(text: str) -> str:
    paragraphs = text.replace("\b\n", "").replace("<", "&lt;").strip().split("\n\n")
    return (
        "\n\n".join(
            textwrap.fill(" ".join(paragraph.split()), LINE, break_long_words=False, break_on_hyphens=False)
            for paragraph in paragraphs
        )
        + "\n"
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
