"""``harness score``: scores from files alone, of a submission or of a run."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.shared_options import columns_option, selection_options
from harness.core.errors import UsageError

_FOLDER = click.Path(path_type=Path)


@click.command("score", short_help="Score prediction files without a model.")
@click.argument("run", required=False, type=_FOLDER)
@click.option("--predictions", type=_FOLDER, metavar="FOLDER", help="Predictions: FOLDER/xnli/test-sw.tsv and so on.")
@click.option("--labels", type=_FOLDER, metavar="FOLDER", help="Labels, in the same layout.")
@selection_options
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print only JSON on stdout.")
def command(
    run: Path | None,
    predictions: Path | None,
    labels: Path | None,
    benchmark: str | None,
    tasks: tuple[str, ...],
    languages: tuple[str, ...],
    as_json: bool,
) -> None:
    """Score prediction files against label files, as the benchmark's own scorer does.

    Two folders in the official layout (--predictions, --labels; the benchmark is xtreme unless another is named): a
    task counts if both have its folder, and then every language must be there. Tasks of no benchmark are scored in the
    languages that both have. Or a RUN folder: everything in it.
    """
    from harness.api import score
    from harness.cli.console import message, print_json, stdout_console
    from harness.cli.run_report import show_scores

    if run is not None and (predictions or labels):
        raise UsageError("give a run folder, or --predictions and --labels, not both")
    if run is None and (predictions is None or labels is None):
        raise UsageError(
            "nothing to score: give a run folder, or both --predictions and --labels",
            hint="harness score runs/NAME, or harness score --predictions FOLDER --labels FOLDER",
        )
    scores = score(run or predictions or "", labels, benchmark, tasks=tasks, languages=languages)
    for warning in scores.warnings:
        message(warning, "warning")
    if as_json:
        print_json(scores.to_dict())
    else:
        show_scores(scores, stdout_console())
