"""A fresh head on a carried-over encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def reset_head(model: PreTrainedModel, seed: int) -> None:
    """Draws every parameter outside the encoder anew, from ``seed``, whatever the checkpoint held.

    The heads of two phases are never the same task's, even where their shapes agree (PROTOCOL: heads are re-initialised
    between phases; Phang et al. 2020). The encoder's weights are left as they are.
    """
    import torch

    torch.manual_seed(seed)
    encoder = set(map(id, model.base_model.modules()))
    for module in model.modules():
        if id(module) in encoder or not any(True for _ in module.parameters(recurse=False)):
            continue
        # transformers skips what it marked as loaded or initialised; these marks are what must not count here.
        for thing in (module, *module.parameters(recurse=False)):
            thing._is_hf_initialized = False
        model._init_weights(module)


def share_encoder(first: PreTrainedModel, other: PreTrainedModel) -> None:
    """Makes ``other`` use the encoder modules of ``first`` (the very same parameters), keeping its own head."""
    shared = dict(first.base_model.named_children())
    for name, _ in list(other.base_model.named_children()):
        if name in shared:
            setattr(other.base_model, name, shared[name])
    other.tie_weights()
