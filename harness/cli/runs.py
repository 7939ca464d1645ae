"""``harness runs``: the runs in a folder, one of them, and removing them."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.shared_options import columns_option

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """List, show and remove runs."""


@command.command(name="list")
@click.argument("folder", default="runs", type=click.Path(path_type=Path))
@columns_option
@_json
def list_runs(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER (runs) and the folders within it."""
    from harness.cli.console import message, print_json, print_table
    from harness.report.table import Cell, Table, Value, columns, detail, number
    from harness.results.inventory import find_runs

    found = find_runs(folder)
    if as_json:
        print_json([{**vars(run), "folder": str(run.folder), "stages": sorted(run.stages)} for run in found])
        return
    rows: list[list[Cell]] = []
    for run in found:
        system = " > ".join([run.model, *run.via])
        overall = "" if run.overall is None else Value(run.overall)
        state = "unreadable" if run.problem else "unfinished" if run.finished is None else run.finished[:16]
        kind = "yes" if run.partial else ""
        failed = str(run.failed or "")
        rows.append([str(run.folder), system, str(run.tasks), str(run.units), failed, overall, state, kind])
    head = columns(
        "run", "model", *map(number, ("tasks", "units", "failed", "overall")), detail("finished"), detail("partial")
    )
    print_table(Table.of("", head, rows))
    for run in found:
        if run.problem:
            message(run.problem, "warning")


@command.command()
@click.argument("run", type=click.Path(path_type=Path))
@columns_option
@_json
def show(run: Path, as_json: bool) -> None:
    """Show how RUN was produced, its scores, and what is missing or failed."""
    from harness.cli.console import print_json, print_tables, print_text
    from harness.core.safe_text import safe
    from harness.report.provenance import origin
    from harness.report.report import score_tables
    from harness.results.systems import load_run

    shown = load_run(run)
    if as_json:
        print_json(shown.record)
        return
    for name, value in origin(shown):
        print_text(f"{name + ':':12} {value}")
    print_text("")
    print_tables(score_tables(shown))
    for kind, units in (("failed", shown.failed), ("missing", shown.missing)):
        for unit, reason in units.items():
            print_text(safe(f"{kind}: {unit}: {reason.partition(chr(10))[0]}"))


@command.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Remove them; without it, only list them.")
def rm(runs: tuple[Path, ...], yes: bool) -> None:
    """Remove runs: only the files that the harness wrote there. Trained stages stay: see 'harness cache'."""
    from harness.cli.console import message
    from harness.results.inventory import remove_run

    for run in runs:
        own = remove_run(run, dry=not yes)
        rest = "" if not yes or not run.exists() else "; other files are left"
        message(f"{run}: {', '.join(path.name for path in own)} {'removed' if yes else 'would be removed'}{rest}")
    if not yes:
        message("--yes removes them", "hint")
