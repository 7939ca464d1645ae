"""Soft prompts: a few trained vectors that a frozen encoder reads in place of tokens (Lester et al. 2021).

A row marks their places with ids beyond any vocabulary, which the input embedding answers with the vectors. The vectors
are a parameter of that embedding, and the class of the embedding knows of them: a copied, merged or resumed model has its
own, as it has its own table. They are kept among the checkpoint's weights, and its config.json says that there are some.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from harness.core.errors import ModelError
from harness.models.places import PROMPT, AnswersPlaces, answering, put_in_every_row, word_embedding
from harness.models.stored import stored_names, stored_tensors

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

Place = Literal["rows", "front", "before"]
_WHAT = "a soft prompt"


class _Prompted(AnswersPlaces):
    """An input embedding with a soft prompt, mixed into the class that the embedding has."""

    soft_prompt: torch.nn.Parameter

    def placed(self, found: torch.Tensor, own: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The vectors of the prompt at its places."""
        import torch

        vectors = torch.nn.functional.embedding(places.clamp(0, len(self.soft_prompt) - 1), self.soft_prompt)
        return torch.where(own[..., None], vectors.to(found.dtype), found)


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
    token of every row, or in one of them "before" it, and takes their states out of what its encoder returns, so that heads
    count the tokens as before.
    """
    import torch

    embedding = answering(model, _Prompted, _WHAT)
    embedding.register_parameter(PROMPT, torch.nn.Parameter(vectors.to(embedding.weight.device, torch.float32)))
    model.config.soft_prompt = {"length": len(vectors), "place": place}
    if place != "rows":
        put_in_every_row(model)


def drawn_vectors(model: PreTrainedModel, length: int, seed: int) -> torch.Tensor:
    """Vectors from ``seed`` to start from: uniform, and on average as long as the rows of the model's table."""
    import torch

    table = word_embedding(model, _WHAT).weight.detach().float()
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
    if not isinstance(length, int) or length < 1 or place not in get_args(Place):
        raise ModelError(
            f"{folder / 'config.json'}: {PROMPT} must say a length and a place ('rows', 'front' or 'before'), not {said!r}",
            hint="take out the entry, if the model has no soft prompt",
        )
    return length, cast(Place, place)
