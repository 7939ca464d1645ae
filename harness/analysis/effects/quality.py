"""Quality of a study's results: runs that learned nothing, languages at the floor, and too few of anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from harness.analysis.effects.findings import TextTable
from harness.analysis.effects.gains import ENGLISH
from harness.analysis.effects.observations import Observation
from harness.core.counted import counted
from harness.types.studies import NO_STAGES, Study

FEW_SEEDS = 3
FEW_LANGUAGES = 5
FLOOR = 3.0
"""Points above chance under which a language's score leaves no room to see gains."""


def degenerate_rates(observations: Sequence[Observation]) -> dict[tuple[str, str], tuple[int, int]]:
    """Degenerate runs and all runs whose English dev score is known, by model and arm; a run is one task with one seed."""
    runs: dict[tuple[str, str, str, int], bool] = {}
    for each in observations:
        if each.english_dev is not None and each.chance is not None and not each.perturbation:
            key = (each.model, each.arm, each.task, each.seed)
            runs[key] = runs.get(key, False) or each.degenerate
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for (model, arm, _, _), degenerate in runs.items():
        bad, count = found.get((model, arm), (0, 0))
        found[model, arm] = (bad + degenerate, count + 1)
    return found


def degenerate_table(observations: Sequence[Observation]) -> TextTable:
    """The rate of degenerate runs by model and arm: an outcome of its own."""
    rows = [
        (model, arm, bad, count, round(100 * bad / count, 1))
        for (model, arm), (bad, count) in degenerate_rates(observations).items()
    ]
    title = "Degenerate runs: English dev score under chance plus 5 points"
    return TextTable("degenerate-runs", title, ("model", "arm", "degenerate", "runs", "percent"), tuple(rows))


def floor_units(observations: Sequence[Observation], arm: str = NO_STAGES) -> set[tuple[str, str, str]]:
    """Model, task and language of the units whose mean score in ``arm`` is within 3 points of chance."""
    scores: dict[tuple[str, str, str], list[float]] = {}
    for each in observations:
        if each.arm == arm and each.chance is not None and not each.perturbation:
            scores.setdefault((each.model, each.task, each.language), []).append(each.score - each.chance)
    return {key for key, above in scores.items() if fmean(above) < FLOOR}


def quality_warnings(study: Study, observations: Sequence[Observation]) -> Iterator[str]:
    """Sentences on all that weakens what these results can show."""
    plain = [each for each in observations if not each.perturbation]
    if not plain:
        yield "there are no observations yet: no run of this study has a score"
        return
    seeds: dict[str, set[int]] = {}
    for each in plain:
        seeds.setdefault(each.model, set()).add(each.seed)
    few = {model: own for model, own in seeds.items() if len(own) < FEW_SEEDS}
    if few:
        said = ", ".join(f"{model} has {counted(len(own), 'seed')}" for model, own in few.items())
        yield (
            f"fewer than {FEW_SEEDS} seeds ({said}): where seeds differ more than languages, "
            "up to one in ten true zeros would be found to differ at 5%"
        )
    languages = {each.language for each in plain} - {ENGLISH}
    if len(languages) < FEW_LANGUAGES:
        yield f"{counted(len(languages), 'language')} besides English: too few to speak of languages in general"
    bad, count = (
        (sum(column) for column in zip(*degenerate_rates(plain).values(), strict=True))
        if (degenerate_rates(plain))
        else (0, 0)
    )
    if bad:
        yield (
            f"{bad} of {counted(count, 'run')} ({100 * bad / count:.0f}%) are degenerate: they are kept in all primary "
            "effects, and left out of those that say so"
        )
    floor = floor_units(plain)
    if floor:
        named = sorted({f"{task}[{language}]" for _, task, language in floor})
        shown = ", ".join(named[:12]) + (f" and {len(named) - 12} more" if len(named) > 12 else "")
        yield f"scores without stages are within {FLOOR:g} points of chance, which hides gains: {shown}"
    exploratory = {each.arm for each in plain if each.exploratory}
    if exploratory:
        yield f"not in the frozen plan, so exploratory: {', '.join(sorted(exploratory))}"
