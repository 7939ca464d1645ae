"""``harness adapters``: an adapter for each language, trained on its text, for ``--language-adapters``."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.shared_options import columns_option, data_dir_option, recipe_options, session_options, split_commas


@click.command("adapters")
@click.option("--model", required=True, help="Hub id, org/name@revision, folder, tiny or demo:e5-small.")
@click.option(
    "--language",
    "languages",
    multiple=True,
    callback=split_commas,
    metavar="CODES",
    help="en,sw.  [default: every DATA_DIR/text/<language>.txt]",
)
@recipe_options
@click.option("--train-limit", type=int, help="Maximum number of texts per language.")
@session_options(without=("compiled",))
@data_dir_option
@click.option("--out", metavar="FOLDER", required=True, help="Folder of the adapters; --language-adapters takes it.")
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print the stages' records as JSON, by language.")
def command(model: str, languages: tuple[str, ...], out: str, as_json: bool, **rest: Any) -> None:
    """Train a language adapter (LoRA) for each language, by masked language modelling on DATA_DIR/text/<language>.txt.

    The model stays as it is. eval and train take the adapters with --language-adapters: a task is trained with that of
    English in place, and every language is scored with its own. A stopped training continues where it was.
    """
    from pathlib import Path

    from harness.api import train_adapters
    from harness.cli.console import print_json, print_table, print_text
    from harness.cli.progress import TerminalProgress
    from harness.cli.shared_options import eval_options
    from harness.report.table import Table, number
    from harness.training.processes import process_index

    with TerminalProgress() as reporter:
        trained = train_adapters(model, languages, out=Path(out), options=eval_options(**rest), reporter=reporter)
    if process_index() > 0:
        return
    if as_json:
        print_json({code: stage.summary for code, stage in trained.items()})
        return
    rows = [
        (code, stage.summary["steps"], "" if score is None else f"{score:.2f}", str(stage.folder))
        for code, stage in trained.items()
        for score in (stage.summary["dev_score"],)
    ]
    print_table(Table.of("", ["language", number("steps"), number("held-out tokens right, %"), "adapter"], rows))
    print_text(f"harness eval --model {model} --language-adapters {out} ...")
