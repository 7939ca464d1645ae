"""Tests for paired results: McNemar's test, the bootstrap's p-value, and Holm's correction for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log
from statistics import NormalDist

import numpy as np

from harness.core.arrays import FloatArray


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two systems on items that each gets right or wrong.

    Under the null hypothesis an item that only one of them gets right is as likely the one's as the other's. ``exact``
    is the two-sided binomial p-value; ``mid_p`` counts the observed outcome half: its error rate stays near the nominal
    one where the exact test's is far below it (Fagerland, Lydersen and Laake 2013).
    """

    only_first: int
    only_second: int
    exact: float
    mid_p: float


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """The test from the two counts of items that only one system gets right."""
    n, smaller = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return McNemar(0, 0, 1.0, 1.0)
    # By logarithms: scipy's binom.cdf is 0 below some 1e-280, and importing scipy.stats takes seconds.
    ways = np.array([lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(smaller + 1)])
    chances = np.exp(ways - n * log(2))
    observed = float(chances[-1])
    if only_first == only_second:
        return McNemar(only_first, only_second, 1.0, 1 - observed / 2)
    exact = min(2 * float(chances.sum()), 1.0)
    return McNemar(only_first, only_second, exact, exact - observed)


def bootstrap_p(differences: FloatArray, unlike: int) -> float:
    """Two-sided p-value of a difference from its bootstrap replicates, shape (resamples,).

    Twice the share on the far side of zero, the observed sample counted in (Davison and Hinkley 1997, 4.2), so that it
    is never 0; and never below 2^(1 - unlike), the least that a sign test of the ``unlike`` items on which the systems
    differ could give: three passages that all favour one system are no proof, though no resample of them says otherwise.
    """
    side = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(max(2 * (side + 1) / (len(differences) + 1), 2.0 ** (1 - unlike)), 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979): p-values that bound the chance of any false finding among them."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min((len(p_values) - rank) * p_values[index], 1.0))
        corrected[index] = highest
    return corrected


def t_quantile(freedom: int) -> float:
    """The 97.5% quantile of Student's t."""
    from scipy.special import stdtrit  # what scipy.stats.t.ppf computes, at a fifth of the time to import

    return float(stdtrit(freedom, 0.975))


def seed_factor(runs: int, freedom: int) -> float:
    """Factor that corrects deviations between ``runs`` seeds drawn with replacement.

    The bootstrap of a handful of runs is too narrow twice over: its variance lacks the factor runs / (runs - 1), and a
    variance from so few values calls for Student's t with ``freedom`` degrees of freedom in place of the normal.
    """
    return float((runs / (runs - 1)) ** 0.5 * t_quantile(freedom) / NormalDist().inv_cdf(0.975))
