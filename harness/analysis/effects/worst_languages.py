"""Gains of the languages that are served worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil
from statistics import fmean

import numpy as np

from harness.analysis.effects.findings import Effect
from harness.analysis.effects.gains import Values, by_place, gains, selected
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.power import ALPHA, POWER
from harness.core.errors import UsageError

SHARE = 0.1
"""Share of languages that are the worst served."""

METHOD = "Student's t over languages"
QUANTILE = "quantile regression"
_SEED = 20240206
_DRAWS = 500


@dataclass(frozen=True)
class WorstServed:
    """Mean gain of each task's languages, and which of them are the worst served."""

    gains: Mapping[str, Mapping[str, float]]
    worst: Mapping[str, frozenset[str]]


def worst_served(observations: Sequence[Observation], values: Values, arm: str, against: str) -> WorstServed | None:
    """The worst tenth of each task's languages, at least one, by their score in ``against``.

    Where chance made that score low, the gain is large by chance as well. So a part of the gain is added to it, the
    share of chance in the differences between gains, that makes the two uncorrelated: half, the mean of both arms, where
    gains differ by nothing but chance (Oldham 1962). Tasks need three languages; None where no task has them.
    """
    before: dict[tuple[str, str], list[float]] = {}
    for place, arms in by_place(selected(observations, exploratory=None)).items():
        if place in values.numbers:
            before.setdefault((place[1], place[2]), []).append(arms[against].score)
    gained: dict[str, dict[str, list[float]]] = {}
    for (_, task, language, _), number in values.numbers.items():
        gained.setdefault(task, {}).setdefault(language, []).append(number)
    kept = {task: own for task, own in gained.items() if len(own) > 2}
    if not kept:
        return None
    mean = {task: {code: fmean(numbers) for code, numbers in own.items()} for task, own in kept.items()}
    part = _part_by_chance(before, kept, mean)
    worst = {
        task: frozenset(
            sorted(own, key=lambda code: fmean(before[task, code]) + part * own[code])[: ceil(SHARE * len(own))]
        )
        for task, own in mean.items()
    }
    return WorstServed(mean, worst)


def _part_by_chance(
    before: Mapping[tuple[str, str], Sequence[float]],
    gained: Mapping[str, Mapping[str, Sequence[float]]],
    mean: Mapping[str, Mapping[str, float]],
) -> float:
    """Variance over seeds of a language's score, over that of gains between languages: 0 to 1/2, and 1/2 with one seed.

    What all languages have in common in a seed is left out.
    """
    noise, differences = [], []
    for task, own in gained.items():
        columns = [before[task, code] for code in own]
        if len({len(column) for column in columns}) == 1 and len(columns[0]) > 1:
            table = np.array(columns)
            left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
            count = table.shape[1]
            noise.append(float((left**2).sum()) / ((len(columns) - 1) * (count - 1)) / count)
            differences.append(float(np.var(list(mean[task].values()), ddof=1)))
    if not noise or fmean(differences) <= 0:
        return 0.5
    return min(fmean(noise) / fmean(differences), 0.5)


def worst_effect(found: WorstServed, name: str, hypothesis: str, counts: Mapping[str, int]) -> Effect | None:
    """The gain of the worst served languages less the mean gain, over tasks.

    The worst served are too few for a variance of their own, so that they share that of the task's other languages, as in
    Student's test of two samples. What a language has in common in several tasks is estimated from the
    covariance of the tasks' gains.
    """
    from scipy.special import stdtr, stdtrit

    tasks = list(found.gains)
    weights = {
        task: {code: (code in found.worst[task]) / len(found.worst[task]) - 1 / len(own) for code in own}
        for task, own in found.gains.items()
    }
    estimate = fmean(sum(weights[task][code] * gain for code, gain in own.items()) for task, own in found.gains.items())
    centred = {task: _centred(own, found.worst[task]) for task, own in found.gains.items()}
    variance = sum(
        (sum(weight**2 for weight in weights[task].values()) * _product(centred[task], centred[task])) for task in tasks
    )
    for one, other in combinations(tasks, 2):
        shared = sum(weights[one][code] * weights[other].get(code, 0.0) for code in weights[one])
        variance += 2 * shared * max(_product(centred[one], centred[other]), 0.0)
    variance /= len(tasks) ** 2
    if variance <= 0:
        return None
    freedom = len({code for own in found.gains.values() for code in own}) - 2
    error = float(np.sqrt(variance))
    reach = float(stdtrit(freedom, 1 - ALPHA / 2))
    return Effect(
        name,
        hypothesis,
        False,
        estimate,
        estimate - reach * error,
        estimate + reach * error,
        2 * float(stdtr(freedom, -abs(estimate) / error)),
        None,
        METHOD,
        counts=dict(counts),
        detectable=error * (reach + float(stdtrit(freedom, POWER))),
    )


def _centred(gained: Mapping[str, float], worst: frozenset[str]) -> dict[str, float]:
    """Gains less the mean of the worst served languages, or that of the others."""
    middle = {low: fmean(gain for code, gain in gained.items() if (code in worst) == low) for low in (True, False)}
    return {code: gain - middle[code in worst] for code, gain in gained.items()}


def _product(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Covariance over the languages that both have, within the two groups."""
    common = [code for code in one if code in other]
    return sum(one[code] * other[code] for code in common) / (len(common) - 2) if len(common) > 2 else 0.0


def quantile_effect(observations: Sequence[Observation], arm: str, against: str, name: str) -> Effect | None:
    """The gain of an arm at the lowest tenth of languages, by quantile regression, score ~ arm + C(task).

    (Koenker and Bassett 1978; statsmodels' ``QuantReg``.) The interval resamples languages. None where an arm has no
    scores; UsageError where statsmodels is not installed.
    """
    try:
        from statsmodels.regression.quantile_regression import QuantReg
    except ImportError:
        raise UsageError(
            "quantile regressions need the package statsmodels", hint="pip install 'xtreme-harness[studies]'"
        ) from None
    runs = by_place(selected(observations, exploratory=None))
    scores: dict[tuple[str, str, bool], list[float]] = {}
    for (_, task, language, _), arms in runs.items():
        if arm in arms and against in arms:
            for treated in (False, True):
                scores.setdefault((task, language, treated), []).append(arms[arm if treated else against].score)
    if not scores:
        return None
    keys = list(scores)
    tasks, languages = sorted({key[0] for key in keys}), sorted({key[1] for key in keys})
    outcome = np.array([fmean(scores[key]) for key in keys])
    treated_first = [[float(key[2])] + [float(key[0] == task) for task in tasks] for key in keys]
    design = np.array(treated_first)
    rows = [[index for index, key in enumerate(keys) if key[1] == language] for language in languages]

    def gain(chosen: Sequence[int]) -> float:
        picked = design[chosen]
        present = picked.any(axis=0)
        return float(QuantReg(outcome[chosen], picked[:, present]).fit(q=SHARE, max_iter=200).params[0])

    import warnings

    generator = np.random.default_rng(_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the number of iterations; the estimate is good to a hundredth of a point
        estimate = gain(range(len(keys)))
        drawn = [
            gain([row for pick in generator.integers(0, len(rows), len(rows)) for row in rows[pick]])
            for _ in range(_DRAWS)
        ]
    low, high = (float(end) for end in np.percentile(drawn, (2.5, 97.5)))
    counts = {"tasks": len(tasks), "languages": len(languages)}
    note = "percentile interval of resampled languages"
    return Effect(name, "", False, estimate, low, high, None, None, QUANTILE, counts=counts, notes=(note,))


def worst_values(values: Values, found: WorstServed) -> Values:
    """The values of the worst served languages only."""
    kept = {place: number for place, number in values.numbers.items() if place[2] in found.worst.get(place[1], ())}
    return Values(kept)


def mean_gains(observations: Sequence[Observation], arm: str, against: str) -> Values:
    """Gains of the plain test sets without English."""
    return gains(by_place(selected(observations, exploratory=None)), arm, against)
