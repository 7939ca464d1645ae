"""Analysis of the size of models: gains, the languages served worst, and the spread over seeds as models grow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from harness.analysis.effects.checklist_failures import failure_chart, failure_effects, failures
from harness.analysis.effects.contrast_charts import gains_by_language, gains_by_task
from harness.analysis.effects.contrasts import Contrasted, contrast_results, task_conclusions
from harness.analysis.effects.findings import Effect, Findings, TextTable
from harness.analysis.effects.gains import Values, places_of, sample_of, selected
from harness.analysis.effects.mixed_model import SAME_SLOPE, mixed_effect
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.quality import degenerate_rates, degenerate_table, quality_warnings
from harness.analysis.effects.resample import effect
from harness.analysis.effects.seed_spread import deviations, seed_scores, spread_effect
from harness.analysis.effects.size_charts import loss_charts, loss_values, size_charts
from harness.analysis.effects.size_slopes import PER_TENFOLD, families_by_size, slope_weights
from harness.analysis.effects.study_arms import arm_names, contrasts_of, control_contrasts
from harness.analysis.effects.tokenizers import token_effects, token_table
from harness.analysis.effects.wording import corrected, numbers, shown_to_differ, verdict
from harness.analysis.effects.worst_languages import quantile_effect, worst_effect, worst_served
from harness.types.studies import Study

GAIN, SEEDS, WORST = "gain by size", "seed deviation by size", "gain of the worst served languages less the mean gain"


@dataclass(frozen=True)
class _Outcome:
    """The effect of size on an outcome in the first family of models, and in the others where there are any."""

    effect: Effect
    others: tuple[Effect, ...] = ()

    @property
    def replicated(self) -> bool:
        """Tells whether another family has the same sign."""
        return any(other.estimate * self.effect.estimate > 0 for other in self.others)


def analyse(study: Study, observations: Sequence[Observation], *, mixed: bool = True) -> Findings:
    """Tests whether gains, their spread over seeds, and the gains of the languages served worst change with size.

    The hypotheses are about the first contrast, or the first primary one, in the family with most models, by the model
    factor ``pretraining``; the other families replicate them. Holm's correction is over the three.
    """
    contrasts = contrasts_of(study, observations)
    found = [
        replace(each, effect=replace(each.effect, primary=False))
        for each in contrast_results(study, contrasts, observations)
    ]
    controls = list(contrast_results(study, control_contrasts(study), observations))
    families = families_by_size(study, observations)
    warnings = [
        *quality_warnings(study, observations),
        *(note for each in (*found, *controls) for note in each.warnings),
    ]
    outcomes: list[_Outcome] = []
    fits: list[Effect] = []
    main = next((each for each in found if each.contrast.primary), found[0] if found else None)
    if main is not None:
        outcomes = _corrected([*_outcomes(study, observations, main, families)])
        warnings += _lacking(outcomes, families)
        if mixed:
            fit, notes = _mixed(main, families)
            fits += fit
            warnings += notes
            lowest = quantile_effect(
                observations,
                main.contrast.arm,
                main.contrast.against,
                f"{main.contrast.name}, lowest tenth of languages",
            )
            fits += [lowest] if lowest else []
    effects = [each.effect for each in outcomes] + [other for each in outcomes for other in each.others]
    everything = [*found, *controls]
    return Findings(
        effects=(
            *effects,
            *(each.effect for each in everything),
            *_other_slopes(found, main, families),
            *_losses(study, observations, families),
            *failure_effects(observations, next(iter(families.values()), {})),
            *(token_effects(main.values, observations, main.contrast.name) if main else ()),
            *(other for each in everything for other in each.apart),
            *fits,
        ),
        charts=(
            gains_by_task(everything),
            *size_charts(observations, found, main, families),
            *loss_charts(observations, families),
            *failure_chart(observations, {model: size for own in families.values() for model, size in own.items()}),
            *gains_by_language(found),
        ),
        tables=(
            degenerate_table(observations),
            _robustness_table(study, observations, families),
            *token_table(observations),
        ),
        conclusions=(
            *_conclusions(outcomes, len(families)),
            *task_conclusions(study, everything),
        ),
        warnings=tuple(warnings),
    )


def hypotheses(study: Study, observations: Sequence[Observation]) -> tuple[Effect, ...]:
    """The three hypotheses in the largest family of models, corrected."""
    found = list(contrast_results(study, contrasts_of(study, observations), observations, beside=False))
    main = next((each for each in found if each.contrast.primary), found[0] if found else None)
    if main is None:
        return ()
    return tuple(
        each.effect
        for each in _corrected([*_outcomes(study, observations, main, families_by_size(study, observations))])
    )


def _outcomes(
    study: Study, observations: Sequence[Observation], main: Contrasted, families: Mapping[str, Mapping[str, float]]
) -> Iterator[_Outcome]:
    contrast = main.contrast
    registered = bool(study.contrasts) and not main.exploratory
    tested = {
        f"{contrast.name}: {GAIN}": ("H1", _gain_slope),
        f"{contrast.name}: {SEEDS}": ("H2", _seed_slope),
        f"{contrast.name}: {WORST}": ("H3", _worst),
    }
    for name, (hypothesis, measure) in tested.items():
        measured = [
            said
            for sizes in families.values()
            if (said := measure(observations, main, sizes, name, hypothesis)) is not None
        ]
        if not families and measure is _worst:
            models = dict.fromkeys(places_of(main.values)[0], 0.0)
            said = _worst(observations, main, models, name, hypothesis)
            measured = [said] if said else []
        if measured:
            first, *others = measured
            named = list(families)[1:]
            yield _Outcome(
                replace(first, primary=registered),
                tuple(
                    replace(other, name=f"{other.name}, {family}", hypothesis="")
                    for other, family in zip(others, named, strict=False)
                ),
            )


def _gain_slope(
    observations: Sequence[Observation], main: Contrasted, sizes: Mapping[str, float], name: str, hypothesis: str
) -> Effect | None:
    having = set(places_of(main.values)[0])
    weights = slope_weights({model: size for model, size in sizes.items() if model in having})
    sample = sample_of(main.values, model_weights=weights) if weights else None
    return effect(sample, name, hypothesis=hypothesis, unit=PER_TENFOLD) if sample else None


def _seed_slope(
    observations: Sequence[Observation], main: Contrasted, sizes: Mapping[str, float], name: str, hypothesis: str
) -> Effect | None:
    tasks = places_of(main.values)[1]
    own = [each for each in observations if each.task in tasks]
    return spread_effect(seed_scores(own, main.contrast.arm), sizes, name, hypothesis)


def _worst(
    observations: Sequence[Observation], main: Contrasted, sizes: Mapping[str, float], name: str, hypothesis: str
) -> Effect | None:
    values = Values({place: number for place, number in main.values.numbers.items() if place[0] in sizes})
    served = worst_served(observations, values, main.contrast.arm, main.contrast.against)
    sample = sample_of(values)
    if served is None or sample is None:
        return None
    return worst_effect(served, name, hypothesis, sample.counts)


def _corrected(outcomes: Sequence[_Outcome]) -> list[_Outcome]:
    """The outcomes with Holm's correction in every family of models."""
    found = [
        replace(each, effect=said) for each, said in zip(outcomes, corrected([o.effect for o in outcomes]), strict=True)
    ]
    for place in range(max((len(each.others) for each in found), default=0)):
        having = [index for index, each in enumerate(found) if place < len(each.others)]
        as_primary = corrected([replace(found[index].others[place], primary=True) for index in having])
        for index, said in zip(having, as_primary, strict=True):
            others = list(found[index].others)
            others[place] = replace(said, primary=False)
            found[index] = replace(found[index], others=tuple(others))
    return found


def _lacking(outcomes: Sequence[_Outcome], families: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    if not families or len(set(next(iter(families.values())).values())) < 2:
        yield "fewer than two sizes of models are known (the model factor parameters): no slope by size"
    elif len(next(iter(families.values()))) < 4:
        yield f"{len(next(iter(families.values())))} sizes of models only: a slope by size rests on little"
    if not any(SEEDS in each.effect.name for each in outcomes):
        yield "the spread over seeds cannot be compared: it needs two seeds or more of every size, the same in all tasks"
    if len(families) == 1:
        yield "one family of models: size goes with other things, such as training data, that another family would tell apart"


def _mixed(main: Contrasted, families: Mapping[str, Mapping[str, float]]) -> tuple[list[Effect], list[str]]:
    """The mixed model of the gain's slope on size: gain ~ size + C(task) with random language and run."""
    sizes = next(iter(families.values()), {})
    places = [place for place in main.values.numbers if place[0] in sizes]
    if len({sizes[place[0]] for place in places}) < 2:
        return [], []
    columns: dict[str, list[Any]] = {
        "gain": [main.values.numbers[place] for place in places],
        "size": [sizes[place[0]] for place in places],
        "task": [place[1] for place in places],
        "language": [place[2] for place in places],
        "run": [f"{place[0]} {place[3]}" for place in places],
    }
    formula = "gain ~ size + C(task, Sum)" if len(set(columns["task"])) > 1 else "gain ~ size"
    name = f"{main.contrast.name}: {GAIN}, mixed model"
    fit = mixed_effect(
        columns, formula, "size", name, random=("language", "run"), unit=PER_TENFOLD, notes=(SAME_SLOPE,)
    )
    return [fit.effect] if fit.effect else [], [f"{main.contrast.name}: {note}" for note in fit.notes]


def _other_slopes(
    found: Sequence[Contrasted], main: Contrasted | None, families: Mapping[str, Mapping[str, float]]
) -> Iterator[Effect]:
    sizes = next(iter(families.values()), {})
    for each in found:
        if each is not main:
            said = _gain_slope((), each, sizes, f"{each.contrast.name}: {GAIN}", "")
            if said:
                yield said


def _losses(
    study: Study, observations: Sequence[Observation], families: Mapping[str, Mapping[str, float]]
) -> Iterator[Effect]:
    """The loss by each kind of perturbed input in each arm, and its slope on size."""
    sizes = next(iter(families.values()), {})
    for (arm, kind), values in loss_values(observations).items():
        sample = sample_of(values)
        if sample:
            yield effect(sample, f"loss by {kind}, {arm}")
        weights = slope_weights({model: size for model, size in sizes.items() if model in places_of(values)[0]})
        slope = sample_of(values, model_weights=weights) if weights else None
        if slope:
            yield effect(slope, f"loss by {kind} by size, {arm}", unit=PER_TENFOLD)


def _robustness_table(
    study: Study, observations: Sequence[Observation], families: Mapping[str, Mapping[str, float]]
) -> TextTable:
    """Mean, worst tenth, deviation over languages and over seeds, and degenerate runs by model and arm."""
    head = ["model", "arm", "mean", "worst tenth", "SD over languages", "SD over seeds", "degenerate %"]
    failed = failures(observations)
    head += ["checklist failures %"] if failed else []
    rates = degenerate_rates(observations)
    plain = selected(observations, exploratory=None)
    rows: list[tuple[Any, ...]] = []
    for model in dict.fromkeys(each.model for each in plain):
        for arm in arm_names(study, plain):
            scores: dict[str, dict[str, list[float]]] = {}
            for each in plain:
                if (each.model, each.arm) == (model, arm):
                    scores.setdefault(each.task, {}).setdefault(each.language, []).append(each.score)
            if not scores:
                continue
            means = [sorted(fmean(values) for values in own.values()) for own in scores.values()]
            tenth = [fmean(own[: -(-len(own) // 10)]) for own in means]
            deviation = [stdev(own) for own in means if len(own) > 1]
            bad, count = rates.get((model, arm), (0, 0))
            seeds = deviations(seed_scores(plain, arm)).get(model)
            rows.append(
                (
                    model,
                    arm,
                    round(fmean(map(fmean, means)), 2),
                    round(fmean(tenth), 2),
                    round(fmean(deviation), 2) if deviation else None,
                    None if seeds is None else round(seeds, 2),
                    round(100 * bad / count, 1) if count else None,
                    *([_mean_failures(failed.get(arm), model)] if failed else []),
                )
            )
    return TextTable(
        "robustness", "Robustness by model and arm (means over tasks, without English)", tuple(head), tuple(rows)
    )


def _mean_failures(values: Values | None, model: str) -> float | None:
    own = [number for place, number in values.numbers.items() if place[0] == model] if values else []
    return round(fmean(own), 1) if own else None


def _conclusions(outcomes: Sequence[_Outcome], families: int) -> Iterator[str]:
    said = {
        GAIN: ("the gain is smaller in larger models", "the gain is greater in larger models"),
        SEEDS: ("scores vary less over seeds in larger models", "scores vary more over seeds in larger models"),
        WORST: (
            "the worst served languages gain less than the mean",
            "the worst served languages gain more than the mean",
        ),
    }
    for outcome in outcomes:
        found = outcome.effect
        falls, rises = next(words for name, words in said.items() if found.name.endswith(name))
        yield verdict(found, falls if found.estimate < 0 else rises)
    spread = next((each for each in outcomes if each.effect.name.endswith(SEEDS)), None)
    if spread is None:
        return
    falling = spread.effect.estimate < 0
    significant = [each for each in (spread.effect, *spread.others) if shown_to_differ(each, -1)]
    if falling and spread.replicated and significant:
        yield f"Larger models are more robust to the seed, in several families of models: {numbers(spread.effect)}."
    elif significant and families < 2:
        yield "That larger models are more robust to the seed was seen in one family of models only: not a conclusion."
    else:
        yield "It was not shown that larger models are more robust to the seed in more than one family of models."
