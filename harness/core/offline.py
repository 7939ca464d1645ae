"""``--offline``: the Hugging Face libraries are set offline too, so that none of them uses the network."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLES = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE", "TRANSFORMERS_OFFLINE")
_CONSTANTS = (
    ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_DATASETS_OFFLINE"),
    ("evaluate.config", "HF_EVALUATE_OFFLINE"),
)
"""State that these libraries took from the variables when they were imported."""


@contextmanager
def without_network(active: bool = True) -> Iterator[None]:
    """Keeps the Hugging Face libraries off the network while the block lasts, imported before or within it."""
    if not active:
        yield
        return
    variables = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    modules = [(sys.modules[module], name) for module, name in _CONSTANTS if module in sys.modules]
    constants = [(module, name, getattr(module, name)) for module, name in modules if hasattr(module, name)]
    for module, name, _ in constants:
        setattr(module, name, True)
    try:
        yield
    finally:
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for module, name, old in constants:
            setattr(module, name, old)
