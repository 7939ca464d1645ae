"""The stages of a run on the CPU, for tests of their keys and of what they read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.registry.registry import Registry
from harness.training.chain import Stages
from harness.types.options import EvalOptions


def cpu_stages(registry: Registry, recipe: str, data: Path, **options: Any) -> Stages:
    return Stages(
        registry,
        registry.recipe(recipe),
        EvalOptions(data_dir=str(data), offline=True, **options),
        device="cpu",
        dtype="fp32",
        root=data / "stages",
        begin=lambda name: lambda step, total, loss: None,
    )
