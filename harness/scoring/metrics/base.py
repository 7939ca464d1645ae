"""A metric computes named values from gold and predicted items; nearly all are additive.

An additive metric is a table of per-item statistics plus a function of their sums. Accuracy is (correct, 1) per item and
the ratio of the sums; chunk F1 is (hits, predicted, gold) per sentence and the harmonic mean of two ratios of sums.
Written so, a bootstrap is one matrix product and no metric is computed twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.chance import Chance
from harness.scoring.scale import PERCENT, Scale


class Metric(ABC):
    """One metric; several numbers may come out of it ("f1", "precision", "recall").

    One that is no more than this is computed from all items as a whole, and anew for every bootstrap sample of them.
    """

    name: str
    scale: Scale = PERCENT
    """The scale of its numbers, "0-100", "0-1", "-1-1" or "unbounded": it decides how many digits are shown."""
    resamples: int = 200
    """Bootstrap samples on which it is computed anew for its intervals, where it is not additive; 0: it has none."""
    primary: tuple[str, ...]
    """The numbers whose mean, each averaged over languages first, is the task's score (QA: exact_match and f1)."""

    @abstractmethod
    def compute(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> dict[str, float]:
        """The named values of all items together."""

    def scale_of(self, number: str) -> Scale:
        """The scale of one of its numbers, where they are not all on :attr:`scale`."""
        return self.scale

    def check_usable(self) -> None:
        """Raises UsageError where a package that it needs is not installed: asked before anything is computed."""
        return

    def remarks(self, gold: Sequence[Any]) -> tuple[str, ...]:
        """Warnings on labels that the official scorer of the metric counts in another way."""
        return ()

    def chance(self, gold: Sequence[Any], language: str, choices: float | None = None) -> Mapping[str, Chance]:
        """The numbers that random and constant answers get on these gold labels; none where that has no meaning.

        By default 0 on a scale from -1 to 1 (a correlation), and none on others.
        ``choices`` is how many answers there are to choose from, where it is known (labels, options, candidates).
        """
        return dict.fromkeys(self.primary, Chance(random=0.0)) if self.scale == "-1-1" else {}


class AdditiveMetric(Metric):
    """A metric that follows from sums over the items: it has intervals, comparisons and breakdowns."""

    proportions: tuple[str, ...] = ()
    """Numbers that may be plain shares of right items: then they get Wilson's interval instead of the bootstrap."""

    @abstractmethod
    def statistics(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> FloatArray:
        """Statistics of each item, shape (n, k).

        A prediction of None is a missing one: the item scores 0 and still counts.
        """

    @abstractmethod
    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """Named values, 0-100, from summed statistics of shape (..., k); each value has shape (...)."""

    def whole(self, gold: Sequence[Any], predicted: Sequence[Any], statistics: FloatArray) -> dict[str, float]:
        """The named values of all items together, whose statistics these are.

        A metric that the field has a library for takes them from there; its sums then serve the bootstrap alone.
        """
        return {name: float(value) for name, value in self.finish(statistics.sum(axis=0)).items()}

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> dict[str, float]:
        """The named values of all items together."""
        return self.whole(gold, predicted, self.statistics(gold, predicted, language))

    def of_guesses(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> dict[str, float]:
        """The named values of answers that were made up to find chance."""
        return {
            name: float(value)
            for name, value in self.finish(self.statistics(gold, predicted, language).sum(axis=0)).items()
        }

    def best_constant(self, gold: Sequence[Any], answers: Iterable[Any], language: str) -> dict[str, float]:
        """The named values of that one of the ``answers`` that, given to every item, makes the best score."""
        return max(
            (self.of_guesses(gold, [answer] * len(gold), language) for answer in answers),
            key=lambda values: sum(values[name] for name in self.primary),
            default={},
        )


def percent(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """100 * numerator / denominator, and 0 where the denominator is 0 (no predictions, say)."""
    safe = np.where(denominator > 0, denominator, 1.0)
    return np.where(denominator > 0, 100.0 * numerator / safe, 0.0)


def f1_values(hits: FloatArray, predicted: FloatArray, gold: FloatArray) -> dict[str, FloatArray]:
    """F1, precision and recall from counts of hits, of predictions and of gold items; 0 where undefined."""
    precision, recall = percent(hits, predicted), percent(hits, gold)
    return {
        "f1": percent(2 * hits, predicted + gold),
        "precision": precision,
        "recall": recall,
    }
