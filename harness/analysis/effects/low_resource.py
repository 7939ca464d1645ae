"""Analysis of gains by size and resources: whether they shrink as models grow, and more so in low-resource languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from harness.analysis.effects.contrasts import Contrasted, contrast_results, task_conclusions
from harness.analysis.effects.findings import Chart, Effect, Findings, TextTable
from harness.analysis.effects.gains import Values, by_place, places_of, sample_of, selected, sliced
from harness.analysis.effects.label_permutation import PERMUTATIONS, low_less_high, permutation_p
from harness.analysis.effects.language_groups import HIGH, LOW, UNKNOWN, resource_groups, script_of
from harness.analysis.effects.mixed_model import SAME_SLOPE, mixed_effect
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.quality import degenerate_table, floor_units, quality_warnings
from harness.analysis.effects.resample import effect
from harness.analysis.effects.size_slopes import PER_TENFOLD, families_by_size, size_lines, slope_weights
from harness.analysis.effects.study_arms import (
    arm_factors,
    contrasts_of,
    control_contrasts,
    model_factors,
)
from harness.analysis.effects.tokenizers import token_effects, token_table
from harness.analysis.effects.wording import corrected, numbers, shown_to_differ, verdict
from harness.types.studies import Study

INTERACTION = "gain by size, low-resource languages less high-resource ones"
LOW_SLOPE = "gain by size in low-resource languages"
HIGH_SLOPE = "gain by size in high-resource languages"
_BOTH = {LOW: 1.0, HIGH: -1.0}


def analyse(study: Study, observations: Sequence[Observation], *, mixed: bool = True) -> Findings:
    """Tests whether the gain's slope on size is more negative in low-resource languages than in high-resource ones.

    The gain is that of the first contrast, or the first primary one, in the family with most models. Only tasks with two
    languages or more of both kinds count, so that both are seen in the same tasks. Low is class 0 to 2 of Joshi et al.
    2020, high 4 and 5; a language without a class is neither. The model factor ``low_resource``, a list of languages,
    overrides the classes, and ``unseen`` lists languages that belong to neither kind.
    """
    found = list(contrast_results(study, contrasts_of(study, observations), observations))
    main = next((each for each in found if each.contrast.primary), found[0] if found else None)
    controls = list(contrast_results(study, control_contrasts(study), observations))
    everything = [replace(each, effect=replace(each.effect, primary=False)) for each in (*found, *controls)]
    warnings = [*quality_warnings(study, observations), *(note for each in everything for note in each.warnings)]
    effects: list[Effect] = []
    charts: list[Chart] = []
    tables: list[TextTable] = [degenerate_table(observations)]
    conclusions: list[str] = []
    if main is not None:
        question = _Question(study, observations, main)
        effects = list(corrected([*question.slopes()]))
        conclusions = list(_conclusions(effects))
        effects += question.sensitivity(effects)
        effects += token_effects(main.values, observations, main.contrast.name)
        charts = [*question.charts()]
        tables += [question.language_table(), *token_table(observations)]
        warnings += question.lacking(effects)
        if mixed:
            fit, notes = question.mixed()
            effects += fit
            warnings += notes
    return Findings(
        effects=(*effects, *(each.effect for each in everything)),
        charts=tuple(charts),
        tables=tuple(tables),
        conclusions=(*conclusions, *task_conclusions(study, everything)),
        warnings=tuple(warnings),
    )


def hypotheses(study: Study, observations: Sequence[Observation]) -> tuple[Effect, ...]:
    """The difference of slopes and the slope in low-resource languages, corrected, and that in high-resource ones."""
    found = list(contrast_results(study, contrasts_of(study, observations), observations, beside=False))
    main = next((each for each in found if each.contrast.primary), found[0] if found else None)
    return () if main is None else corrected([*_Question(study, observations, main).slopes()])


class _Question:
    """The gains of a contrast, the sizes of the models, and the resources of the languages."""

    def __init__(self, study: Study, observations: Sequence[Observation], main: Contrasted) -> None:
        self.study = study
        self.observations = observations
        self.contrast = main.contrast
        self.values = main.values
        self.registered = bool(study.contrasts) and not main.exploratory
        having, _, languages = places_of(main.values)
        families = families_by_size(study, observations)
        first = next(iter(families.values()), {})
        self.sizes = {model: size for model, size in first.items() if model in having}
        self.weights = slope_weights(self.sizes)
        models = {model: own for model, own in model_factors(observations, study).items() if model in having}
        self.group = resource_groups(languages, models)

    def slopes(self) -> Iterator[Effect]:
        """The difference of slopes, and the slope of each kind of language."""
        if not self.weights:
            return
        told = (
            (INTERACTION, "H1", self.registered, _BOTH),
            (LOW_SLOPE, "", self.registered, {LOW: 1.0}),
            (HIGH_SLOPE, "", False, {HIGH: 1.0}),
        )
        for name, hypothesis, primary, weights in told:
            sample = self._sample(self.values, weights)
            if sample is not None:
                yield effect(sample, self._named(name), hypothesis=hypothesis, primary=primary, unit=PER_TENFOLD)

    def sensitivity(self, slopes: Sequence[Effect]) -> list[Effect]:
        """The gain at the largest size, error reductions, the permutation test, and each language left out."""
        found = []
        if self.sizes:
            largest = max(self.sizes, key=self.sizes.__getitem__)
            values = sliced(self.values, model=largest)
            sample = sample_of(values, group=self.group, group_weights={LOW: 1.0})
            if sample is not None:
                name = self._named(f"gain in low-resource languages of {largest}")
                found.append(effect(sample, name, margins=self.study.margins))
        if not self.weights:
            return found
        for what, values in (("of the possible", self._reduction()), ("of the ceiling", self._of_ceiling())):
            sample = self._sample(values, _BOTH)
            if sample is not None:
                name = self._named(f"{INTERACTION}, share {what}")
                found.append(effect(sample, name, unit="% per tenfold size"))
        if slopes and slopes[0].name.endswith(INTERACTION):
            found += self._permuted(slopes[0])
        return found

    def _named(self, name: str) -> str:
        return f"{self.contrast.name}: {name}"

    def _sample(self, values: Values, weights: Mapping[str, float]) -> Any:
        """The slopes of those languages, in the tasks that have two or more of both kinds."""
        tasks = self._tasks()
        kept = Values({place: number for place, number in values.numbers.items() if place[1] in tasks})
        return sample_of(kept, model_weights=self.weights, group=self.group, group_weights=weights, least=2)

    def _tasks(self) -> set[str]:
        sample = sample_of(self.values, model_weights=self.weights, group=self.group, group_weights=_BOTH, least=2)
        return set(sample.task) if sample is not None else set()

    def _reduction(self) -> Values:
        """Gains in percent of what the arm compared with leaves to gain."""
        runs = by_place(selected(self.observations, exploratory=None))
        room = {place: 100 - runs[place][self.contrast.against].score for place in self.values.numbers}
        return Values(
            {place: 100 * gain / room[place] for place, gain in self.values.numbers.items() if room[place] > 0}
        )

    def _of_ceiling(self) -> Values:
        """Gains in percent of the way to the arm with the factor ``ceiling``, trained in the language itself."""
        ceilings = [name for name, own in arm_factors(self.study, self.observations).items() if own.get("ceiling")]
        if not ceilings:
            return Values({})
        runs = by_place(selected(self.observations, exploratory=None))
        found = {}
        for place, gain in self.values.numbers.items():
            arms = runs[place]
            if ceilings[0] in arms and (room := arms[ceilings[0]].score - arms[self.contrast.against].score) > 1:
                found[place] = 100 * gain / room
        return Values(found)

    def _language_slopes(self) -> dict[str, dict[str, float]]:
        """Slope of each language's gain on size by task, in the tasks that count."""
        sample = self._sample(self.values, _BOTH)
        if sample is None:
            return {}
        means: dict[tuple[str, str, str], list[float]] = {}
        for place, number in zip(
            zip(sample.task, sample.language, sample.model, strict=True), sample.values, strict=True
        ):
            means.setdefault(place, []).append(float(number))
        found: dict[str, dict[str, float]] = {}
        for (task, language, model), values in means.items():
            own = found.setdefault(task, {})
            own[language] = own.get(language, 0.0) + self.weights[model] * fmean(values)
        return found

    def _permuted(self, slope: Effect) -> list[Effect]:
        """The difference of slopes, tested by permuting the kinds of languages within scripts."""
        slopes = self._language_slopes()
        p, exact = permutation_p(slopes, self.group)
        languages = sorted({code for own in slopes.values() for code in own})
        without = {
            code: low_less_high({t: _less(own, code) for t, own in slopes.items()}, self.group) for code in languages
        }
        known = {code: value for code, value in without.items() if value is not None}
        notes = ["all permutations" if exact else f"{PERMUTATIONS:,} random permutations"]
        if known:
            ends = [pick(known, key=known.__getitem__) for pick in (min, max)]
            notes.append("without one language: " + " to ".join(f"{known[end]:+.2f} (without {end})" for end in ends))
        if p is None:
            return []
        name = f"{slope.name}, kinds permuted within scripts"
        bare = replace(slope, name=name, hypothesis="", primary=False, p=p, p_corrected=None, notes=tuple(notes))
        return [replace(bare, method="permutation within scripts; interval of the bootstrap", detectable=None)]

    def charts(self) -> Iterator[Chart]:
        """Gains over size by kind of language, and of each low-resource language."""
        axis, sizes = "parameters without embeddings", self.sizes
        by_kind = [
            point
            for kind in (LOW, HIGH)
            for point in size_lines(self._of_kind(kind), sizes, f"{kind}-resource languages")
        ]
        title = f"{self.contrast.name}: gain by size and resources"
        yield Chart("lines", "gains-by-resources", title, axis, "gain in points", tuple(by_kind))
        floor = {(task, language) for _, task, language in floor_units(self.observations, self.contrast.against)}
        marked = {language for _, language in floor}
        for kind, codes in self._listed().items():
            points = []
            for code in codes:
                series = f"{code} (floor)" if code in marked else code
                for point in size_lines(sliced(self.values, language=code), sizes, series):
                    points.append(
                        point if kind == LOW else {k: v for k, v in point.items() if k not in ("low", "high")}
                    )
            title = f"{self.contrast.name}: gain of each language, {kind} resources"
            yield Chart("lines", f"languages-{kind}", title, axis, "gain in points", tuple(points))

    def _of_kind(self, kind: str) -> Values:
        return Values({place: v for place, v in self.values.numbers.items() if self.group.get(place[2]) == kind})

    def _listed(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for code in places_of(self.values)[2]:
            found.setdefault(self.group[code], []).append(code)
        return found

    def language_table(self) -> TextTable:
        """The kind of each language, its slope, and whether its scores are at the floor."""
        slopes = self._language_slopes()
        floor = {language for _, _, language in floor_units(self.observations, self.contrast.against)}
        rows = []
        for kind, codes in self._listed().items():
            for code in codes:
                own = [values[code] for values in slopes.values() if code in values]
                rows.append(
                    (code, kind, script_of(code), round(fmean(own), 2) if own else None, "yes" if code in floor else "")
                )
        head = ("language", "resources", "script", "slope per tenfold size", "at the floor")
        return TextTable("languages", "Languages by resources", head, tuple(rows))

    def lacking(self, effects: Sequence[Effect]) -> Iterator[str]:
        """Sentences on what keeps the question from an answer."""
        if not self.weights:
            yield "fewer than two sizes of models are known (the model factor parameters): no slope by size"
        elif len(self.sizes) < 4:
            yield f"{len(self.sizes)} sizes of models only: a slope by size rests on little"
        if not any(INTERACTION in each.name for each in effects):
            yield "no task has two low-resource and two high-resource languages or more: the question cannot be asked"
        unknown = self._listed().get(UNKNOWN, [])
        if unknown:
            yield f"languages without a resource class, or not seen in pretraining, in neither group: {', '.join(unknown)}"

    def mixed(self) -> tuple[list[Effect], list[str]]:
        """The mixed model of the difference of slopes: gain ~ size * low + C(task), random language and run."""
        tasks = self._tasks()
        places = [
            place
            for place in self.values.numbers
            if place[1] in tasks and place[0] in self.sizes and self.group.get(place[2]) in _BOTH
        ]
        if not places or not self.weights:
            return [], []
        columns: dict[str, list[Any]] = {
            "gain": [self.values.numbers[place] for place in places],
            "size": [self.sizes[place[0]] for place in places],
            "low": [float(self.group[place[2]] == LOW) for place in places],
            "task": [place[1] for place in places],
            "language": [place[2] for place in places],
            "run": [f"{place[0]} {place[3]}" for place in places],
        }
        formula = "gain ~ size * low" + (" + C(task, Sum)" if len(tasks) > 1 else "")
        name = self._named(f"{INTERACTION}, mixed model")
        fit = mixed_effect(
            columns, formula, "size:low", name, random=("language", "run"), unit=PER_TENFOLD, notes=(SAME_SLOPE,)
        )
        return [fit.effect] if fit.effect else [], [f"{self.contrast.name}: {note}" for note in fit.notes]


def _less(own: Mapping[str, float], code: str) -> dict[str, float]:
    return {name: value for name, value in own.items() if name != code}


def _conclusions(effects: Sequence[Effect]) -> Iterator[str]:
    by_name = {
        name: each for each in effects for name in (INTERACTION, LOW_SLOPE, HIGH_SLOPE) if each.name.endswith(name)
    }
    difference, low, high = (by_name.get(name) for name in (INTERACTION, LOW_SLOPE, HIGH_SLOPE))
    if difference is None or low is None:
        yield "Whether gains shrink more in low-resource languages cannot be said from these results."
        return
    steeper = "the gain falls more steeply" if difference.estimate < 0 else "the gain falls less steeply"
    yield verdict(difference, f"{steeper} with size in low-resource languages than in high-resource ones")
    if shown_to_differ(low, -1) and shown_to_differ(difference, -1):
        yield f"Gains diminish with size in low-resource languages, and more than elsewhere: {numbers(low)}."
    elif shown_to_differ(low, -1) and high is not None and shown_to_differ(high, -1):
        yield f"Gains diminish with size everywhere: {numbers(low)} in low-resource languages, {numbers(high)} in others."
    elif shown_to_differ(low, -1):
        yield (
            f"Gains diminish with size in low-resource languages: {numbers(low)}; "
            "that they do so more than elsewhere was not shown."
        )
    else:
        reach = f"; a slope would have to be {low.detectable:.2f} or steeper to be found" if low.detectable else ""
        yield f"There is no evidence that gains diminish with size in low-resource languages: {numbers(low)}{reach}."
