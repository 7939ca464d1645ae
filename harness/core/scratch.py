"""Folders that a process writes into before they take their place: locked as long as the process lives.

The system releases a lock when its process ends, however it ends. So the folder of a killed process can be
distinguished from one that another process is writing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.core.errors import DataError


@contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder in ``parent``, hidden if ``prefix`` is; what is still there at the end of the block is removed."""
    path, handle = _made(parent, prefix)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(handle)


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
    """Removes a scratch folder; False where a process is using it, or where locks are not supported."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        else:
            shutil.rmtree(path)
        finally:
            os.close(handle)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be removed: {error.strerror}") from None
    return True


def _made(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue  # it was taken for abandoned before it was locked
        with suppress(OSError):  # no locks on this file system: no process will remove the folder either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if path.is_dir():
            return path, handle
        os.close(handle)
