"""The splits of a task in every language, training data included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.types.sources import Split
from harness.types.tasks import IntermediateTask, TargetTask, Task


@dataclass(frozen=True)
class TaskSplit:
    """One split of one language of one task."""

    task: Task
    language: str
    name: str
    split: Split

    @property
    def where(self) -> str:
        """``task mine, sw test``."""
        return f"task {self.task.name}, {self.language} {self.name}"


def task_languages(task: Task) -> list[str]:
    """Lists the languages of a task, in its order; an intermediate task's own data are English."""
    return list(dict.fromkeys((*(("en",) if isinstance(task, IntermediateTask) else ()), *task.languages)))


def splits_of(task: Task, code: str) -> dict[str, Split]:
    """Finds the splits of one language; an intermediate task's own ``train`` and ``dev`` are English.

    Those that a target task is neither trained nor scored on unless it is asked for are left out: training data in other
    languages, and translations of test text into English.
    """
    listed = task.languages.get(code, {})
    if isinstance(task, TargetTask):
        return {name: split for name, split in listed.items() if name != "train" and not name.endswith("-en")}
    return {**({"train": task.train, "dev": task.dev} if code == "en" else {}), **listed}


def task_splits(task: Task) -> Iterator[TaskSplit]:
    """Yields every split of a task: its training data and its pool of candidates, then language by language."""
    if isinstance(task, TargetTask) and isinstance(task.train, Split):
        yield TaskSplit(task, "en", "train", task.train)
    if isinstance(task, TargetTask) and task.pool is not None:
        yield TaskSplit(task, "en" if "en" in task.languages else next(iter(task.languages)), "pool", task.pool)
    for code in task_languages(task):
        for name, split in splits_of(task, code).items():
            yield TaskSplit(task, code, name, split)
