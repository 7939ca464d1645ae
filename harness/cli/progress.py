"""Progress of a run, a training or mining on standard error."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.cli.console import stderr_console
from harness.core.errors import HarnessError
from harness.core.safe_text import safe
from harness.types.progress import ComingStage, ProgressListener
from harness.types.record import UnitRecord
from harness.types.units import Unit

LINE_EVERY = 60.0
"""Seconds between two lines about the same work where there is no terminal to draw a bar on."""
RATE_AFTER = 2.0
"""Seconds of work before its rate is shown: the first steps allocate and compile."""


@dataclass
class Pace:
    """The state of some work and its rate; ``clock`` gives seconds."""

    total: int
    done: int = 0
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _before: int = field(init=False)

    def __post_init__(self) -> None:
        """Counts from here: what is done already was done at another time."""
        self._began, self._before = self.clock(), self.done

    @property
    def rate(self) -> float | None:
        """Done a second, None as long as too little is done to say."""
        seconds = self.clock() - self._began
        return (self.done - self._before) / seconds if seconds >= RATE_AFTER and self.done > self._before else None

    def left(self, further: int = 0) -> float | None:
        """Seconds until all of it is done, and as much of the kind as ``further`` says."""
        return (max(self.total - self.done, 0) + further) / self.rate if self.rate else None

    def words(self, of: str, further: int = 0) -> str:
        """Rate and time left: ``3.2 steps/s, 4 min left, 1 h 5 min with the later stages``."""
        if not self.rate:
            return ""
        speed = f"{self.rate:,.1f} {of}/s" if self.rate >= 1 else f"{1 / self.rate:,.1f} s a {of.removesuffix('s')}"
        parts = [speed, f"{_duration(self.left())} left"]
        if further:
            parts.append(f"{_duration(self.left(further))} with the later stages")
        return ", ".join(parts)


def _duration(seconds: float | None) -> str:
    """Two units at most: ``45 s``, ``12 min``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = math.ceil(seconds or 0)
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} d {minutes // 60 % 24} h"


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
        self._coming: Sequence[ComingStage] = ()
        self._number = 0

    def __enter__(self) -> TerminalProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        """A plain line."""
        self._line(text)

    def stages(self, coming: Sequence[ComingStage]) -> None:
        """A line that says how many, where there are several."""
        self._coming, self._number = coming, 0
        if len(coming) > 1:
            steps = sum(stage.steps for stage in coming)
            self._line(f"{len(coming)} stages to train, about {steps:,} steps: {', '.join(s.name for s in coming)}")

    def training(self, task: str) -> Callable[[int, int, float], None]:
        """A bar with the loss, the number of the stage, the rate, and the time left for it and for the later stages."""
        further = self._next(task)
        place = f" (stage {self._number} of {len(self._coming)})" if len(self._coming) > 1 and self._number else ""
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

    def _next(self, task: str) -> int:
        """Moves on to the next stage of this name; the steps of those after it."""
        names = [stage.name for stage in self._coming]
        if task in names[self._number :]:
            self._number = names.index(task, self._number) + 1
            return sum(stage.steps for stage in self._coming[self._number :])
        return 0

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
            shown = "  ".join(f"{name} {value['value']:.2f}" for name, value in score["metrics"].items())
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
