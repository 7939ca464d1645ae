"""Inventory of the disk: run folders, trained stages, built models. Finds them, and removes what is not needed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.built import LIST
from harness.core.claims import Claims, is_abandoned
from harness.core.damage import MARK
from harness.core.errors import DataError, HarnessError, UsageError
from harness.core.paths import cache_dir
from harness.core.scratch import remove_abandoned
from harness.results.systems import load_run
from harness.runs.folder import at_work
from harness.runs.naming import PAGE
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.types.record import StageRecord

_OWN = ("record.json", "record.json.unsound", PAGE, "predictions", "labels", ".lock", ".workers", ".claims")
"""Names of the files that a run writes into its folder; earlier versions wrote .lock and .workers."""


JOBS = "jobs"
"""The folder of the files of a study's jobs, next to the runs and their stages."""
_UNFINISHED = re.compile(rf"(\.partial|\.old|{re.escape(MARK)}(-\d+)?)+$")
"""Suffix of the folder of a stage that is not finished."""
_BEING_BUILT = re.compile(r"\.(.+?)(\.[0-9a-f]{8})?\.new")
"""Name under which :mod:`harness.core.built` fills a folder, whose claim it holds meanwhile."""
_SCRATCH = (".model-*", ".building-*", ".vocabulary-*", ".tiny-*", ".converting-*", ".unpacking-*")
"""Names of scratch folders (:mod:`harness.core.scratch`), those of earlier versions among them."""


@dataclass(frozen=True)
class StoredRun:
    """A run folder in short; ``problem`` says why its record cannot be read."""

    folder: Path
    model: str = ""
    via: tuple[str, ...] = ()
    tasks: str = ""
    units: int = 0
    failed: int = 0
    overall: float | None = None
    partial: bool = False
    finished: str | None = None
    problem: str = ""
    stages: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StoredFolder:
    """A folder that can be rebuilt, or is not needed: ``kind`` is "stage", "unfinished stage" (stopped, or set aside
    as damaged), "built", or "leftover" (of a process that was killed). ``runs`` use it."""

    folder: Path
    kind: str
    size: int
    key: str = ""
    runs: tuple[Path, ...] = ()


def find_runs(root: Path) -> list[StoredRun]:
    """The runs in a folder and the folders within it, by path; UsageError where there is no such folder."""
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder", hint="name the folder that holds the runs")
    return [_run(path.parent) for path in sorted(root.rglob("record.json"))]


def _run(folder: Path) -> StoredRun:
    try:
        run = load_run(folder)
        return StoredRun(
            folder,
            run.reference,
            run.via,
            run.benchmark or " ".join(dict.fromkeys(Unit.of(key).task for key in run.record["units"])),
            len(run.record["units"]),
            len(run.failed),
            run.overall,
            bool(run.partial),
            run.finished,
            stages=frozenset([*_keys(run.stages), *map(str, run.record.get("needs", ()))]),
        )
    except HarnessError as error:
        return StoredRun(folder, problem=str(error))


def _keys(stages: Sequence[StageRecord]) -> Iterator[str]:
    """The keys of recorded stages, and of those that taught them."""
    for stage in stages:
        yield stage["key"]
        yield from (each["stage"] for each in stage.get("inputs", ()) if "stage" in each)


def remove_run(folder: Path, *, dry: bool) -> list[Path]:
    """Removes what a run wrote, and its folder if nothing else is in it; returns the paths that were (or would be) removed.

    UsageError for a folder that is no run folder, or that a process is using.
    """
    if not (folder / "record.json").is_file():
        raise UsageError(f"{folder}: no run folder, record.json is missing", hint="`harness runs list` shows the runs")
    if at_work(folder):
        raise UsageError(f"{folder}: a process is working on this run", hint="stop it, or wait for it")
    own = [folder / name for name in _OWN if (folder / name).exists()]
    own += sorted([*folder.glob(".*.tmp"), *folder.glob("earlier/.new-*")])
    scratch = sorted(path for path in folder.glob(".model-*") if path.is_dir() and not path.is_symlink())
    if not dry:
        for path in own:
            _remove(path)
        scratch = [path for path in scratch if remove_abandoned(path)]
        for emptied in (folder / "earlier", folder):
            if emptied.is_dir() and not any(emptied.iterdir()):
                emptied.rmdir()
    return [*own, *scratch]


def find_stages(root: Path, runs: list[StoredRun]) -> Iterator[StoredFolder]:
    """The trained, half-trained and damaged stages in folders called "stages", with the runs among ``runs`` that use them;
    and the checkpoints of ``harness train`` anywhere that are not finished."""
    for parent in sorted(path for path in root.rglob("stages") if path.is_dir()):
        for folder in _folders(parent):
            if _UNFINISHED.search(folder.name):
                yield StoredFolder(folder, "unfinished stage", _size(folder))
            elif (key := _stage_key(folder)) is not None:
                users = tuple(run.folder for run in runs if key in run.stages)
                yield StoredFolder(folder, "stage", _size(folder), key, users + _jobs_left(parent.parent / JOBS))
    for progress in sorted(root.rglob("*.partial*/state/progress.json")):
        folder = progress.parent.parent
        if folder.parent.name != "stages":
            yield StoredFolder(folder, "unfinished stage", _size(folder))


def _jobs_left(folder: Path) -> tuple[Path, ...]:
    """The folder of a study's jobs if one of its evaluations has no result yet: it may need any stage next to it."""
    evaluations = [path for path in folder.glob("evaluation-*.json") if not path.name.endswith(".result.json")]
    return (folder,) if any(not path.with_suffix(".result.json").exists() for path in evaluations) else ()


def find_leftovers(root: Path) -> Iterator[StoredFolder]:
    """Scratch folders of processes that were killed, or are still running: in ``root``, and in the user's cache folder."""
    for parent in (root, *_cache_folders()):
        for pattern in _SCRATCH:
            for folder in sorted(path for path in parent.rglob(pattern) if path.is_dir() and not path.is_symlink()):
                yield StoredFolder(folder, "leftover", _size(folder))


def _stage_key(folder: Path) -> str | None:
    """The key of a stage in the folder that the harness gave it; None for any other folder."""
    try:
        summary: Any = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
        key = str(summary["key"])
    except Exception:  # no such file, or one of another program
        return None
    return key if len(key) == 64 and folder.name.endswith(f"-{key[:12]}") else None


def find_built(root: Path) -> Iterator[StoredFolder]:
    """Finds what the harness built: in the user's cache folder models, archives and rows; in ``root`` models with
    a larger vocabulary, next to the stages."""
    for parent in _cache_folders():
        for folder in _folders(parent):
            if not folder.name.startswith("."):
                yield StoredFolder(folder, "built", _size(folder))
    for listed in sorted(root.rglob(f"vocabulary-*/{LIST}")):
        yield StoredFolder(listed.parent, "built", _size(listed.parent))


def _cache_folders() -> list[Path]:
    return [
        path
        for name in ("models", "treebanks", "converted", "archives", "rows")
        if (path := cache_dir() / name).is_dir()
    ]


def remove_kept(kept: StoredFolder) -> bool:
    """Removes such a folder; False where another process is using it."""
    being_built = _BEING_BUILT.fullmatch(kept.folder.name)
    if kept.kind == "leftover" and being_built is None:
        return remove_abandoned(kept.folder)
    claims = Claims(kept.folder.parent / ".claims")
    name = being_built[1] if being_built else _UNFINISHED.sub("", kept.folder.name)
    if not is_abandoned(claims.path(name)) or not claims.take(name):
        return False
    try:
        _remove(kept.folder)
    finally:
        claims.release(name)
    return True


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be removed: {error.strerror}") from None
