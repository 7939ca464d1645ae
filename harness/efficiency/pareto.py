"""Accuracy against latency: runs of the models that were measured, and those of them that no other one beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.analysis.effects import pareto_front
from harness.core.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from harness.results.run_view import RunView


@dataclass(frozen=True)
class ScoredRun:
    """A run of a measured model: its mean score of the task over ``languages``, and the model's median latency in ms.

    ``front`` tells that no other run is both as quick and as accurate.
    """

    run: str
    model: str
    score: float
    half_width: float | None
    languages: tuple[str, ...]
    milliseconds: float
    front: bool = False


@dataclass(frozen=True)
class Known:
    """A model that is measured, as runs name it."""

    reference: str
    fingerprint: str


def models_of(runs: Sequence[RunView], task: str, known: Sequence[Known]) -> list[int]:
    """The position of each run's model, that with its reference or its fingerprint.

    UsageError for a run of another model, one without the task, and runs without a common language.
    """
    for run in runs:
        if task not in run.tasks or not run.tasks[task].units:
            raise UsageError(
                f"--scores {run.name}: no score of {task}", hint=f"it has {', '.join(run.tasks) or 'none'}"
            )
    if runs and not common_languages(runs, task):
        raise UsageError("--scores: the runs have no language in common", hint="score them on the same languages")
    return [_position(run, known) for run in runs]


def common_languages(runs: Sequence[RunView], task: str) -> list[str]:
    """The languages of the task that all runs have, sorted."""
    return sorted(set.intersection(*(set(run.tasks[task].units) for run in runs)))


def scored_runs(
    runs: Sequence[RunView], task: str, known: Sequence[Known], names: Sequence[str], milliseconds: Sequence[float]
) -> tuple[ScoredRun, ...]:
    """The runs with the names and the latencies of their models, over the languages that all of them have."""
    made = []
    for run, position in zip(runs, models_of(runs, task, known), strict=True):
        common = common_languages(runs, task)
        score = run.tasks[task].mean(common)
        assert score is not None
        half = run.tasks[task].half_width if len(common) == len(run.tasks[task].units) else None
        made.append(ScoredRun(run.name, names[position], score, half, tuple(common), milliseconds[position]))
    return tuple(replace(run, front=on_front(run, made)) for run in made)


def on_front(run: ScoredRun, others: Sequence[ScoredRun]) -> bool:
    """Tells whether no other run is at least as good in both and better in one."""
    return pareto_front.on_front(run.milliseconds, run.score, ((each.milliseconds, each.score) for each in others))


def _position(run: RunView, known: Sequence[Known]) -> int:
    about = run.record["model"]
    reference, fingerprint = str(about["reference"]), about.get("fingerprint")
    for position, model in enumerate(known):
        if reference == model.reference or (model.fingerprint and fingerprint == model.fingerprint):
            return position
    raise UsageError(
        f"--scores {run.name}: a run of {reference}, which is not measured",
        hint=did_you_mean(reference, [model.reference for model in known]),
    )
