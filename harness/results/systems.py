"""Runs as they are read from disk, one by one or as the seeds of one system."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import DataError, UsageError
from harness.results.run_view import RunView, view
from harness.results.seeds import run_folders
from harness.runs.identity import same_but_for_the_seed
from harness.runs.record import load_record


@dataclass(frozen=True)
class System:
    """One system: its runs differ by the training seed only."""

    name: str
    runs: tuple[RunView, ...]

    @property
    def first(self) -> RunView:
        """The first run: what holds for all of them, except the seed and the scores."""
        return self.runs[0]


def load_systems(groups: Sequence[Sequence[Path]]) -> list[System]:
    """One system for each group of run folders, with distinct names; a folder of seeds represents all of its seeds.

    :class:`DataError` for a folder that is no run, :class:`UsageError` for runs that are not seeds of one system.
    """
    names = [[folder.resolve().name for folder in group] for group in groups]
    labels = [",".join(group) for group in names]
    if len(set(labels)) < len(labels):
        labels = [",".join(str(folder) for folder in group) for group in groups]
    if len(set(labels)) < len(labels):
        raise UsageError("a system is given twice", hint="each run folder can stand for one system only")
    runs = [[load_run(run) for folder in group for run in run_folders(folder)] for group in groups]
    return [_system(label, group) for label, group in zip(labels, runs, strict=True)]


def load_runs(paths: Sequence[Path]) -> list[RunView]:
    """The runs in these folders (or their ``record.json`` files), under names that tell them apart; a folder of seeds is
    its runs.

    :class:`DataError` where a folder holds no record, or one that is not complete.
    """
    named = [path.parent if path.name == "record.json" else path for path in paths]
    folders = [run for path in named for run in run_folders(path)]
    return [load_run(folder, name) for folder, name in zip(folders, _names(folders), strict=True)]


def load_run(folder: Path, name: str = "", *, whole: bool = True) -> RunView:
    """The run in a folder, under the folder's name unless it is given another; DataError where there is none.

    Without ``whole``, fields of its record may be absent: see :func:`~harness.runs.record.load_record`.
    """
    record = load_record(folder, whole=whole)
    if record is None:
        raise DataError(
            f"{folder}: not a run folder: there is no record.json",
            hint="name a folder that `harness eval` wrote; `harness runs list` shows them",
        )
    return view(record, name or folder.absolute().name, folder)


def _system(name: str, runs: Sequence[RunView]) -> System:
    first = runs[0]
    for other in runs[1:]:
        if other.folder.resolve() == first.folder.resolve():
            raise UsageError(f"{other.folder}: the same run twice", hint="each seed has a run folder of its own")
        for what, left, right in _settings(first, other):
            if left != right:
                raise UsageError(
                    f"{first.folder} and {other.folder} are not seeds of one system: {what} differs "
                    f"({_short(left)}, {_short(right)})",
                    hint="a comma joins seeds of one system, a space parts systems: harness compare A1,A2 B1,B2",
                )
    for index, run in enumerate(runs):
        for other in runs[:index]:
            shared = run.units.keys() & other.units.keys()
            if shared and all(run.units[key]["key"] == other.units[key]["key"] for key in shared):
                raise UsageError(
                    f"{other.folder} and {run.folder} are one training (seed {', '.join(map(str, run.seeds)) or '-'}), "
                    "not two seeds",
                    hint="run `harness eval` with another --seed",
                )
    return System(name, tuple(runs))


def _settings(first: RunView, other: RunView) -> list[tuple[str, Any, Any]]:
    """Yields what has to be equal between seeds of one system: its name and the two values."""
    left, right = (same_but_for_the_seed(run.record) for run in (first, other))
    return [(name, left.get(name), right.get(name)) for name in dict.fromkeys([*left, *right])]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _names(folders: Sequence[Path]) -> list[str]:
    """The shortest endings of the paths that tell them apart; a folder named twice is numbered."""
    parts = [folder.absolute().parts for folder in folders]
    depth = 1
    longest = max(map(len, parts), default=1)
    while depth < longest and len({part[-depth:] for part in parts}) < len(set(parts)):
        depth += 1
    names = ["/".join(part[-depth:]) for part in parts]
    return [name if names.count(name) == 1 else f"{name} ({names[:i].count(name) + 1})" for i, name in enumerate(names)]
