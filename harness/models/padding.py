"""Models that read padding: their output for a row changes with the padding around it, mask or no mask.

FNet mixes all places of a row, ConvBERT's convolution looks at neighbours, XLNet's summary is the last place. Every model
is tried on a few rows when it is loaded, and one that reads padding is only ever given rows of one length at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models.attention import on_any_device
from harness.models.config import differing_ids
from harness.models.evaluation_mode import evaluation_mode
from harness.models.heads import model_inputs, plain_model, quiet
from harness.models.languages import any_language
from harness.models.places import places_put_in
from harness.models.tables import check_vocabulary, position_count
from harness.types.languages import LANGUAGE

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

_KNOWN = frozenset({"canine", "convbert", "fnet", "funnel", "roformer", "xlnet", "yoso"})

_TEXTS = (
    "The committee did not say when the next meeting would take place, and nobody asked.",
    "Two dogs are running across a field.",
    "Nobody asked.",
)
_LONGEST = 64
_TOLERANCE = 1e-2
"""Of the largest number of an output. Rounding in single precision stays below a thousandth of it (below a hundredth in
the single number of a row that nearly cancels out); the models that read padding are above it tenfold."""
_IN_8_BITS = 0.3
"""The same for weights in 8 bits, where all rows of a batch decide together what is rounded."""
_NEVER = 1e4
"""Outputs beyond it represent minus infinity and do not reflect the size of the others."""


def known_to_read_padding(config: Mapping[str, Any]) -> bool:
    """Tells whether the type of model in a config.json is known to read padding, under some head at least.

    It tells results of before padding was kept from such models from those of today, without the model.
    """
    return config.get("model_type") in _KNOWN


def padding_of(model: Any, tokenizer: PreTrainedTokenizerBase) -> str:
    """Padding for this model: on the side of the tokenizer, or "none" where its outputs depend on padding.

    That is found out once.

    Neither the model nor any random state is changed. :class:`ModelError` where rows of one length change each other,
    too: no output of such a model could be reproduced.
    """
    plain = plain_model(model)
    found: str | None = getattr(plain, "harness_padding", None)
    if found is None:
        found = plain.harness_padding = _found(plain, tokenizer)
    return found


def _found(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str:
    said = getattr(model.config, "max_position_embeddings", None) or 0
    room = (position_count(model) or (said if said > 0 else _LONGEST)) - places_put_in(model.config)
    longest = min(_LONGEST, tokenizer.model_max_length, room)
    # Pairs, because some heads look for the separator between two texts.
    with quiet():  # slow tokenizers announce what they cut
        rows = [tokenizer("Who?", text, truncation=True, max_length=longest)["input_ids"] for text in _TEXTS]
    check_vocabulary(model, tokenizer)
    config = model.config
    what = f"{config.name_or_path}: the model, of type {config.model_type!r}, fails on its first few words"
    ids = differing_ids(config, tokenizer)
    hint = "something in its config.json does not fit its architecture" + (f"; it says {ids}" if ids else "")
    with on_any_device(model), _at_rest(model), border(what, ModelError, hint=hint):
        side: str = tokenizer.padding_side
        alone = [_outputs(model, [row], side) for row in rows]
        if _agree(_outputs(model, rows, side), alone, model, side):
            return side
        turned = [rows[0], rows[0][:1] + rows[0][-2:0:-1] + rows[0][-1:]]
        if not _agree(_outputs(model, turned, side), [_outputs(model, [row], side) for row in turned], model, side):
            raise ModelError(
                f"a model of type {model.config.model_type!r} gives a row other outputs beside other rows, or at every call",
                hint="its scores would depend on chance; choose another model",
            )
    _warn(str(model.config.model_type))
    return "none"


class Unpadded:
    """Stands in for a model that reads padding: rows of several lengths go through it one length at a time.

    It is for batches that must stay whole, such as the options of an example; all others come in one length. ``module`` is
    the model itself.
    """

    def __init__(self, model: Any) -> None:
        self.module = model

    def __call__(self, **arguments: Any) -> Any:
        """The model's output; values per position are 0 at padding."""
        import torch

        mask = arguments["attention_mask"]
        lengths = mask.flatten(1).sum(dim=1)
        found = lengths.unique().tolist()
        if len(found) == 1:
            return self.module(**arguments)
        groups = [torch.nonzero(lengths == length)[:, 0] for length in found]
        outputs = [
            self.module(**{name: _cut(value, rows, length) for name, value in arguments.items()})
            for rows, length in zip(groups, found, strict=True)
        ]
        back = torch.cat(groups).argsort()
        named = {
            name: _joined([output[name] for output in outputs], mask.shape[-1])[back]
            for name, value in outputs[0].items()
            if isinstance(value, torch.Tensor) and value.shape[:1] == groups[0].shape
        }
        return type(outputs[0])(**named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


def _cut(value: Any, rows: torch.Tensor, length: int) -> Any:
    return value[rows, ..., :length] if hasattr(value, "shape") else value


def _joined(values: Sequence[torch.Tensor], width: int) -> torch.Tensor:
    """The groups one after the other; where they are as wide as their rows, as wide as the longest."""
    import torch

    if len({value.shape[1:] for value in values}) > 1:
        values = [torch.cat([v, v.new_zeros(len(v), width - v.shape[1], *v.shape[2:])], dim=1) for v in values]
    return torch.cat(list(values))


@cache
def _warn(kind: str) -> None:
    log.warning("models of type %s read padding: rows are computed with others of their length only, slowly", kind)


def _outputs(model: PreTrainedModel, rows: Sequence[Sequence[int]], side: str) -> dict[str, torch.Tensor]:
    """The numbers that come out for these rows, in one batch padded on a side, and those that go in and through the head.

    A head may say one number of a row, in which rows can agree by chance; in the vectors that it is made of they cannot.
    """
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([_padded(row, width, side) for row in rows])
    mask = torch.tensor([_padded([1] * len(row), width, side) for row in rows])
    device = next(model.parameters()).device
    batch = {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
    if (language := any_language(model)) is not None:
        batch[LANGUAGE] = torch.full((len(rows),), language, device=device)
    arguments = model_inputs(model, batch)
    named: dict[str, Any] = {}
    base = getattr(model, "base_model", model)
    handles = [base.register_forward_hook(lambda module, given, output: named.update(states=output[0]))]
    for name, part in model.named_children() if base is not model else ():
        if part is not base:
            handles.append(part.register_forward_hook(partial(_keep, named, f"{name}, a part of the head")))
    try:
        output = _called(model)(**arguments)
    finally:
        for handle in handles:
            handle.remove()
    named |= output if isinstance(output, Mapping) else {str(place): value for place, value in enumerate(output)}
    return {
        name: value.float()
        for name, value in named.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point() and value.shape[:1] == (len(rows),)
    }


def _keep(named: dict[str, Any], name: str, module: Any, given: Any, output: Any) -> None:
    named[name] = output


def _padded(row: Sequence[int], width: int, side: str) -> list[int]:
    empty = [0] * (width - len(row))
    return [*empty, *row] if side == "left" else [*row, *empty]


def _called(model: PreTrainedModel) -> Any:
    """Module that computes a row: of an encoder-decoder without a head, or one that writes, its encoder. Never the
    compiled module."""
    from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

    bare, writer, masked = (
        auto._model_mapping.get(type(model.config), None)
        for auto in (AutoModel, AutoModelForSeq2SeqLM, AutoModelForMaskedLM)
    )
    # mBART, which masked language modelling has as well, makes what its decoder reads of the row itself.
    alone = type(model) is bare or (type(model) is writer and writer is not masked)
    encoder = getattr(model.config, "is_encoder_decoder", False) and alone
    return model.get_encoder() if encoder else model.forward


def _agree(
    together: Mapping[str, torch.Tensor],
    alone: Sequence[Mapping[str, torch.Tensor]],
    model: PreTrainedModel,
    side: str,
) -> bool:
    """Tells whether the rows have the same numbers together as alone, up to rounding and as far as they are not padding."""
    tolerance = _IN_8_BITS if getattr(model, "is_loaded_in_8bit", False) else _TOLERANCE
    for name, values in together.items():
        singles = [_usual(output[name][0]) for output in alone]
        allowed = tolerance * max(float(single.abs().max()) for single in singles)
        for value, single in zip(values, singles, strict=True):
            length = len(single)
            own = value[-length:] if side == "left" else value[:length]
            mine = _usual(own if value.shape != single.shape else value)
            if float((mine - single).abs().max()) > allowed:
                return False
    return True


def _usual(values: torch.Tensor) -> torch.Tensor:
    return values.where(values.abs() < _NEVER, 0)


@contextmanager
def _at_rest(model: PreTrainedModel) -> Iterator[None]:
    """No dropout, no gradients; modes and random states are put back."""
    import torch

    device = next(model.parameters()).device
    apart = torch.random.fork_rng([device] if device.type == "cuda" else [])
    with torch.no_grad(), apart, evaluation_mode(model):
        yield
