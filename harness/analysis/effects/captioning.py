"""Analysis of captions as an intermediate task: accuracy against both controls, and the time that it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

import numpy as np

from harness.analysis.effects.contrast_charts import gains_by_language, gains_by_task
from harness.analysis.effects.contrasts import Contrasted, contrast_results, mixed_models
from harness.analysis.effects.findings import Chart, Effect, Findings, TextTable
from harness.analysis.effects.gains import selected
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.pareto_front import on_front
from harness.analysis.effects.power import ALPHA
from harness.analysis.effects.quality import degenerate_table, quality_warnings
from harness.analysis.effects.study_arms import arm_factors, arm_names, contrasts_of, control_contrasts, controls_of
from harness.analysis.effects.wording import corrected, numbers, shown_to_differ, verdict
from harness.types.studies import NO_STAGES, Contrast, Study

SLOWER = 1.05
"""Ratio of latencies from which a model counts as slower."""

LATENCY = "latency_ms"
"""Factor of a run's observations: milliseconds a call of the final text model."""

_COSTS = ((LATENCY, "latency", "milliseconds a call"), ("memory_mb", "memory", "megabytes"))
"""Factors, with the names and the axes of their charts."""

_THROUGHPUT = "throughput_"
"""Begins the factors that are examples a second in batches of a size."""

_FRONT, _BEHIND = "on the front: no other one costs as little and scores as high", "behind it"
_RANGES = "The means over seeds; scores with the lowest and the highest of a seed."

_NULL = "null"
"""Value of the arm factor ``vision`` of a text model that keeps an empty prefix in place of the image."""


@dataclass(frozen=True)
class _Model:
    """The contrasts of one model: captions against no stages and against the masked text, and the stricter of the two."""

    model: str
    parts: tuple[Contrasted, ...]
    effect: Effect


def analyse(study: Study, observations: Sequence[Observation], *, mixed: bool = True) -> Findings:
    """Tests whether captions help beyond both no stages and their text alone, and that the model is no slower for it.

    H1 is the smaller of the two differences: both must be found (intersection-union; Berger 1982), so that its p-value is
    the larger one. It is corrected over the models. H2 and H3 are ratios of latencies, where they were measured.
    """
    models = [*_by_model(study, observations)]
    effects = corrected([each.effect for each in models])
    models = [replace(each, effect=said) for each, said in zip(models, effects, strict=True)]
    parts = [part for each in models for part in each.parts]
    pooled = list(
        contrast_results(study, [*contrasts_of(study, observations), *control_contrasts(study)], observations)
    )
    ratios = list(_ratios(study, observations))
    fits, notes = (
        mixed_models([replace(p, effect=replace(p.effect, primary=True)) for p in parts]) if mixed else ((), ())
    )
    warnings = [*quality_warnings(study, observations), *(note for each in parts for note in each.warnings), *notes]
    if not models:
        warnings.append("no arm trained on captions has results: the question cannot be asked")
    if not ratios:
        warnings.append("no latencies were recorded with the runs: whether the models are as fast is open")
    return Findings(
        effects=(
            *effects,
            *ratios,
            *(replace(part.effect, primary=False) for part in parts),
            *(replace(each.effect, primary=False) for each in pooled),
            *(other for each in pooled for other in each.apart),
            *fits,
        ),
        charts=(
            gains_by_task(pooled),
            *gains_by_language(pooled),
            *_cost_charts(observations),
            *_throughput_chart(observations),
        ),
        tables=(
            degenerate_table(observations),
            *([_cost_table(observations)] if ratios else []),
            _score_table(study, observations),
        ),
        conclusions=(*_conclusions(study, models, pooled), *_speed_conclusions(models, ratios)),
        warnings=tuple(warnings),
    )


def hypotheses(study: Study, observations: Sequence[Observation]) -> tuple[Effect, ...]:
    """The smaller difference of each model, corrected over the models."""
    return corrected([each.effect for each in _by_model(study, observations)])


def _caption_arm(study: Study, observations: Sequence[Observation]) -> str | None:
    """The arm that the hypothesis is about: that of the first primary contrast, else the first with a control."""
    listed = contrasts_of(study, observations)
    primary = next((each.arm for each in listed if each.primary), None)
    return primary or next((arm.control_of for arm in study.arms if arm.control_of), None)


def _control(study: Study, arm: str, kind: str) -> str | None:
    """The control of an arm by the factor ``control``."""
    factors = arm_factors(study, ())
    return next((name for name in controls_of(study, arm) if factors[name].get("control") == kind), None)


def _by_model(study: Study, observations: Sequence[Observation]) -> Iterator[_Model]:
    arm = _caption_arm(study, observations)
    if arm is None:
        return
    own = [each for each in contrasts_of(study, observations) if each.arm == arm and each.primary]
    tasks = own[0].tasks if own else ()
    against = [NO_STAGES, *filter(None, [_control(study, arm, "masked")])]
    for model in dict.fromkeys(each.model for each in observations):
        seen = [each for each in observations if each.model == model]
        wanted = [Contrast(f"{arm} - {name}, {model}", arm, name, tasks, primary=True) for name in against]
        parts = list(contrast_results(study, wanted, seen, beside=False))
        if not parts:
            continue
        weakest = max(parts, key=lambda part: -part.effect.estimate).effect
        known = [part.effect.p for part in parts if part.effect.p is not None]
        complete = len(parts) == len(against) == 2 and len(known) == 2
        notes = [f"the smaller difference of {len(parts)}: {weakest.name}", *weakest.notes]
        if len(against) < 2:
            notes.append("no control with the captions' text alone")
        joint = replace(
            weakest,
            name=f"{arm} - the better of {' and '.join(against)}, {model}",
            hypothesis="H1",
            primary=all(part.effect.primary for part in parts) and complete,
            p=max(known) if complete else None,
            low=min(part.effect.low for part in parts),
            high=min(part.effect.high for part in parts),
            equivalent={},
            notes=tuple(notes),
        )
        yield _Model(model, tuple(parts), joint)


def _ratios(study: Study, observations: Sequence[Observation]) -> Iterator[Effect]:
    """The ratio of the latency of each arm trained on captions to that without stages, over seeds, by its logarithm."""
    from scipy.special import stdtr, stdtrit

    times = _by_seed(observations, LATENCY)
    caption = _caption_arm(study, observations)
    factors = arm_factors(study, observations)
    for (model, arm), own in times.items():
        plain = times.get((model, NO_STAGES), {})
        null = factors.get(arm, {}).get("vision") == _NULL
        logs = [float(np.log(own[seed] / plain[seed])) for seed in own if seed in plain]
        if arm == NO_STAGES or len(logs) < 2 or not (arm == caption or null):
            continue
        freedom, error, mean = len(logs) - 1, stdev(logs) / len(logs) ** 0.5, fmean(logs)
        reach = float(stdtrit(freedom, 1 - ALPHA / 2)) * error
        apart = (mean - float(np.log(SLOWER))) / error if error > 0 else (-np.inf if mean < np.log(SLOWER) else np.inf)
        p = float(stdtr(freedom, apart)) if np.isfinite(apart) else float(apart > 0)
        yield Effect(
            f"latency of {arm} to {NO_STAGES}, {model}",
            "H3" if null else "H2",
            False,
            float(np.exp(mean)),
            float(np.exp(mean - reach)),
            float(np.exp(mean + reach)),
            p,
            None,
            "Student's t of log ratios over seeds",
            "times",
            {"seeds": len(logs)},
            notes=(f"p is that of being {SLOWER:g} times as slow or slower",),
        )


def _by_seed(observations: Sequence[Observation], factor: str) -> dict[tuple[str, str], dict[int, float]]:
    """Mean of what was measured by model and arm, and by seed."""
    found: dict[tuple[str, str], dict[int, list[float]]] = {}
    for each in observations:
        if isinstance(value := each.factors.get(factor), int | float) and value > 0:
            found.setdefault((each.model, each.arm), {}).setdefault(each.seed, []).append(float(value))
    return {key: {seed: fmean(values) for seed, values in own.items()} for key, own in found.items()}


def _cost_charts(observations: Sequence[Observation]) -> Iterator[Chart]:
    """Accuracy against latency and memory, one dot a model and arm, with those that no other one beats in both."""
    means = _macro(observations)
    for factor, name, axis in _COSTS:
        costs = {key: fmean(own.values()) for key, own in _by_seed(observations, factor).items() if key in means}
        pairs = [(cost, means[key]) for key, cost in costs.items()]
        several = len({model for model, _ in costs}) > 1
        points = []
        for (model, arm), cost in costs.items():
            seeds = _macro_by_seed(observations, model, arm)
            point = {"x": cost, "y": means[model, arm], "low": min(seeds), "high": max(seeds)}
            front = on_front(cost, means[model, arm], pairs)
            label = f"{model}, {arm}" if several else arm
            points.append(point | {"series": _FRONT if front else _BEHIND, "label": label})
        if points:
            points.sort(key=lambda point: (point["series"] != _FRONT, point["x"]))
            yield Chart("scatter", f"score-and-{name}", f"Score against {name}", axis, "score", tuple(points), _RANGES)


def _throughput_chart(observations: Sequence[Observation]) -> Iterator[Chart]:
    """Examples a second against the size of a batch, a line for each model and arm, where it was measured."""
    sizes = sorted(
        {
            int(name.removeprefix(_THROUGHPUT))
            for each in observations
            for name in each.factors
            if name.startswith(_THROUGHPUT)
        }
    )
    points = []
    for size in sizes:
        found = _by_seed(observations, f"{_THROUGHPUT}{size}")
        several = len({model for model, _ in found}) > 1
        for (model, arm), own in found.items():
            values = list(own.values())
            point = {"x": size, "y": fmean(values), "low": min(values), "high": max(values)}
            points.append(point | {"series": f"{model}, {arm}" if several else arm, "label": f"batches of {size}"})
    if points:
        title, caption = "Throughput by batch", "The means over seeds, with the lowest and the highest of a seed."
        yield Chart(
            "lines", "throughput-by-batch", title, "examples in a batch", "examples a second", tuple(points), caption
        )


def _cost_table(observations: Sequence[Observation]) -> TextTable:
    """Score, latency and memory of each model and arm: means over seeds, and the lowest and the highest of them."""
    means = _macro(observations)
    found = {factor: _by_seed(observations, factor) for factor, _, _ in _COSTS}
    rows = []
    for model, arm in means:
        seeds = [_macro_by_seed(observations, model, arm)]
        seeds += [[*found[factor].get((model, arm), {}).values()] for factor, _, _ in _COSTS]
        if any(seeds[1:]):
            cells = [value for own in seeds for value in ((fmean(own), min(own), max(own)) if own else (None,) * 3)]
            rows.append((model, arm, *(None if value is None else round(value, 3) for value in cells)))
    head = [f"{name}{end}" for name in ("score", "ms", "MB") for end in ("", ", lowest", ", highest")]
    return TextTable("score-and-cost", "Score and cost over seeds", ("model", "arm", *head), tuple(rows))


def _macro_by_seed(observations: Sequence[Observation], model: str, arm: str) -> list[float]:
    own = [each for each in observations if (each.model, each.arm) == (model, arm)]
    found = (_macro([each for each in own if each.seed == seed]) for seed in sorted({each.seed for each in own}))
    return [mean for each in found for mean in each.values()]


def _macro(observations: Sequence[Observation]) -> dict[tuple[str, str], float]:
    """Mean over tasks of the mean over languages without English, by model and arm."""
    scores: dict[tuple[str, str], dict[str, dict[str, list[float]]]] = {}
    for each in selected(observations, exploratory=None):
        tasks = scores.setdefault((each.model, each.arm), {})
        tasks.setdefault(each.task, {}).setdefault(each.language, []).append(each.score)
    return {
        key: fmean(fmean(fmean(values) for values in own.values()) for own in tasks.values())
        for key, tasks in scores.items()
    }


def _score_table(study: Study, observations: Sequence[Observation]) -> TextTable:
    means = _macro(observations)
    arms = arm_names(study, observations)
    rows = []
    for model in dict.fromkeys(model for model, _ in means):
        own: list[Any] = [round(means[model, arm], 2) if (model, arm) in means else None for arm in arms]
        rows.append((model, *own))
    return TextTable(
        "scores", "Mean over tasks of the mean over languages without English", ("model", *arms), tuple(rows)
    )


def _conclusions(study: Study, models: Sequence[_Model], pooled: Sequence[Contrasted]) -> Iterator[str]:
    against = {(each.contrast.arm, each.contrast.against): each.effect for each in pooled}
    for each in models:
        found = each.effect
        arm = each.parts[0].contrast.arm
        yield verdict(found, "captions help, beyond their text alone" if found.estimate > 0 else "captions do not help")
        plain = next((part.effect for part in each.parts if part.contrast.against == NO_STAGES), None)
        if not shown_to_differ(found, 1) and plain is not None and shown_to_differ(plain, 1) and len(each.parts) > 1:
            yield (
                f"{each.model}: captions help over no stages, but were not shown to over their text alone: "
                f"text exposure, not vision ({numbers(plain)})."
            )
        mismatched = _control(study, arm, "mismatched")
        grounding = against.get((arm, mismatched)) if mismatched else None
        if grounding is not None and shown_to_differ(found, 1) and not shown_to_differ(grounding, 1):
            alike = "do as well" if any(grounding.equivalent.values()) else "were not shown to do worse"
            yield f"{each.model}: captions of other images {alike}: regularisation, not grounding, may be the cause."


def _speed_conclusions(models: Sequence[_Model], ratios: Sequence[Effect]) -> Iterator[str]:
    helped = {each.model: shown_to_differ(each.effect, 1) for each in models}
    for ratio in ratios:
        fast = ratio.p is not None and ratio.p < ALPHA
        model = ratio.name.rpartition(", ")[2]
        said = f"{ratio.estimate:.3f} times (95% interval {ratio.low:.3f} to {ratio.high:.3f})"
        if fast:
            yield f"{ratio.hypothesis}, {ratio.name}: as fast, within {100 * (SLOWER - 1):.0f}%: {said}."
        else:
            yield f"{ratio.hypothesis}, {ratio.name}: it was not shown to be as fast: {said}."
        if ratio.hypothesis == "H2" and helped.get(model):
            yield f"{model}: better and as fast." if fast else f"{model}: better, but not shown to be as fast."
    if any(ratio.hypothesis == "H2" for ratio in ratios):
        yield "A text model whose image prefix was removed cannot be faster than one that never had it."
