"""Texts written by a model, token by token: greedily or by beam search, alike alone and in a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.models.heads import model_inputs, plain_model
from harness.models.language_model import after_padding, check_room, end_tokens, start_token

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Decoding:
    """Says how texts are written: at most so many tokens, with so many beams (1: greedily); ``end`` ends a text."""

    max_new_tokens: int
    num_beams: int
    end: int

    def describe(self) -> dict[str, Any]:
        """Plain values, for a record."""
        how = "greedy" if self.num_beams == 1 else "beam search"
        return {"how": how, "num_beams": self.num_beams, "max_new_tokens": self.max_new_tokens}


def written(
    model: PreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    decoding: Decoding,
    first: torch.Tensor | None = None,
) -> torch.Tensor:
    """Token ids that the model writes for the rows of a batch, shape (rows, ``max_new_tokens``), padded with ``end``.

    ``batch`` has "input_ids" and "attention_mask", padded on the right. ``first`` is a token for each row that its text
    has to begin with, which is not among the ids and does not count; it is for encoder-decoders.
    """
    import torch

    plain: Any = plain_model(model)
    inputs = model_inputs(plain, batch)
    rows, wanted = len(inputs["input_ids"]), decoding.max_new_tokens
    start = None
    if plain.config.is_encoder_decoder:
        start = start_token(plain, decoding.end)
        begin = inputs["input_ids"].new_full((rows, 1), start)
        begin = begin if first is None else torch.cat([begin, first[:, None]], dim=1)
        inputs["decoder_input_ids"], skipped = begin, begin.shape[1]
    else:
        inputs["input_ids"], inputs["attention_mask"] = after_padding(inputs["input_ids"], inputs["attention_mask"])
        skipped = inputs["input_ids"].shape[1]
        check_room(plain, skipped + wanted)
    ids = plain.generate(**inputs, generation_config=_settings(plain, decoding, start))[:, skipped:]
    found = ids.new_full((rows, wanted), decoding.end)
    found[:, : ids.shape[1]] = ids
    return torch.as_tensor(found)


def _settings(model: PreTrainedModel, decoding: Decoding, start: int | None) -> Any:
    from transformers import GenerationConfig

    return GenerationConfig(
        max_new_tokens=decoding.max_new_tokens,
        max_length=None,
        num_beams=decoding.num_beams,
        do_sample=False,
        use_cache=True,
        eos_token_id=end_tokens(model, decoding.end),
        pad_token_id=decoding.end,
        decoder_start_token_id=start,
    )
