"""CANINE's two widths: it reads characters, and computes most of its layers on groups of four of them.

Hidden states are those of its deep encoder, a vector a group, so that its layers are counted as those of any other model. A
row of fewer characters than a group, on which it fails, is filled up with padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig

_OF_CHARACTERS = 2
"""Hidden states of the shallow encoder of characters before the deep encoder, and of the one behind it."""


def layer_states(config: PreTrainedConfig, states: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """The hidden states of the layers that the configuration counts, the input of the first one at the front."""
    return states[_OF_CHARACTERS:-_OF_CHARACTERS] if _groups(config) else states


def mask_of_states(config: PreTrainedConfig, mask: torch.Tensor) -> torch.Tensor:
    """The mask (rows, tokens) as one of these hidden states (rows, groups).

    CANINE's first group is the first character alone, as it puts it in front of the others; its last group is dropped.
    """
    import torch

    if not _groups(config):
        return mask
    rate = config.downsampling_rate
    groups = torch.nn.functional.max_pool1d(mask.float()[:, None], rate, rate)[:, 0].to(mask.dtype)
    return torch.cat([mask[:, :1], groups[:, :-1]], dim=1)


def at_least_a_group(config: PreTrainedConfig, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inputs (rows, tokens), filled up with padding where CANINE would get fewer characters than it groups."""
    import torch

    missing = config.downsampling_rate - inputs["input_ids"].shape[1] if _groups(config) else 0
    if missing <= 0:
        return inputs
    return {name: torch.nn.functional.pad(value, (0, missing)) for name, value in inputs.items()}


def _groups(config: PreTrainedConfig) -> bool:
    return getattr(config, "model_type", "") == "canine"
