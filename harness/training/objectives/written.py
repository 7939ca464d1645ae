"""The objective ``written``: captions come from a decoder, for models that have one."""

from __future__ import annotations

from harness.core.errors import UsageError
from harness.families.base import HeadFamily
from harness.families.caption_writing import WrittenCaptions
from harness.families.captioning import Captioning
from harness.training.objectives.base import StageObjective


class Written(StageObjective):
    """Trains an encoder-decoder or a decoder to write the captions of pictures, each after a request in front of it."""

    def family(self, family: HeadFamily) -> HeadFamily:
        """The family that writes captions, with the options of the one that fills them in."""
        if not isinstance(family, Captioning):
            raise UsageError("objective 'written': only captions of pictures are written")
        return WrittenCaptions(family.labels, family.options)
