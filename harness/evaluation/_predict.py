"""Predicts the units of a group, by a checkpoint or by a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.evaluation._precision import checked
from harness.evaluation._preparation import Preparation, PreparedUnit
from harness.evaluation.groups import CheckpointGroup
from harness.families.base import HeadFamily
from harness.inference.forward import Forward
from harness.inference.session import open_model
from harness.inference.timing import Timings
from harness.models.attention import attention_of
from harness.models.fusion import fuse
from harness.models.heads import plain_model
from harness.models.packing import rows_packed
from harness.models.resolve import Access, ResolvedModel
from harness.models.swapped_adapters import attach_adapters
from harness.training.context import RunContext
from harness.types.units import Prediction


def open_checkpoint(
    group: CheckpointGroup, checkpoint: ResolvedModel | Path, context: RunContext, phases: Timings
) -> Forward:
    """The network of a group's model, or of the folder of its trained stage, ready to predict."""
    family = group.family
    session = open_model(checkpoint, Access.of(context.options, context.registry), context.compute)
    session = session.with_tokenizer(family.tokenizer_settings())
    as_it_is = family.trainable and context.options.train == "never"
    network = session.network(family.load, head=family.head_parameters if as_it_is else None)
    attach_adapters(network, context.adapters)
    if group.fusion is not None:
        fuse(network, group.fusion)
    return session.forward(network, phases=phases, embedder=group.embedder)


def predicted(group: CheckpointGroup, forward: Forward, todo: Sequence[PreparedUnit]) -> Iterator[Prediction]:
    """Each unit's predictions as soon as it is complete, with what is unusual about how they were computed."""
    family, units = group.family, [ready.examples for ready in todo]
    predictions = family.predict(forward, units)
    facts: dict[str, Any] = {"attention": attention_of(plain_model(forward.model))}
    if rows_packed(forward.model):
        facts["packed"] = True
    if forward.padding != "right":
        facts["padding"] = forward.padding
    predictions = (replace(found, facts={**found.facts, **facts}) for found in predictions)
    if isinstance(family, HeadFamily) and forward.dtype != "fp32":
        return checked(family, forward, units, predictions)
    return predictions


def guessed(
    group: CheckpointGroup, baseline: str, preparation: Preparation, todo: Sequence[PreparedUnit]
) -> Iterator[Prediction]:
    """Each unit's predictions by a baseline, "majority" or "random"."""
    for ready in todo:
        train = preparation.learned_from(ready.planned, group)
        examples = train.examples if train else ()
        yield Prediction(ready.examples, group.family.guess(baseline, examples, ready.examples, preparation.seed), {})
