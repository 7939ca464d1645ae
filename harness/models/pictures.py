"""Pictures as arrays of pixels of one size, decoded with Pillow when they are needed."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError, UsageError
from harness.types.pictures import Picture


def pixels(picture: Picture, size: int) -> NDArray[np.uint8]:
    """The picture as an array (size, size, 3) of red, green and blue, 0 to 255.

    What is not square loses the ends of its longer side; the rest is scaled. Transparent places are white. DataError, with
    the name of the file, where it cannot be read; UsageError without Pillow.
    """
    content = picture.read()
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise UsageError("pictures need the package Pillow", hint="pip install 'xtreme-harness[images]'") from None
    try:
        with Image.open(BytesIO(content)) as opened:
            colours = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
        if colours.mode == "RGBA":
            behind = Image.new("RGBA", colours.size, "white")
            behind.alpha_composite(colours)
            colours = behind.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{picture.path or picture.name}: not a picture that can be read ({error})",
            hint="PNG and JPEG files are; download it again, or leave its captions out",
        ) from None
    if colours.size != (size, size):
        colours = ImageOps.fit(colours, (size, size), Image.Resampling.BICUBIC)
    return np.array(colours)
