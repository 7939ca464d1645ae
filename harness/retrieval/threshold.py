"""The margin threshold that gives the best F1 on a dev set with known pairs (BUCC 2018, as XTREME learns it)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Threshold:
    """Pairs scored ``value`` or more are extracted; on dev these are ``pairs`` pairs with an F1 of ``f1`` (0-100)."""

    value: float
    f1: float
    pairs: int


def best_threshold(scores: NDArray[np.floating], correct: NDArray[np.bool_], gold: int) -> Threshold:
    """Learns the threshold from candidates: their scores (c,), whether each is a gold pair (c,), and how many gold
    pairs there are in all.

    Candidates are taken from the highest score down (equal scores in the order given), F1 is computed for every
    prefix, and the threshold is half-way between the last score of the first best prefix and the next score. Where
    the best prefix is the whole list, it is the last score (the reference fails there); where no candidate is
    correct, it is 0 with F1 0.
    """
    order = np.argsort(-scores, kind="stable")
    values = scores[order].astype(np.float64)
    hits = np.cumsum(correct[order])
    if not len(hits) or not hits[-1]:
        return Threshold(0.0, 0.0, int((values >= 0).sum()))
    # The reference's own expression, so that prefixes tie where they tie there.
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / gold
    total = np.where(hits > 0, precision + recall, 1.0)
    f1 = 2 * precision * recall / total
    best = int(f1.argmax())
    value = float(values[best] if best + 1 == len(values) else (values[best] + values[best + 1]) / 2)
    pairs = int((values >= value).sum())
    return Threshold(value, float(200 * hits[pairs - 1] / (pairs + gold)), pairs)
