"""Scores from files alone: official prediction and label files in, values with their uncertainty out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.arrays import FloatArray
from harness.core.border import border
from harness.core.errors import DataError, PluginError
from harness.registry.registry import load_part
from harness.scoring.aggregate import aggregate
from harness.scoring.bootstrap import Items
from harness.scoring.chance import Chance, constant_answer
from harness.scoring.estimates import estimate, recomputed
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import read_lines
from harness.scoring.metrics import get_metric
from harness.scoring.metrics.base import AdditiveMetric, Metric
from harness.scoring.scores import BenchmarkScore, Estimate, UnitScore
from harness.types.benchmarks import Benchmark
from harness.types.entity_tags import NoEntityTag
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def score_unit(
    task_name: str,
    metric: Metric,
    format: Format,
    language: str,
    predictions: Path,
    labels: Path,
    label_set: tuple[str, ...],
    choices: float | None = None,
) -> UnitScore:
    """Scores one prediction file against its label file.

    ``choices`` is how many answers there are to choose from (for the score of random ones), the labels by default.
    Raises :class:`~harness.core.errors.DataError`, naming file and line, for anything malformed; ``task_name`` is for it.
    """
    aligned = format.align(predictions, labels, label_set)
    if not aligned.gold:
        raise DataError(f"{labels}: nothing to score for {task_name} in {language}", hint="the label file has no items")
    warnings = (*aligned.warnings, *(f"{labels}: {remark}" for remark in metric.remarks(aligned.gold)))
    constant = constant_answer(aligned.gold, aligned.predicted)
    choices = choices or len(label_set) or None
    if not isinstance(metric, AdditiveMetric):
        if None in aligned.predicted:
            raise DataError(
                f"{predictions}: {aligned.predicted.count(None)} of {len(aligned.predicted)} items have no prediction, "
                f"and the metric {metric.name!r} cannot score them 0",
                hint="write a prediction for every item",
            )
        values = metric.compute(aligned.gold, aligned.predicted, language)
        chance = chance_of(metric, aligned.gold, language, choices)
        found = recomputed(metric, aligned.gold, aligned.predicted, language, aligned.clusters, values)
        return UnitScore(len(aligned.gold), _described(metric, found, chance), warnings, constant=constant)
    statistics = _statistics(metric, aligned, language, predictions, labels)
    whole = metric.whole(aligned.gold, aligned.predicted, statistics)
    chance = chance_of(metric, aligned.gold, language, choices)
    estimates = _described(metric, estimate(metric, statistics, aligned.clusters, whole), chance)
    items = Items(metric, aligned.ids, statistics, aligned.clusters)
    return UnitScore(len(aligned.gold), estimates, warnings, items, constant)


def _described(metric: Metric, estimates: Mapping[str, Estimate], chance: Mapping[str, Chance]) -> dict[str, Estimate]:
    """The numbers with their scale and what chance gives."""
    return {
        name: replace(found, chance=chance.get(name), scale=metric.scale_of(name)) for name, found in estimates.items()
    }


def chance_of(metric: Metric, gold: Sequence[Any], language: str, choices: float | None) -> dict[str, Chance]:
    """Chance in each number of a metric on these gold labels; what is not finite is left out.

    PluginError where the metric's ``chance`` fails or returns anything else.
    """
    hint = "it returns a harness.Chance for each number that has one, {} where there is none"
    with border(f"the metric {metric.name!r} failed: chance", PluginError, hint=hint):
        found = dict(metric.chance(gold, language, choices))
        for name, chance in found.items():
            if not isinstance(chance, Chance):
                raise TypeError(f"{name}: expected a Chance, not {type(chance).__name__}")
    return {name: chance for name, chance in found.items() if chance.level is not None and isfinite(chance.level)}


def item_statistics(
    metric: AdditiveMetric, format: Format, language: str, predictions: Path, labels: Path, label_set: tuple[str, ...]
) -> tuple[Aligned, FloatArray]:
    """The aligned items of a unit and their statistics, shape (n, k): what a paired comparison of two systems needs.

    A mining unit's items are the pairs in either file; a pair that another system does not list is all zeros there.
    """
    aligned = format.align(predictions, labels, label_set)
    return aligned, _statistics(metric, aligned, language, predictions, labels)


def _statistics(metric: AdditiveMetric, aligned: Aligned, language: str, predictions: Path, labels: Path) -> FloatArray:
    """The metric's statistics; DataError naming file and line for a tag that it would misread."""
    try:
        return metric.statistics(aligned.gold, aligned.predicted, language)
    except NoEntityTag as error:
        path = labels if any(error.tag in tags for tags in aligned.gold) else predictions
        lines = read_lines(path)
        place = f"{path}:{lines.index(error.tag) + 1}" if error.tag in lines else str(path)
        raise DataError(f"{place}: {error}", hint=error.hint) from None


@dataclass(frozen=True)
class TaskScorer:
    """Scores the files of one task."""

    name: str
    metric: Metric
    format: Format
    labels: tuple[str, ...]
    by_item: bool = False
    counting: Callable[[str], tuple[str, ...]] = lambda split: ()
    """The languages of the task that have a split."""

    @classmethod
    def of(cls, registry: Registry, name: str, metric: str = "") -> TaskScorer:
        """The scorer of a registered target task, with its metric unless another is named.

        The registry's errors where there is no such task.
        """
        task = registry.task(name)
        format_ = load_part(registry.family(task.family), "format")()
        by_item = task.average == "items"
        return cls(name, get_metric(metric or task.metric), format_, task.labels, by_item, task.languages_with)

    def score(self, predictions: Path, labels: Path, language: str, split: str = "test") -> UnitScore:
        """Scores one language, from trees of files in the official layout."""
        left, right = (self.format.path(root, self.name, language, split) for root in (predictions, labels))
        return score_unit(self.name, self.metric, self.format, language, left, right, self.labels)

    def items(self, predictions: Path, labels: Path, language: str) -> Items | None:
        """The items of one prediction file and its label file, without scores; None where the metric has none."""
        if not isinstance(self.metric, AdditiveMetric):
            return None
        aligned, statistics = item_statistics(self.metric, self.format, language, predictions, labels, self.labels)
        return Items(self.metric, aligned.ids, statistics, aligned.clusters)

    def languages(self, root: Path, split: str) -> set[str]:
        """Languages of which ``root`` holds a file of this task; pairs of mixed languages are in none."""
        pattern = self.format.path(root, self.name, "*", split)
        codes = {path.stem.removeprefix(f"{split}-") for path in pattern.parent.glob(pattern.name)}
        return {code for code in codes if Unit(self.name, code, split).plain}


def score_folders(
    predictions: Path,
    labels: Path,
    benchmark: Benchmark,
    tasks: Callable[[str], TaskScorer],
    selection: Mapping[str, tuple[str, ...]] | None = None,
) -> BenchmarkScore:
    """Scores two trees in the official layout, ``{task}/test-{language}.{ext}``, as the official scorer does.

    A task counts if both trees have its folder; then each of its languages must have both files, or a DataError lists
    those that lack. ``selection`` (tasks and languages) narrows it; ``tasks`` gives a task's scorer by name.
    """
    wanted = benchmark.tasks if selection is None else selection
    present = [_task_folders(root) for root in (predictions, labels)]
    both = {name: codes for name, codes in wanted.items() if all(name in folders for folders in present)}
    if not both:
        raise DataError(
            f"no task of {benchmark.name} has a folder in both {predictions} and {labels}",
            hint=f"expected folders such as {next(iter(wanted))}/ with files such as test-en.tsv",
        )
    scorers = {name: tasks(name) for name in both}
    _refuse_missing(
        [
            path
            for name, codes in both.items()
            for code in codes
            for root in (predictions, labels)
            if not (path := scorers[name].format.path(root, name, code)).is_file()
        ]
    )
    scores = {
        name: {code: scorers[name].score(predictions, labels, code) for code in codes} for name, codes in both.items()
    }
    warnings = _one_sided(wanted, predictions, labels, present)
    unknown = sorted(present[0] - set(benchmark.tasks))
    if unknown:
        warnings.append(f"{predictions}: no task of {benchmark.name}, ignored: {', '.join(unknown)}")
    return _aggregated(benchmark, scores, scorers, warnings)


def score_available(
    predictions: Path,
    labels: Path,
    benchmark: Benchmark | None,
    tasks: Callable[[str], TaskScorer],
    split: str = "test",
    selection: Mapping[str, tuple[str, ...]] | None = None,
    notes: Sequence[str] = (),
) -> BenchmarkScore:
    """Scores everything that two trees have in common (a run that is not complete); nothing missing is an error.

    Without a benchmark, the tasks found are listed, with no overall score; a task has a score where all of its languages
    are found. ``notes`` are known warnings.
    """
    present = [_task_folders(root) for root in (predictions, labels)]
    known = present[0] | present[1] if benchmark is None else set(benchmark.tasks)
    wanted = known if selection is None else known & set(selection)
    warnings = [*notes, *_one_sided(sorted(wanted), predictions, labels, present)]
    unknown = sorted(present[0] - known)
    if unknown and benchmark is not None:
        warnings.append(f"{predictions}: no task of {benchmark.name}, ignored: {', '.join(unknown)}")
    scorers = {name: tasks(name) for name in sorted(wanted & present[0] & present[1])}
    scores: dict[str, dict[str, UnitScore]] = {}
    for name, scorer in scorers.items():
        predicted, labelled = (scorer.languages(root, split) for root in (predictions, labels))
        codes = predicted & labelled
        if selection is not None:
            codes &= set(selection[name])
        scores[name] = {code: scorer.score(predictions, labels, code, split) for code in sorted(codes)}
        bare = sorted(predicted - labelled)
        if bare:
            warnings.append(f"{name}: predicted but without labels, not scored: {', '.join(bare)}")
    if not any(scores.values()):
        raise DataError(f"{predictions} and {labels} have no unit in common to score", hint="has the run finished one?")
    counting = {name: whole(list(units), scorers[name].counting(split)) for name, units in scores.items()}
    return _aggregated(benchmark or selected_tasks(counting), scores, scorers, warnings)


def selected_tasks(tasks: Mapping[str, tuple[str, ...]]) -> Benchmark:
    """Stands for tasks that are no benchmark, with the languages that count in each."""
    return Benchmark("", 0, "selected tasks", tasks, {}, "")


def whole(found: Sequence[str], declared: Sequence[str]) -> tuple[str, ...]:
    """The languages that count where no benchmark says so: those that a task declares, and others that were found."""
    return (*declared, *(code for code in found if code not in declared))


def _aggregated(
    benchmark: Benchmark,
    scores: Mapping[str, Mapping[str, UnitScore]],
    scorers: Mapping[str, TaskScorer],
    warnings: Sequence[str],
) -> BenchmarkScore:
    primaries = {name: scorer.metric.primary for name, scorer in scorers.items()}
    by_item = {name for name, scorer in scorers.items() if scorer.by_item}
    return aggregate(benchmark, scores, primaries, warnings, by_item)


def _task_folders(root: Path) -> set[str]:
    if not root.is_dir():
        raise DataError(
            f"{root}: no such folder", hint="expected a folder with one folder a task, such as xnli/test-sw.tsv"
        )
    return {path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")}


def _one_sided(wanted: Sequence[str] | Mapping[str, object], *sides: Any) -> list[str]:
    predictions, labels, (predicted, labelled) = sides
    warnings = [f"{name}: no labels in {labels}, not scored" for name in wanted if name in predicted - labelled]
    return warnings + [
        f"{name}: no predictions in {predictions}, not scored" for name in wanted if name in labelled - predicted
    ]


def _refuse_missing(paths: Sequence[Path]) -> None:
    if paths:
        shown = "".join(f"\n  {path}" for path in paths[:20]) + ("\n  ..." if len(paths) > 20 else "")
        raise DataError(
            f"{len(paths)} files of the submission are missing:{shown}",
            hint="a task with a folder needs every language of the benchmark; leave the folder out to skip the task",
        )
