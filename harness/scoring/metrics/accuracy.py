"""Accuracy, and accuracy with F1 of the positive class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import eq
from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.metrics.base import Metric, f1_values, percent
from harness.types import positive_label


def _column(values: Iterator[bool], count: int) -> FloatArray:
    return np.fromiter(values, dtype=np.float64, count=count)


class Accuracy(Metric):
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


class AccuracyF1(Metric):
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
