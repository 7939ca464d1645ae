"""Training data of target tasks: their own, those of other tasks that they name, or those that a benchmark gives them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from harness.core.errors import HarnessError, PluginError
from harness.types.sources import DatasetsData, FileData, Source, Split, described
from harness.types.tasks import IntermediateTask, TargetTask, Task

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def task_of(registry: Registry, name: str, benchmark: str | None) -> TargetTask:
    """A target task, with the training that the benchmark gives it where that is not its own."""
    task = registry.task(name)
    trained_on = registry.benchmark(benchmark).train if benchmark is not None else {}
    return replace(task, train=trained_on[name]) if name in trained_on else task


def benchmark_training(task: TargetTask, registry: Registry) -> dict[str, str]:
    """The benchmarks that give a task other training data than its own, and the tasks that they name."""
    return {
        name: training_source(task_of(registry, task.name, name))
        for name, benchmark in registry.benchmarks().items()
        if task.name in benchmark.train
    }


def training_tasks(task: TargetTask, registry: Registry) -> tuple[IntermediateTask, ...]:
    """Training tasks of a target task, in sequence: its own English train split, other tasks by name, or nothing.

    PluginError, naming who provides the task, where another task that it names is not available.
    """
    if task.train is None:
        return ()
    if not isinstance(task.train, Split):
        names = (task.train,) if isinstance(task.train, str) else task.train
        return tuple(_intermediate(task, name, registry) for name in names)
    own = IntermediateTask(
        name=task.name,
        version=task.version,
        family=task.family,
        train=task.train,
        example=task.example,
        metric=task.metric,
        labels=task.labels,
        options=task.options,
        provider=task.provider,
        licence=task.licence,
        citation=task.citation,
        dev=cast(Split, task.languages.get("en", {}).get("dev")),  # without one, part of the training data
        languages={
            code: {"train": table["train"]}
            for code, table in task.languages.items()
            if "train" in table and code != "en"
        },
    )
    return (own,)


def _intermediate(task: TargetTask, name: str, registry: Registry) -> IntermediateTask:
    try:
        return registry.intermediate(name)
    except HarnessError as error:
        message = f"the task {task.name!r} ({task.provider}) trains on {name!r}: {error}"
        raise PluginError(message, hint=error.hint) from None


def training_source(task: Task) -> str:
    """Names what the task trains on: intermediate tasks, the first source of its own data, or ""."""
    if isinstance(task.train, tuple):
        return ", then ".join(task.train)
    if not isinstance(task.train, Split):
        return task.train or ""
    sources = [part.sources[0] for part in task.train.parts or (task.train,)]
    return " + ".join(dict.fromkeys(_named(source, whole=len(sources) == 1) for source in sources))


def _named(source: Source, *, whole: bool) -> str:
    if isinstance(source, FileData):
        return source.files[0]
    if isinstance(source, DatasetsData):
        return described(source)
    return "/".join(filter(None, (source.repo, source.config, source.split))) if whole else source.repo


def task_summary(registry: Registry, role: str, task: Task, languages: list[str]) -> dict[str, Any]:
    """A task in short, with those of its languages that are given."""
    return {
        "name": task.name,
        "role": role,
        "version": task.version,
        "family": task.family,
        "languages": languages,
        "metric": task.metric,
        "train": training_source(task),
        "benchmarks": [name for name, b in registry.benchmarks().items() if role == "target" and task.name in b.tasks],
        "provider": task.provider,
        "summary": task.summary,
    }
