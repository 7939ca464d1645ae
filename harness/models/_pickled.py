"""Weights that come as pickles only: converted to safetensors, once, and recorded.

The pickle is read by torch's restricted reader, which builds tensors and plain containers and calls nothing else, so that
a file that wants to run code is refused.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.core.built import built
from harness.core.errors import ModelError
from harness.core.hashing import file_sha256
from harness.core.paths import cache_dir
from harness.models._deciding import PICKLED, deciding_files

log = logging.getLogger(__name__)


def pickles(folder: Path) -> list[Path]:
    """The pickled weights of a model folder."""
    return sorted(path for pattern in PICKLED for path in folder.glob(pattern))


def converted(folder: Path) -> Path:
    """A folder in the cache with the same model in safetensors; :class:`ModelError` where the pickle cannot be read."""
    from safetensors.torch import save_file

    weights = _weights(folder)
    beside = deciding_files(folder)
    names = [*(path.name for path in weights), *beside]
    digest = hashlib.sha256("".join(f"{name} {file_sha256(folder / name)}\n" for name in names).encode())

    def build(target: Path) -> None:
        log.warning("%s: converting pickled weights to safetensors (once)", folder)
        tensors: dict[str, Any] = {}
        for path in weights:
            tensors |= _read(path)
        for name in beside:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, target / name)
        save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})

    return built(cache_dir() / "converted" / digest.hexdigest()[:16], build)


def _weights(folder: Path) -> list[Path]:
    """``pytorch_model.bin``, or the shards that its index names."""
    index = folder / "pytorch_model.bin.index.json"
    if not index.is_file():
        single = folder / "pytorch_model.bin"
        if not single.is_file():
            raise ModelError(f"{folder}: no pytorch_model.bin among its pickles ({pickles(folder)[0].name})")
        return [single]
    with border(f"{index}: not a readable index", ModelError, hint="download it again"):
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        shards = [folder / Path(name).name for name in sorted(names)]
    if absent := [path.name for path in shards if not path.is_file()]:
        raise ModelError(f"{folder}: {absent[0]} is missing, which its index names", hint="download it again")
    return shards


def _read(path: Path) -> dict[str, Any]:
    """Name to tensor, each with its own memory."""
    import torch

    hint = "a pickle that holds more than tensors can run code, and is refused even with --allow-pickle"
    with border(f"{path}: pickled weights that are not readable as weights alone", ModelError, hint=hint):
        found = torch.load(path, map_location="cpu", weights_only=True)
    tensors = found if isinstance(found, dict) else {}
    if not tensors or not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in tensors.items()):
        raise ModelError(f"{path}: no table of tensors", hint="save it with save_pretrained, as safetensors")
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
