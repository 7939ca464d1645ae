"""Percentiles of times with intervals that assume no distribution: order statistics, whose ranks are binomial.

The number of calls below the true percentile is binomial, so two ranks enclose it with a known probability (David and
Nagaraja, Order Statistics, 3rd edition, section 7.1). It holds for calls that are independent; neighbours on a busy
machine are not, and then intervals are too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
PERCENTILES = (50, 90, 95)
"""Percentiles that are always given."""
TAIL, TAIL_CALLS = 99, 2_000
"""The percentile that is given from so many calls on: of fewer, it is one of the largest times."""


@dataclass(frozen=True)
class Percentile:
    """A percentile of times with its 95% interval; ``high`` is None where so few calls say no end."""

    percent: int
    value: float
    low: float | None
    high: float | None


def percentiles(times: Sequence[float]) -> tuple[Percentile, ...]:
    """The 50th, 90th and 95th percentile of some times, and the 99th of 2,000 or more.

    A percentile is one of the times: the smallest that so many per cent of them do not exceed.
    """
    ordered = np.sort(np.asarray(times, np.float64))
    wanted = [*PERCENTILES, *([TAIL] if len(ordered) >= TAIL_CALLS else [])]
    return tuple(_percentiles(ordered, wanted)) if len(ordered) else ()


def _percentiles(ordered: np.ndarray, wanted: Sequence[int]) -> Iterator[Percentile]:
    count = len(ordered)
    for percent in wanted:
        low, high = ranks(count, percent)
        yield Percentile(
            percent,
            float(ordered[math.ceil(count * percent / 100) - 1]),
            float(ordered[low - 1]) if low >= 1 else None,
            float(ordered[high - 1]) if high <= count else None,
        )


def ranks(count: int, percent: int, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """The ranks, from 1, between which the percentile of ``count`` times lies with this confidence or more.

    A rank of 0 or of ``count + 1`` says that there is no such time.
    """
    from scipy.stats import binom

    beyond = (1 - confidence) / 2
    low, high = binom.ppf([beyond, 1 - beyond], count, percent / 100)
    return int(low), int(high) + 1
