"""Template of a family's tasks: the parts that ``harness new task --family NAME`` fills in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Rows = list[dict[str, Any]]
"""Lines of a fixture file, each a plain object."""


@dataclass(frozen=True)
class TaskTemplate:
    """Fragments of a task file, and its fixture; :class:`~harness.types.tasks.Family` names it as its ``template``.

    ``imports`` are the classes that it needs, from ``module``, the first one among those that tests expect; ``read`` is the
    body of the function from a row to ``returns``. ``rows(code, split)`` are the lines of a fixture file, ``splits`` those of
    every language; ``trains`` adds training data in English. ``options`` are those of the family that the task needs.
    """

    imports: str
    returns: str
    read: str
    rows: Callable[[str, str], Rows]
    module: str = "harness"
    metric: str = "accuracy"
    labels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en", "sw")
    splits: tuple[str, ...] = ("dev", "test")
    trains: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
