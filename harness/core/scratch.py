"""Folders that a process writes into before they take their place: claimed as long as the process lives.

The claim is a hidden file in the folder. So the folder of a killed process can be distinguished from one that another
process is writing, on another machine too.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.core.claims import Claim, is_abandoned, locked_by_earlier_version
from harness.core.errors import DataError

CLAIM = ".in-use.claim"
"""Name of the claim in the folder."""


@contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder in ``parent``, hidden if ``prefix`` is; what is still there at the end of the block is removed."""
    path, claim = _made(parent, prefix)
    try:
        yield path
    finally:
        claim.release()
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def gone_if_unused(folder: Path) -> Iterator[None]:
    """Leaves no folder behind that was made in the block, its parents included, and that nothing was written into."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    finally:
        with suppress(OSError):
            for each in missing:
                each.rmdir()


def remove_abandoned(path: Path) -> bool:
    """Removes a scratch folder; False where a process is using it."""
    if not is_abandoned(path / CLAIM) or locked_by_earlier_version(path):
        return False
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be removed: {error.strerror}") from None
    return True


def _made(parent: Path, prefix: str) -> tuple[Path, Claim]:
    while True:
        path = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
        claim = Claim(path / CLAIM)
        if claim.take():
            return path, claim
