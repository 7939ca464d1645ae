"""A disk that is full: no file may grow beyond a size, which fails in the middle of a file as on a full disk."""

from __future__ import annotations

import random
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.run_folders import EXPORTED_AS_IT_IS
from tests.torture.command import harness
from tests.torture.scene import Scene, outcome
from tests.torture.verdict import done_or_refused, done_well, equal, expect


def limited(chance: random.Random) -> Callable[[], None]:
    """What limits the size of every file to between one byte and a megabyte."""
    most = int(2 ** chance.uniform(0, 20))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def evaluation(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Fills the disk under an evaluation; with room again it ends as if nothing had been."""
    expected, words = outcome(scene.evaluated), scene.evaluation(folder / "run")
    for _ in range(chance.randint(1, 2)):
        done = harness(*words, first=limited(chance))
        expect(done_or_refused(done) or done.code == 4, done)
    done_well(harness(*words))
    equal(outcome(folder), expected, "after a full disk")


def mining(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Fills the disk under mining."""
    words = scene.mining(folder / "pairs.tsv")
    done = harness(*words, first=limited(chance))
    expect(done_or_refused(done) or done.code == 4, done)
    done_well(harness(*words))
    expect((folder / "pairs.tsv").read_bytes() == (scene.mined / "pairs.tsv").read_bytes(), "other pairs afterwards")


def writers(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Fills the disk under a command that writes a file or a folder."""
    run, there = scene.evaluated / "run", folder / "there"
    words = chance.choice(
        [
            ["report", run, "--output", there / "report.html"],
            ["leaderboard", "export", run, *EXPORTED_AS_IT_IS, "--out", there / "row.json"],
            ["data", "sample", "--size", "tiny", there / "corpus"],
            ["data", "bundle", there / "bundle.tar", "xnli[en]", "--data-dir", scene.corpus],
            ["new", "task", "mine", "--family", "classification", "--out", there],
        ]
    )
    there.mkdir()
    done = harness(*words, first=limited(chance))
    expect(done_or_refused(done) or done.code == 4, done)
    if words[0] == "new":  # refuses to write into what is there
        shutil.rmtree(there)
        there.mkdir()
    done_well(harness(*words))


KINDS = {"full disk under eval": evaluation, "full disk under mine": mining, "full disk under writers": writers}
