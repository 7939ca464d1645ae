"""Arms of a study as an analysis reads them: their factors, their controls, and the tasks that share their sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.analysis.effects.observations import Observation
from harness.types.studies import NO_STAGES, Contrast, Study

_PART = re.compile(r"[\[@].*")
"""Languages and objective of a stage: "[es]@shuffled"."""


def arm_names(study: Study, observations: Iterable[Observation]) -> list[str]:
    """The arms of a study in its order, then any others that were observed."""
    return list(dict.fromkeys([*(arm.name for arm in study.arms), *(each.arm for each in observations)]))


def arm_factors(study: Study, observations: Iterable[Observation]) -> dict[str, dict[str, Any]]:
    """The factors of each arm: those of the study, else those that were observed with it."""
    found: dict[str, dict[str, Any]] = {arm.name: dict(arm.factors) for arm in study.arms}
    for each in observations:
        if each.arm not in found:
            found[each.arm] = dict(each.factors)
    return found


def model_factors(observations: Iterable[Observation], study: Study) -> dict[str, dict[str, Any]]:
    """The factors of each model: those that its observations agree on, and the study's."""
    found: dict[str, dict[str, Any]] = {}
    by_run = {(each.model, each.arm): each for each in observations}
    for each in by_run.values():
        own = found.setdefault(each.model, dict(each.factors))
        for name in [name for name, value in own.items() if each.factors.get(name) != value]:
            del own[name]
    return {model: {**own, **study.model_factors.get(model, {})} for model, own in found.items()}


def parameters_of(models: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The non-embedding parameters of the models that have them, smallest first."""
    sizes = {
        model: float(value)
        for model, own in models.items()
        if isinstance(value := own.get("parameters"), int | float) and value > 0
    }
    return dict(sorted(sizes.items(), key=lambda pair: pair[1]))


def controls_of(study: Study, arm: str) -> list[str]:
    """The arms that are controls of this one."""
    return [each.name for each in study.arms if each.control_of == arm]


def same_source_tasks(study: Study, arms: Sequence[str]) -> set[str]:
    """The target tasks whose data some of the arms have seen the source of."""
    stages = {
        _PART.sub("", part) for arm in study.arms if arm.name in arms for stage in arm.via for part in stage.split("+")
    }
    return {target for intermediate, target in study.same_source if intermediate in stages}


def contrasts_of(study: Study, observations: Sequence[Observation]) -> tuple[Contrast, ...]:
    """The contrasts of a study; one that has none gets each arm against that without stages, none of them primary."""
    if study.contrasts:
        return study.contrasts
    names = arm_names(study, observations)
    if len(names) < 2:
        return ()
    against = NO_STAGES if NO_STAGES in names else names[0]
    return tuple(Contrast(f"{name} - {against}", name, against, primary=False) for name in names if name != against)


def control_contrasts(study: Study) -> list[Contrast]:
    """The contrasts of arms with their controls that the study itself does not list; none of them is primary."""
    listed = {(each.arm, each.against) for each in study.contrasts}
    return [
        Contrast(f"{arm.control_of} - {arm.name}", arm.control_of, arm.name, primary=False)
        for arm in study.arms
        if arm.control_of and (arm.control_of, arm.name) not in listed
    ]
