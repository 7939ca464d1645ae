"""Scenes as pixels, and pixels as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UsageError
from harness.data.scenes.claims import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    """Pixels (height, width, 3)."""

RGB = {
    "red": (214, 32, 32),
    "blue": (32, 64, 214),
    "green": (28, 160, 56),
    "yellow": (240, 220, 40),
    "purple": (136, 40, 168),
    "orange": (250, 138, 20),
    "black": (12, 12, 12),
    "white": (246, 246, 246),
}
SHADES = range(104, 153)
"""Greys of the background, which none of the colours is near to."""
NOISE = 6.0
"""Standard deviation of what is added to each value of a pixel."""


def mask(kind: str, radius: int) -> NDArray[np.bool_]:
    """The pixels of a kind of shape, (2 radius + 1, 2 radius + 1); it reaches all four sides, a bar only two."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    distance = np.hypot(x, y)
    thick = max(radius // 3, 1)
    masks = {
        "circle": distance <= radius + 0.5,
        "square": np.ones_like(distance, bool),
        "triangle": 2 * np.abs(x) <= y + radius,
        "cross": (np.abs(x) <= thick - (radius < 6)) | (np.abs(y) <= thick - (radius < 6)),
        "bar": np.abs(y) <= thick,
        "ring": (distance <= radius + 0.5) & (distance >= radius / 2 + 0.3),
    }
    found: NDArray[np.bool_] = masks[kind]
    return found


def draw(shapes: Sequence[Shape], pixels: int, shade: int, rng: np.random.Generator) -> Pixels:
    """The scene on a square of so many pixels, with light noise."""
    image = np.full((pixels, pixels, 3), shade, np.float64)
    for shape in shapes:
        rows, columns = (slice(at - shape.radius, at + shape.radius + 1) for at in (shape.y, shape.x))
        image[rows, columns][mask(shape.kind, shape.radius)] = RGB[shape.colour]
    image += rng.normal(0, NOISE, image.shape)
    return image.round().clip(0, 255).astype(np.uint8)


def png(pixels: Pixels) -> bytes:
    """The pixels as a PNG file; UsageError where Pillow is not installed."""
    file = BytesIO()
    _pillow().fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise UsageError("pictures need the package Pillow", hint="pip install 'xtreme-harness[images]'") from None
    return Image
