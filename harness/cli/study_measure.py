"""``harness study measure``: how quick the models of a study's arms are."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.shared_options import data_dir_option, eval_options, session_options, size_option, split_commas


@click.command()
@click.argument("name")
@size_option
@click.option("--out", metavar="FOLDER", help="Where the runs are.  [default: runs/<study>[/<size>]]")
@click.option("--task", metavar="SELECTOR", help="The task whose models and texts are taken.  [default: the first]")
@click.option("--calls", type=click.IntRange(1), default=200, show_default=True, help="Calls of a model, at least.")
@click.option(
    "--seconds", type=click.FloatRange(0), default=10.0, show_default=True, help="Seconds of a model's calls, at least."
)
@click.option(
    "--batch-sizes",
    multiple=True,
    default=("8,32",),
    callback=split_commas,
    metavar="SIZES",
    help="Batches whose throughput is measured on texts, or none.  [default: 8,32]",
)
@click.option("--no-memory", is_flag=True, help="Leave out memory, which takes a process of its own for each model.")
@session_options(without=("batch_tokens",))
@data_dir_option
def measure(
    name: str,
    size: str | None,
    out: str | None,
    task: str | None,
    calls: int,
    seconds: float,
    batch_sizes: tuple[str, ...],
    no_memory: bool,
    **rest: Any,
) -> None:
    """Measure the models that a study's arms end in, side by side, for 'harness study analyse'.

    For each model and seed, the checkpoints of all arms take turns, as in 'harness efficiency'. The files are in
    FOLDER/efficiency; measurements that are there are kept.
    """
    from harness.cli.console import message
    from harness.efficiency.protocol import NATURAL, Protocol, parse_batch_sizes
    from harness.efficiency.study_runs import measure_runs
    from harness.registry.default import get_registry
    from harness.studies.grid import StudyFolders

    registry = get_registry()
    study = registry.study(name).at(size)
    found = measure_runs(
        study,
        StudyFolders.of(study, size, out).runs,
        registry,
        eval_options(**rest),
        Protocol(calls, seconds, batch_sizes=parse_batch_sizes(batch_sizes), lengths=(NATURAL,)),
        task=task or study.tasks[0],
        memory=not no_memory,
        said=message,
    )
    for path in found:
        message(f"written to {path.parent}")
