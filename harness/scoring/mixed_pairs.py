"""Means over a matrix of pairs of mixed languages, with intervals: first texts in one language, second ones in another.

The same rows are in every cell, so a bootstrap sample draws a row in all cells at once (:mod:`harness.scoring.bootstrap`).
Where some cells lack a row, as its two languages have other labels, what is lost by mixing is found on the rows of all cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count, islice, product
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.bootstrap import Items, joint_sums
from harness.scoring.intervals import percentiles
from harness.scoring.robustness import Scored
from harness.types.units import mixed_languages

if TYPE_CHECKING:
    from harness.types.record import MixedMeanRecord, MixedPairsRecord

ENGLISH = "en"

LEFT_OUT = "other_labels"
"""The fact in the record of a unit that has the numbers, from 1, of the rows that it lacks."""

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

    "means" are by the names of :func:`groups`, and "loss": the diagonal minus the cells off it, on the rows that all cells
    have. A mean over cells that were not all scored is left out, and so are intervals where the metric has no items.
    """
    found: dict[str, MixedPairsRecord] = {}
    for task, languages in matrices.items():
        cells = {
            cell: units.get((task, cell[0] if cell[0] == cell[1] else mixed_languages(*cell), split))
            for cell in product(languages, languages)
        }
        scored = {cell: unit for cell, unit in cells.items() if unit is not None}
        items = {cell: _numbered(own, unit) for cell, unit in scored.items() if (own := unit.score.items)}
        values = {cell: _value(unit, primaries[task]) for cell, unit in scored.items()}
        drawn = _drawn(items, task, primaries[task]) if len(items) == len(scored) else {}
        means: dict[str, MixedMeanRecord] = {}
        for name, chosen in groups(languages).items():
            if all(cell in scored for cell in chosen):
                means[name] = _mean(values, drawn, chosen)
        if {"diagonal", "off_diagonal"} <= means.keys():
            if drawn and (alike := _rows_of_all(items)):
                values = {cell: _number(each, primaries[task]) for cell, each in alike.items()}
                drawn = _drawn(alike, task, primaries[task])
            of_each = groups(languages)
            means["loss"] = _mean(values, drawn, of_each["off_diagonal"], before=of_each["diagonal"])
        found[task] = {"languages": list(languages), "means": means}
    return found


def _numbered(items: Items, unit: Scored) -> Items:
    """The items of a unit; where their ids are the lines of its file, those of the rows of its languages."""
    left_out = set(unit.record.get("facts", {}).get(LEFT_OUT, ()))
    if not left_out or list(items.ids) != [str(line) for line in range(1, len(items.ids) + 1)]:
        return items
    rows = (str(row) for row in count(1) if row not in left_out)
    return replace(items, ids=list(islice(rows, len(items.ids))))


def _value(unit: Scored, names: Sequence[str]) -> float:
    return fmean(unit.score.metrics[name].value for name in names)


def _number(items: Items, names: Sequence[str]) -> float:
    values = items.metric.finish(items.statistics.sum(axis=0))
    return fmean(float(values[name]) for name in names)


def _rows_of_all(items: Mapping[Cell, Items]) -> dict[Cell, Items]:
    """The items of the rows that every cell has; {} where every cell has all rows, or where they have none in common."""
    rows = [set(each.ids) for each in items.values()]
    common = set.intersection(*rows)
    if not common or len(common) == max(map(len, rows)):
        return {}
    return {
        cell: each.at([place for place, name in enumerate(each.ids) if name in common]) for cell, each in items.items()
    }


def _drawn(items: Mapping[Cell, Items], task: str, names: Sequence[str]) -> dict[Cell, FloatArray]:
    """The score of each cell in every bootstrap sample of the rows, shape (resamples,); {} where there are no items."""
    if not items or any(len(set(each.ids)) < 2 for each in items.values()):
        return {}
    sums = joint_sums(list(items.values()), task)
    values = [each.metric.finish(part) for each, part in zip(items.values(), sums, strict=True)]
    return {cell: np.mean([value[name] for name in names], axis=0) for cell, value in zip(items, values, strict=True)}


def _mean(
    values: Mapping[Cell, float], drawn: Mapping[Cell, FloatArray], cells: Sequence[Cell], before: Sequence[Cell] = ()
) -> MixedMeanRecord:
    """A mean over cells, or what those of ``before`` lose to it, with the interval of what was ``drawn``."""
    score, low, high = fmean(values[cell] for cell in cells), None, None
    if before:
        score = fmean(values[cell] for cell in before) - score
    if drawn:
        replicates = np.mean([drawn[cell] for cell in cells], axis=0)
        if before:
            replicates = np.mean([drawn[cell] for cell in before], axis=0) - replicates
        _, low, high = percentiles(replicates)
    return {"score": score, "low": low, "high": high, "cells": len(cells)}
