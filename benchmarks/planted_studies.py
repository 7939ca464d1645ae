"""Simulated results of studies whose effects are known: what an analysis must recover, and must not find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.analysis.effects.observations import Observation

LANGUAGES = ("ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
"""Those of XNLI without English."""

Gain = Callable[[str, Mapping[str, Any], str, str], float]
"""The true effect of an arm: model, factors of the model, task, language."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations in points.

    Scores differ by language within a task (``base``); the gain of an arm differs by language (``language``), and by
    language within a task (``unit``); a run differs from another with the same model and seed in an arm (``seed``), in
    a task (``run``), and in a language (``rest``).
    """

    base: float = 8.0
    language: float = 1.0
    unit: float = 0.5
    seed: float = 0.3
    run: float = 0.3
    rest: float = 0.5


@dataclass(frozen=True)
class Planted:
    """A design, and the true effect of each arm."""

    models: Mapping[str, Mapping[str, Any]]
    arms: Mapping[str, Mapping[str, Any]]
    gains: Mapping[str, Gain]
    tasks: Mapping[str, Sequence[str]]
    seeds: int = 5
    noise: Noise = field(default_factory=Noise)
    seed_noise: Callable[[str], float] = lambda model: 1.0
    """Factor of the deviations over seeds of a model."""


def simulate(planted: Planted, number: int) -> list[Observation]:
    """The results of one study, drawn from ``number``."""
    generator = np.random.default_rng([20240208, number])
    noise, draw = planted.noise, generator.standard_normal
    languages = list(dict.fromkeys(code for codes in planted.tasks.values() for code in codes))
    base = {(task, code): 65 + noise.base * draw() for task, codes in planted.tasks.items() for code in codes}
    found = []
    for arm, factors in planted.arms.items():
        treated = arm in planted.gains
        by_language = dict(zip(languages, noise.language * draw(len(languages)) * treated, strict=True))
        by_unit = {key: noise.unit * draw() * treated for key in base}
        for model, own in planted.models.items():
            scale = planted.seed_noise(model)
            for seed in range(1, planted.seeds + 1):
                shared = noise.seed * scale * draw()
                for task, codes in planted.tasks.items():
                    run = noise.run * scale * draw()
                    rest = noise.rest * scale * draw(len(codes))
                    for code, one in zip(codes, rest, strict=True):
                        true = planted.gains[arm](model, own, task, code) if treated else 0.0
                        score = base[task, code] + true + by_language[code] + by_unit[task, code] + shared + run + one
                        found.append(
                            Observation(model, arm, task, code, seed, float(score), 5000, factors={**own, **factors})
                        )
    return found
