"""Rows without padding: their tokens one after the other in a single row, for kernels that are told where rows end.

Flash attention computes the rows of such a line apart (its ``varlen`` functions), and everything else computes tokens one
by one, so that padding costs nothing. The encoder is given the line, and what comes out is padded again: heads and
pooling see the shapes that they always see. Where no such kernel is used, a block-diagonal mask keeps the rows apart. It
is slower than padding, and is there to find out whether an architecture takes lines at all.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.models.attention import attention_of, on_any_device
from harness.models.evaluation_mode import evaluation_mode
from harness.models.heads import plain_model
from harness.models.languages import languages_of
from harness.models.sentence_encoder import encoder_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

_ATTRIBUTE = "harness_packing"
_TOKENS = ("input_ids", "token_type_ids")
_TOLERANCE = 1e-4
"""Of the largest number: rounding in single precision stays far below it, a token that sees another row's is far above."""


class Packing:
    """Two hooks on an encoder: one lines up the rows of a padded batch, the other pads what comes out.

    ``offset`` is the position of a row's first token, ``causal`` whether a token sees those before it only.
    """

    def __init__(self, encoder: PreTrainedModel, offset: int, causal: bool) -> None:
        self._parameters = list(inspect.signature(encoder.forward).parameters)
        self._offset, self._causal = offset, causal
        self._inside: torch.Tensor | None = None
        self._handles = (
            encoder.register_forward_pre_hook(self._line_up, with_kwargs=True),
            encoder.register_forward_hook(self._pad, always_call=True),
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Packing:
        """Stays one: the hooks of a copied model are those of the model."""
        return self

    def remove(self) -> None:
        """Takes the hooks out."""
        for handle in self._handles:
            handle.remove()

    def _line_up(self, encoder: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        named = dict(zip(self._parameters, given, strict=False)) | named
        mask = named.get("attention_mask")
        other = any(named.get(name) is not None for name in ("inputs_embeds", "position_ids"))
        if mask is None or mask.dim() != 2 or other or bool(mask.all()):
            return None
        self._inside = mask.bool()
        lengths = mask.sum(1)
        places = (mask.cumsum(1) - 1)[self._inside]
        named |= {name: named[name][self._inside][None] for name in _TOKENS if named.get(name) is not None}
        named |= {"position_ids": places[None] + self._offset, **self._apart(encoder, lengths, places)}
        return (), named

    def _apart(self, encoder: Any, lengths: torch.Tensor, places: torch.Tensor) -> dict[str, Any]:
        """The arguments that keep the rows apart."""
        import torch

        if attention_of(encoder).startswith("flash_attention"):
            ends = torch.nn.functional.pad(lengths.cumsum(0), (1, 0)).to(torch.int32)
            longest = int(lengths.max())
            return {
                "attention_mask": None,
                **{"cu_seq_lens_q": ends, "cu_seq_lens_k": ends, "max_length_q": longest, "max_length_k": longest},
            }
        row = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
        seen = row[:, None] == row[None]
        if self._causal:
            seen = seen & (places[:, None] >= places[None])
        dtype = next(encoder.parameters()).dtype
        bias = torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)
        return {"attention_mask": bias[None, None]}

    def _pad(self, encoder: Any, given: tuple[Any, ...], output: Any) -> Any:
        inside, self._inside = self._inside, None
        if inside is None or output is None:
            return None
        output.last_hidden_state = _padded(output.last_hidden_state, inside)
        if output.get("hidden_states") is not None:
            output.hidden_states = tuple(_padded(state, inside) for state in output.hidden_states)
        if output.get("pooler_output") is not None:
            output.pooler_output = encoder.pooler(output.last_hidden_state)
        return output


def pack_rows(model: Any) -> bool:
    """Makes a loaded model compute batches without their padding, where its attention is flash attention and it can.

    Whether it can is tried once, on a few tokens, by a mask in place of the kernel. Returns whether it does now.
    """
    plain = plain_model(model)
    if not attention_of(plain).startswith("flash_attention"):
        return False
    if not hasattr(plain, _ATTRIBUTE):
        setattr(plain, _ATTRIBUTE, packing_of(plain))
        if getattr(plain, _ATTRIBUTE) is None:
            log.warning(
                "models of type %s do not take rows without padding: batches are padded", plain.config.model_type
            )
    return rows_packed(model)


def rows_packed(model: Any) -> bool:
    """Tells whether a model computes batches without their padding."""
    return getattr(plain_model(model), _ATTRIBUTE, None) is not None


def packing_of(model: PreTrainedModel) -> Packing | None:
    """The packing, in place, under which the model computes the same as with padding; None where there is none."""
    encoder = encoder_of(model)
    if languages_of(encoder):  # its modules are chosen row by row
        return None
    parameters = inspect.signature(encoder.forward).parameters
    takes_more = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    if "position_ids" not in parameters or not takes_more or getattr(encoder.config, "is_encoder_decoder", False):
        return None
    ids, mask = _trial(encoder)
    with on_any_device(model), evaluation_mode(model):
        expected = _states(encoder, ids, mask)
        for offset in _offsets(encoder):
            for causal in (False, True):
                packing = Packing(encoder, offset, causal)
                try:
                    if _agree(_states(encoder, ids, mask), expected, mask):
                        return packing
                except Exception as error:  # an architecture may fail in any way on what it does not expect
                    log.debug("%s: %s", encoder.config.model_type, error)
                packing.remove()
    return None


def _offsets(encoder: Any) -> Sequence[int]:
    """Positions of a first token: 0, or, as in RoBERTa, behind that of padding."""
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    return (0,) if padding is None else (padding + 1, 0)


def _trial(encoder: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of 3, 7 and 5 ordinary tokens, padded on the right."""
    import torch

    size, pad = encoder.config.vocab_size, getattr(encoder.config, "pad_token_id", None)
    device = next(encoder.parameters()).device
    mask = torch.arange(7, device=device)[None] < torch.tensor([[3], [7], [5]], device=device)
    ids = (torch.arange(21, device=device).view(3, 7) * 7919 + 11) % max(size - 8, 1) + min(8, size - 1)
    return ids.masked_fill(~mask, 0 if pad is None else pad), mask.long()


def _states(encoder: Any, ids: torch.Tensor, mask: torch.Tensor) -> Mapping[str, Any]:
    import torch

    with torch.no_grad():
        output: Mapping[str, Any] = encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    return output


def _agree(found: Mapping[str, Any], expected: Mapping[str, Any], mask: torch.Tensor) -> bool:
    """Tells whether hidden states, where there is a token, and pooled ones are the same."""
    states = [*zip(found["hidden_states"], expected["hidden_states"], strict=True)]
    states.append((found["last_hidden_state"], expected["last_hidden_state"]))
    pairs = [(one[mask.bool()], other[mask.bool()]) for one, other in states]
    if expected.get("pooler_output") is not None:
        pairs.append((found["pooler_output"], expected["pooler_output"]))
    return all(bool((one - other).abs().max() <= _TOLERANCE * other.abs().max()) for one, other in pairs)


def _padded(states: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """States (1, tokens, d) as (rows, width, d), 0 where there is no token."""
    padded = states.new_zeros(*inside.shape, states.shape[-1])
    padded[inside] = states[0]
    return padded
