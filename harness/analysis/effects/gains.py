"""Gains: what an arm adds to another, for the same model, task, language and seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.effects.cluster import EVERY, Sample
from harness.analysis.effects.observations import Observation
from harness.core.errors import UsageError

ENGLISH = "en"

Place = tuple[str, str, str, int]
"""Model, task, language and seed."""

Runs = Mapping[Place, Mapping[str, Observation]]
"""The observations of each place by arm."""


@dataclass(frozen=True)
class Values:
    """A number for each place, and how many places lack an observation that it needs."""

    numbers: Mapping[Place, float]
    unpaired: int = 0


def by_place(observations: Iterable[Observation]) -> dict[Place, dict[str, Observation]]:
    """The observations by place and arm; UsageError for two of the same."""
    found: dict[Place, dict[str, Observation]] = {}
    for each in observations:
        arms = found.setdefault((each.model, each.task, each.language, each.seed), {})
        if each.arm in arms:
            raise UsageError(
                f"two observations of {each.model}, arm {each.arm}, {each.task}[{each.language}], seed {each.seed}",
                hint="every run of a study has a folder of its own; remove the copy",
            )
        arms[each.arm] = each
    return found


def selected(
    observations: Iterable[Observation],
    tasks: Sequence[str] = (),
    *,
    zero_shot: bool = True,
    exploratory: bool | None = False,
    perturbation: str = "",
) -> list[Observation]:
    """The observations of some tasks (() is all), without English where ``zero_shot`` is set.

    ``exploratory`` None takes those of the frozen plan and others.
    """
    return [
        each
        for each in observations
        if (not tasks or each.task in tasks)
        and not (zero_shot and each.language == ENGLISH)
        and (exploratory is None or each.exploratory == exploratory)
        and each.perturbation == perturbation
    ]


def gains(runs: Runs, arm: str, against: str) -> Values:
    """The gain of an arm over another wherever both were run; a place with one of the two alone is unpaired."""
    return combined(runs, {place[0]: {arm: 1.0, against: -1.0} for place in runs})


def combined(runs: Runs, coefficients: Mapping[str, Mapping[str, float]]) -> Values:
    """The sum of the arms' scores times their ``coefficients``, which are given by model, then arm."""
    numbers, unpaired = {}, 0
    for place, arms in runs.items():
        wanted = coefficients.get(place[0])
        if not wanted:
            continue
        if all(arm in arms for arm in wanted):
            numbers[place] = sum(factor * arms[arm].score for arm, factor in wanted.items())
        elif any(arm in arms for arm in wanted):
            unpaired += 1
    return Values(numbers, unpaired)


def sample_of(
    values: Values,
    *,
    model_weights: Mapping[str, float] | None = None,
    group: Mapping[str, str] | None = None,
    group_weights: Mapping[str, float] | None = None,
    least: int = 1,
) -> Sample | None:
    """The sample of the places that can be averaged; None where there are none.

    A task's language counts if it has a value for every model, and a task if it has ``least`` such languages in every
    group. ``group`` names the group of each language that takes part; without it all do.
    """
    weights = dict(group_weights or {EVERY: 1.0})
    models = set(model_weights) if model_weights else {place[0] for place in values.numbers}
    having: dict[tuple[str, str], set[str]] = {}
    for model, task, language, _ in values.numbers:
        if model in models and (group is None or group.get(language) in weights):
            having.setdefault((task, language), set()).add(model)
    whole = {key for key, own in having.items() if own == models}
    kept = set()
    for task in {task for task, _ in whole}:
        own = [language for name, language in whole if name == task]
        sizes = [sum((group or {}).get(language, EVERY) == name for language in own) for name in weights]
        if min(sizes) >= least:
            kept |= {(task, language) for language in own}
    places = [place for place in values.numbers if place[0] in models and (place[1], place[2]) in kept]
    if not places:
        return None
    return Sample(
        values=np.array([values.numbers[place] for place in places]),
        model=[place[0] for place in places],
        task=[place[1] for place in places],
        language=[place[2] for place in places],
        seed=[place[3] for place in places],
        model_weights=dict(model_weights or {}),
        group=dict(group or {}),
        group_weights=weights,
    )


def sliced(values: Values, *, task: str | None = None, language: str | None = None, model: str | None = None) -> Values:
    """The values of a single task, language or model."""
    wanted = (model, task, language)
    return replace(
        values,
        numbers={
            place: number
            for place, number in values.numbers.items()
            if all(want is None or want == have for want, have in zip(wanted, place, strict=False))
        },
    )


def without_degenerate(observations: Iterable[Observation]) -> list[Observation]:
    """The observations of runs that learned something."""
    return [each for each in observations if not each.degenerate]


def places_of(values: Values) -> tuple[list[str], list[str], list[str]]:
    """The models, tasks and languages that have values, in order of appearance."""
    return (
        list(dict.fromkeys(place[0] for place in values.numbers)),
        list(dict.fromkeys(place[1] for place in values.numbers)),
        list(dict.fromkeys(place[2] for place in values.numbers)),
    )
