"""The layers between pooling and the vector of a sentence-embedding model: dense, layer norm, unit length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models._sound import AGAIN, read_object

_VECTOR = "sentence_embedding"


def load_projection(modules: Sequence[tuple[str, Path]], instead: str) -> torch.nn.Sequential:
    """The layers of these modules, each the name of a class of sentence-transformers and a folder, with their weights.

    ModelError for files that are not what the class wrote; ``instead`` is the hint for what is not known here.
    """
    built: dict[str, Callable[[Path], torch.nn.Module]] = {
        "Dense": partial(_dense, instead=instead),
        "LayerNorm": _layer_norm,
        "Normalize": lambda place: _UnitLength(),
        "Dropout": lambda place: torch.nn.Identity(),  # nothing is dropped outside training
    }
    return torch.nn.Sequential(*(built[kind](place) for kind, place in modules)).eval().requires_grad_(False)


class _Dense(torch.nn.Module):
    """A linear layer, its activation and, where the authors have one, a way around both."""

    def __init__(self, config: dict[str, Any], activation: torch.nn.Module) -> None:
        super().__init__()
        into, out = int(config["in_features"]), int(config["out_features"])
        self.linear = torch.nn.Linear(into, out, bias=bool(config.get("bias", True)))
        self.activation = activation
        self.residual: torch.nn.Module | None = None
        if config.get("use_residual"):
            self.residual = torch.nn.Identity() if into == out else torch.nn.Linear(into, out, bias=False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.activation(self.linear(vectors))
        return found if self.residual is None else found + self.residual(vectors)


class _UnitLength(torch.nn.Module):
    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(vectors, dim=-1)


def _dense(place: Path, instead: str) -> torch.nn.Module:
    path = place / "config.json"
    config = read_object(path)
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    kind = getattr(torch.nn, name.rpartition(".")[2], None) if name.startswith("torch.nn.") else None
    if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
        raise ModelError(f"{path}: the activation function {name} is not one of torch.nn, and is not run", hint=instead)
    for key in ("module_input_name", "module_output_name"):
        if (config.get(key) or _VECTOR) != _VECTOR:
            raise ModelError(f"{path}: {key} {config[key]!r}: only {_VECTOR!r} is known here", hint=instead)
    with border(f"{place}: no usable dense layer", ModelError, hint=AGAIN):
        layer = _Dense(config, kind())
        layer.load_state_dict(_weights(place))
    return layer


def _layer_norm(place: Path) -> torch.nn.Module:
    config = read_object(place / "config.json")
    with border(f"{place}: no usable layer norm", ModelError, hint=AGAIN):
        layer = torch.nn.LayerNorm(int(config["dimension"]))
        layer.load_state_dict({name.removeprefix("norm."): value for name, value in _weights(place).items()})
    return layer


def _weights(place: Path) -> dict[str, torch.Tensor]:
    """The tensors of a module's folder: safetensors, or a pickle of nothing but tensors; in single precision."""
    safe = place / "model.safetensors"
    tensors = load_file(safe) if safe.is_file() else torch.load(place / "pytorch_model.bin", "cpu", weights_only=True)
    return {name: value.float() for name, value in tensors.items()}
