"""The bootstrap of several units at once, for averages over languages: what they have in common is drawn together.

Parallel data hold one sentence in many languages, and a sentence that is hard is hard in most of them. Languages drawn
one by one would hide that, and the interval of their average would be too narrow. So an item is drawn with its
translations (items of one id) and with the items that share a cluster with it (questions of one passage); languages that
have nothing in common are drawn separately, which is the stratified bootstrap.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import FloatArray
from harness.scoring.intervals import RESAMPLES
from harness.scoring.metrics.base import AdditiveMetric

_SEED = 20200325
_CELLS = 1 << 22
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Items:
    """The items of one unit: ids, statistics of shape (n, k), their clusters, and the metric that makes values of sums."""

    metric: AdditiveMetric
    ids: Sequence[str]
    statistics: FloatArray
    clusters: Sequence[int] | None = None

    def at(self, places: Sequence[int] | IntArray) -> Items:
        """Those items alone."""
        clusters = None if self.clusters is None else [self.clusters[place] for place in places]
        return Items(self.metric, [self.ids[place] for place in places], self.statistics[places], clusters)

    @property
    def score(self) -> float:
        """The mean of the primary numbers."""
        values = self.metric.finish(self.statistics.sum(axis=0))
        return fmean(float(values[name]) for name in self.metric.primary)


def owners(units: Sequence[Items]) -> tuple[list[IntArray], int]:
    """For each unit the number, from 0, of what each of its items is drawn with, and how many such numbers there are."""
    number: dict[str, int] = {}
    plain = [np.array([number.setdefault(name, len(number)) for name in unit.ids], dtype=np.int64) for unit in units]
    if all(unit.clusters is None for unit in units):
        return plain, len(number)
    leader = list(range(len(number)))

    def find(item: int) -> int:
        while leader[item] != item:
            leader[item] = leader[leader[item]]
            item = leader[item]
        return item

    for unit, items in zip(units, plain, strict=True):
        first: dict[int, int] = {}
        for item, cluster in zip(items.tolist(), unit.clusters or (), strict=unit.clusters is not None):
            leader[find(item)] = find(first.setdefault(cluster, item))
    roots, renumbered = np.unique([find(item) for item in range(len(leader))], return_inverse=True)
    return [renumbered[items] for items in plain], len(roots)


def joint_sums(units: Sequence[Items], name: str, resamples: int = RESAMPLES) -> list[FloatArray]:
    """Summed statistics of bootstrap samples, an array (resamples, k) for each unit.

    ``name`` (of the task) chooses the stream of random numbers: other tasks are drawn independently, and the same task
    gets the same draws every time.
    """
    numbers, count = owners(units)
    generator = np.random.default_rng([_SEED, zlib.crc32(name.encode())])
    sums: list[FloatArray] = [np.empty(0)] * len(units)
    for members in _connected(numbers, count):
        table, columns = _table([units[index] for index in members], [numbers[index] for index in members])
        drawn = _resample(table, resamples, generator)
        whole = table.sum(axis=0, dtype=np.float64)
        for index, (start, stop) in zip(members, columns, strict=True):
            # a sample without any item of a unit has no score: the unit's own score is taken
            empty = drawn[:, stop - 1] == 0
            drawn[empty, start:stop] = whole[start:stop]
            sums[index] = drawn[:, start : stop - 1]
    return sums


def mean_replicates(
    units: Mapping[str, Items], name: str, weights: Sequence[float], resamples: int = RESAMPLES
) -> dict[str, FloatArray]:
    """Each number of a task averaged over its languages, in every bootstrap sample, shape (resamples,).

    ``units`` holds the items of each language, ``weights`` what each counts in the average. Empty where there is
    no interval: a unit with nothing to draw from.
    """
    items = list(units.values())
    if any(len(np.unique(owner)) < 2 for owner in owners(items)[0]):
        return {}
    drawn = joint_sums(items, name, resamples)
    values = [unit.metric.finish(sums) for unit, sums in zip(items, drawn, strict=True)]
    shared = [key for key in values[0] if all(key in value for value in values)]
    return {key: np.average([value[key] for value in values], axis=0, weights=weights) for key in shared}


def _connected(numbers: Sequence[IntArray], count: int) -> list[list[int]]:
    """Units that are drawn together because they share an item, directly or through others."""
    home = np.full(count, -1, dtype=np.int64)
    groups: dict[int, list[int]] = {}
    for index, items in enumerate(numbers):
        groups[index] = [index]
        for other in np.unique(home[items]):
            if other >= 0:
                groups[index] += groups.pop(int(other))
                home[home == other] = index
        home[items] = index
    return [sorted(group) for group in groups.values()]


def _table(units: Sequence[Items], numbers: Sequence[IntArray]) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """One row for each owner that is drawn: side by side the statistics of each unit and, last, its number of items."""
    present, local = np.unique(np.concatenate(list(numbers)), return_inverse=True)
    blocks, columns, start, offset = [], [], 0, 0
    for unit, items in zip(units, numbers, strict=True):
        own = local[offset : offset + len(items)]
        offset += len(items)
        weights = [*unit.statistics.T, np.ones(len(items))]
        blocks.append(np.stack([np.bincount(own, weights=column, minlength=len(present)) for column in weights], 1))
        columns.append((start, start + len(weights)))
        start += len(weights)
    # single precision: counts and sums of counts below 2^24 are exact, and the product is twice as fast
    return np.concatenate(blocks, axis=1).astype(np.float32), columns


def _resample(table: NDArray[np.float32], resamples: int, generator: np.random.Generator) -> FloatArray:
    n = len(table)
    sums = np.empty((resamples, table.shape[1]))
    step = max(_CELLS // n, 1)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = generator.integers(0, n, size=(rows, n), dtype=np.int32) + np.arange(rows)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        sums[start : start + rows] = counts.astype(np.float32) @ table
    return sums
