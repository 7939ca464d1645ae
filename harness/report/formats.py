"""The formats of reports, ours and those of plugins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from harness.analysis.answers import MOST
from harness.core.border import border
from harness.core.errors import PluginError, UsageError, did_you_mean
from harness.core.files import write_atomic
from harness.registry.registry import Registry, load_part
from harness.report.csv import table_csv
from harness.report.report import Report, make_report
from harness.results.systems import load_runs

FORMATS: dict[str, str] = {
    "text": "harness.report.text:to_text",
    "md": "harness.report.markdown:to_markdown",
    "csv": "harness.report.csv:to_csv",
    "latex": "harness.report.latex:to_latex",
    "latex-document": "harness.report.latex:to_latex_document",
    "html": "harness.report.pages.run_page:to_html",
    "json": "harness.report.json:to_json",
}
_PLUGINS = "'harness plugins' says who provides what; --no-plugin leaves a plugin out"


OF_TABLES = ("text", "md", "csv", "latex", "latex-document")
"""The formats that can be cut to some of the tables."""


def report(
    runs: Sequence[Path],
    registry: Registry,
    format: str = "text",
    data_dir: str | Path | None = None,
    tables: Sequence[str] = (),
    examples: int = MOST,
) -> str:
    """The report of run folders in one of :data:`FORMATS`; ``data_dir`` has the examples that the page shows,
    about ``examples`` of all units together.

    ``tables`` names those that are wanted, all if left out. Raises :class:`~harness.core.errors.DataError` for a
    folder without a complete record, UsageError for an unknown format or table.
    """
    if tables and format not in OF_TABLES:
        raise UsageError(f"the format {format!r} has no single tables", hint=f"--table is for {', '.join(OF_TABLES)}")
    made = report_of(runs, registry, data_dir, tables, examples)
    if tables and format == "csv":
        return "\n".join(table_csv(table) for table in made.tables)
    return render(made, format)


def report_of(
    runs: Sequence[Path],
    registry: Registry,
    data_dir: str | Path | None = None,
    tables: Sequence[str] = (),
    examples: int = MOST,
) -> Report:
    """The report of run folders as a value, with the ``tables`` that are named, or all."""
    made = make_report(load_runs(runs), registry, data_dir, examples)
    return _cut(made, tables) if tables else made


def _cut(made: Report, wanted: Sequence[str]) -> Report:
    known = dict.fromkeys(table.name for table in made.tables)
    for name in wanted:
        if name not in known:
            raise UsageError(f"no table {name!r} in this report", hint=did_you_mean(name, known))
    return replace(made, tables=tuple(table for table in made.tables if table.name in wanted))


def render(made: Report, format: str) -> str:
    """The report in one of :data:`FORMATS` or in a plugin's format (which is given the runs), ending with a newline."""
    if format in FORMATS:
        module, _, name = FORMATS[format].partition(":")
        renderer: Callable[[Report], str] = getattr(import_module(module), name)
        return renderer(made)
    known = made.registry.report_formats()
    if format not in known:
        raise UsageError(f"unknown format {format!r}", hint=did_you_mean(format, [*FORMATS, *known]))
    with border(f"plugin {known[format].provider}: report format {format!r}: render", PluginError, hint=_PLUGINS):
        text = load_part(known[format], "render")(made.runs)
    if not isinstance(text, str):
        raise PluginError(
            f"{known[format].provider}: the report format {format!r} returned {type(text).__name__}, not text"
        )
    return text if text.endswith("\n") else text + "\n"


def write_page(runs: Sequence[Path], path: Path, registry: Registry, data_dir: str | Path | None = None) -> None:
    """Writes the page of these runs as a whole or not at all."""
    write_atomic(path, report(runs, registry, "html", data_dir))
