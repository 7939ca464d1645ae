"""Observations: the scores that a study's analysis starts from, one for each unit and run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEGENERATE_MARGIN = 5.0
"""Points over the English majority class that a run must reach not to count as degenerate."""


@dataclass(frozen=True)
class Observation:
    """The score of one language of a task, from one run: a model in an arm with a seed.

    ``score`` is the mean of the task's primary metrics on the test split, 0 to 100, ``n`` the number of items.
    ``chance`` is the score of guessing, where it is known; ``english_dev`` the English dev score of the stage that was
    scored, and ``dev_loss`` its loss. ``factors`` are those of the arm and the model. ``exploratory`` marks what the
    frozen plan does not have. ``perturbation`` names the kind of perturbed input, "" for the plain test set.
    """

    model: str
    arm: str
    task: str
    language: str
    seed: int
    score: float
    n: int = 0
    chance: float | None = None
    english_dev: float | None = None
    dev_loss: float | None = None
    factors: Mapping[str, Any] = field(default_factory=dict)
    exploratory: bool = False
    perturbation: str = ""

    @property
    def degenerate(self) -> bool:
        """Tells whether the run learned next to nothing: its English dev score is under chance plus five points.

        False where the dev score or chance is not known.
        """
        if self.english_dev is None or self.chance is None:
            return False
        return self.english_dev < self.chance + DEGENERATE_MARGIN
