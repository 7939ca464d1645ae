"""Losses on perturbed test sets against the clean ones: by perturbation and task, and by language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.report.table import DASH, Cell, Table, Value, columns, difference, number, report_table
from harness.results.run_view import RunView, language_of, sort_codes
from harness.scoring.scores import half_width

_LOSS = difference("loss")


def perturbed(systems: Sequence[RunView]) -> Iterator[Table]:
    """A table of all losses, and one of each run's by language; none where nothing was perturbed."""
    measured = [(system, losses(system)) for system in systems]
    several = len(systems) > 1
    rows: list[list[Cell]] = []
    for system, found in measured:
        for (kind, task), languages in found.items():
            rows.append([kind, task, *([system.name] if several else []), *_means(languages)])
    if not rows:
        return
    numbers = [number("clean"), number("perturbed"), _LOSS, number("changed %")]
    head = columns("perturbation", "task", *(["run"] if several else []), *numbers)
    notes = [
        "loss: clean minus perturbed, over the languages in which the perturbation changed anything",
        "changed: share of their examples that it changed",
    ]
    yield report_table("perturbed", "Perturbed test sets", head, rows, notes)
    for system, found in measured:
        if found:
            yield _by_language(system, found, several)


def loss_table(robustness: Mapping[str, Any]) -> Table:
    """A row a perturbation and task, as ``harness eval`` prints it: mean loss, share of changed examples, languages."""
    rows: list[list[Cell]] = []
    for kind, tasks in robustness.items():
        for task, entry in tasks.items():
            languages = entry["languages"]
            share = sum(one["changed"] for one in languages.values()) / sum(one["n"] for one in languages.values())
            each = "  ".join(f"{code} {_signed(one)}" for code, one in languages.items())
            mean = DASH if entry["loss"] is None else f"{entry['loss']:+.1f}"
            rows.append([kind, task, mean, f"{share:.0%}", each])
    title = "loss against the clean test sets (points; ± half of the 95% interval)"
    return Table.of(title, ["perturbation", "task", _LOSS, number("changed"), "by language"], rows)


def losses(system: RunView) -> dict[tuple[str, str], Mapping[str, Mapping[str, Any]]]:
    """The losses of the record by perturbation and task: the entries of the languages."""
    robustness: Mapping[str, Any] = system.record.get("robustness") or {}
    return {(kind, name): entry["languages"] for kind, tasks in robustness.items() for name, entry in tasks.items()}


def _means(languages: Mapping[str, Mapping[str, Any]]) -> list[Cell]:
    counting = [entry for entry in languages.values() if entry["changed"]]
    if not counting:
        return [None, None, None, 0]
    clean, worse = (fmean(entry[side] for entry in counting) for side in ("clean", "perturbed"))
    share = sum(entry["changed"] for entry in counting) / sum(entry["n"] for entry in counting)
    return [Value(clean), Value(worse), Value(clean - worse), round(100 * share)]


def _by_language(
    system: RunView, found: Mapping[tuple[str, str], Mapping[str, Mapping[str, Any]]], several: bool
) -> Table:
    codes = sort_codes({code for languages in found.values() for code in languages})
    rows = [
        [code, language_of(code).name, *(_loss(languages.get(code)) for languages in found.values())] for code in codes
    ]
    head = columns("language", "name", *(difference(f"{kind} {task}") for kind, task in found))
    notes = ["points lost against the clean set; ± half of the 95% interval, paired by example"]
    title = f"Losses by language{f': {system.name}' if several else ''}"
    return report_table("losses-by-language", title, head, rows, notes)


def _signed(entry: Mapping[str, Any]) -> str:
    if not entry["changed"]:
        return DASH
    half = half_width(entry["low"], entry["high"])
    return f"{entry['loss']:+.1f}" + ("" if half is None else f" ±{half:.1f}")


def _loss(entry: Mapping[str, Any] | None) -> Cell:
    if entry is None or not entry["changed"]:
        return None
    return Value(entry["loss"], half_width(entry["low"], entry["high"]))
