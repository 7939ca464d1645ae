"""Contestants as processes that take turns, and the statistics of their times."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds on the clock, seconds of processor time (all threads), peak memory in MiB."""

    wall: float
    cpu: float
    memory: float


class Failed(RuntimeError):
    """A contestant ended with an error; the text is the end of what it wrote."""


def run(command: Sequence[str], threads: int) -> Cost:
    """Runs a command to its end with so many threads for linear algebra."""
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "NO_COLOR": "1",
    }
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(list(command), env=environment, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise Failed(f"{' '.join(command)}\n{log.read().decode(errors='replace')[-3000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def against(peer: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """How many times quicker we are, turn by turn: machines slow down for both contestants of a turn alike."""
    return spread([theirs / mine for theirs, mine in zip(peer, ours, strict=True)])


def summary(costs: Mapping[str, Sequence[Cost]], reference: str) -> dict[str, dict[str, Any]]:
    """For every contestant: wall, cpu and memory with spread, and its cost over that of ``reference``."""
    table: dict[str, dict[str, Any]] = {}
    for name, turns in costs.items():
        columns = {field: [asdict(turn)[field] for turn in turns] for field in ("wall", "cpu", "memory")}
        base = {field: [asdict(turn)[field] for turn in costs[reference]] for field in ("wall", "cpu")}
        table[name] = {
            **{field: spread(values) for field, values in columns.items()},
            "ratio": {field: against(columns[field], base[field]) for field in base},
        }
    return table
