"""Processor time of the steps of a training: a command of the harness whose steps are timed, in a process of its own.

    python -m benchmarks.steps FILE eval --task ...

FILE gets the seconds of each step, a list a stage, in the order of the stages, and the peak memory in MiB.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import run
from harness.cli.main import main as harness
from harness.training._trainer import Trainer


def timed(words: Sequence[str], threads: int) -> tuple[list[list[float]], float]:
    """The seconds of each step of each stage of ``harness eval ...`` (``words``), and the peak memory in MiB."""
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / "steps.json"
        own = ["--offline", "--out", str(Path(scratch) / "run")]
        run([sys.executable, "-m", "benchmarks.steps", str(told), *words, *own], threads)
        found = json.loads(told.read_text(encoding="utf-8"))
        return found["stages"], found["memory"]


@dataclass(frozen=True)
class Cost:
    """What commands that took turns needed: by round, the seconds of each step of each stage, and the peak memory."""

    rounds: Sequence[tuple[list[list[float]], float]]

    def seconds(self, stage: int) -> float:
        """Of a step of the stage: the median over its steps but the first, and over the rounds."""
        return statistics.median(statistics.median(stages[stage][1:]) for stages, _ in self.rounds)

    @property
    def memory(self) -> float:
        """The median over the rounds, in MiB."""
        return statistics.median(peak for _, peak in self.rounds)


def in_turns(commands: Mapping[str, Sequence[str]], rounds: int, threads: int) -> dict[str, Cost]:
    """The cost of each command; in a round all take their turn, as processor time depends little on what else runs."""
    found: dict[str, list[tuple[list[list[float]], float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, words in commands.items():
            found[name].append(timed(words, threads))
    return {name: Cost(each) for name, each in found.items()}


def main(file: str, *words: str) -> int:
    """The exit code of the command."""
    stages: dict[int, list[float]] = {}
    plain = Trainer._step

    def clocked(self: Trainer, step: int) -> Any:
        began = time.process_time()
        loss = plain(self, step)
        stages.setdefault(id(self), []).append(time.process_time() - began)
        return loss

    Trainer._step = clocked  # type: ignore[method-assign]
    code = harness(list(words))
    unit = 2**20 if sys.platform == "darwin" else 2**10
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    Path(file).write_text(json.dumps({"stages": list(stages.values()), "memory": memory}), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
