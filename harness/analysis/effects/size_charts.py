"""Charts of gains, spread over seeds and losses by perturbed input, over the size of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.analysis.effects.contrasts import Contrasted
from harness.analysis.effects.findings import Chart
from harness.analysis.effects.gains import Values, by_place, combined, places_of, selected, sliced
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.seed_spread import deviations, seed_scores
from harness.analysis.effects.size_slopes import size_lines
from harness.analysis.effects.worst_languages import worst_served, worst_values
from harness.types.units import CHECKLIST


def size_charts(
    observations: Sequence[Observation],
    found: Sequence[Contrasted],
    main: Contrasted | None,
    families: Mapping[str, Mapping[str, float]],
) -> Iterator[Chart]:
    """Lines over size: the gains, those of all and of the worst served languages, of each language, and seed deviations."""
    if main is None or not families:
        return
    sizes = {model: size for own in families.values() for model, size in own.items()}
    axis = "parameters without embeddings"
    lines = [point for each in found for point in size_lines(each.values, sizes, each.contrast.name)]
    yield Chart("lines", "gains-by-size", "Gains by model size", axis, "gain in points", tuple(lines))
    served = worst_served(observations, main.values, main.contrast.arm, main.contrast.against)
    if served:
        worst = size_lines(worst_values(main.values, served), sizes, "worst tenth of languages")
        both = [*size_lines(main.values, sizes, "all languages"), *worst]
        title = f"{main.contrast.name}: gain of all languages and of the worst served"
        yield Chart("lines", "worst-by-size", title, axis, "gain in points", tuple(both))
    by_language = [
        point
        for language in places_of(main.values)[2]
        for point in size_lines(sliced(main.values, language=language), sizes, language)
    ]
    bare = tuple({key: value for key, value in point.items() if key not in ("low", "high")} for point in by_language)
    title = f"{main.contrast.name}: gain of each language"
    yield Chart("lines", "languages-by-size", title, axis, "gain in points", bare)
    spread = tuple(
        {"x": round(10 ** sizes[model]), "y": deviation, "series": arm, "label": model}
        for arm in (main.contrast.against, main.contrast.arm)
        for model, deviation in deviations(seed_scores(observations, arm)).items()
        if model in sizes
    )
    yield Chart("lines", "seeds-by-size", "Standard deviation over seeds", axis, "points", spread)


def loss_charts(observations: Sequence[Observation], families: Mapping[str, Mapping[str, float]]) -> Iterator[Chart]:
    """Lines over size of the points lost by each kind of perturbed input, a line an arm."""
    sizes = {model: size for own in families.values() for model, size in own.items()}
    losses = loss_values(observations)
    for kind in dict.fromkeys(kind for _, kind in losses):
        points = [
            point for (arm, name), values in losses.items() if name == kind for point in size_lines(values, sizes, arm)
        ]
        title = f"Loss by perturbed input: {kind}"
        yield Chart("lines", f"loss-{kind}", title, "parameters without embeddings", "points lost", tuple(points))


def loss_values(observations: Sequence[Observation]) -> dict[tuple[str, str], Values]:
    """Plain score less perturbed score by arm and kind of perturbation."""
    found = {}
    for kind in sorted({each.perturbation for each in observations} - {"", CHECKLIST}):
        plain = selected(observations, exploratory=None)
        changed = selected(observations, exploratory=None, perturbation=kind)
        for arm in dict.fromkeys(each.arm for each in changed):
            pair = [replace(each, arm="plain") for each in plain if each.arm == arm]
            pair += [replace(each, arm="perturbed") for each in changed if each.arm == arm]
            factors = {each.model: {"plain": 1.0, "perturbed": -1.0} for each in pair}
            found[arm, kind] = combined(by_place(pair), factors)
    return found
