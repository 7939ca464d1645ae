"""Towers: what makes of an image a few vectors that a text model reads in front of a text.

A tower is a module of the model's input embedding, which has its vectors for the places of a row
(:mod:`harness.models.places`). So it is moved, copied, trained and saved with the model, and is taken off without a trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models.places import (
    IMAGES,
    answering,
    plain_again,
    put_in_every_row,
    put_in_no_row,
    reading_embedding,
    word_embedding,
)
from harness.models.stored import stored_names, stored_tensors

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from harness.models._towers import Tower

_WHAT = "a tower for images"
PATCHES, CONVOLUTIONS = "patches", "convolutions"
KINDS = (PATCHES, CONVOLUTIONS)
"""Towers that are trained from nothing, with a vector for each square of an image."""


def tower_of(model: PreTrainedModel) -> Tower | None:
    """The tower of a model; None where it has none."""
    return getattr(reading_embedding(model), IMAGES, None)


def attach_tower(model: PreTrainedModel, tower: Tower) -> None:
    """Gives the model this tower, in place of any that it has; ModelError where it cannot have one.

    In an encoder-decoder, places are for the encoder's rows alone.
    """
    from harness.models._towers import Pictured

    embedding = answering(model, Pictured, _WHAT, stacks=2)
    setattr(embedding, IMAGES, tower.to(embedding.weight.device))
    embedding.shown = {}


def drawn_squares(model: PreTrainedModel, kind: str, size: int, patch: int, seed: int) -> Tower:
    """A tower of one of the :data:`KINDS` for the model, drawn from ``seed``; torch's own generator is as before."""
    import torch

    from harness.models._towers import TRAINED

    width = word_embedding(model, _WHAT, stacks=2).embedding_dim
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TRAINED[kind](size, patch, width)


def drawn_projector(
    model: PreTrainedModel, vision: PreTrainedModel, length: int, described: Mapping[str, Any], seed: int
) -> Tower:
    """A tower of a frozen vision model and a projector to the model, drawn from ``seed``.

    ``described`` are the "mean" and "std" of its colours, and its "fingerprint".
    """
    import torch

    from harness.models._towers import Vision

    width = word_embedding(model, _WHAT, stacks=2).embedding_dim
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Vision(vision, length, width, described)


@contextmanager
def shown(
    model: PreTrainedModel,
    pixels: torch.Tensor,
    blank: torch.Tensor | None = None,
    names: torch.Tensor | None = None,
) -> Iterator[None]:
    """Within, the places of row i of a batch stand for image i, or for the constant vectors where it is ``blank``.

    ``pixels`` are (rows, size, size, 3), 0 to 255. With ``names`` (rows,), numbers that tell images apart, a frozen vision
    model computes each image once, as long as it is remembered. On a processor other threads may show the model other images
    meanwhile.
    """
    embedding: Any = reading_embedding(model)
    embedding.shown[get_ident()] = (pixels, blank, names)
    try:
        yield
    finally:
        del embedding.shown[get_ident()]


def take_off_tower(model: PreTrainedModel) -> None:
    """Makes the model the text model again that it was before it had a tower."""
    embedding: Any = reading_embedding(model)
    if tower_of(model) is not None:
        release_tower(model)
        delattr(embedding, IMAGES)
        del embedding.shown
        plain_again(embedding)


def keep_tower(model: PreTrainedModel) -> None:
    """Makes the model put the vectors of a blank image in front of every row, by a tower that is not trained any more."""
    tower = tower_of(model)
    assert tower is not None
    tower.requires_grad_(False)
    setattr(model.config, IMAGES, {**tower.described(), "place": "before"})
    put_in_every_row(model)


def release_tower(model: PreTrainedModel) -> None:
    """Undoes :func:`keep_tower`: rows mark the places of their pictures again, and the tower is trained."""
    if tower_of(model) is not None:
        thaw_tower(model)
        put_in_no_row(model)
        if hasattr(model.config, IMAGES):
            delattr(model.config, IMAGES)


def thaw_tower(model: PreTrainedModel) -> None:
    """Lets its tower be trained, if it has one, all but a vision model in it."""
    tower = tower_of(model)
    if tower is not None:
        tower.requires_grad_(True)
        for frozen in tower.frozen:
            frozen.requires_grad_(False)


def tower_parameters(model: PreTrainedModel) -> list[torch.nn.Parameter]:
    """The trained parameters of its tower; none without one."""
    tower = tower_of(model)
    return [] if tower is None else [each for each in tower.parameters() if each.requires_grad]


def tower_names(model: PreTrainedModel) -> list[str]:
    """The names of these among the model's parameters, sorted."""
    trained = {id(each) for each in tower_parameters(model)}
    return sorted(name for name, parameter in model.named_parameters() if id(parameter) in trained)


def with_stored_tower(model: PreTrainedModel, reference: str) -> PreTrainedModel:
    """The model, with the tower of its checkpoint if config.json says that it has one.

    transformers drops it as weights that it does not know. ModelError where it is not as it was written.
    """
    said = getattr(model.config, IMAGES, None)
    if said is None:
        return model
    import torch

    from harness.models._towers import described_tower

    folder, inside = Path(reference), f".{IMAGES}."
    names = [name for name in stored_names(folder) if inside in name]
    found = {name.partition(inside)[2]: value for name, value in stored_tensors(folder, names).items()}
    with border(
        f"{folder}: its weights are not those of the {IMAGES} in its config.json",
        ModelError,
        hint="the folder is not as it was written: train the stage again, or copy it again",
    ):
        with torch.random.fork_rng(devices=[]):
            tower = described_tower(said, word_embedding(model, _WHAT).embedding_dim)
        tower.load_state_dict(found)
    attach_tower(model, tower)
    keep_tower(model)
    return model


def tower_facts(model: PreTrainedModel) -> dict[str, Any]:
    """Describes the tower of a model in training, with the number of its trained parameters; {} without one."""
    tower = tower_of(model)
    if tower is None:
        return {}
    said = {name: value for name, value in tower.described().items() if name != "vision"}
    trained = sum(parameter.numel() for parameter in tower_parameters(model))
    return {IMAGES: {**said, "trained_parameters": trained}}
