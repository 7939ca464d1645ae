"""The control ``shuffled``: the task with labels unrelated to their examples, in as many steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace

import numpy as np

from harness.core.errors import UsageError
from harness.training.objectives.base import ObjectiveContext, StageObjective
from harness.types.examples import Example, unlabelled
from harness.types.sources import Split
from harness.types.tasks import IntermediateTask


class Shuffled(StageObjective):
    """Shuffles the labels once among the training examples, as their class does it. The last checkpoint counts.

    Labels and right options are permuted. Answers to questions become a random stretch of the same context with as many
    words; tags are drawn for each word type from the distribution of tags.
    """

    def task(self, task: IntermediateTask) -> IntermediateTask:
        """The task without dev data, on which no checkpoint would be better than another."""
        return replace(task, dev=Split())

    def examples(self, examples: Sequence[Example], context: ObjectiveContext) -> Sequence[Example]:
        """The same examples in the same order with other labels, decided by the seed. UsageError beside their English."""
        if context.pairs:
            raise UsageError(
                "objective 'shuffled': not with fused layers, as the English side of a pair keeps its labels",
                hint="--via 'mnli[de]@shuffled' shuffles the labels of a training in several languages",
            )
        return shuffled(examples, np.random.default_rng((context.seed, len(examples))))


def shuffled(examples: Sequence[Example], rng: np.random.Generator) -> list[Example]:
    """The examples with labels that are independent of them. UsageError for examples without any."""
    kinds = {type(example) for example in examples}
    if len(kinds) != 1 or unlabelled(examples):
        names = " and ".join(sorted(kind.__name__ for kind in kinds)) or "no"
        raise UsageError(f"objective 'shuffled': no labels to permute in {names} examples")
    (kind,) = kinds
    if not _shuffles(kind):
        field = getattr(kind, "label_field", Example.label_field)
        raise UsageError(
            f"objective 'shuffled': {kind.__name__} examples have no field {field!r}",
            hint="the class names another one as its label_field, or defines with_shuffled_labels",
        )
    return kind.with_shuffled_labels(examples, rng)


def _shuffles(kind: type[Example]) -> bool:
    """Tells whether the class has the field of its labels, or its own way to shuffle them."""
    if not (issubclass(kind, Example) and is_dataclass(kind)):
        return False
    own = kind.with_shuffled_labels.__func__ is not Example.with_shuffled_labels.__func__
    return own or kind.label_field in {field.name for field in fields(kind)}
