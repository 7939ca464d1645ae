"""xtreme-harness: zero-shot evaluation of multilingual encoders on XTREME and XTREME-R.

Public names are loaded on first use, so that importing this package imports nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "hookimpl": "harness.hookspecs",
    "HubData": "harness.specs",
    "FileData": "harness.specs",
    "Where": "harness.specs",
    "Split": "harness.specs",
    "splits": "harness.specs",
    "TargetTask": "harness.specs",
    "IntermediateTask": "harness.specs",
    "Family": "harness.specs",
    "Benchmark": "harness.specs",
    "Recipe": "harness.specs",
    "Pair": "harness.examples",
    "Tagged": "harness.examples",
    "Answer": "harness.examples",
    "Question": "harness.examples",
    "Choice": "harness.examples",
    "Text": "harness.examples",
    "Match": "harness.examples",
    "Query": "harness.examples",
    "Candidate": "harness.examples",
    "Translation": "harness.examples",
    "Sentence": "harness.examples",
    "GoldPair": "harness.examples",
    "iso639_3": "harness.languages",
    "language_name": "harness.languages",
    "readers": "harness.data",
    "evaluate": "harness.api",
    "score": "harness.api",
    "compare": "harness.api",
    "train": "harness.api",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    module = import_module(_PUBLIC[name])
    value = import_module(f"{_PUBLIC[name]}.{name}") if name == "readers" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
