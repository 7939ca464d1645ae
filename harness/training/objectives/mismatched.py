"""The control ``mismatched``: captions with pictures that they do not belong to, in as many steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.core.errors import UsageError
from harness.training.objectives.base import ObjectiveContext, StageObjective
from harness.types.examples import Captioned, Example
from harness.types.pictures import Picture


class Mismatched(StageObjective):
    """Gives every picture, with all of its captions, the place of another one, once and for all steps.

    Dev examples keep their own: how well their captions are guessed says what is learned without pictures.
    """

    def examples(self, examples: Sequence[Example], context: ObjectiveContext) -> Sequence[Example]:
        """The same captions in the same order with other pictures, decided by the seed."""
        return mismatched(examples, np.random.default_rng((context.seed, len(examples))))


def mismatched(examples: Sequence[Example], rng: np.random.Generator) -> list[Captioned]:
    """The captions with other pictures, none with its own. UsageError where there is a single picture."""
    captions = [example for example in examples if isinstance(example, Captioned)]
    pictures = list({_same(caption.image): caption.image for caption in captions}.values())
    if len(captions) < len(examples) or len(pictures) < 2:
        raise UsageError("objective 'mismatched': captions of two pictures or more expected")
    order = rng.permutation(len(pictures))
    following = {_same(pictures[own]): pictures[other] for own, other in zip(order, np.roll(order, 1), strict=True)}
    return [replace(caption, image=following[_same(caption.image)]) for caption in captions]


def _same(picture: Picture) -> str:
    """One key for a picture, however often it is stored."""
    return picture.digest or picture.name
