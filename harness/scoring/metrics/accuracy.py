"""Accuracy, accuracy with F1 of the positive class, and F1 over all classes weighted by their frequency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import eq
from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.chance import Chance
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

    def chance(self, gold: Sequence[Any], language: str, choices: float | None = None) -> Mapping[str, Chance]:
        """One of the choices, and the most frequent label or tag."""
        return accuracy_chance(gold, choices)


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

    def chance(self, gold: Sequence[Any], language: str, choices: float | None = None) -> Mapping[str, Chance]:
        """The label that scores best if it is always given; a random one of two is right in half of the cases.

        The F1 of random answers is that of its expected precision (the share of the positive class) and recall (one half).
        """
        constant = self.best_constant(gold, dict.fromkeys(gold), language)
        random: dict[str, float] = {}
        if choices == 2 and gold:
            share = 100 * sum(str(label) in self.positive for label in gold) / len(gold)
            random = {"accuracy": 50.0, "f1": 100 * share / (share + 50) if share else 0.0}
        return {name: Chance(random.get(name), constant.get(name)) for name in self.primary}


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

    def chance(self, gold: Sequence[Any], language: str, choices: float | None = None) -> Mapping[str, Chance]:
        """The most frequent label; random answers have a known accuracy alone."""
        constant = self.best_constant(gold, most_frequent_answers(gold, 1), language)
        found = {name: Chance(None, value) for name, value in constant.items() if name != "precision"}
        return found | accuracy_chance(gold, choices)


def accuracy_chance(gold: Sequence[Any], choices: float | None) -> dict[str, Chance]:
    """The accuracy of one of the ``choices`` at random, and of the most frequent label or tag; {} without any."""
    counts = Counter(answers_of(gold))
    if not counts:
        return {}
    constant = 100 * counts.most_common(1)[0][1] / counts.total()
    return {"accuracy": Chance(100 / choices if choices else None, constant)}


def most_frequent_answers(gold: Sequence[Any], count: int) -> list[Any]:
    """The labels or tags that are the most frequent, the earlier ones of equally frequent ones."""
    return [answer for answer, _ in Counter(answers_of(gold)).most_common(count)]


def answers_of(gold: Sequence[Any]) -> Iterator[Any]:
    """The labels, or the tags of all words where items are sentences."""
    return chain.from_iterable(item if isinstance(item, list | tuple) else (item,) for item in gold)
