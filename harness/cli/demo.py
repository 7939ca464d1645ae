"""``harness demo``: the whole pipeline on the sample corpus with the tiny model, in a few minutes, without network."""

from __future__ import annotations

import click

TRAIN_LIMIT = 1000
"""Training examples a task: enough to learn something from, few enough for a coffee break on two cores."""


@click.command("demo")
@click.option("--out", default="runs/demo", show_default=True, metavar="FOLDER", help="Where data and runs go.")
def command(out: str) -> None:
    """Score the tiny model on all nine XTREME tasks of a generated corpus, as it is and via MNLI.

    The sample corpus and the tiny model are made here; nothing is downloaded. The same command again continues.
    """
    from dataclasses import replace
    from pathlib import Path

    from harness.api import evaluate
    from harness.cli.console import print_table, print_text
    from harness.cli.progress import TerminalProgress
    from harness.cli.run_report import save_page, show_run
    from harness.data.sample import has_sample_corpus, write_sample_corpus
    from harness.report.benchmark_scores import side_by_side
    from harness.types.options import EvalOptions

    folder = Path(out)
    data = folder / "data"
    if not has_sample_corpus(data):
        print_text("generating the sample corpus")
        write_sample_corpus(data)
    options = EvalOptions(
        recipe="tiny", train_limit=TRAIN_LIMIT, data_dir=str(data), offline=True, device="cpu", dtype="fp32"
    )
    with TerminalProgress() as reporter:
        plain = evaluate("tiny", benchmark="xtreme", out=folder / "tiny", options=options, reporter=reporter)
        reporter.note("the same again, after a stage of MNLI (English)")
        through = replace(options, via=("mnli",))
        via = evaluate("tiny", benchmark="xtreme", out=folder / "tiny-via-mnli", options=through, reporter=reporter)
    show_run(plain, to_stderr=False, data_dir=str(data))
    print_table(side_by_side(plain.scores, via.scores, "via MNLI", "mean over the languages of the sample corpus"))
    if (page := save_page([plain.path, via.path], folder / "report.html", str(data))) is not None:
        print_text(f"both runs side by side, to open in a browser:    {page}")
    print_text(
        f"record, predictions and labels of each run: {folder / 'tiny'} and {folder / 'tiny-via-mnli'}\n"
        f"trained checkpoints (transformers folders):  {folder / 'stages'}\n"
        "\n"
        "a real model on the real data:\n"
        "  harness eval --model xlm-roberta-base --benchmark xtreme --via mnli\n"
        "look before you leap with --dry-run, --task xnli, --language sw,ur or --limit 100"
    )
