"""Tasks and objectives that a study's arms name and no plugin provides: it can be planned, and not be run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.training.via import parse_via

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.studies import Study


def lacking(study: Study, registry: Registry) -> list[str]:
    """Every intermediate task and objective that is not there: "the intermediate task 'captions'"."""
    stages = [stage for arm in study.arms for stage in arm.via] + [stage for via in study.via for stage in via]
    parts = [part for stage in stages for part in parse_via(stage)]
    tasks = [part.name for part in parts if part.name not in registry.intermediate_tasks()]
    objectives = [name for part in parts for name in part.objectives if name not in registry.objectives()]
    return [f"the intermediate task {name!r}" for name in dict.fromkeys(tasks)] + [
        f"the objective {name!r}" for name in dict.fromkeys(objectives)
    ]


def check_lacks_nothing(study: Study, registry: Registry) -> None:
    """UsageError that names all that a study lacks."""
    if found := lacking(study, registry):
        raise UsageError(
            f"study {study.name!r} cannot be run yet: no plugin provides {_listed(found)}",
            hint=f"'harness study plan {study.name}' works without; 'harness plugins' lists what is there",
        )


def _listed(items: Iterable[str]) -> str:
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last
