"""Analysis of intermediate training in other languages than English: which language helps, and whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.analysis.effects.contrast_charts import gains_by_language, gains_by_task, mean_point
from harness.analysis.effects.contrasts import Contrasted, contrast_results, mixed_models
from harness.analysis.effects.findings import Chart, Effect, Findings
from harness.analysis.effects.gains import Values, by_place, gains, places_of, sample_of, selected, sliced
from harness.analysis.effects.language_groups import distance, related, script_of
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.quality import degenerate_table, quality_warnings
from harness.analysis.effects.regression import regression, regression_effect
from harness.analysis.effects.resample import effect
from harness.analysis.effects.study_arms import (
    arm_factors,
    contrasts_of,
    control_contrasts,
    controls_of,
    model_factors,
    parameters_of,
    same_source_tasks,
)
from harness.analysis.effects.wording import corrected, numbers, shown_to_differ, verdict
from harness.types.studies import NO_STAGES, Contrast, Study

ENGLISH = "en"
ROUND_TRIP = "round-trip"
"""Control of English text that was translated to another language and back."""


@dataclass(frozen=True)
class _Arm:
    """An intermediate task in one language or several, without the controls."""

    name: str
    task: str
    languages: tuple[str, ...]


def analyse(study: Study, observations: Sequence[Observation], *, mixed: bool = True) -> Findings:
    """Tests each language of the intermediate task against English, and whether gains follow the distance to it.

    The contrasts are tested on the largest model whose size is known; the others show the trend.
    """
    models = model_factors(observations, study)
    primary_model = _primary_model(models)
    own = [each for each in observations if each.model == primary_model]
    found = list(contrast_results(study, contrasts_of(study, own), own))
    effects = corrected([each.effect for each in found])
    found = [replace(each, effect=effect) for each, effect in zip(found, effects, strict=True)]
    arms = _arms(study, observations)
    controls = list(contrast_results(study, [*control_contrasts(study), *_more_contrasts(study, arms)], own))
    slopes, apart_warnings = _distance_slopes(study, arms, own)
    confined = list(_confined(found, arms))
    fits, notes = mixed_models(found) if mixed else ((), ())
    everything = [*found, *controls]
    warnings = [*quality_warnings(study, observations), *(note for each in everything for note in each.warnings)]
    warnings += [*apart_warnings, *notes]
    if len(models) > 1:
        warnings.append(f"hypotheses are tested on {primary_model}, the largest model; the others show the trend")
    if not any(_round_trips(study, each.contrast.arm) for each in found):
        warnings.append("no round trip: a language that beats English may owe it to translated text as such")
    return Findings(
        effects=(
            *effects,
            *slopes,
            *confined,
            *(each.effect for each in controls),
            *(other for each in everything for other in each.apart),
            *fits,
            *_trend(study, observations, primary_model),
        ),
        charts=(
            gains_by_task(found),
            *_heat_maps(study, arms, own),
            _distances(study, arms, own),
            *gains_by_language(found),
            _by_model(study, observations, models),
        ),
        tables=(degenerate_table(observations),),
        conclusions=(*_conclusions(study, found, controls, arms, confined), *_distance_conclusions(slopes)),
        warnings=tuple(warnings),
    )


def hypotheses(study: Study, observations: Sequence[Observation]) -> tuple[Effect, ...]:
    """The contrasts of languages on the largest model, corrected, and the slope of gains on distance."""
    model = _primary_model(model_factors(observations, study))
    own = [each for each in observations if each.model == model]
    found = contrast_results(study, contrasts_of(study, own), own, beside=False)
    slopes, _ = _distance_slopes(study, _arms(study, observations), own)
    return (*corrected([each.effect for each in found]), *slopes)


def _primary_model(models: Mapping[str, Mapping[str, Any]]) -> str:
    sizes = parameters_of(models)
    return list(sizes or models)[-1] if models else ""


def _arms(study: Study, observations: Sequence[Observation]) -> dict[str, _Arm]:
    """The arms with an intermediate task in known languages, without controls."""
    found = {}
    for name, factors in arm_factors(study, observations).items():
        languages = str(factors.get("language", "") or "")
        if languages and not factors.get("control"):
            codes = tuple(code for code in languages.replace(",", "+").split("+") if code)
            found[name] = _Arm(name, str(factors.get("intermediate", "")), codes)
    return found


def _more_contrasts(study: Study, arms: Mapping[str, _Arm]) -> list[Contrast]:
    """The contrasts of the arms with no stages, and with a round trip, that the study does not list itself."""
    listed = {(each.arm, each.against) for each in (*study.contrasts, *control_contrasts(study))}
    pairs = [(name, against) for name in arms for against in (NO_STAGES, *_round_trips(study, name)) if name != against]
    return [
        Contrast(f"{arm} - {other}", arm, other, primary=False) for arm, other in pairs if (arm, other) not in listed
    ]


def _round_trips(study: Study, arm: str) -> list[str]:
    """The arms of English text that was translated and back, for an arm: those of its language, or of none."""
    trips = [each for each in study.arms if str(each.factors.get("control", "")).startswith(ROUND_TRIP)]
    return [each.name for each in trips if each.control_of in ("", arm)]


def _gains(study: Study, arm: str, observations: Sequence[Observation]) -> Values:
    """Gains of an arm over no stages, without English and tasks of the same source."""
    shared = same_source_tasks(study, (arm,))
    found = gains(by_place(selected(observations, exploratory=None)), arm, NO_STAGES)
    return replace(found, numbers={place: v for place, v in found.numbers.items() if place[1] not in shared})


def _distance_rows(
    study: Study, arms: Mapping[str, _Arm], observations: Sequence[Observation]
) -> Iterator[tuple[str, str, str, float, float, bool]]:
    """Arm, task, language, distance to the arm's language, mean gain over seeds, and whether scripts agree."""
    for arm in arms.values():
        if len(arm.languages) != 1:
            continue
        (source,) = arm.languages
        seen: dict[tuple[str, str], list[float]] = {}
        for (_, task, language, _), number in _gains(study, arm.name, observations).numbers.items():
            seen.setdefault((task, language), []).append(number)
        for (task, language), values in seen.items():
            far = _distance(study, language, source)
            if far is not None:
                yield arm.name, task, language, far, float(np.mean(values)), script_of(language) == script_of(source)


def _distance(study: Study, code: str, other: str) -> float | None:
    """The distance of two languages: the study's own where it has distances, else the genealogical one."""
    if not study.distances:
        return distance(code, other)
    found = study.distances.get(code, {}).get(other, study.distances.get(other, {}).get(code))
    return 0.0 if found is None and code == other else found


def _distance_slopes(
    study: Study, arms: Mapping[str, _Arm], observations: Sequence[Observation]
) -> tuple[list[Effect], list[str]]:
    """Slope of gains on the distance to the intermediate language, and the difference that a common script makes.

    gain ~ distance + same script + arm + task, over target languages as clusters.
    """
    rows = list(_distance_rows(study, arms, observations))
    if not rows:
        return [], []
    arm, task, language, far, gain, same = (list(column) for column in zip(*rows, strict=True))
    outcome, steps = np.array(gain), np.array(far)
    script = np.array(same, dtype=float)
    counts = {"tasks": len(set(task)), "languages": len(set(language))}
    found = []
    told: tuple[tuple[str, np.ndarray[Any, Any], np.ndarray[Any, Any], str, str], ...] = (
        ("gain by distance to the intermediate language", steps, script, "H4", f"points a {_step(study)} of distance"),
        ("gain where the script is the intermediate language's", script, steps, "", "points"),
    )
    for name, predictor, other, hypothesis, unit in told:
        slope = regression(outcome, predictor, language, [arm, task, [f"{value:g}" for value in other]])
        if slope is not None:
            found.append(regression_effect(slope, name, hypothesis, unit, counts))
    if not found:
        return [], ["gains by distance: too few languages, or distances that are all alike, for a slope"]
    if study.distances:
        return found, [] if _all_known(study, arms, observations) else [
            "gains by distance are over the pairs of languages that the study's distances have"
        ]
    return found, [
        "distance is genealogical (same language, branch, family, none); typological and geographic distances are not "
        "in the table of languages: --distances FILE takes a table of your own"
    ]


def _step(study: Study) -> str:
    return "unit" if study.distances else "step"


def _all_known(study: Study, arms: Mapping[str, _Arm], observations: Sequence[Observation]) -> bool:
    """Tells whether the study's distances have every language that is scored, from every intermediate one."""
    sources = {arm.languages[0] for arm in arms.values() if len(arm.languages) == 1}
    codes = {each.language for each in selected(observations, exploratory=None)}
    return all(_distance(study, code, source) is not None for code in codes for source in sources)


def _confined(found: Sequence[Contrasted], arms: Mapping[str, _Arm]) -> Iterator[Effect]:
    """The difference of an arm's advantage between languages related to its own, by script or family, and others."""
    for each in found:
        if (arm := arms.get(each.contrast.arm)) is None:
            continue
        group = {
            code: "related" if related(code, arm.languages) else "other"
            for code in places_of(each.values)[2]
            if code not in arm.languages
        }
        weights = {"related": 1.0, "other": -1.0}
        sample = sample_of(each.values, group=group, group_weights=weights, least=2)
        if sample is not None:
            name = f"{each.contrast.name}, related languages against others"
            yield effect(sample, name, notes=["related: of the same script or family as the intermediate language"])


def _trend(study: Study, observations: Sequence[Observation], primary_model: str) -> Iterator[Effect]:
    for model in dict.fromkeys(each.model for each in observations):
        if model != primary_model:
            own = [each for each in observations if each.model == model]
            for result in contrast_results(study, contrasts_of(study, own), own, beside=False):
                yield replace(result.effect, name=f"{result.contrast.name}, {model}", primary=False)


def _heat_maps(study: Study, arms: Mapping[str, _Arm], observations: Sequence[Observation]) -> Iterator[Chart]:
    for task in dict.fromkeys(arm.task for arm in arms.values()):
        points: list[dict[str, Any]] = []
        for arm in (arm for arm in arms.values() if arm.task == task):
            values = _gains(study, arm.name, observations)
            for language in places_of(values)[2]:
                point = mean_point(sliced(values, language=language))
                points.append({"x": language, "y": "+".join(arm.languages), "value": point["x"]})
        yield Chart(
            "heat map",
            f"gains-{task or 'intermediate'}",
            f"Gains over no stages by intermediate and target language{f': {task}' if task else ''}",
            "target language",
            "intermediate language",
            tuple(points),
        )


def _distances(study: Study, arms: Mapping[str, _Arm], observations: Sequence[Observation]) -> Chart:
    points = tuple(
        {"x": far, "y": gain, "series": arm, "label": f"{task}[{language}]"}
        for arm, task, language, far, gain, _ in _distance_rows(study, arms, observations)
    )
    genealogical = "0: the same language, 1: of its branch, 2: of its family, 3: unrelated."
    caption = "Distances of the study's own table." if study.distances else genealogical
    return Chart(
        "scatter",
        "gains-by-distance",
        "Gains by distance to the intermediate language",
        "distance",
        "gain in points",
        points,
        caption,
    )


def _by_model(study: Study, observations: Sequence[Observation], models: Mapping[str, Mapping[str, Any]]) -> Chart:
    """Lines of each contrast over models by size."""
    points: list[dict[str, Any]] = []
    for model, size in parameters_of(models).items():
        own = [each for each in observations if each.model == model]
        for result in contrast_results(study, contrasts_of(study, own), own, beside=False):
            said = result.effect
            points.append(
                {"x": size, "y": said.estimate, "low": said.low, "high": said.high, "series": said.name, "label": model}
            )
    return Chart(
        "lines",
        "contrasts-by-size",
        "Contrasts by model size",
        "parameters without embeddings",
        "points",
        tuple(points),
    )


def _conclusions(
    study: Study,
    found: Sequence[Contrasted],
    controls: Sequence[Contrasted],
    arms: Mapping[str, _Arm],
    confined: Sequence[Effect],
) -> Iterator[str]:
    beaten = {(each.contrast.arm, each.contrast.against): each.effect for each in (*found, *controls)}
    by_name = {effect.name: effect for effect in confined}
    for each in found:
        contrast, said = each.contrast, each.effect
        better, worse = (contrast.arm, contrast.against) if said.estimate >= 0 else (contrast.against, contrast.arm)
        yield verdict(said, f"{better} scores higher than {worse}")
        arm, english = arms.get(contrast.arm), arms.get(contrast.against)
        if arm is None or english is None or english.languages != (ENGLISH,) or not shown_to_differ(said, 1):
            continue
        trips = _round_trips(study, contrast.arm)
        own = [name for name in controls_of(study, contrast.arm) if name not in trips]
        needed = [*own, *trips]
        lost = [
            name
            for name in needed
            if (effect := beaten.get((contrast.arm, name))) is None or not shown_to_differ(effect, 1)
        ]
        if not own or not trips:
            lacking = " and ".join(
                what for what, names in (("a control of its own", own), ("a round trip", trips)) if not names
            )
            yield (
                f"{contrast.arm}: that it does better than English cannot be laid to its language: "
                f"the study has no run of {lacking}."
            )
        elif lost:
            yield f"{contrast.arm}: it was not shown to beat {', '.join(lost)}, so its language need not be the cause."
        else:
            yield f"{contrast.arm}: another language than English can do better; it beats {', '.join(needed)} as well."
        inside = by_name.get(f"{contrast.name}, related languages against others")
        if inside is not None and shown_to_differ(inside, 1):
            yield f"{contrast.arm}: its advantage is greater in languages of its script or family: {numbers(inside)}."


def _distance_conclusions(slopes: Sequence[Effect]) -> Iterator[str]:
    for slope in slopes:
        if slope.hypothesis == "H4":
            direction = "smaller" if slope.estimate < 0 else "greater"
            yield verdict(slope, f"gains are {direction} the farther a language is from the intermediate one")
