"""Spread of scores over seeds, and whether it changes with the size of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

import numpy as np

from harness.analysis.effects.findings import Effect
from harness.analysis.effects.gains import ENGLISH
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.power import POWER
from harness.core.arrays import FloatArray

METHOD = "permutation of seed residuals"
PERMUTATIONS = 10_000
_SEED = 20240205

SeedScores = Mapping[str, Mapping[str, Mapping[int, float]]]
"""Mean over languages by model, task and seed."""


def seed_scores(observations: Sequence[Observation], arm: str) -> dict[str, dict[str, dict[int, float]]]:
    """The mean over languages without English of each run of an arm, over the languages that all its seeds have."""
    scores: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for each in observations:
        if each.arm == arm and each.language != ENGLISH and not each.perturbation:
            scores.setdefault((each.model, each.task), {}).setdefault(each.language, {})[each.seed] = each.score
    found: dict[str, dict[str, dict[int, float]]] = {}
    for (model, task), languages in scores.items():
        seeds = {seed for own in languages.values() for seed in own}
        whole = [own for own in languages.values() if own.keys() == seeds]
        if whole:
            found.setdefault(model, {})[task] = {seed: fmean(own[seed] for own in whole) for seed in sorted(seeds)}
    return found


def deviations(scores: SeedScores) -> dict[str, float]:
    """Standard deviation over seeds of each model, the root of the mean variance over tasks; those with two seeds."""
    found = {}
    for model, tasks in scores.items():
        variances = [np.var(list(own.values()), ddof=1) for own in tasks.values() if len(own) > 1]
        if variances:
            found[model] = float(np.sqrt(np.mean(variances)))
    return found


@dataclass(frozen=True)
class _Residuals:
    """Squared residuals of runs, uncorrelated within a model: shape (residuals,), and the place of each one's model."""

    squares: FloatArray
    place: FloatArray


def spread_effect(scores: SeedScores, sizes: Mapping[str, float], name: str, hypothesis: str) -> Effect | None:
    """Change of the seed standard deviation for a model of ten times the size, in percent; None where it has none.

    The statistic is the weighted slope of the log variance. S seeds leave S - 1 residuals which, unlike deviations from
    a mean or median, are uncorrelated (Helmert contrasts), so that under the null hypothesis they can change places
    between models; the variance that they add up to is the same whatever the order of seeds. Deviations from the median
    (Brown and Forsythe 1974) reject one or two true null hypotheses in a hundred with three to five seeds, those from
    the mean ten; their test is in the notes. The interval inverts the permutation test.
    """
    from scipy.special import digamma

    having = [set(scores[model]) for model in sizes if model in scores]
    tasks = sorted(set.intersection(*having)) if having else []
    models = [model for model in sizes if model in scores and _usable(scores[model], tasks)]
    if len({sizes[model] for model in models}) < 2 or not tasks:
        return None
    runs = [len(scores[model][tasks[0]]) for model in models]
    residuals = _residuals([[list(scores[model][task].values()) for task in tasks] for model in models])
    if not residuals.squares.all():
        return None
    size = np.array([sizes[model] for model in models])
    freedom = np.array(runs, dtype=float) - 1
    middle = (freedom * size).sum() / freedom.sum()
    weights = freedom * (size - middle) / (freedom * (size - middle) ** 2).sum()
    owner = np.repeat(np.eye(len(models)), [count - 1 for count in runs], axis=0)

    def slope(squares: FloatArray) -> FloatArray:
        return np.asarray(np.log(squares @ owner / freedom) @ weights)

    generator = np.random.default_rng(_SEED)
    order = np.argsort(generator.random((PERMUTATIONS, len(residuals.squares))), axis=1)
    null = slope(residuals.squares[order])
    # the log of a variance from few values is too low, the more so the fewer: with unequal numbers, a slope by itself
    bias = float((digamma(freedom / 2) - np.log(freedom / 2)) @ weights)
    found = float(slope(residuals.squares[None])[0]) - bias
    apart = np.abs(null - null.mean())
    p = float(((apart >= abs(found) - 1e-12).sum() + 1) / (PERMUTATIONS + 1))
    reach = float(np.percentile(apart, 95))
    needed = reach + NormalDist().inv_cdf(POWER) * float(null.std())
    low, estimate, high = (100 * (np.exp(value / 2) - 1) for value in (found - reach, found, found + reach))
    counts = {"tasks": len(tasks), "seeds": min(runs), "models": len(models)}
    note = f"Brown-Forsythe on the runs' macro means: p = {_brown_forsythe(scores, models, tasks):.3f}"
    unit = "% per tenfold size"
    return Effect(
        name,
        hypothesis,
        False,
        float(estimate),
        float(low),
        float(high),
        p,
        None,
        METHOD,
        unit,
        counts,
        detectable=float(100 * (1 - np.exp(-needed / 2))),
        notes=(note, "the detectable effect is a fall"),
    )


def _usable(tasks: Mapping[str, Mapping[int, float]], wanted: Sequence[str]) -> bool:
    """Tells whether a model has the same two seeds or more in all the tasks."""
    seeds = [tuple(tasks.get(task, {})) for task in wanted]
    return bool(seeds) and len(set(seeds)) == 1 and len(seeds[0]) > 1


def _residuals(scores: Sequence[Sequence[Sequence[float]]]) -> _Residuals:
    """Squared residuals, the mean over tasks, each task's scaled to its own mean square over all models."""
    from scipy.linalg import helmert

    parts = [np.array(own).T for own in scores]  # (seeds, tasks) a model
    contrasts = [helmert(len(part)) @ part for part in parts]
    joined = np.concatenate(contrasts)
    scale = (joined**2).mean(axis=0)
    squares = np.where(scale > 0, joined**2 / np.where(scale > 0, scale, 1.0), 0.0).mean(axis=1)
    place = np.repeat(np.arange(len(parts)), [len(part) - 1 for part in parts])
    return _Residuals(squares, place.astype(np.float64))


def _brown_forsythe(scores: SeedScores, models: Sequence[str], tasks: Sequence[str]) -> float:
    """p-value of Brown and Forsythe's test of equal variances of macro means over seeds."""
    from scipy.stats import levene

    groups = []
    for model in models:
        columns = [list(scores[model][task].values()) for task in tasks]
        groups.append([fmean(values) for values in zip(*columns, strict=True)])
    return float(levene(*groups, center="median").pvalue)
