"""Models that write text: encoder-decoders and decoders with their language-model head."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError
from harness.models.attention import on_any_device
from harness.models.config import WHERE, load_config
from harness.models.encoder import head_parameters
from harness.models.evaluation_mode import evaluation_mode
from harness.models.heads import check_loaded, load_head, plain_model, quiet
from harness.models.tables import position_count

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)

_INSTEAD = "choose an encoder-decoder (mT5, mBART, NLLB) or a decoder; to try it out, --model tiny-seq2seq"
_OVERFLOWS = frozenset({"t5", "mt5", "umt5"})
"""Types of models whose activations were trained in bf16, and overflow in fp16."""


def load_language_model(reference: str, **kwargs: Any) -> PreTrainedModel:
    """Loads an encoder-decoder or a decoder with its head, ready to be trained and to write.

    Arguments are those of ``from_pretrained``. What its generation_config.json says of decoding is left aside, but for the
    token that a decoder starts with: all models decode as the harness says. A checkpoint that has lost its head gets a
    new one, with a warning. ModelError for what cannot write: encoders, and decoders whose tokens see those after them.
    """
    with quiet():
        config = load_config(reference, **{name: kwargs[name] for name in WHERE if name in kwargs})
    kind = _kind(reference, config)
    model = load_head(kind, reference, (), **kwargs)
    own = head_parameters(model)
    check_loaded(reference, model.config, {}, [name for name in model.harness_fresh if name not in own])
    if kind == "CausalLM" and not _is_causal(model):
        raise ModelError(f"{reference}: its tokens see those after them: it cannot write text", hint=_INSTEAD)
    if model.harness_fresh:
        log.warning("%s has no language-model head: a new one is trained", reference)
    _leave_decoding_aside(model)
    return model


def _kind(reference: str, config: PreTrainedConfig) -> str:
    """The kind of head; ModelError for an encoder, of which transformers may have a class for decoding all the same."""
    import transformers

    def has(kind: str) -> bool:
        return type(config) in getattr(transformers, f"AutoModelFor{kind}")._model_mapping

    if config.is_encoder_decoder and has("Seq2SeqLM"):
        return "Seq2SeqLM"
    encoder = has("MaskedLM") and not getattr(config, "is_decoder", False)
    if config.is_encoder_decoder or encoder or not has("CausalLM"):
        raise ModelError(f"{reference}: it is an encoder: it cannot write text", hint=_INSTEAD)
    return "CausalLM"


def _is_causal(model: PreTrainedModel) -> bool:
    """Tells whether what a token says depends on none of those after it, by a few tokens."""
    import torch

    size, device = model.config.get_text_config().vocab_size, next(model.parameters()).device
    ids = torch.arange(1, 7, device=device)[None] % size
    other = ids.clone()
    other[0, -1] = (ids[0, -1] + 1) % size
    with torch.no_grad(), on_any_device(model), evaluation_mode(model):
        one, two = (model(input_ids=each, use_cache=False).logits[0, :-1].float() for each in (ids, other))
    return bool((one - two).abs().max() <= 1e-3 * one.abs().max().clamp(min=1e-6))


def _leave_decoding_aside(model: PreTrainedModel) -> None:
    from transformers import GenerationConfig

    own = model.generation_config
    start = getattr(own, "decoder_start_token_id", None)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=getattr(model.config, "decoder_start_token_id", None) if start is None else start,
        bos_token_id=own.bos_token_id,
        eos_token_id=own.eos_token_id,
        pad_token_id=own.pad_token_id,
    )


def start_token(model: PreTrainedModel, end: int) -> int:
    """The token that the decoder of an encoder-decoder begins with, as its configuration says, or else its class.

    ``end`` is the token that ends a text, with which mBART begins.
    """
    import torch

    said: int | None = model.generation_config.decoder_start_token_id
    if said is not None:
        return int(said)
    if not hasattr(model, "prepare_decoder_input_ids_from_labels"):
        raise ModelError(
            f"{model.config.name_or_path}: its config.json has no decoder_start_token_id",
            hint="set it there, as its authors train the model",
        )
    shifted = model.prepare_decoder_input_ids_from_labels(torch.tensor([[end]], device=model.device))
    return int(shifted[0, 0])


def end_tokens(model: PreTrainedModel, end: int) -> list[int]:
    """The tokens that end a text: ``end``, the tokenizer's, and those of the model's configuration."""
    said = model.generation_config.eos_token_id
    return list(dict.fromkeys([end, *([] if said is None else said if isinstance(said, list) else [said])]))


def check_room(model: PreTrainedModel, longest: int) -> None:
    """ModelError where a text and what is written after it, so many tokens in all, have no room in a decoder's positions."""
    plain = plain_model(model)
    if not hasattr(plain, "harness_positions"):
        plain.harness_positions = position_count(plain)
    positions: int | None = plain.harness_positions
    if positions is not None and longest > positions:
        raise ModelError(
            f"a text and what is written have {longest:,} tokens, and the model has {positions:,} positions",
            hint="--set max_length=... shortens the text, --set max_new_tokens=... what is written",
        )


def check_precision(model: PreTrainedModel, dtype: str) -> None:
    """ModelError for T5 and its relatives in fp16, where their activations overflow."""
    kind = plain_model(model).config.model_type
    if dtype == "fp16" and kind in _OVERFLOWS:
        raise ModelError(f"models of type {kind!r} overflow in fp16", hint="--dtype bf16 or fp32")


def after_padding(ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows that are padded on the right, padded on the left: shapes (rows, width) both, of ids and of their mask."""
    import torch

    width = ids.shape[1]
    places = (torch.arange(width, device=ids.device)[None] + mask.sum(1, keepdim=True)) % width
    return ids.gather(1, places), mask.gather(1, places)
