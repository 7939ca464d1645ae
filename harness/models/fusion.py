"""Layers that read both rows of a pair side by side, in a standard encoder whose other layers read each row alone.

FILTER (Fang et al. 2021, section 3): the first layers read each language alone, the fusion layers the tokens of both,
those above each alone again. Nothing is added to the network: hooks on its layers lay two neighbouring rows (the target
language first) side by side and take them apart again, so that positions start anew in each language.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError, UsageError
from harness.models._sound import AGAIN, read_object
from harness.models.attention import attention_of
from harness.models.heads import plain_model
from harness.models.swapped_adapters import adapters_in

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

FUSION = "fusion.json"
"""The file of a model folder that says which layers are fused."""
FUSIBLE = (
    *("bert", "camembert", "data2vec-text", "electra", "ernie", "megatron-bert", "rembert"),
    *("roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl"),
)
"""Types of models whose layers, ``encoder.layer``, get only states and a mask of padding, and add positions before them."""
_ATTRIBUTE = "harness_fusion"


@dataclass(frozen=True)
class Fusion:
    """Choice of the fused layers: ``fusion_layers`` of them, behind ``local_layers`` that read each row alone."""

    local_layers: int = 1
    fusion_layers: int = 1

    def __post_init__(self) -> None:
        """Refuses numbers below 0."""
        for name, value in asdict(self).items():
            if value < 0:
                raise UsageError(f"option {name}: a number of layers expected, not {value!r}")

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuses a model by its config.json: ModelError for its type, UsageError where it has too few layers."""
        kind, layers = config.get("model_type"), config.get("num_hidden_layers")
        if kind not in FUSIBLE or config.get("is_decoder"):
            raise ModelError(
                f"fusion: not for models of type {kind!r}, whose layers cannot be given two rows side by side",
                hint=f"it works with {', '.join(FUSIBLE)}",
            )
        if isinstance(layers, int) and self.local_layers + self.fusion_layers > layers:
            raise UsageError(
                f"option fusion_layers: {self.fusion_layers} behind {self.local_layers} local layers are more than the "
                f"{layers} layers of the model",
                hint=f"--set fusion_layers={max(layers - self.local_layers, 0)} at most",
            )


@dataclass
class _Switch:
    """Turns the hooks of a network on outside training, where all its rows are pairs."""

    on: bool = False


@dataclass(frozen=True)
class _Fused:
    """State of a fused network, an attribute of it, so that its copies have their own."""

    fusion: Fusion
    switch: _Switch


def fuse(network: PreTrainedModel, fusion: Fusion, *, always: bool = False, second_token: bool = False) -> None:
    """Fuses layers of a network, in place: in training all its rows are pairs, else those within :func:`pairs_joined`.

    ``always``: elsewhere, too (a teacher of pairs). With ``second_token`` the head takes, in training, the second token of
    the first row for the beginning of the second row. Raises ModelError for a network that cannot be fused.
    """
    fusion.check(network.config.to_dict())
    attention = attention_of(network)
    if attention not in ("eager", "sdpa"):
        raise ModelError(f"fusion: not with the attention {attention}", hint="--attention sdpa")
    if adapters_in(network) is not None:
        raise ModelError("fusion: not with language adapters, since the rows of a pair are in two languages")
    switch = _Switch(always)
    layers = network.base_model.encoder.layer
    for layer in layers[fusion.local_layers : fusion.local_layers + fusion.fusion_layers]:
        layer.register_forward_pre_hook(_SideBySide(switch), with_kwargs=True)
        layer.register_forward_hook(_Apart(switch))
    if second_token:
        layers[-1].register_forward_hook(_second_token)
    setattr(network, _ATTRIBUTE, _Fused(fusion, switch))


def fusion_of(model: Any) -> Fusion | None:
    """The fusion of a network, also inside wrappers; None for one whose rows are each read alone."""
    found = getattr(plain_model(model), _ATTRIBUTE, None)
    return found.fusion if found is not None else None


@contextmanager
def pairs_joined(model: Any) -> Iterator[None]:
    """Within, neighbouring rows of a batch are pairs for a fused network; any other computes as always."""
    found = getattr(plain_model(model), _ATTRIBUTE, None)
    if found is None:
        yield
        return
    before, found.switch.on = found.switch.on, True
    try:
        yield
    finally:
        found.switch.on = before


def write_fusion(model: Any, folder: Path) -> None:
    """Writes, beside the weights in ``folder``, how a network is fused; nothing for one that is not."""
    if (fusion := fusion_of(model)) is not None:
        (folder / FUSION).write_text(json.dumps(asdict(fusion), indent=1) + "\n", encoding="utf-8")


def stored_fusion(folder: Path) -> Fusion | None:
    """The fusion that the checkpoint in a folder was trained with; None for any other."""
    path = folder / FUSION
    if not path.is_file():
        return None
    values = read_object(path)
    with border(f"{path}: local_layers and fusion_layers expected", ModelError, hint=AGAIN):
        return Fusion(*(_whole(values.pop(name)) for name in ("local_layers", "fusion_layers")))


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is no number of layers")
    return value


@dataclass(frozen=True)
class _SideBySide:
    """Gives a layer the two rows of each pair as one row of double length, (2B, n, d) as (B, 2n, d), and its mask."""

    switch: _Switch

    def __call__(self, layer: torch.nn.Module, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        if not (layer.training or self.switch.on):
            return None
        states, *others = args
        rows, width, size = states.shape
        if rows % 2:
            raise ModelError(f"fusion: a batch of {rows} rows, which are no pairs", hint="report this as a bug")
        if others:
            others[0] = _joined(others[0])
        elif "attention_mask" in given:
            given = {**given, "attention_mask": _joined(given["attention_mask"])}
        return (states.reshape(rows // 2, 2 * width, size), *others), given


@dataclass(frozen=True)
class _Apart:
    """Takes the rows of each pair apart again."""

    switch: _Switch

    def __call__(self, layer: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if not (layer.training or self.switch.on):
            return None
        states, *others = output if isinstance(output, tuple) else (output,)
        pairs, width, size = states.shape
        states = states.reshape(2 * pairs, width // 2, size)
        return (states, *others) if isinstance(output, tuple) else states


def _joined(mask: torch.Tensor | None) -> torch.Tensor | None:
    """The mask of both rows of each pair, over all queries: (2B, 1, queries, n) as (B, 1, 1, 2n).

    A layer gets None where no row of the batch is padded, booleans for sdpa, and numbers to add for eager; in an encoder all
    queries see the same tokens.
    """
    if mask is None:
        return None
    rows, _, _, width = mask.shape
    return mask[:, :1, :1].reshape(rows // 2, 1, 1, 2 * width)


def _second_token(layer: torch.nn.Module, args: tuple[Any, ...], output: Any) -> Any:
    """Puts the second token of a pair's first row in the place of the first one of its second row."""
    import torch

    if not layer.training:
        return None
    states, *others = output if isinstance(output, tuple) else (output,)
    pairs = states.unflatten(0, (-1, 2))
    second = torch.cat([pairs[:, 0, 1:2], pairs[:, 1, 1:]], dim=1)
    states = torch.stack([pairs[:, 0], second], dim=1).flatten(0, 1)
    return (states, *others) if isinstance(output, tuple) else states
