"""Macro-averaged F1, and the numbers of generalised zero-shot classification: on seen classes, on unseen ones, on all.

Predictions are of the full label set in every case: a text of an unseen class that is called by a seen one is wrong, and
costs the seen class precision (Xian et al. 2017; the harmonic mean is theirs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.chance import Chance
from harness.scoring.metrics.accuracy import accuracy_chance
from harness.scoring.metrics.base import AdditiveMetric, percent
from harness.types.seen_labels import METRIC

_COLUMNS = 4


class MacroF1(AdditiveMetric):
    """F1 of every gold class, each counting once, and accuracy. scikit-learn calls it ``average="macro"``.

    The mean over classes is a mean over items, whose weight is one over the size of their class. An item's F1 is that of
    its class in the whole set: the bootstrap draws items and does not count the predictions anew.
    """

    name = "macro_f1"
    primary = ("f1",)
    proportions = ("accuracy",)

    def statistics(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> FloatArray:
        """Columns: right, 1, F1 of the item's class by the size of the class, 1 by its size."""
        classes, claimed = Counter(gold), Counter(predicted)
        hits = Counter(label for label, found in zip(gold, predicted, strict=True) if label == found)
        f1 = [2 * hits[label] / (classes[label] + claimed[label]) / classes[label] for label in gold]
        right = [float(label == found) for label, found in zip(gold, predicted, strict=True)]
        weights = [1 / classes[label] for label in gold]
        return np.stack([np.array(right), np.ones(len(gold)), np.array(f1), np.array(weights)], axis=1)

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The values "f1" and "accuracy"."""
        return {"f1": percent(sums[..., 2], sums[..., 3]), "accuracy": percent(sums[..., 0], sums[..., 1])}

    def chance(self, gold: Sequence[Any], language: str, choices: float | None = None) -> Mapping[str, Chance]:
        """One of the choices, and the most frequent label; the F1 of random answers has no closed form."""
        constant = self.best_constant(gold, dict.fromkeys(gold), language)
        found = {"f1": Chance(None, constant["f1"])} if constant else {}
        return found | accuracy_chance(gold, choices)


class ZeroShot(AdditiveMetric):
    """The harmonic mean of the accuracies on items of ``seen`` classes and on those of others; and the two, with F1.

    ``zero_shot:LABEL,LABEL`` names the labels of the training data.
    """

    name = METRIC
    primary = ("harmonic_mean",)
    proportions = ("accuracy", "accuracy_seen", "accuracy_unseen")

    def __init__(self, seen: Collection[str] = ()) -> None:
        self.seen = frozenset(seen)

    def statistics(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> FloatArray:
        """Those of :class:`MacroF1` twice: as they are for items of seen classes and 0 for others, then the other way."""
        every = MacroF1().statistics(gold, predicted, language)
        seen = np.array([label in self.seen for label in gold], np.float64)[:, None]
        return np.concatenate([every * seen, every * (1 - seen)], axis=1)

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """Accuracy and macro F1 on all, seen and unseen classes, and "harmonic_mean", 2SU / (S + U)."""
        parts = {"_seen": sums[..., :_COLUMNS], "_unseen": sums[..., _COLUMNS:]}
        parts = {"": parts["_seen"] + parts["_unseen"], **parts}
        found = {f"{name}{part}": value for part, own in parts.items() for name, value in MacroF1().finish(own).items()}
        seen, unseen = found["accuracy_seen"] / 100, found["accuracy_unseen"] / 100
        return {"harmonic_mean": percent(2 * seen * unseen, seen + unseen), **found}

    def remarks(self, gold: Sequence[Any]) -> tuple[str, ...]:
        """Tells that one side is empty, so that its numbers and the harmonic mean are 0."""
        sides = {label in self.seen for label in gold}
        return () if len(sides) == 2 else (f"no item of {'an unseen' if True in sides else 'a seen'} class",)

    def chance(self, gold: Sequence[Any], language: str, choices: float | None = None) -> Mapping[str, Chance]:
        """Random answers are right on either side in one of ``choices`` cases; a constant one is never right on both."""
        if not gold:
            return {}
        level = 100 / choices if choices else None
        halves = {
            f"accuracy_{name}": [label for label in gold if (label in self.seen) == side]
            for name, side in (("seen", True), ("unseen", False))
        }
        found = {name: accuracy_chance(items, choices)["accuracy"] for name, items in halves.items() if items}
        return {"harmonic_mean": Chance(level, 0.0), **accuracy_chance(gold, choices), **found}
