"""The threshold at which a model should say that a context holds no answer (SQuAD v2.0, Rajpurkar et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.scoring.metrics.base import AdditiveMetric


@dataclass(frozen=True, slots=True)
class Best:
    """The best value of a number over all thresholds, and a threshold that gives it (option ``null_threshold``)."""

    value: float
    threshold: float


def best_thresholds(
    metric: AdditiveMetric,
    gold: Sequence[Sequence[str]],
    answers: Sequence[str],
    null_minus_best: Sequence[float],
    language: str = "en",
) -> dict[str, Best]:
    """For every number of the metric the best that a threshold can give, each at its own, as the official script has it.

    An answer is given where ``null_minus_best`` (the score of no answer minus that of the answer) is at most the
    threshold, else "". Of equally good thresholds the lowest counts. ``gold`` is empty for a question without an answer.
    Questions with the same score are decided together (the official script distinguishes them by their order).
    """
    gaps = np.asarray(null_minus_best, np.float64)
    order = np.argsort(gaps, kind="stable")
    given = metric.statistics(gold, answers, language)[order]
    refused = metric.statistics(gold, [""] * len(gold), language)[order]
    sums = refused.sum(axis=0) + np.concatenate([np.zeros((1, given.shape[1])), np.cumsum(given - refused, axis=0)])
    gaps = gaps[order]
    thresholds = np.concatenate([gaps[:1] - 1.0, gaps])
    possible = np.append(thresholds[1:] != thresholds[:-1], True)
    found = {}
    for name, values in metric.finish(sums[possible]).items():
        at = int(np.argmax(np.round(values, 9)))
        found[name] = Best(float(values[at]), float(thresholds[possible][at]))
    return found
