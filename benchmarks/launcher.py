"""Runs a command and writes what it took to a file: a small process, since Linux counts to the peak memory of a command
what the process that started it held at that moment.

    python -I launcher.py FILE COMMAND...
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main(file: str, *command: str) -> int:
    started = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    cost = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / unit}
    Path(file).write_text(json.dumps(cost), encoding="utf-8")
    return int(process.returncode != 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
