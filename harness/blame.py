"""Whose mistake an unforeseen exception is: the plugin's whose code it passed through."""

from __future__ import annotations

import traceback

from harness.errors import PluginError
from harness.registry import Registry
from harness.specs import IntermediateTask, TargetTask


def blame(error: Exception, task: TargetTask | IntermediateTask, registry: Registry) -> PluginError | None:
    """A PluginError that names plugin and field, if the exception passed through the task's family, format or metric."""
    family = registry.family(task.family)
    parts = {"implementation": family.implementation, "format": family.format}
    owners = {reference.partition(":")[0]: (f"family {family.name!r}", field) for field, reference in parts.items()}
    if ":" in task.metric:
        owners.setdefault(task.metric.partition(":")[0], (f"task {task.name!r}", "metric"))
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = frame.f_globals.get("__name__")
        if module in owners:
            value, field = owners[module]
            provider = task.provider if field == "metric" else family.provider
            where = f"{frame.f_code.co_filename}, line {line}"
            return PluginError(
                f"plugin {provider}: {value}: {field}: {type(error).__name__}: {error} ({where})",
                hint="run it again with -vv to see where it arose",
            )
    return None
