"""``harness score``: scores from files alone, of a submission or of a run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import message, print_json, stdout_console
from harness.cli.shared_options import selection_options
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.tasks import Benchmark

_FOLDER = click.Path(path_type=Path)


@click.command("score", short_help="Score prediction files without a model.")
@click.argument("run", required=False, type=_FOLDER)
@click.option("--predictions", type=_FOLDER, metavar="FOLDER", help="Predictions: FOLDER/xnli/test-sw.tsv and so on.")
@click.option("--labels", type=_FOLDER, metavar="FOLDER", help="Labels, in the same layout.")
@selection_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
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
    task counts if both have its folder, and then every language must be there. Or a RUN folder: whatever it holds.
    """
    from harness.registry.default import get_registry
    from harness.results.rescore import score_run
    from harness.scoring.files import TaskScorer, score_folders

    registry = get_registry()
    if run is not None:
        if predictions or labels:
            raise UsageError("give a run folder, or --predictions and --labels, not both")
        chosen = registry.benchmark(benchmark) if benchmark else None
        scores = score_run(run, registry, benchmark, _selection(registry, chosen, tasks, languages))
    elif predictions is None or labels is None:
        raise UsageError(
            "nothing to score: give a run folder, or both --predictions and --labels",
            hint="harness score runs/NAME, or harness score --predictions FOLDER --labels FOLDER",
        )
    else:
        chosen = registry.benchmark(benchmark or "xtreme")
        selection = _selection(registry, chosen, tasks, languages)
        scores = score_folders(predictions, labels, chosen, partial(TaskScorer.of, registry), selection)
    for warning in scores.warnings:
        message(warning, "warning")
    if as_json:
        print_json(scores.to_dict())
    else:
        from harness.cli.run_report import show_scores

        show_scores(scores, stdout_console())


def _selection(
    registry: Registry, benchmark: Benchmark | None, tasks: tuple[str, ...], languages: tuple[str, ...]
) -> dict[str, tuple[str, ...]] | None:
    """Tasks and languages that selectors name, among the benchmark's or all registered ones; None: no selectors."""
    from harness.registry.select import Entry, choose

    if not tasks and not languages:
        return None
    known = registry.tasks()
    listed = benchmark.tasks if benchmark else {name: tuple(task.languages) for name, task in known.items()}
    entries = {name: Entry(known[name].family if name in known else "", codes, codes) for name, codes in listed.items()}
    return choose(registry, entries, tasks, languages, f"the benchmark {benchmark.name!r}" if benchmark else "")
