"""The prediction and label files of a run's units: found inside the run folder, and refused if they are not what was scored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.models.fingerprint import file_sha256

SIDES = ("predictions", "labels")


def scored_file(run: Path, unit: Mapping[str, Any], side: str) -> Path:
    """The file of ``predictions`` or ``labels`` of a unit's entry; DataError unless it is the one that was scored."""
    entry = unit.get(side) or {}
    path = run / str(entry.get("file", side))
    if run.resolve() not in path.resolve().parents:
        raise DataError(f"{path}: outside the run folder {run}", hint="the record was not written by the harness")
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
