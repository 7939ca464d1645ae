"""Output of ``harness eval``: progress while it runs, the plan, and the tables at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError, HarnessError
from harness.core.safe_text import safe
from harness.types.progress import ProgressListener
from harness.types.units import Unit

if TYPE_CHECKING:
    from rich.console import Console

    from harness.models.reference import ModelReference
    from harness.registry.registry import Registry
    from harness.run import Run
    from harness.scoring.scores import BenchmarkScore
    from harness.types.options import EvalOptions
    from harness.types.record import UnitRecord


class RichReporter(ProgressListener):
    """Live lines on a terminal, one plain line a finished unit elsewhere; always on standard error."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from harness.cli.console import stderr_console

        self._console = stderr_console()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> RichReporter:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        """A plain line."""
        self._line(text)

    def training(self, task: str) -> Callable[[int, int, float], None]:
        """A bar with the loss."""
        self._line(f"training on {task}")
        bar = self._progress.add_task(f"train {safe(task)}", total=None)

        def tell(step: int, total: int, loss: float) -> None:
            self._progress.update(bar, completed=step, total=total, description=f"train {safe(task)}, loss {loss:.3f}")
            if step >= total:
                self._progress.remove_task(bar)
                self._line(f"trained on {task}: {total} steps, loss {loss:.3f}")

        return tell

    @contextmanager
    def predicting(self, task: str, examples: int) -> Iterator[Callable[[int], None]]:
        """A bar of rows; windows and pieces make more rows than examples."""
        bar = self._progress.add_task(f"predict {safe(task)}", total=examples)
        try:
            yield lambda rows: self._progress.advance(bar, rows)
        finally:
            self._progress.remove_task(bar)

    def unit(self, unit: Unit, entry: UnitRecord, *, cached: bool) -> None:
        """One line: the unit and its main scores."""
        score = entry["score"]
        if score is None:
            shown = "predicted; no gold labels to score against"
        else:
            shown = "  ".join(f"{name} {value['value']:.2f}" for name, value in score["metrics"].items())
        self._line(f"{unit.key:<24} {shown}{'  (kept)' if cached else ''}")

    def failed(self, unit: Unit, error: HarnessError) -> None:
        """One line: the unit and the error."""
        self._line(f"{unit.key:<24} failed: {error}")

    def _line(self, text: str) -> None:
        self._progress.console.print(text)


def show_plan(
    registry: Registry,
    options: EvalOptions,
    model: str,
    reference: ModelReference,
    selection: dict[str, Any],
    out: Path,
    *,
    as_json: bool,
) -> None:
    """Prints task x language x examples x data x done, without loading a model.

    No data at all is an error, and so is what the run would refuse: a recipe or an option that nothing knows.
    """
    from harness.api import find_recipe
    from harness.cli.console import print_json, print_table, print_text
    from harness.evaluation.preview import preview
    from harness.report.preview import preview_table

    units = preview(registry, find_recipe(options.recipe, registry, reference), options, reference, out, **selection)
    if as_json:
        print_json({"model": model, "out": str(out), "units": [unit.to_dict() for unit in units]})
    else:
        print_table(preview_table(f"plan for {model} into {out}", units))
        absent = [unit.planned.unit.key for unit in units if not unit.planned.present]
        if absent:
            print_text(f"no local data for {len(absent)} of {len(units)} units: {summary(absent)}")
            print_text("`harness data list` says for each where it is looked for and how to get it")
    if not any(unit.planned.present for unit in units):
        raise DataError("none of these units has data", hint="give --data-dir, or fetch the data first")


def show_run(run: Run, *, to_stderr: bool, data_dir: str | None = None) -> None:
    """Tables by task and by language, what is missing, and where everything lies; writes the report."""
    from harness.cli.console import print_framed, stderr_console, stdout_console
    from harness.report.provenance import data_notes
    from harness.report.robustness import loss_table

    console = stderr_console() if to_stderr else stdout_console()
    show_scores(run.scores, console)
    if robustness := run.record.get("robustness"):
        print_framed(loss_table(robustness), console)
    for reason in run.partial:
        console.print(f"not benchmark scores: {reason}")
    for note in data_notes(run.view):
        console.print(f"note: {note}")
    if run.rounding:
        examples, changed = run.rounding
        dtype = run.record["options"]["dtype"]
        console.print(f"{dtype}: {changed} of {examples} decisions checked differ from fp32")
    if run.failed:
        console.print(f"failed ({len(run.failed)} units): {summary(run.failed)}")
    console.print(f"record:      {run.path / 'record.json'}")
    console.print(f"predictions: {run.path / 'predictions'}")
    if (page := save_page([run.path], run.path / "report.html", data_dir, run.registry)) is not None:
        console.print(f"report:      {page}")


def show_scores(scores: BenchmarkScore, console: Console) -> None:
    """Tables by task and by language, then groups, the overall score, and what is missing."""
    from harness.cli.console import print_framed
    from harness.report.benchmark_scores import score_tables, summary_lines

    for table in score_tables(scores):
        print_framed(table, console)
    for line in summary_lines(scores):
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
    from harness.report.provenance import brackets

    return brackets((unit.task, unit.language) for unit in map(Unit.of, units))
