"""Soft prompts: a few trained vectors that a frozen encoder reads in place of tokens (Lester et al. 2021).

A row marks their places with ids beyond any vocabulary, which the input embedding answers with the vectors. The vectors
are a parameter of that embedding, and the class of the embedding knows of them: a copied, merged or resumed model has its
own, as it has its own table. They are kept among the checkpoint's weights, and its config.json says that there are some.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.core.errors import ModelError
from harness.models.stored import stored_names, stored_tensors

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

PLACEHOLDER = 1 << 22
"""The id of the first vector's place; that of vector i is i more. No vocabulary is that large."""
PROMPT = "soft_prompt"
"""Name of the parameter, and of the entry of config.json."""

Place = Literal["rows", "front"]


class _Prompted:
    """An input embedding with a soft prompt, mixed into the class that the embedding has."""

    soft_prompt: torch.nn.Parameter

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """The vectors of the prompt at its places, and the rows of the table, exactly, everywhere else."""
        import torch

        own = input_ids >= PLACEHOLDER
        found: torch.Tensor = super().forward(input_ids.masked_fill(own, 0))  # type: ignore[misc]
        places = (input_ids - PLACEHOLDER).clamp(0, len(self.soft_prompt) - 1)
        vectors = torch.nn.functional.embedding(places, self.soft_prompt)
        return torch.where(own[..., None], vectors.to(found.dtype), found)


@cache
def _prompted(kind: Any) -> Any:
    return type(f"Prompted{kind.__name__}", (_Prompted, kind), {"__module__": __name__, "__doc__": _Prompted.__doc__})


def prompt_of(model: PreTrainedModel) -> torch.nn.Parameter | None:
    """The vectors of the model's prompt, shape (length, d); None where it has none."""
    try:
        return getattr(model.get_input_embeddings(), PROMPT, None)
    except (AttributeError, NotImplementedError):  # models without such a table
        return None


def prompt_name(model: PreTrainedModel) -> str:
    """The name of the prompt among the model's parameters."""
    vectors = prompt_of(model)
    found: str = next(name for name, parameter in model.named_parameters() if parameter is vectors)
    return found


def attach_prompt(model: PreTrainedModel, vectors: torch.Tensor, place: Place) -> None:
    """Gives the model these vectors, shape (length, d), in place of any that it has.

    In "rows" their places are marked by whoever makes the rows. At the "front" the model itself puts them behind the first
    token of every row, and takes their states out of what its encoder returns, so that heads count the tokens as before.
    """
    import torch

    embedding = _embedding(model)
    if not isinstance(embedding, _Prompted):
        kind: Any = type(embedding)
        embedding.__class__ = _prompted(kind)
    embedding.register_parameter(PROMPT, torch.nn.Parameter(vectors.to(embedding.weight.device, torch.float32)))
    model.config.soft_prompt = {"length": len(vectors), "place": place}
    if place == "front" and _put_in_front not in model.base_model._forward_pre_hooks.values():
        model.base_model.register_forward_pre_hook(_put_in_front, with_kwargs=True)
        model.base_model.register_forward_hook(_take_out)


def drawn_vectors(model: PreTrainedModel, length: int, seed: int) -> torch.Tensor:
    """Vectors from ``seed`` to start from: uniform, and on average as long as the rows of the model's table."""
    import torch

    table = _embedding(model).weight.detach().float()
    drawn = torch.rand((length, table.shape[1]), generator=torch.Generator().manual_seed(seed)) - 0.5
    norms = table.norm(dim=1)
    length_now, wanted = float(drawn.norm(dim=1).mean()), float(norms[norms > 0].mean())
    return drawn * (wanted / length_now)


def with_stored_prompt(model: PreTrainedModel, reference: str) -> PreTrainedModel:
    """The model, with the soft prompt of its checkpoint if config.json says that it has one.

    transformers drops it as a weight that it does not know. ModelError where it is missing or of another length.
    """
    said = getattr(model.config, PROMPT, None)
    if said is None:
        return model
    folder = Path(reference)
    names = [name for name in stored_names(folder) if name.rpartition(".")[2] == PROMPT]
    found = list(stored_tensors(folder, names).values())
    length, place = _said(folder, said)
    if len(found) != 1 or found[0].dim() != 2 or len(found[0]) != length:
        there = f"one of the shape {tuple(found[0].shape)}" if found else "none"
        raise ModelError(
            f"{folder}: config.json says that it has a soft prompt of {length} vectors, and its weights have {there}",
            hint="the folder is not as it was written: train the stage again, or copy it again",
        )
    attach_prompt(model, found[0], place)
    return model


def room_for_prompt(model: PreTrainedModel) -> int:
    """Positions that the prompt takes beside the tokens of a row: those of one that the model itself puts in front."""
    said: Mapping[str, Any] = getattr(model.config, PROMPT, None) or {}
    return int(said["length"]) if said.get("place") == "front" else 0


def freeze_but_prompt(model: PreTrainedModel) -> None:
    """Leaves the prompt as the only parameter that is trained: all others are in no group of the optimizer."""
    model.requires_grad_(False)
    if (vectors := prompt_of(model)) is not None:
        vectors.requires_grad_(True)


def prompt_facts(model: PreTrainedModel) -> dict[str, Any]:
    """Describes the prompt of a model in training, with the number of parameters that are trained; {} without one."""
    if prompt_of(model) is None:
        return {}
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return {PROMPT: {**model.config.soft_prompt, "trained_parameters": trained}}


def _said(folder: Path, said: Any) -> tuple[int, Place]:
    length, place = (said.get(name) if isinstance(said, Mapping) else None for name in ("length", "place"))
    if not isinstance(length, int) or length < 1 or place not in ("rows", "front"):
        raise ModelError(
            f"{folder / 'config.json'}: {PROMPT} must say a length and a place ('rows' or 'front'), not {said!r}",
            hint="take out the entry, if the model has no soft prompt",
        )
    return length, place


def _embedding(model: PreTrainedModel) -> Any:
    import torch

    if getattr(model.config, "is_encoder_decoder", False):
        raise ModelError(
            f"a model of type {model.config.model_type!r} has two stacks that read: it cannot have a soft prompt",
            hint="use an encoder such as XLM-R or mBERT",
        )
    try:
        embedding = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        embedding = None
    if not isinstance(embedding, torch.nn.Embedding):
        raise ModelError(
            f"a model of type {model.config.model_type!r} has no table of input embeddings: it cannot have a soft prompt",
            hint="use an encoder such as XLM-R or mBERT",
        )
    return embedding


def _put_in_front(
    encoder: Any, given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of the encoder, with the places of the prompt behind the first token of each row."""
    import inspect

    import torch

    named = dict(zip(inspect.signature(encoder.forward).parameters, given, strict=False)) | named
    ids = named["input_ids"]
    length = encoder.config.soft_prompt["length"]
    places = torch.arange(PLACEHOLDER, PLACEHOLDER + length, device=ids.device).expand(len(ids), -1)
    named["input_ids"] = torch.cat([ids[:, :1], places, ids[:, 1:]], dim=1)
    for name, fill in (("attention_mask", 1), ("token_type_ids", 0)):
        if (value := named.get(name)) is not None:
            more = value.new_full((len(value), length), fill)
            named[name] = torch.cat([value[:, :1], more, value[:, 1:]], dim=1)
    return (), named


def _take_out(encoder: Any, given: tuple[Any, ...], output: Any) -> Any:
    """The encoder's output without the states of the prompt."""
    import torch

    length = encoder.config.soft_prompt["length"]

    def without(states: torch.Tensor) -> torch.Tensor:
        return torch.cat([states[:, :1], states[:, 1 + length :]], dim=1)

    output.last_hidden_state = without(output.last_hidden_state)
    if getattr(output, "hidden_states", None) is not None:
        output.hidden_states = tuple(map(without, output.hidden_states))
    return output
