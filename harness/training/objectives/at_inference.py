"""The objectives ``null`` and ``kept``: what of the tower for pictures stays in the checkpoint of a captioning stage."""

from __future__ import annotations

from dataclasses import replace

from harness.families.base import HeadFamily
from harness.training.objectives.base import StageObjective


class _AtInference(StageObjective):
    """Trains as the task does, with another value of the option ``tower_at_inference`` of its family."""

    kept: str

    def family(self, family: HeadFamily) -> HeadFamily:
        """The same family, which leaves something of its tower."""
        return type(family)(family.labels, replace(family.options, tower_at_inference=self.kept))


class Null(_AtInference):
    """Leaves constant vectors, which a tenth of the rows see in training in place of their picture."""

    kept = "null"


class Kept(_AtInference):
    """Leaves the tower, which sees a blank picture with every text."""

    kept = "kept"
