"""Progress of a run, a training or mining on standard error."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from harness.cli.console import stderr_console
from harness.core.errors import HarnessError
from harness.core.pace import Pace
from harness.core.safe_text import safe
from harness.scoring.scale import PERCENT
from harness.scoring.scale import shown as number
from harness.types.progress import ComingStage, JobCount, ProgressListener, StageCount
from harness.types.record import UnitRecord
from harness.types.units import Unit

LINE_EVERY = 60.0
"""Seconds between two lines about the same work where there is no terminal to draw a bar on."""


class TerminalProgress(ProgressListener):
    """Live lines on a terminal; elsewhere a plain line a finished unit and one a minute; always on standard error."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._console = stderr_console()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._count = StageCount()
        self._jobs: Any = None

    def __enter__(self) -> TerminalProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def jobs(self, count: JobCount) -> None:
        """A bar of the study, above those of the job that runs in this process."""
        if self._jobs is None and count.total > 1:
            self._jobs = self._progress.add_task("jobs", total=count.total, pace="")
        if self._jobs is not None:
            self._progress.update(self._jobs, completed=count.ended, total=count.total, pace=count.words)

    def note(self, text: str) -> None:
        """A plain line."""
        self._line(text)

    def stages(self, coming: Sequence[ComingStage]) -> None:
        """A line that says how many, where there are several."""
        self._count = StageCount(coming)
        if len(coming) > 1:
            steps = sum(stage.steps for stage in coming)
            self._line(f"{len(coming)} stages to train, about {steps:,} steps: {', '.join(s.name for s in coming)}")

    def training(self, task: str) -> Callable[[int, int, float], None]:
        """A bar with the loss, the number of the stage, the rate, and the time left for it and for the later stages."""
        further = self._count.begin(task)
        place = self._count.place
        self._line(f"training on {task}{place}")
        bar: _Bar | None = None
        last = math.nan

        def tell(step: int, total: int, loss: float) -> None:
            nonlocal bar, last
            last = last if math.isnan(loss) else loss
            shown = "" if math.isnan(last) else f", loss {last:.3f}"
            if bar is None:
                bar = _Bar(self, f"train {task}{place}", "steps", total, step, further)
            bar.to(step, shown)
            if step >= total and not math.isnan(loss):
                bar.close()
                self._line(f"trained on {task}: {total} steps, loss {loss:.3f}")

        return tell

    @contextmanager
    def predicting(self, task: str, examples: int) -> Iterator[Callable[[int], None]]:
        """A bar of examples."""
        bar = _Bar(self, f"predict {task}", "examples", examples)
        try:
            yield lambda rows: bar.to(bar.pace.done + rows)
        finally:
            bar.close()

    def unit(self, unit: Unit, entry: UnitRecord, *, cached: bool) -> None:
        """One line: the unit and its main scores."""
        score = entry["score"]
        if score is None:
            shown = "predicted; no gold labels to score against"
        else:
            numbers = score["metrics"].items()
            shown = "  ".join(
                f"{name} {number(found['value'], found.get('scale', PERCENT), more=1)}" for name, found in numbers
            )
        self._line(f"{unit.key:<24} {shown}{'  (kept)' if cached else ''}")

    def failed(self, unit: Unit, error: HarnessError) -> None:
        """One line: the unit and the error."""
        self._line(f"{unit.key:<24} failed: {error}")

    def _line(self, text: str) -> None:
        self._progress.console.print(text)


class _Bar:
    """A line of work: drawn on a terminal, told once a minute elsewhere."""

    def __init__(
        self, progress: TerminalProgress, name: str, of: str, total: int, done: int = 0, further: int = 0
    ) -> None:
        self.name, self.of, self.further = name, of, further
        self.pace = Pace(total, done)
        self._parent = progress
        self._bars = progress._progress
        self._bar: Any = self._bars.add_task(safe(name), total=total, completed=done, pace="")
        self._told = time.monotonic()

    def to(self, done: int, more: str = "") -> None:
        """So many are done."""
        self.pace.done = done
        words = self.pace.words(self.of, self.further)
        self._bars.update(
            self._bar, completed=done, total=self.pace.total, description=safe(self.name + more), pace=words
        )
        if self._bars.disable and time.monotonic() - self._told >= LINE_EVERY:
            self._told = time.monotonic()
            text = f"{self.name}: {done:,} of {self.pace.total:,} {self.of}{more}"
            self._parent.note(f"{text}, {words}" if words else text)

    def close(self) -> None:
        """Takes the bar off the terminal."""
        self._bars.remove_task(self._bar)
