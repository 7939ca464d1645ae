"""Means over a matrix of pairs of mixed languages, with intervals: first texts in one language, second ones in another.

The same rows are in every cell, so a bootstrap sample draws a row in all cells at once (:mod:`harness.scoring.bootstrap`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.bootstrap import joint_sums
from harness.scoring.intervals import percentiles
from harness.scoring.robustness import Scored
from harness.types.units import mixed_languages

if TYPE_CHECKING:
    from harness.types.record import MixedMeanRecord, MixedPairsRecord

ENGLISH = "en"

Cell = tuple[str, str]
"""The languages of the first texts and of the second ones."""


def off_diagonal(languages: Sequence[str]) -> list[Cell]:
    """Every two different languages, row by row."""
    return [(first, second) for first, second in product(languages, languages) if first != second]


def groups(languages: Sequence[str]) -> dict[str, list[Cell]]:
    """The cells of each mean; a group without any cell is left out."""
    mixed = off_diagonal(languages)
    found = {
        "off_diagonal": mixed,
        "first_english": [cell for cell in mixed if cell[0] == ENGLISH],
        "second_english": [cell for cell in mixed if cell[1] == ENGLISH],
        "neither_english": [cell for cell in mixed if ENGLISH not in cell],
        "diagonal": [(code, code) for code in languages],
    }
    return {name: cells for name, cells in found.items() if cells}


def mixed_means(
    units: Mapping[tuple[str, str, str], Scored],
    matrices: Mapping[str, Sequence[str]],
    split: str,
    primaries: Mapping[str, Sequence[str]],
) -> dict[str, MixedPairsRecord]:
    """The means of each task's matrix, of units by (task, language, split); ``matrices`` has the languages of each task.

    "means" are by the names of :func:`groups`, and "loss": the diagonal minus the cells off it, paired by row. A mean
    over cells that were not all scored is left out, and so are intervals where the metric has no items.
    """
    found: dict[str, MixedPairsRecord] = {}
    for task, languages in matrices.items():
        cells = {
            cell: units.get((task, cell[0] if cell[0] == cell[1] else mixed_languages(*cell), split))
            for cell in product(languages, languages)
        }
        scored = {cell: unit for cell, unit in cells.items() if unit is not None}
        drawn = _drawn(scored, task, primaries[task])
        means: dict[str, MixedMeanRecord] = {}
        for name, chosen in groups(languages).items():
            if all(cell in scored for cell in chosen):
                value = fmean(_value(scored[cell], primaries[task]) for cell in chosen)
                means[name] = _mean(value, drawn, chosen)
        if {"diagonal", "off_diagonal"} <= means.keys():
            value = means["diagonal"]["score"] - means["off_diagonal"]["score"]
            of_each = groups(languages)
            means["loss"] = _mean(value, drawn, of_each["off_diagonal"], before=of_each["diagonal"])
        found[task] = {"languages": list(languages), "means": means}
    return found


def _value(unit: Scored, names: Sequence[str]) -> float:
    return fmean(unit.score.metrics[name].value for name in names)


def _drawn(scored: Mapping[Cell, Scored], task: str, names: Sequence[str]) -> dict[Cell, FloatArray]:
    """The score of each cell in every bootstrap sample of the rows, shape (resamples,); {} where there are no items."""
    items = [unit.score.items for unit in scored.values() if unit.score.items is not None]
    if not items or len(items) < len(scored) or any(len(set(each.ids)) < 2 for each in items):
        return {}
    sums = joint_sums(items, task)
    values = [each.metric.finish(part) for each, part in zip(items, sums, strict=True)]
    return {cell: np.mean([value[name] for name in names], axis=0) for cell, value in zip(scored, values, strict=True)}


def _mean(
    value: float, drawn: Mapping[Cell, FloatArray], cells: Sequence[Cell], before: Sequence[Cell] = ()
) -> MixedMeanRecord:
    """A mean over cells, or what those of ``before`` lose to it, with the interval of what was ``drawn``."""
    low = high = None
    if drawn:
        replicates = np.mean([drawn[cell] for cell in cells], axis=0)
        if before:
            replicates = np.mean([drawn[cell] for cell in before], axis=0) - replicates
        _, low, high = percentiles(replicates)
    return {"score": value, "low": low, "high": high, "cells": len(cells)}
