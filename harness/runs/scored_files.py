"""The files of a run: found inside its folder by the names in its record, and refused if they are not what was scored.

A run folder may come from a stranger. No name in its record, and no link in the folder, leads anybody out of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from harness.core.errors import DataError
from harness.core.hashing import file_sha256

SIDES = ("predictions", "labels")


def inside(run: Path, name: object) -> Path:
    """A path in a run folder by its name there; DataError unless it is relative, without "..", and no link leads out."""
    relative = PurePosixPath(str(name))
    path = run / relative
    try:
        within = run.resolve() in path.resolve().parents
    except (OSError, RuntimeError, ValueError):  # links in a circle; a NUL in the name
        within = False
    if relative.is_absolute() or ".." in relative.parts or not within:
        raise DataError(f"{path}: outside the run folder {run}", hint="the folder was not written by the harness")
    return path


def scored_file(run: Path, unit: Mapping[str, Any], side: str) -> Path:
    """The file of ``predictions`` or ``labels`` of a unit's entry; DataError unless it is the one that was scored."""
    entry = unit.get(side) or {}
    path = inside(run, entry.get("file", side))
    if not path.is_file() or file_sha256(path) != entry.get("sha256"):
        raise DataError(
            f"{path}: not the file that was scored",
            hint="it is missing or was changed; run the same `harness eval` again to restore it",
        )
    return path


def intact(run: Path, unit: Mapping[str, Any]) -> bool:
    """Whether the files of a unit are there, as they were scored."""
    try:
        for side in SIDES:
            if unit[side] is not None:
                scored_file(run, unit, side)
    except DataError:
        return False
    return True


def files_of(run: Path, record: Mapping[str, Any], keys: Collection[str]) -> list[str]:
    """The files of units, relative to the run folder; names that lead out of it are passed over."""
    found = []
    for entry in (record["units"][key].get(side) for key in keys for side in SIDES):
        if entry:
            try:
                found.append(inside(run, entry["file"]).relative_to(run).as_posix())
            except DataError:
                continue
    return found
