"""What perturbed test sets cost: the loss against the clean ones, by perturbation and task, and by language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.report.table import Cell, Table, Value, table
from harness.results.run_view import RunView, language_of, sort_codes
from harness.scoring.scores import half_width


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
    columns = ["perturbation", "task", *(["run"] if several else []), "clean", "perturbed", "loss", "changed %"]
    notes = [
        "loss: clean minus perturbed, over the languages in which the perturbation changed anything",
        "changed: share of their examples that it changed",
    ]
    yield table("perturbed", "Perturbed test sets", columns, rows, notes)
    for system, found in measured:
        if found:
            yield _by_language(system, found, several)


def losses(system: RunView) -> dict[tuple[str, str], Mapping[str, Mapping[str, Any]]]:
    """What the record says, by perturbation and task: the entries of the languages."""
    robustness: Mapping[str, Any] = system.record.get("robustness") or {}
    return {(kind, name): entry["languages"] for kind, tasks in robustness.items() for name, entry in tasks.items()}


def _means(languages: Mapping[str, Mapping[str, Any]]) -> list[Cell]:
    counting = [entry for entry in languages.values() if entry["changed"]]
    if not counting:
        return [None, None, None, 0]
    clean, worse = (fmean(entry[side] for entry in counting) for side in ("clean", "perturbed"))
    share = sum(entry["changed"] for entry in counting) / sum(entry["n"] for entry in counting)
    return [Value(clean), Value(worse), Value(clean - worse, signed=True), round(100 * share)]


def _by_language(
    system: RunView, found: Mapping[tuple[str, str], Mapping[str, Mapping[str, Any]]], several: bool
) -> Table:
    codes = sort_codes({code for languages in found.values() for code in languages})
    rows = [
        [code, language_of(code).name, *(_loss(languages.get(code)) for languages in found.values())] for code in codes
    ]
    columns = ["language", "name", *(f"{kind} {task}" for kind, task in found)]
    notes = ["points lost against the clean set; ± half of the 95% interval, paired by example"]
    title = f"Losses by language{f': {system.name}' if several else ''}"
    return table("losses-by-language", title, columns, rows, notes)


def _loss(entry: Mapping[str, Any] | None) -> Cell:
    if entry is None or not entry["changed"]:
        return None
    return Value(entry["loss"], half=half_width(entry["low"], entry["high"]), signed=True)
