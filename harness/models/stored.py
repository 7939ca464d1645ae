"""Names and tensors in the weight files of a model folder."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models._sound import AGAIN, read_header

if TYPE_CHECKING:
    import torch


def stored_names(folder: Path) -> set[str]:
    """Names of the tensors in the folder's safetensors."""
    return {name for path in folder.glob("*.safetensors") for name in read_header(path) if name != "__metadata__"}


def stored_tensors(folder: Path, names: Collection[str]) -> dict[str, torch.Tensor]:
    """Those of the named tensors that the folder's safetensors hold."""
    from safetensors import safe_open

    found: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with _reading(path), safe_open(path, framework="pt") as file:
            found |= {name: file.get_tensor(name) for name in set(names) & set(file.keys())}
    return found


def _reading(path: Path) -> AbstractContextManager[None]:
    return border(f"{path}: not readable as safetensors", ModelError, hint=AGAIN)
