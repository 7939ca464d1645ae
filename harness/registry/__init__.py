"""Plugins: hooks, discovery, loading, validation, selection, and whose fault an error is."""

from __future__ import annotations

from typing import Any

from harness.core.moved import old_names

__getattr__: Any = old_names(__name__)
