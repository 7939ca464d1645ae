"""Random scenes: where their shapes are, what is said of them, and into which split they fall."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from itertools import product

from harness.core.hashing import text_hash
from harness.data.sample.lexicon import LANGUAGES
from harness.data.scenes.captions import WORDINGS
from harness.data.scenes.claims import COLOURS, COUNTS, HELD_OUT, KINDS, SIZES, Claim, Shape, true_claims
from harness.data.scenes.draw import SHADES

SPLITS = ("train", "dev", "test", "composition")
FORMS = ("one", "count", "relation", "relation", "relation")
"""Forms of captions, each as often as it is listed."""
_TRIES = 200
_LOOKS = tuple(product(KINDS, COLOURS, SIZES))
Looks = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene: its shapes, the shade of its background, what is said of it, and the wording in each language."""

    shapes: tuple[Shape, ...]
    shade: int
    said: Claim
    wordings: tuple[tuple[str, str], ...]


def scenes(split: str, count: int, pixels: int, seed: int) -> Iterator[Scene]:
    """``count`` scenes of a split, no two of them alike; the same for a seed.

    Where its shapes are decides whether a scene is for training, dev or test, so that no number of scenes brings one into
    two splits. Only ``composition`` has shapes of a kind and a colour in :data:`HELD_OUT`, of which each of its captions
    mentions at least one.
    """
    rng = random.Random(f"{seed}/scenes/{split}")
    seen: set[tuple[Shape, ...]] = set()
    while len(seen) < count:
        shapes, said = _scene(rng, pixels, held_out=split == "composition")
        if shapes not in seen and (split == "composition" or split == _split_of(shapes)):
            seen.add(shapes)
            wordings = tuple((language, rng.choice(WORDINGS)) for language in LANGUAGES)
            yield Scene(shapes, rng.choice(SHADES), said, wordings)


def _split_of(shapes: tuple[Shape, ...]) -> str:
    lot = text_hash(repr([astuple(shape) for shape in shapes])) % 10
    return {0: "dev", 1: "test"}.get(lot, "train")


def _scene(rng: random.Random, pixels: int, *, held_out: bool) -> tuple[tuple[Shape, ...], Claim]:
    while True:
        form = rng.choice(FORMS)
        shapes = _placed(rng, _looks(rng, form, held_out=held_out), pixels)
        claims = [
            claim
            for claim in true_claims(shapes, form)
            if not held_out or any((kind, colour) in HELD_OUT for kind, colour, _ in claim.looks)
        ]
        if claims:
            return shapes, rng.choice(claims)


def _looks(rng: random.Random, form: str, *, held_out: bool) -> list[Looks]:
    """Kind, colour and size of each shape: all alike where they are counted, no two of a kind and a colour otherwise."""
    known = [looks for looks in _LOOKS if looks[:2] not in HELD_OUT]
    first = rng.choice([looks for looks in _LOOKS if looks[:2] in HELD_OUT] if held_out else known)
    if form == "count":
        return [first] * rng.choice(COUNTS)
    found, wanted = [first], rng.choice((2, 2, 3)) if form == "relation" else 1
    while len(found) < wanted:
        found.append(rng.choice([looks for looks in known if all(looks[:2] != other[:2] for other in found)]))
    rng.shuffle(found)
    return found


def _placed(rng: random.Random, looks: list[Looks], pixels: int) -> tuple[Shape, ...]:
    """The shapes at random places, none of which touch; () where no room is found for one of them."""
    placed: list[Shape] = []
    for kind, colour, size in looks:
        radius = round(pixels * (0.19 if size == "big" else 0.125))
        for _ in range(_TRIES):
            x, y = (rng.randint(radius, pixels - 1 - radius) for _ in range(2))
            shape = Shape(kind, colour, size, x, y, radius)
            if all(shape.apart(other) for other in placed):
                placed.append(shape)
                break
        else:
            return ()
    return tuple(placed)
