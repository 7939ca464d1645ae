"""Folders that are built once and used ever after: built by one process, whole or not at all, and checked when used.

A list of the files with the sha256 of each is part of the folder. Where a file is not what the list says, the folder is
built again.
"""

from __future__ import annotations

import glob
import json
import logging
import secrets
import shutil
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from harness.core.claims import Claims
from harness.core.files import disk_errors, recover_folder, replace_folder, written_into
from harness.core.hashing import file_sha256
from harness.core.turns import in_turn

log = logging.getLogger(__name__)

LIST = ".built.json"
"""A hidden file, as what it lists may be a model folder: it decides nothing there."""


def built(folder: Path, build: Callable[[Path], object], *, use: str = "*") -> Path:
    """The folder, which ``build`` fills (it is given an empty one) unless it is there and sound.

    ``use`` is the pattern of the names of files that are going to be used: only these are checked, as checking reads
    them. The name of the folder must say all that decides its content. DataError where it cannot be written.
    """
    if _problem(folder, use) is None:
        return folder
    with in_turn(Claims(folder.parent / ".claims"), folder.name, str(folder)):
        recover_folder(folder)
        problem = _problem(folder, use)
        if problem is not None:
            if folder.exists():
                log.warning("%s: %s: it is made again", folder, problem)
            _build(folder, build)
    return folder


def _build(folder: Path, build: Callable[[Path], object]) -> None:
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*new"):  # of killed processes: the claim was theirs
        shutil.rmtree(left, ignore_errors=True)
    scratch = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.new")
    try:
        with disk_errors(folder):
            scratch.mkdir(parents=True)
            with written_into(folder):
                build(scratch)
            files = sorted(path for path in scratch.rglob("*") if path.is_file())
            sums = {path.relative_to(scratch).as_posix(): file_sha256(path) for path in files}
            (scratch / LIST).write_text(json.dumps({"files": sums}, indent=1), encoding="utf-8")
            replace_folder(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _problem(folder: Path, use: str) -> str | None:
    """Reason why the folder cannot be used; None where it can."""
    try:
        sums = dict(json.loads((folder / LIST).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"no list of its files ({LIST})"
    for name, wanted in sums.items():
        if fnmatchcase(name.rpartition("/")[2], use):
            path = folder / name
            if not path.is_file() or file_sha256(path) != wanted:
                return f"{name} is damaged or missing"
    return None
