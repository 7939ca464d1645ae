"""Uncertainty of a score: Wilson's interval for proportions, the (cluster) bootstrap for everything else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.core.arrays import FloatArray

RESAMPLES = 1000
_SEED = 20200324
_CELLS = 1 << 22
"""Counts held at once: 32 MiB, for any number of items."""
_Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def wilson(share: float, n: int) -> tuple[float, float]:
    """95% interval of a proportion observed as ``share`` (0-1) in n trials (Wilson 1927)."""
    centre = share + _Z**2 / (2 * n)
    margin = _Z * float(np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)))
    scale = 1 + _Z**2 / n
    return max((centre - margin) / scale, 0.0), min((centre + margin) / scale, 1.0)


def cluster_sums(statistics: FloatArray, clusters: Sequence[int] | None) -> FloatArray:
    """Statistics of what a bootstrap draws, shape (m, k): the clusters or, where there are none, the items."""
    if clusters is None:
        return statistics
    _, owner = np.unique(np.asarray(clusters), return_inverse=True)
    return np.stack([np.bincount(owner, weights=column) for column in statistics.T], axis=1)


def resampled_sums(statistics: FloatArray, resamples: int = RESAMPLES) -> FloatArray:
    """Summed statistics of ``resamples`` bootstrap samples of the rows (n, k), shape (resamples, k).

    How often each row is drawn times the rows is one matrix product, done in slices of bounded memory. The draws are
    the same for every call with the same n, so that results repeat and systems scored on the same items are paired.
    """
    n = len(statistics)
    generator = np.random.default_rng(_SEED)
    sums = np.empty((resamples, statistics.shape[1]))
    step = max(_CELLS // n, 1)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = generator.integers(0, n, size=(rows, n)) + np.arange(rows)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        sums[start : start + rows] = counts.astype(np.float64) @ statistics
    return sums


def percentiles(values: FloatArray) -> tuple[float, float, float]:
    """Standard error and 95% percentile interval of bootstrapped values."""
    low, high = np.percentile(values, (2.5, 97.5))
    return float(values.std(ddof=1)), float(low), float(high)
