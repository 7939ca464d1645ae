"""Silence of the owners of claims that cannot be seen from here: how long they have given no sign of life.

An owner touches its claim file at every beat. A claim is given up where nothing has been seen of its owner during two
beats of watching, and the file is older than the owner's patience by the clock of the file system, which is the time that
a file touched here gets there. Watching alone, for all of the patience, is enough as well.

Neither would do on its own. The clock of this machine may be wrong, and is not asked. That of the file system may be
set while a claim is held; and Lustre has none, as each machine stamps files with its own time. What an NFS client knows
of a file may be a minute old, so that each look opens the file. And after a server was away, owners and watchers go on at
the same time: so silence counts from look to look, a beat at most, and not by what the clock says has passed.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass
class _Watched:
    """The last sign of an owner, when it was last looked for, and the seconds of watching without a new one."""

    sign: tuple[str, int]
    looked: float
    silent: float = 0.0


_watched: dict[Path, _Watched] = {}


def silent(
    path: Path, sign: tuple[str, int], beat: float, patience: float, *, clock: Callable[[], float] = time.monotonic
) -> bool:
    """Tells whether the owner of a claim counts as gone; ``sign`` are the claim's token and the time of its last beat (ns).

    It takes several looks, a beat apart or less. ``clock`` is this process's own, in seconds.
    """
    seen, at = _watched.get(path), clock()
    if seen is None or seen.sign != sign:
        _watched[path] = _Watched(sign, at)
        return False
    seen.silent += min(at - seen.looked, beat)
    seen.looked = at
    if seen.silent < min(2 * beat, patience):
        return False
    return seen.silent >= patience or age(path, sign[1]) >= patience


def forget(path: Path) -> None:
    """Forgets what was seen of a claim, which has changed hands or is gone."""
    _watched.pop(path, None)


def age(path: Path, stamp: int) -> float:
    """Seconds since a file in the folder of ``path`` was touched (``stamp``, ns), by the clock of the file system.

    Infinity where nothing can be written there: whoever wants the claim is told so when it takes it.
    """
    probe = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except OSError:
        return float("inf")
    try:
        os.utime(handle)
        return (os.fstat(handle).st_mtime_ns - stamp) / 1e9
    finally:
        os.close(handle)
        with suppress(OSError):
            probe.unlink()
