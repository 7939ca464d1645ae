"""Attributes an unexpected exception to the plugin whose code raised it, or to the harness."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from harness.core.border import PASSING, in_words
from harness.core.errors import HarnessError, PluginError
from harness.core.files import disk_refusal
from harness.registry.registry import Registry
from harness.types.tasks import IntermediateTask, TargetTask

_HINT = "run it again with -vv to see where it arose"


@contextmanager
def attributing_errors(task: TargetTask | IntermediateTask, registry: Registry) -> Iterator[None]:
    """The border around the work on a task: an exception raised within becomes the error of :func:`attribute_error`."""
    try:
        yield
    except PASSING:
        raise
    except BaseException as error:
        if disk_refusal(error):  # concerns every write, not only the plugin's
            raise
        raise attribute_error(error, task, registry) from error


def attribute_error(error: BaseException, task: TargetTask | IntermediateTask, registry: Registry) -> HarnessError:
    """Attributes an error to the plugin and the field, if it passed through the task's family, format, examples or
    metric, or through an objective.

    What passed through no plugin is called a bug, with the place where it arose.
    """
    if isinstance(error, HarnessError):
        return error
    family = registry.family(task.family)
    parts = {"implementation": family.implementation, "format": family.format}
    owners = {
        reference.partition(":")[0]: (family.provider, f"family {family.name!r}", field)
        for field, reference in parts.items()
    }
    for kind in family.examples:
        if not kind.__module__.startswith("harness."):  # ours may be those of anybody's family
            owners.setdefault(kind.__module__, (family.provider, f"family {family.name!r}", "examples"))
    if ":" in task.metric:
        owners.setdefault(task.metric.partition(":")[0], (task.provider, f"task {task.name!r}", "metric"))
    frames = list(traceback.walk_tb(error.__traceback__))
    for frame, line in reversed(frames):
        module = str(frame.f_globals.get("__name__"))
        owner = owners.get(module) or _objective(module, frame.f_code.co_qualname, registry)
        if owner:
            provider, value, field = owner
            where = f"{frame.f_code.co_filename}, line {line}"
            return PluginError(f"plugin {provider}: {value}: {field}: {in_words(error)} ({where})", hint=_HINT)
    frame, line = frames[-1]
    where = f"{frame.f_code.co_filename}, line {line}"
    return HarnessError(f"task {task.name!r}: {in_words(error)} ({where}): a bug in harness or a library", hint=_HINT)


def _objective(module: str, qualname: str, registry: Registry) -> tuple[str, str, str] | None:
    """Provider, value and field of the objective whose class has this function."""
    reference = f"{module}:{qualname.partition('.')[0]}"
    for objective in registry.objectives().values():
        if objective.implementation == reference:
            return objective.provider, f"objective {objective.name!r}", "implementation"
    return None
