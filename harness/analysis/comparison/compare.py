"""Compares systems unit by unit: paired bootstrap over shared draws, McNemar where it applies, Holm over each family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.analysis.comparison._pairing import common_units, paired_items
from harness.analysis.comparison._significance import McNemar, bootstrap_p, holm, mcnemar, seed_factor
from harness.analysis.comparison.result import ComparedSystem, Comparison, Difference, Line, TaskComparison
from harness.core.arrays import FloatArray
from harness.core.errors import UsageError
from harness.registry.registry import Registry
from harness.results.run_view import RunView
from harness.results.systems import System, load_systems
from harness.scoring.bootstrap import IntArray, Items, joint_sums, owners
from harness.scoring.chance import AT_CHANCE, BELOW_CHANCE
from harness.scoring.coverage import coverage
from harness.scoring.files import TaskScorer
from harness.scoring.intervals import percentiles
from harness.scoring.metrics.base import AdditiveMetric
from harness.scoring.scale import common_scale
from harness.types.defaults import RESAMPLES
from harness.types.units import Unit

_SEED = 20200326


@dataclass(frozen=True)
class Sampled:
    """A number of every run: its value, shape (runs,), and its bootstrap replicates, shape (resamples, runs).

    ``unlike`` holds, for each system but the baseline, the numbers of the drawn items on which the two are not equal.
    """

    points: FloatArray
    replicates: FloatArray
    unlike: tuple[IntArray, ...]


class Comparer:
    """Turns sampled numbers of runs into differences of systems."""

    def __init__(self, systems: Sequence[System], resamples: int) -> None:
        self.systems = systems
        self.resamples = resamples
        self.numbered = 0
        """Number of items drawn by earlier tasks, from which the next task's are numbered."""
        generator = np.random.default_rng(_SEED)
        self.columns: list[slice] = []
        # a run is drawn for all languages and tasks at once: its luck with the seed is the same in all of them
        self.picks = []
        start = 0
        for system in systems:
            count = len(system.runs)
            self.columns.append(slice(start, start + count))
            self.picks.append(generator.integers(0, count, size=(resamples, count)))
            start += count

    def line(self, sampled: Sampled, n: int = 0, exact: Sequence[McNemar | None] = ()) -> Line:
        """The scores and differences; p-values are not corrected yet. ``exact`` holds McNemar's test for each system."""
        values = [sampled.points[column] for column in self.columns]
        differences = []
        for index in range(1, len(self.systems)):
            drawn = self._replicates(sampled, index) - self._replicates(sampled, 0, beside=index)
            error, low, high = percentiles(drawn)
            test = exact[index - 1] if exact else None
            p = test.mid_p if test else bootstrap_p(drawn, len(sampled.unlike[index - 1]))
            value = float(values[index].mean() - values[0].mean())
            kind = "mcnemar" if test else "bootstrap"
            differences.append(Difference(self.systems[index].name, value, error, low, high, p, p, kind, test))
        deviations = tuple(float(value.std(ddof=1)) if len(value) > 1 else None for value in values)
        return Line(tuple(float(value.mean()) for value in values), deviations, tuple(differences), n)

    def unlike(self, items: Items, numbers: IntArray) -> tuple[IntArray, ...]:
        """For each system but the baseline, the drawn items of a unit on which its mean outcome is another."""
        statistics = items.statistics.reshape(len(items.ids), self.columns[-1].stop, -1)
        means = [statistics[:, column].mean(axis=1) for column in self.columns]
        return tuple(np.unique(numbers[(mean != means[0]).any(axis=1)]) + self.numbered for mean in means[1:])

    def _replicates(self, sampled: Sampled, index: int, beside: int = 0) -> FloatArray:
        """Replicates of a system's mean over its runs, when compared with the system ``beside``, shape (resamples,)."""
        drawn = sampled.replicates[:, self.columns[index]]
        mean = np.asarray(drawn.mean(axis=1))
        count = drawn.shape[1]
        if count == 1:
            return mean
        sizes = [len(self.systems[each].runs) for each in (index, beside)]
        factor = seed_factor(count, sum(size - 1 for size in sizes))
        picked = np.take_along_axis(drawn, self.picks[index], axis=1).mean(axis=1)
        return np.asarray(mean + factor * (picked - mean))


def compare_systems(
    groups: Sequence[Sequence[Path]],
    registry: Registry,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compares systems, each a group of run folders that differ by the seed, with the first as the baseline.

    The families of Holm's correction are the languages of a task, and the tasks, each times the systems compared.
    Raises what :func:`~harness.results.systems.load_systems` and :func:`~harness.analysis.comparison._pairing.common_units` do.
    """
    if len(groups) < 2:
        raise UsageError("nothing to compare: give two systems or more", hint="harness compare runs/A runs/B")
    systems = load_systems(groups)
    runs = [(system.name, run) for system in systems for run in system.runs]
    common = common_units(runs, registry, tasks, languages)
    comparer = Comparer(systems, resamples)
    compared: dict[str, TaskComparison] = {}
    scores: dict[str, Sampled] = {}
    left_out = dict(common.left_out)
    for name, units in common.units.items():
        scorer = TaskScorer.of(registry, name)
        if not isinstance(scorer.metric, AdditiveMetric):
            left_out |= {unit.key: "its metric has no values of single examples" for unit in units.values()}
            continue
        items = {code: paired_items(scorer, unit, [run for _, run in runs]) for code, unit in units.items()}
        few = {
            code for code, numbers in zip(items, owners(list(items.values()))[0], strict=True) if np.ptp(numbers) == 0
        }
        left_out |= {units[code].key: "a single example or passage says nothing of uncertainty" for code in few}
        items = {code: found for code, found in items.items() if code not in few}
        if not items:
            continue
        compared[name], scores[name] = _task(comparer, scorer, registry.task(name).version, items)
    if not compared:
        raise UsageError("nothing to compare: no shared unit has values of single examples")
    _correct_tasks(compared)
    overall = None
    if len(compared) > 1:
        scale = common_scale(task.average.scale for task in compared.values())
        overall = replace(_corrected([comparer.line(_mean(list(scores.values())))])[0], scale=scale)
    return Comparison(
        systems=tuple(_describe(system) for system in systems),
        tasks=compared,
        overall=overall,
        complete=_complete(systems, registry, common.units, compared),
        left_out=left_out,
        notes=tuple(_notes(systems, compared)),
        resamples=resamples,
    )


def _task(
    comparer: Comparer, scorer: TaskScorer, version: int, units: Mapping[str, Items]
) -> tuple[TaskComparison, Sampled]:
    metric = next(iter(units.values())).metric
    runs = comparer.columns[-1].stop
    numbers, count = owners(list(units.values()))
    drawn = joint_sums(list(units.values()), scorer.name, comparer.resamples)
    sampled = {}
    for (code, items), sums, number in zip(units.items(), drawn, numbers, strict=True):
        unlike = comparer.unlike(items, number)
        sampled[code] = _sampled(metric, items, sums, runs, unlike)
    comparer.numbered += count
    names = [*(["score"] if len(metric.primary) > 1 else []), *metric.primary]
    weights = [len(items.ids) if scorer.by_item else 1 for items in units.values()]
    average = {key: _mean([values[key] for values in sampled.values()], weights) for key in names}
    lines = {}
    scale = common_scale(map(metric.scale_of, metric.primary))
    for code, values in sampled.items():
        exact = _exact(comparer, metric, units[code])
        table = {key: comparer.line(values[key], len(units[code].ids), exact) for key in names}
        lines[code] = replace(
            _with_parts(table), chance_marks=_chance_marks(comparer.systems, scorer.name, [code]), scale=scale
        )
    per_language = dict(zip(lines, _corrected(list(lines.values())), strict=True))
    n = sum(line.n for line in lines.values())
    whole = _with_parts({key: comparer.line(values, n) for key, values in average.items()})
    whole = replace(whole, chance_marks=_chance_marks(comparer.systems, scorer.name, list(units)), scale=scale)
    return TaskComparison(version, metric.primary, whole, per_language), average[names[0]]


def _chance_marks(systems: Sequence[System], task: str, codes: Sequence[str]) -> tuple[str, ...]:
    """The mark of each system of which no run is above chance in these languages, as it is recorded; "" of the others."""

    def mark(run: RunView) -> str:
        view = run.tasks.get(task)
        return view.chance_mark(codes) if view is not None and view.units.keys() >= set(codes) else ""

    found = [{mark(run) for run in system.runs} for system in systems]
    return tuple("" if "" in marks else BELOW_CHANCE if marks == {BELOW_CHANCE} else AT_CHANCE for marks in found)


def _sampled(
    metric: AdditiveMetric, items: Items, sums: FloatArray, runs: int, unlike: tuple[IntArray, ...]
) -> dict[str, Sampled]:
    """Each primary number of every run in one language and, where there are several, their mean, the "score"."""
    points = metric.finish(items.statistics.sum(axis=0).reshape(runs, -1))
    replicates = metric.finish(sums.reshape(len(sums), runs, -1))
    found = {key: Sampled(points[key], replicates[key], unlike) for key in metric.primary}
    return {"score": _mean(list(found.values())), **found} if len(found) > 1 else found


def _mean(parts: Sequence[Sampled], weights: Sequence[int] | None = None) -> Sampled:
    return Sampled(
        points=np.average([part.points for part in parts], axis=0, weights=weights),
        replicates=np.average([part.replicates for part in parts], axis=0, weights=weights),
        unlike=tuple(
            np.unique(np.concatenate(numbers)) for numbers in zip(*(part.unlike for part in parts), strict=True)
        ),
    )


def _with_parts(table: dict[str, Line]) -> Line:
    first, *others = table
    return replace(table[first], metrics={key: table[key] for key in others})


def _exact(comparer: Comparer, metric: AdditiveMetric, items: Items) -> list[McNemar | None]:
    """McNemar's test of each system with the baseline, where items are independent, each right or wrong, one seed each."""
    single = len(metric.primary) == 1 and metric.primary[0] in metric.proportions
    if not single or items.clusters is not None or any(len(system.runs) > 1 for system in comparer.systems):
        return []
    each = metric.finish(items.statistics.reshape(len(items.ids), len(comparer.systems), -1))[metric.primary[0]]
    if not np.isin(each, (0.0, 100.0)).all() or not _one_each(items, len(comparer.systems)):
        return []
    right = each > 0
    return [
        mcnemar(int((right[:, 0] & ~right[:, index]).sum()), int((~right[:, 0] & right[:, index]).sum()))
        for index in range(1, right.shape[1])
    ]


def _one_each(items: Items, systems: int) -> bool:
    """Tells whether every item weighs the same: the last statistic of a share is its number of decisions."""
    return bool((items.statistics.reshape(len(items.ids), systems, -1)[..., -1] == 1).all())


def _corrected(lines: Sequence[Line]) -> list[Line]:
    """The lines with Holm's correction over all their differences; the numbers within a line are corrected alike."""
    values = iter(holm([difference.p for line in lines for difference in line.differences]))
    found = [
        replace(line, differences=tuple(replace(d, p_holm=next(values)) for d in line.differences)) for line in lines
    ]
    keys = list(lines[0].metrics)
    parts = {key: _corrected([line.metrics[key] for line in lines]) for key in keys}
    return [
        replace(line, metrics={key: parts[key][index] for key in keys}) if keys else line
        for index, line in enumerate(found)
    ]


def _correct_tasks(compared: dict[str, TaskComparison]) -> None:
    bare = [replace(task.average, metrics={}) for task in compared.values()]
    for (name, task), line in zip(list(compared.items()), _corrected(bare), strict=True):
        compared[name] = replace(task, average=replace(line, metrics=task.average.metrics))


def _complete(
    systems: Sequence[System],
    registry: Registry,
    units: Mapping[str, Mapping[str, Unit]],
    compared: Mapping[str, TaskComparison],
) -> str | None:
    """The benchmark that all systems ran, if every one of its units was compared."""
    name, *others = {system.first.benchmark for system in systems}
    if others or name is None:
        return None
    benchmark = registry.benchmark(name)
    if set(compared) != set(benchmark.tasks) or getattr(benchmark, "overall", None):  # its own rule is no plain mean
        return None
    return benchmark.name if all(set(units[name]) == set(codes) for name, codes in benchmark.tasks.items()) else None


def _counting(systems: Sequence[System], task: str) -> int:
    """Counts the languages of a task that its score is over: the benchmark's or, without one, all of the task."""
    views = [view for system in systems for run in system.runs if (view := run.tasks.get(task)) is not None]
    return max((len(view.units) + len(view.missing) for view in views), default=0)


def _describe(system: System) -> ComparedSystem:
    first = system.first
    return ComparedSystem(
        name=system.name,
        runs=tuple(str(run.folder) for run in system.runs),
        model=first.reference,
        fingerprint=first.record["model"].get("fingerprint"),
        via=first.via,
        seeds=tuple(sorted({seed for run in system.runs for seed in run.seeds})),
        partial=tuple(first.partial),
    )


def _translated(system: System) -> bool:
    return any(unit["data"].get("in_place_of") for run in system.runs for unit in run.units.values())


def _notes(systems: Sequence[System], compared: Mapping[str, TaskComparison]) -> list[str]:
    counts = ((name, len(task.languages), _counting(systems, name)) for name, task in compared.items())
    notes = [found] if (found := coverage(counts)) else []
    for system in systems:
        if others := [reason for reason in system.first.partial if reason != system.first.coverage]:
            notes.append(f"{system.name}: not benchmark scores: {'; '.join(others)}")
    if translated := [system.name for system in systems if _translated(system)]:
        notes.append(f"scored on the English translation of the test text: {', '.join(translated)}")
    single = [system.name for system in systems if len(system.runs) == 1 and system.runs[0].seeds]
    if single:
        notes.append(
            f"one training seed: {', '.join(single)}; the intervals say how far the choice of test items matters, "
            "not how far another seed would change the scores"
        )
    versions = {run.record["harness"]["version"] for system in systems for run in system.runs}
    if len(versions) > 1:
        notes.append(f"the runs come from several versions of the harness: {', '.join(sorted(versions))}")
    return notes
