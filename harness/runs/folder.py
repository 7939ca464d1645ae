"""A run folder: ``record.json``, ``predictions/`` and ``labels/`` in the official layout, and what is already done."""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.claims import (
    Claims,
    abandoned,
    confirm_claims,
    is_free,
    locked_by_earlier_version,
    said_about,
)
from harness.core.errors import DataError, UsageError
from harness.core.scratch import gone_if_unused
from harness.core.turns import locked
from harness.runs._set_aside import discard, earlier_runs, set_aside
from harness.runs.naming import PAGE
from harness.runs.record import UnsoundRecord, load_record, new_record, save_record
from harness.runs.scored_files import SIDES, inside, intact, scored_file
from harness.runs.sessions import session_number, session_of
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.types.record import IdentityRecord, RunRecord, StageRecord, UnitRecord

log = logging.getLogger(__name__)

WORKER, LOCK = "@worker-", "@record"
"""Names of claims in a run folder that are no unit's: of each process at work, and of who changes the record."""
EARLIER_WORKERS = ".workers"
"""A file that processes of earlier versions kept locked while they were at work."""


class RunFolder:
    """One run's files. ``record`` is the record as last read or written here; :meth:`changing` changes it.

    Several processes may work on one run: each unit is claimed (``claims``) by the one that scores it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.claims = Claims(inside(path, ".claims"))
        self._session = 0
        self.record: RunRecord = new_record()
        if path.exists():
            self._make()
            with self._locked():
                self.record = self._load() or self.record

    @contextmanager
    def joined(self, identity: str) -> Iterator[None]:
        """Takes part in the run, alone or with others that do the same: ``identity`` says what.

        The folder is made here, and is gone again if nothing was written into it. Raises UsageError where others do
        something else in it.
        """
        with gone_if_unused(self.path):
            self._make()
            with self._among_workers(identity):
                yield
            self.claims.remove_abandoned()

    @contextmanager
    def _among_workers(self, identity: str) -> Iterator[None]:
        """Holds a claim of its own that says the identity; others that hold one must say the same."""
        about, name = hashlib.sha256(identity.encode()).hexdigest(), f"{WORKER}{secrets.token_hex(8)}"
        # Looked at for as long as it takes, without the lock.
        abandoned(path for path in _workers(self.path) if said_about(path) != about)
        with self._locked():
            if any(said_about(path) not in (about, None) and not is_free(path) for path in _workers(self.path)):
                raise UsageError(
                    f"{self.path}: another process is working on this run with another model, task or option",
                    hint="wait for it, or choose another --out",
                )
            earlier = inside(self.path, EARLIER_WORKERS)
            if earlier.is_file() and locked_by_earlier_version(earlier):
                raise UsageError(
                    f"{self.path}: an earlier version of the harness is working on this run", hint="wait for it"
                )
            with suppress(OSError):
                earlier.unlink()
            self.claims.take(name, about)
        with self.claims.releasing(name):
            yield

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"{self.path}: the run folder cannot be made: {error.strerror}", hint="choose another --out"
            ) from None

    def is_of(self, identity: IdentityRecord) -> bool:
        """Tells whether the record is of a run of this identity."""
        own = self.record.get("identity")
        return own is not None and own["sha256"] == identity["sha256"]

    def begin(self, identity: IdentityRecord) -> Path | None:
        """Starts or continues a run of this identity; sets aside what another run left here, and returns its new folder.

        Returns None where there was nothing of another run.
        """
        with self._locked():
            record = self.refresh()
            moved, fresh = None, new_record()
            if not self.is_of(identity):
                moved = self._set_aside(record, list(record["units"])) if record["units"] else None
                (self.path / PAGE).unlink(missing_ok=True)
                self.record = record = fresh
            record["identity"] = identity
            record["scores"] = record["robustness"] = record["mixed_pairs"] = record["finished"] = None
            session = session_of(fresh)
            self._session = session_number(record, session)
            record["command"], record["harness"] = session["command"], session["harness"]
            record["environment"] = session["environment"]
            save_record(self.path, record)
        return moved

    def set_aside(self, keys: Collection[str]) -> Path:
        """Moves units that this run would not reproduce out of its record and its folder; returns their new folder."""
        with self._locked():
            return self._set_aside(self.refresh(), keys)

    def _set_aside(self, record: RunRecord, keys: Collection[str]) -> Path:
        moved = set_aside(self.path, record, keys)
        left: RunRecord = {
            **record,
            "units": {key: unit for key, unit in record["units"].items() if key not in keys},
        }
        save_record(self.path, left)
        discard(self.path, record, keys)
        self.record = left
        return moved

    def adopt(self, unit: Unit, key: str, checkpoint: str) -> bool:
        """Takes a unit back that was set aside, if one of this key was and its files are intact."""
        for folder, earlier in earlier_runs(self.path):
            found = earlier["units"].get(unit.key)
            if found is None or found["key"] != key or not intact(folder, found):
                continue
            adopted: UnitRecord = {**found, "checkpoint": checkpoint}
            for side in SIDES:
                if (file := found[side]) is not None:
                    source = scored_file(folder, found, side)
                    target = self.file(side, unit, source.suffix.removeprefix("."))
                    target.parent.mkdir(parents=True, exist_ok=True)
                    confirm_claims()
                    target.unlink(missing_ok=True)
                    shutil.copy2(source, target)
                    adopted[side] = {**file, "file": target.relative_to(self.path).as_posix()}
            with self.changing() as record:
                known = {stage["key"] for stage in record["stages"]}
                lineage = lineage_of(checkpoint, earlier["stages"])
                record["stages"] += [stage for stage in lineage if stage["key"] not in known]
                record["units"][unit.key] = adopted
                self.stamp(adopted)
                adopted["session"] = session_number(record, session_of(earlier, found))
            return True
        return False

    def stamp(self, unit: UnitRecord) -> None:
        """Marks a unit as one of this run, made by the present command."""
        identity = self.record.get("identity")
        assert identity is not None  # since begin()
        unit["run"] = identity["sha256"]
        unit["session"] = self._session

    @contextmanager
    def changing(self) -> Iterator[RunRecord]:
        """The record as it is on disk, to be changed; written when the block ends. Other processes wait meanwhile."""
        with self._locked():
            record = self.refresh()
            yield record
            save_record(self.path, record)

    def refresh(self) -> RunRecord:
        """Reads what other processes have done."""
        self.record = load_record(self.path) or self.record
        return self.record

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.claims, LOCK, f"{self.path}/record.json")

    def _load(self) -> RunRecord | None:
        """The record; one that is torn or was edited is put aside, as nothing in it can be relied on."""
        try:
            return load_record(self.path)
        except UnsoundRecord as error:
            aside = self.path / "record.json.unsound"
            (self.path / "record.json").replace(aside)
            log.warning("%s; it is now %s, and everything is scored again", error, aside.name)
            return None

    def file(self, side: str, unit: Unit, extension: str) -> Path:
        """``predictions`` or ``labels`` of a unit, in the official layout; DataError where a link leads out of the folder."""
        return inside(self.path, f"{side}/{unit.task}/{unit.split}-{unit.language}.{extension}")

    def done(self, unit: Unit, key: str) -> bool:
        """Tells whether the unit was scored under this key and its prediction file is the one that was scored."""
        found = self.record["units"].get(unit.key)
        return found is not None and found["key"] == key and intact(self.path, found)


def at_work(path: Path) -> bool:
    """Tells whether a process is working on the run in this folder."""
    earlier = inside(path, EARLIER_WORKERS)
    workers = _workers(path)
    return len(abandoned(workers)) < len(workers) or (earlier.is_file() and locked_by_earlier_version(earlier))


def _workers(path: Path) -> list[Path]:
    return sorted(inside(path, ".claims").glob(f"{WORKER}*.claim"))


def lineage_of(checkpoint: str, stages: Sequence[StageRecord]) -> list[StageRecord]:
    """The stages that lead to a checkpoint, first to last; none for a model as it is."""
    known = {stage["key"]: stage for stage in stages}
    found: list[StageRecord] = []
    while (stage := known.get(checkpoint)) is not None and stage not in found:
        found.insert(0, stage)
        checkpoint = stage["parent"].get("stage", "")
    return found
