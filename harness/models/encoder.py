"""Encoder of a model with a head."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def encoder_children(model: PreTrainedModel) -> dict[str, torch.nn.Module]:
    """The top modules of the encoder by name ("embeddings", "encoder", ...).

    Most classes keep their encoder under one attribute; some (T5 for question answering) keep its parts next to the
    head: there the encoder is what the architecture's class without a head has too.
    """
    import torch
    from transformers import AutoModel

    if model.base_model is not model:
        return dict(model.base_model.named_children())
    with torch.device("meta"):
        bare = AutoModel.from_config(model.config)
    known = {name for name, _ in bare.named_children()}
    return {name: child for name, child in model.named_children() if name in known}


def head_parameters(model: PreTrainedModel) -> dict[str, torch.nn.Parameter]:
    """The parameters outside the encoder by name."""
    encoder = {id(p) for child in encoder_children(model).values() for p in child.parameters()}
    return {name: p for name, p in model.named_parameters() if id(p) not in encoder}
