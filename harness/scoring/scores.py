"""Scores as values: of a unit, of a task, of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.scoring.bootstrap import Items
from harness.scoring.chance import Chance, chance_mark, mean_chance
from harness.scoring.coverage import coverage
from harness.scoring.scale import PERCENT, Scale, common_scale

if TYPE_CHECKING:
    from harness.types.record import EstimateRecord, ScoresRecord, UnitScoreRecord


def half_width(low: float | None, high: float | None) -> float | None:
    """Half the width of an interval, the number after "±"; None where there is no interval."""
    return None if low is None or high is None else (high - low) / 2


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error and 95% interval; these are None where they are undefined (a single item).

    ``scale`` is that of its metric, "0-100" for most.
    ``chance`` is what answers get that do not depend on the question; None where that has no meaning or is not known.
    """

    value: float
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    chance: Chance | None = None
    scale: Scale = PERCENT

    def to_dict(self) -> EstimateRecord:
        """Plain values, for JSON; the scale where it is another than 0-100."""
        plain: EstimateRecord = {"value": self.value, "stderr": self.stderr, "low": self.low, "high": self.high}
        if self.chance:
            plain["chance"] = self.chance.to_dict()
        if self.scale != PERCENT:
            plain["scale"] = self.scale
        return plain

    @classmethod
    def from_dict(cls, plain: EstimateRecord) -> Estimate:
        """Reads what :meth:`to_dict` gave."""
        chance = Chance.from_dict(plain["chance"]) if "chance" in plain else None
        scale: Scale = plain.get("scale", PERCENT)
        return cls(plain["value"], plain.get("stderr"), plain.get("low"), plain.get("high"), chance, scale)

    @property
    def chance_mark(self) -> str:
        """The mark of a score at chance or below it, "" above (:func:`~harness.scoring.chance.chance_mark`)."""
        return chance_mark(self.low, self.value, self.high, self.chance)

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval; None where there is none."""
        return half_width(self.low, self.high)


class TransferGap(NamedTuple):
    """The score in English and the mean score of the other languages, 0-100."""

    english: float
    others: float

    @property
    def points(self) -> float:
        """English minus the others."""
        return self.english - self.others


def transfer_gap(scores: Mapping[str, float]) -> TransferGap | None:
    """The transfer gap of scores by language; None without English, or without any other language."""
    others = [score for code, score in scores.items() if code != "en"]
    return TransferGap(scores["en"], fmean(others)) if "en" in scores and others else None


@dataclass(frozen=True)
class UnitScore:
    """The scores of one unit: number of items, every number of the metric, and what the user should know.

    ``items`` are what intervals of averages are drawn from; they are in no record and come from the files when needed.
    ``constant`` is the one answer that all items got, None where they got different ones.
    """

    n: int
    metrics: Mapping[str, Estimate]
    warnings: tuple[str, ...] = ()
    items: Items | None = field(default=None, compare=False, repr=False)
    constant: str | None = None

    def to_dict(self) -> UnitScoreRecord:
        """Plain values, for JSON."""
        plain: UnitScoreRecord = {
            "n": self.n,
            "metrics": {name: estimate.to_dict() for name, estimate in self.metrics.items()},
            "warnings": list(self.warnings),
        }
        return plain if self.constant is None else plain | {"constant": self.constant}

    @classmethod
    def from_dict(cls, plain: UnitScoreRecord) -> UnitScore:
        """Reads what :meth:`to_dict` gave."""
        metrics = {name: Estimate.from_dict(estimate) for name, estimate in plain["metrics"].items()}
        return cls(plain["n"], metrics, tuple(plain["warnings"]), constant=plain.get("constant"))


def mean_estimate(parts: Sequence[Estimate]) -> Estimate:
    """The mean of several numbers of one unit; its interval is the mean of theirs, as they rise and fall together.

    That is conservative. There is none where one of them has none.
    """
    if len(parts) == 1:
        return parts[0]
    low, high = _mean([part.low for part in parts]), _mean([part.high for part in parts])
    stderr = _mean([part.stderr for part in parts])
    value, chance = fmean(part.value for part in parts), mean_chance(part.chance for part in parts)
    return Estimate(value, stderr, low, high, chance, common_scale(part.scale for part in parts))


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return fmean(present) if len(present) == len(values) else None


@dataclass(frozen=True)
class Interval:
    """Standard error and 95% interval of an average."""

    stderr: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class MetricScore:
    """One number of a task in every language; ``average`` is None unless all languages that count have it.

    ``partial`` is the mean over the languages that have it; ``interval`` and ``chance`` are about the same languages.
    """

    average: float | None
    partial: float
    languages: Mapping[str, Estimate]
    interval: Interval | None = None
    chance: Chance | None = None

    @property
    def scale(self) -> Scale:
        """The scale of the number."""
        return common_scale(estimate.scale for estimate in self.languages.values())


@dataclass(frozen=True)
class TaskScore:
    """A task's score and metrics, 0-100.

    ``score`` is None unless every language was scored: those of the benchmark or, without one, all of the task.
    ``partial`` is the mean over the languages that were scored, and ``interval`` is about the same languages. ``gap`` is
    the transfer gap, English minus the mean of the other languages, of each primary metric and of the "score"; empty
    without English or with languages missing.
    """

    score: float | None
    partial: float
    primary: tuple[str, ...]
    metrics: Mapping[str, MetricScore]
    gap: Mapping[str, float] = field(default_factory=dict)
    interval: Interval | None = None

    def language_score(self, code: str) -> float | None:
        """The mean of the primary metrics in one language; None where it has not been scored."""
        found = self.language_estimate(code)
        return None if found is None else found.value

    def language_estimate(self, code: str) -> Estimate | None:
        """The same with its interval and what chance gives."""
        values = [self.metrics[name].languages.get(code) for name in self.primary]
        return mean_estimate([value for value in values if value]) if all(values) else None

    @property
    def scale(self) -> Scale:
        """The scale of the score."""
        return common_scale(self.metrics[name].scale for name in self.primary)

    @property
    def chance(self) -> Chance | None:
        """Chance on average over the languages that were scored."""
        return mean_chance(self.metrics[name].chance for name in self.primary)

    @property
    def chance_mark(self) -> str:
        """The mark of an average over the languages that were scored that is at chance or below it; "" above."""
        low, high = (self.interval.low, self.interval.high) if self.interval is not None else (None, None)
        return chance_mark(low, self.partial, high, self.chance)


@dataclass(frozen=True)
class BenchmarkScore:
    """All scores of a benchmark, or of selected tasks (``benchmark`` None: no groups, no overall score).

    ``tasks`` holds the tasks of which something was scored, ``missing`` the languages that each task lacks.
    ``interval`` and ``group_intervals`` are those of the overall score and of the groups. ``gap`` is the mean transfer gap
    of the tasks with English; None where one of them is incomplete.
    """

    benchmark: str | None
    overall: float | None
    groups: Mapping[str, float | None]
    tasks: Mapping[str, TaskScore]
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    interval: Interval | None = None
    group_intervals: Mapping[str, Interval] = field(default_factory=dict)
    gap: float | None = None

    @property
    def scale(self) -> Scale:
        """The scale of averages over tasks."""
        return common_scale(task.scale for task in self.tasks.values())

    @property
    def coverage(self) -> str:
        """One line on the tasks with a mean over some of the languages only; "" where there is none."""
        scored = {
            name: len(next(iter(task.metrics.values())).languages) for name, task in self.tasks.items() if task.metrics
        }
        return coverage((name, count, count + len(self.missing.get(name, ()))) for name, count in scored.items())

    def to_dict(self) -> ScoresRecord:
        """Plain values: benchmark, overall, groups, tasks; where there are any, missing, transfer gaps, intervals.

        Where a task lacks a language, ``score`` and ``average`` are None, and ``partial`` stands next to them.
        ``intervals[task][metric][language]`` is a pair [low, high]; so are, where available, those of averages:
        ``[task][metric]["average"]``, ``[task]["score"]["average"]``, ``["overall"]`` and ``["groups"][group]``.
        """
        plain: ScoresRecord = {
            "benchmark": self.benchmark,
            "overall": self.overall,
            "groups": dict(self.groups),
            "tasks": {
                name: {
                    "score": task.score,
                    "metrics": {
                        key: {
                            "average": metric.average,
                            "languages": {code: estimate.value for code, estimate in metric.languages.items()},
                        }
                        for key, metric in task.metrics.items()
                    },
                }
                for name, task in self.tasks.items()
            },
        }
        for name, task in self.tasks.items():
            if task.score is None:
                plain["tasks"][name]["partial"] = task.partial
            if task.scale != PERCENT:
                plain["tasks"][name]["scale"] = task.scale
            for key, metric in task.metrics.items():
                if metric.average is None:
                    plain["tasks"][name]["metrics"][key]["partial"] = metric.partial
                if metric.scale != PERCENT:
                    plain["tasks"][name]["metrics"][key]["scale"] = metric.scale
        if self.missing:
            plain["missing"] = {name: list(codes) for name, codes in self.missing.items()}
        if gaps := {name: dict(task.gap) for name, task in self.tasks.items() if task.gap}:
            plain["transfer_gap"] = gaps
        if self.gap is not None:
            plain["average_transfer_gap"] = self.gap
        intervals = {name: _intervals(task) for name, task in self.tasks.items()} | self._average_intervals()
        if intervals:
            plain["intervals"] = intervals
        return plain

    def _average_intervals(self) -> dict[str, Any]:
        found: dict[str, Any] = {"overall": _pair(self.interval)} if self.interval else {}
        if self.group_intervals:
            found["groups"] = {name: _pair(interval) for name, interval in self.group_intervals.items()}
        return found


def _pair(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _intervals(task: TaskScore) -> dict[str, dict[str, list[float]]]:
    found = {
        name: {
            code: [estimate.low, estimate.high]
            for code, estimate in metric.languages.items()
            if estimate.low is not None and estimate.high is not None
        }
        | ({"average": _pair(metric.interval)} if metric.interval else {})
        for name, metric in task.metrics.items()
    }
    return found | ({"score": {"average": _pair(task.interval)}} if task.interval else {})
