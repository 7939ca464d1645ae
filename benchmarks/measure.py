"""Contestants as processes that take turns, and the statistics of their times."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LAUNCHER = Path(__file__).parent / "launcher.py"


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
    with tempfile.NamedTemporaryFile() as told, tempfile.TemporaryFile() as log:
        launcher = [sys.executable, "-I", str(LAUNCHER), told.name]
        done = subprocess.run([*launcher, *command], env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            log.seek(0)
            raise Failed(f"{' '.join(command)}\n{log.read().decode(errors='replace')[-3000:]}")
        return Cost(**json.load(told))


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def shares(wall: Sequence[float], phases: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The share of each phase in the time of all turns, and that of ``rest``: what is in no phase."""
    names = dict.fromkeys(name for turn in phases for name in turn)
    found = {name: sum(turn.get(name, 0.0) for turn in phases) / sum(wall) for name in names}
    return found | {"rest": 1 - sum(found.values())} if found else {}


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
