"""Size of the sample corpus."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.errors import UsageError

SCALES = {"tiny": 0.03, "default": 1.0}
SMALLEST = 18  # examples in any file: three of each label and polarity of XNLI


@dataclass(frozen=True, slots=True)
class Size:
    """Examples in an English training set, in a dev set and in a test set of one language; sentences of plain text."""

    train: int
    dev: int
    test: int
    text: int

    @classmethod
    def of(cls, size: str | float) -> Size:
        """The size with a name ("tiny", "default"), or the default times a factor of at most 20."""
        scale = SCALES.get(size) if isinstance(size, str) else float(size)
        if scale is None or not 0 < scale <= 20:
            raise UsageError(
                f"no size {size!r} of the sample corpus", hint="give 'tiny', 'default' or a factor up to 20"
            )
        train, dev, test, text = (max(SMALLEST, round(scale * n)) for n in (2400, 180, 150, 3000))
        return cls(train, dev, test, text)
