"""Tables of scores: by task, and by language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.core.safe_text import safe
from harness.scoring.robustness import loss_rows
from harness.scoring.scores import BenchmarkScore, TaskScore

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_scores(console: Console, scores: BenchmarkScore) -> None:
    """Scores by task and by language, then groups, the overall score, and what is missing."""
    console.print("scores by task (mean over languages)")
    console.print(_task_table(scores))
    console.print("scores by language (± half of the 95% interval)")
    console.print(_language_table(scores.tasks))
    for name, value in scores.groups.items():
        console.print(f"{safe(name)}: {_number(value)}")
    if scores.benchmark is not None:
        console.print(f"overall {safe(scores.benchmark)}: {_number(scores.overall)}")
    if scores.gap is not None:
        console.print(f"transfer gap, mean of the tasks with English: {_number(scores.gap)}")
    if scores.missing:
        lacking = (
            f"{task}[{','.join(codes)}]" if task in scores.tasks else task for task, codes in scores.missing.items()
        )
        console.print(f"missing: {safe('  '.join(lacking))}")


def print_losses(console: Console, robustness: Mapping[str, Any]) -> None:
    """What each perturbation costs, a row a task; nothing where nothing was perturbed."""
    if not robustness:
        return
    table = _table()
    for name in ("perturbation", "task"):
        table.add_column(name, no_wrap=True)
    for name in ("loss", "changed"):
        table.add_column(name, justify="right")
    table.add_column("by language")
    for row in loss_rows(robustness):
        table.add_row(*map(safe, row))
    console.print("loss against the clean test sets (points; ± half of the 95% interval)")
    console.print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def _task_table(scores: BenchmarkScore) -> Table:
    """A row a task: score, transfer gap, averages of its metrics; the mean of what there is where it is incomplete."""
    table = _table()
    table.add_column("task", no_wrap=True)
    table.add_column("languages", justify="right")
    table.add_column("score", justify="right")
    incomplete = any(task.score is None for task in scores.tasks.values())
    if incomplete:
        table.add_column("of those scored", justify="right")
    table.add_column("transfer gap", justify="right")
    table.add_column("metrics")
    for name, task in scores.tasks.items():
        scored = len(next(iter(task.metrics.values())).languages)
        total = scored + len(scores.missing.get(name, ()))
        table.add_row(
            safe(name),
            f"{scored}/{total}" if scored < total else str(scored),
            _number(task.score),
            *([_number(task.partial)] if incomplete else []),
            _number(task.gap.get("score")),
            "  ".join(f"{safe(key)} {_number(metric.partial)}" for key, metric in task.metrics.items()),
        )
    return table


def _language_table(tasks: Mapping[str, TaskScore]) -> Table:
    """A row a language, a column a task; the half width of the 95% interval where the score is a single number."""
    table = _table()
    table.add_column("language", no_wrap=True)
    for name in tasks:
        table.add_column(safe(name), justify="right", no_wrap=True)
    codes = {code for task in tasks.values() for metric in task.metrics.values() for code in metric.languages}
    for code in sorted(codes, key=lambda code: (code != "en", code)):
        table.add_row(safe(code), *(_language_cell(task, code) for task in tasks.values()))
    return table


def _language_cell(task: TaskScore, code: str) -> str:
    value = task.language_score(code)
    if value is None:
        return ""
    if len(task.primary) == 1:
        half = task.metrics[task.primary[0]].languages[code].half_width
        if half is not None:
            return f"{value:.1f} ±{half:.1f}"
    return _number(value)
