"""A metric is a table of per-item statistics plus a function of their sums.

Accuracy is (correct, 1) per item and the ratio of the sums; chunk F1 is (hits, predicted, gold) per sentence and the
harmonic mean of two ratios of sums. Written so, a bootstrap is one matrix product and no metric is computed twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Metric(ABC):
    """One metric; several numbers may come out of it ("f1", "precision", "recall")."""

    name: str
    primary: tuple[str, ...]
    """The numbers that make the task's score: their mean, each averaged over languages first (QA: exact_match and f1)."""

    @abstractmethod
    def statistics(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> FloatArray:
        """Statistics of each item, shape (n, k)."""

    @abstractmethod
    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """Named values, 0-100, from summed statistics of shape (..., k); each value has shape (...)."""
