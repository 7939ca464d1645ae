"""A run folder: ``record.json``, ``predictions/`` and ``labels/`` in the official layout, and what is already done."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.models.fingerprint import file_sha256
from harness.runs.claims import Claims, locked, try_lock
from harness.runs.record import UnsoundRecord, load_record, new_record, save_record
from harness.select import Unit

log = logging.getLogger(__name__)


class RunFolder:
    """One run's files. ``record`` is the record as last read or written here; :meth:`changing` changes it.

    Several processes may work on one run: each unit is claimed (``claims``) by the one that scores it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"{path}: the run folder cannot be made: {error.strerror}", hint="choose another --out"
            ) from None
        self.claims = Claims(path / ".claims")
        with self._locked():
            self.record: dict[str, Any] = self._load() or new_record()

    @contextmanager
    def joined(self, identity: str) -> Iterator[None]:
        """Takes part in the run, alone or with others that do the same: ``identity`` says what.

        Raises UsageError where others do something else in this folder.
        """
        with (self.path / ".workers").open("a+") as file:
            with self._locked():
                if try_lock(file):
                    file.truncate(0)
                    file.write(identity)
                    file.flush()
                else:
                    file.seek(0)
                    if file.read() != identity:
                        raise UsageError(
                            f"{self.path}: another process is working on this run with another model, task or option",
                            hint="wait for it, or choose another --out",
                        )
                try_lock(file, shared=True)
            yield

    @contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """The record as it is on disk, to be changed; written when the block ends. Other processes wait meanwhile."""
        with self._locked():
            record = self.refresh()
            yield record
            save_record(self.path, record)

    def refresh(self) -> dict[str, Any]:
        """Reads what other processes have done."""
        self.record = load_record(self.path) or self.record
        return self.record

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.path / ".lock")

    def _load(self) -> dict[str, Any] | None:
        """The record; one that is torn or was edited is put aside, as nothing in it can be relied on."""
        try:
            return load_record(self.path)
        except UnsoundRecord as error:
            aside = self.path / "record.json.unsound"
            (self.path / "record.json").replace(aside)
            log.warning("%s; it is now %s, and everything is scored again", error, aside.name)
            return None

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
