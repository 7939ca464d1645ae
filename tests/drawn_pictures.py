"""Made pictures of one thing each, with captions, for tests: which colour and which shape it is, the picture alone tells."""

from __future__ import annotations

from io import BytesIO

import numpy as np

from harness import Captioned, Picture

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 180, 30), "yellow": (230, 220, 40)}
SHAPES = {"square": (14, 14), "bar": (5, 26)}
SIZE = 32


def png(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    from PIL import Image

    found = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(found, kind)
    return found.getvalue()


def drawn(count: int, seed: int = 0) -> list[Captioned]:
    """Captioned pictures of a square or a bar in one of four colours, somewhere on grey."""
    rng = np.random.default_rng(seed)
    return [_drawn(number, seed, rng) for number in range(count)]


def _drawn(number: int, seed: int, rng: np.random.Generator) -> Captioned:
    colour, shape = str(rng.choice(list(COLOURS))), str(rng.choice(list(SHAPES)))
    height, width = SHAPES[shape]
    pixels = np.full((SIZE, SIZE, 3), rng.integers(90, 160))
    top, left = rng.integers(0, SIZE - height), rng.integers(0, SIZE - width)
    pixels[top : top + height, left : left + width] = COLOURS[colour]
    caption = f"the picture has a {colour} {shape} in it"
    spans = tuple((caption.index(word), caption.index(word) + len(word)) for word in (colour, shape))
    name = f"{seed}-{number}"
    return Captioned(name, Picture.of_bytes(png(pixels), f"{name}.png"), caption, "en", spans=spans)
