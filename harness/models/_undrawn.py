"""Weights that a checkpoint lacks and that their class never initialises: without care they hold uninitialised memory."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def draw_undrawn(model: PreTrainedModel, missing: Iterable[str]) -> None:
    """Sets those of the ``missing`` weights to 0 that transformers has left as the memory was (the bias of FNet's MLM head).

    Layers of torch are drawn by every class; of others, a stand-in shows which of their own weights are.
    """
    import torch

    for name in missing:
        place, _, own = name.rpartition(".")
        owner: Any = model.get_submodule(place)
        weight = owner._parameters.get(own)
        if weight is None or type(owner).__module__.partition(".")[0] == "torch":
            continue
        stand_in = copy.copy(owner)
        stand_in._parameters = {
            each: None if found is None else torch.nn.Parameter(torch.full_like(found, torch.nan))
            for each, found in owner._parameters.items()
        }
        with torch.random.fork_rng(devices=[]):
            model._init_weights(stand_in)
        if stand_in._parameters[own].isnan().any():
            with torch.no_grad():
                weight.zero_()
