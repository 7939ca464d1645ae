"""Cluster bootstrap of an estimate: languages are drawn first, seeds second, tasks stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from harness.analysis.comparison._significance import bootstrap_p
from harness.analysis.effects.cluster import Sample, Spread, spread
from harness.analysis.effects.findings import Effect
from harness.analysis.effects.power import ALPHA, POWER
from harness.core.arrays import FloatArray, IntArray

DRAWS = 10_000
METHOD = "cluster bootstrap"
SEED = 20240204


@dataclass(frozen=True)
class Bootstrapped:
    """An estimate with its standard error, degrees of freedom, and bootstrap replicates, shape (draws,)."""

    estimate: float
    error: float
    freedom: float
    replicates: FloatArray

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% percentile interval."""
        return self._between(2.5)

    @property
    def p(self) -> float:
        """Two-sided p-value of the estimate being zero; 1 where nothing varies."""
        return bootstrap_p(self.replicates, len(self.replicates)) if self.error > 0 else 1.0

    def equivalent(self, margins: Sequence[float]) -> dict[str, bool]:
        """Tells for each margin if both one-sided tests pass at 5%: the 90% interval is inside (Schuirmann 1987)."""
        low, high = self._between(100 * ALPHA)
        return {str(float(margin)): bool(self.error > 0 and -margin < low and high < margin) for margin in margins}

    @property
    def detectable(self) -> float | None:
        """The smallest true effect that is found with 80% power, by Student's t; None where nothing varies."""
        from scipy.special import stdtrit

        if self.error <= 0:
            return None
        return float(self.error * (stdtrit(self.freedom, 1 - ALPHA / 2) + stdtrit(self.freedom, POWER)))

    def _between(self, tail: float) -> tuple[float, float]:
        low, high = np.percentile(self.replicates, (tail, 100 - tail))
        return float(low), float(high)


def bootstrapped(found: Spread, column: int = 0, draws: int = DRAWS) -> Bootstrapped:
    """Draws replicates of one of the estimates.

    Each draws as many languages as there are, and of every model as many seeds, with replacement and within strata. With
    a handful of clusters the plain bootstrap is too narrow. So its deviations are scaled to the standard error of
    :func:`~harness.analysis.effects.cluster.spread`, and each is divided by the root of a chi-squared variable over its
    degrees of freedom, which gives normal deviations the tails of Student's t. Test examples are not drawn apart: a
    language's mean has their sampling error in it already.
    """
    deviation = _drawn(found.languages[:, column], found.language_strata, draws, 0)
    deviation = deviation + _drawn(found.seeds[:, column], found.seed_strata, draws, 1)
    width = float(deviation.std())
    error, freedom = float(found.variance[column]) ** 0.5, float(found.freedom[column])
    if width > 0:
        deviation = (deviation - deviation.mean()) * (error / width) * _tails(freedom, draws)
    estimate = float(found.estimate[column])
    return Bootstrapped(estimate, error if width > 0 else 0.0, freedom, estimate + deviation)


def drawn_deviations(found: Spread, draws: int) -> FloatArray:
    """Deviations of all estimates in the same draws, shape (draws, k), for estimates with equal noise.

    Together they tell better than one whether languages, or seeds, have anything in common beyond the noise of their
    cells: a component that an F test at 10% does not see is left out (Bancroft 1944), and with neither the cells of a
    language and a seed are the cases. One factor brings all deviations to their standard errors.
    """
    from scipy.special import fdtri

    languages, seeds, cells = found.parts.sum(axis=1)
    freedoms = found.part_freedoms.mean(axis=1)
    count = found.parts.shape[1]
    there = [
        part > cells * float(fdtri(freedom * count, freedoms[2] * count, 0.9))
        for part, freedom in zip((languages, seeds), freedoms, strict=False)
    ]
    sources = []
    if there[0] or not any(there):
        sources.append((found.languages, found.language_strata, 0))
    if there[1] or not any(there):
        sources.append((found.seeds, found.seed_strata, 1))
    if all(there):
        total, freedom = float(found.variance.sum()), float(np.median(found.freedom))
    elif any(there):
        total, freedom = (float(languages), freedoms[0]) if there[0] else (float(seeds), freedoms[1])
    else:
        sources = [(found.cells, np.zeros(len(found.cells), dtype=np.int64), 3)]
        freedom = float(freedoms.sum())
        total = float((found.parts.sum(axis=1) * freedoms).sum() / freedom)
    deviation = np.stack(
        [
            sum(_drawn(each[:, column], strata, draws, stream) for each, strata, stream in sources)
            for column in range(count)
        ],
        axis=1,
    )
    width = float((deviation.std(axis=0) ** 2).sum())
    if width <= 0:
        return deviation
    tails = _tails(float(freedom), draws)
    return np.asarray((deviation - deviation.mean(axis=0)) * ((total / width) ** 0.5 * tails)[:, None])


def effect(
    sample: Sample,
    name: str,
    *,
    hypothesis: str = "",
    primary: bool = False,
    margins: Sequence[float] = (),
    unit: str = "points",
    notes: Sequence[str] = (),
) -> Effect:
    """The effect that a sample of one number says, not corrected for others yet."""
    return as_effect(
        bootstrapped(spread(sample)), sample.counts, name, hypothesis, primary, margins=margins, unit=unit, notes=notes
    )


def as_effect(
    found: Bootstrapped,
    counts: Mapping[str, int],
    name: str,
    hypothesis: str = "",
    primary: bool = False,
    *,
    margins: Sequence[float] = (),
    unit: str = "points",
    notes: Sequence[str] = (),
    method: str = METHOD,
) -> Effect:
    """The effect of an estimate and its replicates."""
    low, high = found.interval
    said = list(notes)
    if found.error == 0:
        said.append("nothing varies here: neither languages nor seeds are enough for an interval")
    elif counts.get("languages", 2) < 2:
        said.append("one language: the interval is about seeds only")
    elif counts.get("seeds", 2) < 2:
        said.append("one seed: the interval is about languages only")
    return Effect(
        name=name,
        hypothesis=hypothesis,
        primary=primary,
        estimate=found.estimate,
        low=low,
        high=high,
        p=found.p if found.error > 0 else None,
        p_corrected=None,
        method=method,
        unit=unit,
        counts=dict(counts),
        equivalent=found.equivalent(margins),
        detectable=found.detectable,
        notes=tuple(said),
    )


def _drawn(contributions: FloatArray, strata: IntArray, draws: int, stream: int) -> FloatArray:
    """Deviation of each draw: the contributions (n,), as often as they are drawn, less once each."""
    total = np.zeros(draws)
    for stratum in np.unique(strata).tolist():
        chosen = contributions[strata == stratum]
        if len(chosen) > 1 and chosen.any():
            total += (_weights(len(chosen), draws, stream, stratum) - 1.0) @ chosen
    return total


@lru_cache(maxsize=32)
def _weights(n: int, draws: int, stream: int, stratum: int) -> FloatArray:
    """Number of times that each of ``n`` clusters is drawn, shape (draws, n), the same for every effect: they are paired."""
    generator = np.random.default_rng([SEED, stream, stratum, n])
    return generator.multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)


def _tails(freedom: float, draws: int) -> FloatArray:
    """Factors that make Student's t of a standard normal: evenly spaced quantiles, shuffled, for less noise.

    The quantiles of chi-squared are exact in the tails, and interpolated between five hundred of them in the middle.
    """
    from scipy.special import chdtri

    ends = min(100, draws // 2)
    exact = np.unique(np.r_[:ends, np.linspace(ends, draws - ends - 1, 500).astype(int), draws - ends : draws])
    factors = np.sqrt(freedom / chdtri(freedom, 1 - (exact + 0.5) / draws))
    order = np.random.default_rng([SEED, 2]).permutation(draws)
    return np.asarray(np.interp(order, exact, factors))
