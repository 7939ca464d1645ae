"""Masked-language-model heads: the checkpoint's own, or its table of input embeddings, on the tokens that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError
from harness.models.encoder import head_parameters
from harness.models.heads import load_head, model_inputs, plain_model
from harness.models.sentence_encoder import load_bare

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

HEADS = ("checkpoint", "tied")
"""Heads that :func:`load_masked_head` knows."""


def load_masked_head(reference: str, head: str, **kwargs: Any) -> PreTrainedModel:
    """The model with its own head for masked tokens ("checkpoint"), or scored by its input embeddings ("tied").

    ModelError where the checkpoint has no such head, or where states and embeddings cannot be tied.
    """
    if head == "tied":
        return _tied(reference, **kwargs)
    model = load_head("MaskedLM", reference, (), **kwargs)
    fresh = getattr(model, "harness_fresh", ())
    drawn = [name for name, value in head_parameters(model).items() if name in fresh and value.dim() > 1]
    if drawn:
        raise ModelError(
            f"{reference}: the checkpoint has no masked-language-model head ({drawn[0]} is not among its weights)",
            hint="choose the pretrained model; or --set head=tied, which scores tokens by the input embeddings",
        )
    return model


def _tied(reference: str, **kwargs: Any) -> PreTrainedModel:
    """The model without a head, whose states are compared with the rows of its table of input embeddings."""
    kwargs.pop("ignore_mismatched_sizes", None)
    model, _ = load_bare(reference, **kwargs)
    table: Any = model.get_input_embeddings()
    wide = getattr(model.config, "hidden_size", None)
    if model.config.is_encoder_decoder or table.weight.shape[1] != wide:
        raise ModelError(
            f"{reference}: option head: states of {wide} numbers cannot be tied to embeddings of {table.weight.shape[1]}",
            hint="choose an encoder whose layers are as wide as its embeddings",
        )
    model.harness_tied = True
    return model


def masked_logits(model: PreTrainedModel, batch: Mapping[str, torch.Tensor], chosen: torch.Tensor) -> torch.Tensor:
    """Logits (chosen tokens, vocabulary), fp32, row by row; ``chosen`` says with a boolean for each token which.

    Only these tokens go through the head: a multilingual vocabulary is so large that the logits of all tokens would take
    more memory than the rest of the model.
    """
    plain = plain_model(model)
    if getattr(plain, "harness_tied", False):
        states = model(**model_inputs(model, batch)).last_hidden_state[chosen]
        tied: torch.Tensor = states @ plain.get_input_embeddings().weight.T.to(states.dtype)
        return tied.float()
    with _only(plain.base_model, chosen):
        logits: torch.Tensor = model(**model_inputs(model, batch)).logits
    return logits.reshape(-1, logits.shape[-1]).float()


def masked_loss(model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed cross-entropy, in fp32, of the tokens whose "labels" are not -100, and their number."""
    from torch.nn.functional import cross_entropy

    chosen = batch["labels"] != -100
    logits = masked_logits(model, batch, chosen)
    return cross_entropy(logits, batch["labels"][chosen], reduction="sum"), chosen.sum()


@contextmanager
def _only(encoder: torch.nn.Module, chosen: torch.Tensor) -> Iterator[None]:
    """Makes the encoder pass on the states of the chosen positions only, as a batch of one row.

    On a processor other threads may call the same encoder meanwhile, with positions of their own.
    """
    mine = get_ident()

    def pick(module: torch.nn.Module, arguments: Any, output: Any) -> Any:
        if get_ident() != mine:
            return output
        output.last_hidden_state = output.last_hidden_state[chosen][None]
        return output

    handle = encoder.register_forward_hook(pick)
    try:
        yield
    finally:
        handle.remove()
