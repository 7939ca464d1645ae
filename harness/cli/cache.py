"""``harness cache``: trained stages and what the harness built for itself, all of which can be made again."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.shared_options import columns_option
from harness.core.counted import counted


@click.group()
def command() -> None:
    """List and remove what can be rebuilt: trained stages, built models, unpacked archives."""


@command.command()
@click.argument("folder", default="runs", type=click.Path(path_type=Path))
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ls(folder: Path, as_json: bool) -> None:
    """List the stages next to the runs in FOLDER (runs), which runs use them, and what is in the user's cache."""
    from harness.cli.console import message, print_json, print_table
    from harness.report.table import Table, columns, detail, number
    from harness.results.inventory import find_built, find_leftovers, find_runs, find_stages

    runs = find_runs(folder) if folder.is_dir() else []
    found = [*find_stages(folder, runs), *find_built(folder), *find_leftovers(folder)]
    if as_json:
        print_json([{**vars(kept), "folder": str(kept.folder), "runs": list(map(str, kept.runs))} for kept in found])
        return
    rows = [(str(kept.folder), kept.kind, _mib(kept.size), " ".join(run.name for run in kept.runs)) for kept in found]
    print_table(Table.of("", columns("folder", "kind", number("MiB"), detail("used by")), rows))
    message(f"{_mib(sum(kept.size for kept in found))} MiB in {counted(len(found), 'folder')}")


@command.command()
@click.argument("folder", default="runs", type=click.Path(path_type=Path))
@click.option("--unfinished", is_flag=True, help="Also stopped or damaged trainings, which then cannot be resumed.")
@click.option(
    "--built", is_flag=True, help="Built models (tiny, demo:e5-small, larger vocabularies) and unpacked archives, too."
)
@click.option("--yes", is_flag=True, help="Remove them; without it, only list them.")
def prune(folder: Path, unfinished: bool, built: bool, yes: bool) -> None:
    """Remove the stages that no run in FOLDER (runs) uses, and what killed processes left behind."""
    from harness.cli.console import message
    from harness.core.errors import DataError
    from harness.results.inventory import find_built, find_leftovers, find_runs, find_stages, remove_kept

    runs = find_runs(folder) if folder.is_dir() else []
    unreadable = [run.problem for run in runs if run.problem]
    if unreadable:
        raise DataError(f"{unreadable[0]}; so it is not known which stages it uses", hint="repair or remove that run")
    kinds = {"stage", *(["unfinished stage"] if unfinished else [])}
    found = [kept for kept in find_stages(folder, runs) if kept.kind in kinds and not kept.runs]
    found += [*(find_built(folder) if built else []), *find_leftovers(folder)]
    for kept in found:
        done = "would be removed" if not yes else "removed" if remove_kept(kept) else "is in use and stays"
        message(f"{kept.folder} ({_mib(kept.size)} MiB) {done}")
    if not found:
        message("nothing to remove")
    elif not yes:
        message("--yes removes them", "hint")


def _mib(size: int) -> str:
    return f"{size / 2**20:,.1f}"
