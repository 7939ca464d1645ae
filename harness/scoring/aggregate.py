"""From unit scores to task scores, groups and the overall score, by XTREME's rule.

A metric's average is the plain mean over the benchmark's languages, English included, or, where a task says so, the mean
over the items of all of them (languages weigh as many items as they have); a task's score is the mean of its primary
metrics' averages; a group and the overall score are plain means of task scores. Nothing is averaged over an
incomplete set: the value is None, what is missing is listed, and the mean of those present is kept apart as ``partial``,
with its interval.

Averages over languages and tasks carry bootstrap intervals (:mod:`harness.scoring.bootstrap`) where the items of all units
are available. They say how far the score depends on the choice of test items; they do not cover the training seed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isfinite
from statistics import fmean

import numpy as np

from harness.core.arrays import FloatArray
from harness.core.border import border
from harness.core.errors import PluginError
from harness.registry.registry import load_part
from harness.scoring.bootstrap import Items, mean_replicates
from harness.scoring.chance import mean_chance
from harness.scoring.intervals import percentiles
from harness.scoring.scores import BenchmarkScore, Interval, MetricScore, TaskScore, UnitScore, transfer_gap
from harness.types.benchmarks import Benchmark


def aggregate(
    benchmark: Benchmark,
    scores: Mapping[str, Mapping[str, UnitScore]],
    primaries: Mapping[str, tuple[str, ...]],
    warnings: Sequence[str] = (),
    by_item: Collection[str] = (),
) -> BenchmarkScore:
    """Aggregates unit scores, ``scores[task][language]``; ``primaries[task]`` are the metrics that make its score.

    ``by_item`` names the tasks that are averaged over the items of all languages, not over languages.

    Only tasks and languages of the benchmark count. One without a name (selected tasks) gets no overall score.
    """
    tasks: dict[str, TaskScore] = {}
    missing: dict[str, tuple[str, ...]] = {}
    replicates: dict[str, FloatArray] = {}
    for name, codes in benchmark.tasks.items():
        units = {code: scores[name][code] for code in codes if code in scores.get(name, {})}
        if units:
            weights = {code: unit.n if name in by_item else 1 for code, unit in units.items()}
            drawn = _replicates(name, units, weights)
            tasks[name] = _task(codes, units, primaries[name], drawn, weights)
            if drawn and len(units) == len(codes):
                replicates[name] = np.mean([drawn[key] for key in primaries[name]], axis=0)
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
        overall=_overall(benchmark, tasks),
        groups={group: _complete_mean(tasks, members) for group, members in benchmark.groups.items()},
        tasks=tasks,
        missing=missing,
        warnings=(*warnings, *unit_warnings),
        interval=_mean_interval(replicates, benchmark.tasks) if benchmark.name and not benchmark.overall else None,
        group_intervals={
            group: interval
            for group, members in benchmark.groups.items()
            if (interval := _mean_interval(replicates, members)) is not None
        },
        gap=_mean_gap(benchmark, tasks) if benchmark.name else None,
    )


def _replicates(name: str, units: Mapping[str, UnitScore], weights: Mapping[str, int]) -> dict[str, FloatArray]:
    """The averages over the units in every bootstrap sample; empty where the items of one of them are missing."""
    items: dict[str, Items] = {code: unit.items for code, unit in units.items() if unit.items is not None}
    return mean_replicates(items, name, list(weights.values())) if len(items) == len(units) else {}


def _interval(replicates: FloatArray | None) -> Interval | None:
    return None if replicates is None else Interval(*percentiles(replicates))


def _mean_interval(replicates: Mapping[str, FloatArray], members: Iterable[str]) -> Interval | None:
    values = [replicates.get(name) for name in members]
    present = [value for value in values if value is not None]
    return _interval(np.mean(present, axis=0)) if present and len(present) == len(values) else None


def _overall(benchmark: Benchmark, tasks: Mapping[str, TaskScore]) -> float | None:
    """The overall score by the benchmark's rule; None without a name (a selection), or with a task incomplete."""
    mean = _complete_mean(tasks, benchmark.tasks) if benchmark.name else None
    if mean is None or not benchmark.overall:
        return mean
    hint = f"{benchmark.overall} takes the scores of the tasks and returns a number"
    with border(f"plugin {benchmark.provider}: benchmark {benchmark.name!r}: overall", PluginError, hint=hint):
        overall = float(load_part(benchmark, "overall")(tasks))
        if not isfinite(overall):
            raise ValueError(f"{overall} is not a finite number")
        return overall


def _complete_mean(tasks: Mapping[str, TaskScore], members: Iterable[str]) -> float | None:
    return _mean_of_all([tasks[name].score if name in tasks else None for name in members])


def _mean_of_all(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return fmean(present) if present and len(present) == len(values) else None


def _mean_gap(benchmark: Benchmark, tasks: Mapping[str, TaskScore]) -> float | None:
    """The mean over the tasks with a gap, which are those with English and another language."""
    names = [name for name, codes in benchmark.tasks.items() if "en" in codes and len(codes) > 1]
    return _mean_of_all([tasks[name].gap.get("score") if name in tasks else None for name in names])


def _task(
    codes: tuple[str, ...],
    units: Mapping[str, UnitScore],
    primary: tuple[str, ...],
    replicates: Mapping[str, FloatArray],
    weights: Mapping[str, int],
) -> TaskScore:
    names = dict.fromkeys(name for unit in units.values() for name in unit.metrics)
    intervals = {name: _interval(replicates.get(name)) for name in names}
    whole = _interval(np.mean([replicates[name] for name in primary], axis=0) if replicates else None)
    if len(units) == 1:  # the average is that language's number, and so is its interval
        intervals, whole = _only(next(iter(units.values())), primary)
    metrics = {name: _metric(codes, name, units, intervals[name], weights) for name in names}
    averages = [metrics[name].average for name in primary]
    complete = [average for average in averages if average is not None]
    return TaskScore(
        score=fmean(complete) if len(complete) == len(averages) else None,
        partial=fmean(metrics[name].partial for name in primary),
        primary=primary,
        metrics=metrics,
        gap=_gap(codes, {name: metrics[name] for name in primary}),
        interval=whole,
    )


def _only(unit: UnitScore, primary: tuple[str, ...]) -> tuple[dict[str, Interval | None], Interval | None]:
    """The intervals of one language's numbers, and that of their mean: the mean of theirs, as they rise and fall together."""
    own = {
        name: Interval(found.stderr, found.low, found.high)
        if found.stderr is not None and found.low is not None and found.high is not None
        else None
        for name, found in unit.metrics.items()
    }
    parts = [part for name in primary if (part := own.get(name)) is not None]
    if len(parts) < len(primary):
        return own, None
    return own, Interval(
        fmean(part.stderr for part in parts), fmean(part.low for part in parts), fmean(part.high for part in parts)
    )


def _metric(
    codes: tuple[str, ...],
    name: str,
    units: Mapping[str, UnitScore],
    interval: Interval | None,
    weights: Mapping[str, int],
) -> MetricScore:
    estimates = {code: unit.metrics[name] for code, unit in units.items() if name in unit.metrics}
    each = [weights[code] for code in estimates]
    mean = fmean([estimate.value for estimate in estimates.values()], each)
    chance = mean_chance((estimate.chance for estimate in estimates.values()), each)
    return MetricScore(mean if len(estimates) == len(codes) else None, mean, estimates, interval, chance)


def _gap(codes: tuple[str, ...], primary: Mapping[str, MetricScore]) -> dict[str, float]:
    if any(metric.average is None for metric in primary.values()):
        return {}
    found = {
        name: transfer_gap({code: metric.languages[code].value for code in codes}) for name, metric in primary.items()
    }
    gaps = {name: gap.points for name, gap in found.items() if gap is not None}
    return gaps | {"score": fmean(gaps.values())} if gaps else {}
