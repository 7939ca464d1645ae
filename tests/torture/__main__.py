"""Attacks the harness for some minutes and prints what held.

python -m tests.torture --minutes 60
python -m tests.torture --kind "kill eval" --seed 3 --trial 17
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.torture import damage, disk, kills, mutants, streams
from tests.torture.command import prepare
from tests.torture.scene import Scene

KINDS = kills.KINDS | mutants.KINDS | damage.KINDS | streams.KINDS | disk.KINDS


@dataclass
class Tally:
    """What became of the attacks of one kind: how many were tried, and what did not hold, by number of the trial."""

    tried: int = 0
    not_held: dict[int, str] = field(default_factory=dict)


def attack(kind: str, seed: int, trial: int, scene: Scene) -> str:
    """What did not hold, or ""; the same kind, seed and trial are the same attack."""
    folder = Path(tempfile.mkdtemp(dir=scene.folder))
    try:
        KINDS[kind](scene, random.Random(f"{seed} {kind} {trial}"), folder)
    except Exception as error:  # an attack that falls over did not hold either
        return " ".join([type(error).__name__ + ":", str(error), *getattr(error, "__notes__", ())])
    finally:
        shutil.rmtree(folder)
    return ""


def table(found: dict[str, Tally], seed: int) -> str:
    """One line for each kind; below, what did not hold and how to see it again."""
    lines = [f"{'kind':<26}{'tried':>7}{'held':>7}{'not held':>10}"]
    for kind, tally in found.items():
        failed = len(tally.not_held)
        lines.append(f"{kind:<26}{tally.tried:>7}{tally.tried - failed:>7}{failed:>10}")
    for kind, tally in found.items():
        for trial, reason in tally.not_held.items():
            again = f'python -m tests.torture --kind "{kind}" --seed {seed} --trial {trial}'
            lines += ["", again, *("    " + line for line in reason.splitlines())]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="no attack starts later")
    parser.add_argument("--trials", type=int, help="so many of each kind instead, however long they take")
    parser.add_argument(
        "--kind", action="append", choices=KINDS, metavar="KIND", help=f"again for more: {', '.join(KINDS)}"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trial", type=int, help="only this one of each kind")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    prepare()
    found = {kind: Tally() for kind in options.kind or KINDS}
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        scene = Scene(Path(name))
        end = time.monotonic() + 60 * options.minutes
        trial = options.trial or 0
        while True:
            for kind, tally in found.items():
                if options.trials is None and options.trial is None and time.monotonic() > end:
                    break
                reason = attack(kind, options.seed, trial, scene)
                tally.tried += 1
                if reason:
                    tally.not_held[trial] = reason.replace(name, "FOLDER")
                    print(f"not held: {kind}, trial {trial}: {tally.not_held[trial]}", file=sys.stderr, flush=True)
            trial += 1
            over = time.monotonic() > end if options.trials is None else trial >= options.trials
            if over or options.trial is not None:
                break
    if options.json:
        plain = {kind: {"tried": tally.tried, "not_held": tally.not_held} for kind, tally in found.items()}
        print(json.dumps(plain, indent=1))
    else:
        print(table(found, options.seed))
    return any(tally.not_held for tally in found.values())


if __name__ == "__main__":
    sys.exit(main())
