"""Made scenes on disk: a folder a split, with the pictures and a file of captions in ten languages."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from harness.core.errors import UsageError
from harness.core.files import disk_errors, written_into
from harness.data.sample.lexicon import LANGUAGES
from harness.data.scenes.captions import caption, given_slots
from harness.data.scenes.claims import HELD_OUT
from harness.data.scenes.draw import draw, png
from harness.data.scenes.generate import SPLITS, Scene, scenes

VERSION = 1
FOLDER = "scenes"
MARKER = "scenes.json"
SHARE = 10
"""One scene for development, testing and composition each for so many to train on."""
FEWEST, MOST = 20, 1_000
"""Scenes of these splits, whatever the number of those to train on."""
PIXELS = range(32, 65)


def sizes(count: int) -> dict[str, int]:
    """Numbers of scenes by split, ``count`` of them to train on."""
    return {split: count if split == "train" else min(max(count // SHARE, FEWEST), MOST) for split in SPLITS}


def write_scenes(folder: Path, count: int, *, seed: int = 0, pixels: int = 32) -> Path:
    """Writes scenes to ``folder/scenes``, ``count`` of them to train on, and returns that place.

    The same bytes for the same arguments. Made scenes that are there are replaced; UsageError for anything else that is
    there, for a number of scenes below one and for pictures of another size than 32 to 64 pixels. Killed, it leaves nothing.
    """
    if count < 1:
        raise UsageError(f"{count} scenes: at least one is needed")
    if pixels not in PIXELS:
        raise UsageError(f"pictures of {pixels} pixels: {PIXELS[0]} to {PIXELS[-1]} are possible")
    place = Path(folder) / FOLDER
    if place.exists() and not (place / MARKER).is_file():
        raise UsageError(f"{place} is there, and holds no made scenes", hint="give another folder")
    scratch = place.with_name(f".{FOLDER}.{secrets.token_hex(4)}.new")
    try:
        with disk_errors(place):
            scratch.mkdir(parents=True)
            with written_into(place):
                for split, number in sizes(count).items():
                    _write_split(scratch / split, scenes(split, number, pixels, seed), pixels, seed)
                _write_marker(scratch, count, seed, pixels)
            if place.exists():
                shutil.rmtree(place)
            scratch.rename(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return place


def _write_split(folder: Path, made: Iterator[Scene], pixels: int, seed: int) -> None:
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng([seed, SPLITS.index(folder.name)])
    with (folder / "captions.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for number, scene in enumerate(made, 1):
            name = f"{number:05d}.png"
            (folder / "images" / name).write_bytes(png(draw(scene.shapes, pixels, scene.shade, rng)))
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in _lines(name, scene))


def _lines(name: str, scene: Scene) -> Iterator[dict[str, object]]:
    facts: dict[str, object] = {"shapes": [asdict(shape) for shape in scene.shapes], "said": asdict(scene.said)}
    for language, wording in scene.wordings:
        text, spans = caption(scene.said, language, wording)
        facts["given"] = given_slots(scene.said, wording)
        yield {"image": name, "language": language, "caption": text, "spans": spans, "facts": facts}


def _write_marker(folder: Path, count: int, seed: int, pixels: int) -> None:
    marker = {
        "corpus": "harness scenes",
        "version": VERSION,
        "seed": seed,
        "pixels": pixels,
        "scenes": sizes(count),
        "languages": list(LANGUAGES),
        "held_out": sorted(" ".join(reversed(pair)) for pair in HELD_OUT),
    }
    (folder / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
