"""Switches in the environment."""

from __future__ import annotations

import math
import os

from harness.core.errors import UsageError


def flag(name: str, *, default: bool = False) -> bool:
    """Tells whether the variable is on: ``1``, ``true``, ``yes`` or ``on``; anything else is off, unset the default."""
    value = os.environ.get(name, "").strip().lower()
    return value in ("1", "true", "yes", "on") if value else default


def tracks(plugin: str) -> bool:
    """Tells whether ``HARNESS_TRACK``, a list of names, asks this plugin to track runs."""
    return plugin in names("HARNESS_TRACK")


def names(variable: str) -> list[str]:
    """A variable that holds names between commas."""
    return [name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()]


def seconds(variable: str, default: float) -> float:
    """A variable that holds a positive number of seconds; UsageError for anything else in it."""
    given = os.environ.get(variable, "").strip()
    try:
        found = float(given) if given else default
    except ValueError:
        found = math.nan
    if not (0 < found < math.inf):
        raise UsageError(f"{variable}: a number of seconds expected, not {given!r}", hint=f"such as {default:g}")
    return found
