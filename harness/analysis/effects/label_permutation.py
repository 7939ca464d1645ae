"""Permutation of the kinds of languages within their scripts, the check of a difference that assumes least."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from math import factorial, prod
from statistics import fmean

import numpy as np

from harness.analysis.effects.language_groups import HIGH, LOW, script_of

PERMUTATIONS = 10_000
_SEED = 20240207


def permutation_p(slopes: Mapping[str, Mapping[str, float]], group: Mapping[str, str]) -> tuple[float | None, bool]:
    """p-value of the mean difference of low and high languages over tasks, and whether all permutations were tried.

    The kinds are permuted among the languages of a script, so that a script which goes with few resources is not taken
    for their effect. None where no script has languages of both kinds.
    """
    observed = low_less_high(slopes, group)
    languages = sorted({code for own in slopes.values() for code in own})
    scripts: dict[str, list[str]] = {}
    for code in languages:
        scripts.setdefault(script_of(code), []).append(code)
    ways = prod(_arrangements([group[code] for code in codes]) for codes in scripts.values())
    if observed is None or ways < 2:
        return None, False
    tables = [np.array([own.get(code, np.nan) for code in languages]) for own in slopes.values()]
    exact = ways <= PERMUTATIONS
    labels = np.array(list(_every(scripts, group, languages)) if exact else list(_some(scripts, group, languages)))
    total, valid = np.zeros(len(labels)), np.ones(len(labels), dtype=bool)
    for values in tables:
        there = ~np.isnan(values)
        low, high = labels & there, ~labels & there
        numbers = np.nan_to_num(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            total += (low @ numbers) / low.sum(axis=1) - (high @ numbers) / high.sum(axis=1)
        valid &= (low.sum(axis=1) > 0) & (high.sum(axis=1) > 0)
    total = total[valid] / len(tables)
    extreme = int((np.abs(total) >= abs(observed) - 1e-12).sum())
    return (extreme / len(total) if exact else (extreme + 1) / (len(total) + 1)), exact


def _arrangements(kinds: Sequence[str]) -> int:
    low = sum(kind == LOW for kind in kinds)
    return factorial(len(kinds)) // (factorial(low) * factorial(len(kinds) - low))


def _every(
    scripts: Mapping[str, Sequence[str]], group: Mapping[str, str], languages: Sequence[str]
) -> Iterator[list[bool]]:
    choices = [list(combinations(codes, sum(group[code] == LOW for code in codes))) for codes in scripts.values()]
    for chosen in product(*choices):
        low = {code for codes in chosen for code in codes}
        yield [code in low for code in languages]


def _some(
    scripts: Mapping[str, Sequence[str]], group: Mapping[str, str], languages: Sequence[str]
) -> Iterator[list[bool]]:
    generator = np.random.default_rng(_SEED)
    for _ in range(PERMUTATIONS):
        low: dict[str, bool] = {}
        for codes in scripts.values():
            order = generator.permutation(len(codes))
            low |= {code: group[codes[place]] == LOW for code, place in zip(codes, order, strict=True)}
        yield [low[code] for code in languages]


def low_less_high(slopes: Mapping[str, Mapping[str, float]], group: Mapping[str, str]) -> float | None:
    """Mean over tasks of the low languages' mean slope less that of the high ones; None where a task lacks one kind."""
    found = []
    for own in slopes.values():
        kinds = {kind: [slope for code, slope in own.items() if group.get(code) == kind] for kind in (LOW, HIGH)}
        if not all(kinds.values()):
            return None
        found.append(fmean(kinds[LOW]) - fmean(kinds[HIGH]))
    return fmean(found) if found else None
