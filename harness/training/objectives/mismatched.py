"""The control ``mismatched``: captions with pictures that they do not belong to, in as many steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.training.objectives.base import ObjectiveContext, StageObjective
from harness.types.examples import Example


class Mismatched(StageObjective):
    """Gives every picture, with all of its captions, the place of another one, once and for all steps.

    Dev examples keep their own: how well their captions are guessed says what is learned without pictures.
    """

    def examples(self, examples: Sequence[Example], context: ObjectiveContext) -> Sequence[Example]:
        """The same captions in the same order with other pictures, decided by the seed."""
        return mismatched(examples, np.random.default_rng((context.seed, len(examples))))


def mismatched(examples: Sequence[Example], rng: np.random.Generator) -> list[Example]:
    """The examples with other pictures, none with its own, as their class does it. UsageError where it cannot."""
    kinds = {type(example) for example in examples}
    if len(kinds) != 1:
        raise UsageError(
            "objective 'mismatched': captions of two pictures or more expected", hint="raise train_limit or train_size"
        )
    (kind,) = kinds
    return kind.with_mismatched_images(examples, rng)
