"""Trends over the amount of data: whether scores rise with it, and where the loss and the scores part ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, stdev

from harness.analysis.effects.findings import TextTable
from harness.analysis.effects.gains import ENGLISH
from harness.analysis.effects.observations import Observation

_APART = 2.0
"""Standard errors beyond which a step up or down is taken for one."""


@dataclass(frozen=True)
class Step:
    """A step between two amounts of data: mean change over seeds with its standard error."""

    change: float
    error: float

    @property
    def falls(self) -> bool:
        """Tells whether it goes down by more than two standard errors."""
        return self.change < -_APART * self.error and self.error > 0


def kendall(amounts: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Kendall's tau of amounts and values with its permutation p-value, exact where there are no ties (Kendall 1938)."""
    from scipy.stats import kendalltau

    found = kendalltau(amounts, values)
    return float(found.statistic), float(found.pvalue)


def language_trends(
    observations: Sequence[Observation], amounts: Mapping[str, float], name: str, title: str
) -> TextTable:
    """Kendall's tau of score and amount for every language of a model, the mean over tasks and seeds at each amount."""
    scores: dict[tuple[str, str], dict[float, list[float]]] = {}
    for each in observations:
        if each.arm in amounts and not each.perturbation:
            scores.setdefault((each.model, each.language), {}).setdefault(amounts[each.arm], []).append(each.score)
    rows = []
    for (model, language), own in scores.items():
        steps = sorted(own)
        if len(steps) > 2:
            tau, p = kendall(steps, [fmean(own[step]) for step in steps])
            rows.append((model, language, len(steps), round(tau, 2), round(p, 3)))
    return TextTable(name, title, ("model", "language", "amounts", "Kendall's tau", "p"), tuple(rows))


def misalignments(observations: Sequence[Observation], amounts: Mapping[str, float]) -> Iterator[str]:
    """Sentences on steps at which the English dev loss falls while the mean score in other languages falls, too.

    Both by more than two standard errors over seeds, in one model (Isik et al. 2025 see it where data do not fit).
    """
    for model in dict.fromkeys(each.model for each in observations):
        own = [each for each in observations if each.model == model and each.arm in amounts and not each.perturbation]
        arms = sorted({each.arm for each in own}, key=amounts.__getitem__)
        for before, after in pairwise(arms):
            loss = _step(_by_run(own, before, loss=True), _by_run(own, after, loss=True))
            score = _step(_by_run(own, before, loss=False), _by_run(own, after, loss=False))
            if loss and score and loss.falls and score.falls:
                yield (
                    f"{model}, from {amounts[before]:,.0f} to {amounts[after]:,.0f} examples: the English dev loss falls "
                    f"by {-loss.change:.3f}, and so does the mean score in other languages, by {-score.change:.2f} points"
                )


def _by_run(observations: Sequence[Observation], arm: str, *, loss: bool) -> dict[tuple[str, str, int], float]:
    """The dev loss of each task and seed, or each language's score in them."""
    found: dict[tuple[str, str, int], float] = {}
    for each in observations:
        if each.arm != arm:
            continue
        if loss and each.dev_loss is not None:
            found[each.task, "", each.seed] = each.dev_loss
        elif not loss and each.language != ENGLISH:
            found[each.task, each.language, each.seed] = each.score
    return found


def _step(before: Mapping[tuple[str, str, int], float], after: Mapping[tuple[str, str, int], float]) -> Step | None:
    """The mean change of what both have, by seed; None with fewer than two seeds."""
    changes: dict[int, list[float]] = {}
    for key, value in before.items():
        if key in after:
            changes.setdefault(key[2], []).append(after[key] - value)
    means = [fmean(values) for values in changes.values()]
    return Step(fmean(means), stdev(means) / len(means) ** 0.5) if len(means) > 1 else None
