"""``harness eval``: train on English where needed, score every language, keep everything in a run folder."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.shared_options import (
    adapter_options,
    columns_option,
    data_dir_option,
    embedding_options,
    launch_options,
    objective_option,
    recipe_options,
    selection_options,
    session_options,
    split_commas,
    track_option,
)
from harness.core.counted import counted
from harness.types.options import EvalOptions


@click.command("eval")
@click.option(
    "--model", required=True, help="Hub id, org/name@revision, folder, tiny, demo:e5-small, baseline:majority|random."
)
@selection_options
@click.option("--split", default=EvalOptions.split, show_default=True, help="test or dev.")
@click.option("--via", multiple=True, metavar="TASK", help="Intermediate stage; repeat for a sequence, a+b for both.")
@click.option("--with-mlm", is_flag=True, help="Add masked language modelling on DATA_DIR/text to every --via stage.")
@click.option(
    "--select-on",
    multiple=True,
    callback=split_commas,
    metavar="CODES",
    help="Select checkpoints on target dev data of these languages; not zero-shot, marks the record.",
)
@click.option(
    "--perturb",
    multiple=True,
    callback=split_commas,
    metavar="KINDS",
    help="Score variants of the test sets too: drop, repeat, swap, case, diacritics, mixed.",
)
@click.option(
    "--mixed-pairs",
    is_flag=True,
    help="Score pairs of texts in two languages too, every language with every other.",
)
@click.option(
    "--train",
    default=EvalOptions.train,
    show_default=True,
    help="auto: fine-tune on English; never: score the model unchanged.",
)
@click.option(
    "--train-on",
    multiple=True,
    metavar="TASK[CODES]",
    help="Train the task on its data in these languages, translations included, in place of English; or all; or own.",
)
@click.option(
    "--test-on",
    default=EvalOptions.test_on,
    show_default=True,
    help="original: the test text; translated: its English translation, in its place.",
)
@click.option(
    "--pair-missing",
    default=EvalOptions.pair_missing,
    show_default=True,
    help="A test text without an English translation, for objective fusion: error, or self, which marks the record.",
)
@recipe_options
@objective_option
@adapter_options
@click.option(
    "--seeds",
    multiple=True,
    callback=split_commas,
    metavar="1,2,3",
    help="One run per seed, and their mean.  [default: those that the tasks recommend]",
)
@launch_options
@embedding_options
@click.option("--index", help="Nearest neighbours: auto, faiss, torch (exact), ivf, hnsw, a plugin's.  [default: auto]")
@click.option("--limit", type=int, help="Maximum number of examples per unit; marks the record as partial.")
@click.option("--train-limit", type=int, help="Maximum number of training examples; marks the record as partial.")
@session_options()
@data_dir_option
@click.option(
    "--out",
    metavar="FOLDER",
    help="Run folder.  [default: runs/<model>-<benchmark>, with the options that differ from the defaults]",
)
@click.option(
    "--stages", "stages_dir", metavar="FOLDER", help="Trained stages, shared by runs.  [default: next to --out]"
)
@track_option
@click.option("--dry-run", is_flag=True, help="Print the plan and stop; loads no model.")
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON; tables go to standard error.")
def command(
    model: str,
    benchmark: str | None,
    tasks: tuple[str, ...],
    languages: tuple[str, ...],
    seeds: tuple[str, ...],
    launcher: str | None,
    jobs: int | None,
    launcher_options: tuple[str, ...],
    out: str | None,
    dry_run: bool,
    as_json: bool,
    **rest: Any,
) -> None:
    """Fine-tune a model on each task's English data and score every language without using its labels.

    Running the same command again does only the missing work. Exit code 6 means that some units failed.
    """
    from pathlib import Path

    from harness.api import evaluate
    from harness.cli.console import message, print_json
    from harness.cli.progress import TerminalProgress
    from harness.cli.run_report import show_plan, show_run, show_seeds
    from harness.cli.shared_options import eval_options, parse_launcher_options
    from harness.core.errors import UnitsFailed, UsageError
    from harness.evaluation.recommended_seeds import recommended_seeds
    from harness.models.reference import parse_model
    from harness.registry.default import get_registry
    from harness.runs.naming import default_out
    from harness.training.processes import process_index

    options = eval_options(**rest)
    reference = parse_model(model)
    folder = Path(out) if out else default_out(reference, benchmark, tasks, options)
    selection: dict[str, Any] = {"benchmark": benchmark, "tasks": tasks, "languages": languages}
    if seeds and not all(seed.isdigit() for seed in seeds):
        raise UsageError(f"--seeds {','.join(seeds)}: whole numbers separated by commas expected")
    if not seeds and (tasks or benchmark):
        recommended, said = recommended_seeds(get_registry(), reference, options, **selection)
        seeds = tuple(map(str, recommended))
        if said and process_index() == 0:
            message(said)
    if dry_run:
        show_plan(get_registry(), options, model, reference, selection, folder, seeds, as_json=as_json)
        return
    if not seeds and (launcher or jobs or launcher_options):
        raise UsageError("--launcher and --jobs are for several runs", hint="--seeds 1,2,3 makes one a seed")
    with TerminalProgress() as reporter:
        if seeds:
            from harness.run import load
            from harness.studies.grid import Cell, run_cells
            from harness.studies.launch import Launch

            cell = Cell(model, options, tuple(int(seed) for seed in seeds), folder, **selection)
            launch = Launch(launcher, jobs, parse_launcher_options(launcher_options))
            grid = run_cells([cell], folder, registry=get_registry(), reporter=reporter, launch=launch)
            if error := grid.error():
                raise error
        else:
            runs = [evaluate(reference, out=folder, options=options, reporter=reporter, **selection)]
    if process_index() > 0:
        return
    if seeds:
        runs = [load(run) for run in cell.runs]
    for run in runs:
        show_run(run, to_stderr=as_json, data_dir=options.data_dir)
    if seeds:
        summary = show_seeds(runs, [int(seed) for seed in seeds], folder, to_stderr=as_json)
    if as_json:
        print_json(summary if seeds else runs[0].to_dict())
    failed = {f"{run.path.name}: {unit}" if seeds else unit for run in runs for unit in run.failed}
    if failed:
        raise UnitsFailed(
            f"{counted(len(failed), 'unit')} failed: {', '.join(sorted(failed)[:5])}",
            hint=f"for the reasons, see {runs[0].path / 'record.json'}; the same command tries them again",
        )
