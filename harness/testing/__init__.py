"""The contract of plugins: the checks of ``harness plugins check NAME`` and of the fixture ``harness_contract``.

``store_problem`` and ``rows_problem`` check a store of examples, or feature rows, that a test hands over;
``small_model`` writes a model for tests. These are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from harness.testing.contract import CHECKS, Check, Outcome, check_plugin

if TYPE_CHECKING:
    from harness.testing.example_stores import store_problem
    from harness.testing.feature_rows import rows_problem
    from harness.testing.model import small_model

__all__ = ["CHECKS", "Check", "Outcome", "check_plugin", "rows_problem", "small_model", "store_problem"]

_LATER = {"rows_problem": "feature_rows", "small_model": "model", "store_problem": "example_stores"}
"""Names, and the modules that have them."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
