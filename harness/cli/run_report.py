"""Output of ``harness eval``: the plan, and the tables at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError
from harness.core.safe_text import safe

if TYPE_CHECKING:
    from rich.console import Console

    from harness.models.reference import ModelReference
    from harness.registry.registry import Registry
    from harness.report.table import Table
    from harness.run import Run
    from harness.scoring.scores import BenchmarkScore
    from harness.types.options import EvalOptions


def show_plan(
    registry: Registry,
    options: EvalOptions,
    model: str,
    reference: ModelReference,
    selection: dict[str, Any],
    out: Path,
    seeds: Sequence[str] = (),
    *,
    as_json: bool,
) -> None:
    """Prints task x language x examples x data x done, of each of the ``seeds``, without loading a model.

    No data at all is an error, and so is what the run would refuse: an unknown recipe or option.
    """
    from harness.cli.console import print_json, print_table, print_text
    from harness.evaluation.preview import preview
    from harness.report.preview import preview_table
    from harness.training.recipes import find_recipe

    units = preview(registry, find_recipe(options.recipe, registry, reference), options, reference, out, **selection)
    if as_json:
        print_json(
            {
                "model": model,
                "out": str(out),
                "seeds": [int(seed) for seed in seeds],
                "units": [unit.to_dict() for unit in units],
            }
        )
    else:
        print_table(preview_table(f"plan for {model} into {out}", units))
        if len(seeds) > 1:
            print_text(f"{len(seeds)} runs, with the seeds {', '.join(seeds)}, in {out / 'seed-N'}")
        absent = [unit.planned.unit.key for unit in units if not unit.planned.present]
        if absent:
            print_text(f"no local data for {len(absent)} of {len(units)} units: {summary(absent)}")
            print_text("`harness data list --splits` says for each where it is looked for and how to get it")
    if not any(unit.planned.present for unit in units):
        raise DataError("none of these units has data", hint="give --data-dir, or fetch the data first")


def show_run(run: Run, *, to_stderr: bool, data_dir: str | None = None) -> None:
    """Tables by task and by language, what is missing, and where everything is stored; writes the report."""
    from harness.cli.console import stderr_console, stdout_console
    from harness.report.layers import by_layer
    from harness.report.mixed_pairs import mixed_tables
    from harness.report.provenance import constant_answers, data_notes, not_scored
    from harness.report.robustness import loss_table
    from harness.runs.naming import PAGE

    console = stderr_console() if to_stderr else stdout_console()
    losses = [loss_table(run.view)] if run.view.robustness else []
    more = [*by_layer([run.view]), *losses, *mixed_tables([run.view])]
    show_scores(run.scores, console, more, not_scored(run.view))
    for reason in run.partial:
        console.print(f"not benchmark scores: {safe(reason)}")
    for note in data_notes(run.view):
        console.print(f"note: {note}")
    if constant := constant_answers(run.view.constant_answers):
        console.print(f"warning: {constant}")
    if run.rounding:
        examples, changed = run.rounding
        dtype = run.record["options"]["dtype"]
        console.print(f"{dtype}: {changed} of {examples} decisions checked differ from fp32")
    if run.failed:
        console.print(f"failed ({len(run.failed)} units): {summary(run.failed)}")
    console.print(f"record:      {run.path / 'record.json'}")
    console.print(f"predictions: {run.path / 'predictions'}")
    if (page := save_page([run.path], run.path / PAGE, data_dir, run.registry)) is not None:
        console.print(f"report:      {page}")


def show_scores(
    scores: BenchmarkScore, console: Console, more: Sequence[Table] = (), lacking: Sequence[str] | None = None
) -> None:
    """Tables by task and by language and ``more`` tables, then groups, the overall score, and what is missing.

    ``lacking`` are lines on what is missing, where more is known of it than that it is not there.
    """
    from harness.cli.console import print_framed
    from harness.report.benchmark_scores import missing_lines, score_tables, summary_lines

    print_framed([*score_tables(scores), *more], console)
    for line in [*summary_lines(scores), *(missing_lines(scores) if lacking is None else lacking)]:
        console.print(safe(line))


def save_page(runs: Sequence[Path], path: Path, data_dir: str | None, registry: Registry | None = None) -> Path | None:
    """Writes the HTML report of runs; None, with a warning, where it cannot be: no result depends on a picture of it."""
    try:
        from harness.registry.default import get_registry
        from harness.report.formats import write_page

        write_page(runs, path, registry or get_registry(), data_dir)
    except Exception as error:
        from harness.cli.console import message

        message(f"{path} was not written: {type(error).__name__}: {error}", "warning")
        return None
    return path


def show_seeds(runs: Sequence[Run], seeds: Sequence[int], folder: Path, *, to_stderr: bool) -> dict[str, Any]:
    """A table of means and standard deviations over seeds; returns the summary it shows."""
    from harness.cli.console import stderr_console, stdout_console
    from harness.report.seeds import summary_lines
    from harness.results.seeds import summarise

    console = stderr_console() if to_stderr else stdout_console()
    result = summarise([run.scores.to_dict() for run in runs], seeds)
    for line in summary_lines(result):
        console.print(line)
    console.print(f"summary:     {folder / 'seeds.json'}")
    return result


def summary(units: Sequence[str] | dict[str, str]) -> str:
    """``["xnli/ar/test", "xnli/bg/test"]`` as "xnli[ar,bg]"."""
    from harness.report.provenance import brackets, task_and_language

    return brackets(task_and_language(units))
