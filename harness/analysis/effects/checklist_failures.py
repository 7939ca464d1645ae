"""Failures in MultiCheckList: what arms add to them, and whether larger models have fewer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.analysis.effects.findings import Chart, Effect
from harness.analysis.effects.gains import Values, by_place, combined, places_of, sample_of, selected
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.resample import effect
from harness.analysis.effects.size_slopes import PER_TENFOLD, size_lines, slope_weights
from harness.types.studies import NO_STAGES
from harness.types.units import CHECKLIST

FAILURES = "MultiCheckList failures"


def failures(observations: Sequence[Observation]) -> dict[str, Values]:
    """Percentage of failed cases by arm, in all languages but English."""
    asked = selected(observations, exploratory=None, perturbation=CHECKLIST)
    return {
        arm: Values({place: 100 - own[arm].score for place, own in by_place(e for e in asked if e.arm == arm).items()})
        for arm in dict.fromkeys(each.arm for each in asked)
    }


def failure_effects(observations: Sequence[Observation], sizes: Mapping[str, float]) -> Iterator[Effect]:
    """The failures of each arm, how they differ from those without stages, and the slopes of both on size.

    ``sizes`` are the log10 of the parameters of the models that slopes are over.
    """
    asked = by_place(selected(observations, exploratory=None, perturbation=CHECKLIST))
    for arm, values in failures(observations).items():
        told = {arm: values}
        if arm != NO_STAGES:
            against = {place[0]: {arm: -1.0, NO_STAGES: 1.0} for place in asked}
            told[f"{arm} less {NO_STAGES}"] = combined(asked, against)
        for name, own in told.items():
            sample = sample_of(own)
            if sample is not None:
                yield effect(sample, f"{FAILURES}, {name}")
            weights = slope_weights({model: size for model, size in sizes.items() if model in places_of(own)[0]})
            slope = sample_of(own, model_weights=weights) if weights else None
            if slope is not None:
                yield effect(slope, f"{FAILURES} by size, {name}", unit=PER_TENFOLD)


def failure_chart(observations: Sequence[Observation], sizes: Mapping[str, float]) -> Iterator[Chart]:
    """Lines of failures over size, a line an arm."""
    points = [point for arm, values in failures(observations).items() for point in size_lines(values, sizes, arm)]
    if points:
        axis = "parameters without embeddings"
        yield Chart("lines", "checklist-by-size", FAILURES, axis, "% of cases", tuple(points))
