"""The recipe that a run means: a name, a TOML file, or the one for the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.models.reference import ModelReference, default_recipe
from harness.types.benchmarks import Recipe
from harness.types.options import load_recipe_file

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def find_recipe(name: str, registry: Registry, model: ModelReference) -> Recipe:
    """A recipe by name, from a TOML file, or ("auto") the one for the model."""
    if name == "auto":
        name = default_recipe(model)
    return load_recipe_file(Path(name)) if name.endswith(".toml") else registry.recipe(name)
