"""Tasks and objectives that stages of a study name and no plugin provides: it can be planned, and not be run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.training.via import parse_via

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.studies.grid import Cell


def lacking(sequences: Iterable[Sequence[str]], registry: Registry) -> list[str]:
    """Every intermediate task and objective of these stages that is not there: "the intermediate task 'captions'"."""
    parts = [part for via in sequences for stage in via for part in parse_via(stage)]
    tasks = [part.name for part in parts if part.name not in registry.intermediate_tasks()]
    objectives = [name for part in parts for name in part.objectives if name not in registry.objectives()]
    return [f"the intermediate task {name!r}" for name in dict.fromkeys(tasks)] + [
        f"the objective {name!r}" for name in dict.fromkeys(objectives)
    ]


def check_lacks_nothing(study: str, cells: Iterable[Cell], registry: Registry) -> None:
    """UsageError that names all that these cells of a study lack."""
    if found := lacking((cell.via for cell in cells), registry):
        raise UsageError(
            f"study {study!r} cannot be run yet: no plugin provides {_listed(found)}",
            hint=f"'harness study plan {study}' works without; 'harness plugins' lists what is there",
        )


def _listed(items: Iterable[str]) -> str:
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last
