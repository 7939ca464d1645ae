"""``harness report``: runs side by side in the format of your choice."""

from __future__ import annotations

from pathlib import Path

import click


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
    from harness.cli.console import message, print_text
    from harness.core.errors import DataError
    from harness.core.files import write_atomic

    text = report(runs, format or _format(output), tables=tables, data_dir=data_dir, examples=examples)
    if output is None:
        print_text(text.removesuffix("\n"))
        return
    if output.is_dir():
        raise DataError(f"{output}: is a folder", hint=f"name a file, such as {output / 'report.html'}")
    write_atomic(output, text)
    message(f"written: {output}")


def _format(output: Path | None) -> str:
    endings = {".md": "md", ".csv": "csv", ".tex": "latex", ".html": "html", ".htm": "html", ".json": "json"}
    return endings.get(output.suffix.lower(), "text") if output else "text"
