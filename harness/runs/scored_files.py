"""The files of a run: found inside its folder by the names in its record, and refused if they are not what was scored.

A run folder may come from a stranger. No name in its record, and no link in the folder, leads anybody out of it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.core.errors import DataError
from harness.core.hashing import file_sha256
from harness.core.inside import names_inside

if TYPE_CHECKING:
    from harness.types.record import RunRecord, UnitRecord

Side = Literal["predictions", "labels"]
SIDES: tuple[Side, ...] = ("predictions", "labels")


def inside(run: Path, name: object) -> Path:
    """A path in a run folder by its name there; DataError unless it is relative, without "..", and no link leads out."""
    path = run / str(name)
    try:
        within = run.resolve() in path.resolve().parents
    except (OSError, RuntimeError, ValueError):  # links in a circle; a NUL in the name
        within = False
    if not within or not names_inside(str(name)):
        raise DataError(f"{path}: outside the run folder {run}", hint="the folder was not written by the harness")
    return path


def scored_file(run: Path, unit: UnitRecord, side: Side) -> Path:
    """The ``predictions`` or the ``labels`` of a unit; DataError unless it is the file that was scored."""
    file = unit[side]
    path = inside(run, file["file"] if file else side)
    if file is None or not path.is_file() or file_sha256(path) != file["sha256"]:
        raise DataError(
            f"{path}: not the file that was scored",
            hint="it is missing or was changed; run the same `harness eval` again to restore it",
        )
    return path


def intact(run: Path, unit: UnitRecord) -> bool:
    """Tells whether the files of a unit are there, as they were scored."""
    try:
        for side in SIDES:
            if unit[side] is not None:
                scored_file(run, unit, side)
    except DataError:
        return False
    return True


def files_of(run: Path, record: RunRecord, keys: Collection[str]) -> list[str]:
    """The files of units, relative to the run folder; names that lead out of it are passed over."""
    found = []
    for file in (record["units"][key][side] for key in keys for side in SIDES):
        if file is not None:
            try:
                found.append(inside(run, file["file"]).relative_to(run).as_posix())
            except DataError:
                continue
    return found
