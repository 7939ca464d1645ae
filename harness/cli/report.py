"""``harness report``: runs side by side in the format of your choice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli.shared_options import columns_option


@click.command("report")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format",
    metavar="NAME",
    help="text, md, csv, latex (tables to \\input), latex-document, html, json.  [default: by FILE's ending, or text]",
)
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="NAME",
    help="Only this table, as by-task or by-language; repeat for more.",
)
@columns_option
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write here instead of stdout.")
@click.option(
    "--data-dir",
    envvar="HARNESS_DATA_DIR",
    metavar="FOLDER",
    help="Where the html report finds examples, before the Hub's cache.  [env: HARNESS_DATA_DIR]",
)
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=12_000,
    show_default=True,
    metavar="N",
    help="Examples in the html report, about, of all tasks and languages together; 0: none.",
)
def command(
    runs: tuple[Path, ...],
    format: str | None,
    tables: tuple[str, ...],
    output: Path | None,
    data_dir: str | None,
    examples: int,
) -> None:
    """Report the scores of run folders by task, language, script, family and resource class, with transfer gaps.

    Several runs are shown side by side, with differences from the first one and marks where these are significant.
    """
    from harness.api import report
    from harness.cli.console import columns_chosen, message, on_terminal, print_text
    from harness.core.errors import DataError, UsageError
    from harness.core.files import write_atomic

    format = format or _format(output)
    if output is None and format == "text" and (columns_chosen() or on_terminal()):
        print_text(_fitted(runs, tables).removesuffix("\n"))
        return
    if columns_chosen():
        raise UsageError("--columns is for text on a terminal", hint="leave out --format and --output")
    text = report(runs, format, tables=tables, data_dir=data_dir, examples=examples)
    if output is None:
        print_text(text.removesuffix("\n"))
        return
    if output.is_dir():
        raise DataError(f"{output}: is a folder", hint=f"name a file, such as {output / 'report.html'}")
    write_atomic(output, text)
    message(f"written: {output}")


def _fitted(runs: Sequence[Path], tables: Sequence[str]) -> str:
    """The text with tables that fit the terminal."""
    from harness.cli.console import table_texts
    from harness.registry.default import get_registry
    from harness.report.formats import report_of
    from harness.report.text import to_text

    made = report_of(runs, get_registry(), tables=tables)
    return to_text(made, list(table_texts(table for table in made.tables if table.rows)))


def _format(output: Path | None) -> str:
    endings = {".md": "md", ".csv": "csv", ".tex": "latex", ".html": "html", ".htm": "html", ".json": "json"}
    return endings.get(output.suffix.lower(), "text") if output else "text"
