"""Hyper-parameters of language adapters, where a recipe says nothing of the task ``mlm``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.types.benchmarks import Recipe

DEFAULTS: Mapping[str, Any] = {"peft": "lora", "lr": 1e-4, "batch": 64, "lora_rank": 64, "lora_alpha": 64}
"""Learning rate and batch are MAD-X's (Pfeiffer et al. 2020), which trains 250,000 steps. Recipes give a fine-tuned model
a lower rate, and a task's adapter a lower rank."""


def adapter_recipe(recipe: Recipe) -> Recipe:
    """The recipe with these defaults in place of its own, whatever the size of the model."""
    large = {name: value for name, value in recipe.large.items() if name not in DEFAULTS}
    return replace(recipe, defaults={**recipe.defaults, **DEFAULTS}, large=large)
