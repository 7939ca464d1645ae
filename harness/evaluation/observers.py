"""Passes the events of a progress listener on to the plugins' observer hooks and to the trackers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.evaluation.tracking import Trackers
from harness.registry.calls import Hooks
from harness.types.progress import ComingStage, ProgressListener
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.types.record import UnitRecord


class Observed(ProgressListener):
    """A reporter that passes everything on to another one, and training steps and scored units to the observers too.

    ``folder`` is that of the run, or of the checkpoint where a stage is trained by itself.
    """

    def __init__(self, reporter: ProgressListener, hook: Hooks, folder: Path, trackers: Trackers | None = None) -> None:
        self._reporter = reporter
        self._hook = hook
        self._folder = folder
        self._trackers = trackers or Trackers((), "", folder, {})

    def note(self, text: str) -> None:
        """Passes it on."""
        self._reporter.note(text)

    def stages(self, coming: Sequence[ComingStage]) -> None:
        """Passes it on."""
        self._reporter.stages(coming)

    def training(self, task: str) -> Callable[[int, int, float], None]:
        """Passes the event on; every loss becomes ``harness_step_trained``."""
        tell = self._reporter.training(task)

        def told(step: int, total: int, loss: float) -> None:
            tell(step, total, loss)
            if not math.isnan(loss):
                self._hook.harness_step_trained(folder=self._folder, task=task, step=step, total=total, loss=loss)
                self._trackers.step(task, step, total, loss)

        return told

    @contextmanager
    def predicting(self, task: str, examples: int) -> Iterator[Callable[[int], None]]:
        """Passes it on."""
        with self._reporter.predicting(task, examples) as advance:
            yield advance

    def unit(self, unit: Unit, entry: UnitRecord, *, cached: bool) -> None:
        """Passes it on, and tells ``harness_unit_scored``."""
        self._reporter.unit(unit, entry, cached=cached)
        where = {"task": unit.task, "language": unit.language, "split": unit.split}
        self._hook.harness_unit_scored(folder=self._folder, **where, entry=entry, cached=cached)
        self._trackers.unit(unit, entry, cached=cached)

    def failed(self, unit: Unit, error: HarnessError) -> None:
        """Passes it on."""
        self._reporter.failed(unit, error)
