"""Time that does not pass while other processes have the processor."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

_SCHEDULED = Path("/proc/thread-self/schedstat")
"""Of this thread, in nanoseconds: what it computed, and what it was ready to and waited for a processor (Linux)."""


def own_seconds() -> float:
    """Seconds on a clock that stands still while this thread waits for a processor; it goes on while it sleeps or reads.

    Where the system does not count what a thread waits for, it is a clock like any other.
    """
    waited = 0
    with suppress(OSError, ValueError, IndexError):
        waited = int(_SCHEDULED.read_text(encoding="ascii").split()[1])
    return time.perf_counter() - waited / 1e9
