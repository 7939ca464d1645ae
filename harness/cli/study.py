"""``harness study``: the grids of runs that plugins name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from harness.cli.shared_options import (
    columns_option,
    data_dir_option,
    eval_options,
    launch_options,
    session_options,
    size_option,
    study_folder_option,
    study_part_options,
)
from harness.cli.study_analyse import analyse
from harness.cli.study_batch import part_options, show_failures
from harness.cli.study_measure import measure
from harness.cli.study_plan import plan, show
from harness.cli.study_status import status
from harness.cli.study_submit import submit_command
from harness.core.counted import counted

if TYPE_CHECKING:
    from harness.studies.grid import Cell


@click.group()
def command() -> None:
    """List, plan and run studies: grids of models, arms (what they go through before they are scored) and seeds."""


command.add_command(show)
command.add_command(plan)
command.add_command(analyse)
command.add_command(status)
command.add_command(measure)


@command.command(name="list")
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_studies(as_json: bool) -> None:
    """List the studies that plugins provide."""
    from harness.cli.console import print_json, print_table
    from harness.registry.default import get_registry
    from harness.report.table import Table, columns, detail, number
    from harness.types.plain import to_plain

    studies = get_registry().studies().values()
    if as_json:
        print_json([to_plain(study) for study in studies])
        return
    rows = [
        (
            s.name,
            ", ".join(s.sizes) or "-",
            len(s.models),
            len(s.arms or s.via),
            len(s.contrasts),
            s.benchmark or ", ".join(s.tasks),
            s.summary,
            s.provider,
        )
        for s in studies
    ]
    head = columns(
        "study",
        "sizes",
        *map(number, ("models", "arms", "contrasts")),
        detail("scored on"),
        detail("summary"),
        detail("provider"),
    )
    print_table(Table.of("", head, rows))


@command.command()
@click.argument("name")
@size_option
@study_part_options
@click.option("--limit", type=int, help="Maximum number of examples per unit; marks the records as partial.")
@click.option("--train-limit", type=int, help="Maximum number of training examples; marks the records as partial.")
@launch_options
@part_options
@session_options()
@data_dir_option
@study_folder_option
@click.option("--dry-run", is_flag=True, help="Print the runs and stop.")
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def run(
    name: str,
    size: str | None,
    models: tuple[str, ...],
    arms: tuple[str, ...],
    launcher: str | None,
    jobs: int | None,
    launcher_options: tuple[str, ...],
    shard: str | None,
    wave: str | None,
    stop_after: float | None,
    out: str | None,
    dry_run: bool,
    as_json: bool,
    **rest: Any,
) -> None:
    """Run a study, or continue it, and print mean and standard deviation over its seeds.

    The runs are in separate folders, FOLDER/<model>/<arm>/seed-<n> or, in a study without arms,
    FOLDER/<model>-via-<stages>/seed-<n>: 'harness report' and 'harness compare' take them. With several jobs at a time,
    stages that several runs share are trained first, and what each job prints is in FOLDER/jobs. A job that fails costs
    only what needs it. Exit code 6 means that some units failed. --model and --arm run a part of the grid; the others are
    left for later, or for another machine.

    With --shard, several processes that see FOLDER do a part each, also on other machines. Such a part, and any run with
    --stop-after, ends with exit code 75 when it is stopped: the same command goes on.
    """
    from harness.cli.console import print_json, print_table, print_text
    from harness.cli.progress import TerminalProgress
    from harness.cli.study_batch import launch_of, turns
    from harness.core.errors import UnitsFailed
    from harness.registry.default import get_registry
    from harness.report.search import search_table
    from harness.report.seeds import study_table
    from harness.studies.grid import StudyFolders, cells, run_cells, selected
    from harness.studies.lacking import check_lacks_nothing
    from harness.studies.plan import deviations, frozen_plan
    from harness.types.plain import to_plain

    launch = launch_of(launcher, jobs, launcher_options, shard, wave)
    registry = get_registry()
    study = registry.study(name).at(size)
    folders = StudyFolders.of(study, size, out)
    folder = folders.runs
    options = eval_options(**rest)
    grid = list(cells(study, folder, options))
    chosen = selected(grid, models, arms)
    if dry_run:
        for cell in chosen:
            seeds = "seeds" if len(cell.seeds) > 1 else "seed"
            print_text(f"{cell.name}: {seeds} {', '.join(map(str, cell.seeds))}: {cell.folder}")
        return
    check_lacks_nothing(study.name, chosen, registry)
    frozen = frozen_plan(folders.own)
    with turns(stop_after, part=launch.partial), TerminalProgress() as reporter:
        if frozen is not None and (changes := deviations(frozen, study, grid, registry)):
            reporter.note(f"not as it was frozen on {frozen.frozen}: {'; '.join(changes)}")
        found = run_cells(grid, folder, registry=registry, reporter=reporter, launch=launch, chosen=chosen)
    if as_json:
        print_json([{**_of_cell(cell), **summary} for cell, summary in found.summaries])
    else:
        if found.summaries or not launch.partial:
            print_table(study_table([(cell.name, summary) for cell, summary in found.summaries]))
        if found.searches:
            print_table(search_table([to_plain(each) for each in found.searches]))
    show_failures(found)
    if error := found.error():
        raise error
    failed = [f"{run}: {unit}" for run, unit in found.failed_units]
    if failed:
        raise UnitsFailed(
            f"{counted(len(failed), 'unit')} failed, first {failed[0]}", hint="the same command tries them again"
        )


command.add_command(submit_command(run))


def _of_cell(cell: Cell) -> dict[str, Any]:
    arm = {"arm": cell.arm, "folder": str(cell.folder)} if cell.arm else {}
    return {"model": cell.model, "via": list(cell.via), **arm}


@command.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--attached", is_flag=True, help="Stop, as at Ctrl-C, when standard input is closed.")
def job(file: str, attached: bool) -> None:
    """Run one job in this process, from the JSON file that a launcher was given.

    The result (exit code, message, where things are) is written next to it, as NAME.result.json; a process that was killed
    leaves none.
    """
    from pathlib import Path

    from harness.cli.progress import TerminalProgress
    from harness.core.attached import stopped_with_input
    from harness.studies.run_job import run_job_file

    if attached:
        stopped_with_input()
    with TerminalProgress() as reporter:
        result = run_job_file(Path(file), reporter)
    if result.exit_code:
        raise result.error()
