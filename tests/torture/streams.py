"""Streams that are closed, full, or of another encoding; each in an interpreter of its own, which ends in its own way."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.torture.scene import Scene
from tests.torture.verdict import Done, done_or_refused, expect

WAYS = ("head -1", "nobody reads", ">&-", "2>&-", ">&- 2>&-", "<&-", ">/dev/full", "2>/dev/full", "ascii", "latin-1")


def commands(scene: Scene, other: Path) -> list[list[str]]:
    """The commands that print something; ``other`` is another folder with the run of the scene."""
    run = str(scene.evaluated / "run")
    return [
        ["--help"],
        ["tasks", "list"],
        ["tasks", "list", "--json"],
        ["tasks", "show", "xnli"],
        ["data", "list", "--data-dir", str(scene.corpus)],
        ["data", "verify", "xnli", "--data-dir", str(scene.corpus)],
        ["runs", "list", str(scene.evaluated)],
        ["runs", "show", run],
        ["score", run],
        ["score", run, "--json"],
        ["report", run],
        ["compare", run, str(other)],
        ["breakdown", run],
        ["cache", "ls", str(scene.evaluated)],
        ["plugins", "--json"],
        ["tasks", "show", "nothing-of-this-name"],
        scene.evaluation(scene.evaluated / "run"),
        scene.mining(scene.mined / "pairs.tsv", "--json"),
    ]


def closed(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Closes or fills a stream of a command."""
    other = scene.copy(scene.evaluated / "run", folder / "other")
    words, way = chance.choice(commands(scene, other)), chance.choice(WAYS)
    done = _through(words, way)
    try:
        done_or_refused(done)
    except Exception as error:
        error.add_note(way)
        raise
    if way in ("<&-", "ascii", "latin-1", "2>&-"):
        plain = _through(words, "")
        expect(done.code == plain.code, f"{way}: exit code {done.code}, without it {plain.code}: {done}")


def _through(words: list[str], way: str) -> Done:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if way in ("ascii", "latin-1"):
        environment["PYTHONIOENCODING"] = way
    full = Path("/dev/full")
    closing = {">&-": (1,), "2>&-": (2,), ">&- 2>&-": (1, 2), "<&-": (0,)}.get(way, ())

    def first() -> None:
        for number in closing:
            os.close(number)

    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=full.open("wb") if way == ">/dev/full" else subprocess.PIPE,
        stderr=full.open("wb") if way == "2>/dev/full" else subprocess.PIPE,
        preexec_fn=first if closing else None,
    )
    if process.stdout is not None and way in ("head -1", "nobody reads"):
        if way == "head -1":
            process.stdout.readline()
        process.stdout.close()
        process.stdout = None
    out, err = process.communicate()
    silent = way in (">&-", "2>&-", ">&- 2>&-", "2>/dev/full")  # no error can be read where there is no stream for it
    said = (err or b"").decode("utf-8", "replace")
    if silent and process.returncode and "error:" not in said:
        said += "error: (nowhere to say it)"
    return Done((way, *words), process.returncode, (out or b"").decode("utf-8", "replace"), said)


KINDS: dict[str, Callable[[Scene, random.Random, Path], None]] = {"closed streams": closed}
