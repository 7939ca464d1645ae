"""Losses on perturbed test sets against the clean ones: by perturbation and task, and by language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from harness.report.table import DASH, Cell, Table, Value, columns, difference, number, report_table
from harness.results.run_view import RunView, language_of, sort_codes
from harness.scoring.scale import PERCENT, Scale, shown
from harness.scoring.scores import half_width

if TYPE_CHECKING:
    from harness.types.record import LossRecord

_LOSS = difference("loss")


def perturbed(runs: Sequence[RunView]) -> Iterator[Table]:
    """A table of all losses, and one of each run's by language; none where nothing was perturbed."""
    measured = [(run, losses(run)) for run in runs]
    several = len(runs) > 1
    rows: list[list[Cell]] = []
    for run, found in measured:
        for (kind, task), languages in found.items():
            rows.append([kind, task, *([run.name] if several else []), *_means(languages, task_scale(run, task))])
    if not rows:
        return
    numbers = [number("clean"), number("perturbed"), _LOSS, number("changed %")]
    head = columns("perturbation", "task", *(["run"] if several else []), *numbers)
    notes = [
        "loss: clean minus perturbed, over the languages in which the perturbation changed anything",
        "changed: share of their examples that it changed",
    ]
    yield report_table("perturbed", "Perturbed test sets", head, rows, notes)
    for run, found in measured:
        if found:
            yield _by_language(run, found, several)


def loss_table(run: RunView) -> Table:
    """A row a perturbation and task, as ``harness eval`` prints it: mean loss, share of changed examples, languages."""
    rows: list[list[Cell]] = []
    for kind, tasks in run.robustness.items():
        for task, whole in tasks.items():
            scale = task_scale(run, task)
            languages = whole["languages"]
            share = sum(one["changed"] for one in languages.values()) / sum(one["n"] for one in languages.values())
            each = "  ".join(f"{code} {_signed(one, scale)}" for code, one in languages.items())
            mean = whole.get("loss")
            rows.append([kind, task, DASH if mean is None else shown(mean, scale, signed=True), f"{share:.0%}", each])
    title = "loss against the clean test sets (points; ± half of the 95% interval)"
    return Table.of(title, ["perturbation", "task", _LOSS, number("changed"), "by language"], rows)


def losses(run: RunView) -> dict[tuple[str, str], Mapping[str, LossRecord]]:
    """The losses of the languages by perturbation and task."""
    return {(kind, name): task["languages"] for kind, tasks in run.robustness.items() for name, task in tasks.items()}


def task_scale(run: RunView, task: str) -> Scale:
    """The scale of a task's scores; that of most where the run has none."""
    return run.tasks[task].scale if task in run.tasks else PERCENT


def _means(languages: Mapping[str, LossRecord], scale: Scale) -> list[Cell]:
    counting = [loss for loss in languages.values() if loss["changed"]]
    if not counting:
        return [None, None, None, 0]
    clean, worse = fmean(loss["clean"] for loss in counting), fmean(loss["perturbed"] for loss in counting)
    share = sum(loss["changed"] for loss in counting) / sum(loss["n"] for loss in counting)
    return [*(Value(value, scale=scale) for value in (clean, worse, clean - worse)), round(100 * share)]


def _by_language(run: RunView, found: Mapping[tuple[str, str], Mapping[str, LossRecord]], several: bool) -> Table:
    codes = sort_codes({code for languages in found.values() for code in languages})
    rows = [
        [
            code,
            language_of(code).name,
            *(_loss(languages.get(code), task_scale(run, task)) for (_, task), languages in found.items()),
        ]
        for code in codes
    ]
    head = columns("language", "name", *(difference(f"{kind} {task}") for kind, task in found))
    notes = ["points lost against the clean set; ± half of the 95% interval, paired by example"]
    title = f"Losses by language{f': {run.name}' if several else ''}"
    return report_table("losses-by-language", title, head, rows, notes)


def _signed(loss: LossRecord, scale: Scale) -> str:
    cell = _loss(loss, scale)
    return cell.show(signed=True) if cell is not None else DASH


def _loss(loss: LossRecord | None, scale: Scale) -> Value | None:
    if loss is None or not loss["changed"]:
        return None
    return Value(loss["loss"], half_width(loss["low"], loss["high"]), scale=scale)
