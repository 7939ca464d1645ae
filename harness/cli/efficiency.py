"""``harness efficiency``: how quick models are on this machine, and what they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.shared_options import columns_option, session_options, split_commas


@click.command("efficiency")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--task", required=True, metavar="SELECTOR", help="The task whose texts are read: xnli, 'xnli[en,sw]'.")
@click.option("--language", "languages", multiple=True, callback=split_commas, metavar="CODES", help="Only these.")
@click.option("--calls", type=click.IntRange(1), default=200, show_default=True, help="Calls of a model, at least.")
@click.option(
    "--seconds",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    help="Seconds of a model's calls, at least, and of its batches; 600 for numbers to publish.",
)
@click.option(
    "--sessions", type=click.IntRange(1), default=6, show_default=True, help="Sessions that they are cut into."
)
@click.option(
    "--batch-sizes",
    multiple=True,
    default=("8,32,128",),
    callback=split_commas,
    metavar="SIZES",
    help="Batches whose throughput is measured, or none.  [default: 8,32,128]",
)
@click.option(
    "--lengths",
    multiple=True,
    default=("natural,128,384",),
    callback=split_commas,
    metavar="LENGTHS",
    help="Tokens in their rows.  [default: natural,128,384]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the texts and the order of the models.")
@click.option(
    "--scores",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="A run folder of one of the models: accuracy against latency.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="efficiency",
    show_default=True,
    metavar="FOLDER",
    help="Where efficiency.json, the page and the tables go.",
)
@session_options(without=("batch_tokens",))  # batches have the sizes that are measured
@click.option(
    "--data-dir",
    envvar="HARNESS_DATA_DIR",
    metavar="FOLDER",
    help="Data in the Hub's snapshot layout.  [env: HARNESS_DATA_DIR]",
)
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    models: tuple[str, ...],
    task: str,
    languages: tuple[str, ...],
    calls: int,
    seconds: float,
    sessions: int,
    batch_sizes: tuple[str, ...],
    lengths: tuple[str, ...],
    seed: int,
    scores: tuple[Path, ...],
    out: Path,
    as_json: bool,
    **session: Any,
) -> None:
    """Measure how long models take for texts of a task, side by side on this machine, and what they need.

    Latency at batch 1, throughput of batches, memory, operations, parameters, energy where the machine tells it, and
    tokens by language. The models take turns in blocks of 50 calls. Each is compared with the first one; a model that is
    given twice shows how far the machine can be trusted.
    """
    from harness.cli.console import message, print_json, print_tables
    from harness.efficiency.measure import measure
    from harness.efficiency.protocol import Protocol, parse_batch_sizes, parse_lengths
    from harness.efficiency.tables import efficiency_tables
    from harness.efficiency.written import write_files
    from harness.registry.default import get_registry
    from harness.results.systems import load_runs
    from harness.types.options import EvalOptions

    protocol = Protocol(calls, seconds, sessions, parse_batch_sizes(batch_sizes), parse_lengths(lengths), seed)
    found = measure(
        models,
        task,
        get_registry(),
        EvalOptions(**session),
        protocol,
        languages=languages,
        scores=load_runs(scores),
        said=message,
    )
    write_files(found, out)
    if as_json:
        print_json(found.to_dict())
    else:
        print_tables(efficiency_tables(found))
    message(f"written to {out}")
