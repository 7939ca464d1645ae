"""Progress callbacks. The command line displays them; library calls are silent by default."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.types.record import UnitRecord


@dataclass(frozen=True)
class ComingStage:
    """A stage that a run will train: its name, and its optimizer steps as far as the number of examples tells."""

    name: str
    steps: int


class ProgressListener:
    """Listens to a run. This one is silent."""

    def stages(self, coming: Sequence[ComingStage]) -> None:
        """The stages that are not trained yet are known, in their order; another process may train some of them."""

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
