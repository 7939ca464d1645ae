"""The search for an option of the target stages, by English dev scores; data of the target languages are not touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError, UsageError
from harness.registry.select import select
from harness.results.systems import load_run
from harness.training.sources import task_of, training_tasks
from harness.types.options import EvalOptions

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.studies.job import Choice

SEARCH = "search"
"""The folder of the runs of searches, beside the models'."""
RECIPE = "recipe"
"""Name of the recipe's own value in the names of folders."""


@dataclass(frozen=True)
class Tried:
    """A value that a search tries; None is the recipe's own, whatever it is for a task."""

    option: str
    value: float | None

    @property
    def text(self) -> str:
        """The value as an override takes it; "" for the recipe's own."""
        return "" if self.value is None else repr(self.value)

    def __str__(self) -> str:
        return f"{self.option}={self.text or RECIPE}"


def searched_tasks(registry: Registry, benchmark: str | None, tasks: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The targets whose English dev scores decide, each with the targets that it decides for.

    These are itself, and those without English dev data that are trained on the same data (XQuAD goes with MLQA). Any other
    target keeps the recipe's own value. UsageError where no target has English dev data.
    """
    listed = registry.benchmark(benchmark).tasks if benchmark else None
    deciding: dict[str, tuple[str, ...]] = {}
    undecided: list[str] = []
    trained: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys(unit.task for unit in select(registry, benchmark, tasks)):
        task = task_of(registry, name, benchmark)
        trained[name] = tuple(f"{source.name} {source.version}" for source in training_tasks(task, registry))
        if not trained[name]:
            continue
        if "dev" in task.languages.get("en", {}) and (listed is None or "en" in listed[name]):
            deciding[name] = (name,)
        else:
            undecided.append(name)
    for name in undecided:
        decider = next((other for other in deciding if trained[other] == trained[name]), None)
        if decider is not None:
            deciding[decider] = (*deciding[decider], name)
    if not deciding:
        what = ", ".join(tasks) or benchmark
        raise UsageError(f"nothing can be searched on {what}: no task that is trained has English dev data")
    return deciding


def with_value(options: EvalOptions, tried: Tried, tasks: Sequence[str]) -> EvalOptions:
    """The options of a run that tries a value on the stages of these targets."""
    if tried.value is None:
        return options
    return replace(options, overrides={**options.overrides, **{f"{task}.{tried.option}": tried.text for task in tasks}})


def english_dev(choice: Choice) -> dict[str, dict[str, float]]:
    """The English dev score of each value that was tried, by task; DataError where a run is not finished."""
    scores: dict[str, dict[str, float]] = {}
    for value, folder in choice.runs.items():
        run = load_run(Path(folder))
        if run.finished is None:
            raise DataError(f"{folder}: not a finished run, on which the choice of {choice.option} depends")
        for name, task in run.tasks.items():
            if "en" in task.units:
                scores.setdefault(name, {})[value] = task.units["en"].score.value
    return scores


def best_value(scores: Mapping[str, float]) -> str:
    """The value with the best score; of several the recipe's own (""), else the smallest."""
    return min(scores, key=lambda value: (-scores[value], float(value) if value else float("-inf")))


def chosen_values(choice: Choice, deciding: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The value that each target takes, "" for the recipe's own."""
    scores = english_dev(choice)
    return {
        target: best_value(scores[task]) for task, targets in deciding.items() if task in scores for target in targets
    }


def chosen_overrides(choice: Choice, deciding: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The single options that a choice amounts to: ``{"xnli.lr": "3e-05"}``; none where the recipe's own value is best."""
    return {f"{task}.{choice.option}": value for task, value in chosen_values(choice, deciding).items() if value}
