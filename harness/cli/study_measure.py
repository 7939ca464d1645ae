"""``harness study measure``: all that is measured of a study's models beside their scores."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.shared_options import data_dir_option, eval_options, session_options, size_option, split_commas
from harness.types.defaults import CHECKLIST_CASES

PARTS = ("latency", "tokens", "checklist")


@click.command()
@click.argument("name")
@size_option
@click.option("--out", metavar="FOLDER", help="Where the runs are.  [default: runs/<study>[/<size>]]")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    default=PARTS[:1],
    show_default=True,
    help="What to measure; repeat it for several.",
)
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
@click.option(
    "--cases",
    type=click.IntRange(1),
    default=CHECKLIST_CASES,
    show_default=True,
    help="Cases of a test of MultiCheckList in a language.",
)
@session_options(without=("batch_tokens",))
@data_dir_option
def measure(
    name: str,
    size: str | None,
    out: str | None,
    parts: tuple[str, ...],
    task: str | None,
    calls: int,
    seconds: float,
    batch_sizes: tuple[str, ...],
    no_memory: bool,
    cases: int,
    **rest: Any,
) -> None:
    """Measure the models of a study's runs beside their scores, for 'harness study analyse'.

    latency: for each model and seed, the checkpoints of all arms take turns, as in 'harness efficiency'. tokens: how finely
    the tokenizer of each model cuts the languages of the test sets. checklist: what the models that answer questions get
    wrong of MultiCheckList. The files are in FOLDER/efficiency, FOLDER/tokens and FOLDER/checklists; measurements that are
    there are kept.
    """
    from harness.cli.console import message
    from harness.efficiency.protocol import NATURAL, Protocol, parse_batch_sizes
    from harness.efficiency.study_runs import measure_runs
    from harness.registry.default import get_registry
    from harness.studies.grid import StudyFolders
    from harness.studies.measuring import measure_checklists, measure_tokens

    registry = get_registry()
    study = registry.study(name).at(size)
    folder = StudyFolders.of(study, size, out).runs
    options = eval_options(**rest)
    found = []
    if "latency" in parts:
        protocol = Protocol(calls, seconds, batch_sizes=parse_batch_sizes(batch_sizes), lengths=(NATURAL,))
        of = task or study.tasks[0]
        found += measure_runs(study, folder, registry, options, protocol, task=of, memory=not no_memory, said=message)
    if "tokens" in parts:
        found += measure_tokens(study, folder, registry, options, said=message)
    if "checklist" in parts:
        found += measure_checklists(study, folder, registry, options, cases=cases, said=message)
    for path in dict.fromkeys(path.parent for path in found):
        message(f"written to {path}")
