"""The stages of a run on the CPU, for tests of their keys and of what they read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.inference.session import Compute
from harness.registry.registry import Registry
from harness.training.chain import Stages
from harness.training.context import RunContext
from harness.types.options import EvalOptions


def cpu_stages(registry: Registry, recipe: str, data: Path, **options: Any) -> Stages:
    return Stages(cpu_context(registry, recipe, data, **options), data / "stages", lambda name: lambda *told: None)


def cpu_context(registry: Registry, recipe: str, data: Path, **options: Any) -> RunContext:
    chosen = EvalOptions(data_dir=str(data), offline=True, **options)
    return RunContext.of(registry, registry.recipe(recipe), chosen, Compute())
