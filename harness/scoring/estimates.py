"""Numbers with their intervals, from the statistics of items: of one unit, and of several as one set.

Whatever shows the score of a unit, of a part of it or of the items of several units takes it from here, so that the same
numbers have the same interval everywhere. Averages over languages are in :mod:`harness.scoring.aggregate`, from the same
draws as those of several units here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from statistics import fmean
from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.bootstrap import Items, joint_sums, owners
from harness.scoring.intervals import cluster_sums, percentiles, resampled_sums, wilson
from harness.scoring.metrics.base import AdditiveMetric, Metric
from harness.scoring.scale import common_scale
from harness.scoring.scores import Estimate, mean_estimate

_SEED = 20200327


def recomputed(
    metric: Metric,
    gold: Sequence[Any],
    predicted: Sequence[Any],
    language: str,
    clusters: Sequence[int] | None,
    values: Mapping[str, float],
) -> dict[str, Estimate]:
    """The ``values`` of a metric that does not follow from sums, with percentiles of it on samples of the items or clusters.

    A sample on which it fails or is not a number (a single class, say) is left out; there is no interval where every
    twentieth sample is.
    """
    owners_of = np.arange(len(gold)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    count = int(owners_of.max()) + 1
    members = np.split(np.argsort(owners_of, kind="stable"), np.cumsum(np.bincount(owners_of))[:-1])
    found: dict[str, list[float]] = {name: [] for name in values}
    generator = np.random.default_rng(_SEED)
    for _ in range(metric.resamples if count > 1 else 0):
        drawn = np.concatenate([members[owner] for owner in generator.integers(0, count, size=count)])
        try:
            sample = metric.compute([gold[i] for i in drawn], [predicted[i] for i in drawn], language)
        except Exception:  # whatever a metric raises on an odd sample
            continue
        for name, value in sample.items():
            if name in found and isfinite(value):
                found[name].append(value)
    least = 0.95 * metric.resamples
    return {
        name: Estimate(value, *percentiles(np.array(found[name])))
        if len(found[name]) > 1 and len(found[name]) >= least
        else Estimate(value)
        for name, value in values.items()
    }


def pooled_score(units: Sequence[Items], name: str) -> Estimate:
    """The mean of the primary numbers of all items of a task's units, or parts of units, as one set.

    Of one unit it is what its score is. Items of several are drawn together if they are translations of each other or
    belong together, by the stream of the task ``name``; without an interval where there is nothing to draw from.
    """
    metric = units[0].metric
    if len(units) == 1:
        found = estimate(metric, units[0].statistics, units[0].clusters)
        return mean_estimate([replace(found[key], scale=metric.scale_of(key)) for key in metric.primary])
    whole = metric.finish(np.sum([unit.statistics.sum(axis=0) for unit in units], axis=0))
    value = fmean(float(whole[key]) for key in metric.primary)
    scale = common_scale(map(metric.scale_of, metric.primary))
    if owners(units)[1] < 2:
        return Estimate(value, scale=scale)
    drawn = metric.finish(np.sum(joint_sums(units, name), axis=0))
    return Estimate(value, *percentiles(np.mean([drawn[key] for key in metric.primary], axis=0)), scale=scale)


def estimate(
    metric: AdditiveMetric,
    statistics: FloatArray,
    clusters: Sequence[int] | None,
    whole: Mapping[str, float] | None = None,
) -> dict[str, Estimate]:
    """Every number of a metric with its uncertainty; the numbers are ``whole``, or come from the sums.

    Plain proportions of independent items: Wilson's interval. Everything else: percentiles of 1,000 bootstrap resamples
    of the items, or of the clusters where items belong together.
    """
    n = len(statistics)
    point = whole or {name: float(value) for name, value in metric.finish(statistics.sum(axis=0)).items()}
    drawn = cluster_sums(statistics, clusters)
    each = {} if clusters is not None else metric.finish(statistics)
    plain = {name for name in metric.proportions if name in each and _is_share(each[name], point[name])}
    sampled = {} if len(drawn) < 2 or set(point) <= plain else metric.finish(resampled_sums(drawn))
    estimates = {}
    for name, value in point.items():
        if name in plain:
            share = value / 100
            low, high = wilson(share, n)
            error = (share * (1 - share) / n) ** 0.5
            estimates[name] = Estimate(value, 100 * error, 100 * low, 100 * high)
        elif name in sampled:
            estimates[name] = Estimate(value, *percentiles(sampled[name]))
        else:
            estimates[name] = Estimate(value)
    return estimates


def _is_share(each: FloatArray, value: float) -> bool:
    """Tells whether a value is the share of items that are right, every item being simply right or wrong."""
    return bool(np.isin(each, (0.0, 100.0)).all()) and bool(np.isclose(each.mean(), value))
