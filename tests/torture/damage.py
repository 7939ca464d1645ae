"""Damage to the files that the harness made itself: of a run, of a stage and of the vectors of mining."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.torture.command import files, harness
from tests.torture.mutants import mutate_bytes, readers
from tests.torture.scene import Scene, outcome
from tests.torture.verdict import done_or_refused, done_well, equal, expect


def _gone(path: Path, chance: random.Random) -> None:
    path.unlink()


def _empty(path: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def _zeros(path: Path, chance: random.Random) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _mutant(path: Path, chance: random.Random) -> None:
    path.write_bytes(mutate_bytes(path.read_bytes(), chance))


def _folder(path: Path, chance: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _to_nowhere(path: Path, chance: random.Random) -> None:
    path.unlink()
    path.symlink_to("nowhere")


DAMAGE: tuple[Callable[[Path, random.Random], None], ...] = (
    _gone,
    _empty,
    _zeros,
    _mutant,
    _mutant,
    _folder,
    _to_nowhere,
)


def _put_back(path: Path, original: bytes) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(original)


def _evaluated(scene: Scene, chance: random.Random, folder: Path, part: str) -> None:
    e = scene.copy(scene.evaluated, folder / "e")
    chosen = chance.choice(files(e / part))
    if part == "stages":
        shutil.rmtree(e / "run")  # else no stage has to be read, and its damage waits until one is
    original = chosen.read_bytes()
    way = chance.choice(DAMAGE)
    way(chosen, chance)
    said = f"{chosen.relative_to(e)} damaged ({way.__name__.strip('_')})"
    if part == "run":
        done_or_refused(harness(*chance.choice(readers(e / "run"))))
    else:
        done_or_refused(harness("cache", "ls", e))
    words = scene.evaluation(e / "run")
    if not done_or_refused(harness(*words)):
        _put_back(chosen, original)
        done_well(harness(*words))
    equal(outcome(e), outcome(scene.evaluated), said)


def run(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Damages a file of a run: what is lost is made again, or one error says what is wrong."""
    _evaluated(scene, chance, folder, "run")


def stage(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Damages a file of a trained stage."""
    _evaluated(scene, chance, folder, "stages")


def vectors(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Damages a file of the folder of mining, the pairs themselves included."""
    e = scene.copy(scene.mined, folder / "e")
    chosen = chance.choice(files(e))
    original = chosen.read_bytes()
    way = chance.choice(DAMAGE)
    way(chosen, chance)
    words = scene.mining(e / "pairs.tsv")
    if not done_or_refused(harness(*words)):
        _put_back(chosen, original)
        done_well(harness(*words))
    same = (e / "pairs.tsv").read_bytes() == (scene.mined / "pairs.tsv").read_bytes()
    expect(same, f"{chosen.relative_to(e)} damaged ({way.__name__.strip('_')}): other pairs")


KINDS = {"damage of a run": run, "damage of a stage": stage, "damage of vectors": vectors}
