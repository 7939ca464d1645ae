"""Reports: the records of runs as text, Markdown, CSV, LaTeX, JSON, or one HTML page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from harness.analysis.differences import Differences, differences
from harness.core.border import border
from harness.core.errors import PluginError, UsageError, did_you_mean
from harness.core.files import write_atomic
from harness.report.csv import score_rows
from harness.report.table import Table
from harness.report.tables import all_tables
from harness.results.run_view import System, load_systems, view

__all__ = [
    "FORMATS",
    "Report",
    "System",
    "load_systems",
    "make_report",
    "render",
    "report",
    "score_rows",
    "view",
    "write_page",
]

FORMATS: dict[str, str] = {
    "text": "harness.report.text:to_text",
    "md": "harness.report.markdown:to_markdown",
    "csv": "harness.report.csv:to_csv",
    "latex": "harness.report.latex:to_latex",
    "html": "harness.report.html:to_html",
    "json": "harness.report.json:to_json",
}


@dataclass(frozen=True)
class Report:
    """Systems side by side: their views, the differences from the first one, and the tables of both.

    ``data_dir`` is where the page looks up examples first, before plugins' places and the cache of the Hub.
    """

    systems: tuple[System, ...]
    compared: tuple[Differences, ...]
    tables: tuple[Table, ...]
    data_dir: str | Path | None = None


_PLUGINS = "'harness plugins' says who provides what; --no-plugin leaves a plugin out"


def make_report(systems: Sequence[System], data_dir: str | Path | None = None) -> Report:
    """The report of one system or several; differences are from the first. UsageError where there is none."""
    if not systems:
        raise UsageError("nothing to report", hint="name one run folder or several")
    compared = tuple(differences(systems[0], other) for other in systems[1:])
    return Report(tuple(systems), compared, tuple(all_tables(systems, compared)), data_dir)


def report(runs: Sequence[Path], format: str = "text", data_dir: str | Path | None = None) -> str:
    """The report of run folders in one of :data:`FORMATS`; ``data_dir`` has the examples that the page shows.

    Raises :class:`~harness.core.errors.DataError` for a folder without a complete record, UsageError for an unknown format.
    """
    return render(make_report(load_systems(runs), data_dir), format)


def render(made: Report, format: str) -> str:
    """The report in one of :data:`FORMATS` or in a plugin's format (which is given the systems), ending with a newline."""
    if format in FORMATS:
        module, _, name = FORMATS[format].partition(":")
        renderer: Callable[[Report], str] = getattr(import_module(module), name)
        return renderer(made)
    from harness.registry.default import get_registry
    from harness.registry.registry import load_part

    known = get_registry().report_formats()
    if format not in known:
        raise UsageError(f"unknown format {format!r}", hint=did_you_mean(format, [*FORMATS, *known]))
    with border(f"plugin {known[format].provider}: report format {format!r}: render", PluginError, hint=_PLUGINS):
        text = load_part(known[format], "render")(made.systems)
    if not isinstance(text, str):
        raise PluginError(
            f"{known[format].provider}: the report format {format!r} returned {type(text).__name__}, not text"
        )
    return text if text.endswith("\n") else text + "\n"


def write_page(runs: Sequence[Path], path: Path, data_dir: str | Path | None = None) -> None:
    """Writes the page of these runs as a whole or not at all."""
    write_atomic(path, report(runs, "html", data_dir))
