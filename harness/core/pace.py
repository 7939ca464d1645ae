"""Pace of some work: its rate, and the time that is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

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
        parts = [speed, f"{duration(self.left())} left"]
        if further:
            parts.append(f"{duration(self.left(further))} with the later stages")
        return ", ".join(parts)


def duration(seconds: float | None) -> str:
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
