"""The encoder inside a model: finding it, loading it bare, and stopping it after the deepest layer that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.border import border
from harness.core.errors import ModelError, UsageError
from harness.models._sound import AGAIN
from harness.models._undrawn import draw_undrawn
from harness.models.config import load_config
from harness.models.heads import check_loaded, fresh_parameters, plain_model, quiet
from harness.models.image_tower import with_stored_tower
from harness.models.languages import mend_half_precision
from harness.models.prompt import with_stored_prompt
from harness.models.tables import position_count

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel


def load_encoder(reference: str, **kwargs: Any) -> PreTrainedModel:
    """``AutoModel.from_pretrained(reference, **kwargs)``, and of an encoder-decoder the encoder only.

    :class:`ModelError` where the model cannot be loaded or the checkpoint lacks weights of the encoder.
    """
    return encoder_of(load_bare(reference, **kwargs)[0])


def load_bare(reference: str, **kwargs: Any) -> tuple[PreTrainedModel, bool]:
    """The model without a head, and whether its pooler is the checkpoint's (a missing one is drawn from a fixed seed).

    Errors as for :func:`load_encoder`.
    """
    import torch
    from transformers import AutoModel

    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if (Path(reference) / "config.json").exists():
            load_config(reference)  # tells what is wrong with its token ids
        with border(f"{reference}: cannot be loaded", ModelError, hint=AGAIN):
            settings = {"ignore_mismatched_sizes": True, **kwargs}  # told below, with the sizes
            model, report = AutoModel.from_pretrained(reference, output_loading_info=True, **settings)
    draw_undrawn(model, report["missing_keys"])
    mend_half_precision(model)
    pooled = not any("pooler" in key for key in report["missing_keys"])
    model.harness_pooled = encoder_of(model).harness_pooled = pooled
    fresh = [key for key in fresh_parameters(report) if "pooler" not in key]
    check_loaded(reference, model.config, report, fresh)
    return with_stored_tower(with_stored_prompt(model, reference), reference), pooled


def encoder_of(model: PreTrainedModel) -> PreTrainedModel:
    """The part that embeds sentences: the encoder of an encoder-decoder, any other model without its head."""
    base = plain_model(model).base_model
    return base.get_encoder() if base.config.is_encoder_decoder and hasattr(base, "decoder") else base


def layer_by_depth(depth: int) -> int:
    """The hidden state (0 = embeddings) that XTREME's retrieval tasks use: 8 of 12 layers, 14 of 24, else half-way
    up.
    """
    return {12: 8, 24: 14}.get(depth, max(depth // 2, 1))


def check_pooler(encoder: PreTrainedModel) -> None:
    """Refuses an encoder without a pooler (UsageError), and one whose checkpoint has no weights for it (ModelError)."""
    if getattr(encoder, "pooler", None) is None:
        raise UsageError(f"option pool: a model of type {encoder.config.model_type!r} has no pooler", hint="--pool cls")
    if not getattr(encoder, "harness_pooled", True):
        raise ModelError("the checkpoint has no weights for its pooler", hint="--pool cls, or mean")


def layer_count(config: PreTrainedConfig) -> int:
    """Layers of the encoder (of the whole model, where there is no decoder)."""
    depth = getattr(config, "encoder_layers", None) or getattr(config, "num_hidden_layers", None)
    if not depth:
        raise ModelError(
            f"the configuration of this model ({config.model_type}) does not say how many layers it has",
            hint="retrieval tasks need a text encoder with a stack of layers",
        )
    return int(depth)


def longest_input(encoder: PreTrainedModel) -> int:
    """Tokens that the model takes: what its positions have room for, and what its configuration says, if it does."""
    positions = getattr(encoder.config, "max_position_embeddings", None)
    said = int(positions) if positions and positions > 0 else 1 << 30
    room = position_count(encoder)
    return said if room is None else min(said, room)


@contextmanager
def stopped_after(
    encoder: PreTrainedModel, layer: int, probe: Callable[[], Mapping[str, np.ndarray[Any, Any]]]
) -> Iterator[None]:
    """Within, the encoder computes no more layers than hidden state ``layer`` needs, if it has one plain stack of them.

    Some models put a norm after their last layer, so that a shorter stack ends in other hidden states: ``probe`` (the
    vectors of one sentence) is called on the whole stack and on shorter ones, and the shortest that agrees is used.
    """
    found = _stack(encoder)
    if found is None or layer >= len(found[2]):
        yield
        return
    owner, name, layers = found
    try:
        whole = probe()
        for count in (max(layer, 1), layer + 1, len(layers)):
            setattr(owner, name, layers[:count])
            if _agrees(probe, whole):
                break
        yield
    finally:
        setattr(owner, name, layers)


def _stack(encoder: PreTrainedModel) -> tuple[torch.nn.Module, str, torch.nn.ModuleList] | None:
    """The owner of the stack of layers, its name there, and the stack; None where it is not the only list so long."""
    import torch

    depth = layer_count(encoder.config)
    found = [
        (owner, name, child)
        for owner in encoder.modules()
        for name, child in owner.named_children()
        if isinstance(child, torch.nn.ModuleList) and len(child) == depth
    ]
    return found[0] if len(found) == 1 else None


def _agrees(
    probe: Callable[[], Mapping[str, np.ndarray[Any, Any]]], expected: Mapping[str, np.ndarray[Any, Any]]
) -> bool:
    try:
        found = probe()
    except Exception:  # a model that counts its layers elsewhere may fail in any way: it keeps the whole stack
        return False
    return all(np.allclose(found[name], expected[name], rtol=0, atol=1e-5) for name in expected)
