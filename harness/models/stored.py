"""What the weight files of a model folder hold."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.border import border
from harness.errors import ModelError

if TYPE_CHECKING:
    import torch

DAMAGED = "the model's files are damaged or not all there: download or save it again"


def stored_names(folder: Path) -> set[str]:
    """Names of the tensors in the folder's safetensors."""
    from safetensors import safe_open

    names: set[str] = set()
    for path in folder.glob("*.safetensors"):
        with _reading(path), safe_open(path, framework="pt") as file:
            names |= set(file.keys())
    return names


def stored_tensors(folder: Path, names: Collection[str]) -> dict[str, torch.Tensor]:
    """Those of the named tensors that the folder's safetensors hold."""
    from safetensors import safe_open

    found: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with _reading(path), safe_open(path, framework="pt") as file:
            found |= {name: file.get_tensor(name) for name in set(names) & set(file.keys())}
    return found


def _reading(path: Path) -> AbstractContextManager[None]:
    return border(f"{path}: not readable as safetensors", ModelError, hint=DAMAGED)
