"""Processor time of the steps of a training: a command of the harness whose steps are timed, in a process of its own.

    python -m benchmarks.steps FILE eval --task ...

FILE gets the seconds of each step, a list a stage, in the order of the stages, and the peak memory in MiB.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from harness.cli.main import main as harness
from harness.training._trainer import Trainer


def main(file: str, *words: str) -> int:
    """The exit code of the command."""
    stages: dict[int, list[float]] = {}
    plain = Trainer._step

    def timed(self: Trainer, step: int) -> Any:
        began = time.process_time()
        loss = plain(self, step)
        stages.setdefault(id(self), []).append(time.process_time() - began)
        return loss

    Trainer._step = timed  # type: ignore[method-assign]
    code = harness(list(words))
    unit = 2**20 if sys.platform == "darwin" else 2**10
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    Path(file).write_text(json.dumps({"stages": list(stages.values()), "memory": memory}), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
