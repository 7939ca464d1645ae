"""Time of loading a plugin in a process of its own, without what the process waits for a processor."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.005
"""Seconds between two looks at the process."""

_LOAD = """
import json, sys, time
from pathlib import Path
from harness.registry.discovery import find
from harness.registry.loading import load, new_manager
name, files = sys.argv[1], [Path(file) for file in sys.argv[2:]]
manager = new_manager()
candidate = next(found for found in find(files)[0] if found.provider == name)
before = set(sys.modules)
clock, computed = time.monotonic(), time.process_time()
load(manager, candidate)
times = clock, time.monotonic(), time.process_time() - computed
print(json.dumps([*times, sorted(set(sys.modules) - before)]))
"""


@dataclass(frozen=True)
class Loaded:
    """Seconds in which a plugin computed or slept as it was loaded, and the modules that it imported."""

    seconds: float
    modules: Sequence[str]


def load_alone(provider: str, files: Sequence[str | Path] = ()) -> Loaded:
    """Loads a plugin in a new process; RuntimeError where that fails.

    Its seconds are those that the process computed and, from looks at its state, those that it slept, or waited for a
    disk or the network. The clock would say how busy the machine is, too, and what the system counts as waiting for a
    processor has sleep in it on some kernels (Linux 6.18). Where a process's state cannot be seen, the clock decides.
    """
    command = [sys.executable, "-c", _LOAD, provider, *map(str, files)]
    looks: list[tuple[float, bool]] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while True:
            try:
                printed, said = process.communicate(timeout=_EVERY)
                break
            except subprocess.TimeoutExpired:
                asleep = _asleep(process.pid)
                if asleep is not None:
                    looks.append((time.monotonic(), asleep))
    if process.returncode:
        raise RuntimeError(f"it cannot be loaded alone: {said.strip().splitlines()[-1]}")
    began, ended, computed, modules = json.loads(printed.splitlines()[-1])
    within = [asleep for at, asleep in looks if began <= at <= ended]
    clock = ended - began
    slept = clock * sum(within) / len(within) if within else clock - computed
    return Loaded(min(computed + slept, clock), modules)


def _asleep(process: int) -> bool | None:
    """Tells whether a process sleeps or waits for something else than a processor; None where its state cannot be seen."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[0] in "SD"
