"""Least squares with languages as clusters: standard errors by leaving one language out at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.effects.findings import Effect
from harness.analysis.effects.power import ALPHA, POWER
from harness.core.arrays import FloatArray

METHOD = "least squares, leave-one-language-out"


@dataclass(frozen=True)
class Regression:
    """A coefficient, its jackknife error over languages, and its value without each of them."""

    estimate: float
    error: float
    freedom: int
    without: Mapping[str, float]


def regression(
    outcome: FloatArray, predictor: FloatArray, languages: Sequence[str], levels: Sequence[Sequence[str]]
) -> Regression | None:
    """Slope of ``outcome`` on ``predictor``, with an intercept for each level of each of the columns ``levels``.

    The error is the jackknife over clusters (CR3; Bell and McCaffrey 2002), which is on the safe side where few clusters
    have much leverage, with Student's t of one degree less than there are languages. None where the predictor cannot be
    told from the levels, with or without a language.
    """
    names = sorted(set(languages))
    codes = np.array([names.index(name) for name in languages])
    design = [predictor, np.ones_like(predictor)]
    for column in levels:
        design += [np.array([each == level for each in column], dtype=float) for level in sorted(set(column))[1:]]
    matrix = np.stack(design, axis=1)

    def slope(rows: FloatArray) -> float | None:
        others = matrix[rows][:, 1:]
        own = matrix[rows][:, 0]
        left = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
        power = float(left @ left)
        return float(left @ outcome[rows]) / power if power > 1e-9 * max(float(own @ own), 1e-12) else None

    whole = slope(np.full(len(outcome), True))
    without = {name: slope(codes != index) for index, name in enumerate(names)}
    values = [value for value in without.values() if value is not None]
    if whole is None or len(values) < len(names) or len(names) < 3:
        return None
    count = len(names)
    error = float(np.sqrt((count - 1) / count * ((np.array(values) - np.mean(values)) ** 2).sum()))
    return Regression(whole, error, count - 1, {name: value for name, value in without.items() if value is not None})


def regression_effect(found: Regression, name: str, hypothesis: str, unit: str, counts: Mapping[str, int]) -> Effect:
    """The effect of a regression, with the range of the estimate when a language is left out."""
    from scipy.special import stdtr, stdtrit

    reach = float(stdtrit(found.freedom, 1 - ALPHA / 2))
    p = 2 * float(stdtr(found.freedom, -abs(found.estimate) / found.error)) if found.error > 0 else None
    lowest, highest = (pick(found.without, key=found.without.__getitem__) for pick in (min, max))
    note = (
        f"without one language: {found.without[lowest]:+.2f} (without {lowest}) "
        f"to {found.without[highest]:+.2f} (without {highest})"
    )
    return Effect(
        name,
        hypothesis,
        False,
        found.estimate,
        found.estimate - reach * found.error,
        found.estimate + reach * found.error,
        p,
        None,
        METHOD,
        unit,
        dict(counts),
        detectable=found.error * (reach + float(stdtrit(found.freedom, POWER))) if found.error > 0 else None,
        notes=(note,),
    )
