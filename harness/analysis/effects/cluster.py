"""Variance of a mean over languages and seeds, from its components, and the degrees of freedom behind it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from harness.core.arrays import FloatArray, IntArray

EVERY = ""
"""Group of all languages, where they are not compared with each other."""


@dataclass(frozen=True)
class Sample:
    """A number of every run and unit, such as a gain, and how they are averaged.

    ``values`` has the shape (rows,) or (rows, k) for k numbers at once; the other columns say where a row belongs. The
    estimate is the mean over tasks of the mean over languages of the mean over seeds, summed over models with
    ``model_weights`` (by default equal ones that sum to 1) and over groups of languages with ``group_weights``:
    {"low": 1, "high": -1} is a difference. ``group`` is the group of each language.
    """

    values: FloatArray
    model: Sequence[str]
    task: Sequence[str]
    language: Sequence[str]
    seed: Sequence[int]
    model_weights: Mapping[str, float] = field(default_factory=dict)
    group: Mapping[str, str] = field(default_factory=dict)
    group_weights: Mapping[str, float] = field(default_factory=lambda: {EVERY: 1.0})

    @cached_property
    def groups(self) -> list[str]:
        """The group of each row."""
        return [self.group.get(language, EVERY) for language in self.language]

    @cached_property
    def counts(self) -> dict[str, int]:
        """The numbers of tasks, languages and seeds; of seeds, those of the model with the fewest."""
        seeds: dict[str, set[int]] = {}
        for model, seed in zip(self.model, self.seed, strict=True):
            seeds.setdefault(model, set()).add(seed)
        return {
            "tasks": len(set(self.task)),
            "languages": len(set(self.language)),
            "seeds": min(map(len, seeds.values())),
        }


@dataclass(frozen=True)
class Spread:
    """Deviations of an estimate, one for each language and for each run, and its variance.

    ``languages`` has the shape (L, k), ``seeds`` (runs, k): adding up those that a bootstrap draws, with how often it
    draws them minus one, is a replicate's deviation; ``cells`` are those of each run in each language. ``strata`` say
    which may be drawn in place of each other. ``variance`` and ``freedom`` (k,) are those of Student's t. ``parts`` and
    ``part_freedoms``, shape (3, k), are those of languages, of seeds, and of what is left in their cells.
    """

    estimate: FloatArray
    languages: FloatArray
    language_strata: IntArray
    seeds: FloatArray
    seed_strata: IntArray
    cells: FloatArray
    parts: FloatArray
    part_freedoms: FloatArray
    variance: FloatArray
    freedom: FloatArray


def spread(sample: Sample) -> Spread:
    """The estimate of a sample, with its variance over languages and seeds, both drawn from many, and fixed tasks.

    With languages and seeds crossed, the variance of the mean is (MS_L + MS_S - MS_LS) / (L S), in mean squares of the
    analysis of variance (Cornfield and Tukey 1956), with the degrees of freedom of Satterthwaite (1946); taking either
    alone is the language-as-fixed-effect fallacy (Clark 1973). Here each mean square is that of the contributions which a
    language, a run, or a run in a language makes to the estimate, as in two-way clustering (Cameron, Gelbach and Miller
    2011), each divided by its own leverage (HC2). A component estimated below zero counts as zero.
    """
    values = sample.values.reshape(len(sample.values), -1)
    groups = sample.groups
    unit, _ = _codes(sample.model, sample.task, sample.language)
    shared, _ = _codes(sample.model, sample.task, groups, sample.seed)
    whole, _ = _codes(sample.model, sample.task, groups)
    width, depth = _width(sample), np.bincount(unit)[unit].astype(float)
    weight = (_signs(sample) / (len(set(sample.task)) * width * depth))[:, None]
    mean = _means(values, unit)
    from_mean = mean[unit] - _means(mean, whole[_first(unit)])[whole]
    apart = values - mean[unit]
    both = apart - _means(apart, shared)[shared]

    language, languages = _codes(sample.language)
    language_strata, strata = _codes([sample.group.get(str(name), EVERY) for (name,) in languages])
    seed, runs = _codes(sample.model, sample.seed)
    seed_strata, models = _codes([model for model, _ in runs])
    crossed, _ = _codes(sample.language, sample.model, sample.seed)
    by_language = _sums(weight * from_mean * _leverage(width), language)
    by_seed = _sums(weight * apart * _leverage(depth), seed)
    by_both = _sums(weight * both * _leverage(width) * _leverage(depth), crossed)

    weighed = np.abs(weight) * (width > 1)[:, None]
    over_languages, language_freedom = _pooled(by_language, language_strata, _sums(weighed, language)[:, 0])
    over_seeds, seed_freedom = _pooled(by_seed, seed_strata, _sums(np.abs(weight), seed)[:, 0])
    over_both = np.asarray((by_both**2).sum(axis=0))
    both_freedom = max((len(languages) - len(strata)) * (len(runs) - len(models)), 1)
    parts = np.stack([over_languages, over_seeds, over_both])
    freedoms = np.stack([language_freedom, seed_freedom, np.full_like(over_both, both_freedom)])
    variance, freedom = _combined(parts, freedoms)
    return Spread(
        estimate=(weight * values).sum(axis=0),
        languages=by_language,
        language_strata=language_strata,
        seeds=by_seed,
        seed_strata=seed_strata,
        cells=_sums(weight * (from_mean + apart), crossed),
        parts=parts,
        part_freedoms=freedoms,
        variance=variance,
        freedom=freedom,
    )


def _width(sample: Sample) -> FloatArray:
    """Number of languages of each row's task and group."""
    found: dict[tuple[str, str], set[str]] = {}
    for task, group, language in zip(sample.task, sample.groups, sample.language, strict=True):
        found.setdefault((task, group), set()).add(language)
    return np.array([len(found[key]) for key in zip(sample.task, sample.groups, strict=True)], dtype=float)


def _signs(sample: Sample) -> FloatArray:
    """Weight of each row's model and group."""
    models = set(sample.model)
    weights = sample.model_weights or {model: 1 / len(models) for model in models}
    pairs = zip(sample.model, sample.groups, strict=True)
    return np.array([weights[model] * sample.group_weights[group] for model, group in pairs])


def _combined(parts: FloatArray, freedoms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Variance and degrees of freedom from those of languages, seeds and their interaction, each shape (3, k)."""
    kept = np.ones_like(parts, dtype=bool)
    over_languages, over_seeds, both = parts
    # without one component the other's mean square has the interaction in it already
    kept[1] = kept[2] = over_seeds > both
    no_languages = (over_languages <= both) & (over_seeds > over_languages)
    kept[0] &= ~no_languages
    kept[1] |= no_languages
    kept[2] &= ~no_languages
    signs = np.array([1.0, 1.0, -1.0])[:, None]
    variance = (signs * parts * kept).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = variance**2 / np.where(kept & (parts > 0), parts**2 / freedoms, 0.0).sum(axis=0)
    return np.maximum(variance, 0.0), np.where(np.isfinite(freedom), np.maximum(freedom, 1.0), 1.0)


def _pooled(deviations: FloatArray, strata: IntArray, share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sum of squared deviations (n, k), and Satterthwaite's degrees of freedom over independent strata.

    A stratum has those of its clusters, less one; clusters of unlike weight ``share`` count as fewer equal ones.
    """
    total = np.zeros(deviations.shape[1])
    uncertain = np.zeros(deviations.shape[1])
    for stratum in np.unique(strata):
        chosen = strata == stratum
        part = (deviations[chosen] ** 2).sum(axis=0)
        weights = share[chosen] ** 2
        count = weights.sum() ** 2 / max((weights**2).sum(), 1e-300)
        total += part
        uncertain += part**2 / max(count - 1, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(total > 0, total**2 / uncertain, 1.0)
    return total, freedom


def _leverage(count: FloatArray) -> FloatArray:
    """Factor that undoes the shrinking of deviations from a mean of ``count`` values; 0 where there is but one."""
    return np.asarray(np.where(count > 1, np.sqrt(count / np.maximum(count - 1, 1)), 0.0))[:, None]


def _codes(*columns: Sequence[Hashable]) -> tuple[IntArray, list[tuple[Hashable, ...]]]:
    """A number for each combination of the columns, in order of appearance, and the combinations."""
    found: dict[tuple[Hashable, ...], int] = {}
    numbers = [found.setdefault(key, len(found)) for key in zip(*columns, strict=True)]
    return np.array(numbers, dtype=np.int64), list(found)


def _sums(values: FloatArray, codes: IntArray) -> FloatArray:
    total = np.zeros((int(codes.max()) + 1, values.shape[1]))
    np.add.at(total, codes, values)
    return total


def _means(values: FloatArray, codes: IntArray) -> FloatArray:
    return _sums(values, codes) / np.bincount(codes)[:, None]


def _first(codes: IntArray) -> IntArray:
    """Index of the first row of each number, in order of the numbers."""
    return np.unique(codes, return_index=True)[1]
