"""Scales of metrics, and how many digits of a number are shown on each."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, log10

from harness.types.record import ScaleName

Scale = ScaleName
PERCENT: Scale = "0-100"
_DIGITS: dict[Scale, int] = {"0-100": 1, "0-1": 3, "-1-1": 3}
_SIGNIFICANT = 3


def decimals(scale: Scale, value: float) -> int:
    """Decimals that a number is shown with: one on a scale to 100, three on a scale to 1, else three significant digits."""
    if scale in _DIGITS:
        return _DIGITS[scale]
    magnitude = floor(log10(abs(value))) if value else 0
    return min(max(_SIGNIFICANT - 1 - magnitude, 0), 6)


def shown_dev(score: float) -> str:
    """A score on dev data, in three significant digits: it may be a mean over tasks, and on any scale."""
    return shown(score, "unbounded")


def common_scale(scales: Iterable[Scale]) -> Scale:
    """The scale that all numbers are on; unbounded for a mean of numbers on different ones."""
    found = set(scales)
    return found.pop() if len(found) == 1 else "unbounded" if found else PERCENT


ENDS: dict[Scale, tuple[float, float]] = {"0-100": (0, 100), "0-1": (0, 1), "-1-1": (-1, 1)}
"""The ends of each scale that has any."""


def shown(
    value: float, scale: Scale = PERCENT, *, signed: bool = False, more: int = 0, like: float | None = None
) -> str:
    """A number as text, with ``more`` decimals than usual; zero has no sign.

    It has the decimals of the number ``like``, which it stands beside (the half width of an interval beside a score).
    """
    digits = decimals(scale, value if like is None else like) + more
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text
