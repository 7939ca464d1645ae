"""Checks of a plugin as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from typing import Any

from harness.core.errors import HarnessError
from harness.families.base import Predictor
from harness.registry.registry import SLOW, load_part
from harness.registry.validation import KINDS
from harness.scoring.formats.base import Format
from harness.testing.contract import Status
from harness.testing.loading_time import Loaded, load_alone
from harness.testing.subject import Subject
from harness.training.objectives.base import StageObjective
from harness.training.sources import training_tasks
from harness.types.extensions import Objective
from harness.types.task_template import TaskTemplate
from harness.types.tasks import Family, TargetTask
from harness.types.values import PluginValue

Result = tuple[str, Status, str]

HEAVY = ("torch", "transformers", "datasets", "evaluate", "faiss")


def loads(subject: Subject) -> Iterator[Result]:
    """It is alive and provides something."""
    status = subject.status
    if status.status == "ok":
        yield subject.provider, "passed", ", ".join(status.provides)
    else:
        yield subject.provider, "failed", f"{status.status}: {status.reason}"


def references(subject: Subject) -> Iterator[Result]:
    """Everything that its values name is there, and of the right kind."""
    registry, provider = subject.registry, subject.provider
    for kind in KINDS.values():
        for value in registry.all(kind).values():
            if value.provider == provider and any(getattr(value, field) for field in kind.references):
                yield f"{kind.kind} {value.key}", *_parts(value)
    for objective in registry.objectives().values():
        if objective.provider == provider:
            for name in objective.families:
                registry.family(name)
    for benchmark in registry.benchmarks().values():
        if benchmark.provider != provider:
            continue
        what = f"benchmark {benchmark.name}"
        for name, codes in benchmark.tasks.items():
            try:
                lacking = [code for code in codes if code not in registry.task(name).languages]
            except HarnessError as error:
                yield what, "failed", str(error)
                continue
            if lacking:
                yield what, "failed", f"the task {name!r} lacks {', '.join(lacking)}"
            else:
                yield what, "passed", name
    for task in subject.tasks:
        yield f"task {task.name}", *_task(subject, task)


def _task(subject: Subject, task: Any) -> tuple[Status, str]:
    from harness.scoring.metrics import get_metric

    try:
        metric = get_metric(task.metric)
        if isinstance(task, TargetTask):
            training_tasks(task, subject.registry)
    except HarnessError as error:
        return "failed", f"{error}; {error.hint}"
    return "passed", f"metric {metric.name}"


def _parts(value: PluginValue) -> tuple[Status, str]:
    named = [field for field in value.references if getattr(value, field)]
    for field in named:
        try:
            found = load_part(value, field)
        except HarnessError as error:
            return "failed", str(error)
        if not _WANTED.get((type(value), field), callable)(found):
            return "failed", f"{field}: {getattr(value, field)!r} is not what it should be: {found!r}"
    return "passed", ", ".join(getattr(value, field) for field in named)


def _is_predictor(found: Any) -> bool:
    options = getattr(found, "Options", None)
    return (
        isinstance(found, type) and issubclass(found, Predictor) and isinstance(options, type) and is_dataclass(options)
    )


def _is_objective(found: Any) -> bool:
    options = getattr(found, "Options", None)
    return isinstance(found, type) and issubclass(found, StageObjective) and is_dataclass(options)


def _is_format(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, Format) and bool(getattr(found, "extension", ""))


_WANTED: dict[tuple[type, str], Callable[[Any], bool]] = {
    (Family, "implementation"): _is_predictor,
    (Family, "format"): _is_format,
    (Family, "template"): lambda found: isinstance(found, TaskTemplate),
    (Objective, "implementation"): _is_objective,
}
"""Types that references must lead to, where these are more than something to call."""


def light(subject: Subject) -> Iterator[Result]:
    """Nothing heavy is imported with it, so that ``harness tasks list`` stays quick."""
    modules = _loaded(subject).modules
    heavy = sorted({module.partition(".")[0] for module in modules} & set(HEAVY))
    if heavy:
        detail = f"imports {', '.join(heavy)}: import them in the functions that use them"
        yield subject.provider, "failed", detail
    else:
        yield subject.provider, "passed", f"{len(modules)} modules"


def quick(subject: Subject) -> Iterator[Result]:
    """Loading it is quick; the better of two times counts."""
    seconds = _loaded(subject).seconds
    if seconds > SLOW:
        seconds = min(seconds, _loaded(subject).seconds)
    yield subject.provider, "failed" if seconds > SLOW else "passed", f"{seconds:.2f} s"


def _loaded(subject: Subject) -> Loaded:
    return load_alone(subject.provider, [subject.status.path] if subject.status.path else [])
