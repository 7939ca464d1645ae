"""Progress callbacks. The command line displays them; library calls are silent by default."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.pace import duration
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.types.record import UnitRecord


@dataclass(frozen=True)
class ComingStage:
    """A stage that a run will train: its name, and its optimizer steps as far as the number of examples tells."""

    name: str
    steps: int


@dataclass(frozen=True)
class JobCount:
    """The jobs of a study: runs, and stages that several runs share. ``left`` is the time left in seconds, if it is known."""

    total: int
    done: int = 0
    failed: int = 0
    running: int = 0
    left: float | None = None

    @property
    def ended(self) -> int:
        """The jobs that are done or have failed."""
        return self.done + self.failed

    @property
    def words(self) -> str:
        """Counts that are not 0, and the time left: "2 running, 1 failed, 12 min left"."""
        parts = [f"{number} {name}" for name in ("running", "failed") if (number := getattr(self, name))]
        if self.left and self.ended < self.total:
            parts.append(f"{duration(self.left)} left")
        return ", ".join(parts)


class StageCount:
    """Counts the stages of a run as they begin."""

    def __init__(self, coming: Sequence[ComingStage] = ()) -> None:
        self._coming = coming
        self._number = 0

    def begin(self, name: str) -> int:
        """Moves on to the next stage of this name; returns the steps of those after it."""
        names = [stage.name for stage in self._coming]
        if name in names[self._number :]:
            self._number = names.index(name, self._number) + 1
            return sum(stage.steps for stage in self._coming[self._number :])
        return 0

    @property
    def place(self) -> str:
        """``" (stage 2 of 3)"``; "" where there is one alone."""
        return f" (stage {self._number} of {len(self._coming)})" if len(self._coming) > 1 and self._number else ""


class ProgressListener:
    """Listens to a run. This one is silent."""

    def stages(self, coming: Sequence[ComingStage]) -> None:
        """The stages that are not trained yet are known, in their order; another process may train some of them."""

    def jobs(self, count: JobCount) -> None:
        """The number of jobs that are done, run or have failed has changed, or the time that is left."""

    def note(self, text: str) -> None:
        """A step of the run begins."""

    def training(self, task: str) -> Callable[[int, int, float], None]:
        """A stage begins; the returned function is called with (steps done, total steps, mean loss).

        It is called before the first step and then every half second or so; the loss is that since the last one, and
        nan where there is no new one.
        """
        return lambda step, total, loss: None

    @contextmanager
    def predicting(self, task: str, examples: int) -> Iterator[Callable[[int], None]]:
        """A stream of predictions begins; the yielded function is called with the examples that each batch completes."""
        yield lambda rows: None

    def unit(self, unit: Unit, entry: UnitRecord, *, cached: bool) -> None:
        """A unit has its result."""

    def failed(self, unit: Unit, error: HarnessError) -> None:
        """A unit has none."""
