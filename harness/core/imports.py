"""Objects named by strings: ``package.module:name``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from harness.core.border import in_words
from harness.core.errors import PluginError


def load_object(reference: str) -> Any:
    """Imports ``"module:attribute"``; PluginError where the module or the attribute cannot be imported."""
    module, _, attribute = reference.partition(":")
    if not module or not attribute:
        raise PluginError(f"{reference!r} is not of the form 'module:attribute'")
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"cannot load {reference!r}: {in_words(error)}") from error
    return found
