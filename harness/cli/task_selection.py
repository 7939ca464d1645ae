"""Tasks and splits by the selectors of ``harness tasks`` and ``harness data``."""

from __future__ import annotations

from collections.abc import Iterable

from harness.data.splits import TaskSplit, task_languages, task_splits
from harness.registry.registry import Registry
from harness.registry.select import Selectable, choose
from harness.types.tasks import Task

SELECTING = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
"""Settings of a command with selectors. An excluding one starts with "-", which must be no unknown option, and no short
option may exist, or click would take the h of -xnli[zh] for one."""


def selected_languages(
    registry: Registry, tasks: Iterable[Task], selectors: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """The languages of each selected task; a name in both roles has the languages of both."""
    entries: dict[str, Selectable] = {}
    for task in tasks:
        earlier = entries[task.name].languages if task.name in entries else ()
        codes = tuple(dict.fromkeys((*earlier, *task_languages(task))))
        entries[task.name] = Selectable(task.family, codes, codes)
    return choose(registry, entries, selectors) if entries else {}


def selected_splits(registry: Registry, selectors: tuple[str, ...]) -> list[TaskSplit]:
    """The splits that the selectors ask for, training data included, in the order of the tasks."""
    tasks: list[Task] = [*registry.tasks().values(), *registry.intermediate_tasks().values()]
    chosen = selected_languages(registry, tasks, selectors)
    return [found for task in tasks for found in task_splits(task) if found.language in chosen.get(task.name, ())]
