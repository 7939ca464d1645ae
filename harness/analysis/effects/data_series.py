"""Series of arms by their amount of intermediate data, and the curves of a model along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log1p

import numpy as np

from harness.analysis.effects.gains import Values, sample_of, selected
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.scaling import Curve
from harness.analysis.effects.scaling_forms import SCALE
from harness.analysis.effects.study_arms import arm_factors, same_source_tasks
from harness.types.studies import NO_STAGES, Study

_LOSS_DELTA = 0.1
"""Residual of a cross-entropy, in nats, up to which Huber's loss is quadratic."""


@dataclass(frozen=True)
class Series:
    """The arms of one intermediate task by their amount of data, with that without any."""

    name: str
    amounts: Mapping[str, float]
    same_source: frozenset[str] = frozenset()
    """Target tasks with training data in common, which its slopes and curves leave out."""

    @property
    def stem(self) -> str:
        """Its name in names of files."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name.replace(", ", "-"))


def series_of(study: Study, observations: Sequence[Observation]) -> list[Series]:
    """The series by intermediate task and, where arms have the factor ``series``, its kind: "mnli, epochs".

    A series begins with the arm of its kind of ``size`` 0, else with the one without stages.
    """
    observed = {each.arm for each in observations}
    found: dict[tuple[str, str], dict[str, float]] = {}
    starts: dict[str, str] = {}
    for arm, factors in arm_factors(study, observations).items():
        size = factors.get("size")
        kind = str(factors.get("series", "") or "")
        if arm not in observed or not isinstance(size, int | float) or factors.get("control"):
            continue
        if size == 0:
            starts.setdefault(kind, arm)
        if size > 0:
            found.setdefault((str(factors.get("intermediate", "") or ""), kind), {})[arm] = float(size)
    series = []
    for (task, kind), amounts in found.items():
        name = ", ".join(filter(None, (task, kind)))
        start = starts.get(kind, NO_STAGES)
        whole = {start: 0.0, **amounts} if start in observed else amounts
        if len(whole) > 1:
            series.append(Series(name, whole, frozenset(same_source_tasks(study, list(amounts)))))
    return series


def slope_of(amounts: Mapping[str, float]) -> dict[str, float]:
    """Weights of the arms in the least-squares slope on ln(1 + n / 1000)."""
    logs = {arm: log1p(n / SCALE) for arm, n in amounts.items()}
    if len(set(logs.values())) < 2:
        return {}
    middle = sum(logs.values()) / len(logs)
    power = sum((value - middle) ** 2 for value in logs.values())
    return {arm: (value - middle) / power for arm, value in logs.items()}


def curve_of(observations: Sequence[Observation], model: str, series: Series, *, loss: bool = False) -> Curve | None:
    """Scores in other languages than English by amount, or dev losses; None without three amounts."""
    seen = [
        each
        for each in selected(observations, zero_shot=not loss, exploratory=None)
        if each.model == model and each.task not in series.same_source
    ]
    arms = sorted({each.arm for each in seen} & set(series.amounts), key=series.amounts.__getitem__)
    found: dict[tuple[str, str, str, int], dict[str, float]] = {}
    for each in seen:
        value = each.dev_loss if loss else each.score
        if each.arm in arms and value is not None:
            place = (model, each.task, "" if loss else each.language, each.seed)
            found.setdefault(place, {})[each.arm] = value
    whole = {place: own for place, own in found.items() if len(own) == len(arms)}
    sample = sample_of(Values(dict.fromkeys(whole, 0.0)))
    if sample is None or len(arms) < 3:
        return None
    places = zip(sample.model, sample.task, sample.language, sample.seed, strict=True)
    values = np.array([[whole[place][arm] for arm in arms] for place in places])
    amounts = np.array([series.amounts[arm] for arm in arms])
    return Curve(amounts, replace(sample, values=values), falling=loss, delta=_LOSS_DELTA if loss else 1.0)
