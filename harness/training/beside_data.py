"""Files of the data folders beside data sets: translations, names of classes, and tables that trainings read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import PluginError
from harness.data.locate import data_folders
from harness.data.translations import ABOUT
from harness.registry.registry import load_part
from harness.training.context import options_of

if TYPE_CHECKING:
    from harness.registry.registry import Registry

_OF_TASK = ("translated/{}/*/*.jsonl", "translated/{}/" + ABOUT, "translated/{}/*/" + ABOUT, "labels/{}/*.json")
_OF_ALL = ("translated/" + ABOUT, "transliterate/*.tsv")


def files_beside_data(registry: Registry, data_dir: str | Path | None, tasks: Iterable[str]) -> dict[str, Path]:
    """The files that runs of these tasks may read beside their data, by their names in a data folder.

    They are the translations and the names of the classes of each task, tables that rewrite scripts, and what the installed
    objectives read with their default options. A file is that of the first data folder that has it.
    """
    patterns = [pattern.format(task) for task in dict.fromkeys(tasks) for pattern in _OF_TASK]
    patterns += [*_OF_ALL, *_of_objectives(registry)]
    found: dict[str, Path] = {}
    for folder in data_folders(data_dir):
        for pattern in patterns:
            for path in sorted(folder.glob(pattern)):
                if path.is_file():
                    found.setdefault(path.relative_to(folder).as_posix(), path)
    return found


def _of_objectives(registry: Registry) -> Iterator[str]:
    """The names of the files that objectives read; broken plugins read none."""
    for value in registry.objectives().values():
        options = options_of(value)
        with suppress(PluginError, TypeError):
            if options is not None:
                for file in load_part(value, "implementation")(options()).files().values():
                    yield file.name
