"""``harness figures``: figures for papers."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("figures")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--out", metavar="FOLDER", default="figures", show_default=True, help="Folder for the figures.")
@click.option("--type", "type", metavar="NAME", default="pdf", show_default=True, help="pdf, svg or png.")
def command(runs: tuple[Path, ...], out: str, type: str) -> None:
    """Draw runs as figures for papers: the languages of each task, the transfer gaps, heat maps of scores.

    Several runs are drawn side by side, with heat maps of their differences from the first. Needs the extra "figures".
    """
    from harness.api import figures
    from harness.cli.console import message

    for path in figures(runs, out, type=type):
        message(f"written: {path}")
