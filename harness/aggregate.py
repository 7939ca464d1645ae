"""From unit scores to task scores, groups and the overall score, by XTREME's rule.

A metric's average is the plain mean over the benchmark's languages, English included; a task's score is the mean of its
primary metrics' averages; a group and the overall score are plain means of task scores. Nothing is averaged over an
incomplete set: the value is None, what is missing is listed, and the mean of what there is stands apart as ``partial``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from harness.specs import Benchmark

if TYPE_CHECKING:
    from harness.scoring import Estimate, UnitScore


@dataclass(frozen=True)
class MetricScore:
    """One number of a task in every language; ``average`` is None unless all languages of the benchmark have it."""

    average: float | None
    partial: float
    languages: Mapping[str, Estimate]


@dataclass(frozen=True)
class TaskScore:
    """A task's score and metrics, 0-100.

    ``gap`` is the transfer gap, English minus the mean of the other languages, of each primary metric and of the
    "score"; empty without English or with languages missing.
    """

    score: float | None
    partial: float
    primary: tuple[str, ...]
    metrics: Mapping[str, MetricScore]
    gap: Mapping[str, float] = field(default_factory=dict)

    def language_score(self, code: str) -> float | None:
        """The mean of the primary metrics in one language; None where it has not been scored."""
        values = [self.metrics[name].languages.get(code) for name in self.primary]
        return fmean(value.value for value in values if value) if all(values) else None


@dataclass(frozen=True)
class BenchmarkScore:
    """All scores of a benchmark, or of selected tasks (``benchmark`` None: no groups, no overall score).

    ``tasks`` holds the tasks of which something was scored, ``missing`` the languages that each task lacks.
    """

    benchmark: str | None
    overall: float | None
    groups: Mapping[str, float | None]
    tasks: Mapping[str, TaskScore]
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values: benchmark, overall, groups, tasks; where there are any, missing, transfer_gap, intervals."""
        plain: dict[str, Any] = {
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
        optional = {
            "missing": {name: list(codes) for name, codes in self.missing.items()},
            "transfer_gap": {name: dict(task.gap) for name, task in self.tasks.items() if task.gap},
            "intervals": {name: _intervals(task) for name, task in self.tasks.items()},
        }
        return plain | {key: value for key, value in optional.items() if value}


def _intervals(task: TaskScore) -> dict[str, dict[str, list[float]]]:
    return {
        name: {
            code: [estimate.low, estimate.high]
            for code, estimate in metric.languages.items()
            if estimate.low is not None and estimate.high is not None
        }
        for name, metric in task.metrics.items()
    }


def aggregate(
    benchmark: Benchmark,
    scores: Mapping[str, Mapping[str, UnitScore]],
    primaries: Mapping[str, tuple[str, ...]],
    warnings: Sequence[str] = (),
) -> BenchmarkScore:
    """Aggregates unit scores, ``scores[task][language]``; ``primaries[task]`` are the metrics that make its score.

    Only tasks and languages of the benchmark count. One without a name (an ad-hoc selection) gets no overall score.
    """
    tasks: dict[str, TaskScore] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for name, codes in benchmark.tasks.items():
        units = {code: scores[name][code] for code in codes if code in scores.get(name, {})}
        if units:
            tasks[name] = _task(codes, units, primaries[name])
        lacking = tuple(code for code in codes if code not in units)
        if lacking:
            missing[name] = lacking
    unit_warnings = [
        warning
        for name in tasks
        for code in benchmark.tasks[name]
        if code in scores[name]
        for warning in scores[name][code].warnings
    ]
    return BenchmarkScore(
        benchmark=benchmark.name or None,
        overall=_complete_mean(tasks, benchmark.tasks) if benchmark.name else None,
        groups={group: _complete_mean(tasks, members) for group, members in benchmark.groups.items()},
        tasks=tasks,
        missing=missing,
        warnings=(*warnings, *unit_warnings),
    )


def _complete_mean(tasks: Mapping[str, TaskScore], members: Iterable[str]) -> float | None:
    values = [tasks[name].score if name in tasks else None for name in members]
    present = [value for value in values if value is not None]
    return fmean(present) if present and len(present) == len(values) else None


def _task(codes: tuple[str, ...], units: Mapping[str, UnitScore], primary: tuple[str, ...]) -> TaskScore:
    names = dict.fromkeys(name for unit in units.values() for name in unit.metrics)
    metrics = {name: _metric(codes, name, units) for name in names}
    averages = [metrics[name].average for name in primary]
    complete = [average for average in averages if average is not None]
    return TaskScore(
        score=fmean(complete) if len(complete) == len(averages) else None,
        partial=fmean(metrics[name].partial for name in primary),
        primary=primary,
        metrics=metrics,
        gap=_gap(codes, {name: metrics[name] for name in primary}),
    )


def _metric(codes: tuple[str, ...], name: str, units: Mapping[str, UnitScore]) -> MetricScore:
    estimates = {code: unit.metrics[name] for code, unit in units.items() if name in unit.metrics}
    mean = fmean(estimate.value for estimate in estimates.values())
    return MetricScore(mean if len(estimates) == len(codes) else None, mean, estimates)


def _gap(codes: tuple[str, ...], primary: Mapping[str, MetricScore]) -> dict[str, float]:
    others = [code for code in codes if code != "en"]
    if "en" not in codes or not others or any(metric.average is None for metric in primary.values()):
        return {}
    gaps = {
        name: metric.languages["en"].value - fmean(metric.languages[code].value for code in others)
        for name, metric in primary.items()
    }
    return gaps | {"score": fmean(gaps.values())}
