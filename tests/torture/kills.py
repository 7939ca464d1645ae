"""Kills: of one process, between changed options, of mining, and of one of two processes on a folder.

A process is killed at its n-th change to a file, so that the same seed kills at the same place, or some milliseconds
after that, where the time is spent in code that tells Python nothing.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.torture.command import Started, harness
from tests.torture.scene import Scene, outcome
from tests.torture.verdict import Done, done_well, equal, expect

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
MOST = 150
"""As many changes as an evaluation makes: where less is left to do it ends by itself, which is a case like any other."""


def dying(chance: random.Random, folder: Path, most: int = MOST) -> Callable[[], None]:
    """What makes a process die at a change below the folder that chance chooses."""
    left = [chance.randint(1, most)]
    delay = chance.choice([0.0, 0.0, chance.uniform(0, 0.02), chance.uniform(0, 1)])
    within = str(folder)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not (writes or event in CHANGES) or not str(arguments[0]).startswith(within):
            return
        left[0] -= 1
        if left[0] == 0 and delay:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, delay)
        elif left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda: sys.addaudithook(watch)


def killed_or_done(done: Done) -> None:
    """A process that was to be killed was killed, or had done its work before."""
    if done.code not in (-signal.SIGKILL, -signal.SIGALRM):
        done_well(done)


def evaluation(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Kills an evaluation up to four times; the command then ends as if nothing had been."""
    expected, words = outcome(scene.evaluated), scene.evaluation(folder / "run")
    for _ in range(chance.randint(1, 4)):
        killed_or_done(harness(*words, first=dying(chance, folder)))
    done_well(harness(*words))
    equal(outcome(folder), expected, "after kills")
    expect(
        not [p for p in folder.rglob("*") if p.suffix in (".claim", ".partial")], "claims or partial folders are left"
    )


CHANGED = (["--limit", "4"], ["--train-limit", "7"], ["--seed", "3"], ["--task", "panx[en]"], ["--set", "max_steps=2"])


def options(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Kills evaluations with other options in the same folder; the first options then give what they give alone."""
    expected = outcome(scene.evaluated)
    for _ in range(chance.randint(1, 3)):
        words = scene.evaluation(folder / "run", *chance.choice(CHANGED))
        killed_or_done(harness(*words, first=dying(chance, folder)))
    done_well(harness(*scene.evaluation(folder / "run")))
    found = outcome(folder)
    # a task that only the killed commands named is of the same run, and stays in its scores
    named = expected["scores"]["tasks"]
    scored = {name: found["scores"]["tasks"].get(name) for name in named}
    equal(
        {name: found.get(name) for name in expected} | {"scores": scored},
        expected | {"scores": named},
        "after kills of other options",
    )


def mining(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Kills mining, also with another layer; the pairs are those of an undisturbed run."""
    expected = (scene.mined / "pairs.tsv").read_bytes()
    for _ in range(chance.randint(1, 4)):
        other = chance.choice([[], [], ["--pool", "cls"], ["--layer", "1"], ["--margin", "distance"]])
        killed_or_done(harness(*scene.mining(folder / "pairs.tsv", *other), first=dying(chance, folder, 22)))
    done_well(harness(*scene.mining(folder / "pairs.tsv")))
    expect((folder / "pairs.tsv").read_bytes() == expected, "after kills: other pairs")


def pairs(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Kills one of two processes on a folder, or both; who is left does the rest."""
    expected, words = outcome(scene.evaluated), scene.evaluation(folder / "run")
    both = chance.random() < 0.3
    started = [Started(words, dying(chance, folder)), Started(words, dying(chance, folder) if both else None)]
    ended = [process.wait() for process in started]
    killed_or_done(ended[0])
    if both:
        killed_or_done(ended[1])
        done_well(harness(*words))
    else:
        done_well(ended[1])
    equal(outcome(folder), expected, "after the kill of one of two processes")
    done_well(harness(*words))


KINDS = {"kill eval": evaluation, "kill other options": options, "kill mine": mining, "kill one of two": pairs}
