"""What runs leave on the disk: run folders, trained stages, built models; finding it and removing what is not needed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError, HarnessError, UsageError
from harness.runs.claims import Claims, is_free, opened, try_lock
from harness.runs.record import load_record

_OWN = ("record.json", "record.json.unsound", "report.html", "predictions", "labels", ".lock", ".workers", ".claims")
"""What a run writes into its folder."""


@dataclass(frozen=True)
class KeptRun:
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
class KeptFolder:
    """A folder that can be made again: ``kind`` is "stage", "unfinished stage" or "built"; ``runs`` use it."""

    folder: Path
    kind: str
    size: int
    key: str = ""
    runs: tuple[Path, ...] = ()


def find_runs(root: Path) -> list[KeptRun]:
    """The runs in a folder and the folders within it, by path; UsageError where there is no such folder."""
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder", hint="name the folder that holds the runs")
    return [_run(path.parent) for path in sorted(root.rglob("record.json"))]


def _run(folder: Path) -> KeptRun:
    try:
        record = load_record(folder)
        if record is None:
            raise DataError(f"{folder / 'record.json'}: no such file", hint="another process has removed the run")
        return KeptRun(
            folder,
            str(record["model"].get("reference", "")),
            tuple(map(str, record["options"].get("via", ()))),
            str(record["benchmark"] or " ".join(dict.fromkeys(key.partition("/")[0] for key in record["units"]))),
            len(record["units"]),
            len(record["failed"]),
            (record["scores"] or {}).get("overall"),
            bool(record["partial"]),
            record["finished"],
            stages=frozenset(str(stage["key"]) for stage in record["stages"]),
        )
    except HarnessError as error:
        return KeptRun(folder, problem=str(error))


def remove_run(folder: Path, *, dry: bool) -> list[Path]:
    """Removes what a run wrote, and its folder if nothing else is in it; the answer is what was (or would be) removed.

    UsageError for a folder that is no run folder, or where a process is at work.
    """
    if not (folder / "record.json").is_file():
        raise UsageError(f"{folder}: no run folder, record.json is missing", hint="`harness runs list` shows the runs")
    workers = folder / ".workers"
    if workers.is_file():
        with opened(workers) as file:
            if not try_lock(file):
                raise UsageError(f"{folder}: a process is working on this run", hint="stop it, or wait for it")
    own = [folder / name for name in _OWN if (folder / name).exists()]
    own += sorted(path for path in folder.glob(".model-*") if path.is_dir())
    if not dry:
        for path in own:
            _remove(path)
        if not any(folder.iterdir()):
            folder.rmdir()
    return own


def find_stages(root: Path, runs: list[KeptRun]) -> Iterator[KeptFolder]:
    """The trained and half-trained stages in folders called "stages", with the runs among ``runs`` that use them."""
    for parent in sorted(path for path in root.rglob("stages") if path.is_dir()):
        for folder in sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink()):
            if folder.name.endswith((".partial", ".old")):
                yield KeptFolder(folder, "unfinished stage", _size(folder))
            elif (key := _stage_key(folder)) is not None:
                yield KeptFolder(
                    folder, "stage", _size(folder), key, tuple(run.folder for run in runs if key in run.stages)
                )


def _stage_key(folder: Path) -> str | None:
    """The key of a stage that lies where the harness puts it; None for any other folder."""
    try:
        summary: Any = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
        key = str(summary["key"])
    except Exception:  # no such file, or one of another program
        return None
    return key if len(key) == 64 and folder.name.endswith(f"-{key[:12]}") else None


def find_built() -> Iterator[KeptFolder]:
    """What the harness built or unpacked for itself into the user's cache folder: the tiny model, treebanks."""
    from harness.models.tiny import cache_dir

    for parent in (cache_dir() / "models", cache_dir() / "treebanks", cache_dir() / "converted"):
        if parent.is_dir():
            for folder in sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink()):
                yield KeptFolder(folder, "built", _size(folder))


def remove_kept(kept: KeptFolder) -> bool:
    """Removes such a folder; False where another process is at work on it."""
    if kept.kind == "built":
        _remove(kept.folder)
        return True
    claims = Claims(kept.folder.parent / ".claims")
    name = kept.folder.name.removesuffix(".partial").removesuffix(".old")
    if not is_free(claims.path(name)) or not claims.take(name):
        return False
    try:
        _remove(kept.folder)
    finally:
        claims.release(name)
    return True


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
