"""From a model reference to a local folder with a configuration, a tokenizer, safetensors weights and a fingerprint."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from harness.errors import ModelError
from harness.models.fingerprint import model_fingerprint
from harness.models.reference import ModelReference

_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]


@dataclass(frozen=True)
class ResolvedModel:
    """A model in a local folder. ``revision`` is the commit of a Hub model; ``config`` its config.json."""

    reference: str
    folder: Path
    revision: str | None
    fingerprint: str
    config: dict[str, Any]

    @property
    def hidden_size(self) -> int:
        """Width of the encoder, which decides between a recipe's columns."""
        for key in ("hidden_size", "d_model", "n_embd", "dim"):
            if isinstance(self.config.get(key), int):
                return int(self.config[key])
        return 0

    @property
    def parameters(self) -> int | None:
        """How many numbers its safetensors hold, from their headers; None where a header cannot be read."""
        index = self.folder / "model.safetensors.index.json"
        single = self.folder / "model.safetensors"
        try:
            if index.is_file():
                names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
                files = [self.folder / name for name in names]
            else:
                files = [single] if single.is_file() else list(self.folder.glob("*.safetensors"))
            return sum(map(_elements, files))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


Loader = Callable[..., Path | None]
"""The hook ``harness_load_encoder``: called with ``reference`` and ``offline``; the folder of a model, or None."""


def resolve_model(reference: ModelReference, *, offline: bool = False, loader: Loader | None = None) -> ResolvedModel:
    """Finds or downloads the model, asking ``loader`` first unless it is our own ``tiny``.

    Only safetensors weights are accepted; no code of the repository is run.
    """
    if reference.kind == "baseline":
        raise ModelError(f"{reference}: a baseline has no weights")
    revision = None
    found = loader(reference=str(reference), offline=offline) if loader and reference.kind != "tiny" else None
    if found is not None:
        folder = found
    elif reference.kind == "plugin":
        raise ModelError(
            f"model {str(reference)!r}: no plugin knows it",
            hint="'harness plugins' lists those with harness_load_encoder",
        )
    elif reference.kind == "tiny":
        from harness.models.tiny import tiny_model

        folder = tiny_model()
    elif reference.kind == "hub":
        folder, revision = _download(reference, offline)
    else:
        folder = Path(reference.name)
    return check_folder(folder, str(reference), revision)


def check_folder(folder: Path, reference: str, revision: str | None = None) -> ResolvedModel:
    """A model folder, checked for what loading needs."""
    config_file = folder / "config.json"
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not a JSON object")
    except FileNotFoundError:
        raise ModelError(
            f"{folder}: no config.json: not a model folder",
            hint="give a folder written by save_pretrained, or a run's checkpoint",
        ) from None
    except (ValueError, OSError) as error:
        raise ModelError(f"{config_file}: not a readable configuration: {error}") from None
    if not any(folder.glob("*.safetensors")):
        pickles = [path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern)]
        problem = f"only pickled weights ({pickles[0]}), which can run code when loaded" if pickles else "no weights"
        raise ModelError(
            f"{reference}: {problem}",
            hint="save it as safetensors: AutoModel.from_pretrained(...).save_pretrained(folder), where you trust it",
        )
    return ResolvedModel(reference, folder, revision, model_fingerprint(folder), config)


def _elements(file: Path) -> int:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > file.stat().st_size:
            raise ValueError(f"{file}: a header longer than the file")
        header = json.loads(stream.read(length))
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def _download(reference: ModelReference, offline: bool) -> tuple[Path, str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(
                reference.name, revision=reference.revision, allow_patterns=_WANTED, local_files_only=offline
            )
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        reason = "not in the local cache" if offline else str(error).strip().splitlines()[0]
        raise ModelError(
            f"model {str(reference)!r} cannot be had: {reason}",
            hint="check the spelling, or give a local folder; without internet, download it first on another machine",
        ) from None
    # The hub client names the snapshot folder after the commit.
    return folder, folder.name
