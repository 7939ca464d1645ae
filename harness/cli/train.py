"""``harness train``: one training stage, kept as a transformers checkpoint that any ``--model`` takes."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.shared_options import adapter_options, data_dir_option, recipe_options, session_options, track_option


@click.command("train")
@click.option("--model", required=True, help="Hub id, org/name@revision, folder, tiny or demo:e5-small.")
@click.option("--task", required=True, metavar="TASK", help="Intermediate task; a+b trains both on one encoder.")
@click.option("--via", multiple=True, metavar="TASK", help="Stage to train before it; repeat for a sequence.")
@recipe_options
@adapter_options
@click.option("--train-limit", type=int, help="Maximum number of training examples.")
@session_options(without=("compiled",))
@track_option
@data_dir_option
@click.option("--out", metavar="FOLDER", required=True, help="Checkpoint folder; --model takes it afterwards.")
@click.option("--json", "as_json", is_flag=True, help="Print the stage's record as JSON.")
def command(model: str, task: str, out: str, as_json: bool, **rest: Any) -> None:
    """Train a model on an English task and report its English dev score.

    A stopped training continues where it was when the same command is given again.
    """
    from pathlib import Path

    from harness.api import train
    from harness.cli.console import print_json, print_text
    from harness.cli.progress import TerminalProgress
    from harness.cli.shared_options import eval_options
    from harness.models.preparation import preparation_words
    from harness.scoring.scale import shown_dev
    from harness.training.processes import process_index

    options = eval_options(**rest)
    with TerminalProgress() as reporter:
        trained = train(model, task, out=Path(out), options=options, reporter=reporter)
    if process_index() > 0:
        return
    if as_json:
        print_json(trained.summary)
        return
    score = trained.summary["dev_score"]
    loss = f", loss {trained.summary['dev_loss']:.3f}" if "dev_loss" in trained.summary else ""
    dev = "no dev split" if score is None else f"English dev {shown_dev(score)}{loss}"
    place = "" if score is None else f" at step {trained.summary['selected_step']}"
    print_text(f"{trained.summary['name']}: {dev}{place} of {trained.summary['steps']}")
    for name, best in trained.summary.get("best_thresholds", {}).items():
        each = "; ".join(f"{number} {at['value']:.2f} at {at['threshold']:.3f}" for number, at in best.items())
        print_text(f"{name}, best thresholds of no answer (--set null_threshold=...): {each}")
    if prepared := preparation_words(trained.summary.get("preparation", {})):
        print_text(f"prepared: {prepared}")
    print_text(f"checkpoint: {trained.folder}")
