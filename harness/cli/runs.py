"""``harness runs``: the runs in a folder, one of them, and removing them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.results.run_view import RunView

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """List, show and remove runs."""


@command.command(name="list")
@click.argument("folder", default="runs", type=click.Path(path_type=Path))
@_json
def list_runs(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER (runs) and the folders within it."""
    from harness.cli.console import message, print_json, print_table
    from harness.report.table import Cell, Table, Value, columns, number
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
        kind = "partial" if run.partial else ""
        failed = str(run.failed or "")
        rows.append([str(run.folder), system, str(run.tasks), str(run.units), failed, overall, state, kind])
    head = columns("run", "model", "tasks", *map(number, ("units", "failed", "overall")), "finished", "")
    print_table(Table.of("", head, rows))
    for run in found:
        if run.problem:
            message(run.problem, "warning")


@command.command()
@click.argument("run", type=click.Path(path_type=Path))
@_json
def show(run: Path, as_json: bool) -> None:
    """Show how RUN came about, its scores, and what is missing or failed."""
    from harness.cli.console import print_json, print_text
    from harness.core.safe_text import safe
    from harness.report.report import all_tables
    from harness.report.text import text_table
    from harness.results.systems import load_run

    shown = load_run(run)
    if as_json:
        print_json(shown.record)
        return
    for name, value in _facts(shown):
        print_text(f"{name + ':':12} {value}")
    for table in all_tables([shown], ()):
        if table.name in ("by-task", "by-language"):
            print_text("\n" + text_table(table).rstrip("\n"))
    for kind, units in (("failed", shown.record["failed"]), ("missing", shown.record["missing"])):
        for unit, reason in units.items():
            print_text(safe(f"{kind}: {unit}: {reason.partition(chr(10))[0]}"))


def _facts(run: RunView) -> list[tuple[str, str]]:
    from harness.core.safe_text import safe

    record = run.record
    model, options = record["model"], record["options"]
    recipe = options.get("recipe", {})
    facts = [
        ("model", " at ".join(filter(None, (model.get("reference"), model.get("revision"))))),
        ("weights", model.get("fingerprint") or "-"),
        ("stages", " > ".join(stage["name"] for stage in record["stages"]) or "none"),
        ("benchmark", record["benchmark"] or "selected tasks"),
        ("recipe", f"{recipe.get('name')} {recipe.get('version')}"),
        ("options", " ".join(f"{key}={value}" for key, value in options.get("overrides", {}).items()) or "-"),
        ("computed", f"{options.get('dtype')} on {options.get('device')}"),
        ("harness", record["harness"]["version"]),
        ("command", " ".join(record["command"])),
        ("started", record["created"]),
        ("finished", record["finished"] or "not yet"),
        *(("partial", reason) for reason in record["partial"]),
    ]
    return [(name, safe(value)) for name, value in facts]


@command.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Remove them; without it, say what would go.")
def rm(runs: tuple[Path, ...], yes: bool) -> None:
    """Remove runs: what the harness wrote there, and nothing else. Trained stages stay: see 'harness cache'."""
    from harness.cli.console import message
    from harness.results.inventory import remove_run

    for run in runs:
        own = remove_run(run, dry=not yes)
        rest = "" if not yes or not run.exists() else "; other files are left"
        message(f"{run}: {', '.join(path.name for path in own)} {'removed' if yes else 'would be removed'}{rest}")
    if not yes:
        message("--yes removes them", "hint")
