"""Colours of scores: from chance to the best score of a task; what is at chance has no colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.results.run_view import RunView
from harness.scoring.scale import PERCENT, Scale, common_scale

STEPS = 9
"""Steps of the scale of scores, from 0 (just above chance) to 8."""
DIFFERENCE_STEPS = 3
"""Steps of the scale of differences, each way."""
_LEAST: dict[Scale, float] = {"0-100": 10.0, "0-1": 0.1, "-1-1": 0.2, "unbounded": 1e-9}
"""A task's colours span at least so much of its scale, so that noise does not look like a pattern."""


@dataclass(frozen=True)
class TaskScale:
    """The scale of one task, from ``low`` to ``high`` points; ``chance`` is the level it begins at, None where it is 0.

    ``scale`` is that of its metric.
    """

    chance: float | None
    low: float
    high: float
    scale: Scale = PERCENT

    @classmethod
    def of(cls, runs: Sequence[RunView], task: str) -> TaskScale:
        """The scale that all runs share: it begins at chance on average over the languages, where that is known of each."""
        views = [run.tasks[task] for run in runs if task in run.tasks and run.tasks[task].units]
        levels = [chance.level for view in views if (chance := view.chance()) is not None and chance.level is not None]
        begin = min(levels) if levels else None
        low = begin or 0.0
        values = [unit.score.value for view in views for unit in view.units.values()]
        scale = common_scale(view.scale for view in views)
        return cls(begin, low, max([low + _LEAST[scale], *values]), scale)

    def step(self, value: float) -> int:
        """The step of a score."""
        return min(STEPS - 1, max(0, int(STEPS * (value - self.low) / (self.high - self.low))))


def difference_step(value: float, largest: float) -> str:
    """``up-3``, ``down-1``: direction and step of a difference; "" of none."""
    if not value or not largest:
        return ""
    step = max(1, min(DIFFERENCE_STEPS, round(DIFFERENCE_STEPS * abs(value) / largest + 0.499)))
    return f"{'up' if value > 0 else 'down'}-{step}"
