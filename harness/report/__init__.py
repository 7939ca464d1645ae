"""Reports: the records of runs as text, Markdown, CSV, LaTeX, JSON, or one HTML page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from harness.errors import UsageError, did_you_mean
from harness.report.differences import Differences, differences
from harness.report.sections import all_tables
from harness.report.table import Table
from harness.report.view import System, load_systems

FORMATS: dict[str, str] = {
    "text": "harness.report.text:to_text",
    "md": "harness.report.markdown:to_markdown",
    "csv": "harness.report.rows:to_csv",
    "latex": "harness.report.latex:to_latex",
    "html": "harness.report.page:to_html",
    "json": "harness.report.plain:to_json",
}


@dataclass(frozen=True)
class Report:
    """Systems side by side: their views, the differences from the first one, and the tables of both.

    ``data_dir`` is where the texts of wrong examples are looked up for the page.
    """

    systems: tuple[System, ...]
    compared: tuple[Differences, ...]
    tables: tuple[Table, ...]
    data_dir: str | Path | None = None


def make_report(systems: Sequence[System], data_dir: str | Path | None = None) -> Report:
    """The report of one system or several; differences are from the first. UsageError where there is none."""
    if not systems:
        raise UsageError("nothing to report", hint="name one run folder or several")
    compared = tuple(differences(systems[0], other) for other in systems[1:])
    return Report(tuple(systems), compared, tuple(all_tables(systems, compared)), data_dir)


def report(runs: Sequence[Path], format: str = "text", data_dir: str | Path | None = None) -> str:
    """The report of run folders in one of :data:`FORMATS`; ``data_dir`` has the texts of the page's wrong examples.

    Raises :class:`~harness.errors.DataError` for a folder without a complete record, UsageError for an unknown format.
    """
    return render(make_report(load_systems(runs), data_dir), format)


def render(made: Report, format: str) -> str:
    """The report in one of :data:`FORMATS`, ending with a newline."""
    if format not in FORMATS:
        raise UsageError(f"unknown format {format!r}", hint=did_you_mean(format, FORMATS))
    module, _, name = FORMATS[format].partition(":")
    renderer: Callable[[Report], str] = getattr(import_module(module), name)
    return renderer(made)
