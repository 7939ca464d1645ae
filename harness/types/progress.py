"""Progress callbacks. The command line displays them; library calls are silent by default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.types.record import UnitRecord


class ProgressListener:
    """Listens to a run. This one is silent."""

    def note(self, text: str) -> None:
        """A step of the run begins."""

    def training(self, task: str) -> Callable[[int, int, float], None]:
        """A stage begins; the returned function is called with (step, total steps, mean loss)."""
        return lambda step, total, loss: None

    @contextmanager
    def predicting(self, task: str, examples: int) -> Iterator[Callable[[int], None]]:
        """A stream of predictions begins; the yielded function is called with the rows of each batch."""
        yield lambda rows: None

    def unit(self, unit: Unit, entry: UnitRecord, *, cached: bool) -> None:
        """A unit has its result."""

    def failed(self, unit: Unit, error: HarnessError) -> None:
        """A unit has none."""
