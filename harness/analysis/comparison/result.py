"""Results of a comparison, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.analysis.comparison._significance import McNemar
from harness.scoring.scale import PERCENT, Scale

SCHEMA = "harness-comparison/1"
LEVEL = 0.05
"""Significance level, after correction."""


@dataclass(frozen=True)
class Difference:
    """Difference of a system from the baseline in points (negative: worse), with its 95% interval and p-values.

    ``p`` is that of ``test``: "mcnemar" (mid-p) or "bootstrap"; ``p_holm`` is corrected over the family it was tested in.
    """

    system: str
    value: float
    stderr: float
    low: float
    high: float
    p: float
    p_holm: float
    test: str
    mcnemar: McNemar | None = None

    @property
    def significant(self) -> bool:
        """Tells whether the corrected p-value is below 0.05."""
        return self.p_holm < LEVEL


@dataclass(frozen=True)
class Line:
    """One number of all systems: their scores, over several seeds the mean and standard deviation, the differences.

    ``differences`` are those of every system but the first, the baseline, to it. ``metrics`` holds the lines of the
    single numbers where the score is a mean of several (exact match and F1). ``chance_marks`` are those of
    scores at chance or below it; they are empty for an overall score. ``scale`` is that of the scores.
    """

    scores: tuple[float, ...]
    seed_deviations: tuple[float | None, ...]
    differences: tuple[Difference, ...]
    n: int = 0
    metrics: Mapping[str, Line] = field(default_factory=dict)
    chance_marks: tuple[str, ...] = ()
    scale: Scale = PERCENT


@dataclass(frozen=True)
class TaskComparison:
    """One task: the mean over the compared languages, and each of them."""

    version: int
    metrics: tuple[str, ...]
    average: Line
    languages: Mapping[str, Line]


@dataclass(frozen=True)
class ComparedSystem:
    """A system as it was compared: what of its records matters for reading the numbers."""

    name: str
    runs: tuple[str, ...]
    model: str
    fingerprint: str | None
    via: tuple[str, ...]
    seeds: tuple[int, ...]
    partial: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Systems against the first of them, the baseline.

    ``overall`` is the mean over the compared tasks (None for a single one); it is the benchmark's overall score where
    ``complete`` names the benchmark. ``left_out`` says which units were not compared, and why.
    """

    systems: tuple[ComparedSystem, ...]
    tasks: Mapping[str, TaskComparison]
    overall: Line | None
    complete: str | None
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    resamples: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "schema": SCHEMA,
            "baseline": self.systems[0].name,
            "systems": [asdict(system) for system in self.systems],
            "method": {
                "interval": "paired bootstrap, percentiles, 95%",
                "resamples": self.resamples,
                "tests": "McNemar's mid-p where items are right or wrong, else the paired bootstrap",
                "correction": "Holm, over the languages of a task and over the tasks, times the systems compared",
            },
            "complete": self.complete,
            "overall": _line(self.overall) if self.overall else None,
            "tasks": {
                name: {
                    "version": task.version,
                    "metrics": list(task.metrics),
                    "average": _line(task.average),
                    "languages": {code: _line(line) for code, line in task.languages.items()},
                }
                for name, task in self.tasks.items()
            },
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }


def _line(line: Line) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "n": line.n,
        "differences": [asdict(difference) for difference in line.differences],
        "scores": list(line.scores),
        "seed_deviations": list(line.seed_deviations),
    }
    if line.chance_marks:
        plain["at_chance"] = [bool(mark) for mark in line.chance_marks]
    if line.metrics:
        plain["metrics"] = {name: _line(part) for name, part in line.metrics.items()}
    return plain
