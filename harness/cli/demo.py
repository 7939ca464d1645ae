"""``harness demo``: the whole pipeline on the sample corpus with the tiny model, in a few minutes, without network."""

from __future__ import annotations

import click


@click.command("demo", short_help="Run everything on a small generated corpus with a tiny model.")
@click.option("--out", default="runs/demo", show_default=True, metavar="FOLDER", help="Where data and runs go.")
def command(out: str) -> None:
    """Generate the sample corpus, build the tiny model, and score it on all nine XTREME tasks."""
    from pathlib import Path

    from harness.api import evaluate
    from harness.cli.console import stdout_console
    from harness.cli.run_report import RichReporter, show_run
    from harness.data.sample import write_sample_corpus
    from harness.options import EvalOptions

    console = stdout_console()
    folder = Path(out)
    data = folder / "data"
    if not (data / "sample-corpus.json").is_file():
        console.print("generating the sample corpus")
        write_sample_corpus(data)
    with RichReporter() as reporter:
        options = EvalOptions(recipe="tiny", data_dir=str(data), offline=True, device="cpu")
        run = evaluate("tiny", benchmark="xtreme", out=folder / "tiny", options=options, reporter=reporter)
    show_run(run, to_stderr=False)
    console.print(
        "\nScore a real model on the real data with\n"
        "  harness eval --model xlm-roberta-base --benchmark xtreme\n"
        "or look before you leap: add --dry-run, --task xnli, --language sw,ur or --limit 100.",
        markup=False,
        highlight=False,
    )
