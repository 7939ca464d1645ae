"""Subject of the checks: one plugin, what it provides, and its data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError, did_you_mean
from harness.data.access import DataAccess
from harness.data.splits import TaskSplit
from harness.registry.registry import PluginStatus, Registry
from harness.types.sources import Split
from harness.types.tasks import Family, IntermediateTask, TargetTask, Task

if TYPE_CHECKING:
    from harness.data.sources import LoadedSplit, Status


@dataclass(frozen=True)
class Part(TaskSplit):
    """One split of a task, and what is there of it."""

    status: Status

    @property
    def present(self) -> bool:
        """Tells whether there is anything to read."""
        return self.status.state != "missing"


@dataclass
class Subject:
    """A plugin under check; ``scratch`` is a folder for all files written."""

    status: PluginStatus
    registry: Registry
    data_dir: str | Path | None
    scratch: Path
    _loaded: dict[tuple[str, str, str], LoadedSplit] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, registry: Registry, data_dir: str | Path | None, scratch: Path) -> Subject:
        """The plugin of this name, else the one that provides a value of this name; UsageError for none, or several."""
        plugins = registry.plugins()
        found = [plugin for plugin in plugins if name in (plugin.name, plugin.provider)]
        found = found or [p for p in plugins if name in (value.rpartition(" ")[2] for value in p.provides)]
        if not found:
            raise UsageError(f"no plugin is called {name!r}", hint=did_you_mean(name, [p.name for p in plugins]))
        if len(found) > 1:
            names = ", ".join(plugin.provider for plugin in found)
            raise UsageError(f"several plugins are called {name!r}", hint=f"say which: {names}")
        return cls(found[0], registry, data_dir, scratch)

    @cached_property
    def data(self) -> DataAccess:
        """The data that are there; nothing is downloaded."""
        return DataAccess.of(self.registry, self.data_dir, offline=True)

    @property
    def provider(self) -> str:
        """``distribution:plugin``."""
        return self.status.provider

    @property
    def tasks(self) -> list[Task]:
        """The tasks that it provides."""
        known: list[Task] = [*self.registry.tasks().values(), *self.registry.intermediate_tasks().values()]
        return [task for task in known if task.provider == self.provider]

    @property
    def families(self) -> list[Family]:
        """The families that it provides."""
        return [family for family in self.registry.families().values() if family.provider == self.provider]

    @cached_property
    def parts(self) -> list[Part]:
        """Every split of its tasks."""
        return [part for task in self.tasks for part in self.parts_of(task)]

    def parts_of(self, task: Task) -> Iterator[Part]:
        """Every split of a task, its pool last: the training data (and an intermediate task's dev data) are English."""
        own = {"train": task.train} if isinstance(task.train, Split) else {}
        if isinstance(task, IntermediateTask):
            own["dev"] = task.dev
        tables = [("en", own), *task.languages.items()]
        for language, table in tables:
            for name, split in table.items():
                yield Part(task, language, name, split, self.state(split))
        if isinstance(task, TargetTask) and task.pool is not None:
            yield Part(task, "pool", "pool", task.pool, self.state(task.pool))

    def state(self, split: Split) -> Status:
        """Finds what is there of a split."""
        return self.data.status(split)

    def read(self, part: Part) -> LoadedSplit:
        """The examples of a split as the task reads them, unchecked; read once."""
        key = (part.task.name, part.language, part.name)
        if key not in self._loaded:
            self._loaded[key] = self.read_again(part)
        return self._loaded[key]

    def read_again(self, part: Part) -> LoadedSplit:
        """The examples of a split, read afresh."""
        return self.data.load(part.task, part.split, checked=False)
