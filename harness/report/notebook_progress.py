"""Progress of a run in a notebook: one line with a bar below the cell, through Jupyter's display protocol."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

from harness.core.errors import HarnessError
from harness.core.pace import Pace, duration
from harness.types.progress import ComingStage, ProgressListener, StageCount
from harness.types.record import UnitRecord
from harness.types.units import Unit

UPDATE_EVERY = 0.25
"""Seconds between two updates of the bar: each is a message to the browser."""


def in_notebook() -> bool:
    """Tells whether this process is the kernel of a notebook; imports nothing."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


@contextmanager
def default_reporter(reporter: ProgressListener | None) -> Iterator[ProgressListener]:
    """The listener that is given; without one, a bar in a notebook, and silence elsewhere."""
    if reporter is not None or not in_notebook():
        yield reporter or ProgressListener()
        return
    with NotebookProgress() as shown:
        yield shown


class NotebookProgress(ProgressListener):
    """Shows the work that goes on as a bar, the units that are done as a count, and failures as lines.

    It needs IPython and no widgets, so that it works in every front end. A stopped or failed cell keeps the last state.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._count = StageCount()
        self._done = 0
        self._lines: list[str] = []
        self._began = self._shown = time.monotonic()

    def __enter__(self) -> NotebookProgress:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        took = duration(time.monotonic() - self._began)
        self._show("stopped" if kind else f"finished in {took}")

    def note(self, text: str) -> None:
        """The step that begins."""
        self._show(text)

    def stages(self, coming: Sequence[ComingStage]) -> None:
        """Remembers them, to say which one is trained."""
        self._count = StageCount(coming)

    def training(self, task: str) -> Callable[[int, int, float], None]:
        """A bar of steps with the loss."""
        further = self._count.begin(task)
        name = f"training on {task}{self._count.place}"
        pace: Pace | None = None
        last = math.nan

        def tell(step: int, total: int, loss: float) -> None:
            nonlocal pace, last
            pace = pace or Pace(total, step)
            pace.done, last = step, last if math.isnan(loss) else loss
            shown = name if math.isnan(last) else f"{name}, loss {last:.3f}"
            self._bar(shown, "steps", pace, further)

        return tell

    @contextmanager
    def predicting(self, task: str, examples: int) -> Iterator[Callable[[int], None]]:
        """A bar of examples."""
        pace = Pace(examples)

        def tell(rows: int) -> None:
            pace.done += rows
            self._bar(f"predicting {task}", "examples", pace)

        yield tell

    def unit(self, unit: Unit, entry: UnitRecord, *, cached: bool) -> None:
        """Counts it."""
        self._done += 1
        self._show(f"scored {unit.key}")

    def failed(self, unit: Unit, error: HarnessError) -> None:
        """A line that stays."""
        self._lines.append(f"{unit.key} failed: {error}")
        self._show(f"{unit.key} failed")

    def _bar(self, text: str, of: str, pace: Pace, further: int = 0) -> None:
        if pace.done < pace.total and time.monotonic() - self._shown < UPDATE_EVERY:
            return
        words = ", ".join(filter(None, (f"{pace.done:,} of {pace.total:,} {of}", pace.words(of, further))))
        bar = f'<progress value="{pace.done}" max="{max(pace.total, 1)}" style="width:14em"></progress> '
        self._show(f"{text}: {words}", bar)

    def _show(self, text: str, bar: str = "") -> None:
        from IPython.display import HTML, display

        self._shown = time.monotonic()
        units = f" · {self._done} units scored" if self._done else ""
        lines = "".join(f"<div>{escape(line)}</div>" for line in self._lines)
        page = HTML(f"<div>{bar}{escape(text + units)}</div>{lines}")
        if self._handle is None:
            self._handle = display(page, display_id=True)
        else:
            self._handle.update(page)
