"""Sentence vectors: pooled hidden states of an encoder, scaled to unit length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import UsageError, check_choice
from harness.inference.features import Features
from harness.inference.tokenization import encode_pairs
from harness.models.characters import layer_states, mask_of_states
from harness.models.heads import check_finite, model_inputs
from harness.models.sentence_encoder import check_pooler, encoder_of, layer_count, longest_input, stopped_after

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.inference.forward import Forward, Step

Vectors = NDArray[np.float32]
TOKENISED = 8192
"""Sentences tokenised at a time, one such block ahead of the forward pass on another device."""
POOLS = ("mean", "mean-no-specials", "cls", "last", "max", "mean-sqrt-len", "weighted-mean", "pooler")


def embed(
    forward: Forward,
    sentences: Sequence[str],
    *,
    layers: Sequence[int],
    pool: str | Sequence[str] = "mean",
    max_length: int = 512,
    prompt: str = "",
    pools_prompt: bool = True,
    lower_case: bool = False,
    projection: torch.nn.Module | None = None,
    languages: Sequence[str] = (),
    counts: int | None = None,
) -> dict[int, Vectors]:
    """Unit vectors float32 (n, d) of n sentences for every wanted layer, from one pass.

    A layer is an index into the model's hidden states, 0 being the embeddings. ``pool``: "mean" over all tokens, special
    ones included (as XTREME does), "mean-no-specials", "cls" (the first token), "last" (the last one), "max", the mean
    times the root of the length ("mean-sqrt-len"), the mean by place ("weighted-mean": 1, 2, ...) or, at the last layer
    only, the model's own "pooler"; the vectors of several are joined. ``prompt`` is put before every sentence; its tokens
    are pooled along unless ``pools_prompt`` is False. ``projection`` maps the pooled vectors of the last layer.

    Every distinct sentence is embedded once, truncated to ``max_length`` tokens (or what the model takes), and layers
    above the highest wanted one are not computed. A sentence with nothing to pool is a zero vector. ``languages`` are those
    of the sentences, for a model with modules for each: there a sentence is embedded once in each of its languages.
    UsageError for an unknown pool or layer, ModelError for vectors that are not finite. The progress is told ``counts`` in
    all, by default the sentences.
    """
    encoder = encoder_of(forward.model)
    wanted, pools = sorted(set(layers)), (pool,) if isinstance(pool, str) else tuple(pool)
    depth = layer_count(encoder.config)
    _check(wanted, depth, pools)
    if "pooler" in pools:
        check_pooler(encoder)
    counts = len(sentences) if counts is None else counts
    spoken = languages if languages and forward.reads_language else repeat("", len(sentences))
    known: dict[tuple[str, str], int] = {}
    pairs = zip(sentences, spoken, strict=True)
    rows = np.fromiter((known.setdefault(pair, len(known)) for pair in pairs), np.int64, len(sentences))
    if not known:
        return {layer: np.empty((0, encoder.config.hidden_size * len(pools)), np.float32) for layer in wanted}
    tokenizer = forward.tokenizer
    room = min(max_length, tokenizer.model_max_length, longest_input(encoder))
    texts = [prompt + text for text, _ in known]
    codes = [code for _, code in known]
    if lower_case:
        texts = _lower_cased(texts)
    block = len(texts) if forward.on_processor else TOKENISED

    def tokenised(start: int, count: int = block) -> Features:
        ids, _ = encode_pairs(tokenizer, texts[start : start + count], None, room)
        features = Features(ids, np.arange(len(ids)))
        return features.with_languages(codes[start : start + count]) if forward.reads_language else features

    pooling = _Pooling(
        pools,
        _specials(tokenizer) if "mean-no-specials" in pools else (0, 0),
        0 if pools_prompt or not prompt else _prompt_length(tokenizer, prompt),
        {depth: projection.to(forward.device)} if projection is not None else {},
    )
    step = _step(encoder, wanted, pooling)
    # The forward for the trial is a copy: the trial counts neither as progress nor as tokens.
    trial, sample = replace(forward, progress=lambda rows: None), tokenised(0, 1)
    with stopped_after(encoder, wanted[-1], lambda: {k: v[0] for k, v in trial.stream(sample, step).items()}):
        starts = range(0, len(texts), block)
        share = np.diff([min(at, len(texts)) * counts // len(texts) for at in (*starts, len(texts))])
        blocks = [
            forward.stream(features, step, counts=int(part))
            for features, part in zip(forward.tokenised(tokenised, starts), share, strict=True)
        ]
    vectors = {}
    for layer in wanted:
        found = np.concatenate([outputs.pop(str(layer)) for outputs in blocks])
        check_finite(np.isfinite(found))
        vectors[layer] = found if len(known) == len(rows) else found[rows]
    return vectors


def _check(layers: Sequence[int], depth: int, pools: Sequence[str]) -> None:
    for pool in pools:
        check_choice("pool", pool, POOLS)
    if not layers:
        raise UsageError("no layer to embed with", hint=f"choose from 0 (the embeddings) to {depth} (the last layer)")
    for layer in layers:
        if not 0 <= layer <= depth:
            raise UsageError(f"the model has no layer {layer}", hint=f"0 is the embeddings, {depth} the last layer")
    if "pooler" in pools and list(layers) != [depth]:
        raise UsageError("option pool: the pooler is behind the last layer", hint=f"--layer {depth}, or --pool cls")


@dataclass(frozen=True)
class _Pooling:
    """Makes one vector of the states of a sentence.

    ``around`` are the numbers of special tokens before and after a sentence that "mean-no-specials" leaves out, ``skipped``
    the number of tokens of a prompt. ``projections`` map the pooled vectors of a layer.
    """

    pools: tuple[str, ...]
    around: tuple[int, int]
    skipped: int
    projections: Mapping[int, torch.nn.Module]

    def vectors(self, layer: int, state: torch.Tensor, mask: torch.Tensor, pooler: torch.Tensor | None) -> torch.Tensor:
        """Unit vectors (rows, d) of hidden states (rows, width, d) of a layer."""
        import torch

        joined = [self._pooled(pool, state, mask, pooler) for pool in self.pools]
        found = joined[0] if len(joined) == 1 else torch.cat(joined, dim=1)
        if layer in self.projections:
            found = self.projections[layer](found)
        return torch.nn.functional.normalize(found, dim=1)

    def _pooled(self, pool: str, state: torch.Tensor, mask: torch.Tensor, pooler: torch.Tensor | None) -> torch.Tensor:
        import torch

        if pool == "pooler":
            assert pooler is not None
            return pooler
        places = torch.arange(mask.shape[1], device=mask.device)
        rows = torch.arange(len(state), device=state.device)
        if self.skipped:
            mask = mask * (places >= self.skipped)
        if pool == "cls":
            return state[rows, mask.argmax(1)] if self.skipped else state[:, 0]
        if pool == "last":
            return state[rows, (mask * places).argmax(1)]
        if pool == "max":
            return state.masked_fill(mask[:, :, None] == 0, -torch.inf).amax(1)
        return torch.bmm(self._weights(pool, mask, places), state)[:, 0]

    def _weights(self, pool: str, mask: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The share of each token, (rows, 1, width)."""
        before, after = self.around
        if pool == "mean-no-specials" and (before or after):
            mask = mask * (places >= before) * (places < mask.sum(1, keepdim=True) - after)
        if pool == "weighted-mean":
            mask = mask * (places + 1)
        total = mask.sum(1, keepdim=True).clamp(min=1)
        return (mask / (total.sqrt() if pool == "mean-sqrt-len" else total))[:, None]


def _step(encoder: PreTrainedModel, layers: Sequence[int], pooling: _Pooling) -> Step:
    """The function of a batch that gives its unit vectors (rows, d) for each layer, under the layer's number."""

    def step(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        import torch

        inputs = model_inputs(encoder, batch)
        output = encoder(**inputs, output_hidden_states=True, return_dict=True)
        states = layer_states(encoder.config, output.hidden_states)
        mask = mask_of_states(encoder.config, inputs["attention_mask"])
        pooler = output.pooler_output.float() if "pooler" in pooling.pools else None
        with torch.autocast(batch["input_ids"].device.type, enabled=False):
            return {str(layer): pooling.vectors(layer, states[layer].float(), mask, pooler) for layer in layers}

    return step


def _specials(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    """Numbers of special tokens that the tokenizer puts before and after a sentence."""
    special = tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
    text = [place for place, is_special in enumerate(special) if not is_special]
    return text[0], len(special) - 1 - text[-1]


def _prompt_length(tokenizer: PreTrainedTokenizerBase, prompt: str) -> int:
    """Tokens of a prompt, with the special ones before it; a special one at its end belongs behind the sentence."""
    ids = tokenizer(prompt)["input_ids"]
    return len(ids) - (ids[-1] in tokenizer.all_special_ids)


def _lower_cased(texts: Sequence[str]) -> list[str]:
    """Letter by letter, as tokenizers do it."""
    from tokenizers.normalizers import Lowercase

    lower = Lowercase()
    return [lower.normalize_str(text) for text in texts]
