"""Places in a row for vectors that are no token's: ids beyond any vocabulary, which the input embedding answers.

Whoever makes the rows marks the places, or the model itself puts as many into every row (:func:`put_in_every_row`). Models
then number all positions in a row, and heads and attention see ids as they always do.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

PLACEHOLDER = 1 << 22
"""The id of the first vector's place; that of vector i is i more. No vocabulary is that large."""
PROMPT, IMAGES = "soft_prompt", "image_tower"
"""Names of what is at the places, in config.json and in the embedding: trained vectors, or what makes those of images."""
_BEHIND = {"before": 0, "front": 1}
"""By where the model itself puts the places: the number of tokens of a row that they come after."""


class AnswersPlaces:
    """An input embedding that has vectors for places, mixed into the class that the embedding has."""

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """The rows of the table, exactly, and the vectors at the places."""
        own = input_ids >= PLACEHOLDER
        found: torch.Tensor = super().forward(input_ids.masked_fill(own, 0))  # type: ignore[misc]
        return self.placed(found, own, input_ids - PLACEHOLDER)

    def placed(self, found: torch.Tensor, own: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Puts the vectors into what the table has ``found``, where it is ``own``; ``places`` are their numbers there."""
        raise NotImplementedError


@cache
def _mixed(mixin: Any, kind: Any) -> Any:
    name = f"{mixin.__name__.strip('_')}{kind.__name__}"
    return type(name, (mixin, kind), {"__module__": mixin.__module__, "__doc__": mixin.__doc__})


def reading_embedding(model: PreTrainedModel) -> Any:
    """The model's table of input embeddings, of an encoder-decoder that of its encoder; None where it has none."""
    try:
        reader: Any = model.get_encoder() if getattr(model.config, "is_encoder_decoder", False) else model
        return reader.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None


def word_embedding(model: PreTrainedModel, what: str, *, stacks: int = 1) -> Any:
    """The model's table of input embeddings; ModelError, saying ``what`` it cannot have, for a model without one.

    Also for an encoder-decoder, unless ``stacks`` is 2: then it is that of its encoder.
    """
    import torch

    if stacks < 2 and getattr(model.config, "is_encoder_decoder", False):
        raise ModelError(
            f"a model of type {model.config.model_type!r} has two stacks that read: it cannot have {what}",
            hint="use an encoder such as XLM-R or mBERT",
        )
    embedding = reading_embedding(model)
    if not isinstance(embedding, torch.nn.Embedding):
        raise ModelError(
            f"a model of type {model.config.model_type!r} has no table of input embeddings: it cannot have {what}",
            hint="use an encoder such as XLM-R or mBERT",
        )
    return embedding


def answering(model: PreTrainedModel, mixin: Any, what: str, *, stacks: int = 1) -> Any:
    """The model's input embedding, which is a ``mixin`` from now on. ``stacks`` and errors as for :func:`word_embedding`.

    ModelError as well where it has vectors of another kind.
    """
    embedding = word_embedding(model, what, stacks=stacks)
    if not isinstance(embedding, mixin):
        if isinstance(embedding, AnswersPlaces):
            raise ModelError(
                f"the model has vectors of another kind in its rows: it cannot have {what}",
                hint="train it on a checkpoint without them",
            )
        kind: Any = type(embedding)
        embedding.__class__ = _mixed(mixin, kind)
    return embedding


def plain_again(embedding: Any) -> None:
    """Makes the embedding answer no places any more."""
    if isinstance(embedding, AnswersPlaces):
        embedding.__class__ = type(embedding).__bases__[1]


def put_in_every_row(model: PreTrainedModel) -> None:
    """Makes the model itself put in the places that its configuration says, and take their states out of what it returns.

    Heads count the tokens as before.
    """
    if _put_in not in model.base_model._forward_pre_hooks.values():
        model.base_model.register_forward_pre_hook(_put_in, with_kwargs=True)
        model.base_model.register_forward_hook(_take_out)


def put_in_no_row(model: PreTrainedModel) -> None:
    """Undoes :func:`put_in_every_row`."""
    for hooks in (model.base_model._forward_pre_hooks, model.base_model._forward_hooks):
        for key in [key for key, hook in hooks.items() if hook in (_put_in, _take_out)]:
            del hooks[key]


def places_put_in(config: Any) -> int:
    """The number of places that the model itself puts into every row."""
    length, behind = _said(config)
    return 0 if behind is None else length


def _said(config: Any) -> tuple[int, int | None]:
    """Number of places that the configuration says, and of tokens behind which the model puts them; None: it puts none."""
    said: Mapping[str, Any] = getattr(config, PROMPT, None) or getattr(config, IMAGES, None) or {}
    return int(said.get("length", 0)), _BEHIND.get(said.get("place", ""))


def _put_in(encoder: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of the encoder, with the places in every row."""
    import torch

    named = dict(zip(inspect.signature(encoder.forward).parameters, given, strict=False)) | named
    length, behind = _said(encoder.config)
    if behind is None:
        return (), named
    ids = named["input_ids"]
    places = torch.arange(PLACEHOLDER, PLACEHOLDER + length, device=ids.device).expand(len(ids), -1)
    named["input_ids"] = torch.cat([ids[:, :behind], places, ids[:, behind:]], dim=1)
    for name, fill in (("attention_mask", 1), ("token_type_ids", 0)):
        if (value := named.get(name)) is not None:
            more = value.new_full((len(value), length), fill)
            named[name] = torch.cat([value[:, :behind], more, value[:, behind:]], dim=1)
    return (), named


def _take_out(encoder: Any, given: tuple[Any, ...], output: Any) -> Any:
    """The encoder's output without the states of the places."""
    import torch

    length, behind = _said(encoder.config)
    if behind is None:
        return output

    def without(states: torch.Tensor) -> torch.Tensor:
        return torch.cat([states[:, :behind], states[:, behind + length :]], dim=1)

    output.last_hidden_state = without(output.last_hidden_state)
    if getattr(output, "hidden_states", None) is not None:
        output.hidden_states = tuple(map(without, output.hidden_states))
    return output
