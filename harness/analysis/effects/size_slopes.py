"""Slopes of gains on the size of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

from harness.analysis.effects.contrast_charts import mean_point
from harness.analysis.effects.gains import Values, sliced
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.study_arms import model_factors, parameters_of
from harness.types.studies import Study

PER_TENFOLD = "points per tenfold size"


def families_by_size(study: Study, observations: Sequence[Observation]) -> dict[str, dict[str, float]]:
    """The log10 of the parameters of each model, smallest first, by the model factor ``pretraining``; most models first.

    Models whose size is not known are left out.
    """
    factors = model_factors(observations, study)
    found: dict[str, dict[str, float]] = {}
    for model, size in parameters_of(factors).items():
        found.setdefault(str(factors[model].get("pretraining", "")), {})[model] = log10(size)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[1])))


def slope_weights(sizes: Mapping[str, float]) -> dict[str, float]:
    """Weights that turn the models' means into the least-squares slope on their sizes; {} where sizes do not differ."""
    if len(set(sizes.values())) < 2:
        return {}
    middle = sum(sizes.values()) / len(sizes)
    power = sum((size - middle) ** 2 for size in sizes.values())
    return {model: (size - middle) / power for model, size in sizes.items()}


def size_lines(values: Values, sizes: Mapping[str, float], series: str) -> list[dict[str, Any]]:
    """Points of a line of means over the parameters of the models, with their bands."""
    points: list[dict[str, Any]] = []
    for model, size in sizes.items():
        point = mean_point(sliced(values, model=model))
        if point:
            points.append({**point, "x": round(10**size), "y": point["x"], "series": series, "label": model})
    return points
