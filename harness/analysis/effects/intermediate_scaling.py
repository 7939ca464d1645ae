"""Analysis of the amount of intermediate data: slopes of scores, multilingual against English-only models, and laws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import log1p
from typing import Any

import numpy as np

from harness.analysis.effects.contrasts import contrast_results
from harness.analysis.effects.data_laws import (
    errors_of,
    law_charts,
    law_table,
    law_warnings,
    laws_of,
    size_charts,
    surface_table,
)
from harness.analysis.effects.data_series import Series, series_of, slope_of
from harness.analysis.effects.findings import Chart, Effect, Findings, TextTable
from harness.analysis.effects.gains import ENGLISH, Place, Values, by_place, combined, places_of, sample_of, selected
from harness.analysis.effects.language_groups import script_of
from harness.analysis.effects.mixed_model import SAME_SLOPE, mixed_effect
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.quality import degenerate_table, quality_warnings
from harness.analysis.effects.resample import effect
from harness.analysis.effects.scaling_forms import SCALE
from harness.analysis.effects.study_arms import control_contrasts, model_factors, parameters_of
from harness.analysis.effects.tokenizers import token_effects, token_table
from harness.analysis.effects.trend import language_trends, misalignments
from harness.analysis.effects.wording import corrected, numbers, shown_to_differ, verdict
from harness.types.studies import Study

PER_UNIT = "points per ln unit"
SLOPE_MARGINS = (0.2,)
"""Margin of equal slopes, in points per unit of ln(1 + n / 1000)."""

BETTER = 0.8
"""Error of separate laws over that of a common one, up to which they predict the largest amount better."""

INTERACTION = "slope on data, multilingual less English-only models"
ENGLISH_SLOPES = "English slope on data, multilingual less English-only models"


def analyse(study: Study, observations: Sequence[Observation], *, mixed: bool = True) -> Findings:
    """Tests whether scores rise faster with intermediate data in multilingual than in English-only models.

    Models come in pairs by the factor ``pair``, one of which is ``multilingual``; arms have an amount ``size`` of the
    task ``intermediate``. Scores are regressed on ln(1 + n / 1000), and laws are fitted to each model's curve.
    """
    question = _Question(study, observations)
    effects = corrected([*question.slopes()])
    others = [*question.by_script(), *question.by_model(), *question.by_kind(), *question.by_tokens()]
    controls = [each.effect for each in contrast_results(study, control_contrasts(study), observations)]
    fits, notes = question.mixed() if mixed else ([], [])
    laws = laws_of(question.everything, list(question.models), question.series)
    sizes = parameters_of(question.models)
    errors = errors_of(question.observations, [list(own.values()) for own in question.pairs.values()], question.main)
    return Findings(
        effects=(*effects, *others, *controls, *fits),
        charts=(*law_charts(laws, question.series), *size_charts(laws, question.series, sizes), *question.loss_chart()),
        tables=(
            degenerate_table(observations),
            law_table(laws),
            surface_table(laws, question.series, question.models, sizes),
            *question.trends(),
            *token_table(observations),
        ),
        conclusions=(*_conclusions(effects, errors), *question.parting()),
        warnings=tuple(
            dict.fromkeys([*quality_warnings(study, observations), *question.lacking(), *law_warnings(laws), *notes])
        ),
    )


def hypotheses(study: Study, observations: Sequence[Observation]) -> tuple[Effect, ...]:
    """The differences of slopes, in other languages and in English, corrected."""
    return corrected([*_Question(study, observations).slopes()])


class _Question:
    """The series of arms, and the pairs of models."""

    def __init__(self, study: Study, observations: Sequence[Observation]) -> None:
        self.study = study
        self.everything = [each for each in observations if not each.perturbation]
        frozen = [each for each in self.everything if not each.exploratory]
        self.registered = bool(frozen)
        self.observations = frozen or self.everything
        self.models = model_factors(observations, study)
        self.series = series_of(study, self.everything)
        self.main = [each for each in self.series if each.name.endswith(self._first_kind())]
        pairs: dict[str, dict[bool, str]] = {}
        for model, own in self.models.items():
            if own.get("pair") is not None and own.get("multilingual") is not None:
                pairs.setdefault(str(own["pair"]), {})[bool(own["multilingual"])] = model
        self.pairs = {name: own for name, own in pairs.items() if len(own) == 2}

    def _first_kind(self) -> str:
        """The kind of series that decides: the first named by the arms' factor ``series``, "" without one."""
        kinds = [each.name.partition(", ")[2] for each in self.series]
        return f", {kinds[0]}" if kinds and kinds[0] else ""

    def coefficients(
        self, models: Mapping[str, float], task: str, series: Sequence[Series]
    ) -> dict[str, dict[str, float]]:
        """Coefficient of each arm's score in the mean slope over the series, by model, times the model's weight.

        Series whose intermediate task shares data with the target ``task`` are left out.
        """
        present: dict[str, set[str]] = {}
        for each in self.observations:
            present.setdefault(each.model, set()).add(each.arm)
        found: dict[str, dict[str, float]] = {}
        for model, weight in models.items():
            own = [
                slope_of({arm: n for arm, n in each.amounts.items() if arm in present.get(model, ())})
                for each in series
                if task not in each.same_source
            ]
            slopes = [slope for slope in own if slope]
            total: dict[str, float] = {}
            for slope in slopes:
                for arm, factor in slope.items():
                    total[arm] = total.get(arm, 0.0) + weight * factor / len(slopes)
            if total:
                found[model] = total
        return found

    def _values(
        self, models: Mapping[str, float], *, zero_shot: bool = True, series: Sequence[Series] | None = None
    ) -> Values:
        seen = selected(self.observations, zero_shot=zero_shot, exploratory=None)
        numbers: dict[Place, float] = {}
        for task in dict.fromkeys(each.task for each in seen):
            own = [each for each in seen if each.task == task and (zero_shot or each.language == ENGLISH)]
            numbers |= combined(by_place(own), self.coefficients(models, task, series or self.main)).numbers
        return Values(numbers)

    def _effect(self, models: Mapping[str, float], name: str, **options: Any) -> Iterator[Effect]:
        zero_shot = options.pop("zero_shot", True)
        group = options.pop("group", None)
        values = self._values(models, zero_shot=zero_shot, series=options.pop("series", None))
        grouped = {"group": group, "group_weights": {"in": 1.0}} if group else {}
        if set(places_of(values)[0]) != set(models):
            return
        sample = sample_of(values, model_weights=dict.fromkeys(models, 1.0), **grouped)
        if sample is not None:
            yield effect(sample, name, unit=PER_UNIT, **options)

    def _paired(self) -> dict[str, float]:
        """Weight of each paired model in the mean difference over pairs."""
        share = 1 / len(self.pairs) if self.pairs else 0.0
        return {
            model: share if multilingual else -share
            for own in self.pairs.values()
            for multilingual, model in own.items()
        }

    def slopes(self) -> Iterator[Effect]:
        """The differences of slopes of the pairs, in other languages (H1) and in English (H2)."""
        if not self.pairs:
            return
        weights = self._paired()
        yield from self._effect(weights, INTERACTION, hypothesis="H1", primary=self.registered, margins=SLOPE_MARGINS)
        yield from self._effect(
            weights, ENGLISH_SLOPES, hypothesis="H2", primary=self.registered, margins=SLOPE_MARGINS, zero_shot=False
        )

    def by_script(self) -> Iterator[Effect]:
        """The difference of slopes in languages of the Latin script, and in others."""
        if not self.pairs:
            return
        codes = {each.language for each in self.observations} - {ENGLISH}
        for name, latin in (("Latin script", True), ("other scripts", False)):
            group = {code: "in" for code in codes if (script_of(code) == "Latn") == latin}
            if group:
                yield from self._effect(self._paired(), f"{INTERACTION}, {name}", group=group)

    def by_model(self) -> Iterator[Effect]:
        """The slope of each model, in other languages and in English, and the difference of each pair."""
        for model in self.models:
            yield from self._effect({model: 1.0}, f"slope on data, {model}")
            yield from self._effect({model: 1.0}, f"English slope on data, {model}", zero_shot=False)
        if len(self.pairs) > 1:
            for name, own in self.pairs.items():
                yield from self._effect({own[True]: 1.0, own[False]: -1.0}, f"{INTERACTION}, pair {name}")

    def by_kind(self) -> Iterator[Effect]:
        """The slope of each model in series of other kinds, such as one scored on translated test text."""
        others: dict[str, list[Series]] = {}
        for each in self.series:
            if each not in self.main:
                others.setdefault(each.name.rpartition(", ")[2], []).append(each)
        for (kind, series), model in product(others.items(), self.models):
            yield from self._effect({model: 1.0}, f"slope on data, {kind}, {model}", series=series)

    def by_tokens(self) -> Iterator[Effect]:
        """The slopes of models in single languages on how finely their tokenizers cut these."""
        values = self._values(dict.fromkeys(self.models, 1.0))
        yield from token_effects(values, self.observations, "slope on data", PER_UNIT)

    def mixed(self) -> tuple[list[Effect], list[str]]:
        """The mixed model of the difference of slopes: score ~ ln(1 + n/1000) * multilingual + C(task)."""
        amounts = {arm: n for each in self.main for arm, n in each.amounts.items()}
        paired = {model for own in self.pairs.values() for model in own.values()}
        rows = [
            each
            for each in selected(self.observations, exploratory=None)
            if each.model in paired and each.arm in amounts
        ]
        if not rows:
            return [], []
        columns: dict[str, list[Any]] = {
            "score": [each.score for each in rows],
            "data": [log1p(amounts[each.arm] / SCALE) for each in rows],
            "multilingual": [float(bool(self.models[each.model]["multilingual"])) for each in rows],
            "task": [each.task for each in rows],
            "language": [each.language for each in rows],
            "pair": [str(self.models[each.model]["pair"]) for each in rows],
            "run": [f"{each.model} {each.seed}" for each in rows],
        }
        formula = "score ~ data * multilingual" + (" + C(task, Sum)" if len(set(columns["task"])) > 1 else "")
        name = f"{INTERACTION}, mixed model"
        random = ("language", "pair", "run")
        fitted = mixed_effect(
            columns, formula, "data:multilingual", name, random=random, unit=PER_UNIT, notes=(SAME_SLOPE,)
        )
        return [fitted.effect] if fitted.effect else [], [f"{name}: {note}" for note in fitted.notes]

    def loss_chart(self) -> Iterator[Chart]:
        """English dev loss against mean score in other languages."""
        points: list[dict[str, Any]] = []
        groups: dict[tuple[str, str], list[Observation]] = {}
        for each in selected(self.everything, exploratory=None):
            if each.dev_loss is not None:
                groups.setdefault((each.model, each.arm), []).append(each)
        for (model, arm), own in groups.items():
            x = float(np.mean([each.dev_loss for each in own if each.dev_loss is not None]))
            points.append({"x": x, "y": float(np.mean([e.score for e in own])), "series": model, "label": arm})
        if points:
            title = "Loss in English against scores in other languages"
            yield Chart("scatter", "loss-and-score", title, "English dev loss", "score", tuple(points))

    def trends(self) -> Iterator[TextTable]:
        """Kendall's tau by language for every series."""
        for series in self.series:
            title = f"Do scores rise with data? {series.name}".strip()
            yield language_trends(self.everything, series.amounts, f"trend-{series.stem}".rstrip("-"), title)

    def parting(self) -> Iterator[str]:
        """Sentences on steps at which the loss and the scores part ways."""
        for series in self.series:
            for said in misalignments(self.everything, series.amounts):
                yield f"{series.name}: {said}." if series.name else f"{said}."

    def lacking(self) -> Iterator[str]:
        """Sentences on what the design lacks."""
        if not self.series:
            yield "no arms with an amount of data (the arm factor size): nothing to fit"
        if not self.pairs:
            yield "no pair of a multilingual and an English-only model (the model factors pair and multilingual)"
        if self.pairs and not any("lost_tokens" in each.factors for each in self.everything):
            yield (
                "the models' tokenizers were not measured: how finely they cut a language may be what its slopes follow "
                "(harness study measure --part tokens)"
            )
        if 0 < len(self.pairs) < 4:
            names = ", ".join(self.pairs)
            yield f"{len(self.pairs)} pair(s) of models ({names}): the difference is about these, not about models in general"


def _conclusions(effects: Sequence[Effect], errors: tuple[float, float] | None) -> Iterator[str]:
    by_name = {each.name: each for each in effects}
    found, english = by_name.get(INTERACTION), by_name.get(ENGLISH_SLOPES)
    if found is None:
        yield "Whether the law differs between multilingual and English-only models cannot be said from these results."
        return
    faster = "multilingual" if found.estimate > 0 else "English-only"
    yield verdict(found, f"scores in other languages rise faster with data in {faster} models", "slopes are alike")
    if english is not None:
        faster = "multilingual" if english.estimate > 0 else "English-only"
        yield verdict(english, f"English scores rise faster with data in {faster} models", "English slopes are alike")
    if errors is None:
        said = "too few amounts to compare predictions"
    else:
        said = f"error at the largest amount: {errors[0]:.2f} points by a law for each model, {errors[1]:.2f} by a common one"
    if shown_to_differ(found) and errors is not None and errors[0] <= BETTER * errors[1]:
        yield f"The law differs between multilingual and English-only models: {numbers(found)}; {said}."
    else:
        yield f"It was not shown that the law differs between multilingual and English-only models ({said})."
