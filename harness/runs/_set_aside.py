"""Earlier results of a run folder, moved out of the way of another run: nothing is deleted, and each is still a run folder."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.claims import confirm_claims
from harness.core.errors import DataError
from harness.runs.naming import PAGE
from harness.runs.record import load_record, save_record
from harness.runs.scored_files import files_of, inside

if TYPE_CHECKING:
    from harness.types.record import RunRecord

FOLDER = "earlier"
"""Holds the runs that were set aside, numbered."""


def set_aside(run: Path, record: RunRecord, keys: Collection[str]) -> Path:
    """Copies units of a record, with their files, into a separate run folder below ``run``; returns that folder.

    With all units the record is copied unchanged, with only some of them without its averages. What has been set aside
    before in just this state is not set aside again. The caller takes the units out of ``record``, saves it, and calls
    :func:`discard`.
    """
    for earlier, other in earlier_runs(run):
        if _same(record, other) and all(
            key in other["units"] and other["units"][key]["key"] == record["units"][key]["key"] for key in keys
        ):
            return earlier
    kept = copy.deepcopy(record)
    if set(keys) != set(record["units"]):
        kept["units"] = {key: kept["units"][key] for key in keys}
        kept["scores"] = kept["robustness"] = kept["mixed_pairs"] = kept["finished"] = None
        kept["missing"], kept["failed"] = {}, {}
    scratch = inside(run, f"{FOLDER}/.new-{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    for name in files_of(run, kept, keys):
        link(run / name, scratch / name)
    if set(keys) == set(record["units"]):
        link(run / PAGE, scratch / PAGE)
    scratch.mkdir(parents=True, exist_ok=True)
    save_record(scratch, kept)
    number = max((int(path.name) for path, _ in earlier_runs(run)), default=0) + 1
    while (run / FOLDER / str(number)).exists():
        number += 1
    confirm_claims()
    return scratch.rename(run / FOLDER / str(number))


def discard(run: Path, record: RunRecord, keys: Collection[str]) -> None:
    """Removes the files of units that were set aside, and the report that shows them."""
    for name in files_of(run, record, keys):
        (run / name).unlink(missing_ok=True)
    (run / PAGE).unlink(missing_ok=True)


def earlier_runs(run: Path) -> Iterator[tuple[Path, RunRecord]]:
    """Yields what was set aside in a run folder, newest first: folders and records; unreadable ones are skipped."""
    plain = (path for path in (run / FOLDER).glob("*") if path.name.isdigit() and not path.is_symlink())
    numbered = [path for path in plain if path.is_dir()]
    for path in sorted(numbered, key=lambda path: -int(path.name)):
        try:
            record = load_record(path)
        except DataError:
            continue
        if record is not None:
            yield path, record


def link(source: Path, target: Path) -> None:
    """Puts a file into a second place, without a second copy where the file system can; nothing where there is no file."""
    if not source.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _same(record: RunRecord, other: RunRecord) -> bool:
    return record.get("identity") == other.get("identity") and record["options"] == other["options"]
