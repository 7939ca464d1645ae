"""A run folder: ``record.json``, ``predictions/`` and ``labels/`` in the official layout, and what is already done."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.models.fingerprint import file_sha256
from harness.runs.record import load_record, new_record, save_record
from harness.select import Unit


class RunFolder:
    """One run's files. ``record`` is the live record; :meth:`save` writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"{path}: the run folder cannot be made: {error.strerror}", hint="choose another --out"
            ) from None
        self.record: dict[str, Any] = load_record(path) or new_record()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second process from working on the same run."""
        with (self.path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"{self.path}: another process is working on this run", hint="wait for it, or choose another --out"
                ) from None
            yield

    def save(self) -> None:
        """Writes the record."""
        save_record(self.path, self.record)

    def file(self, side: str, unit: Unit, extension: str) -> Path:
        """``predictions`` or ``labels`` of a unit, in the official layout."""
        return self.path / side / unit.task / f"{unit.split}-{unit.language}.{extension}"

    def done(self, unit: Unit, key: str) -> bool:
        """Whether the unit was scored under this key and its prediction file is the one that was scored."""
        entry = self.record["units"].get(unit.key)
        if entry is None or entry["key"] != key:
            return False
        return all(
            (self.path / entry[side]["file"]).is_file()
            and file_sha256(self.path / entry[side]["file"]) == entry[side]["sha256"]
            for side in ("predictions", "labels")
            if entry[side] is not None
        )
