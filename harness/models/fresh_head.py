"""Fresh heads on carried-over encoders."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from harness.models.encoder import encoder_children, head_parameters

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def reset_head(
    model: PreTrainedModel, seed: int, carried: Collection[str] = (), *, head: Collection[str] | None = None
) -> list[str]:
    """Draws every parameter of the head anew, from ``seed``, regardless of the checkpoint's; returns their names.

    The head is every module whose own parameters are all named in ``head``: by default all that are outside the encoder.

    The heads of two phases are never the same task's, even where their shapes agree (PROTOCOL: heads are re-initialised
    between phases; Phang et al. 2020). The encoder's weights are left as they are, and with them ``carried``
    (:func:`~harness.models.carried.carried_parameters` of the checkpoint).
    """
    import torch

    torch.manual_seed(seed)
    inside = set(head_parameters(model) if head is None else head)
    kept = carried_modules(model, carried).values()
    drawn: list[str] = []
    for name, module in model.named_modules():
        own = [f"{name}.{own}" if name else own for own, _ in module.named_parameters(recurse=False)]
        if not own or not inside.issuperset(own) or any(module is other for other in kept):
            continue
        # transformers skips what it marked as loaded or initialised; these marks are what must not count here.
        for thing in (module, *module.parameters(recurse=False)):
            thing._is_hf_initialized = False
        model._init_weights(module)
        drawn += own
    return sorted(drawn)


def share_encoder(first: PreTrainedModel, other: PreTrainedModel, carried: Collection[str] = ()) -> None:
    """Makes ``other`` use the encoder modules of ``first`` (the same parameters, not copies), keeping its own head.

    Of the ``carried`` ones it uses those that both have.
    """
    shared = encoder_children(first)
    body = other if other.base_model is other else other.base_model
    for name in encoder_children(other):
        if name in shared:
            setattr(body, name, shared[name])
    theirs = carried_modules(other, carried)
    for name, module in carried_modules(first, carried).items():
        if name in theirs:
            owner, _, child = name.rpartition(".")
            setattr(other.get_submodule(owner), child, module)
    other.tie_weights()


def carried_modules(model: PreTrainedModel, carried: Collection[str]) -> dict[str, torch.nn.Module]:
    """By name, the modules of the model all of whose own parameters are among the carried ones."""
    found: dict[str, torch.nn.Module] = {}
    for name, module in model.named_modules():
        own = {f"{name}.{own}" for own, _ in module.named_parameters(recurse=False)}
        if own and own <= set(carried):
            found[name] = module
    return found
