"""Peak memory of mining against what it should need, from memory-mapped vectors, in a process of its own.

Run from the root of the repository::

python -m benchmarks.mining_memory --foreign 200000 --english 200000 --dimension 64 --memory 1024

The vectors are drawn block by block into two mapped files, so that they are never in memory as a whole before mining.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.retrieval.knn_bidirectional import PRECISIONS

BLOCK = 1 << 14
MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""What is freed goes back at once, so that the peak is that of what is in use. By default glibc keeps back more or less
of it, as the moments fall, and two runs differ by a tenth."""
A_ROW = 500
"""Bytes for each sentence of both sides with k = 4: its best groups, its candidates, the answer and its margins."""


def bytes_needed(n: int, m: int, d: int, precision: str, memory: int) -> int:
    """The vectors, the operands of the first pass, ``memory`` for the blocks, and what every row needs (k = 4)."""
    operands = 4 * d * m if precision == "fp32" else 2 * (d + 4) * (n + 2 * m)
    return 4 * d * (n + m) + operands + memory + A_ROW * (n + m)


def write_vectors(file: Path, rows: int, dimension: int, seed: int) -> None:
    """Random directions; every third of a block is near to that of the same row under any seed: its translation."""
    vectors = np.lib.format.open_memmap(file, "w+", np.float32, (rows, dimension))
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        block = np.random.default_rng([seed, start]).standard_normal((count, dimension), dtype=np.float32)
        same = np.random.default_rng([99, start]).standard_normal((count, dimension), dtype=np.float32)
        block[::3] = 0.5 * block[::3] + same[::3]
        vectors[start : start + count] = block / np.linalg.norm(block, axis=1, keepdims=True)


def peak() -> int:
    """The most bytes that this process has held. Not ``ru_maxrss`` on Linux, which starts at what the parent held."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def translated(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows have a translation in the same row of the other side."""
    return rows % BLOCK % 3 == 0


def in_this_process(folder: Path, precision: str, memory: int) -> dict[str, float]:
    """Mines and says how it went: seconds, pairs, how many are translations, and bytes beyond the libraries."""
    from harness.retrieval.mining import mine

    rng = np.random.default_rng(0)
    few = rng.standard_normal((600, 16), dtype=np.float32)
    mine(few, few[::-1].copy(), precision=precision, memory=1 << 20)  # libraries, threads and their buffers
    before = peak()
    foreign, english = (np.load(folder / f"{side}.npy", mmap_mode="c") for side in ("foreign", "english"))
    started, worked = time.perf_counter(), time.process_time()
    mined = mine(foreign, english, precision=precision, memory=memory)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - worked,
        "pairs": len(mined),
        "translations": int(translated(mined.foreign[mined.foreign == mined.english]).sum()),
        "bytes": peak() - before,
    }


def measure(n: int, m: int, d: int, precision: str, memory: int) -> dict[str, float]:
    """:func:`in_this_process` in a process of its own, and the bytes that it should need."""
    with tempfile.TemporaryDirectory(prefix="benchmark-mining-") as name:
        folder = Path(name)
        write_vectors(folder / "foreign.npy", n, d, 1)
        write_vectors(folder / "english.npy", m, d, 2)
        words = ["--folder", name, "--precision", precision, "--memory", str(memory >> 20)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.mining_memory", *words],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=os.environ | MALLOC | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
        )
    found: dict[str, float] = json.loads(done.stdout)
    return found | {"needed": bytes_needed(n, m, d, precision, memory)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--foreign", type=int, default=50_000, help="sentences on the foreign side")
    parser.add_argument("--english", type=int, default=50_000, help="sentences on the English side")
    parser.add_argument("--dimension", type=int, default=64)
    parser.add_argument("--precision", default="fp32", choices=PRECISIONS[1:])
    parser.add_argument("--memory", type=int, default=1024, help="MiB for the blocks of similarities")
    parser.add_argument("--folder", type=Path, help="mine the two files in it, here (for the process that is measured)")
    args = parser.parse_args()
    memory = args.memory << 20
    if args.folder:
        print(json.dumps(in_this_process(args.folder, args.precision, memory)))
        return
    found = measure(args.foreign, args.english, args.dimension, args.precision, memory)
    wanted = translated(np.arange(min(args.foreign, args.english))).sum()
    print(f"{args.foreign:,} x {args.english:,} x {args.dimension}, {args.precision}, {args.memory} MiB for blocks:")
    print(f"  {found['seconds']:.1f} s, {found['cpu_seconds']:.1f} s of the processor")
    print(f"  {found['pairs']:,} pairs, {found['translations']:,} of {wanted:,} translations found")
    print(f"  {found['bytes'] / 2**20:,.0f} MiB at most, {found['needed'] / 2**20:,.0f} MiB expected")


if __name__ == "__main__":
    main()
