"""``harness study``: the grids of runs that plugins name."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.shared_options import compute_options, data_options


@click.group()
def command() -> None:
    """List the studies (grids of models, intermediate stages and seeds), or run one."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_studies(as_json: bool) -> None:
    """List the studies that plugins provide."""
    from dataclasses import asdict

    from harness.cli.console import print_json, print_table
    from harness.registry.default import get_registry
    from harness.report.table import Table, columns, number

    studies = get_registry().studies().values()
    if as_json:
        print_json([asdict(study) for study in studies])
        return
    rows = [
        (s.name, len(s.models), len(s.via), len(s.seeds), s.benchmark or ", ".join(s.tasks), s.provider, s.summary)
        for s in studies
    ]
    head = columns("study", *map(number, ("models", "via", "seeds")), "scored on", "provider", "summary")
    print_table(Table.of("", head, rows))


@command.command()
@click.argument("name")
@click.option("--limit", type=int, help="At most so many examples a unit; marks the records as partial.")
@click.option("--train-limit", type=int, help="At most so many training examples; marks the records as partial.")
@compute_options
@data_options
@click.option("--out", metavar="FOLDER", help="Where the runs go.  [default: runs/<study>]")
@click.option("--dry-run", is_flag=True, help="Print the runs and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def run(name: str, out: str | None, dry_run: bool, as_json: bool, **rest: Any) -> None:
    """Run a study, or go on with it, and print mean and standard deviation over its seeds.

    The runs lie beside each other, in FOLDER/<model>-via-<stages>/seed-<n>: 'harness report' and 'harness compare' take
    them. Exit code 6 means that some units failed.
    """
    from dataclasses import fields
    from pathlib import Path

    from harness.cli.console import print_json, print_table, print_text
    from harness.cli.run_report import RichReporter
    from harness.core.errors import UnitsFailed
    from harness.registry.default import get_registry
    from harness.report.seeds import study_table
    from harness.results.seeds import summarise
    from harness.studies.grid import cells, run_study
    from harness.types.options import EvalOptions

    registry = get_registry()
    study = registry.study(name)
    folder = Path(out or f"runs/{study.name}")
    if dry_run:
        for cell in cells(study, folder):
            print_text(f"{cell.name}: seeds {', '.join(map(str, study.seeds))}: {cell.folder}")
        return
    known = {field.name for field in fields(EvalOptions)}
    options = EvalOptions(**{key: value for key, value in rest.items() if key in known and value is not None})
    with RichReporter() as reporter:
        found = run_study(study, folder, options=options, registry=registry, reporter=reporter)
    sums = [(cell, summarise([run.to_dict() for run in runs], study.seeds)) for cell, runs in found]
    if as_json:
        print_json([{"model": cell.model, "via": list(cell.via), **summary} for cell, summary in sums])
    else:
        print_table(study_table([(cell.name, summary) for cell, summary in sums]))
    failed = [f"{run.path}: {unit}" for _, runs in found for run in runs for unit in run.failed]
    if failed:
        raise UnitsFailed(f"{len(failed)} units failed, {failed[0]} for one", hint="the same command tries them again")
