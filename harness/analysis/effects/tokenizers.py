"""Gains and the tokenizer: whether languages that are cut more finely, or not known to it, gain less."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from harness.analysis.effects.findings import Effect, TextTable
from harness.analysis.effects.gains import Values
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.regression import regression, regression_effect

COVARIATES = {
    "tokens_per_word": ("tokens a word", "a token"),
    "lost_tokens": ("unknown tokens and bytes", "a percent of tokens"),
}
"""Factors of observations by language, with what they are in words and what a slope is per."""


def token_effects(
    values: Values, observations: Sequence[Observation], name: str, unit: str = "points"
) -> Iterator[Effect]:
    """Slopes of values by model, task and language on what was measured of the tokenizers; nothing where nothing was.

    value ~ covariate + model + task, over languages as clusters. A covariate that is the same in all languages is left out.
    """
    for factor, (what, per) in COVARIATES.items():
        measured = measured_tokens(observations, factor)
        cells: dict[tuple[str, str, str], list[float]] = {}
        for (model, task, language, _), number in values.numbers.items():
            if (model, language) in measured:
                cells.setdefault((model, task, language), []).append(number)
        if not cells:
            continue
        models, tasks, languages = (list(column) for column in zip(*cells, strict=True))
        outcome = np.array([fmean(each) for each in cells.values()])
        predictor = np.array([measured[place] for place in zip(models, languages, strict=True)])
        slope = regression(outcome, predictor, languages, [models, tasks])
        if slope is not None:
            counts = {"tasks": len(set(tasks)), "languages": len(set(languages))}
            yield regression_effect(slope, f"{name} by {what}", "", f"{unit} {per}", counts)


def measured_tokens(observations: Sequence[Observation], factor: str) -> dict[tuple[str, str], float]:
    """A covariate by model and language, where it was measured."""
    return {
        (each.model, each.language): float(value)
        for each in observations
        if isinstance(value := each.factors.get(factor), int | float)
    }


def token_table(observations: Sequence[Observation]) -> Iterator[TextTable]:
    """Table of what was measured of the tokenizers, by model and language."""
    found: Mapping[str, Mapping[tuple[str, str], float]] = {
        factor: measured_tokens(observations, factor) for factor in COVARIATES
    }
    rows: list[tuple[Any, ...]] = []
    for model, code in sorted({place for own in found.values() for place in own}):
        values = [own.get((model, code)) for own in found.values()]
        rows.append((model, code, *(None if value is None else round(value, 2) for value in values)))
    if rows:
        head = ("model", "language", *(what for what, _ in COVARIATES.values()))
        yield TextTable(
            "tokenizers", "How finely tokenizers cut the test sets (unknown and bytes: %)", head, tuple(rows)
        )
