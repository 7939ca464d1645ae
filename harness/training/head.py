"""Fresh heads on carried-over encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.models.encoder import encoder_children, encoder_modules

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def reset_head(model: PreTrainedModel, seed: int) -> None:
    """Draws every parameter outside the encoder anew, from ``seed``, whatever the checkpoint held.

    The heads of two phases are never the same task's, even where their shapes agree (PROTOCOL: heads are re-initialised
    between phases; Phang et al. 2020). The encoder's weights are left as they are.
    """
    import torch

    torch.manual_seed(seed)
    encoder = encoder_modules(model)
    for module in model.modules():
        if id(module) in encoder or not any(True for _ in module.parameters(recurse=False)):
            continue
        # transformers skips what it marked as loaded or initialised; these marks are what must not count here.
        for thing in (module, *module.parameters(recurse=False)):
            thing._is_hf_initialized = False
        model._init_weights(module)


def share_encoder(first: PreTrainedModel, other: PreTrainedModel) -> None:
    """Makes ``other`` use the encoder modules of ``first`` (the very same parameters), keeping its own head."""
    shared = encoder_children(first)
    body = other if other.base_model is other else other.base_model
    for name in encoder_children(other):
        if name in shared:
            setattr(body, name, shared[name])
    other.tie_weights()
