"""Claims: locks that divide work between processes that share a folder.

A claim is a small file that its owner keeps locked. The system releases the locks of a process that ends, however it
ends, so a claim of a dead process is free at once and no claim has to be judged by its age. The file says who holds it,
for people to read.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from harness.core.clock import now
from harness.core.errors import DataError

log = logging.getLogger(__name__)


class AlreadyClaimed(Exception):
    """Another process holds the claim on ``path``."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is claimed by another process")
        self.path = path


class Claims:
    """The claims that this process holds in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, IO[str]] = {}

    def path(self, name: str) -> Path:
        """Path of a claim."""
        return self.folder / f"{name.replace('/', '-')}.claim"

    def take(self, name: str) -> bool:
        """Claims a name; False where another process has it."""
        path = self.path(name)
        while True:
            file = opened(path)
            if not try_lock(file):
                file.close()
                return False
            # Its last owner may have removed the file between our opening and our locking it: then it is no claim.
            if _same(file, path):
                break
            file.close()
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "host": platform.node(), "since": now()}) + "\n")
        file.flush()
        self._held[name] = file
        return True

    def release(self, name: str) -> None:
        """Lets a claim go."""
        file = self._held.pop(name, None)
        if file is None:
            return
        with suppress(OSError):
            self.path(name).unlink(missing_ok=True)
        file.close()
        with suppress(OSError):
            self.folder.rmdir()  # fails as long as others have claims there

    def remove_abandoned(self) -> None:
        """Removes the claims in this folder that no process holds: those of processes that were killed."""
        for path in self.folder.glob("*.claim"):
            with suppress(DataError):  # not a file, or one that may not be changed: no process's claim
                if path.stem not in self._held and self.take(path.stem):
                    self.release(path.stem)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Holds a claim; raises :class:`AlreadyClaimed` where another process has it."""
        if not self.take(name):
            raise AlreadyClaimed(self.path(name))
        try:
            yield
        finally:
            self.release(name)


def is_free(path: Path) -> bool:
    """Tells whether no process holds this claim at the moment."""
    try:
        with path.open("r") as file:
            return try_lock(file)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror}", hint="no claim of the harness looks like this: remove it"
        ) from None


def try_lock(file: IO[str], *, shared: bool = False) -> bool:
    """Locks an open file without waiting; it stays locked until it is closed. True as well where locks are not supported."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        log.warning("%s: this file system has no locks (%s): let one process at a time work here", file.name, error)
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for the lock of a file and holds it; meant for moments. The last one to hold it leaves no file."""
    while True:
        file = opened(path)
        with suppress(OSError):  # no locks on this file system: try_lock has said so
            fcntl.flock(file, fcntl.LOCK_EX)
        if _same(file, path):  # not removed by its last holder in between
            break
        file.close()
    with file:
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def opened(path: Path) -> IO[str]:
    """The file, made with its folder where it is not there; DataError where something else is in its place."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("a+")
        except FileNotFoundError:
            continue  # the folder was removed by another process that let go of its last claim
        except OSError as error:
            raise DataError(
                f"{path}: cannot be written: {error.strerror}",
                hint="check the disk and the folder; no other program keeps anything under this name",
            ) from None


def _same(file: IO[str], path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(file.fileno())
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
