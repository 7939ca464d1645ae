"""Sentence vectors: pooled hidden states of an encoder, scaled to unit length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import UsageError, check_choice
from harness.inference.features import Features
from harness.inference.tokenization import encode_pairs
from harness.models.heads import check_finite, model_inputs
from harness.models.sentence_encoder import encoder_of, layer_count, longest_input, stopped_after

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.inference.forward import Forward, Step

Vectors = NDArray[np.float32]
TOKENISED = 8192
"""Sentences tokenised at a time, one such block ahead of the forward pass on another device."""
POOLS = ("mean", "mean-no-specials", "cls")


def embed(
    forward: Forward,
    sentences: Sequence[str],
    *,
    layers: Sequence[int],
    pool: str = "mean",
    max_length: int = 512,
    languages: Sequence[str] = (),
) -> dict[int, Vectors]:
    """Unit vectors float32 (n, d) of n sentences for every wanted layer, from one pass.

    A layer is an index into the model's hidden states, 0 being the embeddings. ``pool``: "mean" over all tokens,
    special ones included (as XTREME does), "mean-no-specials", or "cls", the first token. Every distinct sentence is
    embedded once, truncated to ``max_length`` tokens (or what the model takes), and layers above the highest wanted
    one are not computed. A sentence with nothing to pool is a zero vector. ``languages`` are those of the sentences, for a
    model with modules for each: there a sentence is embedded once in each of its languages. UsageError for an unknown
    pool or layer, ModelError for vectors that are not finite.
    """
    encoder = encoder_of(forward.model)
    wanted = sorted(set(layers))
    _check(wanted, layer_count(encoder.config), pool)
    spoken = languages if languages and forward.reads_language else repeat("", len(sentences))
    known: dict[tuple[str, str], int] = {}
    pairs = zip(sentences, spoken, strict=True)
    rows = np.fromiter((known.setdefault(pair, len(known)) for pair in pairs), np.int64, len(sentences))
    if not known:
        return {layer: np.empty((0, encoder.config.hidden_size), np.float32) for layer in wanted}
    tokenizer = forward.tokenizer
    room = min(max_length, tokenizer.model_max_length, longest_input(encoder))
    texts, codes = zip(*known, strict=True)
    block = len(texts) if forward.on_processor else TOKENISED

    def tokenised(start: int, count: int = block) -> Features:
        ids, _ = encode_pairs(tokenizer, texts[start : start + count], None, room)
        features = Features(ids, np.arange(len(ids)))
        return features.with_languages(codes[start : start + count]) if codes[0] else features

    step = _step(encoder, wanted, pool, _specials(tokenizer) if pool == "mean-no-specials" else (0, 0))
    # The forward for the trial is a copy: the trial counts neither as progress nor as tokens.
    trial, sample = replace(forward, progress=lambda rows: None), tokenised(0, 1)
    with stopped_after(encoder, wanted[-1], lambda: {k: v[0] for k, v in trial.stream(sample, step).items()}):
        blocks = [
            forward.stream(features, step) for features in forward.tokenised(tokenised, range(0, len(texts), block))
        ]
    vectors = {}
    for layer in wanted:
        found = np.concatenate([outputs.pop(str(layer)) for outputs in blocks])
        check_finite(np.isfinite(found))
        vectors[layer] = found if len(known) == len(rows) else found[rows]
    return vectors


def _check(layers: Sequence[int], depth: int, pool: str) -> None:
    check_choice("pool", pool, POOLS)
    if not layers:
        raise UsageError("no layer to embed with", hint=f"choose from 0 (the embeddings) to {depth} (the last layer)")
    for layer in layers:
        if not 0 <= layer <= depth:
            raise UsageError(f"the model has no layer {layer}", hint=f"0 is the embeddings, {depth} the last layer")


def _step(encoder: PreTrainedModel, layers: Sequence[int], pool: str, around: tuple[int, int]) -> Step:
    """The function of a batch that gives its unit vectors (rows, d) for each layer, under the layer's number.

    ``around`` are the numbers of special tokens before and after a sentence that are not pooled.
    """

    def step(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        import torch

        states = encoder(**model_inputs(encoder, batch), output_hidden_states=True, return_dict=True).hidden_states
        pooled: dict[str, torch.Tensor] = {}
        with torch.autocast(batch["input_ids"].device.type, enabled=False):
            weights = _weights(batch["attention_mask"], around)
            for layer in layers:
                state = states[layer].float()
                vectors = state[:, 0] if pool == "cls" else torch.bmm(weights, state)[:, 0]
                pooled[str(layer)] = torch.nn.functional.normalize(vectors, dim=1)
        return pooled

    return step


def _weights(mask: torch.Tensor, around: tuple[int, int]) -> torch.Tensor:
    """The share of each token in the mean, (rows, 1, width)."""
    import torch

    before, after = around
    if before or after:
        places = torch.arange(mask.shape[1], device=mask.device)
        mask = mask * (places >= before) * (places < mask.sum(1, keepdim=True) - after)
    return (mask / mask.sum(1, keepdim=True).clamp(min=1))[:, None]


def _specials(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """Numbers of special tokens that the tokenizer puts before and after a sentence."""
    special = tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
    text = [place for place, is_special in enumerate(special) if not is_special]
    return text[0], len(special) - 1 - text[-1]
