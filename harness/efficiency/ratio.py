"""Ratio of two models' medians, with an interval from a bootstrap over blocks of calls.

Calls of a block are alike, as the machine is in one state. Blocks are drawn, therefore, and not calls, and both models keep
their blocks of one round together. Of few blocks a percentile interval is too narrow: it is widened as Student's t is wider
than the normal distribution (Hesterberg 2015, "What Teachers Should Know about the Bootstrap", section 4.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.efficiency.percentiles import CONFIDENCE

DRAWS = 4_000
LEAST_BLOCKS = 4
"""Blocks below which no interval is given."""
MARGIN = 1.05
"""Ratio below which a model counts as not slower."""
_CHUNK = 2_000_000
"""Times that are held at once."""


@dataclass(frozen=True)
class Ratio:
    """A model's median over another one's, with its 95% interval; ``blocks`` are those that both have.

    ``verdict`` is "faster" or "slower" where the interval is on one side of 1, else "not slower" where its upper end is
    below 1.05, else "undecided"; "too few blocks" without an interval.
    """

    value: float
    low: float | None
    high: float | None
    blocks: int

    @property
    def not_slower(self) -> bool | None:
        """Tells whether the model is shown to be less than 5% slower; None without an interval."""
        return None if self.high is None else self.high < MARGIN

    @property
    def verdict(self) -> str:
        """The outcome in words."""
        if self.low is None or self.high is None:
            return "too few blocks"
        if self.high < 1:
            return "faster"
        if self.low > 1:
            return "slower"
        return "not slower" if self.high < MARGIN else "undecided"


def ratio_of_medians(times: Sequence[Sequence[float]], against: Sequence[Sequence[float]], seed: int = 0) -> Ratio:
    """The ratio of the medians of two models from their blocks, which have one length and are paired in order.

    Blocks that only one of them has are left out.
    """
    count = min(len(times), len(against))
    one, other = (np.array([list(block) for block in blocks[:count]], np.float64) for blocks in (times, against))
    if not count:
        return Ratio(math.nan, None, None, 0)
    value = float(np.median(one) / np.median(other))
    if count < LEAST_BLOCKS:
        return Ratio(value, None, None, count)
    ratios = _drawn(one, other, np.random.default_rng(seed))
    beyond = widened(count)
    low, high = np.quantile(ratios, [beyond, 1 - beyond])
    return Ratio(value, float(low), float(high), count)


def _drawn(one: NDArray[np.float64], other: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    count = len(one)
    at_once = max(_CHUNK // one.size, 1)
    found = []
    for start in range(0, DRAWS, at_once):
        drawn = rng.integers(count, size=(min(at_once, DRAWS - start), count))
        medians = [np.median(blocks[drawn].reshape(len(drawn), -1), axis=1) for blocks in (one, other)]
        found.append(medians[0] / medians[1])
    return np.concatenate(found)


def widened(count: int, confidence: float = CONFIDENCE) -> float:
    """The share of the draws beyond each end of the interval, for ``count`` blocks."""
    from scipy.special import ndtr, stdtrit

    beyond = (1 - confidence) / 2
    return float(ndtr(math.sqrt(count / (count - 1)) * stdtrit(count - 1, beyond)))
