"""Hashes of files and texts."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

_TICK = 20_000_000
"""Nanoseconds within which a file system may give two changes of a file the same time."""

_known: dict[tuple[int, ...], str] = {}


def file_sha256(path: Path) -> str:
    """sha256 of a file; remembered until its inode changes, which leaves a time that archives and copies cannot restore.

    It is remembered for the inode and not for the path: a folder that is renamed is not read again. A file that has
    changed in the tick of the clock in which it was read is not remembered, as another change would not show.
    """
    version = _version(path.stat())
    if version in _known:
        return _known[version]
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    if _version(before) == _version(after) and after.st_ctime_ns + _TICK < time.time_ns():
        _known[_version(after)] = digest
    return digest


def text_hash(text: str) -> int:
    """64 bits of a text, the same in every process and on every machine; half a surrogate pair is no error."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _version(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
