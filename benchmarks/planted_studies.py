"""Simulated results of the five studies, with known effects: what an analysis must recover, and must not find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log1p, log10
from types import ModuleType
from typing import Any

import numpy as np

from harness.analysis.effects import (
    captioning,
    intermediate_scaling,
    language_of_intermediate,
    low_resource,
    size_robustness,
)
from harness.analysis.effects.language_groups import LOW, resource_group
from harness.analysis.effects.observations import Observation
from harness.types.studies import Arm, Contrast, Study

XNLI = ("ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
PANX = (
    *XNLI,
    "af",
    "bn",
    "et",
    "eu",
    "fa",
    "fi",
    "he",
    "hu",
    "id",
    "it",
    "ja",
    "jv",
    "ka",
    "kk",
    "ko",
    "ml",
    "mr",
    "ms",
    "my",
)
PANX += ("nl", "pt", "ta", "te", "tl", "yo", "gu", "pa", "lt", "pl", "qu", "ro", "uk", "wo", "az")
UDPOS = (
    "af",
    "ar",
    "bg",
    "de",
    "el",
    "es",
    "et",
    "eu",
    "fa",
    "fi",
    "fr",
    "he",
    "hi",
    "hu",
    "id",
    "it",
    "ja",
    "kk",
    "ko",
)
UDPOS += ("mr", "nl", "pt", "ru", "ta", "te", "th", "tl", "tr", "ur", "vi", "wo", "yo", "zh")
SIZES = {"base": 85e6, "large": 302e6, "xl": 2.83e9, "xxl": 9.66e9}

Gain = Callable[[str, str, str, str], float]
"""The true effect on a score: model, arm, task, language."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations, in points.

    Scores differ by language within a task (``base``). The effect of an arm differs by language (``language``), by
    language within a task (``unit``), and its slope on size or data by language (``slope``). Runs of an arm differ by
    seed (``seed``), within a task (``run``), and within a language (``rest``).
    """

    base: float = 8.0
    language: float = 1.0
    unit: float = 0.5
    slope: float = 0.5
    seed: float = 0.3
    run: float = 0.3
    rest: float = 0.5


@dataclass(frozen=True)
class Planted:
    """A study, its analysis, and the truth: effects, and the deviation over seeds of a model relative to others."""

    analysis: ModuleType
    study: Study
    gain: Gain
    truth: Mapping[str, float]
    """The true value of effects by name; the others are not looked at."""
    tasks: Mapping[str, Sequence[str]]
    noise: Noise = field(default_factory=Noise)
    seed_scale: Callable[[str], float] = lambda model: 1.0
    along: Callable[[str, str], tuple[str, float]] | None = None
    """What slopes that differ by language belong to, and the centred predictor: model, arm."""
    dev_loss: Callable[[str, str], float] | None = None
    left_behind: float = 0.0
    """Points that arms which are no controls gain less in the worst served tenth of each task's languages."""


def simulate(planted: Planted, number: int) -> list[Observation]:
    """The results of one study, drawn from ``number``."""
    generator = np.random.default_rng([20240208, number])
    noise, draw, study = planted.noise, generator.standard_normal, planted.study
    languages = list(dict.fromkeys(code for codes in planted.tasks.values() for code in codes))
    base = {task: 65 + noise.base * draw(len(codes)) for task, codes in planted.tasks.items()}
    worst = {
        task: {codes[i] for i in np.argsort(base[task])[: worst_count(codes)]} for task, codes in planted.tasks.items()
    }
    slopes: dict[str, dict[str, float]] = {}
    found = []
    for arm in study.arms:
        treated = bool(arm.via)
        by_language = _drawn(languages, noise.language * treated * draw(len(languages)))
        by_unit = {
            task: _drawn(codes, noise.unit * treated * draw(len(codes))) for task, codes in planted.tasks.items()
        }
        for model in arm.models or study.models:
            key, along = planted.along(model, arm.name) if planted.along and treated else ("", 0.0)
            if key not in slopes:
                slopes[key] = _drawn(languages, noise.slope * draw(len(languages)))
            scale = planted.seed_scale(model)
            factors = {**study.model_factors.get(model, {}), **arm.factors}
            for seed in study.seeds:
                shared = noise.seed * scale * draw()
                for task, codes in planted.tasks.items():
                    run = shared + noise.run * scale * draw()
                    rest = noise.rest * scale * draw(len(codes))
                    for index, code in enumerate(codes):
                        effect = planted.gain(model, arm.name, task, code)
                        if treated and not arm.control_of and code in worst[task]:
                            effect -= planted.left_behind
                        effect += by_language[code] + by_unit[task][code] + slopes[key][code] * along
                        score = base[task][index] + effect + run + rest[index]
                        loss = planted.dev_loss(model, arm.name) if planted.dev_loss else None
                        found.append(
                            Observation(
                                model, arm.name, task, code, seed, float(score), 5000, dev_loss=loss, factors=factors
                            )
                        )
    return found


def _drawn(codes: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """What languages have by chance; English, which is not drawn from among languages, has nothing."""
    return {code: 0.0 if code == "en" else float(value) for code, value in zip(codes, values, strict=True)}


def worst_count(codes: Sequence[str]) -> int:
    """The number of languages in the worst served tenth."""
    return -(-len(codes) // 10)


def languages_study(spanish: float = 0.0, distance: float = 0.0, seeds: int = 3) -> Planted:
    """Intermediate training in English, Spanish, Arabic and all three, of two tasks."""
    kinds = {"en": "en", "es": "es", "ar": "ar", "mix": "en+es+ar"}
    arms = [Arm("none")]
    contrasts = []
    for task in ("nli", "qa"):
        for name, codes in kinds.items():
            arms.append(Arm(f"{task}-{name}", (f"{task}[{codes}]",), factors={"language": codes, "intermediate": task}))
        for number, name in enumerate(("es", "ar", "mix"), start=1):
            arm, english = f"{task}-{name}", f"{task}-en"
            contrasts.append(Contrast(f"{arm} - {english}", arm, english, hypothesis=f"H{number}"))
    arms.append(Arm("nli-es-masked", ("nli[es]@masked",), control_of="nli-es", factors={"control": "masked"}))
    study = Study(
        "planted-languages", 1, ("xxl",), tasks=("one", "two"), arms=tuple(arms), contrasts=tuple(contrasts),
        seeds=tuple(range(1, seeds + 1)), model_factors={"xxl": {"parameters": SIZES["xxl"]}},
    )  # fmt: skip

    def gain(model: str, arm: str, task: str, code: str) -> float:
        if arm == "none" or arm.endswith("masked"):
            return 0.0
        return 2.0 + (spanish if arm.endswith("-es") else 0.0)

    truth = {each.name: spanish if each.arm.endswith("-es") else 0.0 for each in contrasts}
    return Planted(language_of_intermediate, study, gain, truth, {"one": XNLI, "two": XNLI[:10] + PANX[14:20]})


def _multi(models: Mapping[str, float], seeds: int, factors: Mapping[str, Mapping[str, Any]] | None = None) -> Study:
    arms = (
        Arm("none"),
        Arm("multi", ("mnli+squad",)),
        Arm("multi-shuffled", ("mnli@shuffled+squad@shuffled",), control_of="multi", factors={"control": "shuffled"}),
    )
    return Study(
        "planted-sizes", 1, tuple(models), tasks=("one",), arms=arms, seeds=tuple(range(1, seeds + 1)),
        contrasts=(Contrast("multi - none", "multi"),),
        model_factors=factors or {name: {"parameters": size} for name, size in models.items()},
    )  # fmt: skip


def _log_size(models: Mapping[str, float]) -> Callable[[str, str], tuple[str, float]]:
    middle = sum(map(log10, models.values())) / len(models)
    return lambda model, arm: (arm, log10(models[model]) - middle)


def sizes_study(slope: float = 0.0, seed_fall: float = 0.0, worst: float = 0.0, seeds: int = 5) -> Planted:
    """A gain that falls with size, as deviations over seeds do (``seed_fall``, of the log), and languages left behind.

    ``worst`` is the number of points by which the worst served tenth of languages gains less than the others.
    """
    study = _multi(SIZES, seeds)
    middle = sum(map(log10, SIZES.values())) / len(SIZES)

    def gain(model: str, arm: str, task: str, code: str) -> float:
        return (3.0 + slope * (log10(SIZES[model]) - middle)) if arm == "multi" else 0.0

    tasks = {"one": XNLI, "two": UDPOS}
    others = sum(1 - worst_count(codes) / len(codes) for codes in tasks.values()) / len(tasks)
    percent = 100 * (np.exp(seed_fall) - 1)
    truth = {
        "multi - none: gain by size": slope,
        "multi - none: seed deviation by size": float(percent),
        "multi - none: gain of the worst served languages less the mean gain": -worst * others,
    }
    scale = lambda model: float(np.exp(seed_fall * (log10(SIZES[model]) - middle)))  # noqa: E731
    return Planted(
        size_robustness, study, gain, truth, tasks, seed_scale=scale, along=_log_size(SIZES), left_behind=worst
    )


def resources_study(low: float = 0.0, high: float = 0.0, seeds: int = 5) -> Planted:
    """A gain whose slope on size is ``low`` in low-resource languages and ``high`` in all others."""
    study = _multi(SIZES, seeds)
    middle = sum(map(log10, SIZES.values())) / len(SIZES)

    def gain(model: str, arm: str, task: str, code: str) -> float:
        slope = low if resource_group(code) == LOW else high
        return (3.0 + slope * (log10(SIZES[model]) - middle)) if arm == "multi" else 0.0

    truth = {
        f"multi - none: {low_resource.INTERACTION}": low - high,
        f"multi - none: {low_resource.LOW_SLOPE}": low,
    }
    return Planted(low_resource, study, gain, truth, {"one": PANX, "two": UDPOS}, along=_log_size(SIZES))


AMOUNTS = (1000, 4000, 16000, 64000, 256000, 392702)


def data_study(multilingual: float = 0.5, english_only: float = 0.5, seeds: int = 5) -> Planted:
    """Scores that rise with ln(1 + n / 1000) by these slopes, in three pairs of models."""
    models = {f"{pair}-{kind}": {"pair": pair, "multilingual": kind == "multi"}
              for pair in ("bert", "roberta", "deberta") for kind in ("multi", "mono")}  # fmt: skip
    arms = (
        Arm("none"),
        *(Arm(f"nli-{n}", ("nli",), factors={"size": n, "intermediate": "nli"}) for n in AMOUNTS),
        Arm("nli-16000-shuffled", ("nli@shuffled",), control_of="nli-16000", factors={"control": "shuffled"}),
    )
    study = Study(
        "planted-data",
        1,
        tuple(models),
        tasks=("one",),
        arms=arms,
        seeds=tuple(range(1, seeds + 1)),
        model_factors=models,
    )
    amounts = {f"nli-{n}": n for n in AMOUNTS}

    def gain(model: str, arm: str, task: str, code: str) -> float:
        slope = multilingual if models[model]["multilingual"] and code != "en" else english_only
        return slope * log1p(amounts.get(arm, 0) / 1000)

    def along(model: str, arm: str) -> tuple[str, float]:
        return model, log1p(amounts.get(arm, 0) / 1000)

    def loss(model: str, arm: str) -> float:
        return 0.4 + 2.0 / (amounts.get(arm, 0) + 500) ** 0.3

    truth = {intermediate_scaling.INTERACTION: multilingual - english_only, intermediate_scaling.ENGLISH_SLOPES: 0.0}
    noise = replace(Noise(), language=0.2, unit=0.2, slope=0.15)
    tasks = {"one": ("en", *XNLI), "two": ("en", *XNLI[:8])}
    return Planted(intermediate_scaling, study, gain, truth, tasks, noise, along=along, dev_loss=loss)


def captions_study(captions: float = 0.0, masked: float = 0.0, seeds: int = 5) -> Planted:
    """Three models, trained on captions, and on their text alone; both gains are over no stages."""
    arms = (
        Arm("none"),
        Arm("captions", ("captions",)),
        Arm("captions-masked", ("captions@masked",), control_of="captions", factors={"control": "masked"}),
        Arm("captions-mismatched", ("captions@mismatched",), control_of="captions", factors={"control": "mismatched"}),
    )
    models = ("base", "large", "mt5")
    study = Study(
        "planted-captions", 1, models, tasks=("one",), arms=arms, seeds=tuple(range(1, seeds + 1)),
        contrasts=(Contrast("captions - none", "captions", hypothesis="H1"),),
    )  # fmt: skip
    gains = {"captions": captions, "captions-masked": masked, "captions-mismatched": masked}

    def gain(model: str, arm: str, task: str, code: str) -> float:
        return gains.get(arm, 0.0)

    better = "captions - the better of none and captions-masked"
    truth = {f"{better}, {model}": captions - max(masked, 0.0) for model in models}
    return Planted(captioning, study, gain, truth, {"one": XNLI, "two": XNLI[:6], "three": PANX[4:14]})
