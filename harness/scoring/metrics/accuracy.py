"""Accuracy, accuracy with F1 of the positive class, and F1 over all classes weighted by their frequency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import eq
from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.metrics.base import AdditiveMetric, f1_values, percent
from harness.types import positive_label


def _column(values: Iterator[bool], count: int) -> FloatArray:
    return np.fromiter(values, dtype=np.float64, count=count)


class Accuracy(AdditiveMetric):
    """Share of labels that are right (XNLI, PAWS-X, XCOPA, Tatoeba), or of tags where items are sentences (CCG)."""

    name = "accuracy"
    primary = ("accuracy",)
    proportions = ("accuracy",)

    def statistics(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> FloatArray:
        """Columns: right labels of the item, labels of the item (1, or the words of a sentence)."""
        if gold and isinstance(gold[0], list | tuple):
            right = np.array([sum(map(eq, *pair)) for pair in zip(gold, predicted, strict=True)], dtype=np.float64)
            total = np.fromiter(map(len, gold), dtype=np.float64, count=len(gold))
        else:
            right = _column(map(eq, gold, predicted), len(gold))
            total = np.ones_like(right)
        return np.stack([right, total], axis=1)

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The value "accuracy"."""
        return {"accuracy": percent(sums[..., 0], sums[..., 1])}


class AccuracyF1(AdditiveMetric):
    """Accuracy and F1 of the positive class of a binary task, whose score is their mean (QQP, as GLUE reports it).

    ``accuracy_f1`` takes the label "1" or "duplicate" as positive; ``accuracy_f1:LABEL`` names another.
    """

    name = positive_label.METRIC
    primary = ("accuracy", "f1")
    proportions = ("accuracy",)

    def __init__(self, positive: str | None = None) -> None:
        self.positive = positive_label.USUAL if positive is None else {positive}

    def statistics(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> FloatArray:
        """Columns: right, 1, right and positive, predicted positive, positive."""
        count = len(gold)
        correct = _column(map(eq, gold, predicted), count)
        is_positive = self.positive.__contains__
        truly = _column(map(is_positive, map(str, gold)), count)
        claimed = _column(map(is_positive, map(str, predicted)), count)
        return np.stack([correct, np.ones(count), truly * claimed, claimed, truly], axis=1)

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The values "accuracy", "f1", "precision" and "recall"."""
        return {
            "accuracy": percent(sums[..., 0], sums[..., 1]),
            **f1_values(sums[..., 2], sums[..., 3], sums[..., 4]),
        }


class WeightedF1(AdditiveMetric):
    """F1, precision and recall of every gold class, averaged with the classes' frequencies as weights; and accuracy.

    scikit-learn calls it ``average="weighted"``. mteb scores bitext retrieval so: a class is a row of the pool, and each
    is the answer of one query (Muennighoff et al. 2023, section 3.1). The weighted recall is the accuracy.

    The weighted mean over classes is the mean over items of the F1 of the item's own class, so an item's statistics are
    those of its class in the whole set. The bootstrap draws items and does not count the predictions anew.
    """

    name = "weighted_f1"
    primary = ("f1",)
    proportions = ("accuracy",)

    def statistics(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> FloatArray:
        """Columns: F1 of the item's class (0-1), precision of it (0-1), right, 1."""
        classes, claimed = Counter(gold), Counter(predicted)
        hits = Counter(label for label, found in zip(gold, predicted, strict=True) if label == found)
        f1 = [2 * hits[label] / (classes[label] + claimed[label]) for label in gold]
        precision = [hits[label] / max(claimed[label], 1) for label in gold]
        right = _column(map(eq, gold, predicted), len(gold))
        return np.stack([np.array(f1), np.array(precision), right, np.ones_like(right)], axis=1)

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The values "f1", "precision" and "accuracy"."""
        names = ("f1", "precision", "accuracy")
        return {name: percent(sums[..., column], sums[..., 3]) for column, name in enumerate(names)}
