"""Accuracy and perplexity of masked tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.metrics.base import AdditiveMetric, percent
from harness.scoring.scale import Scale


class MaskedTokens(AdditiveMetric):
    """A prediction is (masked tokens, right guesses, summed loss in nats) of a text; gold is not looked at.

    Perplexity is that of the masked tokens: it compares models of one tokenizer only.
    """

    name = "masked_tokens"
    primary = ("accuracy",)

    def scale_of(self, number: str) -> Scale:
        """Perplexity has no upper end."""
        return "unbounded" if number == "perplexity" else self.scale

    def statistics(self, gold: Sequence[None], predicted: Sequence[Sequence[float]], language: str) -> FloatArray:
        """The predictions themselves, shape (n, 3)."""
        return np.array(predicted, np.float64).reshape(-1, 3)

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The values "accuracy" (0-100) and "perplexity" (1 or more; at most e**700, as where nothing is masked)."""
        masked, right, loss = sums[..., 0], sums[..., 1], sums[..., 2]
        mean = np.where(masked > 0, loss / np.where(masked > 0, masked, 1.0), np.inf)
        return {"accuracy": percent(right, masked), "perplexity": np.exp(np.minimum(mean, 700.0))}
