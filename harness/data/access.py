"""Access to data: the folders, whether the network may be used, and the plugins that are asked first, as one value."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DataError
from harness.data.locate import Files, data_folders, resolve
from harness.data.sources import LoadedSplit, Status, load_examples, located, split_status
from harness.types.sources import Source, Split
from harness.types.tasks import Task

if TYPE_CHECKING:
    from harness.data.locate import Resolver
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class DataAccess:
    """Reads splits from ``data_dir``, else the Hugging Face cache, else (unless ``offline``) the Hub.

    ``data_dir`` None means the environment's HARNESS_DATA_DIR; ``resolver`` is the hook ``harness_resolve_data``.
    """

    data_dir: str | Path | None = None
    offline: bool = False
    resolver: Resolver | None = None
    _kept: dict[Hashable, LoadedSplit] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, registry: Registry, data_dir: str | Path | None = None, *, offline: bool = False) -> DataAccess:
        """Access with the plugins of a registry; an empty ``data_dir`` is none."""
        return cls(Path(data_dir) if data_dir else None, offline, registry.hook.harness_resolve_data)

    def load(
        self, task: Task, split: Split, limit: int | None = None, *, checked: bool = True, originals: bool = False
    ) -> LoadedSplit:
        """Reads the examples of a split; see :func:`~harness.data.sources.load_examples`."""
        return load_examples(
            task,
            split,
            data_dir=self.data_dir,
            offline=self.offline,
            limit=limit,
            resolver=self.resolver,
            checked=checked,
            originals=originals,
        )

    def load_once(self, task: Task, split: Split, limit: int | None = None, *, originals: bool = False) -> LoadedSplit:
        """Reads a split, and keeps it for tasks that read the same rows in the same way, regardless of their names."""
        content = (split, task.example, task.labels, limit, originals)
        if content not in self._kept:
            self._kept[content] = self.load(task, split, limit, originals=originals)
        return self._kept[content]

    def status(self, split: Split) -> Status:
        """Looks at what is there of a split; see :func:`~harness.data.sources.split_status`."""
        return split_status(split, self.data_dir, self.offline, resolver=self.resolver)

    def located(self, split: Split) -> list[tuple[Source, Files]]:
        """Finds the files of a split, source by source; DataError where they cannot be found."""
        return located(split, self.data_dir, self.offline, resolver=self.resolver)

    def find(self, source: Source) -> Files | None:
        """Finds the files of one source; None where they cannot be found."""
        return resolve(source, self.data_dir, self.offline, resolver=self.resolver)

    def file(self, name: str, obtain: str) -> Path:
        """The path of a file in the first data folder that has it; DataError, with how to ``obtain`` it, where none has."""
        folders = data_folders(self.data_dir)
        found = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if found is None:
            places = ", ".join(map(str, folders)) or "any data folder: none was given"
            raise DataError(f"{name} not found in {places}", hint=obtain)
        return found
