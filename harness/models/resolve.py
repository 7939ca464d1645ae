"""From a model reference to a local folder with a configuration, a tokenizer, safetensors weights and a fingerprint."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from harness.errors import ModelError
from harness.models.fingerprint import file_sha256, model_fingerprint
from harness.models.pickled import converted, pickles
from harness.models.reference import ModelReference

_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]


@dataclass(frozen=True)
class ResolvedModel:
    """A model in a local folder. ``revision`` is the commit of a Hub model; ``config`` its config.json.

    ``pickled`` names the files that its weights were converted from, with their sha256.
    """

    reference: str
    folder: Path
    revision: str | None
    fingerprint: str
    config: dict[str, Any]
    pickled: Mapping[str, str] = field(default_factory=dict)

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


def resolve_model(
    reference: ModelReference, *, offline: bool = False, loader: Loader | None = None, allow_pickle: bool = False
) -> ResolvedModel:
    """Finds or downloads the model, asking ``loader`` first unless it is our own ``tiny``.

    Weights are safetensors, or are converted to them with ``allow_pickle``; no code of the repository is run.
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
        folder, revision = _download(reference, offline, allow_pickle)
    else:
        folder = Path(reference.name)
    return check_folder(folder, str(reference), revision, allow_pickle=allow_pickle)


def check_folder(
    folder: Path, reference: str, revision: str | None = None, *, allow_pickle: bool = False
) -> ResolvedModel:
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
    _check_code(config, reference)
    if any(folder.glob("*.safetensors")):
        return ResolvedModel(reference, folder, revision, model_fingerprint(folder), config)
    found = pickles(folder)
    if found and allow_pickle:
        sources = {path.name: file_sha256(path) for path in found}
        folder = converted(folder)
        return ResolvedModel(reference, folder, revision, model_fingerprint(folder), config, sources)
    problem = f"only pickled weights ({found[0].name}), which can run code when loaded" if found else "no weights"
    where = "" if found else ", if the repository has only pickles"
    raise ModelError(f"{reference}: {problem}", hint=f"--allow-pickle converts them to safetensors{where}")


def _check_code(config: Mapping[str, Any], reference: str) -> None:
    """Refuses an architecture that only the repository's own code knows, before transformers asks whether to run it."""
    if "auto_map" not in config:
        return
    from transformers import CONFIG_MAPPING

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ModelError(
            f"{reference}: a model of type {kind!r} needs code of its own, which is not run",
            hint="use a model whose architecture transformers has, or a plugin with harness_load_encoder",
        )


def _elements(file: Path) -> int:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > file.stat().st_size:
            raise ValueError(f"{file}: a header longer than the file")
        header = json.loads(stream.read(length))
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def _download(reference: ModelReference, offline: bool, allow_pickle: bool) -> tuple[Path, str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(
            snapshot_download(
                reference.name,
                revision=reference.revision,
                allow_patterns=[*_WANTED, "pytorch_model*.bin"] if allow_pickle else _WANTED,
                local_files_only=offline,
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
