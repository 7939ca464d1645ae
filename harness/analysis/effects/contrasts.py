"""Default analysis of a study: its contrasts, as macro gains over languages and seeds, with controls and robustness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.analysis.effects.contrast_charts import gains_by_language, gains_by_task
from harness.analysis.effects.findings import Effect, Findings
from harness.analysis.effects.gains import Values, by_place, gains, places_of, sample_of, selected, sliced
from harness.analysis.effects.mixed_model import mixed_effect
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.quality import degenerate_table, quality_warnings
from harness.analysis.effects.resample import effect
from harness.analysis.effects.study_arms import (
    contrasts_of,
    control_contrasts,
    controls_of,
    same_source_tasks,
)
from harness.analysis.effects.wording import corrected, shown_to_differ, verdict
from harness.core.counted import counted
from harness.types.studies import NO_STAGES, Contrast, Study


@dataclass(frozen=True)
class Contrasted:
    """A contrast's gains, without English and tasks of the same source, its effect, and what was left out."""

    contrast: Contrast
    values: Values
    effect: Effect
    apart: tuple[Effect, ...]
    """Effects beside the main one: on tasks of the same source, with English, and without degenerate runs."""
    warnings: tuple[str, ...]
    exploratory: bool = False


def analyse(study: Study, observations: Sequence[Observation], *, mixed: bool = True) -> Findings:
    """Tests every contrast of a study, and every arm against its controls.

    Primary contrasts are corrected together by Holm's method. ``mixed`` fits the mixed models beside the bootstrap.
    """
    found = list(contrast_results(study, contrasts_of(study, observations), observations))
    controls = list(contrast_results(study, control_contrasts(study), observations))
    effects = corrected([each.effect for each in found])
    found = [replace(each, effect=effect) for each, effect in zip(found, effects, strict=True)]
    models, notes = mixed_models(found) if mixed else ((), ())
    everything = [*found, *controls]
    apart = [other for each in everything for other in each.apart]
    if study.contrasts and not any(each.primary for each in study.contrasts):
        notes = (*notes, "the study has no primary contrast: nothing here is a test of a registered hypothesis")
    return Findings(
        effects=(*effects, *(each.effect for each in controls), *apart, *models),
        charts=(gains_by_task(everything), *gains_by_language(found)),
        tables=(degenerate_table(observations),),
        conclusions=(*contrast_conclusions(found), *task_conclusions(study, [*found, *controls])),
        warnings=(
            *quality_warnings(study, observations),
            *(note for each in everything for note in each.warnings),
            *notes,
        ),
    )


def hypotheses(study: Study, observations: Sequence[Observation]) -> tuple[Effect, ...]:
    """The contrasts of a study, corrected."""
    found = contrast_results(study, contrasts_of(study, observations), observations, beside=False)
    return corrected([each.effect for each in found])


def contrast_results(
    study: Study,
    contrasts: Sequence[Contrast],
    observations: Sequence[Observation],
    *,
    model_weights: Mapping[str, float] | None = None,
    beside: bool = True,
) -> Iterator[Contrasted]:
    """The results of those contrasts that there are observations for, with the effects ``beside`` the main ones.

    One outside the frozen plan is exploratory: it is not primary, and its effect says so.
    """
    for contrast in contrasts:
        shared = same_source_tasks(study, (contrast.arm, contrast.against))
        warnings: list[str] = []
        for exploratory in (False, True):
            seen = selected(
                observations, contrast.tasks, zero_shot=contrast.zero_shot, exploratory=None if exploratory else False
            )
            values = gains(by_place(seen), contrast.arm, contrast.against)
            main = replace(values, numbers={key: v for key, v in values.numbers.items() if key[1] not in shared})
            sample = sample_of(main, model_weights=model_weights)
            if sample is not None:
                break
        if sample is None:
            continue
        primary = contrast.primary and not exploratory
        notes = ["exploratory: not in the frozen plan"] if exploratory else []
        found = effect(
            sample, contrast.name, hypothesis=contrast.hypothesis, primary=primary, margins=study.margins, notes=notes
        )
        if values.unpaired:
            warnings.append(f"{contrast.name}: {counted(values.unpaired, 'score')} without the other arm's, left out")
        apart = tuple(_apart(study, contrast, observations, values, shared, model_weights)) if beside else ()
        yield Contrasted(contrast, main, found, apart, tuple(warnings), exploratory)


def _apart(
    study: Study,
    contrast: Contrast,
    observations: Sequence[Observation],
    values: Values,
    shared: set[str],
    model_weights: Mapping[str, float] | None,
) -> Iterator[Effect]:
    """The effects beside a contrast's main one."""

    def described(numbers: Values, what: str) -> Iterator[Effect]:
        sample = sample_of(numbers, model_weights=model_weights)
        if sample is not None:
            yield effect(sample, f"{contrast.name}, {what}")

    def kept(found: Values) -> Values:
        return replace(found, numbers={key: v for key, v in found.numbers.items() if key[1] not in shared})

    same = {key: number for key, number in values.numbers.items() if key[1] in shared}
    if same:
        yield from described(replace(values, numbers=same), "same-source tasks")
    plain = selected(observations, contrast.tasks, zero_shot=contrast.zero_shot)
    if contrast.zero_shot:
        whole = by_place(selected(observations, contrast.tasks, zero_shot=False))
        with_english = kept(gains(whole, contrast.arm, contrast.against))
        if len(with_english.numbers) > len(kept(values).numbers):
            yield from described(with_english, "with English")
    if any(each.degenerate for each in plain if each.arm in (contrast.arm, contrast.against)):
        learned = by_place([each for each in plain if not each.degenerate])
        yield from described(kept(gains(learned, contrast.arm, contrast.against)), "without degenerate runs")
    models, tasks, _ = places_of(kept(values))
    if len(models) > 1:
        for model in models:
            sample = sample_of(sliced(kept(values), model=model))
            if sample is not None:
                yield effect(sample, f"{contrast.name}, {model}", margins=study.margins)
    if len(tasks) > 1:
        for task in tasks:
            yield from described(sliced(kept(values), task=task), task)


def mixed_models(found: Sequence[Contrasted]) -> tuple[tuple[Effect, ...], tuple[str, ...]]:
    """The mixed model of each primary contrast, gain ~ C(task) with random language and run, and notes on the fits.

    With tasks coded as deviations from their mean, the intercept is the macro gain.
    """
    effects, notes = [], []
    for each in found:
        if not each.effect.primary:
            continue
        places = list(each.values.numbers)
        columns: dict[str, list[Any]] = {
            "gain": [each.values.numbers[place] for place in places],
            "task": [place[1] for place in places],
            "language": [place[2] for place in places],
            "run": [f"{place[0]} {place[3]}" for place in places],
            "model": [place[0] for place in places],
        }
        formula = "gain ~ 1" + "".join(
            f" + C({name}, Sum)" for name in ("task", "model") if len(set(columns[name])) > 1
        )
        name = f"{each.contrast.name}, mixed model"
        fit = mixed_effect(columns, formula, "Intercept", name, random=("language", "run"), counts=each.effect.counts)
        effects += [fit.effect] if fit.effect else []
        notes += [f"{each.contrast.name}: {note}" for note in fit.notes]
    return tuple(effects), tuple(notes)


def contrast_conclusions(found: Sequence[Contrasted]) -> Iterator[str]:
    """A sentence on each contrast."""
    for each in found:
        contrast = each.contrast
        better, worse = contrast.arm, contrast.against
        if each.effect.estimate < 0:
            better, worse = worse, better
        yield verdict(each.effect, f"{better} scores higher than {worse}")


def task_conclusions(study: Study, found: Sequence[Contrasted]) -> Iterator[str]:
    """A sentence on each arm with controls: it helps by its task only if it beats no stages and all of them."""
    by_arms = {(each.contrast.arm, each.contrast.against): each.effect for each in found}
    for arm in study.arms:
        controls = controls_of(study, arm.name)
        against = [NO_STAGES, *controls]
        tested = [by_arms[arm.name, name] for name in against if (arm.name, name) in by_arms]
        if not controls or (arm.name, NO_STAGES) not in by_arms:
            continue
        lost = [
            name for name in against if (arm.name, name) in by_arms and not shown_to_differ(by_arms[arm.name, name], 1)
        ]
        if len(tested) < len(against):
            missing = [name for name in against if (arm.name, name) not in by_arms]
            yield f"{arm.name}: it cannot be said that it helps by its task; not compared with {', '.join(missing)}."
        elif lost:
            yield f"{arm.name}: it was not shown to help by its task; it was not shown to beat {', '.join(lost)}."
        else:
            yield f"{arm.name}: it helps by its task; it beats {', '.join(against)}."
