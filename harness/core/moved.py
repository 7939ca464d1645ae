"""Old names of things that have moved: a table, and a finder that imports by it. They work for one release.

The table has what the documentation showed, and the modules that a plugin may name in a string ("module:Class").
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

MODULES: dict[str, tuple[str, ...]] = {
    "aggregate": ("scoring.scores", "scoring.aggregate"),
    "breakdown": ("analysis.breakdown",),
    "errors": ("core.errors",),
    "evaluation.forward": ("inference.forward",),
    "evaluation.reporter": ("types.progress",),
    "examples": ("types.examples",),
    "families.features": ("inference.features", "core.arrays"),
    "families.guess": ("families.baseline",),
    "families.tokens": ("inference.tokenization",),
    "hookspecs": ("registry.hookspecs",),
    "languages": ("types.languages",),
    "metrics": ("scoring.metrics",),
    "options": ("types.options",),
    "specs": ("types.tasks", "types.sources", "types.benchmarks", "types.extensions"),
    "submission": ("scoring.formats",),
}
"""An old module, and the modules that have its names now; below it, modules of the same names."""

NAMES: dict[str, str] = {
    "evaluation.reporter.Reporter": "types.progress.ProgressListener",
    "families.features.Rows": "core.arrays.OutputRows",
    "families.guess.stream": "families.baseline.random_stream",
    "load_run": "run.load",
    "models.heads.inputs": "models.heads.model_inputs",
    "registry.Registry": "registry.registry.Registry",
    "registry.get_registry": "registry.default.get_registry",
    "registry.load_object": "core.imports.load_object",
    "registry.load_part": "registry.registry.load_part",
    "run.load_run": "run.load",
    "submission.reader.fail": "scoring.formats.reader.refuse_line",
    "submission.reader.filled_lines": "scoring.formats.reader.read_filled_lines",
    "submission.reader.same_length": "scoring.formats.reader.require_same_length",
}
"""An old name, and the new one where that is another, or where its module still exists."""


def places(module: str) -> list[str]:
    """The modules that have the names of an old module now, first to last; none where it is no module of old."""
    above = module.removeprefix("harness.")
    below: list[str] = []
    while above not in MODULES:
        above, dot, last = above.rpartition(".")
        if not dot:
            return []
        below.insert(0, last)
    return [".".join(("harness", place, *below)) for place in MODULES[above]]


def old_names(module: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module: its old names are the objects at the new place, with a DeprecationWarning."""

    def getter(name: str) -> Any:
        old = f"{module}.{name}"
        renamed = NAMES.get(old.removeprefix("harness."))
        candidates = [f"harness.{renamed}"] if renamed else [f"{place}.{name}" for place in places(module)]
        for new in candidates:
            place, _, attribute = new.rpartition(".")
            if hasattr(found := import_module(place), attribute):
                if not name.startswith("__"):
                    public = attribute in sys.modules["harness"].__all__
                    advice = f"'from harness import {attribute}'" if public else f"it is {new} now"
                    warnings.warn(f"{old} has moved: {advice}", DeprecationWarning, stacklevel=2)
                return getattr(found, attribute)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return getter


class _OldModule:
    """Makes the module at an old place: empty, with :func:`old_names`."""

    def create_module(self, spec: ModuleSpec) -> None:
        """The usual kind of module will do."""

    def exec_module(self, module: ModuleType) -> None:
        """Its names are looked up when they are asked for."""
        module.__getattr__ = old_names(module.__name__)  # type: ignore[method-assign]


def find_old_module(name: str) -> ModuleSpec | None:
    """The spec of an old module, of a package where the new one is a package; None where there was no such module."""
    found = [spec for place in places(name) if (spec := find_spec(place))]
    if not found:
        return None
    package = found[0].submodule_search_locations is not None
    return ModuleSpec(name, _OldModule(), is_package=package)  # type: ignore[arg-type]
