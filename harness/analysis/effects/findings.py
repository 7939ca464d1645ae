"""Findings: all that a study's analysis says, as plain values that a page, a table or a figure can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Effect:
    """An estimated effect with its 95% interval.

    ``p_corrected`` is Holm's, over the primary effects of the study. ``equivalent`` says for each margin whether the
    effect was shown to be smaller than it (TOST). ``detectable`` is the smallest true effect that these data would have
    found with 80% power, in the effect's unit. ``counts`` are the numbers of tasks, languages and seeds behind it.
    """

    name: str
    hypothesis: str
    primary: bool
    estimate: float
    low: float
    high: float
    p: float | None
    p_corrected: float | None
    method: str
    unit: str = "points"
    counts: Mapping[str, int] = field(default_factory=dict)
    equivalent: Mapping[str, bool] = field(default_factory=dict)
    detectable: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """The data of one figure.

    ``kind`` is "forest", "dots", "lines", "scatter" or "heat map". ``name`` is the stem of its file. ``points`` are plain
    rows with some of the keys "x", "y", "low", "high", "series", "label" and "value".
    """

    kind: str
    name: str
    title: str
    x: str
    y: str
    points: tuple[Mapping[str, Any], ...]
    caption: str = ""


@dataclass(frozen=True)
class TextTable:
    """A table of the findings; ``name`` is the stem of its files."""

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Findings:
    """All that an analysis found: effects, what to draw, what to tabulate, what to conclude, and what to beware of."""

    effects: tuple[Effect, ...]
    charts: tuple[Chart, ...]
    tables: tuple[TextTable, ...]
    conclusions: tuple[str, ...]
    warnings: tuple[str, ...]
