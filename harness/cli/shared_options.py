"""Options that several commands take, declared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Decorated = Callable[..., Any]


def split_commas(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """``--language de,sw --language ur`` as ("de", "sw", "ur")."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def selection_options(command: Decorated) -> Decorated:
    """--benchmark, --task, --language."""
    for option in (
        click.option(
            "--language",
            "languages",
            multiple=True,
            callback=split_commas,
            metavar="CODES",
            help="de,sw or script:Cyrl.",
        ),
        click.option("--task", "tasks", multiple=True, metavar="SELECTOR", help="xnli, 'x*', 'xnli[sw,ur]', -panx."),
        click.option("--benchmark", metavar="NAME", help="All tasks and languages of a benchmark: xtreme."),
    ):
        command = option(command)
    return command


def data_options(command: Decorated) -> Decorated:
    """--data-dir, --offline."""
    for option in (
        click.option("--offline", is_flag=True, help="Use local files and caches only."),
        click.option(
            "--data-dir",
            envvar="HARNESS_DATA_DIR",
            metavar="FOLDER",
            help="Data in the Hub's snapshot layout.  [env: HARNESS_DATA_DIR]",
        ),
    ):
        command = option(command)
    return command
