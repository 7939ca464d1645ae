"""Colours of scores: from chance to the best score of a task; what is at chance has no colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.results.run_view import RunView
from harness.scoring.scores import Estimate

STEPS = 9
"""Steps of the scale of scores, from 0 (just above chance) to 8."""
DIFFERENCE_STEPS = 3
"""Steps of the scale of differences, each way."""
_LEAST = 10.0
"""A task's colours span at least so many points, so that noise does not look like a pattern."""


@dataclass(frozen=True)
class TaskScale:
    """The scale of one task, in points from 0 to 100; ``chance`` is None where guessing scores nothing."""

    chance: float | None
    low: float
    high: float

    @classmethod
    def of(cls, runs: Sequence[RunView], task: str, chance: float | None) -> TaskScale:
        """The scale that all runs share."""
        values = [u.score.value for run in runs if task in run.tasks for u in run.tasks[task].units.values()]
        low = chance or 0.0
        return cls(chance, low, max(low + _LEAST, *values))

    def step(self, value: float) -> int:
        """The step of a score."""
        return min(STEPS - 1, max(0, int(STEPS * (value - self.low) / (self.high - self.low))))

    def at_chance(self, score: Estimate) -> bool:
        """Tells whether a score is not surely above chance: its interval, or itself where it has none, is not."""
        return self.chance is not None and (score.value if score.low is None else score.low) <= self.chance


def difference_step(value: float, largest: float) -> str:
    """``up-3``, ``down-1``: direction and step of a difference; "" of none."""
    if not value or not largest:
        return ""
    step = max(1, min(DIFFERENCE_STEPS, round(DIFFERENCE_STEPS * abs(value) / largest + 0.499)))
    return f"{'up' if value > 0 else 'down'}-{step}"
