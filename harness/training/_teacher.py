"""The network that an objective learns from: a head for the same labels, prepared as the model that learns is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.models.fusion import fuse, stored_fusion
from harness.models.load import check_head, load_tokenizer
from harness.models.padding import Unpadded, padding_of
from harness.models.quantised import after_loading
from harness.training.objectives.base import ObjectiveContext
from harness.training.stage import SUMMARY, Stage

_TRAINED = ("fingerprint", "dev_score", "steps", "seconds")
"""Entries of a teacher's own summary that are part of the summary of what it teaches."""


def with_teacher(
    context: ObjectiveContext, stage: Stage, folder: Path, settings: Mapping[str, Any]
) -> ObjectiveContext:
    """The context with the network in ``folder``, in evaluation mode and frozen; ``settings`` are those of the tokenizer.

    UsageError for another tokenizer where the objective needs the same, ModelError for a checkpoint without a head whose
    labels are those of the task by name.
    """
    assert stage.teacher is not None
    [part] = stage.tasks
    context = replace(context, teacher_tokenizer=load_tokenizer(folder, settings))
    layers = part.objective.layers
    taught = [layer.objective for layer in layers if "teacher" in layer.value.needs]
    if not all(each.any_tokenizer for each in taught):
        context.check_teacher_tokens()
    network = after_loading(part.family.load(str(folder), dtype="float32"))
    check_head(network, folder, part.family.head_parameters(network))
    for layer in layers:
        # Its own checkpoint says which layers it fuses, and which soft prompt it has learned.
        own = layer.objective.fusion is not None or layer.objective.freezes_encoder
        if layer.objective not in taught and not own:
            network = layer.objective.prepare(network, context)
    if stage.fusion is not None and (fusion := stored_fusion(folder)) is not None:
        fuse(network, fusion)
    network = network.to(context.device).eval().requires_grad_(False)
    called: Any = Unpadded(network) if padding_of(network, context.teacher_tokenizer) == "none" else network
    return replace(context, teacher=called)


def taught_by(stage: Stage, teacher: Path | None) -> dict[str, Any]:
    """The inputs of a stage as its summary has them, with how the teacher was trained if that is known."""
    if stage.teacher is None or teacher is None:
        return {}
    found = stage.teacher.describe()
    if isinstance(stage.teacher.content, Stage):
        summary = json.loads((teacher / SUMMARY).read_text(encoding="utf-8"))
        found |= {name: summary[name] for name in _TRAINED if name in summary}
    others = [each.describe() for each in stage.inputs if each is not stage.teacher]
    return {"inputs": [found, *others]}
