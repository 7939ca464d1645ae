"""The stages of a run on the CPU, for tests of their keys and of what they read."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.api import train
from harness.inference.session import Compute
from harness.registry.registry import Registry
from harness.training.chain import Stages
from harness.training.context import RunContext
from harness.training.stage import TrainedStage
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener


def cpu_stages(registry: Registry, recipe: str, data: Path, **options: Any) -> Stages:
    return Stages(cpu_context(registry, recipe, data, **options), data / "stages", lambda name: lambda *told: None)


def cpu_context(registry: Registry, recipe: str, data: Path, **options: Any) -> RunContext:
    chosen = EvalOptions(data_dir=str(data), offline=True, **options)
    return RunContext.of(registry, registry.recipe(recipe), chosen, Compute())


def once_each(folder: Path, model: Path, options: Callable[..., EvalOptions]) -> Callable[..., TrainedStage]:
    """Trains an expression with some overrides, once each; ``options`` makes the options of a run of these."""
    known: dict[str, TrainedStage] = {}

    def of(expression: str, **overrides: Any) -> TrainedStage:
        name = f"{expression}{sorted(overrides.items())}"
        if name not in known:
            known[name] = train(str(model), expression, out=folder / str(len(known)), options=options(**overrides))
        return known[name]

    return of


class Killed(KeyboardInterrupt):
    """Ends a training where nothing is saved, as SIGKILL would."""


class Killing(ProgressListener):
    """Kills a training at the first look at its loss."""

    def training(self, task: str) -> Callable[[int, int, float], None]:
        def told(step: int, total: int, loss: float) -> None:
            if step < total and not math.isnan(loss):
                raise Killed

        return told
