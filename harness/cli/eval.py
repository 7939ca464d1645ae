"""``harness eval``: train on English where needed, score every language, keep everything in a run folder."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.shared_options import data_options, selection_options


@click.command("eval", short_help="Fine-tune on English and score a model zero-shot in every language.")
@click.option("--model", required=True, help="Hub id, org/name@revision, folder, tiny, baseline:majority|random.")
@selection_options
@click.option("--split", default="test", show_default=True, help="test or dev.")
@click.option(
    "--via", multiple=True, metavar="TASK", help="Intermediate task to train on first; repeat for a sequence."
)
@click.option("--train", default="auto", show_default=True, help="auto: fine-tune on English; never: score as it is.")
@click.option("--recipe", help="Recipe name or file.toml.  [default: xtreme, or tiny for --model tiny]")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="One option: lr=2e-5, squad.epochs=2.")
@click.option("--layer", type=int, help="Hidden state for sentence retrieval (0: embeddings).  [default: by depth]")
@click.option("--pool", help="Pooling for sentence retrieval: mean, mean-no-specials or cls.  [default: mean]")
@click.option("--seed", type=int, help="Seed of the training.  [default: the recipe's]")
@click.option("--limit", type=int, help="At most so many examples a unit; marks the record as partial.")
@click.option("--train-limit", type=int, help="At most so many training examples; marks the record as partial.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@click.option("--dtype", default="auto", show_default=True, help="auto, fp32, bf16, fp16.")
@click.option("--batch-tokens", type=int, default=8192, show_default=True, help="Padded tokens in a batch.")
@data_options
@click.option("--out", metavar="FOLDER", help="Run folder.  [default: runs/<model>-<benchmark>]")
@click.option(
    "--stages", "stages_dir", metavar="FOLDER", help="Trained stages, shared by runs.  [default: beside --out]"
)
@click.option("--dry-run", is_flag=True, help="Print the plan and stop; loads no model.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON; tables go to standard error.")
@click.pass_obj
def command(
    session: Any,
    model: str,
    benchmark: str | None,
    tasks: tuple[str, ...],
    languages: tuple[str, ...],
    overrides: tuple[str, ...],
    layer: int | None,
    pool: str | None,
    seed: int | None,
    out: str | None,
    dry_run: bool,
    as_json: bool,
    recipe: str | None,
    **rest: Any,
) -> None:
    """Fine-tune a model on each task's English data and score every language without any label of it.

    The same command again does only what is missing. Exit code 6 means that some units failed.
    """
    from pathlib import Path

    from harness.api import default_out, evaluate
    from harness.cli.console import print_json
    from harness.cli.run_report import RichReporter, show_plan, show_run
    from harness.errors import UnitsFailed
    from harness.models.reference import parse_model
    from harness.options import EvalOptions, parse_overrides
    from harness.registry import get_registry

    values: dict[str, Any] = parse_overrides(overrides)
    values |= {key: value for key, value in (("layer", layer), ("pool", pool), ("seed", seed)) if value is not None}
    recipe = recipe or ("tiny" if parse_model(model).kind == "tiny" else "xtreme")
    options = EvalOptions(overrides=values, recipe=recipe, **rest)
    folder = Path(out) if out else default_out(parse_model(model).slug, benchmark, tasks, options)
    if dry_run:
        selection = {"benchmark": benchmark, "tasks": tasks, "languages": languages}
        show_plan(get_registry(), options, model, selection, folder, as_json=as_json)
        return
    with RichReporter() as reporter:
        run = evaluate(
            model, tasks, benchmark=benchmark, languages=languages, out=folder, options=options, reporter=reporter
        )
    show_run(run, to_stderr=as_json)
    if as_json:
        print_json(run.to_dict())
    if run.failed:
        raise UnitsFailed(
            f"{len(run.failed)} units failed: {', '.join(sorted(run.failed)[:5])}",
            hint=f"the reasons stand in {run.path / 'record.json'}; the same command tries them again",
        )
